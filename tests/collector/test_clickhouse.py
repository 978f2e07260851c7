"""Frames and past day sums in a real cluster of two ClickHouse servers that know nothing of one another."""

from __future__ import annotations

import time

import clickhouse_servers as servers
import pytest
from sqlalchemy import func, select

from collector.store import schema
from collector.store.archive import StoreArchive
from collector.store.clickhouse import binding as bindings
from collector.store.clickhouse import serving

T0 = 1_793_462_400_000  # 2026-11-01 00:00 in Shanghai
HOUR, DAY = 3_600_000, 86_400_000
NOW = T0 + 60 * DAY
HOLD_MS = 600_000
DAYS = (739_000, 740_500)
HOSTS = ("web-1", "web-2", "web-3", "web-4")


@pytest.fixture(scope="session")
def cluster_servers():
    with servers.shards(2) as found:
        yield found


@pytest.fixture
def shards(cluster_servers):
    yield cluster_servers
    for shard in cluster_servers:
        if shard.process is None:
            shard.start()
            shard.wait()


@pytest.fixture
def url(shards, tmp_path):
    """A store whose settings name the cluster."""
    state = tmp_path / "state"
    state.mkdir(mode=0o700)
    (state / "clickhouse.toml").write_text(servers.settings(shards, tmp_path / "secret"))
    return f"sqlite:///{state / 'starproof.db'}"


@pytest.fixture(autouse=True)
def commands_read_the_clock_of_the_tests(clock, monkeypatch):
    monkeypatch.setattr(time, "time_ns", lambda: clock() * 1_000_000)


@pytest.fixture
def fleet(api, token, take, clock):
    """Four hosts with chunks in October, November and December."""
    hosts = {name: api.enrol(token(), name) for name in HOSTS}
    clock.now_ms = NOW
    for host in hosts.values():
        for start in (T0 - 20 * DAY, T0 + DAY, T0 + 2 * DAY, T0 + 40 * DAY):
            assert take(*host.run(2, start, rows=25)) == [("stored", "")] * 2
    return hosts


@pytest.fixture
def turn(opened, tmp_path, clock):
    """Do a turn of moving, some time later."""

    def run(later_ms=0):
        clock.now_ms += later_ms
        return serving.turn(opened.store, directory=tmp_path, now_ms=clock())

    return run


@pytest.fixture
def moved(fleet, turn):
    """Everything that is due is in the cluster."""
    turn()
    return turn(HOLD_MS)


def near(store):
    """How many frames and day sums the database has."""
    with store.reading() as connection:
        return tuple(
            connection.scalar(select(func.count()).select_from(table))
            for table in (schema.chunk_frame, schema.day_sum)
        )


def everything(store):
    """What figures are made of, as the archive hands it out."""
    archive = StoreArchive(store)
    chunks = [one for host in archive.hosts() for one in archive.chunks(host, 0, NOW)]
    return chunks, list(archive.day_sums(*DAYS))


def test_a_frame_leaves_the_database_only_after_it_was_held_long_enough(opened, fleet, turn):
    before = everything(opened.store)
    first = turn().frames
    assert (first.put, first.left, near(opened.store)[0]) == (32, 0, 32)
    early = turn(HOLD_MS - 1).frames
    assert (early.put, early.left, early.waiting) == (0, 0, 32)
    last = turn(1).frames
    assert (last.put, last.left, near(opened.store)[0]) == (0, 32, 0)
    assert everything(opened.store) == before


def test_both_shards_have_their_part_and_no_frame_is_there_twice(opened, moved, shards):
    with opened.store.reading() as connection:
        name = bindings.of(connection).store
    query = "SELECT count(), uniqExact(hash) FROM starproof.frame FINAL WHERE store = %(store)s"
    parts = [shard.execute(query, {"store": name})[0] for shard in shards]
    assert sum(count for count, _ in parts) == sum(unique for _, unique in parts) == 32
    assert all(count for count, _ in parts)
