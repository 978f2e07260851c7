"""What a scope declares about money, and the window that an edition may name."""

from __future__ import annotations

from datetime import date

import pytest
from packs import EDITION, SCOPE

from verifier.edition_file import parse_edition
from verifier.errors import EditionError, ScopeError
from verifier.scope import CostScope, InvestmentScope, Scope, parse_scope

COST = """
[it_cost]
items = ["电费", "人员"]
[it_cost.before]
from = 2025-01-01
to = 2025-12-31
"""


def scope(text: str) -> Scope:
    return parse_scope(SCOPE + text.encode())


def test_a_scope_declares_cost_items_and_whole_months() -> None:
    assert scope(COST).it_cost == CostScope(("电费", "人员"), ("2025-01", "2025-12"))
    after = COST + "[it_cost.after]\nfrom = 2026-02-01\nto = 2026-02-28\n"
    assert scope(after).it_cost == CostScope(("电费", "人员"), ("2025-01", "2025-12"), ("2026-02", "2026-02"))


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('["电费", "人员"]', "[]", "1 to 100 cost items"),
        ('["电费", "人员"]', '["电费", "电费"]', "twice"),
        ("2025-01-01", "2025-01-02", "whole months"),
        ("2025-12-31", "2025-12-30", "whole months"),
        ("2025-12-31", "2024-12-31", "before it begins"),
        ("[it_cost.before]", "[it_cost.baseline]", "baseline"),
    ],
)
def test_a_cost_scope_that_cannot_be_is_refused(old: str, new: str, says: str) -> None:
    with pytest.raises(ScopeError, match=says):
        scope(COST.replace(old, new))


def test_a_scope_declares_days_and_purposes_of_the_investment() -> None:
    days = (date(2026, 1, 1).toordinal(), date(2026, 12, 31).toordinal())
    window = "[investment]\nfrom = 2026-01-01\nto = 2026-12-31\n"
    assert scope(window).investment == InvestmentScope(days)
    assert scope(window + 'counts = ["device"]\n').investment == InvestmentScope(days, ("device",))
    assert scope('[investment]\ncounts = ["device"]\n').investment == InvestmentScope(None, ("device",))
    assert scope("[investment]\n").investment == InvestmentScope()


def test_half_a_window_and_an_unknown_purpose_are_refused() -> None:
    with pytest.raises(ScopeError, match="'to' is missing"):
        scope("[investment]\nfrom = 2026-01-01\n")
    with pytest.raises(ScopeError, match="cloud_service"):
        scope('[investment]\ncounts = ["operations_before"]\n')


HEAD = b"[indicators.cloud_investment]\n"


def edition(window: bytes) -> bytes:
    assert EDITION.count(HEAD) == 1
    return EDITION.replace(HEAD, HEAD + b"window = " + window + b"\n")


def test_an_edition_may_name_the_days_whose_payments_count() -> None:
    found = parse_edition(edition(b"{ from = 2025-01-01, to = 2026-05-31 }")).rule("cloud_investment")
    assert found.days == (date(2025, 1, 1).toordinal(), date(2026, 5, 31).toordinal())
    assert parse_edition(EDITION).rule("cloud_investment").days is None


def test_such_days_are_in_order_and_of_no_figure_of_hosts() -> None:
    with pytest.raises(EditionError, match="before it begins"):
        parse_edition(edition(b"{ from = 2025-01-02, to = 2025-01-01 }"))
    cpu = b"[indicators.cpu_utilization]\n"
    with pytest.raises(EditionError, match="leave it out"):
        parse_edition(EDITION.replace(cpu, cpu + b"window = { from = 2025-01-01, to = 2025-01-02 }\n"))
