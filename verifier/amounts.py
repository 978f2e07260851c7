"""Amounts: the day sums of a window, per host, source and metric."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, KeysView, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property

from evidence.day_sum import DaySum
from evidence.stored import DaySumLine, DaySumRow
from verifier.errors import ArchiveError
from verifier.window import Window

_FIELDS = 8
"""Numbers of a ``DaySum``: amount, whole, four times, and two counts, in this order."""
_AMOUNTS, _TIMES = slice(0, 6), slice(2, 6)
DayNumbers = tuple[int, ...]
"""A day and the numbers of its sum."""


class _Numbers(Mapping[int, DaySum]):
    """Day sums kept as numbers (``DaySumLine``): each becomes a ``DaySum`` when it is asked for."""

    def __init__(self, places: dict[int, int], numbers: Sequence[int]) -> None:
        """``places`` says at which place of every field a day stands; lines share it."""
        self._places = places
        self._numbers = numbers

    def __getitem__(self, day: int) -> DaySum:
        return DaySum(*self._numbers[self._places[day] :: len(self._places)])

    def __iter__(self) -> Iterator[int]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)

    def keys(self) -> KeysView[int]:
        """Return the days."""
        return self._places.keys()

    def fields(self) -> list[Sequence[int]]:
        """Return each number of all days, in the order of the days."""
        count = len(self._places)
        return [self._numbers[at * count : (at + 1) * count] for at in range(_FIELDS)]


@dataclass(frozen=True)
class MetricMonth:
    """The day sums of one metric on the days of a window that count, by ordinal of the day."""

    days: Mapping[int, DaySum] = field(default_factory=dict)

    @cached_property
    def total(self) -> DaySum:
        """The sums over all days."""
        if isinstance(self.days, _Numbers):
            return DaySum(*map(sum, self.days.fields()))
        sums = self.days.values()
        return DaySum(
            amount=sum(s.amount for s in sums),
            whole=sum(s.whole for s in sums),
            observed_ms=sum(s.observed_ms for s in sums),
            bridged_ms=sum(s.bridged_ms for s in sums),
            downtime_ms=sum(s.downtime_ms for s in sums),
            suspect_ms=sum(s.suspect_ms for s in sums),
            intervals=sum(s.intervals for s in sums),
            restarts=sum(s.restarts for s in sums),
        )

    @property
    def numbers(self) -> Iterable[DayNumbers]:
        """Each day with the numbers of its sum, for those who look at every day of many hosts."""
        if isinstance(self.days, _Numbers):
            return zip(self.days, *self.days.fields(), strict=True)
        return (
            (
                day,
                s.amount,
                s.whole,
                s.observed_ms,
                s.bridged_ms,
                s.downtime_ms,
                s.suspect_ms,
                s.intervals,
                s.restarts,
            )
            for day, s in self.days.items()
        )

    @property
    def known_ms(self) -> int:
        """Time of which it is known what happened: covered, or the host was off."""
        return self.total.covered_ms + self.total.downtime_ms


NOTHING = MetricMonth()
"""What is known of a metric without a single day sum."""

HostAmounts = Mapping[tuple[str, str], MetricMonth]
"""The metrics of one host, keyed by (source, metric)."""


def within(amounts: HostAmounts, window: Window) -> HostAmounts:
    """Return the amounts of one host on the counted days of a window that they may reach beyond."""
    return {
        key: metric
        if metric.days.keys() <= window.lengths.keys()
        else MetricMonth({day: sums for day, sums in metric.days.items() if day in window.lengths})
        for key, metric in amounts.items()
    }


def collect(rows: Iterable[DaySumRow], window: Window) -> dict[str, HostAmounts]:
    """Return the day sums on the window's counted days, by host.

    Raises:
        ArchiveError: negative times or amounts, more time than the day has, or two rows for one day.
    """
    found: dict[str, dict[tuple[str, str], dict[int, DaySum]]] = {}
    for row in rows:
        length = window.lengths.get(row.day)
        if length is None:
            continue
        _require_possible(row, length)
        days = found.setdefault(row.host, {}).setdefault((row.source, row.metric), {})
        if row.day in days:
            raise ArchiveError(f"{_place(row)}: two day sums for one day; run starproof audit")
        days[row.day] = row.sums
    return {
        host: {key: MetricMonth(days) for key, days in metrics.items()} for host, metrics in found.items()
    }


def collect_lines(lines: Iterable[DaySumLine], window: Window) -> dict[str, HostAmounts]:
    """Return the same from lines of numbers.

    Raises:
        ArchiveError: as ``collect``.
    """
    found: dict[str, HostAmounts] = {}
    shared: dict[tuple[int, ...], dict[int, int]] = {}
    shortest_ms = min(window.lengths.values(), default=0)
    for line in lines:
        places = shared.get(line.days)
        if places is None:
            places = shared[line.days] = {day: at for at, day in enumerate(line.days)}
        days = _Numbers(places, line.numbers)
        inside = places.keys() <= window.lengths.keys() and len(places) == len(line.days)
        if not inside or not _possible(days, shortest_ms):
            # A day outside, one twice, or one to look at: as row by row, which says what is wrong.
            found[line.host] = {**found.get(line.host, {}), **collect(_rows(line), window).get(line.host, {})}
            continue
        found[line.host] = {**found.get(line.host, {}), (line.source, line.metric): MetricMonth(days)}
    return found


def _possible(days: _Numbers, shortest_ms: int) -> bool:
    """Return whether the shortest day could have every one of these sums."""
    fields = days.fields()
    times = map(sum, zip(*fields[_TIMES], strict=True))
    return min(map(min, fields[_AMOUNTS])) >= 0 and max(times) <= shortest_ms


def _rows(line: DaySumLine) -> Iterator[DaySumRow]:
    count = len(line.days)
    for at, day in enumerate(line.days):
        yield DaySumRow(line.host, line.source, line.metric, day, DaySum(*line.numbers[at::count]))


def _require_possible(row: DaySumRow, length_ms: int) -> None:
    sums = row.sums
    times = (sums.observed_ms, sums.bridged_ms, sums.downtime_ms, sums.suspect_ms)
    if min(*times, sums.amount, sums.whole) < 0 or sum(times) > length_ms:
        raise ArchiveError(f"{_place(row)}: no day can have these sums; run starproof audit")


def _place(row: DaySumRow) -> str:
    return f"{row.host} {row.source} {row.metric} {date.fromordinal(row.day)}"
