"""A damaged store, so that there is something to find; audited in one process, by several, by a cluster."""

from __future__ import annotations

from contextlib import closing

import pytest
from fleet import Fleet, instant
from sqlalchemy import text

from collector import ingest
from collector.opening import open_store
from collector.store import partitions, registry
from evidence.chunk import read_frame
from starproof import session
from verifier.audit import audit

HOSTS, CHUNKS = 8, 4
NOW_MS = instant("2026-12-01")
DAMAGE = (
    "UPDATE day_sum SET amount_lo = amount_lo + 1 WHERE metric = 'cpu' AND host_id IN (1, 5)",
    "DELETE FROM chunk_frame WHERE chunk_id = 7",
    "UPDATE chunk SET seq = 40 WHERE id = 12",
    "DELETE FROM chunk WHERE id = 18",
    'DELETE FROM log_leaf WHERE "index" = (SELECT max("index") FROM log_leaf)',
)


def fill(url):
    """Put the chunks of a fleet into a store, as they come in, and bend what is stored."""
    fleet = Fleet()
    for number in range(HOSTS):
        agent = fleet.agent(f"web-{number}", start="2026-11-01")
        for _ in range(CHUNKS):
            agent.run(hours=6, busy=10 + number, rx=5).seal()
    archive = fleet.archive()
    opened = open_store(url, enterprise=archive.enterprise, now_ms=NOW_MS)
    with closing(opened.store) as store:
        partitions.make(store, [202611])
        with store.writing() as connection:
            for signed in archive.enrolments():
                registry.pin(connection, signed, now_ms=NOW_MS)
        taken = ingest.take(store, [read_frame(one.frame) for one in archive.stored], clock=lambda: NOW_MS)
        assert {one.verdict.status for one in taken.results} == {"stored"}
        with store.writing() as connection:
            for statement in DAMAGE:
                connection.execute(text(statement))
    return url


@pytest.fixture(scope="session")
def damaged(postgres_server):
    with postgres_server.database() as url:
        yield fill(url)


@pytest.fixture(scope="session")
def damaged_file(tmp_path_factory):
    return fill(f"sqlite:///{tmp_path_factory.mktemp('store') / 'starproof.db'}")


@pytest.fixture(scope="session")
def alone():
    """What an audit of a store says that knows of no pieces and of no moments."""

    def report(url, month=None):
        with session.archive(url, damaged=True) as archive:
            log = archive.log if month is None else None
            return audit(archive, month=month, log=log, dropped=archive)

    return report
