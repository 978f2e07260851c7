"""What needs attention now: each with how many, a few names, and where to go."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from console.reading.fleet import CLOCK_OFF_MS, HostRow, State
from console.reading.month import Fleet, MonthFigures

EXAMPLES = 3
COVERAGE_WANTED = "0.9"
BAD = "bad"
WARN = "warn"
INFO = "info"
CODES = (
    "no_scope", "scope_outside", "scope_broken", "silent", "behind", "never", "unknown", "clock", "capacity",
    "no_data", "findings", "unanchored", "source_file", "source_stale", "history_ends", "history_lost",
)  # fmt: skip
"""All that there can be; each has words that say what to do."""


@dataclass(frozen=True)
class Attention:
    """One matter. ``code`` ends the key of its words, ``kind`` says how urgent it is."""

    code: str
    kind: str
    count: int
    names: Sequence[str] = ()
    link: str = ""


def attention(
    month: MonthFigures, fleet: Fleet, rows: Sequence[HostRow], sources: Sequence[Attention] = ()
) -> list[Attention]:
    """Return everything that needs attention, the most urgent first; ``sources`` as ``console.reading.history`` says."""
    order = {BAD: 0, WARN: 1, INFO: 2}
    return sorted(
        (*_rules(month), *_hosts(rows), *sources, *_figures(month), *_evidence(fleet)),
        key=lambda one: order[one.kind],
    )


def _rules(month: MonthFigures) -> Iterator[Attention]:
    if not month.rules.declared:
        yield Attention("no_scope", WARN, 1)
    elif month.rules.problem == "outside":
        yield Attention("scope_outside", WARN, 1)
    elif month.rules.problem:
        yield Attention("scope_broken", BAD, 1)


def _hosts(rows: Sequence[HostRow]) -> Iterator[Attention]:
    for state, kind in (
        (State.SILENT, BAD),
        (State.BEHIND, WARN),
        (State.NEVER, WARN),
        (State.UNKNOWN, WARN),
    ):
        names = [row.name for row in rows if row.state is state]
        if names:
            yield Attention(state.value, kind, len(names), names[:EXAMPLES], f"/hosts?state={state.value}")
    names = [row.name for row in rows if abs(row.clock_offset_ms) > CLOCK_OFF_MS]
    if names:
        yield Attention("clock", WARN, len(names), names[:EXAMPLES], "/hosts")


def _figures(month: MonthFigures) -> Iterator[Attention]:
    for indicator in month.indicators:
        if indicator["id"] == "bandwidth_utilization":
            names = [
                one["host"] for one in indicator["hosts"] if one["source"] and one["capacity_bps"] is None
            ]
            if names:
                yield Attention("capacity", WARN, len(names), names[:EXAMPLES])
    missing = [one for one in month.indicators if one["value"] is None]
    if missing:
        yield Attention("no_data", INFO, len(missing))


def _evidence(fleet: Fleet) -> Iterator[Attention]:
    if fleet.findings:
        yield Attention("findings", WARN, sum(fleet.findings.values()), sorted(fleet.findings)[:EXAMPLES])
    if fleet.unanchored:
        yield Attention("unanchored", BAD, fleet.unanchored)
