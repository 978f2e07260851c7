"""Audit: every chunk opened, every chain followed, every day sum recomputed and compared.

1. Every chunk verifies with the key pinned at its enrolment and stands where it says it belongs.
2. Every chain holds (``verifier.links``), and no sequence number is absent.
3. Every stored day sum equals the one recomputed from the chunks, and none is missing or too many;
   so does every stored set of accounts.
4. Of months whose chunks were dropped it says so, and compares nothing.
5. The log holds what is stored, and its roots follow from its leaves (``verifier.log_audit``).

All findings are collected; nothing stops at the first. The chunks of a host are read one after
another; an audit of one month holds the chunks of one host and month in memory.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

from evidence.accounts import HASH_BYTES
from evidence.activity import ActivityKey
from evidence.calendar import LocalCalendar
from evidence.chunk import EARLIEST_MS, LATEST_MS, Chunk
from evidence.day_sum import DaySum
from evidence.errors import EvidenceError
from evidence.keys import PublicKey
from evidence.stored import StoredChunk
from verifier import recompute
from verifier.activity import Uniting
from verifier.finding import Finding
from verifier.links import Hole, Links
from verifier.log_audit import KeptLog, audit_log
from verifier.ports import Archive, Dropped
from verifier.recompute import Opened, place, place_text

SumKey = tuple[str, str, int]
"""Source, metric and local day."""
ActivityPlace = tuple[str, ActivityKey]
"""Source, and what a set of accounts is about."""
SHOWN_DIGITS = 12


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
) -> AuditReport:
    """Return the report of an audit in the archive's own zone.

    Args:
        archive: the evidence of one enterprise.
        month: only the days of this local month, and the chunks that touch them.
        log: the log beside it; audited whole, whatever the month.
        log_key: verifies the log's checkpoints; ``None``: their signatures are not looked at.
        dropped: what the store knows of chunks whose bytes it dropped; ``None``: it dropped none.

    Raises:
        MalformedError: not a month.
    """
    calendar = LocalCalendar(archive.timezone)
    days = calendar.month(month) if month else (calendar.day_of(EARLIEST_MS), calendar.day_of(LATEST_MS) + 1)
    findings: list[Finding] = []
    gone = _Gone(dropped, days)
    findings += gone.notes()
    stored: dict[str, dict[SumKey, DaySum]] = {}
    for row in archive.day_sums(*days):
        if row.day in gone.days:
            continue
        kept = stored.setdefault(row.host, {})
        key = (row.source, row.metric, row.day)
        if key in kept:
            findings.append(_sum_finding("DAY_SUM_EXTRA", row.host, key, got=row.sums))
        kept.setdefault(key, row.sums)
    people: dict[str, dict[ActivityPlace, bytes]] = {}
    for active in archive.activity(*days):
        if active.key.day in gone.days:
            continue
        people.setdefault(active.host, {})[active.source, active.key] = active.hashes
    hosts = sorted({*archive.hosts(), *stored, *people})
    run = _Run(archive, calendar, days, findings, gone)
    for host in hosts:
        run.host(host, stored.pop(host, {}), people.pop(host, {}), whole=month is None)
    if log is not None:
        findings += audit_log(archive, log, key=log_key, dropped=dropped)
    return AuditReport(
        tuple(sorted(set(findings), key=_order)), len(hosts), run.chunks, run.values, run.day_sums
    )


class _Gone:
    """The months among ``days`` (first, after) whose chunks were dropped, and their days."""

    def __init__(self, dropped: Dropped | None, days: tuple[int, int]) -> None:
        self._dropped = dropped
        every = [] if dropped is None else dropped.dropped_months()
        self._months = [one for one in every if one.days[0] < days[1] and days[0] < one.days[1]]
        self.days = frozenset(day for one in every for day in range(*one.days))

    def notes(self) -> Iterator[Finding]:
        """Yield what is said of each month."""
        for one in self._months:
            got = f"{one.chunks} chunks dropped at {one.dropped_ms} ms into {one.pack_name}, SHA-256 {one.pack_sha256}"
            yield Finding("MONTH_DROPPED", one.month, got=got)

    def seqs(self, host: str, source: str, epoch: int) -> set[int]:
        """Return the numbers of the dropped chunks of a chain."""
        if self._dropped is None or not self.days:
            return set()
        found = self._dropped.dropped_chunks(host)
        return {chunk.seq for chunk in found if (chunk.source, chunk.epoch) == (source, epoch)}


class _Run:
    """Counts and findings of one audit."""

    def __init__(
        self,
        archive: Archive,
        calendar: LocalCalendar,
        days: tuple[int, int],
        findings: list[Finding],
        gone: _Gone,
    ) -> None:
        self._gone = gone
        self._archive = archive
        self._calendar = calendar
        self._days = days
        self._findings = findings
        self._pins = recompute.pinned(archive)
        self.chunks = self.values = self.day_sums = 0

    def host(
        self,
        host: str,
        stored: Mapping[SumKey, DaySum],
        people: Mapping[ActivityPlace, bytes],
        *,
        whole: bool,
    ) -> None:
        span = (self._calendar.day_start(self._days[0]), self._calendar.day_start(self._days[1]))
        if whole:
            chunks = self._streamed(host, span)
        else:
            inside, beside = recompute.opened_chunks(self._archive, host, span, self._open)
            chunks = iter(sorted([*inside, *beside], key=lambda pair: place(pair[0])))
        links = Links(self._pins, from_first=whole)
        uniting = Uniting(host, self._calendar, self._days)
        watched = uniting.watching(links.followed(chunks))
        rows = recompute.host_day_sums(host, watched, self._calendar, self._days)
        found = {
            (row.source, row.metric, row.day): row.sums for row in rows if row.day not in self._gone.days
        }
        self._findings.extend(links.findings)
        if links.holes:
            self._findings.extend(self._missing(host, links.holes))
        self.day_sums += len(found.keys() | stored.keys())
        self._findings.extend(_compare(host, found, stored))
        united = {
            (row.source, row.key): row.hashes for row in uniting.rows() if row.key.day not in self._gone.days
        }
        self._findings.extend(_compare_people(host, united, people))

    def _streamed(self, host: str, span: tuple[int, int]) -> Iterator[Opened]:
        for stored in self._archive.chunks(host, *span):
            chunk = self._open(stored)
            if chunk is not None:
                yield stored, chunk

    def _open(self, stored: StoredChunk) -> Chunk | None:
        """Open a chunk; note what does not verify."""
        self.chunks += 1
        try:
            chunk = recompute.open_stored(stored, self._pins, self._archive.enterprise)
        except EvidenceError as cause:
            got = f"{cause.code}: {cause}"
            self._findings.append(Finding("CHUNK", place_text(place(stored)), stored.host, got=got))
            return None
        self.values += chunk.header.rows * chunk.header.columns
        return chunk

    def _missing(self, host: str, holes: Sequence[Hole]) -> Iterator[Finding]:
        """Yield the holes that no stored chunk fills: one outside the month, or one that is damaged."""
        for source, epoch, first, last in holes:
            filled = {stored.seq for stored in self._archive.chain(host, source, epoch, first, last)}
            filled |= {seq for seq in self._gone.seqs(host, source, epoch) if first <= seq <= last}
            absent = last + 1 - first - len(filled)
            if absent:
                begin = next(seq for seq in range(first, last + 1) if seq not in filled)
                yield Finding(
                    "SEQ_MISSING",
                    place_text((source, epoch, begin)),
                    host,
                    expected=f"{first} to {last}",
                    got=f"{absent} of {last + 1 - first} missing",
                )


def _order(finding: Finding) -> tuple[str, ...]:
    return finding.host, finding.place, finding.code, finding.expected, finding.got


def _compare(host: str, found: Mapping[SumKey, DaySum], stored: Mapping[SumKey, DaySum]) -> Iterator[Finding]:
    for key in found.keys() | stored.keys():
        if key not in stored:
            yield _sum_finding("DAY_SUM_MISSING", host, key, expected=found[key])
        elif key not in found:
            yield _sum_finding("DAY_SUM_EXTRA", host, key, got=stored[key])
        elif found[key] != stored[key]:
            yield _sum_finding("DAY_SUM_DIFFERS", host, key, expected=found[key], got=stored[key])


def _compare_people(
    host: str, found: Mapping[ActivityPlace, bytes], stored: Mapping[ActivityPlace, bytes]
) -> Iterator[Finding]:
    for where in found.keys() | stored.keys():
        mine, theirs = found.get(where), stored.get(where)
        if mine != theirs:
            code = (
                "ACTIVITY_MISSING"
                if theirs is None
                else "ACTIVITY_EXTRA"
                if mine is None
                else "ACTIVITY_DIFFERS"
            )
            source, key = where
            yield Finding(
                code,
                f"{source}/{key.definition}/{date.fromordinal(key.day)}",
                host,
                expected="" if mine is None else _accounts(mine),
                got="" if theirs is None else _accounts(theirs),
            )


def _accounts(blob: bytes) -> str:
    return f"{len(blob) // HASH_BYTES} accounts, SHA-256 {hashlib.sha256(blob).hexdigest()[:SHOWN_DIGITS]}"


def _sum_finding(
    code: str, host: str, key: SumKey, *, expected: DaySum | None = None, got: DaySum | None = None
) -> Finding:
    """Show of two sums the fields that differ, of one all that are not zero."""
    source, metric, day = key
    left, right = asdict(expected or DaySum()), asdict(got or DaySum())
    differing = [name for name in left if left[name] != right[name]]
    return Finding(
        code,
        f"{source}/{metric}/{date.fromordinal(day)}",
        host,
        expected=" ".join(f"{name}={left[name]}" for name in differing) if expected else "",
        got=" ".join(f"{name}={right[name]}" for name in differing) if got else "",
    )
