from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from sources.fake import DAY, HOUR, MINUTE

from collector.polling import billing
from collector.sources.errors import AnswerError
from collector.sources.interface import Bill, Retention
from collector.store import bills, polls, schema

pytestmark = pytest.mark.both_stores


def bill(month, product="ecs", amount="12.30", *, final=True, kind="charge"):
    return Bill(month, product, Decimal(amount), "CNY", kind, "cash", final, ("bill-1",))


def polled(bench):
    bench.fake.keeps = (Retention(5 * MINUTE, 2 * HOUR),)
    return bench.poll(bench.account(bills=True))


def rows(bench):
    return [
        (row.month, row.product, row.amount, row.final, row.superseded_ms is None)
        for row in bench.rows(schema.ledger_bill)
    ]


def test_the_first_time_a_year_is_read(bench):  # the clock stands in December 2026
    bench.fake.billed = [
        bill("2026-01"),
        bill("2026-11", amount="1E+2"),
        bill("2026-11", "oss", "-3", kind="refund"),
    ]
    polled(bench)
    assert bench.fake.months == [
        ("2025-12", *(f"2026-{month:02d}" for month in range(1, 13))),
    ]
    assert rows(bench) == [
        ("2026-01", "ecs", "12.30", True, True),
        ("2026-11", "ecs", "1E+2", True, True),
        ("2026-11", "oss", "-3", True, True),
    ]
    assert bench.questions(polls.BILLS)[0].calls == 13


def test_afterwards_only_months_that_may_change_are_read(bench):
    bench.fake.billed = [bill("2026-08", final=False), bill("2026-10"), bill("2026-11")]
    polled(bench)
    bench.clock.now_ms += DAY
    polled(bench)
    assert bench.fake.months[1] == ("2026-08", "2026-12")


def test_a_month_that_changes_supersedes_its_rows_and_keeps_them(bench):
    bench.fake.billed = [bill("2026-12", final=False)]
    polled(bench)
    polled(bench)
    assert len(rows(bench)) == 1, "the same answer changes nothing"
    bench.fake.billed = [bill("2026-12", amount="20", final=True)]
    polled(bench)
    assert rows(bench) == [("2026-12", "ecs", "12.30", False, False), ("2026-12", "ecs", "20", True, True)]
    assert "changed: 2026-12" in bench.questions(polls.BILLS)[-1].detail
    with bench.opened.store.reading() as connection:
        assert bills.open_months(connection, "main") == set()
        assert bills.closed_months(connection, "main") == {"2026-12"}


def test_bills_of_a_month_that_was_not_asked_for_are_refused(bench, monkeypatch):
    monkeypatch.setattr(bench.fake, "bills", lambda _months: iter([bill("1999-01")]))
    assert "a bill of 1999-01 was answered" in polled(bench).problems[0]
    assert rows(bench) == []


def test_bills_without_end_are_refused(bench, monkeypatch):
    monkeypatch.setattr(billing, "MAX_BILLS", 1)
    bench.fake.billed = [bill("2026-12"), bill("2026-12", "oss")]
    assert "more than 1 bills" in polled(bench).problems[0]


def test_bills_that_cannot_be_read_do_not_stop_the_averages(bench):
    bench.fake.bill_faults = [AnswerError("nonsense")]
    report = polled(bench)
    assert report.problems == ["bills: nonsense"]
    assert report.counts.sealed > 0


def test_bills_are_read_once_a_day_and_not_at_all_if_the_settings_say_so(bench):
    bench.fake.keeps = (Retention(5 * MINUTE, 2 * HOUR),)
    poller, account = bench.poller(), bench.account(bills=True)
    for _ in range(30):
        poller.run(account)
        bench.clock.now_ms += HOUR
    assert len(bench.fake.months) == 2
    bench.poll(replace(account, alias="silent", bills=False, hosts={"i-web-1": "a", "i-web-2": "b"}))
    assert len(bench.fake.months) == 2
