"""The files that travel between a host without a route and its collector, on a stick or a disc.

Three, each told apart by its first line:

* the offer (JSON): what the host's enrolment must say, with its one-time token;
* the spool file: a first line, a line of JSON, chunk frames one after another, and a line of JSON with their
  count and the SHA-256 of everything before, so that a file that was cut off shows;
* the receipt (lines of JSON): what the collector stored, proved by its log (``docs/wire.md``).

Nothing in them is believed because of the file: chunks are signed by the host's key, receipts by the log's.
Pure: bytes in, bytes out.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Optional

from evidence.errors import MalformedError
from evidence.fields import is_hash

OFFER_SCHEMA = "starproof/offer/1"
SPOOL_SCHEMA = "starproof/spool/1"
RECEIPT_SCHEMA = "starproof/receipt/1"
SPOOL_MAGIC = b"STARPROOF SPOOL 1\n"
MAX_LINE_BYTES = 1024 * 1024
"""256 results with their proofs, with room."""
UNKNOWN_SIZE = -1
"""The log's size that a host knows, if it knows none."""
_MAX_SIZE = 2**52
_REQUEST = ("token", "record", "signature", "previous_signature")


@dataclass(frozen=True)
class SpoolHead:
    """Whose chunks follow. ``request`` is an enrolment that the collector has not confirmed: base64 and token."""

    enterprise: str
    host: str
    source: str
    key: str
    enrolment: str
    made_ms: int
    log_size: int = UNKNOWN_SIZE
    request: Optional[Mapping[str, str]] = None


@dataclass(frozen=True)
class ReceiptHead:
    """Whose receipt follows; ``key`` is the id of the host's key."""

    enterprise: str
    host: str
    source: str
    key: str
    enrolment: str


def write_head(head: SpoolHead) -> bytes:
    """Return the first two lines of a spool file."""
    return SPOOL_MAGIC + line_of({"schema": SPOOL_SCHEMA, **asdict(head)})


def read_head(line: bytes) -> SpoolHead:
    """Return what the second line of a spool file says.

    Raises:
        MalformedError: it is none.
    """
    document = _document(line, SPOOL_SCHEMA)
    made_ms = _count(document, "made_ms")
    log_size = UNKNOWN_SIZE
    if document.get("log_size") != UNKNOWN_SIZE:
        log_size = _count(document, "log_size")
    request = document.get("request")
    if request is not None and (
        not isinstance(request, dict)
        or set(request) != set(_REQUEST)
        or not all(isinstance(value, str) for value in request.values())
    ):
        raise MalformedError("the enrolment in the spool file is incomplete")
    return SpoolHead(**_whose(document), made_ms=made_ms, log_size=log_size, request=request)


def write_tail(chunks: int, sha256: str) -> bytes:
    """Return the last line of a spool file."""
    return line_of({"chunks": chunks, "sha256": sha256})


def read_tail(line: bytes) -> tuple[int, str]:
    """Return how many chunks a spool file holds, and the SHA-256 of all before this line.

    Raises:
        MalformedError: the line is no such line: the file was cut off or damaged.
    """
    document = _document(line, None)
    sha256 = _text(document, "sha256")
    if not is_hash(sha256):
        raise MalformedError("the spool file has no end")
    return _count(document, "chunks"), sha256


def write_receipt_head(head: ReceiptHead) -> bytes:
    """Return the first line of a receipt."""
    return line_of({"schema": RECEIPT_SCHEMA, **asdict(head)})


def read_receipt_head(line: bytes) -> ReceiptHead:
    """Return what the first line of a receipt says.

    Raises:
        MalformedError: it is none.
    """
    return ReceiptHead(**_whose(_document(line, RECEIPT_SCHEMA)))


def line_of(document: Mapping[str, Any]) -> bytes:
    """Return a document as one line."""
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def read_offer(data: bytes) -> Mapping[str, Any]:
    """Return what an offer says: texts, and ``epoch``.

    Raises:
        MalformedError: it is none.
    """
    document = _document(data, OFFER_SCHEMA)
    for name in ("token", "enterprise", "host", "source", "previous", "log_key"):
        _text(document, name)
    _count(document, "epoch")
    return document


def _document(line: bytes, schema: Optional[str]) -> dict[str, Any]:
    try:
        document = json.loads(line)
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict) or (schema is not None and document.get("schema") != schema):
        raise MalformedError(f"this is no {schema or 'end of a spool file'}")
    return document


def _whose(document: Mapping[str, Any]) -> dict[str, str]:
    return {name: _text(document, name) for name in ReceiptHead.__dataclass_fields__}


def _text(document: Mapping[str, Any], name: str) -> str:
    value = document.get(name)
    if not isinstance(value, str):
        raise MalformedError(f"{name} is missing or no text")
    return value


def _count(document: Mapping[str, Any], name: str) -> int:
    value = document.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < _MAX_SIZE:
        raise MalformedError(f"{name} is missing or no count")
    return value
