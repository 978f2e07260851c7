"""The same statements on a current ClickHouse engine (chdb), all of them in the life of one store."""

from __future__ import annotations

from contextlib import closing

import pytest

from collector.store import coverage, dropped, standing
from collector.store.archive import StoreArchive
from collector.store.clickhouse import far_checking, far_dropping, fetching_back, serving
from collector.store.day_sums import lines
from verifier.audit import audit

T0 = 1_793_462_400_000  # 2026-11-01 00:00 in Shanghai
DAY = 86_400_000
NOW = T0 + 60 * DAY
HOLD_MS = 600_000
DAYS = (739_000, 740_500)


@pytest.fixture
def engine(tmp_path, monkeypatch):
    pytest.importorskip(
        "chdb", reason="a current ClickHouse engine is not installed; pip install chdb (180 MB)"
    )
    clickhouse_driver = pytest.importorskip("clickhouse_driver", reason="the driver is not installed")
    from current_clickhouse import Engine

    with closing(Engine(tmp_path / "engine")) as found:
        monkeypatch.setattr(clickhouse_driver, "Client", found.client)
        yield found


@pytest.fixture
def url(engine, url, tmp_path):
    state = tmp_path / "state"
    state.mkdir(mode=0o700)
    (state / "clickhouse.toml").write_text('shards = [["here"]]\n')
    return url


def test_a_store_lives_with_a_current_engine(engine, opened, api, token, take, clock, tmp_path, monkeypatch):  # noqa: PLR0917 - fixtures
    store = opened.store
    hosts = [api.enrol(token(), name) for name in ("web-1", "web-2")]
    clock.now_ms = NOW
    for host in hosts:
        for start in (T0 - 20 * DAY, T0 + DAY, T0 + 40 * DAY):
            assert take(*host.run(2, start, rows=25)) == [("stored", "")] * 2

    def seen():
        archive = StoreArchive(store)
        with store.reading() as connection:
            return (
                [one.frame for host in archive.hosts() for one in archive.chunks(host, 0, NOW)],
                list(archive.day_sums(*DAYS)),
                list(lines(connection, *DAYS)),
                sorted(coverage.measured(connection, *DAYS, excluded=[739_926]), key=str),
                standing.first_day(connection),
            )

    def turn(later_ms):
        clock.now_ms += later_ms
        return serving.turn(store, directory=tmp_path, now_ms=clock())

    before = seen()
    assert turn(0).frames.put == 12
    done = turn(HOLD_MS)
    assert (done.frames.left, done.frames.waiting) == (12, 0)
    assert done.sums > 0
    assert seen() == before
    assert take(*hosts[0].run(1, T0 + 5 * DAY, rows=25)) == [("stored", "")]
    archive = StoreArchive(store, damaged=True)
    assert {found.code for found in audit(archive, dropped=archive).findings} <= {"CLOCK_BACK"}
    with store.reading() as connection:
        said = far_checking.check(connection)
    assert said.server.startswith("ClickHouse 2")
    assert said.problems == ()
    with monkeypatch.context() as gone:
        gone.setattr(dropped, "numbers", lambda _: {202610})
        far_dropping.finish(store)
    with store.reading() as connection:
        (problem,) = far_checking.check(connection).problems
    assert problem.startswith("2026-10 lacks the bytes of 4 chunks")
    assert (fetching_back.fetch(store).frames, len(fetching_back.fetch(store).lost)) == (8, 4)
