"""Both verifiers say the same of money: random ledgers, whose days, purposes and currencies are mixed up."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import date
from types import SimpleNamespace
from typing import Any

import pytest
from ledgers import PAPER, entry, given, ledger, scope
from standalone import alone

from verifier.errors import LedgerError
from verifier.indicators import investment, it_cost
from verifier.indicators.enterprise import EnterpriseFigure
from verifier.ledger import Entry
from verifier.ledger_rules import read_ledger
from verifier.scope import CostScope, Scope

TODAY = date(2026, 11, 20).toordinal()
BEFORE, AFTER = ("2024-01", "2024-02"), ("2026-09", "2026-10")
SCOPE = scope(it_cost=CostScope(("电费",), BEFORE, AFTER))
DAYS = ("2025-10-31", "2026-02-01", "2026-03-01", "2026-10-20", "2026-12-15")
LEDGERS_PER_SEED = 60


def of_cloud(dice: random.Random, number: int) -> Entry:
    kind = dice.choice(("contract", "invoice", "payment", "payment", "payment", "refund"))
    day = dice.choice(DAYS)
    foreign = {
        "currency": "USD",
        "rate": "7",
        "rate_source": "行",
        "rate_day": dice.choice((day, "2025-10-01")),
    }
    amount = dice.choice((0.01, 50, 100, 100, 200))
    if kind == "refund" or (kind == "invoice" and dice.random() < 0.2):
        amount = -amount
    return entry(
        kind, amount, day=day, payee="云", contract=dice.choice(("C-1", "C-2")), note=str(number),
        invoice=f"F {number}" if kind == "invoice" and number > 3 else dice.choice(("F-1", "F1", "f 2")),
        purpose=dice.choice(("cloud_service", "cloud_service", "device")), provider=dice.choice(("", "aliyun")),
        document=dice.choice((PAPER, PAPER, "")), **(foreign if dice.random() < 0.2 else {}),
    )  # fmt: skip


def of_costs(dice: random.Random, number: int) -> Entry:
    side = dice.choice(("before", "after"))
    span = dice.choice((BEFORE if side == "before" else AFTER,) * 5 + ((AFTER[0], AFTER[0]),))
    kind = dice.choice(("payment", "payment", "refund"))
    return entry(
        kind, dice.choice((1, 30, 700)) * (-1 if kind == "refund" else 1), day=dice.choice(DAYS), payee="甲",
        purpose=f"operations_{side}", item=dice.choice(("电费",) * 9 + ("机房",)), note=str(number),
        service_from=span[0], service_to=span[1],
    )  # fmt: skip


def both_sides() -> list[Entry]:
    return [
        entry(yuan=yuan, payee="甲", purpose=f"operations_{side}", item="电费", service_from=span[0], service_to=span[1])
        for side, span, yuan in (("before", BEFORE, 1000), ("after", AFTER, 100))
    ]  # fmt: skip


def told(found: EnterpriseFigure | None) -> Any:
    if found is None:
        return None
    bounds = (found.bounds.low, found.bounds.value, found.bounds.high)
    return bounds, set(found.undecided), dict(found.detail), [note.code for note in found.notes]


def told_alone(name: str, data: bytes, declared: Scope | None) -> Any:
    costs = declared.it_cost if declared else None
    month = given("cloud_investment", data)
    measuring = alone.Measuring.__new__(alone.Measuring)
    measuring.today, measuring.calendar = TODAY, alone.Calendar("Asia/Shanghai")
    measuring.said = SimpleNamespace(month=month.month)
    measuring.declared = SimpleNamespace(
        ledger=alone.read_ledger(data),
        scope=SimpleNamespace(
            investment=None, it_cost=(costs.items, costs.before, costs.after) if costs else None
        ),
    )
    rule = given("cloud_investment" if name == "investment" else "it_cost_reduction", data).rule
    found = getattr(measuring, name)(rule, None)
    if found is None:
        return None
    bounds = (found.bounds.low, found.bounds.value, found.bounds.high)
    return bounds, set(found.undecided), found.detail, [code for code, _ in found.notes]


@pytest.mark.parametrize("seed", range(3))
def test_both_verifiers_say_the_same_of_money(seed: int) -> None:
    dice, codes = random.Random(seed), set()
    for _ in range(LEDGERS_PER_SEED):
        paid = ledger(*(of_cloud(dice, number) for number in range(dice.randint(1, 9))))
        try:
            read_ledger(paid)
        except LedgerError:
            with pytest.raises(alone.Bad):
                alone.read_ledger(paid)
            continue
        ours = told(investment.figure(given("cloud_investment", paid, today=TODAY)))
        assert told_alone("investment", paid, None) == ours
        codes |= {gap["code"] for gap in ours[2]["gaps"]} | set(ours[3])
        costs = ledger(*both_sides(), *(of_costs(dice, number) for number in range(dice.randint(0, 5))))
        declared = SCOPE if dice.random() < 0.9 else None
        ours = told(it_cost.figure(given("it_cost_reduction", costs, declared, today=TODAY)))
        assert told_alone("it_cost", costs, declared) == ours
    assert {"INVOICE_OVERPAID", "CONTRACT_OVERPAID", "RATE_TOO_OLD", "PAYMENTS_AHEAD"} <= codes


def test_both_refuse_a_rate_of_a_later_day_for_money_alone() -> None:
    late = {"currency": "USD", "rate": "7", "rate_source": "行", "rate_day": "2026-03-02"}
    contract, payment = (replace(entry(kind, 1, payee="云", contract="C-1", purpose="device"), **late)
                         for kind in ("contract", "payment"))  # fmt: skip
    assert len(alone.read_ledger(ledger(contract)).entries) == len(read_ledger(ledger(contract)).entries) == 1
    with pytest.raises(LedgerError, match="after the day of the money"):
        read_ledger(ledger(payment))
    with pytest.raises(alone.Bad, match="later day"):
        alone.read_ledger(ledger(payment))
