"""The fleet as a list: every host with its state now, and its figures of the month."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from typing import Any

from collector.store.standing import Standing
from console.reading.month import Fleet, MonthFigures
from evidence.sources import AGENT, IMPORT

SILENT_AFTER_MS = 30 * 60_000
"""Agents deliver every ten minutes unless told otherwise: three missed deliveries."""
SILENT_CHUNKS = 3
"""Or three times the length of the host's last chunk, where that is longer."""
QUIET_SOURCE_MS = 48 * 3_600_000
"""Sources that are asked may be asked once a day."""
BEHIND_MS = 2 * 3_600_000
"""A chunk that arrives so long after its end comes from a spool that is catching up."""
CLOCK_OFF_MS = 5_000
PAGE_ROWS = 50


class State(Enum):
    """How a host stands now; the value is the end of the key of its words."""

    REPORTING = "reporting"
    BEHIND = "behind"
    SILENT = "silent"
    IMPORTED = "imported"
    """Its averages come from files: nobody expects it to report."""
    NEVER = "never"
    UNKNOWN = "unknown"
    """Declared in the scope, never seen here."""


@dataclass(frozen=True)
class HostRow:
    """One host. ``id`` ``None``: the store does not know it. Figures are decimals or ``None``."""

    id: int | None
    name: str
    state: State
    sources: Sequence[str]
    version: str
    last_ms: int | None
    cpu: str | None
    share: str | None
    clock_offset_ms: int
    declared: bool


@dataclass(frozen=True)
class Wanted:
    """What part of the list is asked for."""

    text: str = ""
    state: str = ""
    source: str = ""
    sort: str = "name"
    descending: bool = False
    page: int = 1


@dataclass(frozen=True)
class Listed:
    """One page of the list; ``count`` of all rows that fit, ``states`` of all rows."""

    rows: Sequence[HostRow]
    count: int
    page: int
    pages: int
    states: Mapping[State, int]
    sources: Sequence[str]


def state_of(one: Standing, now_ms: int) -> State:
    """Return how a host stands at an instant."""
    newest = one.newest
    if newest is None:
        return State.NEVER
    if AGENT not in one.sources:
        if set(one.sources) <= {IMPORT}:
            return State.IMPORTED
        return State.SILENT if now_ms - newest.end_ms > QUIET_SOURCE_MS else State.REPORTING
    patience = max(SILENT_AFTER_MS, SILENT_CHUNKS * (newest.end_ms - newest.start_ms))
    if now_ms - newest.received_ms > patience:
        return State.SILENT
    if newest.source == AGENT and now_ms - newest.end_ms > max(BEHIND_MS, patience):
        return State.BEHIND
    return State.REPORTING


def rows_of(month: MonthFigures, fleet: Fleet, now_ms: int) -> list[HostRow]:
    """Return all hosts: those that the store knows, and those that are declared and were never seen."""
    figures = _by_host(month)
    declared = {host.id for host in month.rules.scope.hosts} if month.rules.scope else set()
    rows = [_row(one, figures.get(one.name), declared, now_ms) for one in fleet.standings]
    unseen = declared - {one.name for one in fleet.standings}
    rows += [
        HostRow(None, name, State.UNKNOWN, (), "", None, None, None, 0, declared=True)
        for name in sorted(unseen)
    ]
    return rows


def listed(rows: Sequence[HostRow], wanted: Wanted) -> Listed:
    """Return the page of the list that is asked for."""
    states: dict[State, int] = dict.fromkeys(State, 0)
    for row in rows:
        states[row.state] += 1
    text = wanted.text.casefold()
    fitting = [
        row
        for row in rows
        if text in row.name.casefold()
        and wanted.state in ("", row.state.value)
        and (not wanted.source or wanted.source in row.sources)
    ]
    key = _SORTS.get(wanted.sort, _SORTS["name"])
    # Hosts without a value stay at the end, whichever way is asked for.
    known = sorted((row for row in fitting if key(row) is not None), key=lambda row: row.name.casefold())
    known.sort(key=key, reverse=wanted.descending)
    fitting = [*known, *(row for row in fitting if key(row) is None)]
    pages = max(1, -(-len(fitting) // PAGE_ROWS))
    page = min(max(1, wanted.page), pages)
    return Listed(
        rows=fitting[(page - 1) * PAGE_ROWS : page * PAGE_ROWS],
        count=len(fitting),
        page=page,
        pages=pages,
        states=states,
        sources=sorted({source for row in rows for source in row.sources}),
    )


_SORTS: Mapping[str, Any] = {
    "name": lambda row: row.name.casefold(),
    "state": lambda row: list(State).index(row.state),
    "last": lambda row: row.last_ms,
    "cpu": lambda row: None if row.cpu is None else Decimal(row.cpu),
    "share": lambda row: None if row.share is None else Decimal(row.share),
    "version": lambda row: row.version or None,
}
SORTS = tuple(_SORTS)


def _row(one: Standing, figure: Mapping[str, Any] | None, declared: set[str], now_ms: int) -> HostRow:
    newest = one.newest
    header = newest.header if newest else None
    return HostRow(
        id=one.id,
        name=one.name,
        state=state_of(one, now_ms),
        sources=tuple(one.sources),
        version=header.agent if header else next(iter(one.sources.values()), ""),
        last_ms=newest.end_ms if newest else None,
        cpu=figure["value"] if figure else None,
        share=figure["coverage"]["share"] if figure else None,
        clock_offset_ms=header.clock_offset_ms if header and header.clock_rtt_ms >= 0 else 0,
        declared=one.name in declared,
    )


def _by_host(month: MonthFigures) -> Mapping[str, Mapping[str, Any]]:
    for indicator in month.indicators:
        if indicator["id"] == "cpu_utilization":
            return {host["host"]: host for host in indicator["hosts"]}
    return {}
