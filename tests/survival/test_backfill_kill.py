"""kill -9 in the middle of a back-fill, again and again: no point twice, none lost."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest
from processes import ROOT, starproof_json
from sources.fake import DAY, HOUR, MINUTE, installed, truth

from collector.store.archive import StoreArchive
from collector.store.engine import open_engine
from evidence.chunk import open_chunk, read_frame
from evidence.enrolment import parse
from evidence.keys import PublicKey
from evidence.manifest import NET_COMMITTED

KILLS = 5
HOSTS = 40
BOUGHT_BPS = 5_000_000
"""Bandwidth of each machine of the fake cloud."""


@pytest.mark.slow
@pytest.mark.no_cover
def test_a_killed_backfill_goes_on_where_it_was(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'db' / 's.db'}"
    library = installed(tmp_path / "library")
    more = {
        "PYTHONPATH": os.pathsep.join(
            (str(ROOT), str(ROOT / "tests"), str(library), os.environ.get("PYTHONPATH", ""))
        )
    }
    starproof_json(
        "source", "add", "fake", "main", "--set", f"count={HOSTS}", "--set", "pause_s=0.02", "--no-bills",
        "--db", url, **more,
    )  # fmt: skip
    dice = random.Random(4)
    begun_ms = time.time_ns() // 1_000_000
    command = [sys.executable, "-m", "starproof", "source", "backfill", "main", "--db", url]
    killed = 0
    for _ in range(KILLS):
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env={**os.environ, **more},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            process.wait(dice.uniform(0.6, 2.5))
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            killed += process.wait() == -signal.SIGKILL
    assert killed > 0, "it was never killed in the middle"
    report = starproof_json("source", "backfill", "main", "--db", url, **more)
    assert (report["failed"], report["conflicts"]) == (0, 0)
    with closing(sqlite3.connect(tmp_path / "db" / "s.db")) as database:
        outcomes = {row[0] for row in database.execute("SELECT DISTINCT outcome FROM poll")}
    assert outcomes <= {"OK", "INTERRUPTED"}
    check(url, begun_ms)


def check(url: str, begun_ms: int) -> None:
    store = open_engine(url)
    archive = StoreArchive(store)
    keys = {signed.hash: PublicKey.from_hex(parse(signed.record).key) for signed in archive.enrolments()}
    assert len(archive.hosts()) == HOSTS
    for host in archive.hosts():
        points: dict[int, int] = {}
        for stored in archive.chunks(host, 0, 2**53):
            chunk = open_chunk(read_frame(stored.frame), keys[stored.enrolment])
            if chunk.manifest.columns[-1].name == NET_COMMITTED:
                assert set(chunk.values[-1]) == {BOUGHT_BPS * 10 ** chunk.manifest.columns[-1].scale}
                continue  # how many there are depends on the minute in which the inventory was seen
            scale = 10 ** (chunk.manifest.columns[-1].scale - 2)
            for start, length, value in zip(*chunk.values, strict=True):
                assert start not in points, "a point is sealed twice"
                points[start] = length
                assert value == truth(f"i-{host}", "cpu.utilization", start, length) * 100 * scale
        ordered = sorted(points)
        for start, after in zip(ordered, ordered[1:], strict=False):
            assert start + points[start] == after, "a point is lost"
        assert ordered[0] < begun_ms - 40 * DAY + 3 * HOUR
        assert ordered[-1] > begun_ms - 20 * MINUTE
    store.close()
