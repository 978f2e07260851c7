"""The entry with the headers of chunks that the log holds and the pack does not.

    data/log/left-out.zlib     one zlib stream (RFC 1950); inflated: headers as they were signed, a line feed after each

A leaf of a chunk is bound to its header by the hash, so a header tells whose chunk it is, and of which
time, though nothing of its readings. Canonical JSON holds no line feed. They stand by host, source and number.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator

from evidence.chunk import MAX_HEADER_BYTES
from evidence.errors import MalformedError
from verifier.headers import read_header

END = b"\n"
NOTHING = bytes.fromhex("78da030000000001")
"""The entry without a header. Other streams say nothing too, and are refused: nothing is said in one form only."""
_STEP_BYTES = 4 * 1024
"""Inflated at once: deflate gives at most 1,032 bytes for one."""
_LEVEL = 9


def encode(headers: Iterable[bytes]) -> bytes:
    """Return the entry that holds these headers."""
    stream = zlib.compressobj(_LEVEL)
    return b"".join(stream.compress(body + END) for body in sorted(headers, key=_place)) + stream.flush()


def decode(data: bytes) -> Iterator[bytes]:
    """Yield the headers in an entry; they are not looked at.

    Raises:
        MalformedError: no such entry; what was yielded before stands in it.
    """
    stream, rest, at = zlib.decompressobj(), b"", 0
    told = data == NOTHING
    while at < len(data) and not stream.eof:
        try:
            rest += stream.decompress(data[at : at + _STEP_BYTES])
        except zlib.error as error:
            raise MalformedError(f"damaged zlib stream: {error}") from None
        at += _STEP_BYTES
        *whole, rest = rest.split(END)
        told = told or bool(whole)
        yield from whole
        if len(rest) > MAX_HEADER_BYTES:
            raise MalformedError(f"a header has at most {MAX_HEADER_BYTES} bytes")
    if rest or not stream.eof or stream.unused_data or at < len(data):
        raise MalformedError("not one whole zlib stream of lines")
    if not told:
        raise MalformedError(f"a stream without a header is {NOTHING.hex()} and no other")


def _place(body: bytes) -> tuple[str, str, str, int]:
    header = read_header(body)
    return header.host, header.source, header.key, header.seq
