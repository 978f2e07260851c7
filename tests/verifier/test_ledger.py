"""The ledger: its one form, and the rules that every entry must keep."""

from __future__ import annotations

from dataclasses import asdict, replace
from fractions import Fraction
from typing import Any

import pytest
from ledgers import YUN, bought, entry, ledger

from evidence import canonical
from verifier import ledger_rules
from verifier.errors import LedgerError
from verifier.ledger import Billed, Entry, Ledger, decode, encode, yuan
from verifier.ledger_rules import Book, faults, read_ledger

USD = {"currency": "USD", "rate": "7.1234", "rate_source": "中国人民银行中间价", "rate_day": "2026-03-01"}
SOUND = entry(yuan=10, **YUN)
COST = entry(yuan=10, payee="电力", purpose="operations_before", item="电费")
CANCEL = entry("cancellation", document="", cancels=1, note="写错了")
BILL = Billed("aliyun", "2026-03", "ecs", "12.5", "CNY", "charge", "cash", "yes")


def test_a_ledger_reads_back_as_it_was_written() -> None:
    data = ledger(*bought(100), CANCEL, bills=(BILL,))
    assert encode(read_ledger(data)) == data
    assert read_ledger(data).bills == (BILL,)


def test_no_ledger_has_no_bytes() -> None:
    assert encode(Ledger(())) == b""
    assert decode(b"") == Ledger(())


def test_bills_without_entries_are_kept() -> None:
    assert decode(encode(Ledger((), (BILL,)))).bills == (BILL,)


@pytest.mark.parametrize(
    "change",
    [
        {"amount": "1"},
        {"amount": 2 * 10**15},
        {"number": 0},
        {"kind": "gift"},
        {"payee": "x" * 600},
        {"extra": "1"},
    ],
    ids=str,
)
def test_a_ledger_of_another_form_is_refused(change: dict[str, Any]) -> None:
    one = {**asdict(replace(SOUND, number=1)), **change}
    document = {"schema": "starproof/ledger/1", "entries": [one], "bills": []}
    with pytest.raises(LedgerError, match="ledger"):
        decode(canonical.encode(document))


def test_bytes_that_are_no_document_and_bills_without_amount_are_refused() -> None:
    with pytest.raises(LedgerError, match="JSON"):
        decode(b"{")
    with pytest.raises(LedgerError, match="bill 1"):
        decode(ledger(SOUND, bills=(replace(BILL, amount="1e3"),)))


def test_a_bill_may_be_negative() -> None:
    assert decode(ledger(SOUND, bills=(replace(BILL, amount="-3.10"),))).bills[0].amount == "-3.10"


@pytest.mark.parametrize(
    "sound",
    [
        SOUND,
        COST,
        replace(COST, amount=0),
        CANCEL,
        replace(SOUND, **USD),
        replace(SOUND, kind="refund", amount=-1),
        replace(SOUND, kind="invoice", amount=-5, invoice="F"),
        replace(SOUND, service_from="2026-01", service_to="2026-01", provider="aliyun", document=""),
        replace(SOUND, kind="contract"),
    ],
    ids=lambda one: f"{one.kind} {one.amount} {one.currency}",
)
def test_a_sound_entry_has_no_fault(sound: Entry) -> None:
    assert list(faults(sound)) == []


@pytest.mark.parametrize(
    ("wrong", "field", "says"),
    [
        (replace(SOUND, day="2026-13-01"), "day", "2026-10-31"),
        (replace(SOUND, day="20260301"), "day", "2026-10-31"),
        (replace(SOUND, day="1999-12-31"), "day", "2000-01-01"),
        (replace(SOUND, kind="paymnt"), "kind", "did you mean payment"),
        (replace(SOUND, amount=10**16), "amount", "check the unit"),
        (replace(SOUND, kind="contract", amount=0), "amount", "above 0"),
        (replace(SOUND, kind="invoice", invoice="F", amount=0), "amount", "not 0"),
        (replace(SOUND, kind="refund"), "amount", "minus"),
        (replace(SOUND, amount=-1), "amount", "refund"),
        (replace(SOUND, amount=0), "amount", "cost item"),
        (replace(SOUND, currency="rmb"), "currency", "three letters"),
        (replace(SOUND, rate="7"), "rate", "no rate"),
        (replace(SOUND, rate_source="行"), "rate_source", "no rate"),
        (replace(SOUND, **{**USD, "rate": ""}), "rate", "needs the rate"),
        (replace(SOUND, **{**USD, "rate_source": ""}), "rate_source", "needs the rate"),
        (replace(SOUND, currency="USD", rate="7", rate_source="行"), "rate_day", "needs the rate"),
        (replace(SOUND, **{**USD, "rate": "7,1"}), "rate", "7.1234"),
        (replace(SOUND, **{**USD, "rate": "0"}), "rate", "above 0"),
        (replace(SOUND, **{**USD, "rate_day": "2026"}), "rate_day", "2026-10-31"),
        (replace(SOUND, payee=""), "payee", "who is paid"),
        (replace(SOUND, kind="contract", contract=""), "contract", "number of the contract"),
        (replace(SOUND, kind="invoice", invoice=""), "invoice", "code and number"),
        (replace(SOUND, purpose="cloud"), "purpose", "cloud_service"),
        (replace(COST, item=""), "item", "cost item"),
        (replace(SOUND, provider="阿里云"), "provider", "aliyun"),
        (replace(SOUND, service_from="2026-01"), "service_to", "no month"),
        (replace(SOUND, service_from="2026-13", service_to="2026-12"), "service_from", "no month"),
        (replace(SOUND, service_from="2026-02", service_to="2026-01"), "service_to", "before it begins"),
        (replace(SOUND, service_from="2016-01", service_to="2026-01"), "service_to", "120 months"),
        (replace(SOUND, document="AB" * 32), "document", "SHA-256"),
        (replace(SOUND, note="x" * 501), "note", "at most 500"),
        (replace(SOUND, payee="x" * 201), "payee", "at most 200"),
        (replace(SOUND, payee=" 云"), "payee", "blanks"),
        (replace(SOUND, payee="云\u202e"), "payee", "printed"),
        (replace(CANCEL, cancels=0), "cancels", "number of the entry"),
        (replace(CANCEL, note=""), "note", "why"),
        (replace(CANCEL, amount=5), "kind", "leave the rest empty"),
    ],
)  # fmt: skip
def test_a_fault_names_its_field_and_what_to_write(wrong: Entry, field: str, says: str) -> None:
    found = list(faults(wrong))
    assert [fault.field for fault in found] == [field]
    assert says in found[0].message


def book(*entries: Entry) -> Book:
    made = Book()
    for one in entries:
        numbered = replace(one, number=made.next_number)
        assert list(made.faults(numbered)) == []
        made.add(numbered)
    return made


def next_faults(made: Book, one: Entry) -> list[tuple[str, str]]:
    return [(f.field, f.message) for f in made.faults(replace(one, number=made.next_number))]


INVOICE = entry("invoice", 10, invoice="3200-26 001", **YUN)


def test_one_invoice_is_refused_twice_however_it_is_spelt() -> None:
    [(field, message)] = next_faults(book(INVOICE), replace(INVOICE, invoice="320026001", amount=1))
    assert field == "invoice"
    assert message.startswith("entry 1 has the invoice 320026001 already")


def test_an_invoice_that_was_cancelled_may_be_written_anew() -> None:
    made = book(INVOICE, CANCEL)
    assert next_faults(made, INVOICE) == []
    made = book(INVOICE, replace(INVOICE, amount=5, cancels=1))
    assert [field for field, _ in next_faults(made, INVOICE)] == ["invoice"]


def test_an_entry_that_is_the_same_in_every_field_is_refused_until_a_note_tells_them_apart() -> None:
    [(field, message)] = next_faults(book(SOUND), SOUND)
    assert (field, "entry 1" in message) == ("note", True)
    assert next_faults(book(SOUND), replace(SOUND, note="第二笔")) == []


def test_only_an_earlier_entry_can_be_cancelled_once_and_no_cancellation() -> None:
    assert "no earlier entry 9" in next_faults(book(SOUND), replace(CANCEL, cancels=9))[0][1]
    made = book(SOUND, CANCEL)
    assert "by entry 2 already" in next_faults(made, replace(CANCEL, note="再次"))[0][1]
    assert "cannot be cancelled" in next_faults(made, replace(CANCEL, cancels=2))[0][1]


def test_numbers_have_no_hole() -> None:
    [fault] = Book().faults(replace(SOUND, number=2))
    assert fault.field == "number"
    with pytest.raises(LedgerError, match="entry 3 number"):
        read_ledger(encode(Ledger((replace(SOUND, number=3),))))


def test_a_contract_has_a_bounded_number_of_entries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger_rules, "MAX_AMENDMENTS", 1)
    contract = entry("contract", 5, **YUN)
    [(field, _)] = next_faults(book(contract), replace(contract, amount=1))
    assert field == "contract"


def test_what_stands_is_what_was_not_cancelled() -> None:
    data = ledger(SOUND, replace(SOUND, amount=7, cancels=1), replace(CANCEL, cancels=2), COST)
    assert [one.number for one in read_ledger(data).standing()] == [4]


def test_foreign_money_is_exact_and_yuan_are_printed_down() -> None:
    dollars = replace(SOUND, amount=333, **USD)
    assert dollars.fen == Fraction(333 * 71234, 10000)
    assert yuan(dollars.fen) == "23.72"
    assert yuan(Fraction(-5)) == "-0.05"
    assert yuan(Fraction(-501, 2)) == "-2.51"
