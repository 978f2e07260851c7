"""kill -9 of agents and collector at random moments under load: nothing lost, nothing twice.

Thousands of kills, each counted by what it cost: ``bench/faults.py --only kill``.
"""

from __future__ import annotations

import logging
import random
import re
import sqlite3
import threading
import time
from pathlib import Path

import pytest
from processes import Running, collector, enrolled_agent, starproof_json

AGENTS = 3
AGENT_KILLS = 11
"""For each agent: 33 in all."""
COLLECTOR_KILLS = 17
SEALED = re.compile(r"event=sealed seq=(\d+)")


def kill_again_and_again(running: Running, kills: int, seed: int, longest_s: float) -> None:
    dice = random.Random(seed)
    for _ in range(kills):
        time.sleep(dice.uniform(0.05, longest_s))
        running.kill()
        running.start()


@pytest.mark.slow
@pytest.mark.no_cover
def test_50_kills_lose_no_sealed_chunk_and_store_none_twice(tmp_path: Path) -> None:
    with collector(tmp_path) as (server, url, db):
        agents = [
            enrolled_agent(tmp_path, url, db, f"host-{number}", interval=1, seal=1)
            for number in range(AGENTS)
        ]
        for agent in agents:
            agent.start()
        storms = [
            threading.Thread(target=kill_again_and_again, args=(agent, AGENT_KILLS, number, 4.0))
            for number, agent in enumerate(agents)
        ]
        storms.append(threading.Thread(target=kill_again_and_again, args=(server, COLLECTOR_KILLS, 99, 2.5)))
        for storm in storms:
            storm.start()
        for storm in storms:
            storm.join()
        mark = [len(agent.text()) for agent in agents]
        for agent, start in zip(agents, mark, strict=True):
            agent.wait_for(r"event=sealed", seconds=60, start=start)
        deadline = time.monotonic() + 120
        states = [tmp_path / f"host-{number}" for number in range(AGENTS)]
        while time.monotonic() < deadline and any(pending(state) > 2 for state in states):
            time.sleep(1)
        for agent in agents:
            assert agent.stop() == 0
        for state in states:
            assert pending(state) == 0, f"{state}: not everything was delivered"
            assert not list((state / "spool" / "damaged").iterdir())
            assert not list((state / "spool" / "refused").iterdir())
    stored = rows_by_host(tmp_path / "starproof.db")
    total = 0
    for number, agent in enumerate(agents):
        sealed = {int(seq) for seq in SEALED.findall(agent.text())}
        seqs = stored[f"host-{number}"]
        assert len(seqs) == len(set(seqs)), "a chunk is stored twice"
        assert sealed <= set(seqs), f"lost: {sorted(sealed - set(seqs))}"
        assert sorted(seqs) == list(range(len(seqs))), "the chain has a hole"
        total += len(seqs)
    assert total > AGENTS * AGENT_KILLS // 2, "too little was sealed for this to mean anything"
    kills = AGENTS * AGENT_KILLS + COLLECTOR_KILLS
    logging.getLogger(__name__).info("%d kills, %d chunks sealed and stored once", kills, total)
    report = starproof_json("audit", "--db", db)
    assert report["findings"] == []
    assert report["chunks"] == total


def pending(state: Path) -> int:
    return len(list((state / "spool").glob("*.chunk")))


def rows_by_host(database: Path) -> dict[str, list[int]]:
    with sqlite3.connect(database) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        rows = connection.execute(
            "SELECT host.name, chunk.seq FROM chunk JOIN host ON host.id = chunk.host_id"
        ).fetchall()
    connection.close()
    found: dict[str, list[int]] = {}
    for name, seq in rows:
        found.setdefault(name, []).append(seq)
    return found
