"""Two collectors on one PostgreSQL, one killed in the middle: nothing is lost, nothing is there twice."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing

import httpx
import pytest
from processes import Running, free_port
from sqlalchemy import func, select

from collector import ingest, tokens
from collector.log import keeping
from collector.opening import open_store
from collector.store import schema
from collector.store.archive import StoreArchive
from collector.store.contents import contents, log_problems
from verifier.audit import audit

HOSTS = 6
CHUNKS = 24
TOGETHER = 4
T0 = 1_793_462_400_000
SETTINGS = """
enterprise = "甲公司"
[limits]
requests_per_minute = 100000
enrolments_per_minute = 1000
"""


@pytest.fixture
def url(postgres_server, tmp_path, monkeypatch):
    monkeypatch.setenv("STARPROOF_STATE", str(tmp_path / "state"))
    with postgres_server.database() as found:
        yield found


@pytest.fixture
def collectors(url, tmp_path):
    """Two running collectors, and an address for each."""
    settings = tmp_path / "collector.toml"
    settings.write_text(SETTINGS, encoding="utf-8")
    with ExitStack() as ending:
        running = []
        for number in range(2):
            listen = f"127.0.0.1:{free_port()}"
            one = Running(
                tmp_path / f"{number}.log", "collector.cli", "serve", "--db", url, "--listen", listen,
                "--config", settings,
            )  # fmt: skip
            one.start()
            ending.callback(one.stop)
            running.append((one, f"http://{listen}"))
        for one, _ in running:
            one.wait_for('"listening"')
        yield running


def deliver(host, frames, addresses, *, acknowledged):
    """Send frames in their order, a few at a time, to whichever collector answers; note what was acknowledged."""
    with ExitStack() as closing_:
        clients = [closing_.enter_context(httpx.Client(base_url=url, timeout=20)) for url in addresses]
        for at in range(0, len(frames), TOGETHER):
            body = b"".join(frames[at : at + TOGETHER])
            headers = {
                "Content-Type": "application/vnd.starproof.chunks",
                "X-StarProof-Key": host.key.public.id,
            }
            for attempt in range(200):
                try:
                    answer = clients[(at + attempt) % len(clients)].post(
                        "/v1/chunks", content=body, headers=headers
                    )
                except httpx.TransportError:
                    continue
                if answer.status_code == 200:
                    break
            results = answer.json()["results"]
            assert {result["status"] for result in results} <= {"stored", "known"}, results
            acknowledged.append(len(results))


def test_one_of_two_collectors_is_killed_under_load_and_nothing_is_lost_or_doubled(collectors, url, speak):
    with closing(open_store(url).store) as store:
        addresses = [address for _, address in collectors]
        with httpx.Client(base_url=addresses[0], timeout=20) as client:
            api = speak(client)
            hosts = [
                api.enrol(tokens.issue(store, host=None, now_ms=T0 + 40 * 86_400_000).text, f"web-{number}")
                for number in range(HOSTS)
            ]
        sealed = [host.run(CHUNKS) for host in hosts]
        acknowledged: list[int] = []
        half = threading.Event()

        def kill():
            assert half.wait(60)
            collectors[1][0].kill()

        killer = threading.Thread(target=kill)
        killer.start()
        with ThreadPoolExecutor(HOSTS + 1) as pool:
            jobs = [
                pool.submit(deliver, host, frames, addresses[::order], acknowledged=acknowledged)
                for host, frames, order in zip(hosts, sealed, [1, -1] * HOSTS, strict=False)
            ]
            while not half.is_set():
                if sum(acknowledged) >= HOSTS * CHUNKS // 3 or all(job.done() for job in jobs):
                    half.set()
            for job in jobs:
                job.result()
        killer.join()
        assert sum(acknowledged) == HOSTS * CHUNKS
        with store.reading() as connection:
            table = schema.chunk.c
            rows = connection.execute(
                select(table.enrolment_id, func.count()).group_by(table.enrolment_id)
            ).all()
            assert sorted(count for _, count in rows) == [CHUNKS] * HOSTS
            found = contents(connection)
            assert found.log.size == HOSTS * (CHUNKS + 1) == found.rows["log_leaf"]
            assert log_problems(connection, found.log) == []
        assert audit(StoreArchive(store), log=StoreArchive(store).log).findings == ()


def test_stores_that_take_the_same_and_other_chunks_at_once_agree(opened, url, api, token, clock):
    """Every host's chunks come to both sides, and one seq of each in two versions."""
    hosts = [api.enrol(token(), f"web-{number}") for number in range(4)]
    versions = {}
    for host in hosts:
        frames = host.run(10)
        host.seq, host.prev, host.prev_end_ms, host.reads = 10, host.prev, host.prev_end_ms, host.reads
        versions[host.name] = (
            [*frames, host.frame(T0 + 100 * 60_000)],
            [*frames, host.frame(T0 + 100 * 60_000, rows=5)],
        )
    failures = []

    def work(side):
        with closing(open_store(url).store) as store:
            try:
                for number in range(11):
                    batch = b"".join(
                        pair[side][number] for pair in sorted(versions.values())[:: 1 - 2 * side]
                    )
                    taken = ingest.take(store, ingest.split(batch), clock=clock)
                    failures.extend(
                        result.verdict.code for result in taken.results if result.verdict.status == "refused"
                    )
            except Exception as error:  # noqa: BLE001 - shown by the assertion below
                failures.append(repr(error))

    threads = [threading.Thread(target=work, args=(side,)) for side in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == ["CONFLICT"] * 4
    archive = StoreArchive(opened.store)
    assert archive.log.size == 4 + 4 * 11
    assert [finding.code for finding in archive.findings()] == ["CONFLICT"] * 4
    keeping.keep(opened.store, key=opened.keyring.log_key(), now_ms=clock())
    assert audit(archive, log=archive.log, log_key=opened.keyring.log_key().public).findings == ()


def test_stores_that_take_different_hosts_at_once_share_one_order_of_the_log(opened, url, api, token, clock):
    sealed = [api.enrol(token(), f"web-{number}").run(30) for number in range(3)]
    failures = []

    def work(frames):
        with closing(open_store(url).store) as store:
            try:
                for frame in frames:
                    ingest.take(store, ingest.split(frame), clock=clock)
            except Exception as error:  # noqa: BLE001 - shown by the assertion below
                failures.append(repr(error))

    threads = [threading.Thread(target=work, args=(frames,)) for frames in sealed]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    with opened.store.reading() as connection:
        found = contents(connection)
        assert found.log.size == 3 + 3 * 30
        assert log_problems(connection, found.log) == []
