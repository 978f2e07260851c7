"""A log of some days for the tests of anchors, and the checkpoint that most of them are about."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date

from fleet import instant

from collector.anchors.interface import Head
from evidence import checkpoint
from evidence.calendar import LocalCalendar
from evidence.keys import PrivateKey
from evidence.log_entry import CHUNK, DAY_MARK, EDITION, ENROLMENT, SCOPE, LogEntry
from evidence.merkle import Frontier, root_of
from verifier.anchors.packed_log import LogOfPack
from verifier.window import Window

KEY = PrivateKey.from_seed(b"the key of the log with anchors!")
OTHER_KEY = PrivateKey.from_seed(b"the key of some other log ......")
SENT_MS = instant("2026-11-04T00:05")
CALENDAR = LocalCalendar("Asia/Shanghai")
FIRST, LAST = date(2026, 11, 1).toordinal(), date(2026, 11, 5).toordinal()
RULES_SIZE = 3
"""The checkpoint that was made as soon as the scope was declared."""
RULES: dict[str, int | None] = {"scope": 1, "edition": 2}
MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS


@dataclass
class World:
    """A log from 31 October on: enrolment, scope, edition, then chunks and a mark for every day."""

    entries: list[LogEntry] = field(default_factory=list)
    marks: dict[int, int] = field(default_factory=dict)
    notes: dict[int, bytes] = field(default_factory=dict)
    base: int = 0

    def add(self, kind: int, text: str, arrival: str) -> None:
        self.entries.append(LogEntry(kind, hashlib.sha256(text.encode()).hexdigest(), instant(arrival)))

    def mark(self, day: int) -> int:
        """Close a day five minutes after it, and return the size of its checkpoint."""
        after = date.fromordinal(day + 1).isoformat()
        self.add(DAY_MARK, f"mark {day}", f"{after}T00:05")
        self.marks[day] = len(self.entries) - 1
        return self.checkpoint()

    def checkpoint(self) -> int:
        size = len(self.entries)
        self.notes[size] = checkpoint.sign(size, root_of(e.leaf for e in self.entries), key=KEY)
        return size

    def view(self) -> LogOfPack:
        base = Frontier().extend(entry.leaf for entry in self.entries[: self.base])
        return LogOfPack(
            base, self.entries[self.base :], notes=self.notes, day_marks=self.marks, key=KEY.public
        )


def world(days: Iterable[int] = range(FIRST, LAST + 1), *, chunks: int = 3) -> World:
    made = World()
    made.add(ENROLMENT, "web-1", "2026-10-31T08:00")
    made.add(SCOPE, "scope record", "2026-10-31T09:00")
    made.add(EDITION, "edition", "2026-10-31T09:00")
    made.checkpoint()
    made.mark(FIRST - 1)
    for day in days:
        for hour in range(chunks):
            made.add(CHUNK, f"{day} {hour}", f"{date.fromordinal(day).isoformat()}T{min(8 + hour, 23):02}:00")
        made.mark(day)
    return made


def window(first: int = FIRST, last: int = LAST) -> Window:
    starts = {day: CALENDAR.day_start(day) for day in range(first, last + 1)}
    return Window(
        first_day=first,
        after_day=last + 1,
        start_ms=CALENDAR.day_start(first),
        end_ms=CALENDAR.day_start(last + 1),
        lengths={day: CALENDAR.day_start(day + 1) - start for day, start in starts.items()},
        excluded_ms=0,
        starts=starts,
    )


def received(day: int) -> int:
    """Ten past midnight after a day, when its mail has arrived."""
    return CALENDAR.day_start(day + 1) + 10 * MINUTE_MS


def size_of(made: World, day: int) -> int:
    return made.marks[day] + 1


_WORLD = world()
HEAD = Head("示例企业", size_of(_WORLD, FIRST + 2), "2026-11-03", _WORLD.notes[size_of(_WORLD, FIRST + 2)])
