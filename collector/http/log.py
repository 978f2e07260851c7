"""Structured logs: one event, one JSON line on stderr. No tokens, no keys, no request bodies."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Callable
from typing import Protocol, TextIO

from collector.names import shown

_MAX_TEXT = 500
_LEVELS = {"debug": "debug", "info": "info", "warning": "warning", "error": "error", "critical": "error"}


class Log(Protocol):
    """Something that takes events."""

    def __call__(self, event: str, **details: str | float) -> None:
        """Write one event."""
        ...


class LineLog:
    """Writes events as JSON lines.

    Texts are cut at ``_MAX_TEXT`` characters; what is not printable in them is escaped, so that a
    host's name can neither begin a line nor reach a terminal.
    """

    def __init__(
        self,
        clock: Callable[[], int],
        stream: TextIO | None = None,
        *,
        redact: Callable[[str], str] = str,
    ) -> None:
        """``redact`` takes secrets out of whatever text is written, before it is cut."""
        self._clock = clock
        self._redact = redact
        self._stream = stream if stream is not None else sys.stderr

    def __call__(self, event: str, **details: str | float) -> None:
        """Write one event."""
        line: dict[str, str | int | float] = {"event": event, "time_ms": self._clock()}
        for name, value in details.items():
            line[name] = shown(self._redact(value)[:_MAX_TEXT]) if isinstance(value, str) else value
        self._stream.write(json.dumps(line, ensure_ascii=False) + "\n")
        self._stream.flush()


class ServerMessages(logging.Handler):
    """Passes what the HTTP server itself says (through ``logging``) on to our log."""

    def __init__(self, log: Log) -> None:
        super().__init__(level=logging.WARNING)
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        """Write a server's message as an event, without its traceback's local values."""
        message = record.getMessage()
        if record.exc_info and record.exc_info[1] is not None:
            message = f"{message.strip()}: {type(record.exc_info[1]).__name__}: {record.exc_info[1]}"
        self._log("server", level=_LEVELS.get(record.levelname.lower(), "info"), message=message)
