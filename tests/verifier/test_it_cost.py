"""IT operating cost before and after: the same items, whole months, nothing missing."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from fractions import Fraction
from typing import Any

import pytest
from ledgers import entry, given, ledger, scope

from verifier.bounds import NOTHING_KNOWN
from verifier.indicators.enterprise import EnterpriseFigure
from verifier.indicators.it_cost import figure
from verifier.ledger import Entry
from verifier.scope import CostScope, Scope
from verifier.verdict import Verdict, judge

BEFORE = ("2024-01", "2024-03")
SCOPE = scope(it_cost=CostScope(("电费", "人员"), BEFORE))
STARS = {"3", "4", "5"}


def cost(side: str, item: str, yuan: float, span: tuple[str, str], **fields: Any) -> Entry:
    return entry(
        yuan=yuan, day=f"{span[0]}-15", payee="甲", purpose=f"operations_{side}", item=item,
        service_from=span[0], service_to=span[1], **fields,
    )  # fmt: skip


AFTER = ("2026-08", "2026-10")
FULL = (
    cost("before", "电费", 300, BEFORE),
    cost("before", "人员", 700, BEFORE),
    cost("after", "电费", 100, AFTER),
    cost("after", "人员", 600, AFTER),
)


def reduced(*entries: Entry, declared: Scope | None = SCOPE) -> EnterpriseFigure:
    found = figure(given("it_cost_reduction", ledger(*entries), declared))
    assert found is not None
    return found


def test_costs_that_are_dated_later_than_today_are_missing() -> None:
    today = date(2026, 8, 14).toordinal()
    found = figure(given("it_cost_reduction", ledger(*FULL), SCOPE, today=today))
    assert found is not None
    assert found.bounds == NOTHING_KNOWN
    assert "COST_MONTHS_MISSING" in codes(found)


def codes(found: EnterpriseFigure) -> set[str]:
    return {note.code for note in found.notes} - {"LEDGER_DECLARED"}


def test_without_costs_of_operations_there_is_no_figure() -> None:
    assert figure(given("it_cost_reduction", b"", SCOPE)) is None


def test_exactly_thirty_percent_pass_and_a_fen_more_does_not() -> None:
    found = reduced(*FULL)
    assert found.bounds.value == 30
    assert judge(found.bounds, Fraction(30)) is Verdict.PASS
    dearer = reduced(*FULL[:3], replace(FULL[3], amount=FULL[3].amount + 1))
    assert judge(dearer.bounds, Fraction(30)) is Verdict.FAIL
    assert (found.undecided, codes(found)) == (frozenset(), set())


def test_each_item_has_its_line() -> None:
    assert reduced(*FULL).detail["items"] == [
        {"item": "电费", "before_yuan": "100.00", "after_yuan": "33.33", "reduction": "66.6666666666666",
         "before_missing": [], "after_missing": []},
        {"item": "人员", "before_yuan": "233.33", "after_yuan": "200.00", "reduction": "14.2857142857142",
         "before_missing": [], "after_missing": []},
    ]  # fmt: skip


def test_periods_of_different_length_are_compared_by_the_month() -> None:
    declared = scope(it_cost=CostScope(("电费",), BEFORE, ("2026-10", "2026-10")))
    found = reduced(FULL[0], cost("after", "电费", 60, ("2026-10", "2026-10")), declared=declared)
    assert found.bounds.value == 40
    assert found.detail["after"]["months"] == 1


def test_a_payment_belongs_to_the_month_of_its_day_or_to_its_service_months() -> None:
    monthly = [
        entry(yuan=100, day=f"2024-0{n}-01", payee="甲", purpose="operations_before", item="电费")
        for n in (1, 2, 3)
    ]
    assert reduced(*monthly, *FULL[1:]).bounds == reduced(*FULL).bounds
    assert codes(reduced(*monthly[:2], *FULL[1:])) == {"COST_MONTHS_MISSING"}


def test_what_the_cloud_costs_is_a_cost_after_where_it_names_an_item() -> None:
    cloud = replace(cost("after", "电费", 30, AFTER), purpose="cloud_service")
    assert reduced(*FULL, cloud).bounds.value == 27
    assert reduced(*FULL, replace(cloud, item="")).bounds.value == 30


def test_a_cost_that_rose_is_a_negative_reduction() -> None:
    found = reduced(*FULL[:2], replace(FULL[2], amount=90_000), FULL[3])
    assert found.bounds.value == -50
    assert found.detail["items"][0]["reduction"] == "-200.000000000000"
    assert judge(found.bounds, Fraction(30)) is Verdict.FAIL


def test_an_item_that_cost_nothing_must_say_so() -> None:
    without = reduced(*FULL[:2], FULL[3])
    assert (without.bounds, without.undecided, codes(without)) == (
        NOTHING_KNOWN,
        STARS,
        {"COST_MONTHS_MISSING"},
    )
    assert without.detail["items"][0]["after_missing"] == ["2026-08", "2026-09", "2026-10"]
    assert without.detail["items"][0]["after_yuan"] is None
    nothing = reduced(*FULL[:2], FULL[3], cost("after", "电费", 0, AFTER))
    assert (nothing.bounds.value, codes(nothing)) == (40, set())


def test_items_that_were_not_declared_leave_it_open() -> None:
    found = reduced(*FULL, cost("before", "机房", 500, BEFORE))
    assert (found.undecided, found.detail["outside"], codes(found)) == (
        STARS,
        ["机房"],
        {"COST_ITEMS_DIFFER"},
    )
    elsewhere = reduced(*FULL, cost("before", "机房", 500, ("2023-01", "2023-12")))
    assert codes(elsewhere) == set()


def test_costs_on_the_wrong_side_leave_it_open() -> None:
    found = reduced(*FULL, cost("before", "电费", 5, ("2026-10", "2026-10")))
    assert (found.detail["misplaced"], codes(found)) == ([5], {"COST_MISPLACED"})
    assert codes(reduced(*FULL, cost("after", "电费", 5, ("2024-01", "2024-01")))) == {"COST_MISPLACED"}


def test_periods_that_overlap_leave_it_open() -> None:
    declared = scope(it_cost=CostScope(("电费",), BEFORE, ("2024-03", "2024-05")))
    assert "COST_OVERLAPS" in codes(reduced(FULL[0], declared=declared))


def test_nothing_before_leaves_it_open() -> None:
    declared = scope(it_cost=CostScope(("电费",), BEFORE))
    found = reduced(replace(FULL[0], amount=0), FULL[2], declared=declared)
    assert (codes(found), found.detail["items"][0]["reduction"]) == ({"COST_NOTHING_BEFORE"}, None)


def test_costs_without_documents_are_printed_and_decide_nothing() -> None:
    found = reduced(*FULL[:3], replace(FULL[3], document=""))
    assert (found.bounds.value, found.undecided, codes(found)) == (30, STARS, {"COST_UNDOCUMENTED"})


@pytest.mark.parametrize("declared", [None, scope()])
def test_without_a_declared_baseline_nothing_is_compared(declared: Scope | None) -> None:
    found = reduced(*FULL, declared=declared)
    assert (found.bounds, found.undecided, codes(found)) == (NOTHING_KNOWN, STARS, {"COST_NOT_DECLARED"})
    assert found.detail["before"] is None


# Money dated ahead

NOVEMBER = date(2026, 11, 20).toordinal()


def on(day: int, *entries: Entry) -> EnterpriseFigure:
    found = figure(given("it_cost_reduction", ledger(*entries), SCOPE, today=day))
    assert found is not None
    return found


def test_a_cost_dated_ahead_widens_the_interval_and_never_makes_it_pass() -> None:
    ahead = replace(FULL[3], day="2026-12-15", amount=FULL[3].amount - 100)
    found = on(NOVEMBER, *FULL[:3], replace(FULL[3], amount=100), ahead)
    assert (found.bounds.low, found.bounds.value, found.bounds.high) == (
        30,
        Fraction("89.9"),
        Fraction("89.9"),
    )
    assert (found.detail["ahead"], codes(found)) == ([5], {"PAYMENTS_AHEAD"})
    dearer = on(NOVEMBER, *FULL[:3], replace(FULL[3], amount=100), replace(ahead, amount=ahead.amount + 1))
    assert judge(dearer.bounds, Fraction(30)) is Verdict.INCONCLUSIVE


def test_a_refund_of_costs_before_that_is_dated_ahead_is_in_the_low_end() -> None:
    refund = replace(cost("before", "人员", -200, BEFORE), kind="refund", day="2026-12-15")
    found = on(NOVEMBER, *FULL, refund)
    assert (found.bounds.low, found.bounds.value) == (Fraction(100 * 100, 800), 30)
    whole = on(NOVEMBER, *FULL, replace(refund, amount=-100_000))
    assert (whole.bounds, codes(whole)) == (NOTHING_KNOWN, {"COST_NOTHING_BEFORE", "PAYMENTS_AHEAD"})


def test_money_dated_ahead_that_speaks_for_the_figure_is_not_counted_at_all() -> None:
    more = replace(cost("before", "人员", 5_000, BEFORE), day="2026-12-15")
    back = replace(cost("after", "人员", -500, AFTER), kind="refund", day="2026-12-15")
    found = on(NOVEMBER, *FULL, more, back)
    assert (found.bounds.low, found.bounds.high, found.detail["ahead"]) == (30, 30, [5, 6])


def test_where_more_came_back_than_was_paid_after_the_low_end_is_still_the_lowest() -> None:
    back = replace(cost("after", "人员", -1_400, AFTER), kind="refund")
    ahead = replace(cost("before", "人员", -500, BEFORE), kind="refund", day="2026-12-15")
    found = on(NOVEMBER, *FULL, back, ahead)
    assert (found.bounds.low, found.bounds.value) == (170, 170)


def test_a_cost_dated_ahead_hides_no_item_and_no_wrong_side_and_is_named_outside_the_periods() -> None:
    other = replace(cost("after", "机房", 5, AFTER), day="2026-12-15")
    assert codes(on(NOVEMBER, *FULL, other)) == {"COST_ITEMS_DIFFER", "PAYMENTS_AHEAD"}
    wrong = replace(cost("before", "电费", 5, AFTER), day="2026-12-15")
    assert codes(on(NOVEMBER, *FULL, wrong)) == {"COST_MISPLACED", "PAYMENTS_AHEAD"}
    outside = replace(cost("after", "电费", 5, ("2026-12", "2026-12")), day="2026-12-15")
    assert (on(NOVEMBER, *FULL, outside).detail["ahead"], on(NOVEMBER, *FULL, outside).bounds.low) == (
        [5],
        30,
    )
    undeclared = figure(given("it_cost_reduction", ledger(*FULL, outside), None, today=NOVEMBER))
    assert undeclared is not None
    assert (undeclared.detail["ahead"], codes(undeclared)) == ([5], {"COST_NOT_DECLARED", "PAYMENTS_AHEAD"})


def test_a_rate_that_is_too_old_decides_nothing() -> None:
    def abroad(day: str) -> EnterpriseFigure:
        rate = {"currency": "USD", "rate": "1", "rate_source": "行", "rate_day": day}
        return reduced(*FULL[:3], replace(FULL[3], **rate))

    assert (abroad("2026-07-06").undecided, codes(abroad("2026-07-06"))) == (frozenset(), set())
    assert (abroad("2026-07-05").undecided, codes(abroad("2026-07-05"))) == (STARS, {"COST_RATE_OLD"})
