"""Contract, invoice and payment: what does not tell one story is listed."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ledgers import YUN, bought, entry, ledger

from verifier.ledger import Entry
from verifier.ledger_rules import read_ledger
from verifier.reconciliation import TEXTS, Gap, doubtful, reconcile

CONTRACT, INVOICE, PAYMENT = bought(100)


def gaps(*entries: Entry) -> list[tuple[str, tuple[int, ...]]]:
    return [(gap.code, gap.entries) for gap in reconcile(read_ledger(ledger(*entries)).standing())]


def test_what_reconciles_has_no_gap() -> None:
    assert gaps(CONTRACT, INVOICE, PAYMENT) == []
    assert gaps(CONTRACT, INVOICE, replace(PAYMENT, amount=4000), replace(PAYMENT, amount=6000)) == []


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        ((CONTRACT, PAYMENT), [("PAYMENT_WITHOUT_INVOICE", (2,))]),
        ((INVOICE, PAYMENT), [("INVOICE_WITHOUT_CONTRACT", (1,)), ("PAYMENT_WITHOUT_CONTRACT", (2,))]),
        ((CONTRACT, INVOICE, replace(PAYMENT, day="2025-12-31")), [("PAYMENT_BEFORE_CONTRACT", (3, 1))]),
        ((CONTRACT, INVOICE, replace(PAYMENT, document="")), [("PAYMENT_WITHOUT_DOCUMENT", (3,))]),
        ((CONTRACT, INVOICE, replace(PAYMENT, payee="别家")), [("PAYEE_DIFFERS", (3, 1, 2))]),
        (
            (
                CONTRACT,
                INVOICE,
                replace(PAYMENT, currency="USD", rate="7", rate_source="行", rate_day="2026-03-01"),
            ),
            [("CURRENCY_DIFFERS", (3, 1, 2))],
        ),
        ((CONTRACT, INVOICE), [("INVOICE_UNPAID", (2,))]),
        ((CONTRACT, INVOICE, replace(PAYMENT, amount=1)), [("INVOICE_PAID_IN_PART", (2, 3))]),
        (
            (replace(CONTRACT, amount=20000), INVOICE, replace(PAYMENT, amount=10001)),
            [("INVOICE_OVERPAID", (2, 3))],
        ),
        (
            (replace(CONTRACT, amount=9999), INVOICE, PAYMENT),
            [("CONTRACT_OVERINVOICED", (1, 2)), ("CONTRACT_OVERPAID", (1, 3))],
        ),
        ((CONTRACT, INVOICE, PAYMENT, entry("refund", -1, **YUN)), [("REFUND_WITHOUT_INVOICE", (4,))]),
        (
            (CONTRACT, INVOICE, PAYMENT, entry("refund", -1, invoice="F-1", **YUN)),
            [("INVOICE_PAID_IN_PART", (2, 3, 4))],
        ),
    ],
    ids=lambda value: value[0][0] if isinstance(value, list) else "",
)
def test_every_gap_is_listed_with_its_entries(
    entries: tuple[Entry, ...], expected: list[tuple[str, tuple[int, ...]]]
) -> None:
    assert gaps(*entries) == expected


def test_a_gap_of_amounts_says_both() -> None:
    [gap] = reconcile(read_ledger(ledger(CONTRACT, INVOICE, replace(PAYMENT, amount=2500))).standing())
    assert (gap.expected, gap.got, gap.currency) == (10000, 2500, "CNY")
    assert set(TEXTS[gap.code]) == {"发票只付了一部分", "the invoice is paid in part only"}


def test_money_paid_in_part_is_no_doubt_about_what_was_paid() -> None:
    assert doubtful([Gap("INVOICE_PAID_IN_PART", (1,)), Gap("PAYEE_DIFFERS", (2, 3), doubts=(2,))]) == {2}


def test_of_too_many_payments_the_later_ones_are_in_doubt() -> None:
    parts = [replace(PAYMENT, amount=6000, day=f"2026-0{month}-01") for month in (5, 4, 6)]
    found = reconcile(read_ledger(ledger(replace(CONTRACT, amount=20000), INVOICE, *parts)).standing())
    assert [(gap.code, gap.doubts) for gap in found] == [("INVOICE_OVERPAID", (3, 5))]
    refunded = [*parts[:2], entry("refund", -60, invoice="F-1", day="2026-04-15", **YUN)]
    assert gaps(CONTRACT, INVOICE, *refunded) == [("INVOICE_PAID_IN_PART", (2, 3, 4, 5))]


def test_costs_of_operations_are_not_looked_at() -> None:
    assert gaps(entry(yuan=1, payee="电力", purpose="operations_before", item="电费", document="")) == []


def test_a_device_that_does_not_count_owes_no_contract_but_what_counts_finds_its_papers_under_any_purpose() -> (
    None
):
    device = entry(yuan=1, payee="机", purpose="device", document="")
    assert [gap.code for gap in reconcile([device], ("device",))] == [
        "PAYMENT_WITHOUT_INVOICE",
        "PAYMENT_WITHOUT_CONTRACT",
        "PAYMENT_WITHOUT_DOCUMENT",
    ]
    assert reconcile([device], ("cloud_service", "private_cloud")) == ()
    papers = [
        replace(one, purpose="device", number=number) for number, one in enumerate((CONTRACT, INVOICE), 1)
    ]
    assert reconcile([*papers, replace(PAYMENT, number=3)], ("cloud_service",)) == ()


def test_blanks_and_hyphens_in_an_invoices_number_do_not_part_it_from_its_payment() -> None:
    assert gaps(CONTRACT, replace(INVOICE, invoice="3200 F-1"), replace(PAYMENT, invoice="3200f1")) == []


def test_a_contract_in_another_currency_is_not_added_to_yuan() -> None:
    foreign = replace(CONTRACT, currency="USD", rate="7", rate_source="行", rate_day="2026-01-01", amount=1)
    assert gaps(foreign, INVOICE, PAYMENT) == [("CURRENCY_DIFFERS", (2, 1)), ("CURRENCY_DIFFERS", (3, 1))]


USD = {"currency": "USD", "rate": "7", "rate_source": "行", "rate_day": "2026-03-01"}
OVER = (replace(CONTRACT, amount=20000), INVOICE, PAYMENT, replace(PAYMENT, day="2026-03-02"))


def numbered(*entries: Entry) -> list[Entry]:
    return [replace(one, number=number) for number, one in enumerate(entries, 1)]


def doubted(*entries: Entry, counted: set[int], ahead: set[int] = frozenset()) -> set[int]:  # type: ignore[assignment]
    return set(doubtful(reconcile(numbered(*entries), ("cloud_service",), counted=counted, ahead=ahead)))


def test_only_a_refund_that_counts_takes_off_what_was_overpaid() -> None:
    refund = entry("refund", -100, invoice="F-1", **YUN)
    assert doubted(*OVER, counted={3, 4}) == {4}
    assert doubted(*OVER, refund, counted={3, 4, 5}) == set()
    assert doubted(*OVER, refund, counted={3, 4}) == {4}
    assert doubted(*OVER, replace(refund, day="2099-01-01"), counted={3, 4}, ahead={5}) == {4}
    device = replace(refund, purpose="device")
    assert doubted(*OVER, device, counted={3, 4}) == {4}
    assert doubtful(reconcile(numbered(*OVER, device), ("cloud_service",))) == {4}
    beyond = (replace(CONTRACT, amount=10000), replace(INVOICE, amount=20000), *OVER[2:])
    assert doubted(*beyond, refund, counted={3, 4}) == {4}


def test_papers_dated_ahead_take_no_doubt_away_and_payments_dated_ahead_pay_no_invoice() -> None:
    amended = replace(CONTRACT, day="2099-01-01", amount=10000)
    paid = (CONTRACT, replace(INVOICE, amount=20000), replace(PAYMENT, amount=20000))
    assert doubted(*paid, amended, counted={3}) == set()
    assert doubted(*paid, amended, counted={3}, ahead={4}) == {3}
    assert doubted(CONTRACT, INVOICE, PAYMENT, counted={3}, ahead={2}) == {3}
    red = replace(INVOICE, invoice="F-1", amount=-1, day="2099-01-01")
    assert doubted(CONTRACT, INVOICE, PAYMENT, red, counted={3}, ahead={4}) == {3}
    [gap] = reconcile(numbered(CONTRACT, INVOICE, PAYMENT), ("cloud_service",), counted=(), ahead={3})
    assert (gap.code, gap.entries, gap.got) == ("INVOICE_UNPAID", (2,), 0)


@pytest.mark.parametrize(("kind", "amount", "more"), [("payment", 1, {5}), ("refund", -1, {5})])
def test_a_cent_in_another_currency_does_not_switch_off_the_comparison(
    kind: str, amount: int, more: set[int]
) -> None:
    cent = replace(PAYMENT, kind=kind, amount=amount, **USD)
    assert doubted(*OVER, cent, counted={3, 4, 5}) == {4} | more
    beyond = (replace(CONTRACT, amount=10000), replace(INVOICE, amount=20000), *OVER[2:])
    assert doubted(*beyond, cent, counted={3, 4, 5}) == {4} | more


def test_every_payment_of_a_contract_of_two_currencies_is_in_doubt() -> None:
    mixed = (
        CONTRACT,
        replace(CONTRACT, amount=1, **USD),
        INVOICE,
        PAYMENT,
        replace(PAYMENT, amount=1, **USD),
    )
    assert doubted(*mixed, counted={4, 5}) >= {4, 5}


@pytest.mark.parametrize(("day", "old"), [("2026-01-20", set()), ("2026-01-19", {3})])
def test_money_whose_rate_is_too_old_is_in_doubt(day: str, old: set[int]) -> None:
    papers = [replace(one, **{**USD, "rate_day": day}) for one in (CONTRACT, INVOICE, PAYMENT)]
    assert doubted(*papers, counted={3}) == old
