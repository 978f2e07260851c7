"""Sets of accounts recomputed from the chunks of one host, while they go by."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from evidence.activity import ActivityKey, ActivityRow, activity_sets, to_blob
from evidence.calendar import LocalCalendar
from verifier.recompute import Opened


class Uniting:
    """Unites the sets of the chunks of one host by source, day and meaning.

    Args:
        host: its name.
        calendar: the zone whose days are meant.
        days: ordinals; only sets of the days [first, after) are kept.
    """

    def __init__(self, host: str, calendar: LocalCalendar, days: tuple[int, int]) -> None:
        self._host = host
        self._calendar = calendar
        self._days = days
        self._found: dict[tuple[str, ActivityKey], set[bytes]] = {}

    def watching(self, chunks: Iterable[Opened]) -> Iterator[Opened]:
        """Yield the chunks unchanged and unite what they hold.

        Raises:
            MalformedError: a chunk has rows that are about no day of its zone.
        """
        first, after = self._days
        for stored, chunk in chunks:
            for key, hashes in activity_sets(chunk, self._calendar).items():
                if first <= key.day < after:
                    self._found.setdefault((stored.source, key), set()).update(hashes)
            yield stored, chunk

    def rows(self) -> tuple[ActivityRow, ...]:
        """Return the united sets, sorted by source and key."""
        return tuple(
            ActivityRow(self._host, source, key, to_blob(hashes))
            for (source, key), hashes in sorted(self._found.items())
        )
