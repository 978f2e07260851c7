"""What the check of anchors reads and says: the log as it needs it, receipts, what the reviewer brings."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any, Protocol

from evidence.checkpoint import Checkpoint

MAIL, TIMESTAMP, PRINT, OBJECT = "mail", "rfc3161", "print", "object"
SUFFIXES: Mapping[str, str] = {"eml": MAIL, "tsr": TIMESTAMP, "txt": PRINT, "json": OBJECT}
"""The kind of an anchor by the suffix of its receipt."""
PREFIX = "data/anchors/"
MAX_RECEIPT_BYTES = 256 * 1024
_NAME = re.compile(r"data/anchors/([1-9]\d{0,14})/([a-z0-9][a-z0-9-]{0,31})\.(eml|tsr|txt|json)\Z", re.ASCII)
_NOTE = re.compile(r"data/anchors/([1-9]\d{0,14})/note\Z", re.ASCII)

CONFIRMED, NAMED, REFUSED = "confirmed", "named", "refused"
"""What became of an anchor: something from outside the pack agrees with it; nothing does, so the pack
only names it; what should agree does not."""


class LogView(Protocol):
    """The log of a pack, its checkpoints verified before."""

    @property
    def size(self) -> int:
        """Leaves that the pack accounts for."""
        ...

    @property
    def notes(self) -> Mapping[int, bytes]:
        """The signed note of every packed checkpoint, by its size."""
        ...

    @property
    def day_marks(self) -> Mapping[int, int]:
        """Index of the leaf that marks the end of a local day, by the day's ordinal."""
        ...

    def arrival_ms(self, size: int) -> int | None:
        """Return when the last of ``size`` leaves arrived (ms since 1970), ``None`` if not in the pack."""
        ...

    def root(self, size: int) -> bytes | None:
        """Return the root over the first ``size`` leaves, ``None`` if the pack cannot tell."""
        ...

    def read_note(self, note: bytes) -> Checkpoint | None:
        """Return the checkpoint in a note that the log's key signed, ``None`` for anything else."""
        ...


@dataclass(frozen=True, order=True)
class Receipt:
    """An entry under data/anchors/: what the collector got when it anchored the checkpoint of ``size``."""

    size: int
    alias: str
    kind: str
    name: str
    data: bytes = field(repr=False)

    @property
    def sha256(self) -> str:
        """What a chunk names, 64 hex digits."""
        return hashlib.sha256(self.data).hexdigest()


@dataclass(frozen=True)
class TypedCode:
    """A code that the reviewer read in the log book, and the day written beside it (an ordinal), if given."""

    size: int
    code: str
    day: int | None = None


@dataclass(frozen=True)
class FetchedObject:
    """An object that the reviewer fetched, and what the store says about it (JSON), if given."""

    name: str
    data: bytes
    about: bytes | None = None


@dataclass(frozen=True)
class Outside:
    """What the reviewer brings; nothing of it comes from the pack. ``mail`` gives name and raw message."""

    tsa_roots: Sequence[bytes] = ()
    mail: Iterable[tuple[str, bytes]] = ()
    codes: Sequence[TypedCode] = ()
    objects: Sequence[FetchedObject] = ()


NOTHING = Outside()


@dataclass(frozen=True)
class NamedAnchor:
    """The chunks of one host that name one receipt, begun on one local day, with the ends of the first and the last.

    ``begins``: the first chunk of a chain is among them, whose agent has not heard of any receipt yet.
    """

    sha256: str
    day: int
    host: str
    place: str
    earliest_end_ms: int
    latest_end_ms: int
    chunks: int
    begins: bool = False


@dataclass(frozen=True)
class Anchor:
    """One anchor and what became of it; ``time_ms`` is the outside's time of it, ``None`` if there is none."""

    size: int
    kind: str
    state: str
    place: str
    time_ms: int | None = None
    why: str = ""

    def document(self) -> dict[str, Any]:
        """Return the anchor as it stands in JSON output."""
        return {
            "size": self.size,
            "kind": self.kind,
            "state": self.state,
            "place": self.place,
            "time_ms": self.time_ms,
            "why": self.why,
        }


@dataclass(frozen=True)
class AnchoredDay:
    """What anchors say about one local day.

    ``confirmed_ms`` is the earliest outside time that covers all of the day, ``by`` the kinds that
    confirm it at that size or later in time, ``named`` those that the pack only names,
    ``made_after_ms`` the latest instant before which no agent chunk of the day can have been made.
    ``chunks`` were sealed when read on that day by declared hosts; ``chunks_in_time`` of them were outside
    with the anchor of the next day, all of them since ``whole_ms`` (``None``: some are not, or there is none).
    ``on_time``: the checkpoint of the day and all its chunks were outside in time. ``bridged``: of a host it lies as
    a whole between two readings more than a day apart (``verifier.bridging``).
    """

    day: int
    size: int | None
    confirmed_ms: int | None
    on_time: bool
    by: tuple[str, ...]
    named: tuple[str, ...]
    made_after_ms: int | None
    chunks: int = 0
    chunks_in_time: int = 0
    whole_ms: int | None = None
    bridged: bool = False

    @property
    def state(self) -> str:
        """``none`` (not confirmed), ``late``, ``bridged``, ``empty`` (no chunk tells of it) or ``in_time``."""
        if self.confirmed_ms is None:
            return "none"
        if not self.on_time:
            return "late"
        if self.bridged:
            return "bridged"
        return "in_time" if self.chunks else "empty"

    def document(self) -> dict[str, Any]:
        """Return the day as it stands in JSON output."""
        return {
            "day": date.fromordinal(self.day).isoformat(),
            "size": self.size,
            "confirmed_ms": self.confirmed_ms,
            "state": self.state,
            "on_time": "yes" if self.state == "in_time" else "no",
            "by": list(self.by),
            "named": list(self.named),
            "made_after_ms": self.made_after_ms,
            "chunks": self.chunks,
            "chunks_in_time": self.chunks_in_time,
            "whole_ms": self.whole_ms,
        }


@dataclass(frozen=True)
class AnchorReport:
    """All anchors, all days, and when the rules of the window were fixed (``None``: not before it)."""

    anchors: tuple[Anchor, ...] = ()
    days: tuple[AnchoredDay, ...] = ()
    rules_fixed_ms: int | None = None

    def bridged(self, days: Collection[int]) -> AnchorReport:
        """Return the report in which these days are bridged."""
        return replace(self, days=tuple(replace(day, bridged=day.day in days) for day in self.days))

    def document(self) -> dict[str, Any]:
        """Return the report as it stands in JSON output."""
        return {
            "anchors": [anchor.document() for anchor in self.anchors],
            "days": [day.document() for day in self.days],
            "rules_fixed_ms": self.rules_fixed_ms,
        }


def note_name(size: int) -> str:
    """Return the entry for a checkpoint from before the packed leaves that a receipt is about."""
    return f"{PREFIX}{size}/note"


def note_size(name: str) -> int | None:
    """Return the size in the name of such an entry, ``None`` for other names."""
    match = _NOTE.match(name)
    return int(match[1]) if match else None


def parse_name(name: str) -> tuple[int, str, str] | None:
    """Return (size, alias, kind) of a receipt's entry, ``None`` for other names."""
    match = _NAME.match(name)
    return (int(match[1]), match[2], SUFFIXES[match[3]]) if match else None


def receipt_name(size: int, alias: str, suffix: str) -> str:
    """Return the entry for a receipt."""
    return f"{PREFIX}{size}/{alias}.{suffix}"
