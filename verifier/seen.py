"""Chunks that were seen: what the log and the anchors are asked about every verified chunk."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from verifier.recompute import place_text


class SeenChunk(NamedTuple):
    """One verified chunk, by what its header says. There are as many as chunks, and workers send them.

    ``read_ms`` is the time of its second row, which is its first new reading: the first row may repeat the last
    reading of the chunk before, from long ago if the agent was stopped since. ``long`` are its intervals of more than
    a day (``verifier.bridging``).
    """

    host: str
    source: str
    epoch: int
    seq: int
    hash: str
    start_ms: int
    end_ms: int
    anchor: str
    read_ms: int
    long: tuple[tuple[int, int], ...] = ()

    @property
    def place(self) -> str:
        """Where it belongs among the chunks of its host, as findings name it."""
        return place_text((self.source, self.epoch, self.seq))


Watch = Callable[[SeenChunk], None]


def both(first: Watch, second: Watch) -> Watch:
    """Return what shows every chunk to both."""

    def show(chunk: SeenChunk) -> None:
        first(chunk)
        second(chunk)

    return show


def ignore(_chunk: SeenChunk) -> None:
    """Take a chunk of a pack without a log: nothing is asked of it."""
