"""The store as the verifier reads it, narrowed to what a page needs."""

from __future__ import annotations

from collections.abc import Iterable

from collector.store import day_sums
from collector.store.archive import StoreArchive
from collector.store.engine import Store
from evidence.activity import ActivityRow
from evidence.stored import DaySumRow


class KeptArchive(StoreArchive):
    """Reads the day sums of the longest stretch once: several windows of one page are cut from it."""

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self._rows: tuple[int, int, list[DaySumRow]] | None = None

    def day_sums(self, first_day: int, after_day: int) -> Iterable[DaySumRow]:
        """Return the day sums of the days; asked for the longest stretch first."""
        if self._rows is None or first_day < self._rows[0] or after_day > self._rows[1]:
            self._rows = (first_day, after_day, list(super().day_sums(first_day, after_day)))
        return [row for row in self._rows[2] if first_day <= row.day < after_day]


class OneHost(StoreArchive):
    """One host, nothing of the enterprise."""

    def __init__(self, store: Store, host: str) -> None:
        super().__init__(store)
        self._reading = store
        self._host = host

    def hosts(self) -> list[str]:
        """Return the one name."""
        return [self._host]

    def day_sums(self, first_day: int, after_day: int) -> Iterable[DaySumRow]:
        """Return the day sums of the host."""
        with self._reading.reading() as connection:
            return list(day_sums.rows(connection, first_day, after_day, host=self._host))

    def ledger(self) -> bytes:
        """Return nothing: money is the enterprise's."""
        return b""

    def activity(self, first_day: int, after_day: int) -> Iterable[ActivityRow]:
        """Return nothing: accounts are the enterprise's."""
        _ = first_day, after_day
        return ()
