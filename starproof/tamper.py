"""What a dishonest insider without the keys could do to a pack: used by the demonstration.

One reading is changed, and everything that can be recomputed without a key is recomputed: the CRC of
the chunk, both manifests, the container. What is left is what only a key can make.
"""

from __future__ import annotations

import io
import struct

from evidence import columns
from evidence.chunk import Frame, parse_header, take_frame, write_frame
from verifier import layout
from verifier.container import Container, Writer
from verifier.errors import PackError

CPU_USER = 3
"""The column after the three clocks."""


def with_raised_cpu(pack: bytes, *, ticks: int = 1_000) -> bytes:
    """Return the pack with ``ticks`` more user time in the last reading of its first chunk of two rows.

    Raises:
        PackError: there is no such chunk.
    """
    container = Container(io.BytesIO(pack))
    contents = {name: container.read(name) for name in container.entries}
    for name in sorted(contents):
        if layout.chunks_place(name):
            contents[name] = _raise(contents[name], ticks)
            break
    else:
        raise PackError("the pack holds no chunk to tamper with")
    contents[layout.MANIFEST] = layout.payload_manifest(_hashes(contents))
    contents[layout.TAG_MANIFEST] = layout.tag_manifest(_hashes(contents))
    return _written(contents)


def _raise(entry: bytes, ticks: int) -> bytes:
    frame, end = take_frame(entry, 0)
    header = parse_header(frame.header)
    raw = bytearray(columns.unpack(frame.packed, rows=header.rows, columns=header.columns))
    place = (CPU_USER * header.rows + header.rows - 1) * columns.VALUE_BYTES
    (value,) = struct.unpack_from("<q", raw, place)
    struct.pack_into("<q", raw, place, value + ticks)
    packed = columns.pack(bytes(raw), rows=header.rows)
    changed = Frame(frame.key, frame.signature, frame.header, frame.manifest, frame.manifest_bytes, packed)
    return write_frame(changed) + entry[end:]


def _hashes(contents: dict[str, bytes]) -> dict[str, str]:
    return {name: layout.sha256(body) for name, body in contents.items()}


def _written(contents: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    writer = Writer(stream)
    for name in sorted(contents):
        writer.add(name, contents[name])
    writer.close()
    return stream.getvalue()
