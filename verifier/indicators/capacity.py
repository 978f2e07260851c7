"""Capacity: how much the line of a host can carry, day by day.

In this order:

1. What the scope declares.
2. What was bought, as a cloud's inventory says (``net.capacity.committed``); on days without it the
   cap under which traffic is paid for (``net.capacity.cap``), which is no bandwidth that was bought
   and is labelled so.
3. The link speed that the agent read, for figures that rest on the agent.
4. Nothing: it is not known.

From inventory and agent: on a day with data its mean over the day, on other days its mean over the
window. An inventory that says 0 says that there is no line, and decides nothing here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction

from evidence.day_sum import NET_CAPACITY, DaySum
from evidence.manifest import NET_CAP, NET_COMMITTED
from evidence.sources import AGENT, usual_order
from verifier.bounds import Number
from verifier.indicators.interface import NANO, HostMonth

DECLARED, INVENTORY, CAP, MEASURED, UNKNOWN = "declared", "inventory", "cap", "measured", "unknown"


@dataclass(frozen=True)
class CapacityOf:
    """The capacity of one host over a window, where it comes from, and the codes of its notes.

    ``by_day`` is in bit/s on every counted day, whole numbers as integers, for speed; empty if the
    capacity is not known.
    """

    origin: str
    notes: tuple[str, ...]
    by_day: Mapping[int, Number] = field(default_factory=dict)


def capacity_of(month: HostMonth, source: str | None) -> CapacityOf:
    """Return the capacity of a host; ``source`` is where its traffic was counted."""
    if month.declared.capacities:
        days = {day: _plain(month.declared.capacity_bps(day)) for day in month.window.lengths}
        return CapacityOf(DECLARED, (), days)
    for cloud in usual_order(name for name, _ in month.amounts):
        bought = dict(_positive(month, cloud, NET_COMMITTED))
        capped = {day: sums for day, sums in _positive(month, cloud, NET_CAP) if day not in bought}
        if bought or capped:
            notes = (*(["CAPACITY_INVENTORY"] if bought else []), *(["CAPACITY_CAP"] if capped else []))
            weighed = {
                day: (sums.amount, NANO * sums.whole) for day, sums in [*bought.items(), *capped.items()]
            }
            return CapacityOf(CAP if capped else INVENTORY, notes, _every_day(month, weighed))
    read = month.metric(AGENT, NET_CAPACITY)
    if source != AGENT or read.total.amount == 0:
        return CapacityOf(UNKNOWN, ("CAPACITY_UNKNOWN",))
    weighed = {
        day: (amount, observed_ms + bridged_ms)
        for day, amount, _, observed_ms, bridged_ms, *_ in read.numbers
        if observed_ms + bridged_ms
    }
    return CapacityOf(MEASURED, ("CAPACITY_MEASURED",), _every_day(month, weighed))


def _positive(month: HostMonth, source: str, name: str) -> Iterator[tuple[int, DaySum]]:
    for day, sums in month.metric(source, name).days.items():
        if sums.amount:
            yield day, sums


def _every_day(month: HostMonth, weighed: Mapping[int, tuple[int, int]]) -> dict[int, Number]:
    """Return the mean of each day, given (amount, weight) of some; on the others that of them all."""
    amount, weight = (sum(pair[place] for pair in weighed.values()) for place in (0, 1))
    mean = _plain(Fraction(amount, weight))
    means = {pair: _plain(Fraction(*pair)) for pair in set(weighed.values())}
    known = {day: means[pair] for day, pair in weighed.items()}
    return {day: known.get(day, mean) for day in month.window.lengths}


def _plain(bps: Fraction) -> Number:
    return bps.numerator if bps.denominator == 1 else bps
