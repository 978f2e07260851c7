r"""Headers of chunks, read quickly: the usual ones by one pattern, all others by the strict reader.

The pattern matches only canonical JSON whose fields are all within their limits, so what it reads is what
``evidence.chunk.parse_header`` returns; what it does not match is left to that, with its refusals.
"""

from __future__ import annotations

import re

from evidence.chunk import (
    CLOCK_STATES,
    EARLIEST_MS,
    FIRST_ROWS,
    LATEST_MS,
    MAX_HEADER_BYTES,
    MAX_NAME,
    SCHEMA,
    Header,
    parse_header,
)
from evidence.columns import MAX_COLUMNS, MAX_ROWS
from evidence.sources import NAME_PATTERN

_TEXT = rf'"([^"\\\x00-\x1f]{{0,{MAX_NAME}}})"'
_HASH = '"([0-9a-f]{64})"'
_NUMBER = r"(0|[1-9]\d{0,14})"
_FIELDS = {
    "agent": _TEXT,
    "anchor": '"([0-9a-f]{64}|)"',
    "boot": _TEXT,
    "clock_offset_ms": r"(0|-?[1-9]\d{0,11})",
    "clock_rtt_ms": rf"(-1|{_NUMBER[1:-1]})",
    "clock_state": f'"({"|".join(CLOCK_STATES)})"',
    "code": _HASH,
    "columns": _NUMBER,
    "digest": _HASH,
    "end_ms": _NUMBER,
    "enterprise": _TEXT,
    "first": f'"({"|".join(FIRST_ROWS)})"',
    "host": _TEXT,
    "key": _HASH,
    "manifest": _HASH,
    "prev": _HASH,
    "prev_end_ms": _NUMBER,
    "rows": _NUMBER,
    "schema": f'"({re.escape(SCHEMA)})"',
    "seq": _NUMBER,
    "source": f'"({NAME_PATTERN})"',
    "start_ms": _NUMBER,
}


def _pair(name: str) -> str:
    pair = f'"{name}":{_FIELDS[name]}'
    return f"(?:{pair},)?" if name == "code" else pair if name == "start_ms" else f"{pair},"


_PATTERN = re.compile(rf"\{{{''.join(map(_pair, _FIELDS))}\}}\Z", re.ASCII)


def read_header(body: bytes) -> Header:
    """Return the header that ``body`` encodes.

    Raises:
        MalformedError: as ``evidence.chunk.parse_header``.
    """
    if len(body) <= MAX_HEADER_BYTES:
        found = _usual(body)
        if found is not None:
            return found
    return parse_header(body)


def _usual(body: bytes) -> Header | None:
    try:
        match = _PATTERN.match(body.decode("utf-8"))
    except UnicodeDecodeError:
        return None
    if match is None:
        return None
    (
        agent, anchor, boot, offset_ms, rtt_ms, state, code, columns, digest, end, enterprise, first, host, key,
        manifest, prev, prev_end, rows, _, seq, source, start,
    ) = match.groups()  # fmt: skip
    start_ms, end_ms, prev_end_ms, shape = int(start), int(end), int(prev_end), (int(rows), int(columns))
    if (
        not EARLIEST_MS <= start_ms <= LATEST_MS
        or not EARLIEST_MS <= end_ms <= LATEST_MS
        or prev_end_ms > LATEST_MS
        or shape[0] > MAX_ROWS
        or not 1 <= shape[1] <= MAX_COLUMNS
    ):
        return None
    return Header(
        enterprise, source, host, key, int(seq), prev, boot, first, start_ms, end_ms, prev_end_ms, anchor,
        *shape, digest, manifest, agent, state, int(offset_ms), int(rtt_ms), code or "",
    )  # fmt: skip
