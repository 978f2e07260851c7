"""From answers to points: windows without a gap count whole, windows with one in pieces.

Rules:

1. A window (usually an hour) in which the host was observed throughout becomes one point.
2. A window with a gap is asked again in pieces of ten samples; a piece without a gap becomes a
   point of its own length. What is left is missing: how much a host worked unobserved is not
   guessed, and no piece gets what the counters grew in a gap.
3. A window in which the host was never observed is missing.
4. Two series that claim to be the same device of the same host are an error.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from collector.sources.errors import AnswerError
from collector.sources.interface import CPU, Point, Span
from collector.sources.points import per_second
from collector.sources.prometheus.client import MAX_STEPS, Client, Row
from collector.sources.prometheus.promql import Question, full_presence

MAX_POINTS = 300_000
"""In one answer, about 10 MB."""
MAX_LOOKS = 25_000
"""At the presence of one host in one question; VictoriaMetrics of 2022 refuses more than 30,000."""
PIECE_SAMPLES = 10
CALLS_A_WINDOW = 5
"""Presence, rivals, values; and the first and last once more for pieces."""
_FULL = Decimal(100)
_ROUNDING = Decimal("1e-6")
"""Percent; floating-point noise of the system's own arithmetic, which may fall below 0."""

Values = Mapping[str, Mapping[int, Decimal]]
"""By host, then by the end of the window in ms."""


@dataclass(frozen=True)
class Grid:
    """How the time is cut: windows, their pieces, and the time between samples. All in ms."""

    window_ms: int
    sample_ms: int

    @property
    def piece_ms(self) -> int:
        """How long a piece is; the whole window where it cannot be cut."""
        piece_ms = PIECE_SAMPLES * self.sample_ms
        return piece_ms if self.window_ms % piece_ms == 0 else self.window_ms

    def stretches(self, span: Span, hosts: int) -> Iterator[Span]:
        """Yield the parts of a span of which one question for so many hosts can ask."""
        pieces = min(MAX_STEPS, MAX_POINTS // hosts)
        longest_ms = min(pieces * self.piece_ms, MAX_LOOKS * self.sample_ms)
        length_ms = max(longest_ms // self.window_ms, 1) * self.window_ms
        for start_ms in range(span.start_ms, span.end_ms, length_ms):
            yield Span(start_ms, min(start_ms + length_ms, span.end_ms))


def points(
    client: Client, question: Question, hosts: Sequence[str], span: Span, grid: Grid
) -> dict[str, list[Point]]:
    """Return the points of each host in one stretch, in order; hosts without any are left out.

    Raises:
        AnswerError: rule 4, a value that cannot be, or what the client says.
    """
    asking = _Asking(client, question, frozenset(hosts), grid.sample_ms)
    seen = asking.presence(span, grid.window_ms)
    if not seen:
        return {}
    asking.require_no_rivals(span, grid.window_ms)
    values = asking.values(span, grid.window_ms)
    full = full_presence(grid.window_ms, grid.sample_ms)
    found: dict[str, list[Point]] = {}
    gaps: dict[str, set[int]] = {}
    for host, looks in seen.items():
        for end_ms, count in looks.items():
            if count >= full:
                _add(found, host, question, end_ms=end_ms, length_ms=grid.window_ms, values=values)
            else:
                gaps.setdefault(host, set()).add(end_ms)
    if gaps and grid.piece_ms < grid.window_ms:
        _add_pieces(found, asking, gaps, grid)
    return {host: sorted(some, key=lambda point: point.start_ms) for host, some in found.items()}


def _add_pieces(
    found: dict[str, list[Point]], asking: _Asking, gaps: Mapping[str, set[int]], grid: Grid
) -> None:
    ends = sorted(end_ms for some in gaps.values() for end_ms in some)
    span = Span(ends[0] - grid.window_ms, ends[-1])
    seen = asking.presence(span, grid.piece_ms)
    values = asking.values(span, grid.piece_ms)
    full = full_presence(grid.piece_ms, grid.sample_ms)
    for host, looks in seen.items():
        for end_ms, count in looks.items():
            window_end_ms = span.start_ms - (span.start_ms - end_ms) // grid.window_ms * grid.window_ms
            if count >= full and window_end_ms in gaps.get(host, ()):
                _add(found, host, asking.question, end_ms=end_ms, length_ms=grid.piece_ms, values=values)


def _add(
    found: dict[str, list[Point]],
    host: str,
    question: Question,
    *,
    end_ms: int,
    length_ms: int,
    values: Values,
) -> None:
    value = values.get(host, {}).get(end_ms)
    if value is not None:
        value = per_second(value, length_ms) if question.is_sum else value
        found.setdefault(host, []).append(Point(end_ms - length_ms, length_ms, value))


@dataclass(frozen=True)
class _Asking:
    client: Client
    question: Question
    hosts: frozenset[str]
    sample_ms: int

    def presence(self, span: Span, window_ms: int) -> Values:
        expression = self.question.presence(window_ms, self.sample_ms)
        return self._by_host(expression, span, window_ms, "presence")

    def values(self, span: Span, window_ms: int) -> Values:
        found = self._by_host(self.question.value(window_ms), span, window_ms, "values")
        return {
            host: {end_ms: self._possible(host, value) for end_ms, value in some.items()}
            for host, some in found.items()
        }

    def require_no_rivals(self, span: Span, window_ms: int) -> None:
        found = self._by_host(self.question.rivals(), span, window_ms, "rivals")
        doubled = sorted(host for host, some in found.items() if max(some.values(), default=Decimal(0)) > 1)
        if doubled:
            raise AnswerError(
                f"{self.question.metric}: several series claim to be the same device of {doubled[0]!r}"
                f" ({len(doubled)} hosts in all); narrow the source with matchers, such as job or replica"
            )

    def _by_host(self, expression: str, span: Span, window_ms: int, what: str) -> Values:
        where = f"{self.question.profile.name} {self.question.metric} {what}"
        rows = self.client.over(expression, span.start_ms + window_ms, span.end_ms, window_ms, where=where)
        return self._sorted(rows, where)

    def _sorted(self, rows: Iterable[Row], where: str) -> Values:
        found: dict[str, dict[int, Decimal]] = {}
        for row in rows:
            host = row.labels.get(self.question.view.instance_label, "")
            if host not in self.hosts or host in found:
                raise AnswerError(f"{where}: answered a host that was not asked for, or one twice")
            found[host] = {sample.time_ms: sample.value for sample in row.samples if sample.value is not None}
        return found

    def _possible(self, host: str, value: Decimal) -> Decimal:
        most = _FULL + _ROUNDING if self.question.metric == CPU else None
        if value < -_ROUNDING or (most is not None and value > most):
            raise AnswerError(f"{self.question.metric} of {host}: {value} cannot be; look at the exporter")
        value = max(value, Decimal(0))
        return value if most is None else min(value, _FULL)
