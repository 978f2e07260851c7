"""Frames and past day sums in a real cluster of two ClickHouse servers that know nothing of one another."""

from __future__ import annotations

import json
import shutil
import time
from contextlib import closing

import clickhouse_servers as servers
import httpx
import pytest
from sqlalchemy import func, select

from collector.errors import ClusterError, SettingsError
from collector.log import keeping
from collector.store import coverage, locks, months, schema, standing
from collector.store.archive import StoreArchive
from collector.store.clickhouse import binding as bindings
from collector.store.clickhouse import far_sums, serving, tables
from collector.store.clickhouse.settings import read
from collector.store.day_sums import lines, rows
from collector.store.engine import open_engine
from evidence.chunk import read_frame
from starproof.commands import db as command
from starproof.commands.pack import write_file
from starproof.rules import read_rules
from verifier.audit import audit
from verifier.editions import load_edition
from verifier.figures import figures

T0 = 1_793_462_400_000  # 2026-11-01 00:00 in Shanghai
HOUR, DAY = 3_600_000, 86_400_000
NOW = T0 + 60 * DAY
HOLD_MS = 600_000
DAYS = (739_000, 740_500)
NOVEMBER = 202611
CALENDAR_DAY = months.first_day(NOVEMBER)
DUE_BEFORE = months.first_day(202612)
LATE = {"CLOCK_BACK"}
"""What the audit says of a chain in which time goes back; the sums follow from the chunks all the same."""
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
def settings_file(shards, tmp_path):
    """Settings that name the cluster, beside the keys."""
    path = tmp_path / "state" / "clickhouse.toml"
    path.parent.mkdir(mode=0o700)
    path.write_text(servers.settings(shards, tmp_path / "secret"))
    return path


@pytest.fixture
def url(url, settings_file):
    return url


@pytest.fixture(autouse=True)
def commands_read_the_clock_of_the_tests(clock, monkeypatch):
    monkeypatch.setattr(time, "time_ns", lambda: clock() * 1_000_000)


@pytest.fixture
def fleet(api, token, take, clock, opened):
    """Four hosts, some in each shard, with chunks in October, November and December."""
    hosts = {name: api.enrol(token(), name) for name in HOSTS}
    spread(opened.store)
    clock.now_ms = NOW
    for host in hosts.values():
        for start in (T0 - 20 * DAY, T0 - HOUR // 6, T0 + 2 * DAY, T0 + 40 * DAY):
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


@pytest.fixture
def run(url, capsys, monkeypatch, tmp_path):
    monkeypatch.setenv("STARPROOF_STATE", str(tmp_path / "state"))

    def run(*arguments, code=0):
        assert command.main([*map(str, arguments), "--db", url]) == code, capsys.readouterr()
        return capsys.readouterr()

    return run


@pytest.fixture
def served(serve, settings_file, shards, tmp_path):
    """Start a collector that moves frames every second."""
    settings_file.write_text(servers.settings(shards, tmp_path / "secret", every_s=1, hold_s=0))
    return serve


@pytest.fixture
def back(run, settings_file):
    """Fetch everything back and do without the cluster."""

    def work():
        assert "day sums" in run("check", code=1).out
        done = json.loads(run("move-frames", "--back", "--json").out)
        settings_file.unlink()
        return done

    return work


def near(store):
    """How many frames and day sums the database has."""
    with store.reading() as connection:
        return tuple(
            connection.scalar(select(func.count()).select_from(table))
            for table in (schema.chunk_frame, schema.day_sum)
        )


def spread(store):
    """Name a store that nothing was moved from so that each shard has some of its hosts."""
    with store.writing() as connection:
        ids = list(connection.scalars(select(schema.host.c.id)))
        names = (bindings.new(store.cluster) for _ in range(1000))
        bindings.keep(
            connection,
            next(one for one in names if {tables.shard_of(one, number) for number in ids} == {0, 1}),
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


@pytest.mark.both_stores
def test_a_late_chunk_fetches_back_what_it_changes_and_the_audit_agrees(  # noqa: PLR0917 - fixtures
    opened, api, token, take, fleet, moved, turn
):
    left = near(opened.store)[1]
    before = everything(opened.store)[1]
    host = fleet["web-1"]
    assert take(*host.run(2, T0 + 5 * DAY, rows=25)) == [("stored", "")] * 2
    archive = StoreArchive(opened.store, damaged=True)
    assert near(opened.store)[1] > left
    assert len(everything(opened.store)[1]) > len(before)
    assert {found.code for found in audit(archive, dropped=archive).findings} <= LATE
    late = everything(opened.store)
    turn()
    assert turn(HOLD_MS).sums > 0
    assert near(opened.store)[1] == left
    assert everything(opened.store) == late
    assert take(*fleet["web-2"].run(1, T0 - 20 * DAY + HOUR, rows=25)) == [("stored", "")]  # over another one
    assert {found.code for found in audit(archive, dropped=archive).findings} <= LATE


def test_figures_are_the_same_wherever_the_sums_and_the_chunks_are(opened, fleet, turn):
    archive, edition = StoreArchive(opened.store), load_edition("jiangsu-2018-trial")

    def seen():
        with opened.store.reading() as connection:
            return (
                figures(archive, month="2026-11", edition=edition),
                sorted(coverage.measured(connection, *DAYS, excluded=[739_926]), key=str),
                sorted(coverage.measured(connection, *DAYS, excluded=[]), key=str),
                standing.first_day(connection),
                [standing.first_day(connection, host_id=number) for number in (1, 2)],
                standing.standings(connection),
                list(rows(connection, *DAYS, hosts=["web-2", "web-3"])),
                list(lines(connection, *DAYS)),
                list(lines(connection, *DAYS, hosts=["web-2", "web-3"])),
                list(rows(connection, *DAYS, metric="cpu")),
            )

    before = seen()
    assert before[0]["indicators"]
    turn()
    turn(HOLD_MS)
    assert near(opened.store)[0] == 0
    assert near(opened.store)[1] < len(everything(opened.store)[1])
    assert seen() == before


def test_the_cluster_adds_up_to_the_last_digit(opened, fleet, turn):
    most = schema.MAX_INTEGER
    day = CALENDAR_DAY
    with opened.store.writing() as connection:
        for number in (1, 2, 3, 4):
            values = dict.fromkeys(tables.NUMBERS, most - number)
            place = {"host_id": 1, "source": "agent", "metric": "net.rx", "day": day + number}
            connection.execute(schema.day_sum.insert().values(**place, **values))
        names = [schema.day_sum.c[name] for name in tables.NUMBERS]
        query = select(schema.day_sum.c.host_id, schema.day_sum.c.source, *names)
        wanted = {}
        for (*key,) in connection.execute(query.where(schema.day_sum.c.day < DUE_BEFORE)):
            sums = wanted.setdefault(tuple(key[:2]), [0] * (1 + len(names)))
            for at, number in enumerate((1, *key[2:])):
                sums[at] += number
    turn()
    turn(HOLD_MS)
    with opened.store.reading() as connection:
        found = far_sums.by_host(connection, far_sums.Asked(*DAYS))
    assert found == sorted((*key, *sums) for key, sums in wanted.items())
    assert max(row[3] for row in found) > 2**64


def test_what_a_server_lost_within_the_hold_is_put_there_again(opened, fleet, turn, shards):
    turn()
    for shard in shards:
        for table in ("frame", "day_sum"):
            shard.execute(f"TRUNCATE TABLE starproof.{table}")
    again = turn(HOLD_MS)
    assert (again.frames.put, again.frames.left, again.sums) == (32, 0, 0)
    last = turn(HOLD_MS)
    assert (last.frames.put, last.frames.left, near(opened.store)[0]) == (0, 32, 0)
    assert last.sums > 0


def test_a_killed_shard_keeps_no_other_frames_waiting_and_loses_none(opened, fleet, turn, shards, take):
    before = everything(opened.store)
    turn()
    shards[1].kill()
    with pytest.raises(ClusterError, match="does not answer"):
        turn(HOLD_MS)
    waiting = near(opened.store)[0]
    assert 0 < waiting < 32
    stored = [host.next(T0 + 45 * DAY, rows=25) for host in fleet.values()]
    assert take(*stored) == [("stored", "")] * 4
    assert take(*stored) == [("known", "")] * 4
    shards[1].start()
    shards[1].wait()
    turn()
    turn(HOLD_MS)
    assert near(opened.store)[0] == 0
    after = everything(opened.store)
    assert len(after[0]) == len(before[0]) + 4
    assert [chunk for chunk in after[0] if chunk.seq < 8] == before[0]


def test_a_late_chunk_waits_with_its_agent_while_the_sums_that_it_changes_cannot_be_reached(
    opened, fleet, moved, shards, api
):
    for shard in shards:
        shard.kill()
    late = {name: host.next(T0 + 5 * DAY, rows=25) for name, host in fleet.items()}
    key = fleet["web-1"].key
    answer = api.send(key, late["web-1"])
    assert (answer.status_code, answer.json()["code"]) == (503, "UNAVAILABLE")
    assert api.outcomes(fleet["web-2"].key, fleet["web-2"].frame(T0 + 50 * DAY, seq=99)) != []
    for shard in shards:
        shard.start()
        shard.wait()
    assert api.outcomes(key, late["web-1"]) == [("stored", "")]


def test_the_check_names_a_frame_that_is_nowhere_and_the_audit_finds_it(opened, moved, shards, run):
    with opened.store.reading() as connection:
        name = bindings.of(connection).store
        lost = connection.execute(select(schema.chunk).where(schema.chunk.c.host_id == 1).limit(1)).one()
    assert "没有问题" not in run("check").out
    assert "ClickHouse 18.16" in run("check").out
    for shard in shards:
        shard.execute(
            "ALTER TABLE starproof.frame DELETE WHERE store = %(store)s AND hash = %(hash)s",
            {"store": name, "hash": lost.hash},
        )
        servers.wait_until(
            lambda shard=shard: (
                not shard.execute(
                    "SELECT 1 FROM starproof.frame WHERE store = %(store)s AND hash = %(hash)s",
                    {"store": name, "hash": lost.hash},
                )
            )
        )
    said = run("check", code=1).out
    assert lost.hash in said
    assert f"web-1 agent {lost.seq}" in said
    assert f"not in the cluster: {lost.hash}" in run("move-frames", "--back", code=1).out
    archive = StoreArchive(opened.store, damaged=True)
    assert "CHUNK" in {found.code for found in audit(archive, dropped=archive).findings}


def test_everything_comes_back_and_lost_sums_are_derived_again(opened, fleet, turn, shards, back):
    before = everything(opened.store)
    turn()
    turn(HOLD_MS)
    with opened.store.reading() as connection:
        name = bindings.of(connection).store
    shards[0].execute("ALTER TABLE starproof.day_sum DELETE WHERE store = %(store)s", {"store": name})
    query = "SELECT 1 FROM starproof.day_sum WHERE store = %(store)s"
    servers.wait_until(lambda: not shards[0].execute(query, {"store": name}))
    with pytest.raises(ClusterError, match="that were moved there"):
        everything(opened.store)
    done = back()
    assert (done["frames"], done["lost"]) == (32, [])
    assert done["derived"] > 0
    with closing(open_engine(opened.store.engine.url.render_as_string(hide_password=False))) as alone:
        assert everything(alone) == before


def test_without_its_settings_a_store_says_where_its_frames_are(url, moved, settings_file, run):
    settings_file.unlink()
    with closing(open_engine(url)) as alone, pytest.raises(ClusterError, match=r"clickhouse\.toml"):
        everything(alone)
    assert "clickhouse.toml" in run("check", code=1).out


def test_shards_in_another_order_are_refused(moved, settings_file, shards, tmp_path, run):
    settings_file.write_text(servers.settings(shards[::-1], tmp_path / "secret"))
    assert "is not shard 1" in run("check", code=1).out
    assert "is not shard 1" in run("move-frames", code=1).err
    settings_file.write_text(servers.settings(shards[:1], tmp_path / "secret"))
    assert "2 shards" in run("move-frames", code=1).err


def test_a_collector_goes_on_while_a_shard_is_killed_and_moves_what_waited(  # noqa: PLR0917 - fixtures
    served, token, speak, shards, opened, clock
):
    """A real collector process: nothing is lost and nothing is there twice."""
    clock.now_ms = int(time.time() * 1000)  # as the process has it
    with httpx.Client(base_url=served().url) as http:
        wire, sent = speak(http), []
        hosts = [wire.enrol(token(), name) for name in HOSTS]
        spread(opened.store)

        def send():
            for host in hosts:
                frames = host.run(2, T0 + len(sent) * HOUR, rows=25)
                sent.extend(read_frame(frame).hash for frame in frames)
                assert wire.outcomes(host.key, *frames) == [("stored", "")] * 2
                assert wire.outcomes(host.key, *frames) == [("known", "")] * 2

        send()
        shards[0].kill()
        send()
        servers.wait_until(lambda: 0 < near(opened.store)[0] < 16)
        shards[0].start()
        shards[0].wait()
        servers.wait_until(lambda: near(opened.store)[0] == 0)
        assert sorted(read_frame(one.frame).hash for one in everything(opened.store)[0]) == sorted(sent)
        archive = StoreArchive(opened.store, damaged=True)
        assert audit(archive, dropped=archive).findings == ()


def test_a_dropped_month_leaves_the_cluster_too(  # noqa: PLR0917 - fixtures
    opened, fleet, moved, shards, run, turn, tmp_path, clock
):
    store = opened.store
    for name in ("2026-10", "2026-11"):
        keeping.close_month(store, name, key=opened.keyring.log_key(), now_ms=clock())
    archive, path = StoreArchive(store), tmp_path / "2026-11.zip"
    with_log = {"keys": opened.keyring, "log": archive.log}
    write_file(path, archive, month="2026-11", rules=read_rules(scope_file=None), zone=None, **with_log)
    before = everything(store)
    with store.reading() as connection:
        ours = {"store": bindings.of(connection).store}
    query = "SELECT DISTINCT month FROM starproof.frame WHERE store = %(store)s"
    assert {month for shard in shards for (month,) in shard.execute(query, ours)} == {202610, 202611, 202612}
    done = json.loads(run("drop-month", "2026-11", "--pack", path, "--json").out)
    assert done["chunks"] == 8  # those over midnight stay, and those that they touch
    assert done["bytes"] == sum(len(one.frame) for one in before[0] if 4 <= one.seq < 6)
    assert near(store)[0] == 8
    turn()
    assert turn(HOLD_MS).frames.left == 8
    assert {month for shard in shards for (month,) in shard.execute(query, ours)} == {202610, 202612}
    assert list(StoreArchive(store).day_sums(*DAYS)) == before[1]
    archive = StoreArchive(store, damaged=True)
    assert {found.code for found in audit(archive, dropped=archive).findings} == {"MONTH_DROPPED"}
    assert run("check").out


def test_a_copied_store_finds_its_frames_in_the_same_cluster(opened, moved, settings_file, tmp_path, url):
    state = tmp_path / "elsewhere"
    state.mkdir(mode=0o700)
    for file in settings_file.parent.glob("*.toml"):
        shutil.copy(file, state)
    for file in [*settings_file.parent.glob("*.key"), *settings_file.parent.glob("*.pub")]:
        shutil.copy(file, state)
    target = f"sqlite:///{state / 'copy.db'}"
    assert command.main(["copy", "--from", url, "--to", target, "--json"]) == 0
    with closing(open_engine(target)) as copied:
        assert everything(copied) == everything(opened.store)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('shards = [["a"]]\nusers = "x"', "did you mean 'user'"),
        ('shards = [["a"]]\nuser = ""', "user is a text"),
        ('shards = [["a"]]\ndatabase = "a b"', "letters, digits and _"),
        ('shards = [["a"]]\nsecure = 1', "secure is true or false"),
        ('shards = [["a"]]\nevery_s = 0', "from 1 to 86400"),
        ('shards = [["a"]]\nhold_s = true', "from 0 to 86400"),
        ('shards = [["a", "b"]]', "replicated = true"),
        ('shards = [["a"], ["a:9440"]]', "names a server twice"),
        ("shards = []", "a list of shards"),
        ('shards = ["a"]', "each a list of its servers"),
        ('shards = [["a:0"]]', "is not HOST:PORT"),
        ('shards = [["::1"]]', "is not HOST:PORT"),
        ("shards = [[", "is not a TOML file"),
        ("#" * 70_000, "is larger than"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused_and_say_what_to_write(tmp_path, text, said):
    path = tmp_path / "clickhouse.toml"
    path.write_text(text)
    with pytest.raises(SettingsError) as refused:
        read(path)
    assert said in str(refused.value)


def test_servers_may_be_named_without_a_port_and_by_address(tmp_path):
    path = tmp_path / "clickhouse.toml"
    path.write_text('shards = [["ch1", "[::1]:9000"]]\nreplicated = true\nca_file = "/ca.pem"')
    found = read(path)
    assert [str(one) for one in found.shards[0]] == ["ch1:9440", "::1:9000"]
    path.write_text('shards = [["ch1"]]\nsecure = false')
    assert read(path).shards[0][0].port == 9000
    path.unlink()
    assert read(path) is None


def test_a_turn_is_told_and_a_shard_that_is_away_too(  # noqa: PLR0917 - fixtures
    fleet, opened, shards, tmp_path, clock, events, run
):
    def look(later_ms=0):
        clock.now_ms += later_ms
        return serving.look(opened.store, directory=tmp_path, now_ms=clock(), log=events, sums=True)

    assert look()
    assert look(HOLD_MS)
    assert [(one["put"], one["left"]) for one in events.named("frames_moved")] == [(32, 0), (0, 32)]
    assert look()
    assert len(events.named("frames_moved")) == 2
    shards[0].kill()
    assert not look()
    assert "does not answer" in events.named("frames_not_moved")[0]["message"]
    shards[0].start()
    shards[0].wait()
    assert "移出数据库 left the database: 0" in run("move-frames").out
    assert json.loads(run("move-frames", "--json").out)["waiting"] == 0
    with locks.alone(opened.store, serving.LOCK, directory=tmp_path / "state"):
        assert "another process is moving" in run("move-frames", code=1).err
        assert "another process is moving" in run("move-frames", "--back", code=1).err
    assert "frames fetched: 32" in run("move-frames", "--back").out
