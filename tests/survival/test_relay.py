"""A relay between agents and collector, all real processes: killed, cut off from the collector, and filled."""

from __future__ import annotations

import re
import sqlite3
import time
from contextlib import ExitStack, contextmanager

import pytest
from processes import Running, collector, free_port, starproof, starproof_json

AGENTS = 2
KILLS = 4
SEALED = re.compile(r"event=sealed seq=(\d+)")


@contextmanager
def relay(folder, url, *, more=""):
    folder.mkdir(exist_ok=True)
    settings = folder / "relay.toml"
    settings.write_text(
        f'to = "{url}"\nstate = "{folder / "state"}"\n{more}\n[limits]\nrequests_per_minute = 100000\n'
        "enrolments_per_minute = 1000\n",
        encoding="utf-8",
    )
    listen = f"127.0.0.1:{free_port()}"
    running = Running(
        folder / "relay.log", "starproof", "relay", "serve", "--config", settings, "--listen", listen
    )
    running.start()
    try:
        running.wait_for('"listening"')
        yield running, f"http://{listen}"
    finally:
        running.stop()


def behind(folder, url, db, name, log_key):
    token = starproof_json("collector", "token", "--db", db, "--host", name)["token"]
    state = folder / name
    starproof(
        "agent", "enroll", "--collector", url, "--name", name, "--state", state, "--log-key", log_key,
        STARPROOF_TOKEN=token,
    )  # fmt: skip
    return Running(folder / f"{name}.log", "agent", "run", "--state", state, "--interval", 1, "--seal", 1)


def pending(state):
    return len(list((state / "spool").glob("*.chunk")))


def waiting(folder):
    with sqlite3.connect(f"file:{folder / 'state' / 'relay.db'}?mode=ro", uri=True) as database:
        (count,) = database.execute("SELECT count(*) FROM waiting").fetchone()
    database.close()
    return count


def until(condition, *, seconds, what):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return
        time.sleep(0.1)
    raise AssertionError(what)


@pytest.mark.slow
@pytest.mark.no_cover
def test_killed_relays_and_a_collector_that_is_away_lose_and_double_nothing(tmp_path):
    with (
        collector(tmp_path) as (server, url, db),
        relay(tmp_path / "relay", url) as (between, relay_url),
        ExitStack() as stack,
    ):
        log_key = (tmp_path / "log.pub").read_text().strip()
        agents = [behind(tmp_path, relay_url, db, f"host-{number}", log_key) for number in range(AGENTS)]
        states = [tmp_path / f"host-{number}" for number in range(AGENTS)]
        for agent in agents:
            agent.start()
            stack.callback(agent.stop)
            agent.wait_for("event=delivered")
        server.kill()
        marks = [len(agent.text()) for agent in agents]
        for agent, mark in zip(agents, marks, strict=True):
            agent.wait_for("event=relayed", start=mark)
        for _ in range(KILLS):
            mark = len(between.text())
            between.kill()
            between.start()
            between.wait_for('"listening"', start=mark)
            time.sleep(0.5)
        until(lambda: waiting(tmp_path / "relay") >= 2 * AGENTS, seconds=90, what="the relay keeps chunks")
        assert all(pending(state) for state in states), "nothing is let go on a relay's word"
        # One host goes away before the collector is back: what the relay has still arrives.
        agents[0].kill()
        server.start()
        until(lambda: waiting(tmp_path / "relay") == 0, seconds=60, what="the relay passes everything on")
        agents[0].start()
        for agent in agents:
            agent.wait_for(r"event=delivered", start=len(agent.text()), seconds=60)
        for agent in agents:
            assert agent.stop() == 0
        until(lambda: waiting(tmp_path / "relay") == 0, seconds=30, what="the relay is empty")
    with sqlite3.connect(tmp_path / "starproof.db") as database:
        rows = database.execute(
            "SELECT host.name, chunk.seq FROM chunk JOIN host ON host.id = chunk.host_id ORDER BY 1, 2"
        ).fetchall()
    database.close()
    for agent, state in zip(agents, states, strict=True):
        sealed = sorted({int(seq) for seq in SEALED.findall(agent.text())})
        assert len(sealed) > KILLS // 2
        assert [seq for name, seq in rows if name == state.name] == list(range(len(sealed))) == sealed
        assert "log_problem" not in agent.text()
        assert not list((state / "spool" / "refused").iterdir())
        assert (state / "relay").exists()
    assert starproof_json("audit", "--db", db)["findings"] == []
