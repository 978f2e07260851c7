"""Programs: which versions, with which code, sealed a source's chunks, and from when to when.

A program says these of itself (docs/threat-model.md): they find honest mistakes, and bind whoever
lies to a claim. They never change a figure or a verdict.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from evidence.chunk import Header
from evidence.code_hash import UNKNOWN


@dataclass(frozen=True, order=True)
class Program:
    """One program of a source: the earliest start and latest end (wall clock, ms) of its chunks.

    ``code`` is ``UNKNOWN`` where the chunks do not name it. Two programs whose times overlap took turns.
    """

    first_ms: int
    last_ms: int
    software: str
    code: str
    chunks: int


class Programs:
    """Gathers the programs of one source from headers that go by in any order."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str], tuple[int, int, int]] = {}

    def add(self, header: Header) -> None:
        """Take a header into account."""
        name = header.agent, header.code
        first, last, chunks = self._found.get(name, (header.start_ms, header.end_ms, 0))
        self._found[name] = min(first, header.start_ms), max(last, header.end_ms), chunks + 1

    def found(self) -> tuple[Program, ...]:
        """Return what was gathered, the earliest first."""
        return tuple(
            sorted(
                Program(first, last, software, code, chunks)
                for (software, code), (first, last, chunks) in self._found.items()
            )
        )


def document(host: Iterable[tuple[str, tuple[Program, ...]]]) -> list[dict[str, Any]]:
    """Return the programs of a host, given those of each source; ``changed`` where one has several."""
    return [
        {
            "source": source,
            "software": program.software,
            "code": None if program.code == UNKNOWN else program.code,
            "first_ms": program.first_ms,
            "last_ms": program.last_ms,
            "chunks": program.chunks,
            "changed": "yes" if len(programs) > 1 else "no",
        }
        for source, programs in sorted(host)
        for program in programs
    ]
