"""A question cut into calls that a provider answers: batches of instances, windows of time. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from collector.sources.errors import RangeError
from collector.sources.interface import Retention, Span

_HOUR_MS = 3_600_000
_MS_PER_S = 1000


def windows(span: Span, length_ms: int) -> Iterator[Span]:
    """Yield the span in windows of at most ``length_ms``, earliest first."""
    for start_ms in range(span.start_ms, span.end_ms, length_ms):
        yield Span(start_ms, min(start_ms + length_ms, span.end_ms))


def batches(items: Sequence[str], size: int) -> Iterator[tuple[str, ...]]:
    """Yield the items in tuples of at most ``size``."""
    for start in range(0, len(items), size):
        yield tuple(items[start : start + size])


def calls(*, items: int, size: int, span: Span, length_ms: int) -> int:
    """Return how many calls ``batches`` of ``windows`` make."""
    return -(-items // size) * -(-span.length_ms // length_ms)


def require_range(
    span: Span, period_ms: int, *, retention: Sequence[Retention], now_ms: int, where: str
) -> None:
    """Check that a provider can still answer this span at this period.

    Raises:
        RangeError: the period is not offered, the span is not made of whole periods, or it begins
            before what the provider keeps.
    """
    keeps_ms = next((entry.keeps_ms for entry in retention if entry.period_ms == period_ms), None)
    if keeps_ms is None:
        offered = ", ".join(str(entry.period_ms // _MS_PER_S) for entry in retention)
        raise RangeError(f"{where}: there are no averages over {period_ms} ms; ask for {offered} s")
    # Days begin at midnight in Beijing: the grid of a day is only known to the hour.
    if span.length_ms % period_ms or span.start_ms % math.gcd(period_ms, _HOUR_MS):
        raise RangeError(f"{where}: the span is not made of whole periods of {period_ms} ms; align both ends")
    oldest_ms = now_ms - keeps_ms
    if span.start_ms < oldest_ms - period_ms:
        raise RangeError(
            f"{where}: averages over {period_ms} ms are kept since {oldest_ms} ms only;"
            f" the span begins at {span.start_ms} ms. Begin later or ask for a longer period"
        )
