"""Which hours a damaged chunk can be about: where nothing of it can be read, its neighbours tell.

1. If the signature over its header still holds, the hours are those that the header says.
2. Of counters: from the end of the chunk before it to the beginning of the next that can be read, as far as
   that lies in the UTC day of its entry (a claim begins in the day of its entry). Time before is covered
   already and counts nowhere twice.
3. The whole day, if the clock went back between these neighbours, and for what need not follow one another
   in time (averages, activity).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

from evidence.chunk import Header
from evidence.manifest import COUNTERS
from evidence.sources import carried_kind
from verifier import slots

MS_PER_DAY = 86_400_000
EPOCH_DAY = date(1970, 1, 1).toordinal()

Tell = Callable[[str, str, str], None]
"""Takes the place of a damaged chunk, what is wrong with it, and its slot."""


@dataclass(frozen=True)
class _Damaged:
    place: str
    got: str
    after_ms: int
    day_ms: int | None


class Damage:
    """Follows the entries of one host and source, and tells every damaged item with its slot.

    Args:
        tell: takes what is damaged.
    """

    def __init__(self, tell: Tell) -> None:
        self._tell = tell
        self._in_order = True
        self._waiting: list[_Damaged] = []
        self._epoch = -1
        self._ended_ms = 0
        self._day_ms: int | None = None

    def enter(self, source: str, epoch: int, day: str) -> None:
        """Begin an entry; ``day`` may be no day at all."""
        if epoch != self._epoch:
            self.end()
            self._epoch, self._ended_ms = epoch, 0
        self._in_order = carried_kind(source) == COUNTERS
        try:
            self._day_ms = (date.fromisoformat(day).toordinal() - EPOCH_DAY) * MS_PER_DAY
        except ValueError:
            self._day_ms = None

    def passed(self, header: Header) -> None:
        """Take a chunk that can be read."""
        self._tell_waiting(header.start_ms)
        self._ended_ms = header.end_ms

    def found(self, place: str, got: str, header: Header | None) -> None:
        """Take a damaged item, with its header if that is proved."""
        if header is None:
            self._waiting.append(_Damaged(place, got, self._ended_ms, self._day_ms))
            return
        self.passed(header)
        self._tell(place, got, slots.hours(header.start_ms, max(header.start_ms, header.end_ms - 1)))

    def end(self) -> None:
        """Tell what still waits for a chunk after it."""
        self._tell_waiting(None)

    def _tell_waiting(self, until_ms: int | None) -> None:
        for one in self._waiting:
            self._tell(one.place, one.got, self._slot(one, until_ms))
        self._waiting.clear()

    def _slot(self, one: _Damaged, until_ms: int | None) -> str:
        """Rules 2 and 3."""
        if one.day_ms is None:
            return ""
        day_end_ms = one.day_ms + MS_PER_DAY
        first_ms = max(one.after_ms, one.day_ms)
        last_ms = day_end_ms if until_ms is None else min(until_ms, day_end_ms)
        if not self._in_order or first_ms >= last_ms:
            first_ms, last_ms = one.day_ms, day_end_ms
        return slots.hours(first_ms, last_ms - 1)
