"""Which days are anchored: for every day of the window the earliest outside time that covers all of it.

A checkpoint holds everything that arrived before it, so an anchor of a later one covers an earlier
day too, only later. On time is what was outside a day after the day's end. That holds for the day's mark;
a chunk that came after it was outside with a later checkpoint only, and is asked for itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date

from evidence.calendar import LocalCalendar
from verifier import slots
from verifier.anchors.interface import CONFIRMED, NAMED, Anchor, AnchoredDay, LogView, NamedAnchor
from verifier.anchors.logged import Covering
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
    logged: Mapping[int, Sequence[int]],
) -> Iterator[AnchoredDay]:
    """Yield what anchors say about each of these local days (ordinals).

    Args:
        days: in order.
        calendar: their zone.
        log: the pack's log.
        anchors: all anchors, with what became of them.
        named: which receipts the agents' chunks name.
        known: confirmed time (ms) by hash of the receipts whose content nobody could foresee.
        logged: indexes of the leaves of the chunks of each day.
    """
    covering = Covering(
        (a.size, a.time_ms) for a in anchors if a.state == CONFIRMED and a.time_ms is not None
    )
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
        limit = _limit(calendar, day)
        first = min(times, default=(None, ""))[0]
        leaves = logged.get(day, ())
        since = [at for at in map(covering.since_ms, leaves) if at is not None]
        bound = max(_limit(calendar, day + 1), first or 0)
        in_time = sum(at <= bound for at in since)
        yield AnchoredDay(
            day=day,
            size=size,
            confirmed_ms=first,
            on_time=first is not None and first <= limit and in_time == len(leaves),
            by=tuple(sorted({kind for time_ms, kind in times if time_ms <= max(limit, first or 0)})),
            named=tuple(sorted({a.kind for a in anchors if a.size == size and a.state == NAMED})),
            made_after_ms=after.get(day),
            chunks=len(leaves),
            chunks_in_time=in_time,
            whole_ms=max(since, default=None) if len(since) == len(leaves) else None,
        )


def day_findings(days: Sequence[AnchoredDay], calendar: LocalCalendar) -> Iterator[Finding]:
    """Yield one finding for every run of days that no anchor confirms, or confirms late, or not as a whole."""
    confirmed = [(d, d.confirmed_ms) for d in days if d.confirmed_ms is not None]
    for code, wrong in (
        ("DAY_NOT_ANCHORED", [d for d in days if d.confirmed_ms is None]),
        ("DAY_ANCHORED_LATE", [d for d, first_ms in confirmed if first_ms > _limit(calendar, d.day)]),
    ):
        for run in _runs(wrong):
            kinds = sorted({kind for day in run for kind in day.named})
            latest = max((day.confirmed_ms or 0 for day in run), default=0)
            got = f"confirmed until {latest} ms" if latest else f"only named: {', '.join(kinds) or 'none'}"
            slot = slots.days(run[0].day, run[-1].day)
            yield Finding(code, _span(run), expected="an anchor within a day after it", got=got, slot=slot)
    for run in _runs([d for d, _ in confirmed if d.chunks_in_time < d.chunks]):
        late, whole = sum(d.chunks - d.chunks_in_time for d in run), sum(d.chunks for d in run)
        times = [d.whole_ms for d in run if d.whole_ms is not None]
        when = f"confirmed until {max(times)} ms" if len(times) == len(run) else "some not confirmed at all"
        yield Finding(
            "CHUNKS_ANCHORED_LATE",
            _span(run),
            expected="in the log before the anchor of the next day",
            got=f"{late} of {whole} chunks later, {when}",
            slot=slots.days(run[0].day, run[-1].day),
        )


def _limit(calendar: LocalCalendar, day: int) -> int:
    """Return until when a day must be outside."""
    return calendar.day_start(day + 1) + ON_TIME_MS


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
