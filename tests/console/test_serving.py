"""The console beside the wire: plugged in by the command line, and left out where it is not installed."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from console_world import NOW, Clock, Events, TestClient
from processes import environment

import console
from collector.http.app import create_app
from collector.opening import open_store
from collector.settings import Settings
from console.app import open_console
from console.pages.entry import live
from starproof.commands import collector as command

URL = "http://127.0.0.1:8440"


@pytest.fixture
def served(tmp_path):
    opened = open_store(f"sqlite:///{tmp_path / 'starproof.db'}", enterprise="甲公司", now_ms=NOW)
    stopping, events = threading.Event(), Events()
    with open_console(
        opened, settings=Settings(), url=URL, clock=Clock(), log=events, stopping=stopping
    ) as pages:
        app = create_app(opened, clock=Clock(), log=events, console=pages)
        with TestClient(app, follow_redirects=False) as client:
            client.stopping = stopping
            yield client
    opened.store.close()


def _run(work):
    """Run in a thread of its own: a browser of another test may have left a loop in this one."""
    with ThreadPoolExecutor(1) as threads:
        return threads.submit(lambda: asyncio.run(work())).result()


def test_the_wire_answers_as_before_and_everything_else_is_the_consoles(served):
    assert served.get("/healthz").json()["status"] == "ok"
    assert served.get("/v1/nothing").json()["code"] == "BAD_REQUEST"
    assert served.get("/v1/chunks").status_code == 405
    assert served.get("/metrics").headers["content-type"].startswith("text/plain")
    assert served.get("/").headers["location"] == "/login?next=%2F"
    lost = served.get("/nothing")
    assert (lost.status_code, lost.headers["content-type"]) == (404, "text/html; charset=utf-8")


def test_without_accounts_a_start_prints_a_link_and_later_only_the_address(tmp_path, capsys):
    opened = open_store(f"sqlite:///{tmp_path / 'starproof.db'}", enterprise="甲公司", now_ms=NOW)

    def start(url=URL):
        with open_console(
            opened, settings=Settings(), url=url, clock=Clock(), log=Events(), stopping=threading.Event()
        ):
            pass
        return capsys.readouterr().err

    first, second = start(), start("http://0.0.0.0:8440")
    assert "/setup?link=" in first
    assert "http://127.0.0.1:8440/setup?link=" in second
    assert first != second
    from argon2 import PasswordHasher

    from console.access.accounts import Accounts
    from console.access.passwords import Passwords

    link = second.strip().rpartition("=")[2]
    cheap = Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
    Accounts(opened.store, cheap).set_up(link, name="wang", password="sail boats on tai lake", now_ms=NOW)
    assert start() == f"控制台 console: {URL}/\n"
    opened.store.close()


def test_without_its_extra_the_collector_serves_agents_and_says_what_is_missing(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "argon2", None)
    for name in [
        name
        for name in sys.modules
        if (name.startswith("console.") and "access" in name) or name == "console.app"
    ]:
        monkeypatch.delitem(sys.modules, name)
    assert command._console() is None
    assert "pip install 'starproof[console]'" in capsys.readouterr().err


def test_the_stream_tells_of_a_change_and_ends_when_the_service_begins_to_end(console, monkeypatch):
    """Else a page that is open would keep the service from ending."""
    monkeypatch.setattr(live, "LOOK_EVERY_S", 0.02)
    monkeypatch.setattr(live, "STEP_S", 0.01)
    monkeypatch.setattr(console.snapshots, "mark", iter(range(100)).__next__)

    async def read():
        said = []
        async for event in live._events(console):
            said.append(event)
            if "change" in event:
                console.stopping.set()
        return said

    said = _run(read)
    assert said[0].startswith("retry:")
    assert said[-1] == "event: change\ndata: 1\n\n"


def test_more_streams_than_there_is_room_for_end_at_once(console):
    while console.streams.acquire(blocking=False):
        pass

    async def read():
        return [event async for event in live._events(console)]

    assert len(_run(read)) == 1


def test_only_serving_opens_a_console(monkeypatch):
    asked = []
    monkeypatch.setattr(command, "_console", lambda: asked.append(1))
    monkeypatch.setattr(command.cli, "main", lambda argv, **_: 0)
    for arguments in (["token"], ["serve", "--help"], []):
        command.main(arguments)
    assert asked == []
    command.main(["serve"])
    assert asked == [1]


def test_no_page_brings_an_engine_that_makes_code_into_the_service():
    """The unit forbids memory that is written and run; Vega's engine would end the collector there."""
    program = (
        "import sys, starproof.commands.collector as c; c._console(); assert 'vl_convert' not in sys.modules"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment(), capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    sources = [file.read_text("utf-8") for file in Path(console.__file__).parent.rglob("*.py")]
    assert not any(re.search(r"import .*\brender\b|vl_convert", text) for text in sources)
