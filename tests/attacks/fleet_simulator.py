"""An applicant's site in simulated time: machines, agents, a real collector, and its courier to the witnesses.

    site = Site(folder, witnesses)
    site.begin()                      # enrolments, scope, both anchored before the window
    site.month()                      # thirty days of work, chunks, marks, checkpoints, anchors, and the close
    data = site.pack()
    report = site.reviewed(data)      # by a reviewer who has the authority's mailbox and the TSA's root

Everything that a site does goes through the collector's own code into a real store. Keys come from names, so an attacker's second
site has the keys of the first one: he owns them all. Nothing is random and nobody asks a clock.
"""

from __future__ import annotations

import io
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from copy import deepcopy
from dataclasses import dataclass, field, replace
from pathlib import Path

from fleet import ENTERPRISE, Agent, Enrolled, MemoryArchive, instant
from packs import EDITION, TRUSTED
from witnesses import PostOffice, StampingAuthority

from collector import enrolling, ingest, tokens
from collector.anchors.courier import Courier, OpenAnchor
from collector.anchors.interface import MAIL, TIMESTAMP
from collector.anchors.mail import MailAnchor
from collector.log import keeping
from collector.opening import OpenStore, open_store
from collector.store import log, registry, scopes
from collector.store.archive import StoreArchive
from collector.store.registry import Token
from evidence import enrolment
from evidence.chunk import Frame, read_frame
from evidence.keys import PrivateKey
from evidence.stored import StoredChunk
from verifier.anchors.interface import Outside
from verifier.check import CheckReport, check
from verifier.declaration import declared_versions, next_record
from verifier.derivation import Declared
from verifier.edition_file import parse_edition
from verifier.pack import Rules, write_pack
from verifier.ports import Archive, Log, PackedReceipt

MONTH = "2026-11"
DAYS = 30
EVE = 27
"""Attacks that need no more begin on this day (0 is the first)."""
LAST_DAYS = range(EVE, DAYS)
LOG_KEY = PrivateKey.from_seed(b"log key of the attacked fleet...")
HOSTS = ("web-1", "db-1")
MINUTE_MS, HOUR_MS, DAY_MS = 60_000, 3_600_000, 86_400_000
BEGUN_MS = instant("2026-10-30T09:00")
FIRST_MS = instant("2026-11-01")
MADE_MS = instant("2026-12-01T02:00")
REVIEWED_MS = instant("2026-12-05")
SCOPE = """
schema = "starproof/scope/1"
enterprise = "示例企业"
timezone = "Asia/Shanghai"
edition = "jiangsu-2018-trial"
[window]
from = 2026-11-01
to = 2026-11-30
"""


def scope_of(hosts: Iterable[str], **sources: str) -> bytes:
    """A scope with these hosts; ``sources``: the declared sources of one, such as ``web_1="agent,import"``."""
    tables = []
    for host in hosts:
        named = sources.get(host.replace("-", "_"), "")
        listed = ", ".join(f'"{one}"' for one in named.split(",")) if named else ""
        tables.append(
            f'[[hosts]]\nid = "{host}"\nbandwidth_mbps = 100\n'
            + (f"sources = [{listed}]\n" if listed else "")
        )
    return (SCOPE + "".join(tables)).encode()


@dataclass
class Witnesses:
    """Those outside, as one site knows them: its authority's mailbox, and a TSA if the site uses one."""

    office: PostOffice
    tsa: StampingAuthority | None = None
    mailbox: list[tuple[str, bytes]] = field(default_factory=list)


@dataclass
class Chain(Enrolled):
    """A key's chain whose enrolment carries the time that its agent says."""

    enrolled_ms: int = BEGUN_MS
    rotated: bool = True

    @property
    def token(self) -> str:
        return f"token {self.host} {self.source} {self.epoch}"

    def record(self) -> enrolment.SignedEnrolment:
        signed = super().record()
        before = self.key_of(self.host, self.source, self.epoch - 1) if self.epoch and self.rotated else None
        said = replace(
            signed.enrolment,
            time_ms=self.enrolled_ms,
            token=tokens.digest(self.token),
            previous=before.public.id if before else "",
        )
        return enrolment.sign(said, self.key, before)


Work = Callable[["Site", Agent, int], None]
"""What a machine does on a day (0 is the first), up to the sealing of its chunk."""


def honest_work(site: Site, agent: Agent, day: int) -> None:
    """A day of an ordinary machine: busier by day, busier on some days."""
    works(agent, day)
    site.seal(agent)


def works(
    agent: Agent, day: int, *, more: int = 0, hours: Iterable[int] = range(24), seen: bool = True
) -> None:
    """Let these hours of a day pass; ``more`` percent are added to an ordinary machine's."""
    seed, step = sum(map(ord, agent.enrolled.host)), max(1, agent.step_s // 3600)
    for hour in list(hours)[::step]:
        level = 8 + (seed * 5 + day * 7 + hour * 3) % 11 + (15 if 8 <= hour < 19 else 0)
        rates = {"rx": 200_000 * level, "tx": 90_000 * level, "reads": level, "writes": level // 2}
        agent.run(hours=step, busy=level + more, seen=seen, **rates)


@dataclass
class Site:
    """One applicant. ``now_ms`` is what its clocks say; ``skew_ms`` is how far that is ahead of the witnesses, who are right."""

    folder: Path
    witnesses: Witnesses
    hosts: Sequence[str] = HOSTS
    mails: bool = True
    skew_ms: int = 0
    scope: bytes = b""
    step_s: int = 4 * 3600
    agents: dict[str, Agent] = field(default_factory=dict)
    answers: list[tuple[str, str]] = field(default_factory=list)
    """Status and code of every chunk that was offered to the collector."""
    now_ms: int = BEGUN_MS
    outbox: list[StoredChunk] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.opened: OpenStore = open_store(
            f"sqlite:///{self.folder / 'store.db'}", enterprise=ENTERPRISE, now_ms=self.now_ms
        )
        self.courier = Courier(
            self.opened.store, lambda: ENTERPRISE, self._anchors(), lambda: self.now_ms, lambda: 0.5
        )

    @property
    def archive(self) -> StoreArchive:
        return StoreArchive(self.opened.store, damaged=True)

    @property
    def anchor(self) -> str:
        """What the collector tells agents to name."""
        with self.opened.store.reading() as connection:
            return log.head(connection).anchor

    def close(self) -> None:
        self.opened.store.close()

    def fork(self, folder: Path, *, witnesses: Witnesses | None = None) -> Site:
        """A copy of this site as it is now, with a mailbox that got the same, unless others are given."""
        folder.mkdir(parents=True)
        with (
            closing(sqlite3.connect(self.folder / "store.db")) as mine,
            closing(sqlite3.connect(folder / "store.db")) as copy,
        ):
            mine.backup(copy)
        known = witnesses or replace(self.witnesses, mailbox=list(self.witnesses.mailbox))
        return replace(
            self,
            folder=folder,
            witnesses=known,
            agents=deepcopy(self.agents),
            answers=[],
            outbox=list(self.outbox),
        )

    # What an enterprise does

    def begin(self) -> Site:
        """Enrol the hosts, declare the scope, have both anchored two days before the window."""
        for host in self.hosts:
            self.enrol(host)
        self.declare(self.scope or scope_of(self.hosts))
        keeping.keep(self.opened.store, key=LOG_KEY, now_ms=self.now_ms)
        self.send(of_day=False)
        return self

    def declare(self, text: bytes) -> None:
        scopes.declare(
            self.opened.store,
            text,
            record=lambda enterprise, before, now_ms: next_record(
                before, text, enterprise=enterprise, declared_ms=now_ms
            ),
            clock=lambda: self.now_ms,
            edition=parse_edition(EDITION).sha256,
        )

    def enrol(
        self, host: str, *, said_ms: int = BEGUN_MS, rotated: bool = True, start_ms: int = FIRST_MS
    ) -> Agent:
        """Enrol the next key of a host's agent; its machine's first reading is at ``start_ms``."""
        before = self.agents.get(host)
        epoch = before.enrolled.epoch + 1 if before else 0
        chain = self.enrol_source(host, "agent", epoch=epoch, said_ms=said_ms, rotated=rotated)
        self.agents[host] = Agent(chain, start_ms=start_ms, step_s=self.step_s)
        if before is not None:
            self.agents[host].stays_up(before)
        return self.agents[host]

    def enrol_source(
        self, host: str, source: str, *, epoch: int = 0, said_ms: int = BEGUN_MS, rotated: bool = True
    ) -> Chain:
        """Enrol a key through the collector, as the host's program does."""
        chain = Chain(ENTERPRISE, host, source, epoch, enrolled_ms=said_ms, rotated=rotated)
        text, signed = chain.token, chain.record()
        with self.opened.store.writing() as connection:
            registry.add_token(
                connection,
                Token(tokens.digest(text), host, self.now_ms, self.now_ms + DAY_MS, None, None),
            )
        request = enrolling.Request(text, signed.record, signed.signature, signed.previous_signature)
        enrolling.enrol(self.opened.store, request, now_ms=self.now_ms)
        return chain

    def seal(self, agent: Agent, **changes: object) -> None:
        """Seal what was read; it is delivered in the night."""
        before = len(agent.enrolled.stored)
        agent.seal(**{"anchor": self.anchor, **changes})
        self.outbox += agent.enrolled.stored[before:]

    def deliver(self) -> None:
        """Offer what is sealed to the collector, which may refuse it."""
        if self.outbox:
            self.offer(*(read_frame(stored.frame) for stored in self.outbox))
            self.outbox.clear()

    def offer(self, *frames: Frame) -> list[tuple[str, str]]:
        taken = ingest.take(self.opened.store, list(frames), clock=lambda: self.now_ms)
        said = [(result.verdict.status, result.verdict.code) for result in taken.results]
        self.answers += said
        return said

    def night(self, day: int, *, marks: bool = True) -> None:
        """After day number ``day``: chunks come, the day is marked, the checkpoint goes to the witnesses."""
        self.now_ms = FIRST_MS + (day + 1) * DAY_MS + 2 * MINUTE_MS
        self.deliver()
        self.now_ms += 3 * MINUTE_MS
        if marks:
            keeping.keep_days(self.opened.store, key=LOG_KEY, now_ms=self.now_ms)
            self.now_ms += MINUTE_MS
            self.send()

    def month(
        self, work: Work = honest_work, *, days: Iterable[int] = range(-2, DAYS), closes: bool = True
    ) -> Site:
        """Live through the days (0 is the first of the window), then close the month."""
        for day in days:
            for agent in list(self.agents.values()) if day >= 0 else ():
                work(self, agent, day)
            self.night(day)
        if closes:
            self.now_ms = max(self.now_ms, FIRST_MS + DAYS * DAY_MS) + 5 * MINUTE_MS
            keeping.close_month(self.opened.store, MONTH, key=LOG_KEY, now_ms=self.now_ms)
            self.send()
        return self

    def send(self, *, of_day: bool = True) -> None:
        """Hand the newest checkpoint to every witness, as the courier does."""
        office, true_ms = self.witnesses.office, self.now_ms - self.skew_ms
        office.mailbox, office.now_ms = self.witnesses.mailbox, true_ms
        if self.witnesses.tsa is not None:
            self.witnesses.tsa.now_ms = true_ms
        self.courier.queue(of_day=of_day)
        assert not [one.error for one in self.courier.hand_over() if one.error]

    def pack(
        self,
        *,
        archive: Archive | None = None,
        log: Log | None = None,
        edition: bytes = EDITION,
        made_ms: int = MADE_MS,
        version: int = 0,
        keeps: Callable[[PackedReceipt], bool] = lambda _: True,
    ) -> bytes:
        """What ``starproof pack`` writes; an attacker hands in other parts, or uses an older version of the scope.

        ``keeps``: which receipts of anchors go in.
        """
        stream, mine = io.BytesIO(), self.archive
        records = list((archive or mine).scope_versions())
        versions = declared_versions(records)
        declared = Declared(parse_edition(edition), versions[version - 1].scope, versions)
        write_pack(
            stream, archive or mine, month=MONTH, rules=Rules(declared, edition, records[version - 1][1], records),
            zone=None, log_key=LOG_KEY, made_ms=made_ms, log=log or mine.log, receipts=filter(keeps, mine.receipts()),
        )  # fmt: skip
        return stream.getvalue()

    def bent(self, change: Callable[[MemoryArchive], None]) -> MemoryArchive:
        """What is in the store, bent, with the day sums that follow."""
        mine = self.archive
        stored = [entry for host in mine.hosts() for entry in mine.chunks(host, 0, 2**62)]
        copy = MemoryArchive(
            ENTERPRISE, mine.timezone, mine.enrolments(), stored, [], list(mine.scope_versions())
        )
        change(copy)
        copy.recredit()
        return copy

    # What a reviewer does

    @property
    def outside(self) -> Outside:
        return outside_of(self.witnesses)

    def reviewed(self, data: bytes | None = None, *, outside: Outside | None = None) -> CheckReport:
        return reviewed(self.pack() if data is None else data, self.outside if outside is None else outside)

    def _anchors(self) -> list[OpenAnchor]:
        found = []
        if self.mails:
            mail = MailAnchor(
                "127.0.0.1", self.witnesses.office.port, "none", "starproof@example.com", "office@example.gov.cn",
                "", None, "", 10, lambda: self.now_ms,
            )  # fmt: skip
            found.append(OpenAnchor("authority", MAIL, mail))
        if self.witnesses.tsa is not None:
            found.append(OpenAnchor("tsa", TIMESTAMP, self.witnesses.tsa))
        return found


def outside_of(witnesses: Witnesses) -> Outside:
    """What a reviewer brings who asks all of these witnesses."""
    roots = [] if witnesses.tsa is None else [witnesses.tsa.root]
    return Outside(tsa_roots=roots, mail=list(witnesses.mailbox))


def reviewed(data: bytes, outside: Outside) -> CheckReport:
    """The check on a reviewer's laptop, some days after the month."""
    return check(
        io.BytesIO(data), log_key=LOG_KEY.public, editions=TRUSTED, now_ms=REVIEWED_MS, outside=outside
    )
