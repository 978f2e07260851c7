"""Which units used the processor, and what is to be asked about them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from fractions import Fraction
from typing import NamedTuple

from verifier.questions.behaviour import BEYOND, Behaviour
from verifier.questions.catalogue import LOAD_TOOL, NEW_UNIT, UNNAMED, Definition

TOP_UNITS = 5
LOAD_TOOL_SHARE = Fraction(5, 100)
NEW_SHARE = Fraction(25, 100)
UNNAMED_SHARE = Fraction(1, 2)
LEAST_BUSY_US = 3_600 * 10**6
"""An hour of processor time: below, shares of it say nothing."""
SETTLED_MS = 86_400_000
"""A unit is new if it was first seen more than a day after units began to be recorded."""
LOAD_TOOLS = re.compile(
    r"(?:^|[^a-z])(stress(-ng)?|s-tui|cpuburn|burn(in|er)?|mprime|prime95|sysbench|xmrig|miner|fio|iozone|bonnie|"
    r"iperf3?|netperf|wrk2?|siege|locust|jmeter|heavyload|lookbusy|cpulimit)(?:[^a-z]|$)",
    re.IGNORECASE,
)


class UnitShare(NamedTuple):
    """A unit with its share of the busy time; at most 1."""

    name: str
    used_us: int
    share: Fraction


def shares(behaviour: Behaviour) -> list[UnitShare]:
    """Return the units by the time that they used, most first."""
    ordered = sorted(behaviour.units, key=lambda unit: (-unit.used_us, unit.name))
    return [UnitShare(unit.name, unit.used_us, _share(unit.used_us, behaviour)) for unit in ordered]


def unnamed(behaviour: Behaviour) -> Fraction:
    """Return the share of the busy time that is of no recorded unit."""
    return 1 - _share(sum(unit.used_us for unit in behaviour.units), behaviour)


def asked(behaviour: Behaviour) -> Iterator[tuple[Definition, str, Fraction, int]]:
    """Yield definition, unit, share and instant it was first seen (0: no matter)."""
    if behaviour.busy_us < LEAST_BUSY_US:
        return
    first = {unit.name: unit.first_ms for unit in behaviour.units}
    for unit in shares(behaviour):
        if unit.name == BEYOND:
            continue
        if unit.share >= LOAD_TOOL_SHARE and LOAD_TOOLS.search(unit.name):
            yield LOAD_TOOL, unit.name, unit.share, 0
        if unit.share >= NEW_SHARE and first[unit.name] > behaviour.first_ms + SETTLED_MS:
            yield NEW_UNIT, unit.name, unit.share, first[unit.name]
    rest = unnamed(behaviour)
    if rest > UNNAMED_SHARE:
        yield UNNAMED, "", rest, 0


def _share(used_us: int, behaviour: Behaviour) -> Fraction:
    return min(Fraction(1), Fraction(used_us, behaviour.busy_us)) if behaviour.busy_us else Fraction(0)
