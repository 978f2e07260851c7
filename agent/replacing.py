"""Putting a thinned tail in the place of the old one, so that a crash at any moment leaves one of the two.

The order of writing is told in ``agent.spool``: the new tail is written whole into one file, ``thin``; from
the moment that file has its name, finishing is only a matter of repeating the remaining steps.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from typing import Callable, Optional

from agent.errors import SpoolError
from agent.files import TEMPORARY, replace
from agent.holdings import Holdings
from agent.shelf import DAMAGED, HEAD, THIN, Head, Note, head_of, split
from evidence.chunk import Chunk, open_chunk
from evidence.errors import EvidenceError
from evidence.keys import PublicKey


class TailReplacement:
    """Replaces the tail of one spool. Not safe for several threads: ``agent.spool`` locks."""

    def __init__(self, holdings: Holdings, *, key: PublicKey, note: Note) -> None:
        """Work on the folder of ``holdings``."""
        self._holdings = holdings
        self._shelf = holdings.shelf
        self._files = holdings.shelf.files
        self._path = holdings.shelf.at(THIN)
        self._key = key
        self._note = note
        self._unfinished = False

    def begin(self) -> None:
        """Finish what an earlier life has begun. Raises OSError."""
        self._unfinished = THIN in self._files.names(self._shelf.folder)
        self.finish()

    def tail(self) -> list[int]:
        """Return the newest chunks that were never on the wire and have no gap."""
        holdings = self._holdings
        tail: list[int] = []
        for expected in range(holdings.next_seq - 1, max(holdings.tried, holdings.aside), -1):
            if expected not in holdings.sizes:
                break
            tail.append(expected)
        return tail[::-1]

    def replace(self, build: Callable[[Iterator[Chunk]], Iterable[bytes]]) -> None:
        """Put what ``build`` makes of the tail in its place, if that is smaller.

        Raises:
            OSError: the disk does not take it.
            SpoolError: a chunk of the tail is damaged.
            EvidenceError: the new chunks are none.
        """
        self.finish()
        tail = self.tail()
        if not tail:
            return
        temporary = self._path + TEMPORARY
        try:
            self._files.write(temporary, build(self._chunks(tail)))
            saved = sum(self._holdings.sizes[seq] for seq in tail) - self._files.size(temporary)
        except (OSError, SpoolError, EvidenceError):
            self._discard(temporary)
            raise
        if saved <= 0:
            self._discard(temporary)
            return
        self._unfinished = True
        self._files.rename(temporary, self._path)
        self.finish()

    def finish(self) -> None:
        """Do the remaining steps, from whatever state a crash or a full disk left. Raises OSError."""
        if not self._unfinished:
            return
        self._files.sync_folder(self._shelf.folder)
        parts, newest = self._read()
        if newest is not None:
            first = newest.seq - len(parts) + 1
            self._shelf.remove_from(first)
            for number, data in enumerate(parts):
                self._shelf.place(self._shelf.path(first + number), data)
            replace(self._files, self._shelf.at(HEAD), newest.note())
            self._files.remove(self._path)
            self._files.sync_folder(self._shelf.folder)
        self._unfinished = False
        self._holdings.scan()

    def _read(self) -> tuple[list[bytes], Optional[Head]]:
        """Return the new tail's frames and its head; nothing if the file is gone or damaged."""
        try:
            frames = split(self._files.read(self._path))
            return [data for _, data in frames], head_of(open_chunk(frames[-1][0], self._key))
        except FileNotFoundError:
            return [], None
        except EvidenceError as error:
            self._shelf.move_aside(self._path, DAMAGED)
            self._note("thinned_tail_damaged", {"reason": str(error)})
            return [], None

    def _chunks(self, seqs: list[int]) -> Iterator[Chunk]:
        for seq in seqs:
            found = self._holdings.read(seq)
            if found is None:
                raise SpoolError(f"chunk {seq} is damaged; thinning begins behind it the next time")
            yield open_chunk(found[0], self._key)

    def _discard(self, path: str) -> None:
        with contextlib.suppress(OSError):
            self._files.remove(path)
