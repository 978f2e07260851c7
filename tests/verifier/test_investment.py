"""What was paid for the cloud: window, purposes, refunds, foreign money, doubts, bills."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from fractions import Fraction
from typing import Any

import pytest
from ledgers import YUN, bought, entry, given, ledger, scope

from verifier.billing import compare_bills
from verifier.bounds import Bounds
from verifier.errors import LedgerError, ScopeError
from verifier.indicators.enterprise import EnterpriseFigure
from verifier.indicators.investment import figure
from verifier.ledger import Billed, Entry
from verifier.scope import InvestmentScope, Scope
from verifier.verdict import Verdict, judge


def paid(*entries: Entry, declared: Scope | None = None, **rule: Any) -> EnterpriseFigure:
    found = figure(given("cloud_investment", ledger(*entries), declared, **rule))
    assert found is not None
    return found


def wan(text: str) -> Fraction:
    return Fraction(text)


def days(first: str, last: str) -> tuple[int, int]:
    return date.fromisoformat(first).toordinal(), date.fromisoformat(last).toordinal()


def codes(found: EnterpriseFigure) -> set[str]:
    return {note.code for note in found.notes}


def test_without_an_entry_about_the_cloud_there_is_no_figure() -> None:
    assert figure(given("cloud_investment", b"")) is None
    cost = entry(yuan=1, payee="电力", purpose="operations_before", item="电费")
    assert figure(given("cloud_investment", ledger(cost))) is None


def test_exactly_five_times_ten_thousand_yuan_pass_and_a_fen_less_does_not() -> None:
    assert judge(paid(*bought(50_000)).bounds, Fraction(5)) is Verdict.PASS
    short = paid(*bought(49_999.99)).bounds
    assert short.value == wan("4.999999")
    assert judge(short, Fraction(5)) is Verdict.FAIL


def test_the_usual_window_is_the_twelve_months_that_end_with_the_month() -> None:
    for day, value in (("2025-10-31", 0), ("2025-11-01", 1), ("2026-10-31", 1), ("2026-11-01", 0)):
        found = paid(*bought(10_000, day=day))
        assert (day, found.bounds.value) == (day, value)
    assert found.detail["window"] == {"from": "2025-11-01", "to": "2026-10-31", "by": "usual"}
    assert found.undecided == frozenset()


def test_what_is_dated_later_than_today_is_not_paid_yet() -> None:
    entries = bought(10_000, day="2026-10-20")
    today = date(2026, 10, 19).toordinal()
    ahead, then = paid(*entries, today=today), paid(*entries, today=today + 1)
    assert (ahead.bounds.high, then.bounds.high) == (0, 1)
    assert "PAYMENTS_AHEAD" in codes(ahead)
    assert "PAYMENTS_AHEAD" not in codes(then)


def test_a_refund_is_taken_off_wherever_it_reconciles() -> None:
    refund = entry("refund", -20_000, invoice="F-9", day="2026-05-01", **YUN)
    found = paid(*bought(50_000), refund)
    assert found.bounds == Bounds(low=wan("3"), value=wan("3"), high=wan("3"))
    assert (found.detail["paid_yuan"], found.detail["refunded_yuan"]) == ("50000.00", "-20000.00")


def test_a_payment_that_does_not_reconcile_is_in_the_value_and_not_in_the_low_end() -> None:
    found = paid(*bought(30_000), entry(yuan=25_000, invoice="F-2", **YUN))
    assert found.bounds == Bounds(low=wan("3"), value=wan("5.5"), high=wan("5.5"))
    assert judge(found.bounds, Fraction(5)) is Verdict.INCONCLUSIVE
    assert {"PAYMENTS_IN_DOUBT", "LEDGER_GAPS"} <= codes(found)
    assert [one["reconciles"] for one in found.detail["entries"]] == ["yes", "no"]
    assert found.detail["gaps"][0]["code"] == "PAYMENT_WITHOUT_INVOICE"


def test_an_amount_that_does_not_reconcile_is_printed_with_what_was_expected() -> None:
    contract, invoice, payment = bought(30_000)
    [gap] = paid(contract, invoice, replace(payment, amount=10_000_00)).detail["gaps"]
    assert (gap["expected"], gap["got"], gap["currency"]) == ("30000.00", "10000.00", "CNY")


def test_devices_count_only_if_the_scope_says_so() -> None:
    device = [replace(one, purpose="device") for one in bought(10_000)]
    assert paid(*device).bounds.value == 0
    alone = paid(*bought(10_000), replace(device[2], contract="", invoice=""))
    assert (alone.detail["gaps"], "LEDGER_GAPS" in codes(alone)) == ([], False)
    counted = paid(*device, declared=scope(investment=InvestmentScope(counts=("device",))))
    assert counted.bounds.value == 1
    assert [part["counted"] for part in counted.detail["purposes"]] == ["no", "no", "yes"]


def test_foreign_money_is_turned_into_yuan_exactly() -> None:
    foreign = {
        "currency": "USD",
        "rate": "7.1234",
        "rate_source": "中国人民银行中间价",
        "rate_day": "2026-03-01",
    }
    found = paid(*(replace(one, **foreign) for one in bought(10_000)))
    assert found.bounds.low == wan("7.1234")
    assert found.detail["entries"][0]["yuan"] == "71234.00"


def test_the_scope_names_a_window_and_a_year_is_not_decided_by_a_longer_one() -> None:
    a_year = scope(investment=InvestmentScope(days("2026-01-01", "2026-12-31")))
    assert paid(*bought(1), declared=a_year).undecided == frozenset()
    leap = scope(investment=InvestmentScope(days("2024-02-29", "2025-02-28")))
    assert paid(*bought(1), declared=leap).undecided == frozenset()
    longer = paid(*bought(1), declared=scope(investment=InvestmentScope(days("2026-01-01", "2027-01-01"))))
    assert longer.undecided == {"3", "4"}
    assert "LONGER_THAN_A_YEAR" in codes(longer)
    assert longer.detail["window"]["by"] == "scope"


def test_the_edition_names_a_window_and_the_scope_cannot_name_another() -> None:
    fixed = days("2025-01-01", "2026-05-31")
    found = paid(*bought(10_000), days=fixed)
    assert (found.detail["window"]["by"], found.undecided) == ("edition", frozenset())
    same = scope(investment=InvestmentScope(fixed))
    assert paid(*bought(10_000), declared=same, days=fixed).bounds.value == 1
    with pytest.raises(ScopeError, match="leave from and to out"):
        paid(
            *bought(1),
            declared=scope(investment=InvestmentScope(days("2026-01-01", "2026-12-31"))),
            days=fixed,
        )


def test_a_ledger_that_breaks_a_rule_gives_no_figure() -> None:
    with pytest.raises(LedgerError, match="payee"):
        paid(entry(yuan=1, purpose="cloud_service"))


BILL = Billed("aliyun", "2026-03", "ecs", "60.25", "CNY", "charge", "cash", "yes")


def test_bills_are_compared_by_month_and_change_no_figure() -> None:
    entries = bought(120, provider="aliyun", service_from="2026-02", service_to="2026-04")
    bills = (BILL, replace(BILL, product="oss", amount="-0.25"), replace(BILL, month="2026-05", final="no"))
    with_bills = figure(given("cloud_investment", ledger(*entries, bills=bills)))
    assert with_bills is not None
    assert with_bills.bounds == paid(*entries).bounds
    assert "BILLS_DIFFER" in codes(with_bills)
    assert [
        (part["month"], part["billed"], part["paid"], part["difference"], part["final"])
        for part in with_bills.detail["bills"]
    ] == [
        ("2026-02", None, "40.00", None, "yes"),
        ("2026-03", "60.00", "40.00", "-20.00", "yes"),
        ("2026-04", None, "40.00", None, "yes"),
        ("2026-05", "60.25", None, None, "no"),
    ]


def test_bills_outside_the_window_and_payments_without_provider_are_left_out() -> None:
    first = entry(yuan=5, provider="aws", **YUN)
    twice = replace(first, note="2")
    found = compare_bills(
        [first, twice, entry(yuan=1, **YUN)], [replace(BILL, month="2025-01")], "2026-01", "2026-12"
    )
    assert [(part.provider, part.month, part.paid) for part in found] == [("aws", "2026-03", 1000)]
