"""Which file is which: by what stands in it, since names and inode numbers are given to other files.

A file is known by keyed hashes of its first bytes and of the bytes before the position up to which it was read. So it
is found again under another name, as a copy, compressed, or on another disk, and a new file that got the
inode number of an old one is not taken for it. The hashes are keyed: nobody can try out lines with them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Optional

from agent.logins.content import Content

HEAD_LEVELS = (64, 256, 1024)
TAIL_BYTES = 256
_DIGEST_BYTES = 16


@dataclass
class Record:
    """What is known of one file, and how far it was read.

    ``done``: nothing more is expected; ``skipping``: the position lies inside an overlong line; ``gone`` and
    ``gone_ms``: for how many looks it was not found, and since when.
    """

    path: str
    device: int
    inode: int
    size: int = -1
    mtime_ns: int = -1
    position: int = 0
    heads: dict[int, str] = field(default_factory=dict)
    tail: str = ""
    done: bool = False
    skipping: bool = False
    fields: str = ""
    gone: int = 0
    gone_ms: int = 0

    def document(self) -> dict[str, Any]:
        """Return the record as JSON keeps it."""
        return asdict(self)

    @classmethod
    def parse(cls, document: Mapping[str, Any]) -> Record:
        """Return the record that a document holds. Raises KeyError, TypeError, ValueError."""
        values = dict(document)
        values["heads"] = {int(level): str(digest) for level, digest in values["heads"].items()}
        return cls(**values)


class Marks:
    """Makes and compares the hashes under one key."""

    def __init__(self, key: bytes) -> None:
        """Use a key of 16 to 64 bytes."""
        self._key = key

    def update(self, record: Record, content: Content) -> None:
        """Write into ``record`` what the content before its position looks like."""
        count = min(record.position, TAIL_BYTES)
        record.heads = {}
        self.advance(record, content, content.read_at(record.position - count, count))

    def advance(self, record: Record, content: Content, before: bytes) -> None:
        """Write into ``record`` what stands before its position: ``before`` are the last bytes."""
        record.tail = self._digest(before)
        if HEAD_LEVELS[-1] in record.heads:
            return
        position = record.position
        head = before if position <= len(before) else content.read_at(0, min(position, HEAD_LEVELS[-1]))
        known = max(record.heads, default=0)
        if known and self._digest(head[:known]) != record.heads[known]:
            return  # emptied in this moment: what was read is known by its tail and shorter begin
        levels = {level for level in HEAD_LEVELS if level <= len(head)} | {len(head)}
        record.heads = {level: self._digest(head[:level]) for level in levels if level}

    def is_tail(self, record: Record, before: bytes) -> bool:
        """Return whether ``before`` is what stood before the position when it was read."""
        return self._digest(before) == record.tail

    def is_same(self, record: Record, content: Content) -> bool:
        """Return whether the content is what was read under this record, or goes on from it."""
        if not record.heads or not self._begins(record, content, record.position):
            return False
        count = min(record.position, TAIL_BYTES)
        return self._digest(content.read_at(record.position - count, count)) == record.tail

    def is_shorter_copy(self, record: Record, content: Content) -> bool:
        """Return whether the content is the begin of what was read under this record."""
        if not record.heads or content.reaches(record.position):
            return False
        return self._begins(record, content, record.position - 1)

    def _begins(self, record: Record, content: Content, most: int) -> bool:
        """Return whether the longest comparable begin, of at most ``most`` bytes, is the same."""
        for level in sorted(record.heads, reverse=True):
            if level <= most:
                found = content.read_at(0, level)
                if len(found) == level:
                    return self._digest(found) == record.heads[level]
        return False

    def _digest(self, data: bytes) -> str:
        return hashlib.blake2b(data, key=self._key, digest_size=_DIGEST_BYTES).hexdigest()


def by_identity(records: list[Record], identity: tuple[int, int]) -> Optional[Record]:
    """Return the record of a device and inode number, the newest if there are several."""
    for record in reversed(records):
        if (record.device, record.inode) == identity and not record.gone:
            return record
    return None
