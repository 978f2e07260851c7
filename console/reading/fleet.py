"""The fleet as a list: every host with its state now, and its figures of the month."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from collector.alerts.hosts import (
    BEHIND_MS,
    CLOCK_OFF_MS,
    QUIET_SOURCE_MS,
    SILENT_AFTER_MS,
    State,
    state_of,
)
from collector.store.standing import Standing
from console.reading.month import Fleet, MonthFigures
from evidence.manifest import ACTIVITY
from evidence.sources import carried_kind

__all__ = [
    "BEHIND_MS",
    "CLOCK_OFF_MS",
    "QUIET_SOURCE_MS",
    "SILENT_AFTER_MS",
    "SORTS",
    "HostRow",
    "Listed",
    "State",
    "Wanted",
    "listed",
    "rows_of",
    "state_of",
]
PAGE_ROWS = 50


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

    @property
    def is_host(self) -> bool:
        """Whether it is a machine, and not only a name under which accounts are told."""
        return self.declared or any(carried_kind(source) != ACTIVITY for source in self.sources)


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
