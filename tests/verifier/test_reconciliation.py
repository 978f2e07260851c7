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
