"""How a host stands, by when it was last heard of and how late its chunks come. Pure."""

from __future__ import annotations

from enum import Enum

from collector.store.standing import Beside, Newest, Standing
from evidence.sources import ACCOUNTS, AGENT, IMPORT

SILENT_AFTER_MS = 30 * 60_000
"""Agents deliver every ten minutes unless told otherwise: three missed deliveries."""
SILENT_CHUNKS = 3
"""Or three times the length of the host's last chunk, where that is longer: without what lay before an
interruption, which the first chunk after it spans."""
SILENT_AT_LAST_MS = 3 * 86_400_000
"""Whatever a host's chunk says: the longest that agents can be told to seal is a day."""
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
    # Where an agent never reported, what reports beside it says nothing about it.
    if newest is None or (AGENT in one.sources and newest.source != AGENT):
        return State.NEVER
    if AGENT not in one.sources:
        if set(one.sources) <= {IMPORT, ACCOUNTS}:
            return State.IMPORTED
        return State.SILENT if now_ms - newest.end_ms > QUIET_SOURCE_MS else State.REPORTING
    patience = _patience_ms(newest)
    # An arrival in the future is one of before this clock was set back: how long ago it was, nobody knows.
    if abs(now_ms - newest.received_ms) > patience:
        return State.SILENT
    if now_ms - newest.end_ms > max(BEHIND_MS, patience):
        return State.BEHIND
    return State.REPORTING


def is_quiet(one: Beside, now_ms: int) -> bool:
    """Return whether a reader of logs or of a database is not heard of any more; it seals as agents do."""
    return abs(now_ms - one.received_ms) > _limited_ms(one.length_ms)


def _patience_ms(newest: Newest) -> int:
    length = newest.end_ms - newest.start_ms
    if newest.filled_ms is not None:
        length = min(length, newest.filled_ms)
    return _limited_ms(length)


def _limited_ms(length: int) -> int:
    return min(max(SILENT_AFTER_MS, SILENT_CHUNKS * length), SILENT_AT_LAST_MS)
