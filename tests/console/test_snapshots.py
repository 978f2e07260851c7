"""What was computed is kept while the store stands still, and never for long when it moves."""

from __future__ import annotations

import pytest

from collector.store import findings
from console.reading.snapshots import QUICK_S, REST, Snapshots


class Later:
    """An executor whose work waits until somebody runs it."""

    def __init__(self):
        self.work = []

    def submit(self, job):
        self.work.append(job)

    def shutdown(self, **_):
        self.work.clear()

    def run(self):
        while self.work:
            self.work.pop(0)()


class Time:
    def __init__(self):
        self.now_s = 0.0

    def __call__(self):
        return self.now_s


@pytest.fixture
def later():
    return Later()


@pytest.fixture
def time():
    return Time()


@pytest.fixture
def snapshots(console, later, time, events):
    return Snapshots(console.store, monotonic=time, log=events, executor=later)


def _move(console):
    """Let the collector notice something new."""
    console.clock.now_ms += 1
    seen = findings.Finding(
        console.clock.now_ms, findings.CONFLICT, "web-1", "agent", 0, 0, str(console.clock.now_ms)
    )
    with console.store.writing() as connection:
        findings.record(connection, seen)


def _maker(time, cost_s):
    made = []

    def make():
        time.now_s += cost_s
        made.append(len(made))
        return made[-1]

    return make


def test_what_was_quick_is_computed_again_when_the_store_moved_and_only_then(console, snapshots, time):
    make = _maker(time, QUICK_S / 2)
    assert [snapshots.get("k", make) for _ in range(3)] == [0, 0, 0]
    _move(console)
    assert [snapshots.get("k", make) for _ in range(3)] == [1, 1, 1]


def test_what_was_slow_is_answered_as_it_was_and_renewed_behind(console, snapshots, later, time):
    make = _maker(time, 2.0)
    assert snapshots.get("k", make) == 0
    _move(console)
    assert snapshots.get("k", make) == 0
    assert later.work == []  # it rests first
    time.now_s += REST * 2.0
    assert [snapshots.get("k", make) for _ in range(3)] == [0, 0, 0]
    assert len(later.work) == 1
    later.run()
    assert snapshots.get("k", make) == 1


def test_a_renewal_that_fails_keeps_what_there_was_and_is_tried_again(
    console, snapshots, later, time, events
):
    from verifier.errors import ArchiveError

    make = _maker(time, 2.0)
    snapshots.get("k", make)
    _move(console)
    time.now_s += 1000

    def broken():
        raise ArchiveError("no day can have these sums")

    assert snapshots.get("k", broken) == 0
    later.run()
    assert [line["event"] for line in events.lines] == ["not_renewed"]
    snapshots.get("k", make)
    assert later.work == []
    time.now_s += 1000
    snapshots.get("k", make)
    later.run()
    assert snapshots.get("k", make) == 1


def test_streams_look_at_the_store_at_most_once_a_second(console, snapshots, time):
    before = snapshots.mark()
    _move(console)
    assert snapshots.mark() == before
    time.now_s += 1.1
    assert snapshots.mark() != before


def test_an_open_page_hears_of_what_was_renewed_after_it_asked(console, snapshots, later, time):
    make = _maker(time, 2.0)
    snapshots.get("k", make)
    _move(console)
    assert snapshots.get("k", make) == 0
    heard = snapshots.mark()
    assert later.work == []
    time.now_s += REST * 2.0
    snapshots.mark()
    later.run()
    assert snapshots.mark() != heard
    assert snapshots.get("k", make) == 1


def test_old_keys_are_forgotten(snapshots, time):
    make = _maker(time, 0.0)
    for number in range(100):
        snapshots.get(number, make)
    assert len(snapshots._kept) == 32
