"""Which units are measured: the few that used most processor time, chosen anew from time to time.

A *unit* is what the system's manager runs under one name: a systemd unit, a Windows service. Only
names travel, no command lines and no users. The choice is part of the manifest, so a new one begins
a new chunk; therefore it changes rarely and right behind the place where chunks are sealed anyway.

Rules:

1. The choice is made at the first reading, then at the reading after the first one of every period
   of ``PERIOD_MS`` of the wall clock (the default sealing period).
2. At first the units that used most since they began; later those that used most since the choice
   before. A unit that used less than ``LEAST_SHARE`` of one processor does not come in.
3. A chosen unit stays until it is gone, or until the places are full and another one used more than
   ``DISPLACING`` times as much: two units of one weight must not take turns.
4. A unit that begins anew under its old name is another one; until the next choice it is missing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Optional, Protocol

from agent.config import DEFAULT_UNITS
from evidence.columns import MISSING
from evidence.manifest import UNIT_ALL, Device

PERIOD_MS = 600_000
LEAST_SHARE = 500
"""One part in so many: 1.2 s of processor time in ten minutes."""
DISPLACING = 2
US_PER_MS = 1_000
OFF = "switched off: units.count is 0"


class Unit(NamedTuple):
    """A unit: its name, what tells it from an earlier one of the same name, where the system keeps it."""

    name: str
    identity: str
    native: str


class Listing(NamedTuple):
    """All units that there are with their processor time in µs, or the reason why there are none."""

    used_us: Mapping[Unit, int]
    reason: str = ""


class UnitSource(Protocol):
    """Something that knows the units of this host."""

    kind: str
    """Where the numbers come from, as the manifest shows it."""
    whole: str
    """Where the system keeps the time of all units together; empty where it does not."""

    def listing(self) -> Listing:
        """Return all units that can be read now."""
        ...

    def used_us(self, native: str, identity: str) -> int:
        """Return the processor time of one unit in µs, ``MISSING`` if it is gone or another one."""
        ...


class Chosen(NamedTuple):
    """The units to read, sorted by name, and why there are none."""

    units: tuple[Unit, ...]
    reason: str


class Units:
    """The choice of units of one host and their counters."""

    def __init__(self, source: UnitSource, *, count: int = DEFAULT_UNITS) -> None:
        """Choose at most ``count`` units; 0: none is measured."""
        self._source = source
        self._count = count
        self._before: Mapping[Unit, int] = {}
        self._chosen = Chosen((), OFF)
        self._period: Optional[int] = None
        self._started = False

    @property
    def kind(self) -> str:
        """Where the numbers come from; ``none`` if there are none."""
        return self._source.kind if self._chosen.units else "none"

    @property
    def reason(self) -> str:
        """Why no unit is measured; empty if some are."""
        return self._chosen.reason

    def chosen(self, last_wall_ms: Optional[int]) -> Chosen:
        """Return the units to read now.

        Args:
            last_wall_ms: wall clock of the reading before, ``None`` at the first one.
        """
        if not self._count:
            return self._chosen
        period = None if last_wall_ms is None else last_wall_ms // PERIOD_MS
        if not self._started or (period != self._period and self._period is not None):
            self._choose()
            self._started = True
        self._period = period
        return self._chosen

    def values(self) -> dict[str, int]:
        """Return processor time in µs by name of device, ``MISSING`` where it cannot be read now."""
        found = {u.name: self._source.used_us(u.native, u.identity) for u in self._chosen.units}
        if self._chosen.units and self._source.whole:
            found[UNIT_ALL] = self._source.used_us(self._source.whole, "")
        return found

    def devices(self) -> list[Device]:
        """Return the units as the manifest shows them."""
        reason = f"used much processor time ({self._source.kind})"
        devices = [Device("unit", u.name, u.identity, True, reason) for u in self._chosen.units]
        if devices and self._source.whole:
            devices.append(Device("unit", UNIT_ALL, "", True, "all units together"))
        return devices

    def _choose(self) -> None:
        listing = self._source.listing()
        spent = {unit: used - self._before.get(unit, 0) for unit, used in listing.used_us.items()}
        self._before = listing.used_us
        units = self._kept(spent)
        reason = listing.reason or ("" if units else "no unit has used any processor time")
        self._chosen = Chosen(tuple(sorted(units)), reason)

    def _kept(self, spent: Mapping[Unit, int]) -> Sequence[Unit]:
        """Rules 2 and 3."""
        kept = [unit for unit in self._chosen.units if unit in spent]
        least_us = PERIOD_MS * US_PER_MS // LEAST_SHARE if self._started else 1
        challengers = sorted(
            (u for u, us in spent.items() if u not in kept and us >= least_us), key=lambda u: (-spent[u], u)
        )
        names = {unit.name for unit in kept}
        for unit in challengers:
            if unit.name in names:
                continue
            if len(kept) >= self._count:
                weakest = min(kept, key=lambda u: (spent[u], u))
                if spent[unit] <= DISPLACING * spent[weakest]:
                    break
                kept.remove(weakest)
                names.discard(weakest.name)
            kept.append(unit)
            names.add(unit.name)
        return kept


class NoUnits:
    """A system whose units are not known."""

    kind = "none"
    whole = ""

    def __init__(self, reason: str) -> None:
        """Remember why."""
        self._reason = reason

    def listing(self) -> Listing:
        """Return nothing, and the reason."""
        return Listing({}, self._reason)

    def used_us(self, native: str, identity: str) -> int:  # noqa: ARG002 - the interface's own arguments
        """Return that nothing is known."""
        return MISSING
