"""The folder of the spool: its names, its small marks, and how files are moved aside in it.

No policy and no locks here: ``agent.spool`` decides, this module knows where things lie.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Callable, Optional

from agent.files import TEMPORARY, Files, replace
from evidence.chunk import Chunk, Frame, open_chunk, read_frame, take_frame
from evidence.errors import EvidenceError
from evidence.keys import PublicKey

SEQ_DIGITS = 12
UNKNOWN_PREV = "0" * 64
"""``prev`` after a chunk whose hash is lost: a visible break, not a guess."""
CHAIN, HEAD, TRIED, THIN = "chain", "head", "tried", "thin"
CHUNK, SENT = "chunk", "sent"
DAMAGED, REFUSED = "damaged", "refused"
_NAME = re.compile(r"(\d{12,19})\.(chunk|sent)(?:\.\d+)?\Z", re.ASCII)
_HEAD_FIELDS = {"seq": int, "hash": str, "end_ms": int, "boot": str}

Note = Callable[[str, Mapping[str, Any]], None]
"""Where somebody should know something: an event's name and its fields."""


@dataclass(frozen=True)
class Head:
    """The newest chunk of the chain. ``chunk`` is ``None`` when its content is lost."""

    seq: int
    hash: str
    end_ms: int
    boot: str
    chunk: Optional[Chunk] = None

    def note(self) -> bytes:
        """Return the content of the file ``head``."""
        return json.dumps({name: getattr(self, name) for name in _HEAD_FIELDS}).encode() + b"\n"


@dataclass(frozen=True)
class Found:
    """What the names in the folder say: sequence numbers, and the sizes of pending chunks."""

    pending: Mapping[int, int]
    sent: tuple[int, ...]
    damaged: tuple[str, ...]
    refused: tuple[str, ...]

    @property
    def aside(self) -> int:
        """Greatest number in ``damaged/`` and ``refused/``, -1 for none."""
        return max((seq_of(name) for name in (*self.damaged, *self.refused)), default=-1)


class Shelf:
    """One spool folder. All methods raise ``OSError`` when the disk does not do its work."""

    def __init__(self, folder: str, files: Files) -> None:
        """Use ``folder`` through ``files``."""
        self.folder = folder
        self.files = files

    def at(self, *names: str) -> str:
        """Return the path of a name in the folder."""
        return os.path.join(self.folder, *names)

    def path(self, seq: int, ending: str = CHUNK) -> str:
        """Return the path of a chunk."""
        return self.at(f"{seq:0{SEQ_DIGITS}d}.{ending}")

    def prepare(self, chain: str, epoch: int) -> None:
        """Create the folder for this chain, keep another chain's folder beside it, remove leftovers."""
        known = self.text(CHAIN)
        if known not in ("", chain):
            self.files.rename(self.folder, self._free(f"{self.folder}.epoch{epoch - 1}"))
        for folder in (self.folder, self.at(DAMAGED), self.at(REFUSED)):
            self.files.make_folder(folder)
        for name in self.files.names(self.folder):
            if name.endswith(TEMPORARY):
                self.files.remove(self.at(name))
        if known != chain:
            replace(self.files, self.at(CHAIN), chain.encode() + b"\n")
        self.files.sync_folder(os.path.dirname(self.folder))
        # What a killed process left may be seen but not be on the disk yet.
        self.files.sync_folder(self.folder)

    def found(self) -> Found:
        """Return what the names say."""
        pending, sent = {}, []
        for name in self.files.names(self.folder):
            match = _NAME.match(name)
            if match and match[2] == CHUNK:
                pending[int(match[1])] = self.files.size(self.at(name))
            elif match:
                sent.append(int(match[1]))
        return Found(pending, tuple(sent), self._names(DAMAGED), self._names(REFUSED))

    def remove_from(self, first: int) -> None:
        """Remove all chunks from a number on, and return when they are gone from the disk."""
        for name in self.files.names(self.folder):
            if seq_of(name) >= first:
                self.files.remove(self.at(name))
        self.files.sync_folder(self.folder)

    def place(self, path: str, data: bytes) -> None:
        """Write a file whole under its name; the name is on the disk after the next ``sync_folder``."""
        self.files.write(path + TEMPORARY, (data,))
        self.files.rename(path + TEMPORARY, path)

    def move_aside(self, path: str, folder: str) -> None:
        """Move a file into ``damaged/`` or ``refused/`` under a name that is free there."""
        self.files.rename(path, self._free(self.at(folder, os.path.basename(path))))
        self.files.sync_folder(self.at(folder))
        self.files.sync_folder(self.folder)

    def text(self, name: str) -> str:
        """Return the content of a mark, empty if there is none."""
        try:
            return self.files.read(self.at(name)).decode("utf-8", "replace").strip()
        except FileNotFoundError:
            return ""

    def noted_head(self, seq: int, note: Note) -> Head:
        """Return what the file ``head`` says of this chunk; a head with an unknown hash if nothing."""
        try:
            document = json.loads(self.text(HEAD))
            head = Head(**{name: kind(document[name]) for name, kind in _HEAD_FIELDS.items()})
        except (ValueError, KeyError, TypeError) as error:
            note("head_unknown", {"seq": seq, "reason": str(error)})
        else:
            if head.seq == seq:
                return head
            note("head_unknown", {"seq": seq, "reason": f"the file head speaks of {head.seq}"})
        return Head(seq, UNKNOWN_PREV, 0, "")

    def peek(self, path: str, seq: int, key: PublicKey) -> Head:
        """Return the head that a chunk file is.

        Raises:
            EvidenceError: it is damaged.
        """
        chunk = open_chunk(read_frame(self.files.read(path)), key)
        if chunk.header.seq != seq:
            raise EvidenceError(f"it carries the number {chunk.header.seq}")
        return head_of(chunk)

    def _names(self, folder: str) -> tuple[str, ...]:
        return tuple(sorted(self.files.names(self.at(folder))))

    def _free(self, path: str) -> str:
        taken = set(self.files.names(os.path.dirname(path)))
        wanted, number = path, 0
        while os.path.basename(wanted) in taken:
            number += 1
            wanted = f"{path}.{number}"
        return wanted


def head_of(chunk: Chunk) -> Head:
    """Return the head that a chunk is when it is the newest."""
    return Head(chunk.header.seq, chunk.hash, chunk.header.end_ms, chunk.header.boot, chunk)


def seq_of(name: str) -> int:
    """Return the sequence number in a file's name, -1 if it is no chunk."""
    match = _NAME.match(name)
    return int(match[1]) if match else -1


def split(data: bytes) -> list[tuple[Frame, bytes]]:
    """Return the frames that follow one another in ``data`` with their bytes.

    Raises:
        MalformedError: ``data`` is not one or more whole frames.
    """
    frames: list[tuple[Frame, bytes]] = []
    offset = 0
    while offset < len(data) or not frames:
        frame, end = take_frame(data, offset)
        frames.append((frame, data[offset:end]))
        offset = end
    return frames
