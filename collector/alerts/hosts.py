"""How a host stands, by when it was last heard of and how late its chunks come. Pure."""

from __future__ import annotations

from enum import Enum

from collector.store.standing import Standing
from evidence.sources import ACCOUNTS, AGENT, IMPORT

SILENT_AFTER_MS = 30 * 60_000
"""Agents deliver every ten minutes unless told otherwise: three missed deliveries."""
SILENT_CHUNKS = 3
"""Or three times the length of the host's last chunk, where that is longer."""
QUIET_SOURCE_MS = 48 * 3_600_000
"""Sources that are asked may be asked once a day."""
BEHIND_MS = 2 * 3_600_000
"""A chunk that arrives so long after its end comes from a spool that is catching up."""
CLOCK_OFF_MS = 5_000


class State(Enum):
    """How a host stands now; the value is the end of the key of its words."""

    REPORTING = "reporting"
    BEHIND = "behind"
    SILENT = "silent"
    IMPORTED = "imported"
    """What is known of it was read from files or directories once: nobody expects it to report."""
    NEVER = "never"
    UNKNOWN = "unknown"
    """Declared in the scope, never seen here."""


def state_of(one: Standing, now_ms: int) -> State:
    """Return how a host stands at an instant."""
    newest = one.newest
    if newest is None:
        return State.NEVER
    if AGENT not in one.sources:
        if set(one.sources) <= {IMPORT, ACCOUNTS}:
            return State.IMPORTED
        return State.SILENT if now_ms - newest.end_ms > QUIET_SOURCE_MS else State.REPORTING
    patience = max(SILENT_AFTER_MS, SILENT_CHUNKS * (newest.end_ms - newest.start_ms))
    if now_ms - newest.received_ms > patience:
        return State.SILENT
    if newest.source == AGENT and now_ms - newest.end_ms > max(BEHIND_MS, patience):
        return State.BEHIND
    return State.REPORTING
