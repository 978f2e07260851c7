"""What a report says of anchors: what the pack holds, recomputed by the check, confirmed by nobody."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from anchor_world import CALENDAR
from fleet import instant
from memory_log import honest_log
from packs import (
    ARCHIVE,
    DECLARED_MS,
    EDITION,
    LOG_KEY,
    MONTH,
    RULES,
    SCOPED,
    checked,
    codes,
    contents,
    packed,
    resigned,
)

from evidence import log_records
from evidence.calendar import LocalCalendar
from evidence.log_entry import ANCHOR, DAY_MARK
from evidence.log_entry import EDITION as EDITION_KIND
from evidence.stored import PackedReceipt
from verifier import layout
from verifier.anchors.held import anchors_document, read_held
from verifier.anchors.interface import NOTHING
from verifier.check import FAILED, PASS
from verifier.pack import Rules, write_pack

MADE = "2026-12-01T12:00"
DAY_MS = 86_400_000


def made(
    *,
    late: tuple[str, ...] = (),
    without: tuple[str, ...] = (),
    unlogged: tuple[str, ...] = (),
    early: bool = True,
    rules: Rules = SCOPED,
    edition: bytes = EDITION,
) -> bytes:
    """A pack whose days have a receipt in the night after, but for some."""
    records = [(DECLARED_MS, record) for record, _ in rules.scope_records]
    log = honest_log(
        ARCHIVE, key=LOG_KEY, month=MONTH, made_ms=instant(MADE), scopes=records, edition=edition
    )
    # The same log again, with a leaf for every receipt, and its notes.
    again = type(log)(LOG_KEY)
    receipts: list[PackedReceipt] = []
    waiting: list[tuple[int, bytes]] = []
    marks, closes = dict(log.marks), dict(log.closed)
    signed = {size for size, _ in log.notes}
    for index, entry in enumerate(log.leaves):
        while waiting and waiting[0][0] <= entry.arrival_ms:
            at_ms, data = waiting.pop(0)
            again.append(ANCHOR, layout.sha256(data), at_ms)
        hash_ = entry.hash
        if index in closes:
            close = replace(log_records.parse_close(closes[index]), size=again.size).encode()
            again.closed.append((again.size, close))
            hash_ = log_records.sha256(close)
        at = again.append(entry.kind, hash_, entry.arrival_ms)
        if index in marks:
            again.marks.append((at, marks[index]))
        if index + 1 not in signed:
            continue
        again.sign()
        size, note = again.notes[-1]
        day = date.fromordinal(CALENDAR.day_of(entry.arrival_ms) - 1).isoformat()
        if entry.kind != DAY_MARK or day in without or (day < "2026-11-01" and not early):
            continue
        data = b"receipt of " + note
        got_ms = entry.arrival_ms + (3 * DAY_MS if day in late else 60_000)
        receipts.append(PackedReceipt(size, "authority", "eml", got_ms, note, data))
        if day not in unlogged:
            waiting.append((got_ms, data))
            waiting.sort()
    again.sign()
    stream = io.BytesIO()
    write_pack(
        stream,
        ARCHIVE,
        month=MONTH,
        rules=rules,
        zone=None,
        log_key=LOG_KEY,
        made_ms=instant(MADE),
        log=again,
        receipts=receipts,
    )
    return stream.getvalue()


def said(data: bytes) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(contents(data)[layout.REPORT])["anchors"]
    return found


def states(data: bytes) -> dict[str, str]:
    return {day["day"]: day["state"] for day in said(data)["days"]}


USUAL = made()


def test_every_day_has_the_receipt_that_came_in_its_night():
    found = states(USUAL)
    assert [day for day, state in found.items() if state != "in_time"] == []
    assert len(found) == 30
    first = said(USUAL)["days"][0]
    assert [(one["kind"], one["alias"], one["size"]) for one in first["receipts"]] == [
        ("mail", "authority", first["size"])
    ]
    assert first["receipts"][0]["logged_ms"] == instant("2026-11-02") + 61_000


def test_a_day_without_a_receipt_of_its_own_is_late_by_the_next_one_and_never_hidden():
    found = made(without=("2026-11-10", "2026-11-11"))
    # That of the twelfth covers the eleventh too, a day and a minute after it.
    assert {day: state for day, state in states(found).items() if state != "in_time"} == {
        "2026-11-10": "late",
        "2026-11-11": "late",
    }


def test_a_receipt_that_came_late_makes_its_day_late_unless_a_later_checkpoint_was_in_time():
    assert states(made(late=("2026-11-10",)))["2026-11-10"] == "late"


def test_the_last_days_without_any_receipt_have_none_and_one_without_a_leaf_is_undated():
    days = ("2026-11-28", "2026-11-29", "2026-11-30")
    assert {states(made(without=days))[day] for day in days} == {"none"}
    assert states(made(unlogged=days))["2026-11-30"] == "undated"


def test_a_day_that_was_not_over_is_not_asked_for():
    held = contents(USUAL)
    report = checked(USUAL)
    assert report.derived is not None
    figures = report.derived.figures
    found = anchors_document(
        read_held(held, held.__getitem__) or pytest.fail("no log"),
        window=figures.window,
        calendar=LocalCalendar(figures.timezone),
        scope=figures.scope,
        scopes=(),
        edition=figures.edition.sha256,
        made_ms=instant("2026-11-20T12:00"),
    )
    assert [day["state"] for day in found["days"]][18:21] == ["in_time", "not_over", "not_over"]
    assert found["rules"]["state"] == "not_declared"


def test_rules_with_a_receipt_from_before_the_window_have_no_sentence_among_what_is_not_proved():
    report = checked(USUAL)
    assert report.report is not None
    rules = said(USUAL)["rules"]
    assert (rules["state"], len(rules["receipts"])) == ("before", 1)  # the first of many
    assert rules["size"] <= rules["receipts"][0]["size"]
    assert rules["receipts"][0]["logged_ms"] == instant("2026-10-21") + 61_000
    assert "RULES_FIXED" not in {one["code"] for one in report.report["not_proved"]}


@pytest.mark.parametrize(
    ("data", "state"),
    [
        (made(early=False), "not_before"),
        (made(edition=b"another edition's file"), "not_before"),
        (made(rules=RULES), "not_declared"),
    ],
)
def test_rules_without_one_are_said_on_page_one_not_to_be_proved(data, state):
    report = checked(data)
    assert report.report is not None
    assert said(data)["rules"]["state"] == state
    assert "RULES_FIXED" in {one["code"] for one in report.report["not_proved"]}


def test_receipts_in_the_report_confirm_nothing_at_the_check():
    assert checked(USUAL).outcome == PASS
    assert {"DAY_NOT_ANCHORED", "SCOPE_NOT_ANCHORED"} <= codes(checked(USUAL, outside=NOTHING))


def test_a_report_that_claims_another_receipt_is_found():
    entries = contents(made(without=("2026-11-30",)))
    entries[layout.REPORT] = entries[layout.REPORT].replace(b'"state":"none"', b'"state":"in_time"')
    report = checked(resigned(entries))
    assert (report.outcome, "REPORT" in codes(report)) == (FAILED, True)


def test_a_log_that_cannot_be_read_gives_no_report_of_anchors():
    held = {**contents(USUAL), layout.LOG_LEAVES: b"\x09" * 41}
    assert read_held(held, held.__getitem__) is None
    assert read_held({}, {}.__getitem__) is None


def test_the_edition_of_a_declared_scope_has_its_leaf_or_the_pack_is_incomplete():
    assert "EDITION_NOT_LOGGED" not in codes(checked(USUAL))
    other = checked(made(edition=b"another edition's file"))
    assert "EDITION_NOT_LOGGED" in codes(other)
    assert "EDITION_NOT_LOGGED" not in codes(checked(packed(ARCHIVE, RULES)))


def test_an_edition_that_was_logged_long_before_stands_in_the_base():
    log = honest_log(
        ARCHIVE,
        key=LOG_KEY,
        month=MONTH,
        made_ms=instant(MADE),
        scopes=[(DECLARED_MS, SCOPED.scope_records[0][0])],
    )
    again = type(log)(LOG_KEY)
    again.append(EDITION_KIND, layout.sha256(EDITION), instant("2025-01-01"))
    again.sign()
    for index, entry in enumerate(log.leaves):
        at = again.append(entry.kind, entry.hash, entry.arrival_ms)
        again.marks += [(at, record) for leaf, record in log.marks if leaf == index]
        if index + 1 in {size for size, _ in log.notes} and index + 1 != log.size:
            again.sign()
    data = packed(ARCHIVE, SCOPED, log=again)
    report = checked(data)
    assert report.log is not None
    found = report.log.find(EDITION_KIND, layout.sha256(EDITION))
    assert found is not None
    assert (found.leaf, report.log.base > 0) == (0, True)
    assert "EDITION_NOT_LOGGED" not in codes(report)
