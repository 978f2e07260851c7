"""Reconciliation: do contract, invoice and payment tell one story? What does not is listed, not dropped.

Payments and invoices whose purpose counts are looked at, refunds beside their invoice; a device that does
not count as investment owes nobody a contract. Their papers are looked for in the whole ledger, because
one contract or invoice may be about several purposes:

1. A payment names an invoice that is in the ledger, and a contract that is; so does an invoice.
2. All of them name one payee and one currency.
3. An invoice is paid, and with all its payments and refunds to the full and no more.
4. A contract is not invoiced, and not paid, beyond what was agreed.
5. A payment is not older than its contract.
6. A payment has a document.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from verifier.ledger import CONTRACT, INVESTMENT, INVOICE, PAID, PAYMENT, Entry, one_spelling

TEXTS: Mapping[str, tuple[str, str]] = {
    "PAYMENT_WITHOUT_INVOICE": ("付款没有对应的发票", "the payment has no invoice in the ledger"),
    "PAYMENT_WITHOUT_CONTRACT": ("付款没有对应的合同", "the payment has no contract in the ledger"),
    "PAYMENT_BEFORE_CONTRACT": ("付款早于合同日期", "the payment is older than its contract"),
    "PAYMENT_WITHOUT_DOCUMENT": ("付款没有凭证文件", "the payment has no document"),
    "REFUND_WITHOUT_INVOICE": ("退款没有对应的发票", "the refund has no invoice in the ledger"),
    "INVOICE_WITHOUT_CONTRACT": ("发票没有对应的合同", "the invoice has no contract in the ledger"),
    "PAYEE_DIFFERS": (
        "合同、发票与付款的收款方不一致",
        "contract, invoice and payment name different payees",
    ),
    "CURRENCY_DIFFERS": (
        "合同、发票与付款的币种不一致",
        "contract, invoice and payment are in different currencies",
    ),
    "INVOICE_UNPAID": ("发票尚未付款", "the invoice is not paid"),
    "INVOICE_PAID_IN_PART": ("发票只付了一部分", "the invoice is paid in part only"),
    "INVOICE_OVERPAID": ("付款超过发票金额", "more was paid than the invoice says"),
    "CONTRACT_OVERINVOICED": ("发票合计超过合同金额", "more was invoiced than the contract says"),
    "CONTRACT_OVERPAID": ("付款合计超过合同金额", "more was paid than the contract says"),
}
"""Every code with its Chinese and its English text."""


@dataclass(frozen=True)
class Gap:
    """One thing that does not reconcile: the numbers of the entries, and the two amounts if it is about them.

    Amounts are hundredths of the unit of ``currency``. ``doubts`` are the payments of which it is not
    sure whether they count.
    """

    code: str
    entries: tuple[int, ...]
    expected: int | None = None
    got: int | None = None
    currency: str = ""
    doubts: tuple[int, ...] = ()


def reconcile(standing: Sequence[Entry], purposes: Sequence[str] = INVESTMENT) -> tuple[Gap, ...]:
    """Return all gaps among the entries that stand, in the order of the rules and entries.

    ``purposes`` are those that count.
    """
    about = [entry for entry in standing if entry.purpose in purposes]
    contracts, invoices = _by(standing, (CONTRACT,), _contract_of), _by(standing, (INVOICE,), _invoice_of)
    paid, under = _by(standing, PAID, _invoice_of), _by(standing, (INVOICE, *PAID), _contract_of)
    agreements = dict.fromkeys(entry.contract for entry in about if entry.contract in contracts)
    bills = dict.fromkeys(_invoice_of(entry) for entry in about if entry.kind == INVOICE)
    return (
        *(gap for entry in about for gap in _alone(entry, contracts, invoices)),
        *(gap for name in bills for gap in _invoice(invoices[name], paid.get(name, []))),
        *(gap for name in agreements for gap in _contract(contracts[name], under.get(name, []))),
    )


def _by(
    entries: Iterable[Entry], kinds: Sequence[str], name: Callable[[Entry], str]
) -> dict[str, list[Entry]]:
    found: dict[str, list[Entry]] = {}
    for entry in entries:
        if entry.kind in kinds:
            found.setdefault(name(entry), []).append(entry)
    return found


def _contract_of(entry: Entry) -> str:
    return entry.contract


def _invoice_of(entry: Entry) -> str:
    return one_spelling(entry.invoice)


def _alone(
    entry: Entry, contracts: Mapping[str, list[Entry]], invoices: Mapping[str, list[Entry]]
) -> Iterator[Gap]:
    """Rules 1, 2, 5 and 6 for one entry."""
    if entry.kind == CONTRACT:
        return
    mine = (entry.number,)
    kin = contracts.get(entry.contract, [])
    if entry.kind != INVOICE:
        invoiced = invoices.get(_invoice_of(entry), [])
        if not invoiced:
            yield Gap(f"{entry.kind.upper()}_WITHOUT_INVOICE", mine, doubts=mine)
        kin = [*kin, *invoiced]
    if entry.kind in (PAYMENT, INVOICE) and entry.contract not in contracts:
        yield Gap(f"{entry.kind.upper()}_WITHOUT_CONTRACT", mine, doubts=mine)
    for code, name in (("PAYEE_DIFFERS", "payee"), ("CURRENCY_DIFFERS", "currency")):
        other = [one.number for one in kin if getattr(one, name) != getattr(entry, name)]
        if other:
            yield Gap(code, (*mine, *other), doubts=mine)
    if entry.kind == PAYMENT:
        agreed = contracts.get(entry.contract, [])
        if agreed and entry.day < min(one.day for one in agreed):
            yield Gap("PAYMENT_BEFORE_CONTRACT", (*mine, *(one.number for one in agreed)), doubts=mine)
        if not entry.document:
            yield Gap("PAYMENT_WITHOUT_DOCUMENT", mine, doubts=mine)


def _invoice(parts: Sequence[Entry], mine: Sequence[Entry]) -> Iterator[Gap]:
    """Rule 3; amounts of several currencies are not compared, rule 2 lists them."""
    if len({entry.currency for entry in (*parts, *mine)}) > 1:
        return
    due, got = sum(entry.amount for entry in parts), sum(entry.amount for entry in mine)
    numbers = tuple(entry.number for entry in (*parts, *mine))
    if got > max(due, 0):
        yield Gap("INVOICE_OVERPAID", numbers, due, got, parts[0].currency, _beyond(mine, due))
    elif got < due:
        code = "INVOICE_PAID_IN_PART" if got > 0 else "INVOICE_UNPAID"
        yield Gap(code, numbers, due, got, parts[0].currency)


def _contract(parts: Sequence[Entry], under: Sequence[Entry]) -> Iterator[Gap]:
    """Rule 4; amounts of several currencies are not compared."""
    agreed = sum(entry.amount for entry in parts)
    for code, kinds in (("CONTRACT_OVERINVOICED", (INVOICE,)), ("CONTRACT_OVERPAID", PAID)):
        mine = [entry for entry in under if entry.kind in kinds]
        got = sum(entry.amount for entry in mine)
        if got > agreed and len({entry.currency for entry in (*parts, *mine)}) == 1:
            numbers = tuple(entry.number for entry in (*parts, *mine))
            yield Gap(code, numbers, agreed, got, parts[0].currency, _beyond(mine, agreed))


def _beyond(paid: Sequence[Entry], due: int) -> tuple[int, ...]:
    """Return the payments with which, in the order of days, more had been paid than was due."""
    found, so_far = [], 0
    for entry in sorted(paid, key=lambda one: (one.day, one.number)):
        so_far += entry.amount
        if entry.kind == PAYMENT and so_far > due:
            found.append(entry.number)
    return tuple(found)


def doubtful(gaps: Iterable[Gap]) -> frozenset[int]:
    """Return the numbers of entries about which a gap leaves a doubt whether their money counts."""
    return frozenset(number for gap in gaps for number in gap.doubts)
