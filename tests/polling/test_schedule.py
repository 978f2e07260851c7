"""The scheduler looks at every account until it is closed; ``serve`` starts and stops it."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
import urllib.request
from contextlib import closing
from pathlib import Path

import pytest
from sources.fake import DAY, MINUTE, installed

from collector.errors import SettingsError
from collector.polling.asking import StoppedError
from collector.polling.poller import Poller
from collector.polling.serving import polling
from collector.sources.interface import Retention

ROOT = Path(__file__).resolve().parents[2]
SECRET = "pLaNtEdServe0123"
apscheduler = pytest.importorskip("apscheduler", reason="APScheduler (the extra 'polling') is not installed")

from collector.polling.schedule import Schedule, stopping_sleep  # noqa: E402 - after the skip


def wait_for(what, seconds=30):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = what()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError(what)


@pytest.fixture
def scheduled(bench):
    """Start a schedule that looks ten times a second."""
    running = []

    def start(*accounts, **changes):
        stop = threading.Event()
        world = bench.world(stopping=stop.is_set, **changes)
        schedule = Schedule(Poller(world, accounts), world, stop, look_every_s=0.1)
        schedule.start()
        running.append(schedule)
        return schedule

    yield start
    for schedule in running:
        schedule.close()


def test_every_account_is_polled_and_its_budget_is_told_first(bench, scheduled):
    bench.fake.keeps = (Retention(5 * MINUTE, DAY),)
    names = {"i-web-1": "a-1", "i-web-2": "a-2"}
    scheduled(bench.account(alias="one"), bench.account(alias="two", hosts=names))
    wait_for(
        lambda: (
            {line["alias"] for line in bench.log.named("source_answered") if "metric" in line}
            == {"one", "two"}
        )
    )
    for alias in ("one", "two"):
        events = [line["event"] for line in bench.log.lines if line["alias"] == alias]
        assert events.index("source_budget") < events.index("source_answered", events.index("source_budget"))
    (told,) = [line for line in bench.log.named("source_budget") if line["alias"] == "one"]
    assert (told["instances"], told["calls_a_month"]) == (2, 720)


def test_it_goes_on_after_a_fault_of_ours(bench, scheduled):
    bench.fake.keeps = (Retention(5 * MINUTE, DAY),)
    clock, broken = bench.clock, [True]
    calls = type(clock).__call__

    class Broken(type(clock)):
        def __call__(self):
            if broken[0]:
                raise ZeroDivisionError("a fault of ours")
            return calls(self)

    clock.__class__ = Broken
    scheduled(bench.account())
    wait_for(lambda: bench.log.named("polling_failed"))
    broken[0] = False
    wait_for(bench.marks)
    assert "ZeroDivisionError: a fault of ours" in bench.log.named("polling_failed")[0]["message"]


def test_an_unusable_store_is_told_and_looked_at_again(bench, scheduled, monkeypatch):
    from collector.errors import StoreError

    monkeypatch.setattr(
        "collector.polling.poller.alone", lambda *_a, **_k: (_ for _ in ()).throw(StoreError("gone"))
    )
    scheduled(bench.account())
    wait_for(lambda: len(bench.log.named("polling_failed")) > 1)
    assert bench.log.named("polling_failed")[0]["message"] == "gone"


def test_refused_instances_are_told(bench, scheduled):
    bench.fake.keeps = (Retention(5 * MINUTE, DAY),)
    scheduled(bench.account(alias="one"), bench.account(alias="two"))
    wait_for(lambda: bench.log.named("source_refused"))


def test_closing_waits_for_the_question_that_is_being_asked(bench, scheduled):
    bench.fake.keeps = (Retention(5 * MINUTE, 9 * DAY),)
    bench.fake.pause_s = 0.5
    schedule = scheduled(bench.account())
    wait_for(lambda: bench.fake.asked)
    schedule.close()
    assert len(bench.fake.asked) == 1, "the second question was not asked"
    assert bench.marks()


def test_a_sleep_ends_when_the_collector_is_being_stopped():
    stop = threading.Event()
    sleep = stopping_sleep(stop)
    sleep(0.001)
    stop.set()
    with pytest.raises(StoppedError):
        sleep(1000)


def test_without_sources_nothing_is_started(bench, tmp_path):
    before = threading.active_count()
    with polling(bench.opened, tmp_path / "none.toml", log=bench.log):
        assert threading.active_count() == before
    assert bench.log.lines == []


def test_without_the_extra_the_service_says_what_to_install(bench, tmp_path, monkeypatch):
    path = tmp_path / "sources.toml"
    path.write_text('[[sources]]\nalias = "a"\nprovider = "fake"\n')
    monkeypatch.setattr("collector.polling.serving.find_spec", lambda _name: None)
    with (
        pytest.raises(SettingsError, match=r"pip install 'starproof\[polling\]'"),
        polling(bench.opened, path, log=bench.log),
    ):
        pass


def test_serve_polls_what_is_configured_and_shows_it_in_its_metrics(tmp_path):
    library = installed(tmp_path / "library")
    path = os.pathsep.join((str(ROOT), str(ROOT / "tests"), str(library), os.environ.get("PYTHONPATH", "")))
    sources = tmp_path / "my-sources.toml"
    sources.write_text(
        '[[sources]]\nalias = "main"\nprovider = "fake"\ncredential = "env:FAKE_KEY"\nbackfill_days = 1\n'
        '[[sources]]\nalias = "leaky"\nprovider = "fake"\ncredential = "env:FAKE_KEY"\nbackfill_days = 1\n'
        "[sources.hosts]\ni-web-0 = 'b-0'\ni-web-1 = 'b-1'\n[sources.settings]\nleaks = true\n"
    )
    config = tmp_path / "collector.toml"
    config.write_text(f'listen = "127.0.0.1:0"\nsources = "{sources}"\n')
    log = tmp_path / "log"
    database = tmp_path / "db" / "s.db"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "collector.cli",
                "serve",
                "--config",
                config,
                "--db",
                f"sqlite:///{database}",
            ],
            stderr=out,
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": path, "FAKE_KEY": SECRET, "PYTHONWARNINGS": "error"},
        )
    try:

        def lines():
            return [json.loads(line) for line in log.read_text().splitlines() if line.endswith("}")]

        wait_for(lambda: [line for line in lines() if line["event"] == "source_failed"])
        wait_for(lambda: [x for x in lines() if x["event"] == "source_answered" and x.get("sealed")])
        url = next(line["url"] for line in lines() if line["event"] == "listening")
        with urllib.request.urlopen(f"{url}/metrics") as answer:
            metrics = answer.read().decode()
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    assert 'starproof_source_failures{alias="leaky"} 1.0' in metrics
    assert 'starproof_source_failures{alias="main"} 0.0' in metrics
    assert 'starproof_source_mark_timestamp_seconds{alias="main",metric="cpu.utilization"}' in metrics
    assert 'starproof_source_points_sealed{alias="main"}' in metrics
    events = [line["event"] for line in lines()]
    assert events[-1] == "stopped"
    assert "***" in log.read_text()
    with closing(sqlite3.connect(database)) as opened:
        told = "\n".join(opened.iterdump())
    assert SECRET not in log.read_text() + told + metrics
