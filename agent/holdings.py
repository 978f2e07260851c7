"""What lies in the spool, as learned from its folder: which chunks wait, and where the chain ends.

``Holdings`` keeps names, sizes and the head in memory, moves damaged chunks aside when it meets them,
and never guesses: what it cannot know is reported and marked unknown. ``agent.spool`` builds on it.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from typing import Optional

from agent.files import Files
from agent.shelf import DAMAGED, REFUSED, SENT, TRIED, Head, Note, Shelf, seq_of
from evidence.chunk import Frame, parse_header, read_frame
from evidence.dsse import CHUNK_TYPE
from evidence.errors import EvidenceError, MismatchError
from evidence.keys import PublicKey


class Holdings:
    """The content of one spool folder. Not safe for several threads: ``agent.spool`` locks.

    ``sizes`` are the pending chunks in bytes, ``numbers`` the same in order; ``aside`` is the greatest number
    in ``damaged/`` and ``refused/``; ``tried`` the greatest that may have been on the wire.
    """

    def __init__(self, folder: str, *, key: PublicKey, note: Note, files: Files) -> None:
        """Look at nothing yet; see ``scan``."""
        self.shelf = Shelf(folder, files)
        self._key = key
        self._note = note
        self.numbers: list[int] = []
        self.sizes: dict[int, int] = {}
        self.head: Optional[Head] = None
        self.next_seq = 0
        self.aside = self.tried = -1
        self.bytes = self.damaged = self.refused = 0

    def read(self, seq: int) -> Optional[tuple[Frame, bytes]]:
        """Return a pending chunk, or ``None`` if it is damaged (it is moved aside) or gone."""
        if seq not in self.sizes:
            return None
        try:
            data = self.shelf.files.read(self.shelf.path(seq))
            frame = read_frame(data)
            self._key.verify(CHUNK_TYPE, frame.header, frame.signature)
            found = parse_header(frame.header).seq
            if found != seq:
                raise MismatchError(f"it carries the number {found}")
        except FileNotFoundError:
            self.forget(seq)
            self._note("chunk_vanished", {"seq": seq})
        except EvidenceError as error:
            self._quarantine(seq, str(error))
        except OSError as error:
            # It stays pending: the disk may come to its senses.
            self._note("chunk_unreadable", {"seq": seq, "reason": str(error)})
        else:
            return frame, data
        return None

    def read_tried(self) -> int:
        """Return what the mark of sent chunks says, -1 for none."""
        text = self.shelf.text(TRIED)
        if not text or text.isdecimal():
            return int(text or -1)
        self._note("mark_damaged", {"file": TRIED})
        # Everything that is here may have been on the wire.
        return max(self.shelf.found().pending, default=-1)

    def scan(self) -> None:
        """Learn from the names what is there, and find the head."""
        found = self.shelf.found()
        self.numbers, self.sizes = sorted(found.pending), dict(found.pending)
        self.bytes = sum(found.pending.values())
        self.damaged, self.refused = len(found.damaged), len(found.refused)
        self.aside = found.aside
        newest = max([*found.pending, *found.sent, found.aside, self.tried], default=-1)
        self.next_seq = newest + 1
        self.head = self._find_head(newest, found.sent, found.refused) if newest >= 0 else None
        for seq in found.sent:
            if seq != newest:
                self.shelf.files.remove(self.shelf.path(seq, SENT))

    def _find_head(self, newest: int, sent: tuple[int, ...], refused: tuple[str, ...]) -> Head:
        """Return the head from its own file if that is whole, else as the file ``head`` says."""
        path = self.shelf.path(newest)
        if newest in sent:
            path = self.shelf.path(newest, SENT)
        elif newest not in self.sizes:
            names = [name for name in refused if seq_of(name) == newest]
            if not names:
                return self.shelf.noted_head(newest, self._note)
            path = self.shelf.at(REFUSED, names[-1])
        try:
            return self.shelf.peek(path, newest, self._key)
        except EvidenceError as error:
            if newest in self.sizes:
                self._quarantine(newest, str(error))
            else:
                self._note("chunk_damaged", {"seq": newest, "reason": str(error)})
        return self.shelf.noted_head(newest, self._note)

    def remember(self, seq: int, size: int) -> None:
        """Count a chunk as pending."""
        insort(self.numbers, seq)
        self.sizes[seq] = size
        self.bytes += size

    def forget(self, seq: int) -> None:
        """Count a chunk as pending no longer."""
        self.bytes -= self.sizes.pop(seq)
        del self.numbers[bisect_left(self.numbers, seq)]

    def _quarantine(self, seq: int, reason: str) -> None:
        try:
            self.shelf.move_aside(self.shelf.path(seq), DAMAGED)
        except OSError as error:
            reason = f"{reason}; it cannot be moved aside: {error}"
        self.forget(seq)
        self.damaged += 1
        self.aside = max(self.aside, seq)
        self._note("chunk_damaged", {"seq": seq, "reason": reason})
