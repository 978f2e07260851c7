"""Drafts: what somebody sent and has not confirmed yet. In memory, for a while, for that person alone."""

from __future__ import annotations

import secrets
import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

from collector.ingest import Clock

LIFE_MS = 60 * 60_000
MOST = 8
"""Of all people; the oldest goes."""


@dataclass(frozen=True)
class _Draft:
    owner: str
    made_ms: int
    value: Any


class Drafts:
    """Keeps drafts; threads may share it."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._drafts: OrderedDict[str, _Draft] = OrderedDict()

    def keep(self, value: Any, *, owner: str) -> str:
        """Keep a draft and return its name."""
        name = secrets.token_urlsafe(16)
        with self._lock:
            self._drafts[name] = _Draft(owner, self._clock(), value)
            while len(self._drafts) > MOST:
                self._drafts.popitem(last=False)
        return name

    def take(self, name: str, *, owner: str) -> Any | None:
        """Return a draft, once; ``None`` if there is none, it is too old, or somebody else's."""
        with self._lock:
            draft = self._drafts.get(name)
            if draft is None or draft.owner != owner:
                return None
            del self._drafts[name]
        return draft.value if self._clock() - draft.made_ms < LIFE_MS else None
