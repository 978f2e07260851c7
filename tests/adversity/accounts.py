"""What is in a store, counted against what was sealed and what a machine did."""

from __future__ import annotations

import re
import sqlite3
from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from collector.store.archive import StoreArchive
from collector.store.checking import check
from collector.store.engine import open_engine_for_reading
from evidence.chunk import open_chunk, read_frame
from evidence.enrolment import parse
from evidence.keys import PublicKey
from verifier.audit import audit
from verifier.finding import NOTE

SEALED = re.compile(r"event=sealed seq=(\d+)")
WALL, BOOT, MONO = 0, 1, 2
FOREVER_MS = 2**53


@dataclass(frozen=True)
class Outcome:
    """What a fault cost.

    ``lost``: sealed chunks that are nowhere. ``doubled``: chunks that are stored twice, and stretches
    that are counted twice. ``unseen_ms``: the longest stretch in which the machine ran and no chunk
    says what it did, out of at most ``unavoidable_ms``. ``problems``: everything else that is wrong.
    """

    trials: int
    lost: int = 0
    doubled: int = 0
    unseen_ms: int = 0
    unavoidable_ms: int = 0
    figures: Mapping[str, object] = field(default_factory=dict)
    problems: tuple[str, ...] = ()

    @property
    def is_clean(self) -> bool:
        return not (self.lost or self.doubled or self.problems or self.unseen_ms > self.unavoidable_ms)


@dataclass
class HostAccount:
    """One host's chunks: numbers, and the time of the machine's own clock they cover, by boot."""

    seqs: list[int] = field(default_factory=list)
    spans: dict[str, list[tuple[int, int]]] = field(default_factory=dict)
    walls: list[tuple[int, int]] = field(default_factory=list)

    def holes_ms(self, boot: str) -> list[int]:
        """Return the stretches of a boot, between its first and last chunk, that no chunk covers."""
        return [after - before for before, after in self._joints(boot) if after > before]

    def overlaps(self) -> int:
        """Return how often a stretch is covered twice."""
        return sum(after < before for boot in self.spans for before, after in self._joints(boot))

    def _joints(self, boot: str) -> Iterable[tuple[int, int]]:
        spans = sorted(self.spans[boot])
        return zip((end for _, end in spans), (start for start, _ in spans[1:]), strict=False)

    def unseen_ms(self) -> int:
        """Return the longest hole of any boot."""
        return max((hole for boot in self.spans for hole in self.holes_ms(boot)), default=0)


@dataclass(frozen=True)
class StoreAccount:
    hosts: dict[str, HostAccount]
    findings: tuple[str, ...]
    notes: tuple[str, ...]
    recorded: tuple[str, ...]
    problems: tuple[str, ...]

    def seqs(self, host: str) -> list[int]:
        return self.hosts[host].seqs if host in self.hosts else []

    @property
    def wrong(self) -> tuple[str, ...]:
        """Everything that an audit and a check of the store find."""
        return (*self.findings, *self.problems)


def store_account(url: str) -> StoreAccount:
    """Return what a store holds and what audit and check say of it."""
    with closing(open_engine_for_reading(url)) as store:
        archive = StoreArchive(store, damaged=True)
        keys = {signed.hash: PublicKey.from_hex(parse(signed.record).key) for signed in archive.enrolments()}
        hosts = {}
        for host in archive.hosts():
            account = hosts[host] = HostAccount()
            for stored in archive.chunks(host, 0, FOREVER_MS):
                chunk = open_chunk(read_frame(stored.frame), keys[stored.enrolment])
                account.seqs.append(chunk.header.seq)
                mono = chunk.values[MONO]
                account.spans.setdefault(chunk.header.boot, []).append((mono[0], mono[-1]))
                account.walls.append((chunk.header.start_ms, chunk.header.end_ms))
        report = audit(archive, log=archive.log)
        said = [
            (f"{one.code} {one.host or ''} {one.place}: {one.got}", one.severity) for one in report.findings
        ]
        findings = tuple(text for text, severity in said if severity != NOTE)
        notes = tuple(text for text, severity in said if severity == NOTE)
        recorded = tuple(f"{finding.code} {finding.host}: {finding.detail}" for finding in archive.findings())
        # the tests' PostgreSQL waits for no disk, which check rightly calls a problem
        problems = tuple(problem for problem in check(store).problems if "=off" not in problem)
    return StoreAccount(hosts, findings, notes, recorded, problems)


def sealed(log: str) -> set[int]:
    """Return the numbers that an agent says it sealed."""
    return {int(seq) for seq in SEALED.findall(log)}


def twice(seqs: Iterable[int]) -> int:
    """Return how many numbers are there more than once."""
    return sum(count - 1 for count in Counter(seqs).values())


def pending(state: Path) -> set[int]:
    """Return the numbers of the chunks that wait in a spool."""
    return {int(path.stem) for path in (state / "spool").glob("*.chunk")}


def aside(state: Path) -> list[str]:
    """Return the names of the files that were moved aside."""
    return sorted(
        path.name for folder in ("damaged", "refused") for path in (state / "spool" / folder).iterdir()
    )


def columns_of(database: Path, table: str) -> dict[str, list]:
    """Return the values of every column of a table of an SQLite store, sorted."""
    with closing(sqlite3.connect(database)) as connection:
        cursor = connection.execute(f'SELECT * FROM "{table}"')
        names = [f"{table}.{column[0]}" for column in cursor.description]
        columns = list(zip(*cursor.fetchall(), strict=True)) or [()] * len(names)
        return {name: sorted(values, key=repr) for name, values in zip(names, columns, strict=True)}
