"""The page of the evidence: every state of a day, from a log that is kept and anchored for real."""

from __future__ import annotations

import re

import pytest
from console_world import NOW

from collector.anchors.interface import MAIL
from collector.log import keeping
from collector.store import anchors, findings, log
from collector.store.findings import Finding
from console.access.roles import Role
from console.reading.evidence import DayState, read_evidence
from console.reading.month import span_of
from evidence import log_entry

DAY_MS = 86_400_000
BEGAN = NOW - 6 * DAY_MS  # 2026-11-12 in Shanghai; now it is the 18th


@pytest.fixture
def kept(console):
    """A log of six days: one without any witness asked, one taken late, one waiting, one taken, one without a mark."""
    store, key = console.store, console.opened.keyring.log_key()

    def add(number, when):
        with store.writing() as connection:
            log.append(connection, [(log_entry.CHUNK, f"{number:064x}")], now_ms=when)

    def ask(alias, when):
        with store.writing() as connection:
            head = anchors.newest_checkpoint(connection, of_day=True)
            anchors.queue(connection, alias, head, now_ms=when)

    def take(alias, when):
        with store.writing() as connection:
            one = anchors.waiting(connection, [alias])[-1]
            anchors.take(connection, one, kind=MAIL, receipt=b"taken", claimed_ms=0, now_ms=when)

    add(1, BEGAN)
    add(2, BEGAN)
    keeping.keep_days(store, key=key, now_ms=BEGAN + DAY_MS)  # the 12th: nobody asked, covered later
    add(3, BEGAN + DAY_MS)
    keeping.keep_days(store, key=key, now_ms=BEGAN + 2 * DAY_MS)  # the 13th: taken
    ask("bureau", BEGAN + 2 * DAY_MS)
    take("bureau", BEGAN + 2 * DAY_MS + 5_000)
    keeping.keep_days(store, key=key, now_ms=BEGAN + 3 * DAY_MS)  # the 14th: waits, and failed twice
    ask("bureau", BEGAN + 3 * DAY_MS)
    with store.writing() as connection:
        (one,) = anchors.waiting(connection, ["bureau"])
        anchors.postpone(connection, one, next_ms=NOW, error="<b>refused</b>")
    keeping.keep_days(store, key=key, now_ms=BEGAN + 4 * DAY_MS)  # the 15th: nobody asked
    return console


def _read(console):
    span = span_of(console.zone, NOW, "2026-11")
    return read_evidence(console.store, span, console.opened.identity.calendar, now_ms=NOW)


def test_every_day_says_how_its_evidence_stands(kept):
    found = _read(kept)
    states = {day.day[8:]: day.state for day in found.days}
    assert states["11"] is DayState.BEFORE
    assert states["12"] is DayState.LATER
    assert states["13"] is DayState.ANCHORED
    assert states["14"] is DayState.WAITING
    assert states["15"] is DayState.ALONE
    assert states["16"] is states["17"] is DayState.UNMARKED
    assert states["18"] is states["30"] is DayState.OPEN
    assert (found.anchored, found.over, found.began, found.today) == (2, 6, "2026-11-12", "2026-11-18")


def test_days_say_how_much_arrived_and_when_it_was_first_covered(kept):
    by_day = {day.day[8:]: day for day in _read(kept).days}
    assert (by_day["12"].leaves, by_day["12"].size) == (3, 3)  # two chunks and the mark
    assert (by_day["13"].leaves, by_day["13"].size) == (2, 5)
    assert by_day["14"].leaves == 2  # the receipt and the mark
    assert by_day["12"].covered_ms == by_day["13"].covered_ms == BEGAN + 2 * DAY_MS + 5_000
    assert by_day["14"].covered_ms is None
    assert re.fullmatch(r"([0-9A-Z]{5}-){5}[0-9A-Z]{5}", by_day["15"].code)


def test_the_newest_head_and_the_checkpoints_are_the_logs_own(kept):
    found = _read(kept)
    with kept.store.reading() as connection:
        head = log.head(connection).frontier
    assert (found.size, found.root) == (head.size, head.root.hex())
    assert found.checkpoints == len(found.points) == 4
    assert found.newest == found.points[0]
    assert found.points[0].note.splitlines()[1] == str(found.size)
    assert [(one.alias, one.taken, one.waiting, one.attempts) for one in found.anchors] == [
        ("bureau", 1, 1, 1)
    ]


def test_a_closed_month_tells_the_leaf_of_its_close(kept, clock):
    key, later = kept.opened.keyring.log_key(), NOW + 20 * DAY_MS
    keeping.close_month(kept.store, "2026-11", key=key, now_ms=later)
    (close,) = _read(kept).closes
    assert _read(kept).size == close.leaf + 1


def test_the_page_shows_days_without_a_witness_and_escapes_what_a_witness_said(kept, administrator):
    with kept.store.writing() as connection:
        findings.record(
            connection, Finding(NOW, "CONFLICT", "web-1", "agent", 0, 1, "two chunks of one number")
        )
    text = administrator.get("/evidence").text
    assert "2 / 6 天" in text
    assert "11-15, 11-16, 11-17" in text
    assert "&lt;b&gt;refused" in text
    assert "<b>refused" not in text
    assert "日志从 2026-11-12 开始" in text
    assert text.count('<th scope="row" class="day">2026-11-') == 7
    assert kept.opened.keyring.log_key().public.raw.hex() in text
    assert "CONFLICT" in text
    assert "starproof log close --month 2026-11" in text


def test_a_reviewer_lands_on_the_evidence_and_sees_nothing_else(signed_in):
    browser = signed_in(Role.REVIEWER)
    assert browser.get("/evidence").status_code == 200
    assert 'class="brand" href="/evidence"' in browser.get("/evidence").text
    for path in ("/figures", "/coverage", "/hosts", "/", "/tokens"):
        assert browser.get(path).status_code == 403
