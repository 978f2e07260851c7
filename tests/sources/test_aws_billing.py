"""Bills by Cost Explorer. Questions are checked by botocore, answers have the form of its model."""

from __future__ import annotations

from datetime import datetime, timezone
from decimal import Decimal

import pytest
from sources.aws_account import scripted
from sources.still_clocks import StillClocks

from collector.sources.errors import AnswerError, RangeError

COSTS = ("ce", "get_cost_and_usage")
NOW_MS = round(datetime(2026, 2, 10, tzinfo=timezone.utc).timestamp()) * 1000


@pytest.fixture
def clocks():
    return StillClocks(NOW_MS)


def question(start, end, metric="UnblendedCost", **more):
    return {
        "TimePeriod": {"Start": start, "End": end},
        "Granularity": "MONTHLY",
        "Metrics": [metric],
        "GroupBy": [{"Type": "DIMENSION", "Key": "SERVICE"}, {"Type": "DIMENSION", "Key": "RECORD_TYPE"}],
        **more,
    }


def group(service, kind, amount, unit="CNY", metric="UnblendedCost"):
    return {"Keys": [service, kind], "Metrics": {metric: {"Amount": amount, "Unit": unit}}}


def month(start, end, *groups, estimated=False):
    return {
        "TimePeriod": {"Start": start, "End": end},
        "Total": {},
        "Groups": list(groups),
        "Estimated": estimated,
    }


def test_a_month_comes_by_service_and_kind_of_charge(clocks):
    with scripted() as script:
        groups = [
            group("Amazon Elastic Compute Cloud - Compute", "Usage", "1234.5600000001"),
            group("Amazon Elastic Compute Cloud - Compute", "Refund", "-4.56"),
            group("Amazon Relational Database Service", "Credit", "-0.5"),
            group("AWS Data Transfer", "BundledDiscount", "-1"),
            group("Tax", "Tax", "74.07"),
        ]
        script.answer(
            *COSTS,
            {"ResultsByTime": [month("2026-01-01", "2026-02-01", *groups)]},
            question("2026-01-01", "2026-02-01"),
        )
        bills = list(script.source(clocks).bills(["2026-01"]))
    assert [(bill.kind, str(bill.amount)) for bill in bills] == [
        ("charge", "1234.5600000001"),
        ("refund", "-4.56"),
        ("adjustment", "-0.5"),
        ("adjustment", "-1"),
        ("charge", "74.07"),
    ]
    assert {(bill.month, bill.currency, bill.basis, bill.final) for bill in bills} == {
        ("2026-01", "CNY", "cash", True)
    }
    assert bills[0].product == "Amazon Elastic Compute Cloud - Compute"
    assert bills[0].request_ids == ("REQ-1",)


def test_months_that_follow_each_other_are_one_call_over_all_its_pages(clocks):
    first, second = question("2025-12-01", "2026-02-01"), question("2025-06-01", "2025-07-01")
    with scripted() as script:
        script.answer(
            *COSTS, {"ResultsByTime": [month("2025-06-01", "2025-07-01", group("EC2", "Usage", "1"))]}, second
        )
        script.answer(
            *COSTS,
            {
                "ResultsByTime": [month("2025-12-01", "2026-01-01", group("EC2", "Usage", "2"))],
                "NextPageToken": "next",
            },
            first,
        )
        script.answer(
            *COSTS,
            {
                "ResultsByTime": [
                    month("2026-01-01", "2026-02-01", group("EC2", "Usage", "3"), estimated=True)
                ]
            },
            {**first, "NextPageToken": "next"},
        )
        bills = list(script.source(clocks).bills(["2026-01", "2025-06", "2025-12", "2025-06"]))
    assert [(bill.month, bill.amount, bill.final) for bill in bills] == [
        ("2025-06", Decimal(1), True),
        ("2025-12", Decimal(2), True),
        ("2026-01", Decimal(3), False),
    ]
    assert [bill.request_ids for bill in bills] == [("REQ-1",), ("REQ-2",), ("REQ-3",)]


def test_prepayments_may_be_spread(clocks):
    with scripted() as script:
        groups = [group("EC2", "DiscountedUsage", "7", metric="AmortizedCost")]
        script.answer(
            *COSTS,
            {"ResultsByTime": [month("2026-01-01", "2026-02-01", *groups)]},
            question("2026-01-01", "2026-02-01", "AmortizedCost"),
        )
        (bill,) = script.source(clocks, basis="amortised").bills(["2026-01"])
    assert (bill.basis, bill.amount, bill.kind) == ("amortised", 7, "charge")


def test_no_months_are_no_call(clocks):
    with scripted() as script:
        assert list(script.source(clocks).bills([])) == []


@pytest.mark.parametrize("text", ["2026-1", "2026-13", "26-01", "2026-01-01", ""])
def test_a_month_is_written_with_year_and_two_digits(clocks, text):
    with scripted() as script, pytest.raises(RangeError, match="YYYY-MM"):
        list(script.source(clocks).bills(["2026-01", text]))


@pytest.mark.parametrize("code", ["DataUnavailableException", "BillExpirationException"])
def test_months_that_cost_explorer_does_not_have_are_out_of_range(clocks, code):
    with scripted() as script:
        script.error(*COSTS, code, "not there")
        with pytest.raises(RangeError, match="not there; ask for other months"):
            list(script.source(clocks).bills(["2020-01"]))


@pytest.mark.parametrize(
    ("result", "words"),
    [
        ({"Groups": []}, "a result without its month"),
        ({"TimePeriod": {"Start": "soon", "End": "later"}}, "a result without its month"),
        (month("2026-01-01", "2026-02-01", {"Keys": ["EC2"], "Metrics": {}}), "not one of service and kind"),
        (
            month("2026-01-01", "2026-02-01", {"Keys": ["EC2", "Usage"], "Metrics": {}}),
            "without its currency",
        ),
        (month("2026-01-01", "2026-02-01", {"Keys": ["EC2", "Usage"]}), "without its currency"),
        (month("2026-01-01", "2026-02-01", group("EC2", "Usage", "-")), "EC2: not a usable number"),
    ],
)
def test_bills_that_are_not_as_documented_are_refused(clocks, result, words):
    with scripted() as script:
        script.answer(*COSTS, {"ResultsByTime": [result]})
        with pytest.raises(AnswerError, match=words):
            list(script.source(clocks).bills(["2026-01"]))
