"""Databases as the agent's loop reads them."""

import pytest

from agent.databases.host import DatabaseHost
from agent.databases.interface import Counted, DatabaseError
from agent.databases.machine import Moment, facts, this_machine
from agent.reading import ReadingError
from agent.sealing import ClockEstimate, Identity, Place, Sealer
from evidence.calendar import LocalCalendar
from evidence.chunk import open_chunk, read_frame
from evidence.columns import MISSING
from evidence.crediting import credited
from evidence.keys import PrivateKey

T0 = 1_793_462_400_000
MINUTE = 60_000


class Machine:
    def __init__(self):
        self.wall_ms, self.boot, self.since_ms, self.slow_ms = T0, "boot-1", T0 - 86_400_000, 0

    def now(self):
        self.wall_ms += self.slow_ms
        up = self.wall_ms - self.since_ms
        return Moment(self.wall_ms, up, up)

    def clock_state(self):
        return "synchronized"

    def boot_id(self):
        return self.boot


class Server:
    """A server that counts; ``fault`` is why it does not answer."""

    def __init__(self, identity="server 1", writes=0):
        self.reads, self.writes, self.identity, self.fault, self.closed = 0, writes, identity, "", False

    def count(self):
        if self.fault:
            raise DatabaseError(self.fault)
        return Counted(self.identity, self.reads, self.writes, "mysql.statements/1", "Com_select", "MySQL 8")

    def close(self):
        self.closed = True


class World:
    def __init__(self, **databases):
        self.machine, self.databases = Machine(), databases
        self.host = DatabaseHost(databases, machine=self.machine, facts=facts(), interval_ms=MINUTE)
        self.key = PrivateKey.generate()
        self.sealer = Sealer(
            identity=Identity("示例企业", "db-1", "starproof-agent 0", "database"), key=self.key
        )
        self.frames, self.place = [], Place(0, "0" * 64, 0)

    def pass_minute(self, reads=0, writes=0, name="orders"):
        self.machine.wall_ms += MINUTE
        self.databases[name].reads += reads
        self.databases[name].writes += writes

    def read(self):
        self.sealer.add(self.host.read())

    def chunks(self):
        self.sealer.finish()
        while (frame := self.sealer.draft(self.place, ClockEstimate())) is not None:
            self.sealer.sealed()
            chunk = open_chunk(read_frame(frame), self.key.public)
            self.frames.append(chunk)
            self.place = Place(self.place.seq + 1, chunk.hash, chunk.header.end_ms)
        return self.frames

    def sums(self):
        found = credited(self.chunks(), LocalCalendar("Asia/Shanghai"))
        total = {}
        for (metric, _), sums in found.items():
            total[metric] = total[metric] + sums if metric in total else sums
        return total


def test_every_minute_is_observed_and_statements_add_up():
    world = World(orders=Server())
    world.read()
    for _ in range(10):
        world.pass_minute(reads=7, writes=3)
        world.read()
    sums = world.sums()
    assert (sums["db.reads"].amount, sums["db.writes"].amount) == (70, 30)
    assert sums["db.reads"].observed_ms == 10 * MINUTE


def test_a_server_that_does_not_answer_costs_nothing_if_it_was_not_started_anew():
    world = World(orders=Server())
    world.read()
    world.databases["orders"].fault = "database orders: refused"
    for _ in range(5):
        world.pass_minute(reads=7)
        with pytest.raises(ReadingError, match="database orders: refused"):
            world.read()
    world.databases["orders"].fault = ""
    world.pass_minute(reads=7)
    world.read()
    sums = world.sums()["db.reads"]
    assert (sums.amount, sums.bridged_ms, sums.suspect_ms) == (42, 6 * MINUTE, 0)
    [(name, reason)] = world.chunks()[-1].manifest.absent
    assert name == "database orders"
    assert reason == (
        "not read from 2026-11-01T00:01:00Z until before 2026-11-01T00:06:00Z, 5 tries: database orders: refused"
    ).replace("11-01T00", "10-31T16")


def test_a_second_outage_takes_the_place_of_the_first_in_the_manifest():
    world = World(orders=Server())
    world.read()
    for reason in ("one", "two"):
        world.databases["orders"].fault = reason
        world.pass_minute()
        with pytest.raises(ReadingError):
            world.read()
        world.databases["orders"].fault = ""
        world.pass_minute()
        world.read()
    [(_, reason)] = world.chunks()[-1].manifest.absent
    assert reason.endswith("1 tries: two")


def test_a_server_that_started_anew_loses_the_interval_and_never_counts_back():
    world = World(orders=Server())
    world.pass_minute(reads=1000)
    world.read()
    world.pass_minute(reads=5)
    world.read()
    world.pass_minute()
    server = world.databases["orders"]
    server.identity, server.reads = "server 1 started later", 3
    world.read()
    world.pass_minute(reads=4)
    world.read()
    sums = world.sums()["db.reads"]
    assert (sums.amount, sums.observed_ms, sums.suspect_ms) == (9, 2 * MINUTE, 0)


def test_counters_that_go_back_without_another_identity_are_suspect():
    world = World(orders=Server())
    world.pass_minute(reads=1000)
    world.read()
    world.pass_minute(reads=-900)
    world.read()
    sums = world.sums()
    assert (sums["db.reads"].amount, sums["db.reads"].suspect_ms) == (0, MINUTE)
    assert sums["db.writes"].observed_ms == MINUTE


def test_a_boot_of_the_readers_machine_is_missing_time_and_not_the_servers_whole_count():
    world = World(orders=Server())
    world.databases["orders"].reads = 10**9
    world.read()
    world.machine.boot, world.machine.since_ms = "boot-2", world.machine.wall_ms + 30_000
    world.pass_minute(reads=7)
    world.read()
    world.pass_minute(reads=7)
    world.read()
    chunks = world.chunks()
    assert [chunk.header.first for chunk in chunks] == ["reading", "reading"]
    sums = world.sums()["db.reads"]
    assert (sums.amount, sums.downtime_ms, sums.restarts) == (7, 0, 0)


def test_databases_of_one_host_are_read_together_or_not_at_all():
    world = World(orders=Server(), stock=Server("server 2"))
    reading = world.host.read()
    assert list(reading.values) == [
        ("db.reads", "orders"), ("db.writes", "orders"), ("db.reads", "stock"), ("db.writes", "stock"),
    ]  # fmt: skip
    for server in world.databases.values():
        server.fault = "away"
    with pytest.raises(ReadingError, match="away; away"):
        world.host.read()
    world.host.close()
    assert all(server.closed for server in world.databases.values())


def test_answers_that_come_too_late_belong_to_no_instant():
    world = World(orders=Server())
    world.machine.slow_ms = 2_001
    with pytest.raises(ReadingError, match="took 2001 ms"):
        world.host.read()


def test_a_kind_that_a_product_does_not_tell_has_no_column_and_a_reason():
    world = World(orders=Server(writes=None))
    manifest = world.host.read().manifest
    assert [column.name for column in manifest.columns[3:]] == ["db.reads"]
    assert manifest.absent == (("db.writes:orders", "mysql.statements/1 does not tell it apart"),)


@pytest.mark.parametrize("impossible", [-1, 2**63])
def test_a_counter_that_cannot_be_is_missing(impossible):
    world = World(orders=Server())
    world.databases["orders"].reads = impossible
    assert world.host.read().values["db.reads", "orders"] == MISSING


def test_a_long_identity_is_kept_as_its_hash():
    world = World(orders=Server("x" * 500))
    [device] = world.host.read().manifest.devices
    assert (device.kind, device.name, len(device.identity)) == ("database", "orders", 64)
    assert device.reason == "mysql.statements/1, MySQL 8: Com_select"


def test_the_machine_that_this_runs_on_has_clocks_and_a_boot():
    machine = this_machine()
    before, after = machine.now(), machine.now()
    assert before.boot_ms <= after.boot_ms
    assert machine.boot_id() == this_machine().boot_id()
    assert machine.clock_state() in ("synchronized", "unsynchronized", "unknown")


def test_other_systems_are_read_as_the_agent_reads_them():
    machine = this_machine("darwin")
    moment = machine.now()
    assert moment.mono_ms <= moment.boot_ms
    assert machine.boot_id().startswith("first-process-")
    assert machine.clock_state() == "unknown"
