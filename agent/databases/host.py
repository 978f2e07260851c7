"""The databases of a host as the agent's loop reads them: one reading holds the counters of all.

1. A reading is taken only if every database answers, soon. Otherwise it is refused with the reason: the
   counters go on while nobody looks, so the next reading bridges the gap exactly, provided that no
   database was started anew in between. Then its identity differs, and the interval is missing.
2. What could not be read, how often, and why, stands in the manifest from the next reading on, until
   the same database fails again or this process ends.
3. Counters that do not fit into 64 bits, or that are negative, are missing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Optional, Union

from agent.databases.interface import Counted, Database, DatabaseError
from agent.databases.machine import Machine
from agent.inventory import MAX_IDENTITY, MAX_REASON, printable
from agent.reading import Reading, ReadingError, Slot
from evidence.columns import MISSING
from evidence.manifest import COUNTERS, COUNTERS_CLOCKS, Column, Device, Manifest, build

READS, WRITES = "db.reads", "db.writes"
KIND = "database"
SLOW_MS = 2_000
"""An answer that comes later belongs to no instant."""
_INT64 = 2**63
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


@dataclass
class _Outage:
    """A stretch in which one database could not be read."""

    tries: int
    since_ms: int
    reason: str
    over: bool = False


class DatabaseHost:
    """Reads all databases; see the module."""

    def __init__(
        self,
        databases: Mapping[str, Database],
        *,
        machine: Machine,
        facts: Mapping[str, Union[str, int]],
        interval_ms: int,
    ) -> None:
        """Take the databases by name, in the order of the columns."""
        self._databases = databases
        self._machine = machine
        self._facts = facts
        self._interval_ms = interval_ms
        self._outages: dict[str, _Outage] = {}
        self._shown: tuple[tuple[str, str], ...] = ()
        self._state: object = None
        self._manifest: Optional[Manifest] = None

    def read(self) -> Reading:
        """Take one reading now.

        Raises:
            ReadingError: a database cannot be read, or not soon enough.
        """
        moment = self._machine.now()
        found = self._ask(moment.wall_ms)
        took_ms = self._machine.now().mono_ms - moment.mono_ms
        if took_ms > SLOW_MS:
            raise ReadingError(
                f"the databases took {took_ms} ms to answer, at most {SLOW_MS} belong to one instant"
            )
        self._end_outages(moment.wall_ms)
        manifest = self._manifest_of(found)
        return Reading(
            wall_ms=moment.wall_ms,
            boot_ms=moment.boot_ms,
            mono_ms=moment.mono_ms,
            boot_id=self._machine.boot_id(),
            clock_state=self._machine.clock_state(),
            manifest=manifest,
            values=_values(found),
        )

    def close(self) -> None:
        """End all connections."""
        for database in self._databases.values():
            database.close()

    def _ask(self, now_ms: int) -> dict[str, Counted]:
        """Rule 1: ask all of them, also after one has failed, and fail with all reasons."""
        found: dict[str, Counted] = {}
        failed: list[str] = []
        for name, database in self._databases.items():
            try:
                found[name] = database.count()
            except DatabaseError as error:
                failed.append(str(error))
                self._note(name, str(error), now_ms)
        if failed:
            raise ReadingError("; ".join(failed))
        return found

    def _note(self, name: str, reason: str, now_ms: int) -> None:
        before = self._outages.get(name)
        if before is None or before.over:
            self._outages[name] = _Outage(1, now_ms, reason)
        else:
            before.tries += 1
            before.reason = reason

    def _end_outages(self, now_ms: int) -> None:
        """Rule 2."""
        if all(outage.over for outage in self._outages.values()):
            return
        shown = dict(self._shown)
        for name, outage in self._outages.items():
            if not outage.over:
                outage.over = True
                shown[f"{KIND} {name}"] = (
                    f"not read from {_when(outage.since_ms)} until before {_when(now_ms)}, {outage.tries} tries: "
                    f"{outage.reason}"
                )
        self._shown = tuple(shown.items())

    def _manifest_of(self, found: Mapping[str, Counted]) -> Manifest:
        state = (self._shown, [(name, _about(counted)) for name, counted in found.items()])
        if self._manifest is None or state != self._state:
            self._state, self._manifest = state, self._build(found)
        return self._manifest

    def _build(self, found: Mapping[str, Counted]) -> Manifest:
        untold = [
            (f"{column}:{name}", f"{counted.definition} does not tell it apart")
            for name, counted in found.items()
            for column, value in ((READS, counted.reads), (WRITES, counted.writes))
            if value is None
        ]
        return build(
            kind=COUNTERS,
            interval_ms=self._interval_ms,
            columns=(
                *(Column(name) for name in COUNTERS_CLOCKS),
                *(Column(column, device=name) for column, name in _values(found)),
            ),
            host=self._facts,
            devices=tuple(_device(name, counted) for name, counted in found.items()),
            absent=tuple(
                (printable(name)[:MAX_REASON], printable(reason)[:MAX_REASON])
                for name, reason in (*self._shown, *untold)
            ),
        )


def _values(found: Mapping[str, Counted]) -> dict[Slot, int]:
    values: dict[Slot, int] = {}
    for name, counted in found.items():
        for column, value in ((READS, counted.reads), (WRITES, counted.writes)):
            if value is not None:
                values[column, name] = value if 0 <= value < _INT64 else MISSING
    return values


def _about(counted: Counted) -> Sequence[object]:
    told = (counted.reads is None, counted.writes is None)
    return (counted.identity, counted.definition, counted.reason, counted.version, told)


def _device(name: str, counted: Counted) -> Device:
    identity = printable(counted.identity)
    if len(identity) > MAX_IDENTITY:
        identity = hashlib.sha256(identity.encode("utf-8")).hexdigest()
    said = printable(f"{counted.definition}, {counted.version[:40]}: {counted.reason}")
    return Device(kind=KIND, name=name, identity=identity, counts=True, reason=said[:MAX_REASON])


def _when(wall_ms: int) -> str:
    return (_EPOCH + timedelta(milliseconds=wall_ms)).strftime("%Y-%m-%dT%H:%M:%SZ")
