"""Tables that replicate themselves: one shard of two real servers that share a ZooKeeper."""

from __future__ import annotations

import clickhouse_servers as servers
import pytest

from collector.errors import ClusterError
from collector.store.archive import StoreArchive
from collector.store.clickhouse import serving
from verifier.audit import audit

T0 = 1_793_462_400_000  # 2026-11-01 00:00 in Shanghai
DAY = 86_400_000
NOW = T0 + 60 * DAY
HOLD_MS = 600_000


@pytest.fixture
def replicas(tmp_path):
    with servers.zookeeper(tmp_path) as port, servers.shards(2, servers.knowing(port)) as found:
        yield found


@pytest.fixture
def url(replicas, url, tmp_path):
    state = tmp_path / "state"
    state.mkdir(mode=0o700)
    first, second = (f"127.0.0.1:{server.port}" for server in replicas)
    text = servers.settings(replicas, tmp_path / "secret", replicated="true").splitlines()[1:]
    (state / "clickhouse.toml").write_text("\n".join([f'shards = [["{first}", "{second}"]]', *text]))
    return url


def test_a_frame_leaves_only_when_both_replicas_have_it_and_either_gives_it_back(  # noqa: PLR0917 - fixtures
    replicas, opened, api, token, take, clock, tmp_path
):
    host = api.enrol(token(), "web-1")
    clock.now_ms = NOW
    for start in (T0 - 20 * DAY, T0 + DAY, T0 + 40 * DAY):
        assert take(*host.run(2, start, rows=25)) == [("stored", "")] * 2

    def seen():
        archive = StoreArchive(opened.store)
        frames = [one.frame for host in archive.hosts() for one in archive.chunks(host, 0, NOW)]
        return frames, list(archive.day_sums(739_000, 740_500))

    def turn(later_ms=0):
        clock.now_ms += later_ms
        return serving.turn(opened.store, directory=tmp_path, now_ms=clock()).frames

    def copies(server):
        return server.execute("SELECT count() FROM starproof.frame FINAL")[0][0]

    before, (first, second) = seen(), replicas
    assert turn().put == 6
    servers.wait_until(lambda: copies(second) == 6)
    first.kill()
    with pytest.raises(ClusterError, match="does not answer"):
        turn(HOLD_MS)  # one replica is not all of them
    first.start()
    first.wait()
    assert turn().left == 6
    for gone, there in ((first, second), (second, first)):
        gone.kill()
        assert copies(there) == 6
        assert seen() == before
        archive = StoreArchive(opened.store, damaged=True)
        assert {found.code for found in audit(archive, dropped=archive).findings} <= {"CLOCK_BACK"}
        gone.start()
        gone.wait()
