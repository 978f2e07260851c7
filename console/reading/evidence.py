"""The evidence of a month as the store has it: the log, its days, its checkpoints, what left the house.

What the collector says of its own log proves nothing to a reviewer; pages say so, and lead to the check.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import Enum

from collector.store import checkpoints, findings, log, log_standing
from collector.store.engine import Store
from collector.store.log_standing import AnchorState, Handed, MarkedDay
from console.reading.month import Span
from evidence.calendar import LocalCalendar
from evidence.short_code import short_code

MOST_CHECKPOINTS = 100
"""Shown of a month: every day has one, and somebody may sign more."""


class DayState(Enum):
    """How the evidence of a local day stands; the value ends the key of its words."""

    ANCHORED = "anchored"
    """An anchor took the very checkpoint that closes the day."""
    LATER = "later"
    """An anchor took a later checkpoint, which covers the day too."""
    WAITING = "waiting"
    """It waits for its anchors."""
    ALONE = "alone"
    """No anchor was asked: nothing of it has left the house."""
    UNMARKED = "unmarked"
    """The day is over and has no mark."""
    OPEN = "open"
    """The day is not over."""
    BEFORE = "before"
    """The log did not exist yet."""


@dataclass(frozen=True)
class EvidenceDay:
    """A local day. ``leaves``: what arrived since the mark of the day before, ``None`` where that has no mark.

    ``covered_ms``: when an anchor first took a checkpoint that covers the day.
    """

    day: str
    state: DayState
    size: int | None
    leaves: int | None
    made_ms: int | None
    code: str
    covered_ms: int | None
    anchors: Sequence[Handed]


@dataclass(frozen=True)
class Close:
    """A close of a month: its leaf."""

    leaf: int


@dataclass(frozen=True)
class Point:
    """A checkpoint: size, root (hex), when it was signed, its short code, the signed note."""

    size: int
    root: str
    made_ms: int
    code: str
    note: str


@dataclass(frozen=True)
class Evidence:
    """The evidence of a month. ``size``, ``root`` and ``checkpoints`` are of the whole log.

    ``began``: the local day of its first leaf, empty without one.
    """

    span: Span
    size: int
    root: str
    arrival_ms: int | None
    began: str
    today: str
    checkpoints: int
    newest: Point | None
    days: Sequence[EvidenceDay]
    points: Sequence[Point]
    closes: Sequence[Close]
    anchors: Sequence[AnchorState]
    findings: Mapping[str, int]

    def count(self, *states: DayState) -> int:
        """Return how many days stand so."""
        return sum(day.state in states for day in self.days)

    @property
    def over(self) -> int:
        """How many days of the month are over since the log began."""
        return len(self.days) - self.count(DayState.OPEN, DayState.BEFORE)

    @property
    def anchored(self) -> int:
        """How many days an anchor covers."""
        return self.count(DayState.ANCHORED, DayState.LATER)


def read_evidence(store: Store, span: Span, calendar: LocalCalendar, *, now_ms: int) -> Evidence:
    """Return the evidence of the month.

    Raises:
        StoreError: the store cannot be read.
        EvidenceError: a record of the log is damaged; run the audit.
    """
    with store.reading() as connection:
        head = log.head(connection)
        began_ms = log_standing.first_arrival(connection)
        # One day more: how much arrived on the first is seen from the mark before.
        marked = log_standing.marked_days(connection, span.first_day - 1, span.after_day - 1)
        sizes = [day.size for day in marked if day.day >= span.first_day]
        newest = checkpoints.newest(connection)
        beyond = log_standing.first_receipt_beyond(connection, sizes[-1]) if sizes else None
        most = max([*sizes[-1:], *([] if beyond is None else [beyond])], default=0)
        taken = log_standing.handed(connection, sizes[0], most) if sizes else ()
        points = log_standing.checkpoints_in(
            connection,
            calendar.day_start(span.first_day),
            calendar.day_start(span.after_day),
            most=MOST_CHECKPOINTS,
        )
        noticed: dict[str, int] = {}
        for one in findings.recorded(connection):
            noticed[one.code] = noticed.get(one.code, 0) + 1
        return Evidence(
            span=span,
            size=head.frontier.size,
            root=head.frontier.root.hex(),
            arrival_ms=head.arrival_ms if head.frontier.size else None,
            began=_name(calendar, began_ms),
            today=_name(calendar, now_ms),
            checkpoints=log_standing.checkpoint_count(connection),
            newest=None if newest is None else _point(newest),
            days=list(_days(span, marked, taken, calendar=calendar, began_ms=began_ms, now_ms=now_ms)),
            points=[_point(one) for one in points],
            closes=[Close(one.leaf) for one in checkpoints.closes(connection, span.month)],
            anchors=log_standing.anchor_states(connection),
            findings=dict(sorted(noticed.items())),
        )


def _name(calendar: LocalCalendar, instant_ms: int | None) -> str:
    return "" if instant_ms is None else date.fromordinal(calendar.day_of(instant_ms)).isoformat()


def _point(one: checkpoints.StoredCheckpoint) -> Point:
    return Point(
        one.size, one.root.hex(), one.made_ms, short_code(one.note), one.note.decode(errors="replace")
    )


def _days(
    span: Span,
    marked: Sequence[MarkedDay],
    handed: Sequence[Handed],
    *,
    calendar: LocalCalendar,
    began_ms: int | None,
    now_ms: int,
) -> Iterator[EvidenceDay]:
    by_day = {one.day: one for one in marked}
    received = [(one.size, one.got_ms) for one in handed if one.got_ms is not None]
    today = calendar.day_of(now_ms)
    began = today + 1 if began_ms is None else calendar.day_of(began_ms)
    for day in range(span.first_day, span.after_day):
        mark = by_day.get(day)
        name = date.fromordinal(day).isoformat()
        if mark is None:
            state = DayState.OPEN if day >= today else DayState.BEFORE if day < began else DayState.UNMARKED
            yield EvidenceDay(name, state, None, None, None, "", None, ())
            continue
        mine = [one for one in handed if one.size == mark.size]
        covered = [(got_ms, size) for size, got_ms in received if size >= mark.size]
        before = by_day.get(day - 1)
        point = mark.checkpoint
        yield EvidenceDay(
            day=name,
            state=_state(mine, covered=bool(covered)),
            size=mark.size,
            leaves=mark.size - before.size if before else mark.size if day == began else None,
            made_ms=None if point is None else point.made_ms,
            code="" if point is None else short_code(point.note),
            covered_ms=min(covered)[0] if covered else None,
            anchors=mine,
        )


def _state(mine: Sequence[Handed], *, covered: bool) -> DayState:
    if any(one.got_ms is not None for one in mine):
        return DayState.ANCHORED
    if covered:
        return DayState.LATER
    return DayState.WAITING if mine else DayState.ALONE
