"""The archive that pack and check compute figures from: day sums just derived from chunks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NoReturn

from evidence.activity import ActivityRow
from evidence.enrolment import SignedEnrolment
from evidence.stored import DaySumRow, StoredChunk
from verifier.errors import ArchiveError


class PackArchive:
    """Day sums of one zone and window, as ``verifier.ports.Archive``. It holds no chunks any more."""

    def __init__(
        self,
        *,
        enterprise: str,
        timezone: str,
        enrolments: Sequence[SignedEnrolment],
        rows: Sequence[DaySumRow],
        scope_versions: Sequence[tuple[bytes, bytes]] = (),
        ledger: bytes = b"",
        activity: Sequence[ActivityRow] = (),
    ) -> None:
        self.enterprise = enterprise
        self.timezone = timezone
        self._enrolments = list(enrolments)
        self._rows = list(rows)
        self._scope_versions = list(scope_versions)
        self._ledger = ledger
        self._activity = list(activity)

    def hosts(self) -> list[str]:
        """Return the names of all enrolled hosts, sorted; those outside the scope are named in a note."""
        return sorted({signed.enrolment.host for signed in self._enrolments})

    def enrolments(self) -> list[SignedEnrolment]:
        """Return all enrolments."""
        return self._enrolments

    def day_sums(self, first_day: int, after_day: int) -> Iterable[DaySumRow]:
        """Return the day sums for days in [first_day, after_day)."""
        return [row for row in self._rows if first_day <= row.day < after_day]

    def scope_versions(self) -> Sequence[tuple[bytes, bytes]]:
        """Return record and file of every declared version of the scope, in order."""
        return self._scope_versions

    def activity(self, first_day: int, after_day: int) -> Iterable[ActivityRow]:
        """Return the sets of accounts for days in [first_day, after_day), sorted."""
        found = [row for row in self._activity if first_day <= row.key.day < after_day]
        return sorted(found, key=lambda row: (row.host, row.source, row.key))

    def ledger(self) -> bytes:
        """Return the canonical bytes of the ledger, empty if there is none."""
        return self._ledger

    def ledger_document(self, sha256: str) -> None:
        """Return nothing: figures ask for no document."""

    def chunks(self, host: str, start_ms: int, end_ms: int) -> Iterator[StoredChunk]:
        """Refuse: figures of a pack are in the zone of its day sums, so nobody asks.

        Raises:
            ArchiveError: always.
        """
        _no_chunks(host)

    def chain(
        self, host: str, source: str, epoch: int, first_seq: int, last_seq: int
    ) -> Iterator[StoredChunk]:
        """Refuse, as ``chunks``.

        Raises:
            ArchiveError: always.
        """
        _no_chunks(host)


def _no_chunks(host: str) -> NoReturn:
    raise ArchiveError(f"the chunks of {host} were summed for one time zone only")
