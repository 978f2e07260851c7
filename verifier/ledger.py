"""The ledger: what was agreed, invoiced, paid and refunded, entry by entry. Its words and its one form.

Amounts are whole hundredths of the currency's unit (of yuan: 分). Entries are numbered from 1 and
never change; one that was wrong is cancelled by a later one that names it. Bills are what clouds say
they charged: compared, never counted.

``data/ledger.json`` is canonical JSON (``evidence.canonical``), so one ledger has one hash.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields, replace
from datetime import date
from fractions import Fraction
from typing import Any

from evidence import canonical
from evidence.errors import EvidenceError
from evidence.fields import choice, integer, objects, require_keys, text
from verifier import decimals
from verifier.errors import DecimalError, LedgerError

SCHEMA = "starproof/ledger/1"
CONTRACT, INVOICE, PAYMENT, REFUND, CANCELLATION = "contract", "invoice", "payment", "refund", "cancellation"
KINDS = (CONTRACT, INVOICE, PAYMENT, REFUND, CANCELLATION)
PAID = (PAYMENT, REFUND)
"""The kinds that move money."""
CLOUD_SERVICE, PRIVATE_CLOUD, DEVICE = "cloud_service", "private_cloud", "device"
OPERATIONS_BEFORE, OPERATIONS_AFTER = "operations_before", "operations_after"
PURPOSES = (CLOUD_SERVICE, PRIVATE_CLOUD, DEVICE, OPERATIONS_BEFORE, OPERATIONS_AFTER)
INVESTMENT = (CLOUD_SERVICE, PRIVATE_CLOUD, DEVICE)
"""What may be an investment in the cloud."""
OPERATIONS = (OPERATIONS_BEFORE, OPERATIONS_AFTER)
CNY = "CNY"
MAX_ENTRIES = 100_000
MAX_BILLS = 100_000
MAX_AMOUNT = 10**15
"""Ten trillion yuan in 分."""
MAX_TEXT = 200
MAX_NOTE = 500
MAX_LEDGER_BYTES = 64 * 1024 * 1024
FEN_PER_YUAN = 100
WHERE = "data/ledger.json"


@dataclass(frozen=True)
class Entry:
    """One entry. Empty texts and the number 0 stand for what does not apply.

    ``day`` is ISO 8601. ``amount`` is in hundredths of the unit of ``currency``, negative for refunds and
    for invoices that take another one back (红字发票). ``rate`` is yuan per unit of a foreign currency, a
    decimal. ``service_from`` and ``service_to`` are the months (``YYYY-MM``) that are paid for.
    ``provider`` is the source whose bills speak of the same money. ``document`` is a SHA-256. ``cancels``
    is the number of the entry that this one takes the place of.
    """

    number: int
    day: str
    kind: str
    amount: int = 0
    currency: str = CNY
    rate: str = ""
    rate_source: str = ""
    rate_day: str = ""
    payee: str = ""
    contract: str = ""
    invoice: str = ""
    purpose: str = ""
    item: str = ""
    service_from: str = ""
    service_to: str = ""
    provider: str = ""
    document: str = ""
    cancels: int = 0
    note: str = ""

    @property
    def ordinal(self) -> int:
        """The ordinal of the day."""
        return date.fromisoformat(self.day).toordinal()

    @property
    def fen(self) -> Fraction:
        """The amount in 分 of yuan, exact."""
        return Fraction(self.amount) * (decimals.parse(self.rate) if self.rate else 1)


@dataclass(frozen=True)
class Billed:
    """What a cloud says that one product cost in one month; ``amount`` is a decimal, perhaps negative."""

    provider: str
    month: str
    product: str
    amount: str
    currency: str
    kind: str
    basis: str
    final: str


@dataclass(frozen=True)
class Ledger:
    """All entries by number, and the bills of clouds in their order."""

    entries: tuple[Entry, ...]
    bills: tuple[Billed, ...] = ()

    def standing(self) -> tuple[Entry, ...]:
        """Return the entries that stand: neither cancelled nor mere cancellations."""
        cancelled = {entry.cancels for entry in self.entries}
        return tuple(
            entry for entry in self.entries if entry.kind != CANCELLATION and entry.number not in cancelled
        )


_TEXTS = tuple(f.name for f in fields(Entry) if f.type == "str" and f.name != "kind")
_BILL_KEYS = tuple(f.name for f in fields(Billed))


def encode(ledger: Ledger) -> bytes:
    """Return the canonical bytes of a ledger; empty for one with neither entry nor bill.

    Raises:
        EvidenceError: a text holds a control character.
    """
    if not ledger.entries and not ledger.bills:
        return b""
    return canonical.encode(
        {
            "schema": SCHEMA,
            "entries": [asdict(entry) for entry in ledger.entries],
            "bills": [asdict(bill) for bill in ledger.bills],
        }
    )


def decode(data: bytes) -> Ledger:
    """Return the ledger that ``data`` holds; no bytes hold an empty one. Its rules are not judged here.

    Raises:
        LedgerError: not such a document.
    """
    if not data:
        return Ledger(())
    try:
        document = canonical.decode(data, limit=MAX_LEDGER_BYTES)
        require_keys(document, ("schema", "entries", "bills"), where=WHERE)
        choice(document, "schema", (SCHEMA,), where=WHERE)
        entries = objects(document, "entries", where=WHERE, most=MAX_ENTRIES)
        bills = objects(document, "bills", where=WHERE, most=MAX_BILLS)
        ledger = Ledger(
            tuple(_entry(entry, place) for place, entry in enumerate(entries, 1)),
            tuple(_bill(bill, place) for place, bill in enumerate(bills, 1)),
        )
    except EvidenceError as error:
        raise LedgerError(str(error)) from None
    _require_bills(ledger.bills)
    return ledger


def logged_sha256(ledger: Ledger) -> str:
    """Return what the log holds of a ledger: the SHA-256 of its entries alone; bills come and are replaced."""
    return hashlib.sha256(encode(replace(ledger, bills=()))).hexdigest()


def _entry(document: dict[str, Any], place: int) -> Entry:
    where = f"{WHERE} entry {place}"
    require_keys(document, [f.name for f in fields(Entry)], where=where)
    texts = {name: text(document, name, where=where) for name in _TEXTS}
    return Entry(
        kind=choice(document, "kind", KINDS, where=where),
        number=integer(document, "number", where=where, least=1),
        amount=integer(document, "amount", where=where, least=-MAX_AMOUNT, most=MAX_AMOUNT),
        cancels=integer(document, "cancels", where=where),
        **texts,
    )


def _bill(document: dict[str, Any], place: int) -> Billed:
    where = f"{WHERE} bill {place}"
    require_keys(document, _BILL_KEYS, where=where)
    return Billed(**{name: text(document, name, where=where) for name in _BILL_KEYS})


def _require_bills(bills: Sequence[Billed]) -> None:
    for place, bill in enumerate(bills, 1):
        try:
            decimals.parse(bill.amount.removeprefix("-"))
        except DecimalError as error:
            raise LedgerError(f"{WHERE} bill {place}: {error}") from None


def one_spelling(invoice: str) -> str:
    """Return one spelling of an invoice's number: blanks and hyphens between code and number do not count."""
    return "".join(c for c in unicodedata.normalize("NFKC", invoice).upper() if c.isalnum())


def yuan(fen: Fraction) -> str:
    """Return an amount of 分 as yuan with two decimals, rounded down; exact unless a rate was used."""
    whole = fen.numerator // fen.denominator
    return f"{'-' if whole < 0 else ''}{abs(whole) // FEN_PER_YUAN}.{abs(whole) % FEN_PER_YUAN:02}"
