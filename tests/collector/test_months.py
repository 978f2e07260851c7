"""Chunks by month: parted on PostgreSQL, and dropped only when a checked pack holds them, on both databases."""

from __future__ import annotations

import json
import threading
import time
from contextlib import closing
from dataclasses import replace

import pytest
import stores
from sqlalchemy import select, text

from collector import ingest
from collector.errors import DroppedMonthError, DroppingError
from collector.log import keeping, serving
from collector.opening import open_store
from collector.store import checking, dropping, months, partitions, schema
from collector.store.archive import StoreArchive
from collector.store.contents import contents
from collector.store.day_sums import rows
from collector.store.engine import HEAD, open_engine, schema_version
from collector.store.standing import newest_manifest, standings
from evidence.calendar import LocalCalendar
from evidence.merkle import Frontier
from starproof.commands import db as command
from starproof.commands import drop_month
from starproof.commands.pack import write_file
from starproof.rules import read_rules
from verifier.audit import audit
from verifier.check import check
from verifier.editions import load_edition
from verifier.figures import figures
from verifier.selection import deciding_chunks

pytestmark = pytest.mark.both_stores

T0 = 1_793_462_400_000  # 2026-11-01 00:00 in Shanghai
HOUR, DAY = 3_600_000, 86_400_000
END = T0 + 30 * DAY
CALENDAR = LocalCalendar("Asia/Shanghai")
NOVEMBER = 202611
TIMES = (
    T0 - 6 * HOUR, T0 - 4 * HOUR, T0 - HOUR, T0 + HOUR, T0 + 3 * HOUR, T0 + 10 * DAY,
    END - 5 * HOUR, END - 3 * HOUR, END - HOUR, END + HOUR, END + 3 * HOUR,
)  # fmt: skip
SCOPE = """
schema = "starproof/scope/1"
enterprise = "甲公司"
timezone = "Asia/Shanghai"
edition = "jiangsu-2018-trial"
[window]
from = 2026-11-01
to = 2026-11-30
[[hosts]]
id = "web-1"
bandwidth_mbps = 100
"""


@pytest.fixture(autouse=True)
def commands_read_the_clock_of_the_tests(clock, monkeypatch):
    monkeypatch.setattr(time, "time_ns", lambda: clock() * 1_000_000)


@pytest.fixture
def deliver(api, token, take):
    """Enrol a host and store chunks of two hours that begin then; returns it with its frames."""

    def run(name, *starts, **more):
        host = api.enrol(token(), name)
        frames_ = [host.next(start, rows=25, step_ms=5 * 60_000, **more) for start in starts]
        assert take(*frames_) == [("stored", "")] * len(starts)
        return host, frames_

    return run


@pytest.fixture
def close(opened, clock):
    def run(month="2026-11"):
        keeping.close_month(opened.store, month, key=opened.keyring.log_key(), now_ms=clock())

    return run


@pytest.fixture
def sent(deliver, close):
    """Two hosts and their frames before, in and after November, some over its edges; it is closed."""
    found = {name: deliver(name, *TIMES) for name in ("web-1", "web-2")}
    close()
    return found


@pytest.fixture
def pack(opened, tmp_path):
    def write(name="2026-11.zip", *, month="2026-11", scope=None):
        if scope is not None:
            (tmp_path / "scope.toml").write_text(scope, encoding="utf-8")
        rules = read_rules(scope_file=None if scope is None else tmp_path / "scope.toml")
        archive, path = StoreArchive(opened.store), tmp_path / name
        write_file(path, archive, month=month, rules=rules, zone=None, keys=opened.keyring, log=archive.log)
        return path

    return write


@pytest.fixture
def run(url, capsys, monkeypatch, tmp_path):
    monkeypatch.setenv("STARPROOF_STATE", str(tmp_path / "state"))

    def run(*arguments, code=0, db=True):
        assert command.main([*map(str, arguments), *(("--db", url) if db else ())]) == code, (
            capsys.readouterr()
        )
        return capsys.readouterr()

    return run


@pytest.fixture
def drop(pack, run):
    """Pack a month and drop it."""

    def work(*more, month="2026-11"):
        return run("drop-month", month, "--pack", pack(f"{month}.zip", month=month), *more)

    return work


def held(store):
    """How many frames there are, by month."""
    with store.reading() as connection:
        found = connection.scalars(
            select(schema.chunk_frame.c.month).order_by(schema.chunk_frame.c.month)
        ).all()
    return {month: found.count(month) for month in found}


def audited(store):
    archive = StoreArchive(store, damaged=True)
    return audit(archive, log=archive.log, dropped=archive).findings


def november(store):
    return figures(StoreArchive(store), month="2026-11", edition=load_edition("jiangsu-2018-trial"))


def problems(store):
    return [problem for problem in checking.check(store).problems if "=off" not in problem]


def test_a_chunk_lies_in_the_month_in_which_it_ends(sent, opened):
    assert held(opened.store) == {202610: 4, 202611: 12, 202612: 6}
    assert problems(opened.store) == []


def test_what_was_packed_is_dropped_and_everything_else_goes_on(sent, opened, pack, run, take):
    store, archive = opened.store, StoreArchive(opened.store)
    spans = [(T0 - 31 * DAY, T0), (END, END + 31 * DAY)]
    beside = [deciding_chunks(archive, name, *span) for name in sent for span in spans]
    before, figured, file = contents_of(store), november(store), pack()
    assert [finding.code for finding in audited(store)] == []
    said = run("drop-month", "2026-11", "--pack", file, "--dry-run")
    assert "可移出 would be dropped: 6 数据块 chunks" in said.out
    assert "kept at the edge, for 2026-12: 2" in said.out
    assert (contents_of(store), held(store)[NOVEMBER]) == (before, 12)

    document = json.loads(run("drop-month", "2026-11", "--pack", file, "--json").out)
    assert (document["chunks"], document["kept"]) == (6, {"2026-10": 4, "2026-12": 2})
    assert held(store) == {202610: 8, 202612: 8}
    after = contents_of(store)
    changed = {name for name in before.rows if before.rows[name] != after.rows[name]}
    written = {"chunk_frame", "dropped_month", "kept_header", "audit_trail"}
    assert (changed, after.log) == (written, before.log)
    assert problems(store) == []
    assert document["pack"]["sha256"] in trail(store)

    # The months beside it need nothing of it, and say what they said.
    assert [deciding_chunks(archive, name, *span) for name in sent for span in spans] == beside
    assert november(store) == figured
    (note,) = audited(store)
    assert (note.code, note.place, note.severity) == ("MONTH_DROPPED", "2026-11", "note")
    assert document["pack"]["sha256"] in note.got
    with pytest.raises(DroppedMonthError, match=document["pack"]["sha256"]):
        pack("again.zip")
    assert document["pack"]["sha256"] in run("drop-month", "2026-11", "--pack", file, code=1).err
    assert archive.log.proof(3, archive.log.size)

    # What is known is acknowledged, what is new for that month is refused, the chain goes on.
    for host, frames_ in sent.values():
        assert take(*frames_) == [("known", "")] * len(TIMES)
        assert take(host.next(END + 5 * HOUR, rows=25, step_ms=5 * 60_000)) == [("stored", "")]
    late = sent["web-1"][0]
    assert take(late.frame(T0 + 5 * DAY)) == [("refused", "MONTH_DROPPED")]
    assert [found.code for found in archive.findings()] == ["MONTH_DROPPED"]
    assert {finding.code for finding in audited(store)} == {"MONTH_DROPPED"}


def test_the_pack_of_the_next_month_accounts_for_what_came_late_and_was_dropped(sent, opened, pack, drop):
    drop()
    with pack("december.zip", month="2026-12").open("rb") as file:
        report = check(file, log_key=opened.keyring.log_key().public, editions={})
    assert not {"LOG_UNACCOUNTED", "LOG_CUT", "LOG_FORMAT"} & {found.code for found in report.findings}


def contents_of(store):
    with store.reading() as connection:
        return contents(connection)


def trail(store):
    with store.reading() as connection:
        table = schema.audit_trail.c
        return connection.scalar(select(table.detail).where(table.action == "MONTH_DROPPED"))


def test_an_agent_that_was_off_over_the_edge_goes_on_and_the_packed_days_stay(
    deliver, close, drop, opened, take
):
    host, _ = deliver("web-1", T0 + 20 * DAY)
    close()
    drop()
    before = november(opened.store)
    assert held(opened.store) == {}
    awake = END + 2 * DAY
    host.reads = 0
    frame = host.next(awake, first="boot_after_shutdown", boot="boot-2", prev_end_ms=host.prev_end_ms)
    assert take(frame) == [("stored", "")]
    assert november(opened.store) == before
    archive = StoreArchive(opened.store)
    december = {
        row.day
        for row in archive.day_sums(CALENDAR.day_of(END), CALENDAR.day_of(END) + 31)
        if row.sums.downtime_ms
    }
    assert december == {CALENDAR.day_of(END) + day for day in range(2)}
    assert {finding.code for finding in audited(opened.store)} == {"MONTH_DROPPED"}
    assert take(host.next(awake + HOUR)) == [("stored", "")]
    assert {finding.code for finding in audited(opened.store)} == {"MONTH_DROPPED"}


def test_a_host_whose_newest_chunk_is_dropped_is_still_shown(deliver, close, drop, opened):
    deliver("web-1", T0 + 20 * DAY)
    close()
    with opened.store.reading() as connection:
        (stands,) = standings(connection)
        assert stands.newest.header.agent == "test"
        assert newest_manifest(connection, stands.id, "agent") is not None
    drop()
    with opened.store.reading() as connection:
        (stands,) = standings(connection)
        assert (stands.newest.end_ms, stands.newest.header) == (T0 + 20 * DAY + 2 * HOUR, None)
        assert newest_manifest(connection, stands.id, "agent") is None


def test_nothing_is_dropped_that_a_good_pack_does_not_hold(sent, opened, pack, run, close):
    store, file = opened.store, pack()

    def refused(month, path, *more, words):
        before = held(store)
        assert words in run("drop-month", month, "--pack", path, *more, code=1).err
        assert held(store) == before

    refused("2026-12", file, words="2026-12 is not over")
    refused("2026-10", file, words="starproof log close --month 2026-10")
    close("2026-10")
    refused("2026-10", file, words="the pack is of 甲公司 Asia/Shanghai 2026-11, not of")
    torn = file.with_name("torn.zip")
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    torn.write_bytes(data)
    refused("2026-11", torn, words="does not pass the check")
    refused("2026-11", file.with_name("none.zip"), words="none.zip")
    only = pack("only.zip", scope=SCOPE)
    words = "the host is not in the scope: web-2 (3); give --outside-scope"
    refused("2026-11", only, words=words)
    said = run("drop-month", "2026-11", "--pack", only, "--outside-scope", "--dry-run").out
    assert "the host is not in the scope: web-2 (3)" in said


def test_what_comes_after_the_pack_is_not_dropped(sent, deliver, opened, pack, run):
    store, file = opened.store, pack()
    deliver("web-3", T0 + 5 * DAY)
    said = run("drop-month", "2026-11", "--pack", file, code=1).err
    assert "1 of 7 chunks of 2026-11 are nowhere else: 不在证据包中 not in the pack: web-3 (1)" in said
    assert "LOG_AFTER_CLOSE" in run("drop-month", "2026-11", "--pack", pack("late.zip"), code=1).err
    with store.reading() as connection:
        plan = dropping.plan(connection, NOVEMBER, frozenset())
    deliver("web-4", T0 + 5 * DAY)
    with pytest.raises(DroppingError, match="came in meanwhile"):
        dropping.drop(store, plan, dropping.Exported("x", "0" * 64), now_ms=END + DAY)
    (opened.keyring.directory / "log.pub").rename(opened.keyring.directory / "log.away")
    assert "put its keys there" in run("drop-month", "2026-11", "--pack", file, code=1).err
    assert held(store)[NOVEMBER] == 14


def test_the_pack_of_another_history_takes_no_place(sent, opened, pack, run):
    file = pack()
    with opened.store.writing() as connection:
        connection.execute(schema.log_head.update().values(frontier=Frontier().to_bytes()))
    assert "is this store a restored backup?" in run("drop-month", "2026-11", "--pack", file, code=1).err


def test_a_month_waits_for_the_later_ones_whose_figures_go_back_to_it(pack, sent):
    with pack().open("rb") as stream:
        report = check(stream, log_key=None, editions={})
    rule = replace(report.declared.edition.rules[0], months=3)
    edition = replace(report.declared.edition, rules=(rule,))
    report.declared = replace(report.declared, edition=edition)
    asked = []
    drop_month._require_unneeded(report, NOVEMBER, closed=lambda name: asked.append(name) or True)
    assert asked == ["2026-12", "2027-01"]
    with pytest.raises(DroppingError, match="figures of 2027-01 go back to 2026-11"):
        drop_month._require_unneeded(report, NOVEMBER, closed=lambda name: name < "2027")


def test_dropping_that_was_interrupted_is_finished(sent, opened, pack, run, monkeypatch):
    file = pack()
    monkeypatch.setattr(dropping, "ROWS_AT_ONCE", 2)
    monkeypatch.setattr(partitions, "drop", lambda *_: False)  # as on SQLite, in steps
    monkeypatch.setattr(dropping, "finish", lambda _: 0)
    run("drop-month", "2026-11", "--pack", file)
    assert held(opened.store)[NOVEMBER] == 6
    assert problems(opened.store) == []
    monkeypatch.undo()
    monkeypatch.setattr(dropping, "ROWS_AT_ONCE", 2)
    assert dropping.finish(opened.store) == 6
    assert held(opened.store) == {202610: 8, 202612: 8}


def test_frames_that_went_without_being_dropped_are_a_problem(sent, opened):
    with opened.store.writing() as connection:
        connection.execute(schema.chunk_frame.delete().where(schema.chunk_frame.c.month == NOVEMBER))
    assert problems(opened.store) == ["2026-11 has 12 chunks but the bytes of 0; run: starproof audit"]
    assert "CHUNK" in {finding.code for finding in audited(opened.store)}


@pytest.fixture
def other(store_kind, tmp_path, request):
    """An empty database of the other kind."""
    if store_kind == "postgresql":
        yield f"sqlite:///{tmp_path / 'state' / 'copy.db'}"
    else:
        with request.getfixturevalue("postgres_server").database() as found:
            yield found


def test_a_store_with_a_dropped_month_is_copied_to_the_other_kind(sent, drop, run, url, other):
    drop()
    said = run("copy", "--from", url, "--to", other, db=False)
    assert "MONTH_DROPPED" in said.out
    with closing(open_engine(url)) as old, closing(open_engine(other)) as new:
        assert contents_of(new) == contents_of(old)
        assert audited(new) == audited(old)


def test_a_store_of_before_is_migrated_with_its_content(sent, opened, url):
    before, found = contents_of(opened.store), list(StoreArchive(opened.store).chunks("web-1", 0, 2**52))
    with opened.store.writing() as connection:
        stores.as_before_months(connection)
    opened.store.engine.dispose()
    with closing(open_store(url).store) as store:
        assert schema_version(store) == HEAD
        assert contents_of(store) == before
        assert list(StoreArchive(store).chunks("web-1", 0, 2**52)) == found
        assert audited(store) == ()
        with store.writing() as connection:
            number = connection.execute(schema.host.insert().values(name="new")).inserted_primary_key[0]
            assert number > 2


def test_months_are_counted_over_the_years_end():
    assert [months.after(202612), months.before(202701), months.after(202611)] == [202701, 202612, 202612]
    assert months.between(CALENDAR, T0 - 1, END + 40 * DAY) == {202610, 202611, 202612, 202701}
    assert (months.name(202611), months.number("2026-11")) == ("2026-11", NOVEMBER)


def test_collectors_that_meet_a_new_month_together_make_its_partition_once(opened, url, api, token, clock):
    sealed = [api.enrol(token(), f"web-{number}").run(4, T0 - 300 * DAY) for number in range(4)]
    failures = []

    def work(frames_):
        with closing(open_store(url).store) as store:
            try:
                for frame in frames_:
                    ingest.take(store, ingest.split(frame), clock=clock)
            except Exception as error:  # noqa: BLE001 - shown by the assertion below
                failures.append(repr(error))

    threads = [threading.Thread(target=work, args=(frames_,)) for frames_ in sealed]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert held(opened.store) == {months.of_instant(CALENDAR, T0 - 300 * DAY): 16}
    assert audited(opened.store) == ()


def test_the_months_to_come_are_made_ahead(opened, clock, events):
    serving.look(opened, now_ms=clock(), log=events)
    serving.look(opened, now_ms=clock(), log=events)
    with opened.store.reading() as connection:
        assert partitions.missing(connection, (202612, 202701)) == set()
    assert [line for line in events.lines if line["event"] == "days_not_marked"] == []


def test_clocks_that_begin_long_ago_share_a_partition(deliver, close, drop, opened):
    long_ago = 946_684_800_000 + 40 * DAY  # February 2000
    deliver("web-1", long_ago, T0, up_ms=10_000 * DAY)
    close("2000-02")
    drop(month="2000-02")
    assert held(opened.store) == {NOVEMBER: 1}


def test_figures_of_a_month_look_into_its_partitions_only(sent, opened, store_kind):
    if store_kind == "sqlite":
        pytest.skip("SQLite has no partitions")
    first = CALENDAR.day_of(T0)
    with opened.store.reading() as connection:
        asked = []
        record = connection.execute

        class Watching:
            def execute(self, query):
                asked.append(query)
                return record(query)

            def __getattr__(self, name):
                return getattr(connection, name)

        assert list(rows(Watching(), first, first + 30))
        compiled = asked[0].compile(dialect=connection.dialect, compile_kwargs={"literal_binds": True})
        plan = "\n".join(connection.scalars(text(f"EXPLAIN {compiled}")))
        assert "day_sum_202611" in plan
        assert plan.count("day_sum_2") == plan.count("day_sum_202611")
        assert "day_sum_earlier" not in plan
        (frame,) = connection.execute(select(schema.chunk_frame.c.chunk_id).limit(1)).one()
        query = select(schema.chunk_frame).where(
            schema.chunk_frame.c.month == NOVEMBER, schema.chunk_frame.c.chunk_id.in_([frame])
        )
        compiled = query.compile(dialect=connection.dialect, compile_kwargs={"literal_binds": True})
        plan = "\n".join(connection.scalars(text(f"EXPLAIN {compiled}")))
        assert plan.count("chunk_frame_2") == plan.count("chunk_frame_202611") > 0
