"""Which days are anchored: for every day of the window the earliest outside time that covers all of it.

A checkpoint holds everything that arrived before it, so an anchor of a later one covers an earlier
day too, only later. On time is what was outside a day after the day's end.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date

from evidence.calendar import LocalCalendar
from verifier import slots
from verifier.anchors.interface import CONFIRMED, NAMED, Anchor, AnchoredDay, LogView, NamedAnchor
from verifier.finding import Finding

ON_TIME_MS = 24 * 3_600_000
"""After the end of the day: a mail or a page of a log book may wait for the next working morning."""


def anchored_days(
    days: Iterable[int],
    *,
    calendar: LocalCalendar,
    log: LogView,
    anchors: Sequence[Anchor],
    named: Sequence[NamedAnchor],
    known: dict[str, int],
) -> Iterator[AnchoredDay]:
    """Yield what anchors say about each of these local days (ordinals).

    Args:
        days: in order.
        calendar: their zone.
        log: the pack's log.
        anchors: all anchors, with what became of them.
        named: which receipts the agents' chunks name.
        known: confirmed time (ms) by hash of the receipts whose content nobody could foresee.
    """
    after = {day: _made_after(day, named, known) for day in {one.day for one in named}}
    for day in days:
        size = _covering_size(log, day)
        times = [
            (anchor.time_ms, anchor.kind)
            for anchor in anchors
            if size is not None
            and anchor.size >= size
            and anchor.state == CONFIRMED
            and anchor.time_ms is not None
        ]
        limit = calendar.day_start(day + 1) + ON_TIME_MS
        first = min(times, default=(None, ""))[0]
        yield AnchoredDay(
            day=day,
            size=size,
            confirmed_ms=first,
            on_time=first is not None and first <= limit,
            by=tuple(sorted({kind for time_ms, kind in times if time_ms <= max(limit, first or 0)})),
            named=tuple(sorted({a.kind for a in anchors if a.size == size and a.state == NAMED})),
            made_after_ms=after.get(day),
        )


def day_findings(days: Sequence[AnchoredDay]) -> Iterator[Finding]:
    """Yield one finding for every run of days that no anchor confirms, or confirms late."""
    for code, wrong in (
        ("DAY_NOT_ANCHORED", [d for d in days if d.confirmed_ms is None]),
        ("DAY_ANCHORED_LATE", [d for d in days if d.confirmed_ms is not None and not d.on_time]),
    ):
        for run in _runs(wrong):
            kinds = sorted({kind for day in run for kind in day.named})
            latest = max((day.confirmed_ms or 0 for day in run), default=0)
            got = f"confirmed until {latest} ms" if latest else f"only named: {', '.join(kinds) or 'none'}"
            slot = slots.days(run[0].day, run[-1].day)
            yield Finding(code, _span(run), expected="an anchor within a day after it", got=got, slot=slot)


def _covering_size(log: LogView, day: int) -> int | None:
    """Return the size that holds the mark of this day, or of the first marked day after it."""
    later = [index for marked, index in log.day_marks.items() if marked >= day]
    return min(later) + 1 if later else None


def _made_after(day: int, named: Sequence[NamedAnchor], known: dict[str, int]) -> int | None:
    times = [known.get(one.sha256) for one in named if one.day == day]
    return None if None in times else min(time_ms for time_ms in times if time_ms is not None)


def _runs(days: Sequence[AnchoredDay]) -> Iterator[list[AnchoredDay]]:
    run: list[AnchoredDay] = []
    for day in days:
        if run and day.day != run[-1].day + 1:
            yield run
            run = []
        run.append(day)
    if run:
        yield run


def _span(run: Sequence[AnchoredDay]) -> str:
    first, last = (date.fromordinal(run[end].day).isoformat() for end in (0, -1))
    return first if first == last else f"{first} to {last}"
