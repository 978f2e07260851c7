"""Figures over several months, months that are not over, and the rule for combining them."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest
from fleet import Fleet, instant
from packs import EDITION as EDITION_BYTES
from packs import checked, codes, declared_scope, packed

from verifier import layout
from verifier.bounds import Bounds, least
from verifier.check import INCOMPLETE
from verifier.edition_file import parse_edition
from verifier.editions import load_edition
from verifier.errors import WindowError
from verifier.figures import figures, measure
from verifier.scope import parse_scope
from verifier.verdict import Verdict
from verifier.window import months_until

EDITION = load_edition()
CPU = 2
SCOPE = """
schema = "starproof/scope/1"
enterprise = "示例企业"
timezone = "Asia/Shanghai"
edition = "jiangsu-2018-trial"
[window]
from = {first}
to = 2026-11-30
[[hosts]]
id = "web-1"
"""


def edition(months: int, combine: str):
    rules = tuple(
        replace(rule, months=months, combine=combine) if rule.id == "cpu_utilization" else rule
        for rule in EDITION.rules
    )
    return replace(EDITION, rules=rules)


def two_months():
    """Nearly all of October at 8 %, nearly all of November at 20 %."""
    fleet = Fleet()
    fleet.agent("web-1", start="2026-10-01").run(hours=24 * 31, busy=8).run(hours=24 * 30, busy=20)
    return fleet.archive()


ARCHIVE = two_months()


def cpu(found):
    return next(i for i in found.indicators if i.rule.id == "cpu_utilization")


def test_months_are_named_backwards_over_new_year():
    assert months_until("2026-02", 4) == ("2025-11", "2025-12", "2026-01", "2026-02")
    assert months_until("2026-11", 1) == ("2026-11",)


def test_pooled_months_are_one_long_window():
    found = measure(ARCHIVE, month="2026-11", edition=edition(2, "pooled"))
    indicator = cpu(found)
    exact = Fraction(31 * 8 + 30 * 20, 61)
    assert indicator.bounds == Bounds(exact, exact, exact, exact)
    assert found.months == ("2026-10", "2026-11")
    assert [(part.month, part.bounds.value) for part in indicator.months] == [
        ("2026-10", Fraction(8)),
        ("2026-11", Fraction(20)),
    ]


def test_the_least_month_decides_where_every_month_must_reach_the_threshold():
    indicator = cpu(measure(ARCHIVE, month="2026-11", edition=edition(2, "every_month")))
    assert indicator.bounds.value == 8
    assert indicator.verdicts["3"] is Verdict.PASS
    assert indicator.verdicts["4"] is Verdict.FAIL
    assert indicator.months[1].verdicts["4"] is Verdict.PASS


def test_figures_of_one_month_do_not_see_the_other_in_the_same_document():
    document = figures(ARCHIVE, month="2026-11", edition=edition(2, "pooled"))
    by_id = {indicator["id"]: indicator for indicator in document["indicators"]}
    assert by_id["cpu_utilization"]["coverage"]["observed_s"] == 61 * 86_400
    assert by_id["daily_reads_writes"]["coverage"]["observed_s"] == 30 * 86_400
    assert by_id["cpu_utilization"]["months"] == 2
    assert [part["month"] for part in by_id["cpu_utilization"]["by_month"]] == ["2026-10", "2026-11"]
    assert document["window"]["first_day"] == "2026-10-01"


def test_a_scope_that_begins_later_than_the_months_asked_for_is_refused():
    scope = parse_scope(SCOPE.format(first="2026-11-01").encode())
    with pytest.raises(WindowError, match=r"asks for 2 months up to 2026-11.*begins on 2026-11-01"):
        measure(ARCHIVE, month="2026-11", edition=edition(2, "pooled"), scope=scope)
    partly = parse_scope(SCOPE.format(first="2026-10-20").encode())
    found = measure(ARCHIVE, month="2026-11", edition=edition(2, "pooled"), scope=partly)
    assert cpu(found).times.observed_ms == (12 + 30) * 86_400_000


def test_a_month_that_has_not_begun_is_refused():
    with pytest.raises(WindowError, match="2026-11 has not begun"):
        measure(ARCHIVE, month="2026-11", edition=EDITION, now_ms=instant("2026-11-01"))


def test_a_month_that_is_not_over_is_provisional_and_its_rest_is_missing():
    before = measure(ARCHIVE, month="2026-12", edition=EDITION, now_ms=instant("2026-12-02"))
    assert before.provisional
    assert cpu(before).times.missing_ms == 31 * 86_400_000
    over = measure(ARCHIVE, month="2026-11", edition=EDITION, now_ms=instant("2026-12-01"))
    assert not over.provisional
    document = figures(ARCHIVE, month="2026-11", edition=EDITION, now_ms=instant("2026-11-20"))
    assert document["provisional"] == "yes"


def test_the_least_of_figures_has_no_value_if_one_has_none():
    some, none = Bounds(Fraction(1), Fraction(2), Fraction(3), Fraction(2)), Bounds()
    assert least([some, none]) == Bounds(Fraction(0), None, Fraction(3), Fraction(2))
    assert least([some, replace(some, low=Fraction(0), high=None)]) == Bounds(
        Fraction(0), Fraction(2), Fraction(3), Fraction(2)
    )
    assert least([none]) == Bounds(Fraction(0), None, None, None)


def test_figures_that_are_declared_name_no_month_of_their_own():
    declared = replace(
        EDITION,
        rules=tuple(
            replace(rule, months=12) if rule.id == "cloud_investment" else rule for rule in EDITION.rules
        ),
    )
    found = measure(ARCHIVE, month="2026-11", edition=declared)
    assert found.months == ("2026-11",)
    assert found.indicators[-1].months == ()


def test_a_month_that_fails_decides_whatever_another_one_lacks():
    fleet = Fleet()
    fleet.agent("web-1", start="2026-11-01").run(hours=24 * 30, busy=2)
    indicator = cpu(measure(fleet.archive(), month="2026-11", edition=edition(2, "every_month")))
    assert indicator.bounds.value is None
    assert indicator.months[0].verdicts["3"] is Verdict.NO_DATA
    assert indicator.verdicts["3"] is Verdict.FAIL


def test_a_substitution_leaves_the_hosts_of_the_whole_window():
    """Gaps in two of three months; the marks say what was filled, the seconds are of all three."""
    fleet = Fleet()
    agent = fleet.agent("web-1", start="2026-09-01")
    agent.run(hours=24 * 10, busy=10).forget(hours=20, busy=10)
    agent.run(hours=24 * 30 - 24 * 10 - 20, busy=10).run(hours=24 * 31, busy=10)
    agent.run(hours=24 * 10, busy=10).forget(hours=20, busy=10).run(hours=24 * 20 - 20, busy=10)
    text = SCOPE.format(first="2026-09-01").replace(
        "[window]", '[substitution]\ncpu_utilization = "extreme_hour/1"\n[window]'
    )
    rules = declared_scope(text.encode(), before_ms=instant("2026-08-20"))
    found = measure(
        fleet.archive(),
        month="2026-11",
        edition=edition(3, "every_month"),
        scope=rules.declared.scope,
        scopes=rules.declared.scopes,
    )
    indicator = cpu(found)
    assert indicator.substituted is not None
    assert indicator.times.counted_ms == 91 * 86_400_000
    assert indicator.times.missing_ms == 40 * 3_600_000
    [host] = indicator.hosts
    assert host.times.counted_ms == 91 * 86_400_000
    assert host.bounds.low is not None
    assert indicator.substituted.bounds.low is not None
    assert host.bounds.low < indicator.substituted.bounds.low
    assert {"SUBSTITUTED", "SUBSTITUTION_NO_VALUE"} & {mark.code for mark in host.marks} == {"SUBSTITUTED"}


def test_a_complete_window_of_several_months_is_not_short():
    text = EDITION_BYTES.replace(b"months = 1\n", b"months = 2\n").replace(
        b'id = "jiangsu-2018-trial"', b'id = "two"', 1
    )
    scope = SCOPE.format(first="2026-10-01").replace("jiangsu-2018-trial", "two").encode()
    rules = declared_scope(scope, before_ms=instant("2026-09-20"))
    rules = replace(rules, declared=replace(rules.declared, edition=parse_edition(text)), edition_bytes=text)
    trusted = {"two": layout.sha256(text)}
    report = checked(packed(ARCHIVE, rules), editions=trusted)
    # A chunk is a month long here: it comes after the anchors of its days.
    assert (report.outcome, codes(report)) == (INCOMPLETE, {"CHUNKS_ANCHORED_LATE"})
    cut = declared_scope(scope.replace(b"2026-10-01", b"2026-10-02"), before_ms=instant("2026-09-20"))
    rules = replace(rules, declared=replace(cut.declared, edition=parse_edition(text)),
                    scope_bytes=cut.scope_bytes, scope_records=cut.scope_records)  # fmt: skip
    report = checked(packed(ARCHIVE, rules), editions=trusted)
    short = [(f.code, f.expected) for f in report.findings if f.code != "CHUNKS_ANCHORED_LATE"]
    assert short == [("WINDOW_SHORT", "2026-10-01 to 2026-11-30")]
