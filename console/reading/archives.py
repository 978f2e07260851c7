"""The store as the verifier reads it, narrowed to what a page needs: some hosts, or the enterprise alone.

The scope that goes with it names the hosts, so nobody asks these archives who is there.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from collector.store import day_sums
from collector.store.archive import StoreArchive
from collector.store.engine import Store
from console.reading.editions import edition_named
from evidence.activity import ActivityRow
from evidence.enrolment import SignedEnrolment
from evidence.manifest import ACTIVITY
from evidence.stored import DaySumLine, DaySumRow
from verifier.edition import Edition
from verifier.editions import load_edition


class Narrowed(StoreArchive):
    """Does not say who is there."""

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self._reading = store

    def hosts(self) -> list[str]:
        """Return nothing: the scope names the hosts."""
        return []

    def enrolments(self) -> list[SignedEnrolment]:
        """Return nothing: they are not asked for."""
        return []

    def edition(self, edition_id: str) -> Edition:
        """Return an edition that ships or was added.

        Raises:
            EditionError: it is not here.
        """
        return edition_named(self._reading, edition_id) or load_edition(edition_id)


class Everything(Narrowed):
    """All hosts and the enterprise; day sums are read once for the longest stretch."""

    def __init__(self, store: Store, names: Sequence[str] | None = None) -> None:
        super().__init__(store)
        self._names = names
        self._lines: tuple[int, int, list[DaySumLine]] | None = None

    def day_sums(self, first_day: int, after_day: int) -> Iterable[DaySumRow]:
        """Yield the day sums of the hosts."""
        with self._reading.reading() as connection:
            yield from day_sums.rows(connection, first_day, after_day, hosts=self._names)

    def day_sum_lines(self, first_day: int, after_day: int) -> Iterable[DaySumLine]:
        """Return the same as numbers; ask for the longest stretch first."""
        if self._lines is None or first_day < self._lines[0] or after_day > self._lines[1]:
            with self._reading.reading() as connection:
                found = list(day_sums.lines(connection, first_day, after_day, hosts=self._names))
            self._lines = (first_day, after_day, found)
        cut = (line.between(first_day, after_day) for line in self._lines[2])
        return [line for line in cut if line.days]


class SomeHosts(Everything):
    """Some hosts, nothing of the enterprise."""

    def ledger(self) -> bytes:
        """Return nothing: money is the enterprise's."""
        return b""

    def activity(self, first_day: int, after_day: int) -> Iterable[ActivityRow]:
        """Return nothing: accounts are the enterprise's."""
        _ = first_day, after_day
        return ()


class EnterpriseAlone(Narrowed):
    """What figures of the enterprise are made of: money, accounts, and the time in which these were read."""

    def day_sums(self, first_day: int, after_day: int) -> Iterable[DaySumRow]:
        """Return the day sums that say which time was read for accounts."""
        with self._reading.reading() as connection:
            return list(day_sums.rows(connection, first_day, after_day, metric=ACTIVITY))

    def day_sum_lines(self, first_day: int, after_day: int) -> None:
        """Return nothing: these few are asked for day by day."""
        _ = first_day, after_day
