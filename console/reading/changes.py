"""Whether the figures of days that are over have changed: what arrives today mostly says nothing about them.

Agents send every ten minutes, and each chunk moves the store; figures that end with yesterday change only by
late chunks, declared scopes and the ledger. Chunks are looked at once, in the order of their arrival.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass

from collector.store import standing
from collector.store.engine import Store

MOST_ENDS = 64


@dataclass
class _Seen:
    last: int
    touched: int = 0


class Changes:
    """Counts the chunks that touch the time before an instant; threads may share it."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._ends: OrderedDict[int, _Seen] = OrderedDict()

    def before(self, end_ms: int) -> Hashable:
        """Return what differs when figures of the time before ``end_ms`` may differ."""
        with self._lock, self._store.reading() as connection:
            last = standing.last_chunk(connection)
            seen = self._ends.setdefault(end_ms, _Seen(last))
            if last > seen.last:
                seen.touched += standing.chunks_before(connection, seen.last, end_ms)
                seen.last = last
            self._ends.move_to_end(end_ms)
            while len(self._ends) > MOST_ENDS:
                self._ends.popitem(last=False)
            return (end_ms, seen.touched, standing.declared(connection))
