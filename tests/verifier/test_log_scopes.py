"""The scope that the day marks name is the one that the pack rests on, and nothing came after the pack was made."""

from __future__ import annotations

from dataclasses import replace

import pytest
from fleet import instant
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

from verifier import layout
from verifier.derivation import Declared
from verifier.finding import Finding
from verifier.pack import Rules

ONE_MBPS = SCOPE.replace(b"bandwidth_mbps = 10\n", b"bandwidth_mbps = 1\n")
TWO = declared_scope(SCOPE, ONE_MBPS)
"""Two versions before the window; the second one is in use."""
SEEN = {"SCOPE_OTHER", "LOG_UNACCOUNTED", "LOG_ARRIVAL"}


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
