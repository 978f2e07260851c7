"""What somebody could do to the golden pack, each as a function of its bytes: nothing of it is random.

A change that ends in ``resigned`` is one by somebody who holds the log key; the others leave the signed
statement as it is. Keys are those of the tests, so a second verifier can be given the same packs.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from fleet import Enrolled
from packs import LOG_KEY, OTHER, chunk_names, contents, frames, resigned, written

from evidence import canonical, checkpoint
from evidence.chunk import open_chunk, parse_header, read_frame, seal, write_frame
from evidence.dsse import CHUNK_TYPE
from evidence.log_entry import ENTRY_BYTES
from verifier import chunk_group, layout

IDENTITY = bytes([1]) + bytes(31)
"""A key of small order, under which one signature fits every message."""
Entries = dict[str, bytes]


def _bytes(change: Callable[[bytearray], None]) -> Callable[[bytes], bytes]:
    def bend(pack: bytes) -> bytes:
        bent = bytearray(pack)
        change(bent)
        return bytes(bent)

    return bend


def _entries(change: Callable[[Entries], None]) -> Callable[[bytes], bytes]:
    def bend(pack: bytes) -> bytes:
        found = contents(pack)
        change(found)
        return written(found)

    return bend


def _signed(change: Callable[[Entries], None]) -> Callable[[bytes], bytes]:
    def bend(pack: bytes) -> bytes:
        found = contents(pack)
        change(found)
        return resigned(found)

    return bend


def _chunks(change: Callable[[list[bytes]], list[bytes]], at: int = 0) -> Callable[[bytes], bytes]:
    def bend(found: Entries) -> None:
        name = chunk_names(found)[at]
        found[name] = b"".join(change(frames(found[name])))

    return _signed(bend)


def _flip(name: str) -> Callable[[bytes], bytes]:
    def bend(found: Entries) -> None:
        found[name] = found[name][:-2] + bytes([found[name][-2] ^ 1]) + found[name][-1:]

    return _entries(bend)


def _unsigned(frame: bytes) -> bytes:
    return write_frame(replace(read_frame(frame), signature=bytes(64)))


def _again(frame: bytes, **changes: object) -> bytes:
    """The same readings in a chunk that its agent signed anew."""
    header = parse_header(read_frame(frame).header)
    key = Enrolled.key_of(header.host, header.source, 0)
    opened = open_chunk(read_frame(frame), key.public)
    return seal(replace(header, **changes), manifest=opened.manifest, values=opened.values, key=key)


def _malformed(frame: bytes, old: bytes, new: bytes) -> bytes:
    """A header that breaks the format, under a good signature."""
    parts = read_frame(frame)
    header = parse_header(parts.header)
    body = parts.header.replace(old, new, 1)
    key = Enrolled.key_of(header.host, header.source, 0)
    return write_frame(replace(parts, header=body, signature=key.sign(CHUNK_TYPE, body)))


def _bomb(found: Entries) -> None:
    """A group that inflates to far more than one may have."""
    name = chunk_names(found)[0]
    first = frames(found[name])[0]
    stream = zlib.compress(b"{}\n\n" + bytes(2**20) * 48, 9)
    crc = int.from_bytes(first[-4:], "little")
    found[name] = first + chunk_group.enclose(stream, crc=crc, signature=bytes(64), prev=bytes(32))


def _weak_key(found: Entries) -> None:
    document = json.loads(found[layout.ENROLMENTS])
    record = json.loads(base64.b64decode(document["enrolments"][0]["record"]))
    record["key"] = IDENTITY.hex()
    document["enrolments"][0]["record"] = base64.b64encode(canonical.encode(record)).decode()
    document["enrolments"][0]["signature"] = base64.b64encode(IDENTITY + bytes(32)).decode()
    found[layout.ENROLMENTS] = canonical.encode(document)


def _edited(name: str, old: bytes, new: bytes) -> Callable[[bytes], bytes]:
    def bend(found: Entries) -> None:
        assert old in found[name], name
        found[name] = found[name].replace(old, new, 1)

    return _signed(bend)


def _without(name: str) -> Callable[[Entries], None]:
    return lambda found: found.__delitem__(name)


def _cut_chain(found: Entries) -> None:
    for name in [name for name in chunk_names(found) if name.startswith("data/chunks/0002")][-1:]:
        del found[name]


def _swap_leaves(found: Entries) -> None:
    leaves = found[layout.LOG_LEAVES]
    first, second = leaves[:ENTRY_BYTES], leaves[ENTRY_BYTES : 2 * ENTRY_BYTES]
    found[layout.LOG_LEAVES] = second + first + leaves[2 * ENTRY_BYTES :]


def _fewer_marks(found: Entries) -> None:
    document = json.loads(found[layout.LOG_DAY_MARKS])
    del document["records"][3]
    found[layout.LOG_DAY_MARKS] = canonical.encode(document)


def _other_checkpoints(found: Entries) -> None:
    notes = list(checkpoint.separate(found[layout.LOG_CHECKPOINTS]))
    last = checkpoint.verify(notes[-1], LOG_KEY.public)
    notes[-1] = checkpoint.sign(last.size, last.root, key=OTHER)
    found[layout.LOG_CHECKPOINTS] = b"\n".join(notes)


def _other_root(found: Entries) -> None:
    notes = list(checkpoint.separate(found[layout.LOG_CHECKPOINTS]))
    last = checkpoint.verify(notes[-1], LOG_KEY.public)
    notes[-1] = checkpoint.sign(last.size, bytes(32), key=LOG_KEY)
    found[layout.LOG_CHECKPOINTS] = b"\n".join(notes)


def _two_hosts_swapped(found: Entries) -> None:
    found[layout.HOSTS] = found[layout.HOSTS].replace(b'"0001"', b'"000x"')
    found[layout.HOSTS] = found[layout.HOSTS].replace(b'"0002"', b'"0001"').replace(b'"000x"', b'"0002"')


HOSTILE: Mapping[str, Callable[[bytes], bytes]] = {
    "appended-byte": lambda pack: pack + b"\0",
    "before-the-file": lambda pack: b"#!/bin/sh\n" + pack,
    "changed-byte-in-chunk": _bytes(lambda bent: bent.__setitem__(3_000, bent[3_000] ^ 1)),
    "changed-byte-in-report": _flip(layout.REPORT),
    "changed-statement": _entries(
        lambda found: found.__setitem__(
            layout.STATEMENT, found[layout.STATEMENT].replace(b"2026-11", b"2026-10")
        )
    ),
    "chunk-back-dated": _chunks(lambda each: [*each[:-1], _again(each[-1], prev_end_ms=1_793_600_000_000)]),
    "chunk-bomb": _signed(_bomb),
    "chunk-entry-removed": _signed(_cut_chain),
    "chunk-header-float": _chunks(
        lambda each: [_malformed(each[0], b'"clock_rtt_ms":-1', b'"clock_rtt_ms":1.5'), *each[1:]]
    ),
    "chunk-header-unknown-field": _chunks(
        lambda each: [_malformed(each[0], b'{"agent"', b'{"a":"b","agent"'), *each[1:]]
    ),
    "chunk-in-the-wrong-day": _signed(
        lambda found: found.__setitem__(
            "data/chunks/0002/agent-0/2026-11-30.chunks", found.pop(chunk_names(found)[-1])
        )
    ),
    "chunk-of-another-host": _signed(
        lambda found: found.__setitem__(chunk_names(found)[0], found[chunk_names(found)[-1]])
    ),
    "chunk-twice": _chunks(lambda each: [each[0], *each]),
    "chunk-unsigned-at-the-end-of-a-day": _chunks(lambda each: [*each[:-1], _unsigned(each[-1])]),
    "code-in-a-new-entry": _entries(lambda found: found.__setitem__("data/run.py", b"import os")),
    "day-sums-edited": _edited(layout.DAY_SUMS, b",cpu,2026-11-04,", b",cpu,2026-11-04,9"),
    "edition-with-lower-thresholds": _edited(
        layout.EDITION,
        b'thresholds = { 3 = "5", 4 = "10", 5 = "25" }',
        b'thresholds = { 3 = "1", 4 = "2", 5 = "3" }',
    ),
    "enrolment-with-a-weak-key": _signed(_weak_key),
    "entry-removed": _entries(_without(layout.REPORT)),
    "figures-edited": _edited(layout.FIGURES, b'"value":"', b'"value":"9'),
    "hosts-swapped": _signed(_two_hosts_swapped),
    "log-removed": _signed(lambda found: [found.pop(name) for name in layout.LOG] and None),
    "log-leaves-swapped": _signed(_swap_leaves),
    "log-mark-removed": _signed(_fewer_marks),
    "log-signed-by-another-key": _signed(_other_checkpoints),
    "log-with-another-root": _signed(_other_root),
    "signed-by-another-key": lambda pack: resigned(contents(pack), OTHER),
    "verdict-edited": _edited(layout.VERDICT, b'"star":', b'"Star":'),
}
"""By name; every one must fail, or be incomplete."""


Head = dict[str, Any]


def _grouped(change: Callable[[Head, bytes], bytes], *, last: bool = False) -> Callable[[bytes], bytes]:
    """Change the first or the last group of the first entry: its head's parts, and its content."""

    def bend(found: Entries) -> None:
        name = chunk_names(found)[0]
        data = found[name]
        at = (data.rindex if last else data.index)(chunk_group.MAGIC)
        _, crc, length, signature, prev = chunk_group.HEAD.unpack_from(data, at)
        begin = at + chunk_group.HEAD.size
        end = begin + length + chunk_group.TAIL.size
        content = zlib.decompress(data[begin : begin + length])
        head = {"crc": crc, "signature": signature, "prev": prev}
        found[name] = data[:at] + change(head, content) + data[end:]

    return _signed(bend)


def _group(head: Head, content: bytes, **changes: object) -> bytes:
    return chunk_group.enclose(zlib.compress(content, 9), **{**head, **changes})


def _line(old: bytes, new: bytes) -> Callable[[Head, bytes], bytes]:
    return lambda head, content: _group(head, content.replace(old, new, 1))


HOSTILE_GROUPS: Mapping[str, Callable[[bytes], bytes]] = {
    "group-damaged": _grouped(lambda head, content: _group(head, content)[:-3] + b"abc"),
    "group-of-another-frame": _grouped(lambda head, content: _group(head, content, crc=head["crc"] ^ 1)),
    "group-removed": _grouped(lambda _head, _content: b""),
    "group-unsigned-at-the-end-of-a-day": _grouped(
        lambda head, content: _group(head, content, signature=bytes(64)), last=True
    ),
    "group-with-another-line": _grouped(_line(b"\n{}\n", b'\n{"clock_rtt_ms":3}\n')),
    "group-with-another-link": _grouped(lambda head, content: _group(head, content, prev=bytes(32))),
    "group-with-another-reading": _grouped(
        lambda head, content: _group(head, content[:-1] + bytes([content[-1] ^ 2]))
    ),
    "group-without-its-end": _grouped(_line(b"\n{}\n\n", b"\n\n")),
}
"""Of the golden pack with groups."""
