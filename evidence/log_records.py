"""Records that the log itself makes: the mark of a day, and the close of a month.

A day mark is appended once the local day is over, also when nothing arrived, so that every day has a
size of the log of its own; it names the anchor receipts that came since the mark before, and the newest
declared scope: whoever declares several commits to one of them every day. The close of a month says when it
was held to be whole.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import date

from evidence import canonical, fields
from evidence.chunk import MAX_NAME
from evidence.errors import MalformedError
from evidence.merkle import MAX_SIZE

DAY_MARK_SCHEMA = "starproof/day-mark/1"
CLOSE_SCHEMA = "starproof/month-close/1"
MAX_DAY_MARK_BYTES = 64 * 1024
MAX_CLOSE_BYTES = 64 * 1024
MAX_ANCHORS = 256
"""Receipts named by one day mark; further ones wait for the next."""
_DATE = re.compile(r"\d{4}-\d\d-\d\d\Z", re.ASCII)
_MONTH = re.compile(r"20\d\d-(?:0[1-9]|1[0-2])\Z", re.ASCII)


@dataclass(frozen=True)
class DayMark:
    """The mark of a local day that is over.

    ``date`` is ``YYYY-MM-DD`` in the IANA zone ``timezone``, ``anchors`` the SHA-256 of the anchor
    receipts that came since the mark before, in the order of the log, ``scope`` that of the record of the
    newest declared scope, empty if there is none.
    """

    enterprise: str
    date: str
    timezone: str
    anchors: tuple[str, ...] = ()
    scope: str = ""

    def encode(self) -> bytes:
        """Return the record's canonical bytes.

        Raises:
            OutOfRangeError: a value has no canonical form.
        """
        return canonical.encode({"schema": DAY_MARK_SCHEMA, **vars(self), "anchors": list(self.anchors)})

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
    fields.require_keys(document, ("schema", *DayMark.__dataclass_fields__), where=where)
    fields.choice(document, "schema", (DAY_MARK_SCHEMA,), where=where)
    anchors = document["anchors"]
    if not isinstance(anchors, list) or len(anchors) > MAX_ANCHORS or not all(map(_is_hash, anchors)):
        raise MalformedError(f"{where}: anchors is not a list of at most {MAX_ANCHORS} hashes")
    scope = document["scope"]
    if scope != "" and not _is_hash(scope):
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
    fields.require_keys(document, ("schema", *MonthClose.__dataclass_fields__), where=where)
    fields.choice(document, "schema", (CLOSE_SCHEMA,), where=where)
    month = fields.text(document, "month", where=where)
    if not _MONTH.match(month):
        raise MalformedError(f"{where}: month is not written YYYY-MM")
    return MonthClose(
        enterprise=fields.text(document, "enterprise", where=where, longest=MAX_NAME),
        month=month,
        timezone=fields.text(document, "timezone", where=where, longest=MAX_NAME),
        size=fields.integer(document, "size", where=where, most=MAX_SIZE),
    )


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
