"""The rules of the ledger: what an entry must be by itself, and beside those before it.

Import, addition by hand and the check of a pack judge by the same rules; every fault names the field,
so a file's cell can be named.

1. Every entry: a day, a kind, known words, printable texts of bounded length.
2. Contracts are above 0; invoices are not 0; payments are not negative, and 0 only where a cost item
   cost nothing; refunds are below 0. Each names its payee and what it is for.
3. A foreign currency has rate, source and day of the rate; yuan have none.
4. Operations have a cost item. Service months come in pairs, in order.
5. Numbers count from 1 without a hole. A cancellation names an earlier entry that nobody has cancelled
   and that is no cancellation, and says why.
6. One invoice stands once, whoever sent it; so does an entry that is the same in every field.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from typing import NamedTuple

from evidence.sources import is_source
from verifier import decimals
from verifier.currencies import CURRENCIES
from verifier.errors import DecimalError, LedgerError
from verifier.ledger import (
    CANCELLATION,
    CNY,
    CONTRACT,
    INVOICE,
    KINDS,
    MAX_AMOUNT,
    MAX_ENTRIES,
    MAX_NOTE,
    MAX_TEXT,
    OPERATIONS,
    PAYMENT,
    PURPOSES,
    REFUND,
    WHERE,
    Entry,
    Ledger,
    decode,
    one_spelling,
)
from verifier.toml_table import EARLIEST_DAY, LATEST_DAY, nearest

MAX_SERVICE_MONTHS = 120
"""Ten years: longer ones are a misprint."""
MAX_AMENDMENTS = 100
"""Entries of one contract: the contract and what was agreed later (补充协议)."""
MONTHS_A_YEAR = 12
MAX_RATE = 10**6
_MONTH = re.compile(r"20\d\d-(0[1-9]|1[0-2])\Z", re.ASCII)
_HASH = re.compile(r"[0-9a-f]{64}\Z", re.ASCII)
_UNPRINTABLE = frozenset({"Cc", "Cf", "Cs", "Cn", "Co", "Zl", "Zp"})
_TEXTS = ("payee", "contract", "invoice", "item", "provider", "note", "rate_source")


class Fault(NamedTuple):
    """What is wrong with one field of an entry, and what to write.

    ``other`` is the number of another entry that ``said`` is about, 0 for none.
    """

    field: str
    said: str
    other: int = 0

    @property
    def message(self) -> str:
        """What is wrong; an entry beside it by its number."""
        return self.about(f"entry {self.other}")

    def about(self, other: str) -> str:
        """Return what is wrong, with another name for the entry beside it."""
        return f"{other} {self.said}" if self.other else self.said


def faults(entry: Entry) -> Iterator[Fault]:
    """Yield what is wrong with an entry by itself (rules 1 to 4)."""
    for name in _TEXTS:
        value, most = getattr(entry, name), MAX_NOTE if name == "note" else MAX_TEXT
        if len(value) > most:
            yield Fault(name, f"{len(value)} characters, at most {most}; shorten it")
        if value != value.strip() or any(unicodedata.category(c) in _UNPRINTABLE for c in value):
            yield Fault(
                name, "it holds characters that cannot be printed, or blanks at an end; write it anew"
            )
    yield from _day("day", entry.day)
    if entry.kind not in KINDS:
        yield Fault(
            "kind", f"{entry.kind!r} is no kind{nearest(entry.kind, KINDS)}; write {', '.join(KINDS)}"
        )
    elif entry.kind == CANCELLATION:
        yield from _cancellation(entry)
    else:
        yield from _amount(entry)
        yield from _currency(entry)
        yield from _purpose(entry)
        yield from _service(entry)
    if entry.document and not _HASH.match(entry.document):
        yield Fault("document", "no SHA-256 of 64 small hexadecimal digits, and no file beside the table")


def _day(name: str, value: str) -> Iterator[Fault]:
    try:
        day = date.fromisoformat(value)
    except ValueError:
        yield Fault(name, f"{value!r} is no date; write it as 2026-10-31")
        return
    if day.isoformat() != value or not EARLIEST_DAY <= day <= LATEST_DAY:
        yield Fault(
            name, f"{value!r} is not written as 2026-10-31, or not from {EARLIEST_DAY} to {LATEST_DAY}"
        )


def _cancellation(entry: Entry) -> Iterator[Fault]:
    plain = Entry(entry.number, entry.day, CANCELLATION, cancels=entry.cancels, note=entry.note)
    if replace(entry, document="") != plain:
        yield Fault(
            "kind", "a cancellation has a date, the number it cancels and a note; leave the rest empty"
        )
    if not entry.cancels:
        yield Fault("cancels", "write the number of the entry that is cancelled; `ledger list` shows them")
    if not entry.note:
        yield Fault("note", "say why the entry is cancelled")


def _amount(entry: Entry) -> Iterator[Fault]:
    amount, kind = entry.amount, entry.kind
    if abs(amount) > MAX_AMOUNT:
        yield Fault("amount", f"more than {MAX_AMOUNT // 100} yuan; check the unit")
    if kind == CONTRACT and amount <= 0:
        yield Fault("amount", "a contract is above 0; write what was agreed")
    if kind == INVOICE and amount == 0:
        yield Fault("amount", "an invoice is not 0; one that takes another back (红字发票) is negative")
    if kind == REFUND and amount >= 0:
        yield Fault("amount", "a refund is negative; write a minus before the amount")
    if kind == PAYMENT and amount < 0:
        yield Fault("amount", "a payment is not negative; money that came back is a refund")
    if kind == PAYMENT and amount == 0 and entry.purpose not in OPERATIONS:
        yield Fault("amount", "a payment of 0 only says that a cost item of operations cost nothing")


def _currency(entry: Entry) -> Iterator[Fault]:
    told = (("rate", entry.rate), ("rate_source", entry.rate_source), ("rate_day", entry.rate_day))
    if entry.currency not in CURRENCIES:
        yield Fault(
            "currency",
            f"{entry.currency!r} is no currency of ISO 4217{nearest(entry.currency, sorted(CURRENCIES))}; write its three "
            "letters, such as CNY or USD",
        )
    elif entry.currency == CNY:
        for name, value in told:
            if value:
                yield Fault(name, "yuan have no rate; leave it empty, or write the currency")
    else:
        for name, value in told:
            if not value:
                yield Fault(
                    name,
                    f"{entry.currency} needs the rate in yuan per unit, who states it, and its day; write all three",
                )
        if entry.rate:
            yield from _rate(entry.rate)
        if entry.rate_day:
            yield from _day("rate_day", entry.rate_day)


def _rate(value: str) -> Iterator[Fault]:
    try:
        rate = decimals.parse(value)
    except DecimalError as error:
        yield Fault("rate", f"{error}; write yuan per unit, such as 7.1234")
        return
    if not 0 < rate <= MAX_RATE:
        yield Fault(
            "rate", f"{value} is not above 0 and at most {MAX_RATE}; write yuan per unit, such as 7.1234"
        )


def _purpose(entry: Entry) -> Iterator[Fault]:
    if not entry.payee:
        yield Fault("payee", "write who is paid, as the invoice names it")
    if entry.kind == CONTRACT and not entry.contract:
        yield Fault("contract", "write the number of the contract")
    if entry.kind == INVOICE and not entry.invoice:
        yield Fault("invoice", "write code and number of the invoice")
    if entry.purpose not in PURPOSES:
        yield Fault(
            "purpose",
            f"{entry.purpose!r} is no purpose{nearest(entry.purpose, PURPOSES)}; write {', '.join(PURPOSES)}",
        )
    elif entry.purpose in OPERATIONS and not entry.item:
        yield Fault("item", "operations need a cost item, as the scope declares it under [it_cost]")
    if entry.provider and not is_source(entry.provider):
        yield Fault("provider", f"{entry.provider!r} is no source; write it as the bills do, such as aliyun")


def _service(entry: Entry) -> Iterator[Fault]:
    pair = (("service_from", entry.service_from), ("service_to", entry.service_to))
    if not entry.service_from and not entry.service_to:
        return
    wrong = [Fault(name, f"{value!r} is no month; write both ends as 2026-10") for name, value in pair
             if not _MONTH.match(value)]  # fmt: skip
    yield from wrong
    if not wrong and not 0 < len(months(entry.service_from, entry.service_to)) <= MAX_SERVICE_MONTHS:
        yield Fault(
            "service_to",
            f"the service ends before it begins, or lasts over {MAX_SERVICE_MONTHS} months; correct it",
        )


def months(first: str, last: str) -> tuple[str, ...]:
    """Return the months from ``first`` to ``last`` (``YYYY-MM``), both included."""
    low, high = (int(name[:4]) * MONTHS_A_YEAR + int(name[5:]) - 1 for name in (first, last))
    return tuple(
        f"{number // MONTHS_A_YEAR:04}-{number % MONTHS_A_YEAR + 1:02}" for number in range(low, high + 1)
    )


class Book:
    """Entries that were taken in so far; says what is wrong with the next one beside them (rules 5, 6)."""

    def __init__(self) -> None:
        self._entries: list[Entry] = []
        self._cancelled: dict[int, int] = {}
        self._same: dict[Entry, int] = {}
        self._invoices: dict[str, int] = {}
        self._contracts: dict[str, int] = {}

    @property
    def next_number(self) -> int:
        """The number of the next entry."""
        return len(self._entries) + 1

    def faults(self, entry: Entry) -> Iterator[Fault]:
        """Yield everything that is wrong with ``entry``, by itself and as the next one."""
        yield from faults(entry)
        if entry.number != self.next_number or entry.number > MAX_ENTRIES:
            yield Fault(
                "number", f"it is not {self.next_number}, or over {MAX_ENTRIES}; numbers have no hole"
            )
        if entry.cancels:
            yield from self._cancels(entry)
        # The same invoice twice is told below, whatever else is the same.
        twin = None if entry.kind == INVOICE else self._same.get(_alike(entry))
        if twin is not None and twin != entry.cancels:
            yield Fault(
                "note", "is the same in every field; if this is another payment, say in the note which", twin
            )
        if entry.kind == CONTRACT and self._contracts.get(entry.contract, 0) >= MAX_AMENDMENTS:
            yield Fault("contract", f"the contract has {MAX_AMENDMENTS} entries already; join its amendments")
        if entry.kind == INVOICE:
            other = self._invoices.get(one_spelling(entry.invoice))
            if other is not None and other != entry.cancels:
                yield Fault(
                    "invoice",
                    f"has the invoice {entry.invoice} already; leave it out here, or correct that one",
                    other,
                )

    def _cancels(self, entry: Entry) -> Iterator[Fault]:
        if entry.cancels >= entry.number:
            yield Fault(
                "cancels", f"there is no earlier entry {entry.cancels}; `ledger list` shows the numbers"
            )
        elif entry.cancels in self._cancelled:
            by = self._cancelled[entry.cancels]
            yield Fault(
                "cancels", f"entry {entry.cancels} is cancelled by entry {by} already; cancel that one"
            )
        elif self._entries[entry.cancels - 1].kind == CANCELLATION:
            yield Fault("cancels", "a cancellation cannot be cancelled; write the entry anew")

    def add(self, entry: Entry) -> None:
        """Take in an entry without faults."""
        self._entries.append(entry)
        if entry.cancels:
            gone = self._entries[entry.cancels - 1]
            self._cancelled[entry.cancels] = entry.number
            self._same.pop(_alike(gone))
            if gone.kind == INVOICE:
                self._invoices.pop(one_spelling(gone.invoice))
        self._same[_alike(entry)] = entry.number
        if entry.kind == CONTRACT:
            self._contracts[entry.contract] = self._contracts.get(entry.contract, 0) + 1
        if entry.kind == INVOICE:
            self._invoices[one_spelling(entry.invoice)] = entry.number


def _alike(entry: Entry) -> Entry:
    return replace(entry, number=0, cancels=entry.cancels if entry.kind == CANCELLATION else 0)


def read_ledger(data: bytes) -> Ledger:
    """Return the ledger that ``data`` holds, every rule judged.

    Raises:
        LedgerError: not a ledger, or an entry breaks a rule; names the first.
    """
    return read_book(data)[0]


def read_book(data: bytes) -> tuple[Ledger, Book]:
    """Return the ledger that ``data`` holds, and the book that judges what may come next.

    Raises:
        LedgerError: as ``read_ledger``.
    """
    ledger, book = decode(data), Book()
    for entry in ledger.entries:
        for fault in book.faults(entry):
            raise LedgerError(f"{WHERE} entry {entry.number} {fault.field}: {fault.message}")
        book.add(entry)
    return ledger, book
