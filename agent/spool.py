"""The spool: sealed chunks on the disk, in order, until the collector has acknowledged them.

One folder::

    chain                  hash of the enrolment record whose chain this is (one line)
    000000000007.chunk     sealed, not acknowledged; the name is the sequence number
    000000000008.sent      acknowledged, kept only while it is the newest: the chain goes on from it
    head                   {seq, hash, end_ms, boot} of the newest chunk, should its file be damaged
    tried                  highest sequence number that was ever put on the wire
    thin                   a thinned tail that is being put in place (see ``replace_tail``)
    damaged/, refused/     chunks that cannot be sent; never deleted, their numbers never used again
    *.tmp                  unfinished; removed when the spool is opened

Orders of writing, each safe at a crash between any two steps, with any subset of the names that are
not yet synced lost:

* Sealing: (1) ``N.chunk.tmp`` written and synced, (2) ``head.tmp`` written and synced, (3) chunk
  renamed, (4) head renamed, (5) folder synced; only now it counts as sealed. A head without its
  chunk is not believed unless the number is known from elsewhere.
* Sending: ``tried`` is on the disk before the first byte leaves. A chunk at or below it is frozen.
* Acknowledgement: the file is removed, the newest is renamed to ``.sent``. If that is lost in a crash
  the chunk is sent again, and the collector answers that it is known.
* Thinning: (1) the new tail, frame after frame, in ``thin.tmp``, synced; (2) renamed to ``thin``, folder
  synced: from here on it happens; (3) the chunks it replaces are removed, folder synced; (4) its
  frames are written one by one; (5) head, folder synced; (6) ``thin`` removed, folder synced.
  Opening starts again at (2).

The next number is one above every number seen in any name and in ``tried``, so a number never
stands for two contents that were on the wire. A damaged chunk is moved aside and reported when it is met.

At the size limit nothing is thrown away: sealing waits, its rows stay in memory, thinned there.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterable, Iterator
from typing import Callable, Optional

from agent.errors import SpoolBusyError, SpoolError, SpoolFullError
from agent.files import TEMPORARY, Files, RealFiles, replace
from agent.holdings import Holdings
from agent.replacing import TailReplacement
from agent.sealing import Place
from agent.shelf import HEAD, REFUSED, SENT, TRIED, Head, Note, head_of
from evidence.chunk import Chunk, Frame, open_chunk, parse_header, read_frame
from evidence.errors import EvidenceError
from evidence.keys import PublicKey

DEFAULT_MAX_BYTES = 1024 * 1024 * 1024
THIN_ABOVE_EIGHTHS = 7
"""Thinning is asked for above 7/8 of the limit, before sealing has to wait for it."""
THIN_AGAIN_CHUNKS = 64
"""A thinned tail is looked at again when it has grown by so many chunks, or at the limit."""
BUSY_WAIT_S = 1.0
"""Sealing waits this long for a thinning under way, then leaves the rows in memory."""


class Spool:
    """An open spool. Methods may be called from several threads."""

    def __init__(
        self,
        folder: str,
        *,
        chain: str,
        key: PublicKey,
        note: Note,
        epoch: int = 0,
        max_bytes: int = DEFAULT_MAX_BYTES,
        files: Optional[Files] = None,
    ) -> None:
        """Open the spool in ``folder``, creating or recovering it.

        Args:
            folder: where it is; its parent exists.
            chain: hash of the enrolment record, where the chain begins. A folder of another chain
                is kept beside this one as ``<folder>.epoch<N>``.
            key: what the chunks are signed with.
            note: takes the reports.
            epoch: number of the enrolment.
            max_bytes: limit on the chunks that are not acknowledged.
            files: the file operations; the operating system's if not given.

        Raises:
            SpoolError: the folder cannot be used.
        """
        self._holdings = Holdings(folder, key=key, note=note, files=files or RealFiles())
        self._shelf = self._holdings.shelf
        self._files = self._shelf.files
        self._chain = chain
        self._key = key
        self._note = note
        self.max_bytes = max_bytes
        self._lock = threading.RLock()
        self._replacement = TailReplacement(self._holdings, key=key, note=note)
        self._thinned_at = -THIN_AGAIN_CHUNKS
        self._vain = (-1, -1)
        self._full = False
        self._oldest: tuple[int, Optional[int]] = (-1, None)
        try:
            self._shelf.prepare(chain, epoch)
            self._holdings.tried = self._holdings.read_tried()
            self._replacement.begin()
            self._holdings.scan()
        except OSError as error:
            raise SpoolError(f"the spool {folder} cannot be opened: {error}; check the folder") from None

    @property
    def head(self) -> Optional[Head]:
        """The newest chunk of the chain, ``None`` before the first."""
        return self._holdings.head

    @property
    def size_bytes(self) -> int:
        """Size of all pending chunks."""
        return self._holdings.bytes

    @property
    def damaged(self) -> int:
        """Number of files that were moved aside because they are damaged."""
        return self._holdings.damaged

    @property
    def refused(self) -> int:
        """Number of chunks that were moved aside because the collector refused them."""
        return self._holdings.refused

    @property
    def count(self) -> int:
        """Number of pending chunks, without waiting for anybody."""
        return len(self._holdings.numbers)

    def pending(self) -> list[int]:
        """Return the numbers of the chunks that are not acknowledged, in order."""
        with self._lock:
            try:
                self._replacement.finish()
            except OSError as error:
                self._note("thinning_unfinished", {"reason": str(error)})
                return []
            return list(self._holdings.numbers)

    def size(self, seq: int) -> int:
        """Return the size of a pending chunk in bytes, 0 if it is not pending."""
        return self._holdings.sizes.get(seq, 0)

    def read(self, seq: int) -> Optional[tuple[Frame, bytes]]:
        """Return a pending chunk, or ``None`` if it is damaged (it is moved aside), unreadable or gone."""
        with self._lock:
            return self._holdings.read(seq)

    def oldest_ms(self) -> Optional[int]:
        """Return when the oldest pending chunk begins (wall clock, ms); never waits for a thinning."""
        if self._lock.acquire(blocking=False):
            try:
                self._find_oldest()
            finally:
                self._lock.release()
        return self._oldest[1]

    def _find_oldest(self) -> None:
        """Read the oldest chunk if it is another one than the last time."""
        for seq in self.pending():
            if seq == self._oldest[0]:
                return
            found = self._holdings.read(seq)
            if found:
                self._oldest = (seq, parse_header(found[0].header).start_ms)
                return
        self._oldest = (-1, None)

    # Sealing

    def seal(self, build: Callable[[Place], Optional[bytes]]) -> Optional[Head]:
        """Put the next chunk on the disk; returns when it is there to stay.

        Args:
            build: gets the place in the chain and returns the frame, or ``None`` for nothing to do.

        Raises:
            SpoolFullError: the limit is reached.
            SpoolBusyError: a thinning takes longer than ``BUSY_WAIT_S``.
            SpoolError: the disk does not take it.
        """
        if not self._lock.acquire(timeout=BUSY_WAIT_S):
            raise SpoolBusyError("the spool is being thinned; sealing is tried again later")
        try:
            self._replacement.finish()
            data = build(self._next_place())
            if data is None:
                return None
            if self.size_bytes + len(data) > self.max_bytes:
                self._full = True
                raise SpoolFullError(
                    f"the spool holds {self.size_bytes} bytes, the limit is {self.max_bytes}; "
                    "check the way to the collector or raise spool.max_mib"
                )
            return self._append(data)
        except OSError as error:
            raise SpoolError(f"sealing failed: {error}; check the disk of {self._shelf.folder}") from None
        finally:
            self._lock.release()

    def _next_place(self) -> Place:
        if self._holdings.head is None:
            return Place(self._holdings.next_seq, self._chain, 0)
        return Place(self._holdings.next_seq, self._holdings.head.hash, self._holdings.head.end_ms)

    def _append(self, data: bytes) -> Head:
        head = head_of(open_chunk(read_frame(data), self._key))
        path, head_path = self._shelf.path(head.seq), self._shelf.at(HEAD)
        try:
            self._files.write(path + TEMPORARY, (data,))
            self._files.write(head_path + TEMPORARY, (head.note(),))
            self._files.rename(path + TEMPORARY, path)
            self._files.rename(head_path + TEMPORARY, head_path)
            self._files.sync_folder(self._shelf.folder)
        except OSError:
            for leftover in (path + TEMPORARY, head_path + TEMPORARY, path):
                with contextlib.suppress(OSError):
                    self._files.remove(leftover)
            raise
        before, self._holdings.head, self._holdings.next_seq = self._holdings.head, head, head.seq + 1
        self._holdings.remember(head.seq, len(data))
        if before is not None:
            # The newest is on the disk now, so the one before is needed no longer.
            with contextlib.suppress(OSError):
                self._files.remove(self._shelf.path(before.seq, SENT))
        return head

    # Delivery

    def mark_tried(self, seq: int) -> None:
        """Return when it is on the disk that chunks up to ``seq`` may have been on the wire.

        Raises:
            SpoolError: the disk does not take it; nothing may be sent.
        """
        with self._lock:
            if seq > self._holdings.tried:
                with _explained("the mark of sent chunks cannot be written"):
                    replace(self._files, self._shelf.at(TRIED), b"%d\n" % seq)
                self._holdings.tried = seq

    def acknowledge(self, seq: int) -> None:
        """Let go of a chunk that the collector has stored.

        Raises:
            SpoolError: the file cannot be removed; the chunk will be sent again.
        """
        with self._lock:
            if seq not in self._holdings.sizes:
                return
            with _explained(f"chunk {seq} is stored at the collector but cannot be removed here"):
                if self._holdings.head is not None and seq == self._holdings.head.seq:
                    self._files.rename(self._shelf.path(seq), self._shelf.path(seq, SENT))
                else:
                    self._files.remove(self._shelf.path(seq))
            self._holdings.forget(seq)

    def refuse(self, seq: int) -> None:
        """Move a chunk that the collector will never take to ``refused/``.

        Raises:
            SpoolError: the file cannot be moved.
        """
        with self._lock:
            if seq in self._holdings.sizes:
                with _explained(f"refused chunk {seq} cannot be moved aside"):
                    self._shelf.move_aside(self._shelf.path(seq), REFUSED)
                self._holdings.forget(seq)
                self._holdings.refused += 1
                self._holdings.aside = max(self._holdings.aside, seq)

    # Thinning

    def wants_thinning(self) -> bool:
        """Return whether the spool is near its limit and a thinning may help."""
        near = self.size_bytes > self.max_bytes // 8 * THIN_ABOVE_EIGHTHS
        grown = self._holdings.next_seq - self._thinned_at >= THIN_AGAIN_CHUNKS
        return ((near and grown) or self._full) and self._vain != (self.size_bytes, self._holdings.next_seq)

    def tail(self) -> list[int]:
        """Return the newest chunks that were never on the wire and have no gap: they may be replaced."""
        with self._lock:
            return self._replacement.tail()

    def replace_tail(self, build: Callable[[Iterator[Chunk]], Iterable[bytes]]) -> int:
        """Put another, smaller chain in the place of the tail; return how many bytes that saved.

        Args:
            build: gets the chunks of the tail in order, yields the frames that take their place.
                The first must keep number and predecessor, the others follow it.

        Raises:
            SpoolError: it did not work; the old tail stays, or is replaced at the next try.
        """
        with self._lock, _explained("thinning the spool failed"):
            before = self.size_bytes
            self._full, self._vain = False, (before, self._holdings.next_seq)
            self._thinned_at = self._holdings.next_seq
            self._replacement.replace(build)
            self._vain = (self.size_bytes, self._holdings.next_seq)
            self._thinned_at = self._holdings.next_seq
            return before - self.size_bytes


@contextlib.contextmanager
def _explained(what: str) -> Iterator[None]:
    """Turn what the disk and the format say into a SpoolError."""
    try:
        yield
    except (OSError, EvidenceError) as error:
        raise SpoolError(f"{what}: {error}; check the disk") from None
