"""Bills through the real SDK."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

import pytest
from sources.aliyun_account import opened
from sources.doubles.aliyun import Aliyun, Reply, served

from collector.sources.errors import AnswerError, RangeError


def china_ms(text: str) -> int:
    return round(datetime.fromisoformat(f"{text}+08:00").timestamp()) * 1000


def row(product: str, amount: str, item: str = "PayAsYouGoBill", **fields: object) -> dict[str, object]:
    return {
        "ProductCode": product,
        "Item": item,
        "Currency": "CNY",
        "PretaxGrossAmount": "#999.99",
        "PretaxAmount": amount,
        "DeductedByCashCoupons": "#0",
        **fields,
    }


def billed(account: Aliyun, *months: str):
    with served(account) as where:
        return list(opened(account, where).bills(months))


def account_at(text: str, **bills: list[dict[str, object]]) -> Aliyun:
    months = {month.replace("_", "-").removeprefix("m"): rows for month, rows in bills.items()}
    return Aliyun(now_ms=lambda: china_ms(text), bills=months)


def test_a_year_is_twelve_calls_and_refunds_are_negative():
    account = account_at("2026-02-10 00:00:00")
    months = [f"2025-{number:02}" for number in range(1, 13)]
    for month in months:
        account.bills[month] = [
            row("ecs", "#1234.560000000000001"),
            row("ecs", "#-34.56", "Refund"),
            row("slb", "#0.07", "SubscriptionOrder"),
            row("oss", "#-1", "Adjustment"),
        ]
    bills = billed(account, *months)
    assert account.calls["QueryBillOverview"] == 12
    assert [(bill.kind, str(bill.amount)) for bill in bills[:4]] == [
        ("charge", "1234.560000000000001"),
        ("refund", "-34.56"),
        ("charge", "0.07"),
        ("adjustment", "-1"),
    ]
    assert {(bill.currency, bill.basis, bill.final) for bill in bills} == {("CNY", "cash", True)}
    assert sum(bill.amount for bill in bills) == 12 * Decimal("1199.070000000000001")
    assert bills[0].month == "2025-01"
    assert bills[0].request_ids == ("REQ-1",)
    assert bills[-1].request_ids == ("REQ-12",)


def test_vouchers_are_taken_off_as_an_adjustment():
    account = account_at(
        "2026-02-10 00:00:00", m2026_01=[row("ecs", "#100.10", DeductedByCashCoupons="#30.2")]
    )
    assert [(bill.kind, bill.amount) for bill in billed(account, "2026-01")] == [
        ("charge", Decimal("100.10")),
        ("adjustment", Decimal("-30.2")),
    ]


def test_amounts_may_be_texts_and_vouchers_absent():
    account = account_at(
        "2026-02-10 00:00:00", m2026_01=[row("ecs", "12.30", Currency="USD", DeductedByCashCoupons=None)]
    )
    (bill,) = billed(account, "2026-01")
    assert (bill.amount, bill.currency) == (Decimal("12.30"), "USD")


@pytest.mark.parametrize(
    ("now", "final"),
    [
        ("2026-01-31 23:59:59", False),
        ("2026-02-01 00:00:00", False),
        ("2026-02-03 11:59:59", False),
        ("2026-02-03 12:00:00", True),
        ("2026-03-01 00:00:00", True),
    ],
)
def test_a_month_is_final_after_noon_of_the_third_in_china(now, final):
    account = account_at(now, m2026_01=[row("ecs", "#1")])
    assert [bill.final for bill in billed(account, "2026-01")] == [final]


@pytest.mark.parametrize("month", ["2026-1", "2026-13", "2026-00", "26-01", "2026-01-01", "２０２６-01", ""])
def test_a_month_is_written_with_year_and_two_digits(month):
    account = account_at("2026-02-10 00:00:00")
    with pytest.raises(RangeError, match="YYYY-MM"):
        billed(account, "2026-01", month)
    assert not account.calls


@pytest.mark.parametrize(
    ("month", "kept"), [("2024-09", True), ("2024-08", False), ("2026-02", True), ("2026-03", False)]
)
def test_the_last_eighteen_months_are_kept(month, kept):
    account = account_at("2026-02-10 00:00:00")
    if kept:
        assert billed(account, month) == []
    else:
        with pytest.raises(RangeError, match="18 months"):
            billed(account, month)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"Item": "Gift"}, "neither order, bill, refund nor adjustment"),
        ({"Currency": ""}, "lacks ProductCode or Currency"),
        ({"ProductCode": None}, "lacks ProductCode or Currency"),
        ({"PretaxAmount": None}, "PretaxAmount of ecs: not a usable number"),
        ({"PretaxAmount": "-"}, "PretaxAmount of ecs: not a usable number"),
        ({"DeductedByCashCoupons": "x"}, "DeductedByCashCoupons of ecs: not a usable number"),
    ],
)
def test_a_row_that_is_not_as_documented_is_refused(fields, words):
    account = account_at("2026-02-10 00:00:00", m2026_01=[row("ecs", "#1") | fields])
    with pytest.raises(AnswerError, match=words):
        billed(account, "2026-01")


def test_an_answer_without_data_is_no_bill_of_zero():
    account = account_at("2026-02-10 00:00:00")
    account.script["QueryBillOverview"] = [Reply(body='{"Code":"Success","Success":true}')]
    with pytest.raises(AnswerError, match="Data"):
        billed(account, "2026-01")
