"""How many statements this reader has sent to one server that counts them among all others.

The number goes on from life to life: it is on the disk before a statement is sent, so it is never too
low. It begins at 0 with a new random *series*, which is a part of the database's identity: where the
file is lost, the counters before and after are not compared.
"""

from __future__ import annotations

import json
import os
from typing import Optional

from agent.state import State

_FILE = "own.{}.json"
_SERIES_BYTES = 8


class Own:
    """The statements sent to one server; kept in the state directory, or in memory for a single look."""

    def __init__(self, name: str, state: Optional[State] = None) -> None:
        """Go on where the last life ended, or begin a series.

        Raises:
            StateError: the file cannot be read.
        """
        self._state = state
        self._file = _FILE.format(name.encode("utf-8").hex())
        self.series = os.urandom(_SERIES_BYTES).hex()
        self._sent = 0
        found = _parse(state.read(self._file)) if state is not None else None
        if found is not None:
            self.series, self._sent = found

    def next(self) -> int:
        """Return how many were sent, with the one that is sent now.

        Raises:
            StateError: the disk does not take it; then nothing must be sent.
        """
        self._sent += 1
        if self._state is not None:
            document = {"series": self.series, "sent": self._sent}
            self._state.write(self._file, json.dumps(document).encode() + b"\n")
        return self._sent


def _parse(data: Optional[bytes]) -> Optional[tuple[str, int]]:
    """Return series and number, ``None`` where there is no usable file."""
    try:
        document = json.loads(data or b"")
        return str(document["series"]), int(document["sent"])
    except (ValueError, KeyError, TypeError):
        return None
