"""Means of items over periods, and the points that recipes make of them. Exact, no floats."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import ROUND_DOWN, Context, Decimal

from collector.sources.interface import CPU, Point
from collector.sources.zabbix.recipes import Recipe

_CALCULATING = Context(prec=60, rounding=ROUND_DOWN)  # sums of 17-digit values stay exact
_ZERO = Decimal(0)
_ROUNDING = Decimal(-1)
"""Idle and iowait are measured one after the other: together they can be a little over 100 %."""


@dataclass(frozen=True)
class Mean:
    """The mean of an item's values in one period, and how much of the period they cover."""

    covered_ms: int
    value: Decimal


Means = Mapping[str, Mapping[int, Mean]]
"""Item id → start of the period in ms → mean."""


def points(metric: str, recipe: Recipe, means: Means) -> Iterable[Point]:
    """Yield the points of one host, ascending.

    A period has one only if all items have values in it; it covers as much time as the item that
    covers least, written at the start of the period. A negative value is no value.
    """
    of_items = [means.get(term.item.id, {}) for term in recipe.terms]
    common = set(of_items[0]).intersection(*of_items[1:])
    for start_ms in sorted(common):
        found = [of_item[start_ms] for of_item in of_items]
        value = recipe.constant
        for term, mean in zip(recipe.terms, found, strict=True):
            value = _CALCULATING.fma(term.factor, mean.value, value)
        if metric == CPU and _ROUNDING < value < _ZERO:
            value = _ZERO
        if value >= _ZERO:
            yield Point(start_ms, min(mean.covered_ms for mean in found), value)


def weighted(parts: Iterable[tuple[int, Decimal]]) -> Mean:
    """Return the mean of values by the time that each covers, in ms (at least one)."""
    covered_ms, total = 0, _ZERO
    for part_ms, value in parts:
        covered_ms += part_ms
        total = _CALCULATING.fma(Decimal(part_ms), value, total)
    return Mean(covered_ms, _CALCULATING.divide(total, Decimal(covered_ms)))
