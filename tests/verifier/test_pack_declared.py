"""What a pack declares: scope versions, profile and documents, and what a check says about them."""

from __future__ import annotations

import io
import json
from dataclasses import replace

import pytest
from fleet import instant
from packs import (
    ARCHIVE,
    CONTRACT,
    FULL,
    FULL_PACK,
    LOG_KEY,
    PROFILE,
    RULES,
    SCOPE,
    SCOPED,
    TRUSTED,
    checked,
    codes,
    contents,
    declared_scope,
    mailbox_of,
    packed,
    resigned,
    small_fleet,
    with_profile,
)

from verifier import difference, layout
from verifier.anchors.held import read_held
from verifier.check import FAILED, PARTIAL, PASS, CheckReport, check
from verifier.declaration import next_record, scopes_document
from verifier.derivation import Declared, derive_month
from verifier.document import encode_figures
from verifier.errors import ProfileError
from verifier.pack import SOFTWARE

DOCUMENT = layout.document_name(layout.sha256(CONTRACT))


def found(report: CheckReport, code: str) -> list[tuple[str, str, str]]:
    return [(f.place, f.expected, f.got) for f in report.findings if f.code == code]


def bent(**entries: bytes | None) -> CheckReport:
    """Check the full pack with entries replaced or removed by somebody who holds the log key."""
    held = contents(FULL_PACK)
    for name, data in entries.items():
        place = getattr(layout, name, name)
        if data is None:
            del held[place]
        else:
            held[place] = data
    return checked(resigned(held))


def test_a_full_pack_passes_and_says_that_copies_are_only_for_reading():
    report = checked(FULL_PACK)
    assert (report.outcome, codes(report)) == (PASS, {"READING_COPY"})
    assert [place for place, _, _ in found(report, "READING_COPY")] == [layout.FORM, layout.REPORT_HTML]
    assert report.declared is not None
    assert report.declared.profile is not None
    assert report.declared.profile.region == "苏州"


def test_the_store_derives_the_same_bytes_as_the_pack():
    held = contents(FULL_PACK)
    derived = derive_month(
        ARCHIVE,
        month="2026-11",
        timezone=None,
        declared=FULL.declared,
        made_ms=instant("2026-12-01"),
        software=SOFTWARE,
        held=read_held(held, held.__getitem__),
    )
    assert held[layout.REPORT] == derived.report_bytes
    assert held[layout.VERDICT] == derived.verdict_bytes
    assert held[layout.FIGURES] == derived.figures_bytes
    assert derived.report_bytes == encode_figures(derived.report)


def test_the_check_document_carries_the_recomputed_verdict():
    verdict = checked(FULL_PACK).document()["verdict"]
    assert verdict == json.loads(contents(FULL_PACK)[layout.VERDICT])
    assert verdict["star"] is None
    by_id = {criterion["id"]: criterion for criterion in verdict["criteria"]}
    assert by_id["core_business"]["answers"]["3"]["verdict"] == "DECLARED"
    assert by_id["cloud_investment"]["got"] == "6.5"


@pytest.mark.parametrize(
    ("name", "code", "old", "new"),
    [
        ("VERDICT", "VERDICT", b'"star":null', b'"star":"5"'),
        ("REPORT", "REPORT", b'"provisional":"no"', b'"provisional":"yes"'),
        ("FIGURES", "FIGURES", b'"provisional":"no"', b'"provisional":"yes"'),
    ],
)
def test_a_derived_document_that_says_something_else_fails(name, code, old, new):
    held = contents(FULL_PACK)[getattr(layout, name)]
    report = bent(**{name: held.replace(old, new)})
    assert (report.outcome, bool(found(report, code))) == (FAILED, True)


def test_a_verdict_much_longer_than_it_should_be_is_not_compared_value_by_value():
    report = bent(VERDICT=b"[" * 2_000_000)
    [(place, _, got)] = found(report, "VERDICT")
    assert (report.outcome, place, got) == (FAILED, layout.VERDICT, "2000000 bytes")


def test_a_missing_derived_document_fails():
    assert bent(VERDICT=None).outcome == FAILED
    assert bent(REPORT=None).outcome == FAILED


def test_a_document_that_is_not_there_leaves_the_pack_incomplete():
    report = bent(**{DOCUMENT: None})
    assert (report.outcome, found(report, "DOCUMENT_MISSING")) == (PARTIAL, [(DOCUMENT, "", "")])


def test_a_document_with_another_content_fails():
    report = bent(**{DOCUMENT: b"another contract"})
    assert report.outcome == FAILED
    assert found(report, "DOCUMENT")[0][:2] == (DOCUMENT, layout.sha256(CONTRACT))


def test_a_document_that_nobody_names_fails():
    other = layout.document_name(layout.sha256(b"other"))
    assert found(bent(**{other: b"other"}), "DOCUMENT") == [
        (other, "", "neither profile nor ledger names it")
    ]
    report = bent(PROFILE=None)
    assert (DOCUMENT, "", "neither profile nor ledger names it") in found(report, "DOCUMENT")


def test_a_profile_that_cannot_be_read_fails_and_nothing_is_derived():
    report = bent(PROFILE=b"not a profile")
    assert (report.outcome, report.derived, codes(report)) == (FAILED, None, {"PROFILE"})


def test_a_profile_of_another_enterprise_fails():
    report = bent(PROFILE=PROFILE.replace("示例企业".encode(), "别家企业".encode()))
    assert (f"{layout.PROFILE} applicant.name", "示例企业", "别家企业") in found(report, "PROFILE")


def test_head_counts_of_profile_and_scope_agree():
    counted = SCOPE.replace(b"[window]", b"[head_counts]\ntotal = 320\n[window]")
    profile = PROFILE.replace(b"[[documents]]", b"[applicant.size]\ntotal = 320\n[[documents]]", 1)
    agreed = packed(ARCHIVE, with_profile(declared_scope(counted), profile))
    assert checked(agreed).outcome == PASS
    other = profile.replace(b"320", b"300")
    with pytest.raises(ProfileError, match=r"applicant.size.total is 300, but store and scope say 320"):
        packed(ARCHIVE, with_profile(declared_scope(counted), other))
    held = contents(agreed)
    held[layout.PROFILE] = other
    report = checked(resigned(held))
    assert (f"{layout.PROFILE} applicant.size.total", "320", "300") in found(report, "PROFILE")


def test_a_profile_of_another_enterprise_is_not_packed():
    other = with_profile(RULES, PROFILE.replace("示例企业".encode(), "别家企业".encode()))
    with pytest.raises(ProfileError, match=r"applicant.name is 别家企业, but store and scope say 示例企业"):
        packed(ARCHIVE, other)


def test_every_declared_version_of_the_scope_is_shown_with_what_changed():
    wider = SCOPE.replace(b"bandwidth_mbps = 10\n", b"bandwidth_mbps = 20\n")
    report = checked(packed(ARCHIVE, declared_scope(SCOPE, wider)))
    assert (report.outcome, found(report, "SCOPE_CHANGED")) == (PASS, [(layout.SCOPES, "", "2 versions")])
    assert report.report is not None
    [first, second] = report.report["scope"]["versions"]
    assert (first["version"], first["differences"]) == (1, [])
    assert second["differences"] == [{"place": "hosts db-1 bandwidth_mbps", "before": "10", "after": "20"}]
    assert report.report["scope"]["declared_before_window"] == "yes"


def test_a_scope_that_is_not_the_last_one_declared_is_shown():
    wider = SCOPE.replace(b"bandwidth_mbps = 10\n", b"bandwidth_mbps = 20\n")
    rules = declared_scope(SCOPE, wider)
    first = replace(rules, declared=replace(rules.declared, scope=SCOPED.declared.scope), scope_bytes=SCOPE)
    report = checked(packed(ARCHIVE, first))
    assert (layout.SCOPE, "the last version", "version 1 of 2") in found(report, "SCOPE_CHANGED")


def test_a_scope_without_a_record_is_shown():
    rules = replace(
        SCOPED, scope_records=(), declared=Declared(SCOPED.declared.edition, SCOPED.declared.scope)
    )
    report = checked(packed(ARCHIVE, rules))
    assert (report.outcome, codes(report)) == (PARTIAL, {"SCOPE_UNDECLARED", "SCOPE_NOT_ANCHORED"})
    assert report.report is not None
    assert (report.report["scope"]["version"], report.report["scope"]["declared_ms"]) == (None, None)


def test_declared_scopes_beside_no_scope_in_use_are_kept():
    rules = replace(
        RULES,
        scope_records=SCOPED.scope_records,
        declared=replace(RULES.declared, scopes=SCOPED.declared.scopes),
    )
    assert codes(checked(packed(ARCHIVE, rules))) == {"SCOPE_NOT_DECLARED", "SCOPE_NOT_ANCHORED"}


def test_a_scope_declared_after_the_window_began_is_shown():
    late = declared_scope(SCOPE, before_ms=instant("2026-11-05"))
    report = checked(packed(ARCHIVE, late))
    assert report.outcome == PARTIAL
    start, declared = instant("2026-11-01"), instant("2026-11-05")
    assert found(report, "SCOPE_DECLARED_AFTER") == [(layout.SCOPE, f"before {start} ms", f"{declared} ms")]


def test_records_of_scopes_that_do_not_follow_one_another_fail():
    report = bent(SCOPES=b"not records")
    assert (report.outcome, report.derived, "SCOPES" in codes(report)) == (FAILED, None, True)


def test_records_of_another_enterprise_fail():
    text = SCOPE.replace("示例企业".encode(), "别家企业".encode())
    record = next_record([], text, enterprise="别家企业", declared_ms=instant("2026-10-20"))
    report = bent(SCOPES=scopes_document([(record, text)]))
    assert (layout.SCOPES, "示例企业", "别家企业") in found(report, "SCOPES")


def test_a_pack_made_before_the_month_is_over_is_provisional():
    report = checked(packed(ARCHIVE, SCOPED, made="2026-11-20"))
    assert (report.outcome, codes(report)) == (PASS, {"PROVISIONAL"})
    assert report.report is not None
    assert report.report["verdict"]["provisional"] == "yes"


def test_a_scope_declared_at_the_very_first_instant_is_late():
    late = declared_scope(SCOPE, before_ms=instant("2026-11-01"))
    report = checked(packed(ARCHIVE, late))
    assert "SCOPE_DECLARED_AFTER" in codes(report)
    assert report.report is not None
    assert report.report["scope"]["declared_before_window"] == "no"


def test_a_scope_that_leaves_out_more_than_a_tenth_of_the_days_leaves_the_pack_incomplete():
    def excluding(last: int) -> CheckReport:
        text = SCOPE + (
            f'[[exclusions]]\nfrom = 2026-11-01\nto = 2026-11-{last:02}\nreason = "检修"\nperson = "张工"\n'.encode()
        )
        return checked(packed(ARCHIVE, declared_scope(text)))

    assert excluding(3).outcome == PASS
    report = excluding(4)
    assert (report.outcome, found(report, "MOSTLY_LEFT_OUT")[0][2]) == (
        PARTIAL,
        "4 of 30 days do not count",
    )


def test_an_empty_document_proves_nothing():
    empty = layout.sha256(b"")
    profile = PROFILE.replace(layout.sha256(CONTRACT).encode(), empty.encode())
    held = contents(FULL_PACK)
    del held[DOCUMENT]
    held |= {layout.PROFILE: profile, layout.document_name(empty): b""}
    assert found(checked(resigned(held)), "DOCUMENT_EMPTY") == [(layout.document_name(empty), "", "")]


def test_a_pack_made_after_the_reviewers_now_is_incomplete():
    made = instant("2026-12-01")

    def outcome(now: int) -> str:
        stream = io.BytesIO(FULL_PACK)
        given = mailbox_of(FULL_PACK)
        return check(stream, log_key=LOG_KEY.public, editions=TRUSTED, now_ms=now, outside=given).outcome

    assert outcome(made) == PASS
    assert outcome(made - 600_000) == PASS
    assert outcome(made - 600_001) == PARTIAL


def test_a_document_of_nested_lists_is_compared_without_a_fall():
    deep = b'{"schema":' + b"[" * 900 + b"]" * 900 + b"}"
    report = bent(VERDICT=deep)
    assert (report.outcome, bool(found(report, "VERDICT"))) == (FAILED, True)


SUBSTITUTED = SCOPE.replace(b"[window]", b'[substitution]\ncpu_utilization = "extreme_hour/1"\n[window]')


def _nearly_whole():
    """Two hosts at 12 % over November with one gap of ten hours: open between 11 and 13 percent."""
    fleet = small_fleet()
    fleet.sources.clear()
    fleet._agents.clear()
    for host in ("web-1", "db-1"):
        agent = fleet.agent(host)
        agent.run(hours=24 * 15, busy=10).run(hours=24, busy=9).forget(hours=10, busy=10)
        agent.run(hours=30 * 24 - 24 * 16 - 10, busy=10).seal()
    return fleet.archive()


def test_a_rule_for_missing_time_decides_only_if_it_was_declared_before_the_window():
    archive = _nearly_whole()

    def verdicts(rules) -> tuple[str, dict[str, object] | None]:
        report = checked(packed(archive, rules))
        assert report.outcome != FAILED
        assert report.report is not None
        cpu = next(i for i in report.report["figures"]["indicators"] if i["id"] == "cpu_utilization")
        return cpu["verdicts"]["4"], cpu["substitution"]

    assert verdicts(declared_scope(SCOPE)) == ("INCONCLUSIVE", None)
    late = declared_scope(SUBSTITUTED, before_ms=instant("2026-11-02"))
    assert verdicts(late) == ("INCONCLUSIVE", None)
    verdict, substitution = verdicts(declared_scope(SUBSTITUTED))
    assert verdict == "FAIL"
    assert substitution is not None
    assert (substitution["rule"], substitution["decided"]) == ("extreme_hour/1", ["4"])


def test_a_value_too_deep_to_print_is_said_to_be_so():
    deep: object = []
    for _ in range(100_000):
        deep = [deep]
    assert difference._shown(deep) == "a value that lies too deep to show"
