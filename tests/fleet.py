"""A small fleet in memory: hosts that count, sealed chunks, and an archive that holds them.

    fleet = Fleet()
    web = fleet.agent("web-1", start="2026-11-01")
    web.run(hours=24, busy=25)           # one reading an hour
    web.run(hours=5, seen=False)         # counters go on, nobody reads: bridged by the next reading
    web.reboot(down_s=3600)              # downtime
    web.forget(hours=3)                  # the agent lost its state: missing
    fleet.averages("db-1", "cpu.utilization", [(start_ms, 300_000, 125)], scale=1)
    archive = fleet.archive()            # an ``verifier.ports.Archive``; its lists may be bent

Everything is deterministic: keys come from names, time from the arguments.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from functools import lru_cache
from itertools import groupby
from zoneinfo import ZoneInfo

from drafts import activity_manifest, averages_manifest, counters_manifest

from evidence import chunk, enrolment
from evidence.activity import ActivityRow, activity_sets, merge_sets, rows, to_blob
from evidence.calendar import LocalCalendar
from evidence.chunk import open_chunk, read_frame
from evidence.crediting import credited
from evidence.day_sum import span
from evidence.errors import EvidenceError
from evidence.keys import PrivateKey
from evidence.manifest import Manifest
from evidence.stored import DaySumRow, StoredChunk

ENTERPRISE = "示例企业"
ZONE = "Asia/Shanghai"
HOUR_S = 3_600
TICKS_PER_S = 100
ENROLLED_MS = 1_750_000_000_000
RECEIVED_AFTER_MS = 1_000


def instant(text: str, zone: str = ZONE) -> int:
    """Milliseconds since 1970 of a local time such as ``2026-11-01`` or ``2026-11-01T08:00``."""
    return round(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp()) * 1000


@dataclass
class MemoryArchive:
    """An archive whose parts are plain lists. Sorted when read, so they may be bent in any order."""

    enterprise: str
    timezone: str
    enrolled: list[enrolment.SignedEnrolment]
    stored: list[StoredChunk]
    rows: list[DaySumRow]
    scopes: list[tuple[bytes, bytes]] = field(default_factory=list)
    people: list[ActivityRow] = field(default_factory=list)
    ledger_bytes: bytes = b""
    ledger_documents: dict[str, bytes] = field(default_factory=dict)

    def hosts(self) -> list[str]:
        return sorted({signed.enrolment.host for signed in self.enrolled})

    def enrolments(self) -> list[enrolment.SignedEnrolment]:
        return sorted(self.enrolled, key=lambda s: (s.enrolment.host, s.enrolment.source, s.enrolment.epoch))

    def chunks(self, host: str, start_ms: int, end_ms: int) -> Iterator[StoredChunk]:
        for entry in self._sorted(host):
            start, end = _span(entry)
            if start < end_ms and end > start_ms:
                yield entry

    def chain(
        self, host: str, source: str, epoch: int, first_seq: int, last_seq: int
    ) -> Iterator[StoredChunk]:
        for entry in self._sorted(host):
            if (entry.source, entry.epoch) == (source, epoch) and first_seq <= entry.seq <= last_seq:
                yield entry

    def day_sums(self, first_day: int, after_day: int) -> Iterable[DaySumRow]:
        return [row for row in self.rows if first_day <= row.day < after_day]

    def activity(self, first_day: int, after_day: int) -> Iterable[ActivityRow]:
        return [row for row in self.people if first_day <= row.key.day < after_day]

    def ledger(self) -> bytes:
        return self.ledger_bytes

    def ledger_document(self, sha256: str) -> bytes | None:
        return self.ledger_documents.get(sha256)

    def scope_versions(self) -> Sequence[tuple[bytes, bytes]]:
        return self.scopes

    def _sorted(self, host: str) -> list[StoredChunk]:
        mine = [entry for entry in self.stored if entry.host == host]
        return sorted(mine, key=lambda entry: (entry.source, entry.epoch, entry.seq))

    def recredit(self) -> None:
        """Write the day sums anew from the chunks, as a store would have."""
        keys = {signed.hash: signed.public for signed in self.enrolled}
        calendar = LocalCalendar(self.timezone)
        ordered = sorted(self.stored, key=lambda e: (e.host, e.source, e.epoch, e.seq))
        self.rows, self.people = [], []
        for (host, source), run in groupby(ordered, key=lambda e: (e.host, e.source)):
            opened = [open_chunk(read_frame(entry.frame), keys[entry.enrolment]) for entry in run]
            united = merge_sets(activity_sets(each, calendar) for each in opened)
            self.people += [ActivityRow(host, source, key, to_blob(united[key])) for key in sorted(united)]
            for (metric, day), sums in credited(opened, calendar).items():
                self.rows.append(DaySumRow(host, source, metric, day, sums))


def _span(entry: StoredChunk) -> tuple[int, int]:
    return _claimed(entry.frame)


@lru_cache(maxsize=2**18)
def _claimed(frame: bytes) -> tuple[int, int]:
    """The stretch that a frame claims; one that cannot be read is always in the way."""
    try:
        return span(chunk.parse_header(read_frame(frame).header))
    except EvidenceError:
        return 0, 2**62


@dataclass
class Enrolled:
    """One source of one host with its key, and where its chain stands."""

    enterprise: str
    host: str
    source: str
    epoch: int = 0
    stored: list[StoredChunk] = field(default_factory=list)
    seq: int = 0
    prev_end_ms: int = 0
    prev: str = ""

    @staticmethod
    def key_of(host: str, source: str, epoch: int) -> PrivateKey:
        return PrivateKey.from_seed(hashlib.sha256(f"{host}/{source}/{epoch}".encode()).digest())

    @property
    def key(self) -> PrivateKey:
        return self.key_of(self.host, self.source, self.epoch)

    def record(self) -> enrolment.SignedEnrolment:
        return _record(self.enterprise, self.host, self.source, self.epoch)

    def seal(
        self,
        manifest: Manifest,
        values: Sequence[Sequence[int]],
        *,
        start_ms: int,
        end_ms: int,
        first: str = "reading",
        boot: str = "",
        **changes: object,
    ) -> StoredChunk:
        """Seal the next chunk of the chain and keep it. ``changes`` bend fields of its header."""
        header = chunk.Header(
            enterprise=self.enterprise, source=self.source, host=self.host, key="0" * 64, seq=self.seq,
            prev=self.prev or self.record().hash, boot=boot, first=first, start_ms=start_ms, end_ms=end_ms,
            prev_end_ms=self.prev_end_ms, anchor="", rows=0, columns=0, digest="", manifest="",
            agent="0.1.0", clock_state="synchronized", clock_offset_ms=0, clock_rtt_ms=-1,
        )  # fmt: skip
        header = replace(header, **changes)
        frame = chunk.seal(header, manifest=manifest, values=values, key=self.key)
        kept = StoredChunk(
            self.host,
            self.source,
            self.epoch,
            header.seq,
            self.record().hash,
            end_ms + RECEIVED_AFTER_MS,
            frame,
        )
        self.stored.append(kept)
        self.seq, self.prev_end_ms, self.prev = header.seq + 1, end_ms, read_frame(frame).hash
        return kept


@lru_cache(maxsize=1_000)
def _record(enterprise: str, host: str, source: str, epoch: int) -> enrolment.SignedEnrolment:
    key = Enrolled.key_of(host, source, epoch)
    before = Enrolled.key_of(host, source, epoch - 1) if epoch else None
    return enrolment.sign(
        enrolment.Enrolment(
            enterprise=enterprise,
            host=host,
            source=source,
            key=key.public.raw.hex(),
            epoch=epoch,
            previous=before.public.id if before else "",
            token=hashlib.sha256(f"token {host} {epoch}".encode()).hexdigest(),
            time_ms=ENROLLED_MS,
            agent="0.1.0",
            facts={"system": "linux"},
        ),
        key,
        before,
    )


class Agent:
    """A machine that counts, and the agent that reads it every ``step_s`` seconds."""

    def __init__(
        self,
        enrolled: Enrolled,
        *,
        start_ms: int,
        step_s: int = HOUR_S,
        cpus: int = 2,
        manifest: Manifest | None = None,
    ) -> None:
        self.enrolled = enrolled
        self.manifest = manifest or counters_manifest(interval_ms=step_s * 1000, cpus=cpus)
        self.step_s, self.cpus = step_s, cpus
        self.wall_ms, self.boot_ms, self.mono_ms = start_ms, 86_400_000, 86_400_000
        self.boot = 1
        self.machine = enrolled.host
        self.counted = dict.fromkeys(
            ("user", "idle", "steal", "net.rx", "net.tx", "disk.reads", "disk.writes"), 0
        )
        self._rows: list[tuple[int, ...]] = []
        self._last: tuple[int, ...] | None = None
        self._first = "reading"
        self.read()

    def stays_up(self, before: Agent) -> None:
        """Be the machine of ``before``, enrolled anew: it was not restarted in between."""
        self.boot = before.boot
        for clock in ("boot_ms", "mono_ms"):
            setattr(self, clock, getattr(before, clock) + self.wall_ms - before.wall_ms)
        self._rows.clear()
        self.read()

    def read(self) -> None:
        """Take a reading now."""
        names = [column.name for column in self.manifest.columns[3:]]
        values = [self.counted.get(name.removeprefix("cpu."), 0) for name in names]
        self._rows.append((self.wall_ms, self.boot_ms, self.mono_ms, *values))

    def run(
        self,
        *,
        hours: float = 1,
        busy: int = 25,
        steal: int = 0,
        rx: int = 0,
        tx: int = 0,
        reads: int = 0,
        writes: int = 0,
        seen: bool = True,
        suspended: bool = False,
    ) -> Agent:
        """Let time pass: ``busy`` and ``steal`` percent, bytes and operations per second.

        Nobody reads while the host is suspended; the next reading sees how long it was.
        """
        left = round(hours * HOUR_S)
        while left > 0:
            step = min(self.step_s, left)
            left -= step
            self.wall_ms += step * 1000
            self.boot_ms += step * 1000
            if not suspended:
                self.mono_ms += step * 1000
                ticks = step * TICKS_PER_S * self.cpus
                self.counted["user"] += ticks * busy // 100
                self.counted["steal"] += ticks * steal // 100
                self.counted["idle"] += ticks - ticks * busy // 100 - ticks * steal // 100
                for name, rate in (
                    ("net.rx", rx),
                    ("net.tx", tx),
                    ("disk.reads", reads),
                    ("disk.writes", writes),
                ):
                    self.counted[name] += rate * step
            if seen and not suspended:
                self.read()
        return self

    def seal(self, **changes: object) -> Agent:
        """Seal what was read since the last chunk, if that is an interval."""
        rows = ([self._last] if self._first == "repeat" and self._last else []) + self._rows
        if len(rows) > 1:
            self.enrolled.seal(
                self.manifest, list(zip(*rows, strict=True)), start_ms=rows[0][0], end_ms=rows[-1][0],
                first=self._first, boot=f"{self.machine}-boot-{self.boot}", **changes,
            )  # fmt: skip
            self._last, self._rows, self._first = rows[-1], [], "repeat"
        return self

    def reboot(self, *, down_s: int = HOUR_S) -> Agent:
        """Seal, switch off for a while, and start again with counters at zero."""
        self.seal()
        self.wall_ms += down_s * 1000
        self.boot_ms = self.mono_ms = 0
        self.boot += 1
        self.counted = dict.fromkeys(self.counted, 0)
        self._rows, self._first = [], "boot_after_shutdown"
        self.read()
        return self

    def forget(self, *, hours: float = 1, **rates: int) -> Agent:
        """Seal, then lose the agent's state for a while: that time is missing."""
        self.seal()
        self.run(hours=hours, seen=False, **rates)
        self._rows, self._first = [], "reading"
        self.read()
        return self

    def lose(self) -> Agent:
        """Seal a chunk that never arrives."""
        self.seal()
        self.enrolled.stored.pop()
        return self


class Fleet:
    """Hosts of one enterprise."""

    def __init__(self, enterprise: str = ENTERPRISE, timezone: str = ZONE) -> None:
        self.enterprise, self.timezone = enterprise, timezone
        self.sources: dict[tuple[str, str, int], Enrolled] = {}
        self._agents: list[Agent] = []

    def enrol(self, host: str, source: str = "agent", epoch: int = 0) -> Enrolled:
        """Return the source of a host, enrolled once."""
        return self.sources.setdefault((host, source, epoch), Enrolled(self.enterprise, host, source, epoch))

    def agent(
        self, host: str, *, start: str = "2026-11-01", epoch: int = 0, step_s: int = HOUR_S, cpus: int = 2,
        manifest: Manifest | None = None,
    ) -> Agent:  # fmt: skip
        """Return a new machine with an agent whose first reading falls on ``start`` (local time)."""
        before = next((a for a in reversed(self._agents) if a.enrolled.host == host), None)
        made = Agent(
            self.enrol(host, epoch=epoch),
            start_ms=instant(start, self.timezone),
            step_s=step_s,
            cpus=cpus,
            manifest=manifest,
        )
        if before is not None:
            made.stays_up(before)
        self._agents.append(made)
        return made

    def averages(
        self,
        host: str,
        metric: str,
        samples: Sequence[tuple[int, int, int]],
        *,
        scale: int = 0,
        source: str = "import",
        **facts: str,
    ) -> StoredChunk:
        """Seal (start_ms, length_ms, value x 10^scale) as one chunk of averages, with these facts."""
        enrolled = self.enrol(host, source)
        starts, lengths, values = (list(column) for column in zip(*samples, strict=True))
        return enrolled.seal(
            averages_manifest(metric, scale, **facts),
            [starts, lengths, values],
            start_ms=starts[0],
            end_ms=starts[-1] + lengths[-1],
        )

    def activity(
        self,
        host: str,
        start: str,
        end: str,
        people: Mapping[str, Sequence[bytes]] | None = None,
        *,
        source: str = "login-log",
        **facts: str,
    ) -> list[StoredChunk]:
        """Seal what was read from ``start`` to ``end`` (local times): hashes by ISO day.

        What does not fit into one chunk, or nothing, is sealed as the format says.
        """
        enrolled, calendar = self.enrol(host, source), LocalCalendar(self.timezone)
        counts = {
            (date.fromisoformat(day).toordinal(), digest): 1
            for day, digests in (people or {}).items()
            for digest in digests
        }
        begins, ends = instant(start, self.timezone), instant(end, self.timezone)
        sealed = []
        for values in list(rows(counts, calendar)) or [[[], [], [], [], []]]:
            made = activity_manifest(**{"timezone": self.timezone, **facts})
            sealed.append(enrolled.seal(made, values, start_ms=begins, end_ms=ends))
            begins = ends
        return sealed

    def archive(self) -> MemoryArchive:
        """Seal what is open and return an archive with day sums as a store would have them."""
        for agent in self._agents:
            agent.seal()
        made = MemoryArchive(
            self.enterprise,
            self.timezone,
            [source.record() for source in self.sources.values()],
            [entry for source in self.sources.values() for entry in source.stored],
            [],
        )
        made.recredit()
        return made


__all__ = ["Agent", "Enrolled", "Fleet", "MemoryArchive", "instant"]
