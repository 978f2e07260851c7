"""Audit: every chunk opened, every chain followed, every day sum recomputed and compared.

1. Every chunk is proved by the key pinned at its enrolment (``verifier.stored_chunks``) and stands where it
   says it belongs.
2. Every chain holds (``verifier.links``), and no sequence number is absent.
3. Every stored day sum equals the one recomputed from the chunks, and none is missing or too many;
   so does every stored set of accounts.
4. Of months whose chunks were dropped it says so, and compares nothing.
5. The log holds what is stored, and its roots follow from its leaves (``verifier.log_audit``).

All findings are collected; nothing stops at the first. Hosts are audited in pieces (``verifier.host_audit``),
by whoever: the report is the same. The chunks of a host are read one after another; an audit of one month
holds the chunks of one host and month in memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from evidence.calendar import LocalCalendar
from evidence.keys import PublicKey
from verifier.finding import Finding
from verifier.host_audit import HostsAudited, Piece, audit_hosts, days_of, order
from verifier.log_audit import KeptLog, audit_log
from verifier.ports import Archive, Dropped

HASH_BYTES = 32

Run = Callable[[Sequence[Piece]], Iterable[HostsAudited]]
"""Audits pieces, wherever, and gives what came of them, in any order."""


@dataclass(frozen=True)
class AuditReport:
    """What the audit saw. ``values`` counts the integers in the chunks, ``day_sums`` those compared."""

    findings: tuple[Finding, ...]
    hosts: int
    chunks: int
    values: int
    day_sums: int

    def document(self) -> dict[str, Any]:
        """Return the report as it stands in JSON output."""
        return {
            "schema": "starproof/audit/1",
            "hosts": self.hosts,
            "chunks": self.chunks,
            "values": self.values,
            "day_sums": self.day_sums,
            "findings": [finding.document() for finding in self.findings],
        }


def audit(
    archive: Archive,
    *,
    month: str | None = None,
    log: KeptLog | None = None,
    log_key: PublicKey | None = None,
    dropped: Dropped | None = None,
    every_signature: bool = False,
    pieces: Sequence[tuple[str, ...]] | None = None,
    run: Run | None = None,
) -> AuditReport:
    """Return the report of an audit in the archive's own zone.

    Args:
        archive: the evidence of one enterprise.
        month: only the days of this local month, and the chunks that touch them.
        log: the log beside it; audited whole, so only where no month is named.
        log_key: verifies the log's checkpoints; ``None``: their signatures are not looked at.
        dropped: what the store knows of chunks whose bytes it dropped; ``None``: it dropped none.
        every_signature: verify also the signatures of chunks that the chain proves.
        pieces: the hosts of each piece; all hosts of the archive are in one, each once. ``None``: one piece.
        run: audits the pieces; ``None``: this process, one after another.

    Raises:
        MalformedError: not a month.
    """
    days = days_of(LocalCalendar(archive.timezone), month)
    # The log is audited whole: what a month has read is not all of it.
    whole = log if month is None else None
    hashes = whole is not None
    work = [Piece(hosts, month, every_signature, hashes) for hosts in ((None,) if pieces is None else pieces)]
    done = list((run or here(archive, dropped))(work))
    findings = [*_dropped(dropped, days), *(finding for part in done for finding in part.findings)]
    if whole is not None:
        known = {host: data for part in done for host, data in part.hashes}
        findings += audit_log(archive, whole, key=log_key, chunks=_logged(archive, dropped, known))
    return AuditReport(
        tuple(sorted(set(findings), key=order)),
        sum(part.hosts for part in done),
        sum(part.chunks for part in done),
        sum(part.values for part in done),
        sum(part.day_sums for part in done),
    )


def here(archive: Archive, dropped: Dropped | None) -> Run:
    """Return what audits pieces in this process, from one archive."""
    return lambda pieces: (audit_hosts(archive, piece, dropped) for piece in pieces)


def _dropped(dropped: Dropped | None, days: tuple[int, int]) -> Iterator[Finding]:
    """Yield what is said of each dropped month among ``days`` (first, after)."""
    for one in () if dropped is None else dropped.dropped_months():
        if one.days[0] < days[1] and days[0] < one.days[1]:
            got = f"{one.chunks} chunks dropped at {one.dropped_ms} ms into {one.pack_name}, SHA-256 {one.pack_sha256}"
            yield Finding("MONTH_DROPPED", one.month, got=got)


def _logged(
    archive: Archive, dropped: Dropped | None, known: Mapping[str, bytes]
) -> Iterator[tuple[str, str]]:
    """Yield hash and host of every chunk whose leaf the log must have, from what the pieces have read."""
    for host in archive.hosts():
        if dropped is not None:
            yield from ((chunk.hash, host) for chunk in dropped.dropped_chunks(host))
        hashes = known.get(host, b"")
        for at in range(0, len(hashes), HASH_BYTES):
            yield hashes[at : at + HASH_BYTES].hex(), host
