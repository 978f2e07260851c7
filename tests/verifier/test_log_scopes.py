"""The scope that the day marks name is the one that the pack rests on, and nothing came after the pack was made."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

import pytest
from fleet import instant
from memory_log import BehindScopes, MemoryLog
from packs import (
    ARCHIVE,
    LOG_KEY,
    RULES,
    SCOPE,
    SCOPED,
    SCOPED_PACK,
    TRUSTED,
    checked,
    codes,
    declared_scope,
    logged,
    mailbox_of,
    packed,
)
from standalone import checked_alone, disagreement

from evidence.log_entry import DAY_MARK
from evidence.log_records import parse_day_mark
from verifier import layout
from verifier.derivation import Declared
from verifier.finding import Finding
from verifier.pack import Rules
from verifier.ports import Log

ONE_MBPS = SCOPE.replace(b"bandwidth_mbps = 10\n", b"bandwidth_mbps = 1\n")
TWO = declared_scope(SCOPE, ONE_MBPS)
"""Two versions before the window; the second one is in use."""
SEEN = {"SCOPE_OTHER", "SCOPE_NOT_BOUND", "MARKS_WITHOUT_SCOPE", "LOG_UNACCOUNTED", "LOG_ARRIVAL"}


def told(data: bytes) -> list[Finding]:
    """The findings about scopes and arrivals, on which both verifiers agree."""
    report = checked(data)
    alone = checked_alone(data, key=LOG_KEY.public, editions=TRUSTED, outside=mailbox_of(data))
    assert disagreement(report, alone) == ""
    return sorted(one for one in report.findings if one.code in SEEN)


def before(rules: Rules) -> Rules:
    """The same declared versions, of which the first one is used."""
    declared = rules.declared
    first = declared.scopes[0].scope
    used = Declared(declared.edition, first, declared.scopes)
    return replace(rules, declared=used, scope_bytes=rules.scope_records[0][1])


def test_the_newest_of_two_scopes_is_the_one_that_the_marks_name() -> None:
    assert told(SCOPED_PACK) == []
    assert told(packed(ARCHIVE, TWO)) == []
    assert told(packed(ARCHIVE, RULES)) == []


@pytest.mark.parametrize(("rules", "expected"), [(SCOPED, 64), (RULES, len("no scope"))])
def test_a_pack_that_hides_the_newest_scope_fails_with_the_days_that_named_it(
    rules: Rules, expected: int
) -> None:
    data = packed(ARCHIVE, rules, log=logged(ARCHIVE, TWO))
    (finding,) = (one for one in told(data) if one.code == "SCOPE_OTHER")
    assert (finding.code, finding.severity, finding.step) == ("SCOPE_OTHER", "fail", 5)
    assert finding.place.startswith(layout.LOG_DAY_MARKS)
    assert finding.slot.endswith("/2026-11-30")
    assert len(finding.expected) == expected


def test_a_scope_that_was_replaced_before_the_window_cannot_be_used() -> None:
    (finding,) = told(packed(ARCHIVE, before(TWO)))
    assert (finding.code, finding.place, finding.slot) == ("SCOPE_OTHER", layout.SCOPE, "")


def test_a_scope_that_was_replaced_within_the_window_or_later_is_shown_and_no_more() -> None:
    for day in ("2026-11-15", "2026-12-01"):
        late = declared_scope(SCOPE, ONE_MBPS, before_ms=instant(day))
        report = checked(packed(ARCHIVE, late))
        assert "SCOPE_OTHER" not in codes(report)
        assert "SCOPE_CHANGED" in codes(report)


def test_a_scope_of_the_stretch_that_the_pack_leaves_out_is_told_beside_it() -> None:
    within = declared_scope(SCOPE, ONE_MBPS, before_ms=instant("2026-11-15"))
    one, other = told(packed(ARCHIVE, RULES, log=logged(ARCHIVE, within)))
    assert {one.code, other.code} == {"LOG_UNACCOUNTED", "SCOPE_OTHER"}


def test_marks_of_before_name_no_scope_and_the_packed_leaves_still_do() -> None:
    (note,) = told(packed(ARCHIVE, TWO, log=logged(ARCHIVE, TWO, names_scopes=False)))
    assert (note.code, note.severity, note.slot) == ("MARKS_WITHOUT_SCOPE", "note", "2026-11-01/2026-11-30")
    hidden = told(packed(ARCHIVE, SCOPED, log=logged(ARCHIVE, TWO, names_scopes=False)))
    assert {one.code for one in hidden} == {"MARKS_WITHOUT_SCOPE", "LOG_UNACCOUNTED"}


def behind_scopes(log: MemoryLog) -> Log:
    return cast("Log", BehindScopes(log))


def test_under_marks_of_before_a_scope_from_before_the_packed_leaves_may_not_be_the_newest() -> None:
    log = logged(ARCHIVE, TWO, names_scopes=False)
    hidden = told(packed(ARCHIVE, SCOPED, log=behind_scopes(log)))
    assert {(one.code, one.severity) for one in hidden} == {
        ("MARKS_WITHOUT_SCOPE", "note"),
        ("SCOPE_NOT_BOUND", "incomplete"),
    }
    named = told(packed(ARCHIVE, SCOPED, log=behind_scopes(logged(ARCHIVE, SCOPED))))
    assert named == []


def test_one_mark_of_the_window_that_names_the_scope_binds_it() -> None:
    log = logged(ARCHIVE, SCOPED, names_scopes=False)
    of_now = logged(ARCHIVE, SCOPED)
    assert [leaf.kind for leaf in log.leaves] == [leaf.kind for leaf in of_now.leaves]
    mixed = MemoryLog(LOG_KEY)
    last = of_now.marks[-1]
    assert parse_day_mark(last[1]).date == "2026-11-30"
    mixed.bodies, mixed.closed = log.bodies, []
    for index, leaf in enumerate(log.leaves[: last[0] + 1]):
        mixed.append_as_it_is(of_now.leaves[index] if index == last[0] else leaf)
        if leaf.kind == DAY_MARK:
            mixed.sign()
    mixed.marks = [*log.marks[:-1], last]
    (note,) = told(packed(ARCHIVE, SCOPED, log=behind_scopes(mixed)))
    assert (note.code, note.slot) == ("MARKS_WITHOUT_SCOPE", "2026-11-01/2026-11-29")


@pytest.mark.parametrize(("made", "wrong"), [("2026-12-01T00:00", False), ("2026-11-30T23:49", True)])
def test_what_arrived_after_the_pack_was_made_fails(made: str, *, wrong: bool) -> None:
    findings = told(packed(ARCHIVE, SCOPED, made=made, log=logged(ARCHIVE, SCOPED)))
    assert [one.code for one in findings] == (["LOG_ARRIVAL"] if wrong else [])


def test_a_provisional_pack_says_that_it_is_not_the_whole_window() -> None:
    early = packed(ARCHIVE, SCOPED, made="2026-11-30T12:00")
    for data, expected in ((early, True), (SCOPED_PACK, False)):
        assert told(data) == []
        report = checked(data)
        assert report.report is not None
        said = {one["code"] for one in report.report["not_proved"]}
        assert (("PROVISIONAL" in codes(report)), "WHOLE_WINDOW" in said) == (expected, expected)
