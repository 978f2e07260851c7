"""A relay between this host and the collector: what it keeps for us, and why its word alone lets nothing go.

1. ``relayed`` is a relay's word that it keeps a chunk. The chunk stays here and is asked about again, the oldest
   first: a relay passes chunks on in their order, so while the oldest is unanswered the others are, too.
2. A host that was ever answered by a relay, or was told the log's key by somebody, lets a chunk go only if the
   collector's log proves that it holds the chunk: a relay cannot make that proof. A file in the state directory
   keeps this; only another enrolment takes it back.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Optional

from agent.errors import StateError
from agent.events import Events
from agent.state import RELAY, State

DEFAULT_AGAIN_S, MOST_AGAIN_S = 60.0, 3_600.0


def says_relay(document: Mapping[str, Any]) -> bool:
    """Return whether an answer says that a relay gave it."""
    return document.get("relay") is True


def again_s(document: Mapping[str, Any]) -> float:
    """Return after how many seconds a relay's answer asks to be asked again, 1 s to an hour."""
    value = document.get("again_s")
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return DEFAULT_AGAIN_S
    return min(max(float(value), 1.0), MOST_AGAIN_S) if value == value else DEFAULT_AGAIN_S  # noqa: PLR0124 - NaN


class Relay:
    """What is known of a relay; ``is_between`` says that there is one. Used from one thread."""

    def __init__(self, state: Optional[State] = None) -> None:
        """Go on from what ``state`` says.

        Raises:
            StateError: it cannot be read.
        """
        self._state = state
        self.is_between = state is not None and state.read(RELAY) is not None
        self._kept: set[int] = set()
        self._until_s = 0.0

    def see(self, document: Mapping[str, Any], events: Events) -> None:
        """Learn from an answer that there is a relay (rule 2)."""
        if self.is_between or not says_relay(document):
            return
        self.is_between = True
        events.warning("relay_seen", message="a relay answers; chunks are let go only on the log's proof")
        if self._state is None:
            return
        try:
            self._state.write(RELAY, b"1\n")
        except StateError as error:
            events.error("relay_not_noted", reason=str(error))

    def keeps(self, seqs: Sequence[int], wait_s: float, now_s: float) -> None:
        """Remember that the relay keeps these chunks, and how long it wants not to be asked about any."""
        self._kept.update(seqs)
        if seqs:
            # New chunks put off the question about older ones no further.
            left_s = self._until_s - now_s
            self._until_s = now_s + (min(left_s, wait_s) if left_s > 0 else wait_s)

    def forget(self, seqs: Sequence[int], now_s: float) -> None:
        """The collector has judged these chunks: it can be asked about others."""
        self._kept.difference_update(seqs)
        if seqs:
            self._until_s = now_s

    def waits(self, seq: int, now_s: float) -> bool:
        """Return whether a chunk lies with the relay and is not to be asked about yet."""
        return seq in self._kept and now_s < self._until_s

    def left_s(self, now_s: float) -> float:
        """Return the seconds until the relay is asked again, at least one."""
        return max(1.0, self._until_s - now_s) if self._kept else MOST_AGAIN_S
