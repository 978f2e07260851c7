"""Mail in the authority's own mailbox: notes in it, and when the mailbox received them.

A message proves what it proves only where it comes from a mailbox that the applicant does not keep.
The time is that of the topmost ``Received`` field: it was added by the mailbox's own server; all below it, and
``Date``, are the sender's words (RFC 5321, 4.4). A message without one confirms bytes and no time.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import Message
from email.utils import parsedate_to_datetime
from itertools import chain
from typing import Any

MAX_MESSAGE_BYTES = 4 * 1024 * 1024
MAX_PARTS = 100
MAX_NOTES = 100
MAX_CONTAINERS = 100
"""Parts of a message that hold other parts; mail programs make a handful."""
_FROM = b"From "
_CONTAINER = re.compile(rb"(?i)content-type:[ \t\r\n]*(?:multipart|message)/")
_CR_FROM = b"\rFrom "
_NOTE = re.compile(
    rb"starproof/[0-9a-f]{16}\n\d{1,16}\n[A-Za-z0-9+/]{43}=\n\n(?:\xe2\x80\x94 [^\n]{1,1000}\n){1,16}"
)


@dataclass(frozen=True)
class MailedNote:
    """A note found in a message: where, and when the mailbox received it (ms), if it says so."""

    place: str
    note: bytes
    received_ms: int | None


def holds_several(lines: Iterable[bytes]) -> bool:
    """Return whether a file is an mbox of more than one message, or may be one.

    An mbox tells where a message begins by a line ``From ...`` alone. Text of one message can hold such a line with
    fields of its own below it, so that one late message poses as many early ones; whether the program that wrote
    the file quotes these lines cannot be seen in it. Nothing in such a file has a time that can be relied on.
    """
    each = iter(lines)
    first = next(each, b"")
    return first.startswith(_FROM) and any(
        _CR_FROM in line or line.startswith(_FROM) for line in chain([first[1:]], each)
    )


def notes_in(place: str, raw: bytes) -> list[MailedNote]:
    """Return every note that a message holds, in its text or attached; nothing about them is verified.

    A message with more than ``MAX_CONTAINERS`` parts that hold others has none: anybody can mail one to the
    authority, and to read it would exhaust the stack.
    """
    if len(_CONTAINER.findall(raw[:MAX_MESSAGE_BYTES])) > MAX_CONTAINERS:
        return []
    message = message_from_bytes(raw[:MAX_MESSAGE_BYTES], policy=policy.compat32)
    received_ms = _received_ms(message.get_all("Received"))
    found: dict[bytes, None] = {}
    for part in list(_parts(message))[:MAX_PARTS]:
        found.update(dict.fromkeys(notes_of(_payload(part))))
    return [MailedNote(place, note, received_ms) for note in list(found)[:MAX_NOTES]]


def notes_of(text: bytes) -> list[bytes]:
    """Return what has the form of a note in ``text``, line ends as LF."""
    return _NOTE.findall(text.replace(b"\r\n", b"\n"))


def _parts(message: Message) -> Iterator[Message]:
    return (part for part in message.walk() if not part.is_multipart())


def _payload(part: Message) -> bytes:
    """A part that is no multipart has bytes, whatever its encoding says."""
    payload: Any = part.get_payload(decode=True)
    return bytes(payload)


def _received_ms(fields: list[str] | None) -> int | None:
    """The date stands behind the last semicolon of the topmost field."""
    if not fields:
        return None
    _, semicolon, date = str(fields[0]).rpartition(";")
    try:
        when = parsedate_to_datetime(" ".join(date.split()))
        if not semicolon or when.tzinfo is None:
            return None
        return int(when.timestamp()) * 1000
    except (ValueError, OverflowError, TypeError, IndexError):
        return None
