"""The head of a request as it came over the wire: what could be read in two ways is refused. Pure.

A server and whatever stands before it must agree where a request ends (RFC 9112, 11.2). The library reads leniently
some of what the standard leaves to the reader, so this is judged on the bytes, before it.
"""

from __future__ import annotations

import re

END = re.compile(rb"\r?\n\r?\n")
_BARE = re.compile(rb"(?<!\r)\n|\r(?!\n)")
_FOLD = re.compile(rb"\n[ \t]")
_ONCE = (b"content-length", b"transfer-encoding", b"host", b"content-type", b"x-starproof-key")
_LENGTH = re.compile(rb"[0-9]{1,18}\Z")


def head_problem(head: bytes) -> str:
    """Return why a request's head is refused, empty if it is not. ``head`` ends before the empty line."""
    if _BARE.search(head):
        return "a line does not end with CR LF"
    if _FOLD.search(head):
        return "a header is folded over lines"
    fields: dict[bytes, bytes] = {}
    for line in head.split(b"\r\n")[1:]:
        name, colon, value = line.partition(b":")
        lower = name.lower()
        if not colon or name != name.strip() or not name:
            return "a header has no name, or blanks around it"
        if lower in _ONCE and lower in fields:
            return f"{lower.decode()} stands twice"
        fields[lower] = value.strip(b" \t")
    return _length_problem(fields.get(b"content-length"), fields.get(b"transfer-encoding"))


def _length_problem(length: bytes | None, encoding: bytes | None) -> str:
    if length is not None and encoding is not None:
        return "content-length and transfer-encoding contradict each other"
    if length is not None and not _LENGTH.match(length):
        return "content-length is no number"
    if encoding is not None and encoding.lower() != b"chunked":
        return "transfer-encoding is not chunked"
    return ""
