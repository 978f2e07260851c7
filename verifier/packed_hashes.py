"""Which chunks a pack holds, by hash, and whether its log is how another one began."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from verifier import chunk_entry, layout
from verifier.container import Container
from verifier.log_reading import PackedLog
from verifier.ports import Log


def packed_hashes(stream: BinaryIO) -> Iterator[bytes]:
    """Yield the hash of every chunk in the pack in ``stream``, which was checked already.

    Raises:
        ContainerError: the stream is no pack.
    """
    container = Container(stream)
    for name in container.entries:
        if layout.chunks_place(name):
            for item in chunk_entry.items(container.raw(name)):
                if item.frame is not None:
                    yield bytes.fromhex(item.frame.hash)


def begins(packed: PackedLog, log: Log) -> bool:
    """Return whether the last checkpoint of a pack's log is of ``log``."""
    last = packed.checkpoints[-1].checkpoint
    return last.size <= log.size and log.frontier(last.size).root == last.root
