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
from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator
from typing import Callable, Optional

from agent.errors import SpoolBusyError, SpoolError, SpoolFullError
from agent.files import TEMPORARY, Files, RealFiles, replace
from agent.sealing import Place
from agent.shelf import DAMAGED, HEAD, REFUSED, SENT, THIN, TRIED, Head, Note, Shelf, head_of, seq_of, split
from evidence.chunk import Chunk, Frame, open_chunk, parse_header, read_frame
from evidence.dsse import CHUNK_TYPE
from evidence.errors import EvidenceError, MismatchError
from evidence.keys import PublicKey

DEFAULT_MAX_BYTES = 1024 * 1024 * 1024
THIN_ABOVE_EIGHTHS = 7
"""Thinning is asked for above 7/8 of the limit, before sealing has to wait for it."""
THIN_AGAIN_CHUNKS = 64
"""A thinned tail is looked at again when it has grown by so many chunks, or at the limit."""
BUSY_WAIT_S = 1.0
"""Sealing waits this long for a thinning under way, then leaves the rows in memory."""


class Spool:
    """An open spool. Methods may be called from several threads.

    ``bytes`` is the size of all pending chunks, ``damaged`` and ``refused`` the numbers of files
    that were moved aside.
    """

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
        self._shelf = Shelf(folder, files or RealFiles())
        self._files = self._shelf.files
        self._chain = chain
        self._key = key
        self._note = note
        self.max_bytes = max_bytes
        self._lock = threading.RLock()
        self._pending: list[int] = []
        self._sizes: dict[int, int] = {}
        self._head: Optional[Head] = None
        self._next_seq = 0
        self._aside = self._tried = -1
        self._unfinished = False
        self._thinned_at = -THIN_AGAIN_CHUNKS
        self._vain = (-1, -1)
        self._full = False
        self._oldest: tuple[int, Optional[int]] = (-1, None)
        self.bytes = self.damaged = self.refused = 0
        try:
            self._shelf.prepare(chain, epoch)
            self._tried = self._read_tried()
            self._unfinished = THIN in self._files.names(folder)
            self._finish_replacing()
            self._scan()
        except OSError as error:
            raise SpoolError(f"the spool {folder} cannot be opened: {error}; check the folder") from None

    @property
    def head(self) -> Optional[Head]:
        """The newest chunk of the chain, ``None`` before the first."""
        return self._head

    @property
    def count(self) -> int:
        """Number of pending chunks, without waiting for anybody."""
        return len(self._pending)

    def pending(self) -> list[int]:
        """Return the numbers of the chunks that are not acknowledged, in order."""
        with self._lock:
            try:
                self._finish_replacing()
            except OSError as error:
                self._note("thinning_unfinished", {"reason": str(error)})
                return []
            return list(self._pending)

    def size(self, seq: int) -> int:
        """Return the size of a pending chunk in bytes, 0 if it is not pending."""
        return self._sizes.get(seq, 0)

    def read(self, seq: int) -> Optional[tuple[Frame, bytes]]:
        """Return a pending chunk, or ``None`` if it is damaged (it is moved aside) or gone."""
        with self._lock:
            if seq not in self._sizes:
                return None
            try:
                data = self._files.read(self._shelf.path(seq))
                frame = read_frame(data)
                self._key.verify(CHUNK_TYPE, frame.header, frame.signature)
                found = parse_header(frame.header).seq
                if found != seq:
                    raise MismatchError(f"it carries the number {found}")
            except FileNotFoundError:
                self._forget(seq)
                self._note("chunk_vanished", {"seq": seq})
            except EvidenceError as error:
                self._quarantine(seq, str(error))
            else:
                return frame, data
            return None

    def oldest_ms(self) -> Optional[int]:
        """Return when the oldest pending chunk begins (wall clock, ms); never waits for a thinning."""
        if self._lock.acquire(blocking=False):
            try:
                while self._pending and self._oldest[0] != self._pending[0]:
                    seq = self._pending[0]
                    found = self.read(seq)
                    if found:
                        self._oldest = (seq, parse_header(found[0].header).start_ms)
                if not self._pending:
                    self._oldest = (-1, None)
            finally:
                self._lock.release()
        return self._oldest[1]

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
            self._finish_replacing()
            data = build(self._next_place())
            if data is None:
                return None
            if self.bytes + len(data) > self.max_bytes:
                self._full = True
                raise SpoolFullError(
                    f"the spool holds {self.bytes} bytes, the limit is {self.max_bytes}; "
                    "check the way to the collector or raise spool.max_mib"
                )
            return self._append(data)
        except OSError as error:
            raise SpoolError(f"sealing failed: {error}; check the disk of {self._shelf.folder}") from None
        finally:
            self._lock.release()

    def _next_place(self) -> Place:
        if self._head is None:
            return Place(self._next_seq, self._chain, 0)
        return Place(self._next_seq, self._head.hash, self._head.end_ms)

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
        before, self._head, self._next_seq = self._head, head, head.seq + 1
        self._remember(head.seq, len(data))
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
            if seq > self._tried:
                with _explained("the mark of sent chunks cannot be written"):
                    replace(self._files, self._shelf.at(TRIED), b"%d\n" % seq)
                self._tried = seq

    def acknowledge(self, seq: int) -> None:
        """Let go of a chunk that the collector has stored.

        Raises:
            SpoolError: the file cannot be removed; the chunk will be sent again.
        """
        with self._lock:
            if seq not in self._sizes:
                return
            with _explained(f"chunk {seq} is stored at the collector but cannot be removed here"):
                if self._head is not None and seq == self._head.seq:
                    self._files.rename(self._shelf.path(seq), self._shelf.path(seq, SENT))
                else:
                    self._files.remove(self._shelf.path(seq))
            self._forget(seq)

    def refuse(self, seq: int) -> None:
        """Move a chunk that the collector will never take to ``refused/``.

        Raises:
            SpoolError: the file cannot be moved.
        """
        with self._lock:
            if seq in self._sizes:
                with _explained(f"refused chunk {seq} cannot be moved aside"):
                    self._shelf.move_aside(self._shelf.path(seq), REFUSED)
                self._forget(seq)
                self.refused += 1
                self._aside = max(self._aside, seq)

    # Thinning

    def wants_thinning(self) -> bool:
        """Return whether the spool is near its limit and a thinning may help."""
        near = self.bytes > self.max_bytes // 8 * THIN_ABOVE_EIGHTHS
        grown = self._next_seq - self._thinned_at >= THIN_AGAIN_CHUNKS
        return ((near and grown) or self._full) and self._vain != (self.bytes, self._next_seq)

    def tail(self) -> list[int]:
        """Return the newest chunks that were never on the wire and have no gap: they may be replaced."""
        with self._lock:
            tail: list[int] = []
            for expected in range(self._next_seq - 1, max(self._tried, self._aside), -1):
                if expected not in self._sizes:
                    break
                tail.append(expected)
            return tail[::-1]

    def replace_tail(self, build: Callable[[Iterator[Chunk]], Iterable[bytes]]) -> int:
        """Put another, smaller chain in the place of the tail; return how many bytes that saved.

        Args:
            build: gets the chunks of the tail in order, yields the frames that take their place.
                The first must keep number and predecessor, the others follow it.

        Raises:
            SpoolError: it did not work; the old tail stays, or is replaced at the next try.
        """
        path = self._shelf.at(THIN)
        with self._lock, _explained("thinning the spool failed"):
            self._finish_replacing()
            tail, before = self.tail(), self.bytes
            self._full, self._vain = False, (before, self._next_seq)
            self._thinned_at = self._next_seq
            if not tail:
                return 0
            try:
                self._files.write(path + TEMPORARY, build(self._chunks(tail)))
                worth_it = self._files.size(path + TEMPORARY) < sum(self._sizes[seq] for seq in tail)
            except (OSError, SpoolError, EvidenceError):
                self._discard(path + TEMPORARY)
                raise
            if not worth_it:
                self._discard(path + TEMPORARY)
                return 0
            self._unfinished = True
            self._files.rename(path + TEMPORARY, path)
            self._finish_replacing()
            self._thinned_at, self._vain = self._next_seq, (self.bytes, self._next_seq)
            return before - self.bytes

    def _chunks(self, seqs: list[int]) -> Iterator[Chunk]:
        for seq in seqs:
            found = self.read(seq)
            if found is None:
                raise SpoolError(f"chunk {seq} is damaged; thinning begins behind it the next time")
            yield open_chunk(found[0], self._key)

    def _finish_replacing(self) -> None:
        """Steps (2) to (6) of thinning, from whatever state a crash or a full disk left."""
        if not self._unfinished:
            return
        path = self._shelf.at(THIN)
        self._files.sync_folder(self._shelf.folder)
        try:
            frames = split(self._files.read(path))
            newest: Optional[Head] = head_of(open_chunk(frames[-1][0], self._key))
        except FileNotFoundError:
            frames, newest = [], None
        except EvidenceError as error:
            frames, newest = [], None
            self._shelf.move_aside(path, DAMAGED)
            self._note("thinned_tail_damaged", {"reason": str(error)})
        if newest is not None:
            first = newest.seq - len(frames) + 1
            self._shelf.remove_from(first)
            for number, (_, data) in enumerate(frames):
                self._shelf.place(self._shelf.path(first + number), data)
            replace(self._files, self._shelf.at(HEAD), newest.note())
            self._files.remove(path)
            self._files.sync_folder(self._shelf.folder)
        self._unfinished = False
        self._scan()

    # Opening

    def _read_tried(self) -> int:
        text = self._shelf.text(TRIED)
        if not text or text.isdecimal():
            return int(text or -1)
        self._note("mark_damaged", {"file": TRIED})
        # Everything that is here may have been on the wire.
        return max(self._shelf.found().pending, default=-1)

    def _scan(self) -> None:
        """Learn from the names what is there, and find the head."""
        found = self._shelf.found()
        self._pending, self._sizes = sorted(found.pending), dict(found.pending)
        self.bytes = sum(found.pending.values())
        self.damaged, self.refused = len(found.damaged), len(found.refused)
        self._aside = found.aside
        newest = max([*found.pending, *found.sent, found.aside, self._tried], default=-1)
        self._next_seq = newest + 1
        self._head = self._find_head(newest, found.sent, found.refused) if newest >= 0 else None
        for seq in found.sent:
            if seq != newest:
                self._files.remove(self._shelf.path(seq, SENT))

    def _find_head(self, newest: int, sent: tuple[int, ...], refused: tuple[str, ...]) -> Head:
        """Return the head from its own file if that is whole, else as the file ``head`` says."""
        path = self._shelf.path(newest)
        if newest in sent:
            path = self._shelf.path(newest, SENT)
        elif newest not in self._sizes:
            names = [name for name in refused if seq_of(name) == newest]
            if not names:
                return self._shelf.noted_head(newest, self._note)
            path = self._shelf.at(REFUSED, names[-1])
        try:
            return self._shelf.peek(path, newest, self._key)
        except EvidenceError as error:
            if newest in self._sizes:
                self._quarantine(newest, str(error))
            else:
                self._note("chunk_damaged", {"seq": newest, "reason": str(error)})
        return self._shelf.noted_head(newest, self._note)

    # Small steps

    def _remember(self, seq: int, size: int) -> None:
        insort(self._pending, seq)
        self._sizes[seq] = size
        self.bytes += size

    def _forget(self, seq: int) -> None:
        self.bytes -= self._sizes.pop(seq)
        del self._pending[bisect_left(self._pending, seq)]

    def _quarantine(self, seq: int, reason: str) -> None:
        self._shelf.move_aside(self._shelf.path(seq), DAMAGED)
        self._forget(seq)
        self.damaged += 1
        self._aside = max(self._aside, seq)
        self._note("chunk_damaged", {"seq": seq, "reason": reason})

    def _discard(self, path: str) -> None:
        with contextlib.suppress(OSError):
            self._files.remove(path)


@contextlib.contextmanager
def _explained(what: str) -> Iterator[None]:
    """Turn what the disk and the format say into a SpoolError."""
    try:
        yield
    except (OSError, EvidenceError) as error:
        raise SpoolError(f"{what}: {error}; check the disk") from None
