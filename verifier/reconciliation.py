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
7. A rate is at most ``MAX_RATE_AGE_DAYS`` older than the money that it turns into yuan.

What does not count takes no doubt away: a refund is taken off what was paid only if the figure takes it
off too, and papers that are dated ahead are not there yet. Amounts are compared currency by currency.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from verifier.ledger import CONTRACT, INVESTMENT, INVOICE, PAID, PAYMENT, REFUND, Entry, one_spelling

MAX_RATE_AGE_DAYS = 40
"""Rates of the first of the month, and of the last working day of the month before, are usual in accounting:
31 days, and a long holiday."""

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
    "RATE_TOO_OLD": (
        f"汇率日期早于付款日期{MAX_RATE_AGE_DAYS}天以上",
        f"the rate is more than {MAX_RATE_AGE_DAYS} days older than the payment",
    ),
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


def reconcile(
    standing: Sequence[Entry],
    purposes: Sequence[str] = INVESTMENT,
    *,
    counted: Collection[int] | None = None,
    ahead: Collection[int] = (),
) -> tuple[Gap, ...]:
    """Return all gaps among the entries that stand, in the order of the rules and entries.

    Args:
        standing: the entries that stand.
        purposes: those that count.
        counted: numbers of the payments and refunds that the figure counts; ``None``: all that happened.
        ahead: numbers of the entries of days to come.
    """
    there = [entry for entry in standing if entry.number not in ahead or not _helps(entry)]
    netted = [
        entry
        for entry in there
        if entry.kind != REFUND or (entry.purpose in purposes if counted is None else entry.number in counted)
    ]
    about = [entry for entry in there if entry.purpose in purposes]
    contracts, invoices = _by(there, (CONTRACT,), _contract_of), _by(there, (INVOICE,), _invoice_of)
    paid, under = _by(there, PAID, _invoice_of), _by(netted, (INVOICE, *PAID), _contract_of)
    most = _by(netted, PAID, _invoice_of)
    agreements = dict.fromkeys(entry.contract for entry in about if entry.contract in contracts)
    bills = dict.fromkeys(_invoice_of(entry) for entry in about if entry.kind == INVOICE)
    return (
        *(gap for entry in about for gap in _alone(entry, contracts, invoices)),
        *(
            gap
            for name in bills
            for gap in _invoice(invoices[name], paid.get(name, []), most.get(name, []), ahead)
        ),
        *(gap for name in agreements for gap in _contract(contracts[name], under.get(name, []))),
    )


def rate_is_old(entry: Entry) -> bool:
    """Return whether the day of an entry's rate lies too far before its own (rule 7)."""
    if not entry.rate_day:
        return False
    return entry.ordinal - date.fromisoformat(entry.rate_day).toordinal() > MAX_RATE_AGE_DAYS


def _helps(entry: Entry) -> bool:
    """Return whether an entry can take away a doubt about others: papers for more money, money that came back."""
    return entry.kind in (CONTRACT, REFUND) or (entry.kind == INVOICE and entry.amount > 0)


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
    """Rules 1, 2, 5, 6 and 7 for one entry."""
    if entry.kind == CONTRACT:
        return
    mine = (entry.number,)
    kin = contracts.get(entry.contract, [])
    if entry.kind != INVOICE:
        invoiced = invoices.get(_invoice_of(entry), [])
        if not invoiced:
            yield Gap(f"{entry.kind.upper()}_WITHOUT_INVOICE", mine, doubts=mine)
        kin = [*kin, *invoiced]
        if rate_is_old(entry):
            yield Gap("RATE_TOO_OLD", mine, doubts=mine)
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


def _invoice(
    parts: Sequence[Entry], mine: Sequence[Entry], netted: Sequence[Entry], ahead: Collection[int]
) -> Iterator[Gap]:
    """Rule 3. ``netted``: those of ``mine`` without refunds that do not count.

    What was paid in a currency of which there is no invoice cannot be compared; rule 2 lists and doubts it.
    """
    over = list(_exceeded("INVOICE_OVERPAID", parts, netted))
    yield from over
    if over or len({entry.currency for entry in (*parts, *mine)}) > 1:
        return
    came = [entry for entry in mine if entry.number not in ahead]
    due, got = sum(entry.amount for entry in parts), sum(entry.amount for entry in came)
    if got < due:
        code = "INVOICE_PAID_IN_PART" if got > 0 else "INVOICE_UNPAID"
        numbers = tuple(entry.number for entry in (*parts, *came))
        yield Gap(code, numbers, due, got, parts[0].currency)


def _contract(parts: Sequence[Entry], under: Sequence[Entry]) -> Iterator[Gap]:
    """Rule 4."""
    for code, kinds in (("CONTRACT_OVERINVOICED", (INVOICE,)), ("CONTRACT_OVERPAID", PAID)):
        yield from _exceeded(code, parts, [entry for entry in under if entry.kind in kinds])


def _exceeded(code: str, parts: Sequence[Entry], mine: Sequence[Entry]) -> Iterator[Gap]:
    """Yield where ``mine`` come to more than ``parts``, currency by currency: yuan hide no dollar, nor it them."""
    for currency in dict.fromkeys(entry.currency for entry in parts):
        due_parts, came = ([entry for entry in some if entry.currency == currency] for some in (parts, mine))
        due, got = sum(entry.amount for entry in due_parts), sum(entry.amount for entry in came)
        if got > max(due, 0):
            numbers = tuple(entry.number for entry in (*due_parts, *came))
            yield Gap(code, numbers, due, got, currency, _beyond(came, due))


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
