"""Whether an item's values are what a metric means, and what they must be multiplied with.

1. The item is numeric, and its values are not discarded when they do not change: the mean of
   changes is not the mean over time, and their number says nothing about the time they cover.
2. The time between its values is known (or told, ``interval_s``), because ``num`` counts values.
3. No step writes a value where there is none (a step may answer 0 when it fails).
4. Its unit is one of the metric's; where the key tells what the agent delivers (a counter of bytes,
   for example) the preprocessing must lead to that unit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from collector.sources.interface import CPU, DISK_READS, DISK_WRITES, NET_RX, NET_TX
from collector.sources.zabbix.items import (
    DELTA,
    DISCARD,
    HEARTBEAT,
    MULTIPLIER,
    NUMERIC,
    PER_SECOND,
    UNSIGNED,
    Item,
)

_ONE = Decimal(1)
_EIGHTH = Decimal("0.125")
_PERCENT = {"%": _ONE}
_BYTES = {
    "bps": _EIGHTH, "b/s": _EIGHTH, "bit/s": _EIGHTH,
    "kbps": Decimal(125), "Mbps": Decimal(125_000),
    "Bps": _ONE, "B/s": _ONE, "byte/s": _ONE,
}  # fmt: skip
_OPERATIONS = dict.fromkeys(("", "r/s", "w/s", "ops", "ops/s", "op/s", "iops", "IOPS", "io/s", "1/s"), _ONE)
FACTORS: Mapping[str, Mapping[str, Decimal]] = {
    CPU: _PERCENT,
    NET_RX: _BYTES,
    NET_TX: _BYTES,
    DISK_READS: _OPERATIONS,
    DISK_WRITES: _OPERATIONS,
}
"""By metric: unit of an item → what its values are multiplied with."""


_HARMLESS = frozenset({MULTIPLIER, PER_SECOND, *range(2, 9), *range(11, 19), 22, 26})
"""Steps that take a number as it is out of a text, check it or trim it; not scripts (21) and the like."""


class UnusableError(Exception):
    """Why an item or a host has no data of a metric; made a result by ``recipes.recipe``."""


@dataclass(frozen=True)
class Term:
    """One item, how its values count, and the time between two of them."""

    item: Item
    factor: Decimal
    interval_s: int


def plain(metric: str, item: Item, *, unit: str = "", interval_s: int | None = None) -> Term:
    """Return the term of an item whose values are the metric in its unit, or in ``unit``.

    Raises:
        UnusableError: the values cannot be used.
    """
    key = item.written_key
    if item.value_type not in NUMERIC:
        raise UnusableError(f"{key} is not numeric, so Zabbix keeps no averages of it")
    if any(step.kind in (DISCARD, HEARTBEAT) for step in item.steps):
        raise UnusableError(f"{key} discards unchanged values; the rest has no mean over time")
    if any(step.invents for step in item.steps):
        raise UnusableError(f"{key}: a step sets a value when it fails; missing must stay missing")
    written = unit or item.units.removeprefix("!")
    factor = FACTORS[metric].get(written)
    if factor is None:
        known = ", ".join(repr(name) for name in FACTORS[metric])
        raise UnusableError(f"{key} has the unit {written!r}; known are {known}. Map it with its unit")
    known_s = interval_s or item.interval_s
    if known_s is None:
        raise UnusableError(f"{key}: the time between its values is not known; map it with interval_s")
    return Term(item, factor, known_s)


def counted_bytes(metric: str, item: Item) -> Term:
    """Return the term of a counter of bytes: the steps must make it the unit that is written.

    Raises:
        UnusableError: they do not, or the values cannot be used.
    """
    _require_rate(item)
    term = plain(metric, item)
    multiplied = _multiplied(item)
    if multiplied is not None and multiplied * term.factor != _ONE:
        raise UnusableError(
            f"{item.written_key}: a counter of bytes times {multiplied} is not {item.units}; correct the item"
        )
    return term


def operations(metric: str, item: Item) -> Term:
    """Return the term of operations: of a counter that the steps make a rate, or of a rate.

    Raises:
        UnusableError: they do not, or the values cannot be used.
    """
    is_rate = item.key.parameter(1) == "ops" or item.key.name.startswith("perf_counter")
    if not is_rate:
        _require_rate(item)
    elif any(step.kind in (PER_SECOND, DELTA) for step in item.steps):
        raise UnusableError(f"{item.written_key}: a rate whose change is taken is no rate; correct the item")
    if _multiplied(item) not in (None, _ONE):
        raise UnusableError(f"{item.written_key}: operations are multiplied; map it with its unit")
    return plain(metric, item)


def rest(item: Item) -> Term:
    """Return the term of a percentage that is taken off, such as idle time.

    Raises:
        UnusableError: its means are cut off (then what is left would be too much), or cannot be used.
    """
    if item.value_type == UNSIGNED:
        raise UnusableError(f"{item.written_key} is kept in whole percent, cut off; make it a float")
    term = plain(CPU, item)
    return Term(item, -term.factor, term.interval_s)


def _require_rate(item: Item) -> None:
    if not any(step.kind == PER_SECOND for step in item.steps):
        raise UnusableError(f"{item.written_key}: a counter needs the step Change per second")


def _multiplied(item: Item) -> Decimal | None:
    """Return what the steps multiply with; ``None`` if one of them may do anything (a script)."""
    product = _ONE
    for step in item.steps:
        if step.kind not in _HARMLESS or step.factor is None:
            return None
        product *= step.factor
    return product
