"""What tests of polling share: a clock that they move, the fake cloud, ways to look at the store."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal

from sources.fake import DAY, HOUR, Fake, plugins

from collector.polling.accounts import Account
from collector.polling.opening import Keys
from collector.polling.poller import Poller
from collector.polling.world import World
from collector.sources.calling import Clocks
from collector.sources.secrets import Secret
from collector.store import findings, polls, schema
from evidence.chunk import open_chunk, read_frame
from evidence.enrolment import parse
from evidence.keys import PublicKey

T0 = 1_793_462_400_000  # 2026-11-01 00:00 in Shanghai
NOW = T0 + 40 * DAY + 7 * HOUR
SECRET = "pLaNtEd+secret/0123456789=="


@dataclass
class Clock:
    now_ms: int = NOW
    slept: list = field(default_factory=list)

    def __call__(self):
        return self.now_ms

    def sleep(self, seconds):
        self.slept.append(seconds)
        self.now_ms += int(seconds * 1000)


@dataclass
class Events:
    lines: list = field(default_factory=list)

    def __call__(self, event, **details):
        self.lines.append({"event": event, **details})

    def named(self, event):
        return [line for line in self.lines if line["event"] == event]


@dataclass
class Bench:
    """Everything that a poller needs, and ways to look at what it did."""

    opened: object
    fake: Fake
    clock: Clock
    log: Events
    directory: object
    keys: Keys
    stop: bool = False

    def world(self, **changes):
        clocks = Clocks(self.clock, self.clock, self.clock.sleep, lambda: 0.5)
        values = {
            "opened": self.opened,
            "plugins": plugins(self.fake),
            "keys": self.keys,
            "clocks": clocks,
            "log": self.log,
            "lock_directory": self.directory,
            "stopping": lambda: self.stop,
        }
        return World(**{**values, **changes})

    def account(self, **changes):
        values = {"alias": "main", "provider": "fake", "credential": "env:FAKE_KEY", "bills": False}
        return Account(**{**values, **changes})

    def poller(self, *accounts, **changes):
        return Poller(self.world(**changes), accounts or (self.account(),))

    def poll(self, account=None, **options):
        """Run one account with a poller of its own, as after a restart."""
        account = account or self.account()
        return self.poller(account).run(account, **{"only_due": False, **options})

    def rows(self, table):
        with self.opened.store.reading() as connection:
            return connection.execute(table.select().order_by(*table.primary_key.columns)).all()

    def chunks(self):
        with self.opened.store.reading() as connection:
            frame = schema.chunk_frame.c
            query = schema.chunk.join(schema.chunk_frame, frame.chunk_id == schema.chunk.c.id).select()
            query = query.order_by(schema.chunk.c.id)
            keys = {
                row.id: PublicKey.from_hex(parse(row.record).key)
                for row in connection.execute(schema.enrolment.select())
            }
            return [
                open_chunk(read_frame(row.frame), keys[row.enrolment_id])
                for row in connection.execute(query).all()
            ]

    def averages(self):
        """The chunks of what was measured, without those of what was bought."""
        return [chunk for chunk in self.chunks() if not chunk.manifest.columns[-1].name.startswith("net.cap")]

    def sealed(self):
        """(host, metric) → {(start, length): value}; a point that is sealed twice is an error."""
        found = {}
        times = Counter()
        for chunk in self.chunks():
            column = chunk.manifest.columns[-1]
            points = found.setdefault((chunk.header.host, column.name), {})
            for start, length, value in zip(*chunk.values, strict=True):
                times[chunk.header.host, column.name, start] += 1
                points[start, length] = Decimal(value).scaleb(-column.scale)
        twice = [place for place, count in times.items() if count > 1]
        assert not twice, twice
        return found

    def questions(self, what=polls.AVERAGES):
        return [row for row in self.rows(schema.poll) if row.what == what]

    def findings(self):
        with self.opened.store.reading() as connection:
            return findings.recorded(connection)

    def marks(self, metric="cpu.utilization", alias="main"):
        with self.opened.store.reading() as connection:
            return polls.marks(connection, alias, metric)


def bench_of(opened, directory):
    """Return a bench over an open store; locks lie in ``directory``."""
    clock = Clock()
    keys = Keys(lambda _: Secret(SECRET))
    return Bench(opened, Fake(clock=clock), clock, Events(), directory, keys)
