"""Log lines: one event, one line of ``key=value`` pairs on a stream. No secrets are ever passed in."""

from __future__ import annotations

import json
import re
import threading
from typing import Callable, TextIO

LEVELS = ("debug", "info", "warning", "error")
_BARE = re.compile(r"[A-Za-z0-9_.:/+@-]+\Z", re.ASCII)
_MS_PER_S = 1_000


class Events:
    """Writes events of a level and above. May be used from several threads."""

    def __init__(self, stream: TextIO, wall_ms: Callable[[], int], *, level: str = "info") -> None:
        """Write to ``stream``; ``level`` is one of ``LEVELS``."""
        self._stream = stream
        self._wall_ms = wall_ms
        self._least = LEVELS.index(level)
        self._lock = threading.Lock()

    def debug(self, event: str, **fields: object) -> None:
        """Write what only a developer wants to know."""
        self._write("debug", event, fields)

    def info(self, event: str, **fields: object) -> None:
        """Write what happened."""
        self._write("info", event, fields)

    def warning(self, event: str, **fields: object) -> None:
        """Write what will be tried again."""
        self._write("warning", event, fields)

    def error(self, event: str, **fields: object) -> None:
        """Write what somebody should look at."""
        self._write("error", event, fields)

    def _write(self, level: str, event: str, fields: dict[str, object]) -> None:
        if LEVELS.index(level) < self._least:
            return
        now_ms = self._wall_ms()
        pairs = {
            "ts": f"{now_ms // _MS_PER_S}.{now_ms % _MS_PER_S:03d}",
            "level": level,
            "event": event,
            **fields,
        }
        line = " ".join(f"{name}={_value(value)}" for name, value in pairs.items())
        with self._lock:
            self._stream.write(line + "\n")
            self._stream.flush()


def _value(value: object) -> str:
    """Return a value as it is, or quoted so that it stays on one line."""
    text = str(value)
    return text if _BARE.match(text) else json.dumps(text, ensure_ascii=False)
