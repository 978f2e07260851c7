"""Records that the log itself makes: the mark of a day, and the close of a month.

A day mark is appended once the local day is over, also when nothing arrived, so that every day has a
size of the log of its own; it names the anchor receipts that came since the mark before, and the newest
declared scope: whoever declares several commits to one of them every day. The close of a month says when it
was held to be whole.

Before format 1.1 of the pack a day mark named no scope, and a close named the chains of its month. Logs keep
such records for ever, so they are read; nothing writes them any more.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import date
from typing import Any, Optional

from evidence import canonical, fields
from evidence.chunk import MAX_NAME, source_of
from evidence.errors import MalformedError
from evidence.merkle import MAX_SIZE

DAY_MARK_SCHEMA = "starproof/day-mark/2"
OLD_DAY_MARK_SCHEMA = "starproof/day-mark/1"
"""Without ``scope``."""
CLOSE_SCHEMA = "starproof/month-close/2"
OLD_CLOSE_SCHEMA = "starproof/month-close/1"
"""With ``chains``, which no check has ever believed."""
MAX_DAY_MARK_BYTES = 64 * 1024
MAX_CLOSE_BYTES = 16 * 1024 * 1024
MAX_CHAINS = 50_000
_CHAIN_NUMBERS = ("epoch", "first_seq", "last_seq", "chunks")
MAX_ANCHORS = 256
"""Receipts named by one day mark; further ones wait for the next."""
_DATE = re.compile(r"\d{4}-\d\d-\d\d\Z", re.ASCII)
_MONTH = re.compile(r"20\d\d-(?:0[1-9]|1[0-2])\Z", re.ASCII)


@dataclass(frozen=True)
class DayMark:
    """The mark of a local day that is over.

    ``date`` is ``YYYY-MM-DD`` in the IANA zone ``timezone``, ``anchors`` the SHA-256 of the anchor
    receipts that came since the mark before, in the order of the log, ``scope`` that of the record of the
    newest declared scope, empty if there is none, ``None`` in a mark of before, which does not say.
    """

    enterprise: str
    date: str
    timezone: str
    anchors: tuple[str, ...] = ()
    scope: Optional[str] = ""

    def encode(self) -> bytes:
        """Return the record's canonical bytes.

        Raises:
            OutOfRangeError: a value has no canonical form.
        """
        said = {"schema": DAY_MARK_SCHEMA, **vars(self), "anchors": list(self.anchors)}
        if self.scope is None:
            del said["scope"]
            said["schema"] = OLD_DAY_MARK_SCHEMA
        return canonical.encode(said)

    @property
    def day(self) -> int:
        """The day as an ordinal (``date.toordinal``)."""
        return date.fromisoformat(self.date).toordinal()


@dataclass(frozen=True)
class MonthClose:
    """The close of a month. ``size`` is the log's when it was made: the index of its own leaf."""

    enterprise: str
    month: str
    timezone: str
    size: int

    def encode(self) -> bytes:
        """Return the record's canonical bytes.

        Raises:
            OutOfRangeError: a value has no canonical form.
        """
        return canonical.encode({"schema": CLOSE_SCHEMA, **vars(self)})


def sha256(record: bytes) -> str:
    """Return the hash that a record's leaf holds, 64 hex digits."""
    return hashlib.sha256(record).hexdigest()


def parse_day_mark(record: bytes) -> DayMark:
    """Return what a day mark says.

    Raises:
        MalformedError: the bytes are none.
    """
    where = "day mark"
    document = canonical.decode(record, limit=MAX_DAY_MARK_BYTES)
    keys = ["schema", *DayMark.__dataclass_fields__]
    if document.get("schema") == OLD_DAY_MARK_SCHEMA:
        keys.remove("scope")
    fields.require_keys(document, keys, where=where)
    schema = fields.choice(document, "schema", (DAY_MARK_SCHEMA, OLD_DAY_MARK_SCHEMA), where=where)
    anchors = document["anchors"]
    if not isinstance(anchors, list) or len(anchors) > MAX_ANCHORS or not all(map(_is_hash, anchors)):
        raise MalformedError(f"{where}: anchors is not a list of at most {MAX_ANCHORS} hashes")
    scope = document.get("scope")
    if schema == DAY_MARK_SCHEMA and scope != "" and not _is_hash(scope):
        raise MalformedError(f"{where}: scope is neither a hash nor empty")
    return DayMark(
        enterprise=fields.text(document, "enterprise", where=where, longest=MAX_NAME),
        date=_date(fields.text(document, "date", where=where)),
        timezone=fields.text(document, "timezone", where=where, longest=MAX_NAME),
        anchors=tuple(anchors),
        scope=scope,
    )


def parse_close(record: bytes) -> MonthClose:
    """Return what the close of a month says.

    Raises:
        MalformedError: the bytes are none.
    """
    where = "month close"
    document = canonical.decode(record, limit=MAX_CLOSE_BYTES)
    keys = ["schema", *MonthClose.__dataclass_fields__]
    if document.get("schema") == OLD_CLOSE_SCHEMA:
        keys.append("chains")
    fields.require_keys(document, keys, where=where)
    fields.choice(document, "schema", (CLOSE_SCHEMA, OLD_CLOSE_SCHEMA), where=where)
    for chain in fields.objects(document, "chains", where=where, most=MAX_CHAINS) if "chains" in keys else ():
        _require_chain(chain, where)
    month = fields.text(document, "month", where=where)
    if not _MONTH.match(month):
        raise MalformedError(f"{where}: month is not written YYYY-MM")
    return MonthClose(
        enterprise=fields.text(document, "enterprise", where=where, longest=MAX_NAME),
        month=month,
        timezone=fields.text(document, "timezone", where=where, longest=MAX_NAME),
        size=fields.integer(document, "size", where=where, most=MAX_SIZE),
    )


def _require_chain(entry: dict[str, Any], where: str) -> None:
    """A chain in a close of before: its form is asked for as it was then, and nothing more."""
    fields.require_keys(entry, ("host", "source", *_CHAIN_NUMBERS), where=where)
    fields.text(entry, "host", where=where, longest=MAX_NAME)
    source_of(entry, where=where)
    _, first, last, chunks = (fields.integer(entry, name, where=where) for name in _CHAIN_NUMBERS)
    if first > last or not chunks:
        raise MalformedError(f"{where}: the numbers of a chain go back")


def _is_hash(value: object) -> bool:
    return isinstance(value, str) and fields.is_hash(value)


def _date(text: str) -> str:
    try:
        known = _DATE.match(text) and date.fromisoformat(text)
    except ValueError:
        known = None
    if not known:
        raise MalformedError("day mark: date is not a day written YYYY-MM-DD")
    return text
