"""Mutated packs: a tiny pack bent at every level, the outer hashes and signatures mended so that inner code is reached.

Levels: the file (bytes, ZIP structure), an entry (with or without mended manifests, signed by the log key or
by another), JSON inside an entry, the log's leaves, a chunk (its frame; its header or readings sealed anew by
the host's own key). Everything follows from the seed.
"""

from __future__ import annotations

import io
import json
import random
import struct
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from fleet import Enrolled
from packs import LOG_KEY, OTHER, contents, resigned, written
from packs import frames as whole_frames

from evidence.chunk import Chunk, open_chunk, read_frame, seal, write_frame
from evidence.errors import EvidenceError
from evidence.keys import PublicKey
from verifier import chunk_entry, layout, left_out

Entries = dict[str, bytes]
LEAF_BYTES = 41
STRANGE: tuple[Any, ...] = (
    0, 1, -1, 2**53 - 1, 2**53, -(2**63), 2**64, 1.5, True, None, "", "x", "0" * 64, "é\u202e", "\ud800", [], {}, [[]],
    "9999-12-31", "2026-13", "Asia/Nowhere", "UTC", "data/../x",
)  # fmt: skip


def _holds(data: bytes, bodies: list[bytes]) -> bool:
    """Whether a bent stream still says the same: how it is divided into deflate blocks is free, but for an empty one."""
    try:
        return bool(bodies) and list(left_out.decode(data)) == bodies
    except EvidenceError:
        return False


def _says(data: bytes) -> object:
    """What a frame says: bits after the last block of a deflate stream say nothing."""
    try:
        frame = read_frame(data)
        return replace(frame, manifest=zlib.decompress(frame.manifest), packed=zlib.decompress(frame.packed))
    except (EvidenceError, zlib.error):
        return data


class Mutator:
    """Bends one pack, over and over; ``next`` gives a name and the bytes."""

    def __init__(self, pack: bytes, seed: int) -> None:
        self.pack = pack
        self.dice = random.Random(seed)
        self.entries = contents(pack)
        self.names = sorted(self.entries)
        self.json = [name for name in self.names if name.endswith(".json")]
        self.chunks = [name for name in self.names if layout.chunks_place(name)]
        self.quick: list[Callable[[], bytes]] = [
            self.truncate, self.cut_front, self.insert, self.remove, self.flip_head, self.directory, self.rezip,
        ]  # fmt: skip
        self.deep: list[Callable[[], bytes]] = [
            self.flip, self.swap, self.entry, self.entry_signed, self.entry_other_key, self.json_signed,
            self.leaf_signed, self.left_out_signed, self.chunk_bytes_signed, self.chunk_sealed_again, self.text_signed,
        ]  # fmt: skip

    def next(self, *, deep: bool) -> tuple[str, bytes]:
        """Return one more bent pack: quick ones are refused by the container, deep ones reach further."""
        bend = self.dice.choice(self.deep if deep else self.quick)
        return bend.__name__, bend()

    # -- the file

    def truncate(self) -> bytes:
        return self.pack[: self.dice.randrange(len(self.pack))]

    def cut_front(self) -> bytes:
        return self.pack[self.dice.randrange(1, len(self.pack)) :]

    def insert(self) -> bytes:
        at = self.dice.randrange(len(self.pack) + 1)
        return self.pack[:at] + self.dice.randbytes(self.dice.randrange(1, 40)) + self.pack[at:]

    def remove(self) -> bytes:
        at = self.dice.randrange(len(self.pack))
        return self.pack[:at] + self.pack[at + self.dice.randrange(1, 200) :]

    def _bent(self, data: bytes) -> bytes:
        """Some bits, a cut, a doubled or a strange piece."""
        body, kind = bytearray(data), self.dice.randrange(6)
        at = self.dice.randrange(len(body) + 1) if body else 0
        if kind < 3 and body:
            for _ in range(self.dice.choice((1, 1, 2, 5))):
                body[self.dice.randrange(len(body))] ^= 1 << self.dice.randrange(8)
        elif kind == 3:
            del body[at : at + self.dice.randrange(1, 60)]
        elif kind == 4:
            body[at:at] = body[max(0, at - self.dice.randrange(1, 90)) : at]
        else:
            body[at:at] = self.dice.choice(
                (b"\0", b"\n", b"\xff", b'"', b"{", b"[[", b"SPC1", b"SPG1", b"PK\3\4", b"-1")
            )
        return bytes(body)

    def flip_head(self) -> bytes:
        """A bit of a local header."""
        data = bytearray(self.pack)
        starts = (
            [at for at in range(len(data) - 4) if data[at : at + 4] == b"PK\3\4"]
            if not hasattr(self, "_heads")
            else []
        )
        self._heads: list[int] = getattr(self, "_heads", starts)
        data[self.dice.choice(self._heads) + self.dice.randrange(30)] ^= 1 << self.dice.randrange(8)
        return bytes(data)

    def directory(self) -> bytes:
        start = self.pack.index(b"PK\1\2")
        data = bytearray(self.pack)
        struct.pack_into("<I", data, self.dice.randrange(start, len(data) - 4), self.dice.getrandbits(32))
        return bytes(data)

    def rezip(self) -> bytes:
        """Another ZIP writer: compression, order, comment."""
        stream, names = io.BytesIO(), self.names[:12]
        self.dice.shuffle(names)
        with zipfile.ZipFile(
            stream, "w", self.dice.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED))
        ) as archive:
            for name in names:
                archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), self.entries[name][:500])
            archive.comment = self.dice.randbytes(self.dice.randrange(3))
        return stream.getvalue()

    def flip(self) -> bytes:
        data = bytearray(self.pack)
        for _ in range(self.dice.choice((1, 1, 1, 2, 9))):
            data[self.dice.randrange(len(data))] ^= 1 << self.dice.randrange(8)
        return bytes(data)

    def swap(self) -> bytes:
        """Two stretches change places."""
        one, two = sorted(self.dice.sample(range(len(self.pack) - 64), 2))
        length = self.dice.randrange(1, 64)
        two, p = max(two, one + length), self.pack
        return (
            p[:one]
            + p[two : two + length]
            + p[one + length : two]
            + p[one : one + length]
            + p[two + length :]
        )

    # -- an entry

    def _changed(self) -> Entries:
        entries, name = dict(self.entries), self.dice.choice(self.names)
        kind = self.dice.randrange(8)
        if kind == 0:
            del entries[name]
        elif kind == 1:
            other = self.dice.choice([n for n in self.names if n != name])
            entries[name], entries[other] = entries[other], entries[name]
        elif kind == 2:
            added = ("data/x.txt", "data/chunks/0003/agent-0/2026-11-28.chunks", "data/chunks/0001/agent-1/2026-11-28.chunks",
                     "data/documents/" + "0" * 64, "data/anchors/3/mail.eml", "data/anchors/3/note", "data/profile.toml",
                     "data/ledger.json", "data/report.pdf")  # fmt: skip
            entries[self.dice.choice(added)] = entries[name]
        else:
            entries[name] = self._bent(entries[name])
        return entries

    def entry(self) -> bytes:
        return written(self._changed())

    def entry_signed(self) -> bytes:
        return self._signed(self._changed())

    def entry_other_key(self) -> bytes:
        return self._signed(self._changed(), OTHER)

    def _signed(self, entries: Entries, key: Any = LOG_KEY) -> bytes:
        try:
            return resigned(entries, key)
        except (EvidenceError, KeyError, ValueError):  # the statement itself was destroyed
            return written(entries)

    def text_signed(self) -> bytes:
        """A line of a rules file, or of any text."""
        entries = dict(self.entries)
        # a checkpoint may be signed twice over, and says the same: its lines are bent by other mutations
        texts = [
            n for n in self.names if n.endswith((".toml", ".txt", ".csv")) and n != layout.LOG_CHECKPOINTS
        ]
        name = self.dice.choice(texts)
        lines = entries[name].split(b"\n")
        at = self.dice.randrange(len(lines))
        lines[at : at + 1] = self.dice.choice(
            (
                [self._bent(lines[at])],
                [],
                [lines[at]] * 2,
                [b"x = 1", lines[at]],
                [lines[at].replace(b"1", b"7", 1)],
            )
        )
        return self._signed({**entries, name: b"\n".join(lines)})

    # -- JSON

    def json_signed(self) -> bytes:
        """One value of a JSON entry, at any depth; written canonically again, and signed."""
        entries, name = dict(self.entries), self.dice.choice(self.json)
        document = json.loads(entries[name])
        self._bend_value(document)
        text = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        tail = b"\n" if entries[name].endswith(b"\n") else b""
        entries[name] = text.encode("utf-8", "surrogatepass") + tail
        if name == layout.STATEMENT:
            entries[layout.SIGNATURE] = LOG_KEY.sign(
                "application/vnd.starproof.statement+json", entries[name]
            )
            entries[layout.TAG_MANIFEST] = layout.tag_manifest(
                {n: layout.sha256(b) for n, b in entries.items()}
            )
            return written(entries)
        return self._signed(entries)

    def _bend_value(self, node: Any) -> None:
        keys = list(node) if isinstance(node, dict) else list(range(len(node)))
        if not keys:
            node.update(x=1) if isinstance(node, dict) else node.append(1)
            return
        key = self.dice.choice(keys)
        inner = node[key]
        if isinstance(inner, dict | list) and inner and self.dice.randrange(6):
            self._bend_value(inner)
            return
        kind = self.dice.randrange(6)
        if kind == 0:
            del node[key]
        elif kind == 1 and isinstance(node, list):
            node.insert(key, inner)
        elif kind == 2 and isinstance(inner, int):
            node[key] = inner + self.dice.choice((-86_400_000, -1, 1, 60_000, 86_400_000))
        elif kind == 3 and isinstance(inner, str) and inner:
            at = self.dice.randrange(len(inner))
            node[key] = inner[:at] + self.dice.choice("0a9fZ- ") + inner[at + 1 :]
        elif kind == 4 and isinstance(node, dict):
            node[self.dice.choice(("x", "Z", "zh", "host"))] = self.dice.choice(STRANGE)
        else:
            node[key] = self.dice.choice(STRANGE)

    # -- the log

    def leaf_signed(self) -> bytes:
        """A leaf changed, dropped, doubled or moved."""
        entries = dict(self.entries)
        raw = entries[layout.LOG_LEAVES]
        leaves = [raw[at : at + LEAF_BYTES] for at in range(0, len(raw), LEAF_BYTES)]
        at, kind = self.dice.randrange(len(leaves)), self.dice.randrange(4)
        if kind == 0:
            leaves[at] = self._bent(leaves[at])
        elif kind == 1:
            del leaves[at]
        elif kind == 2:
            leaves.insert(at, leaves[self.dice.randrange(len(leaves))])
        else:
            leaves[at], leaves[at - 1] = leaves[at - 1], leaves[at]
        entries[layout.LOG_LEAVES] = b"".join(leaves)
        return self._signed(entries)

    def left_out_signed(self) -> bytes:
        """A header of what the pack leaves out changed, dropped, doubled or from inside the pack; or the stream bent."""
        entries = dict(self.entries)
        bodies = list(left_out.decode(entries[layout.LOG_LEFT_OUT]))
        kind = self.dice.randrange(5) if bodies else self.dice.randrange(3, 5)
        at = self.dice.randrange(len(bodies) + 1) if kind > 2 else self.dice.randrange(len(bodies))
        if kind == 0:
            bodies[at] = self._bent(bodies[at]).replace(left_out.END, b"")
        elif kind == 1:
            del bodies[at]
        elif kind == 2:
            bodies.insert(at, bodies[at])
        elif kind == 3:
            bodies.insert(at, read_frame(self._entry_frames()[1][0]).header)
        data = zlib.compress(b"".join(body + left_out.END for body in bodies), 9)
        bent = self._bent(data) if kind == 4 else data
        while kind == 4 and _holds(
            bent, bodies
        ):  # other bits that say the same, such as those after the last block
            bent = self._bent(data)
        entries[layout.LOG_LEFT_OUT] = bent
        return self._signed(entries)

    # -- chunks

    def _entry_frames(self) -> tuple[str, list[bytes]]:
        name = self.dice.choice(self.chunks)
        return name, whole_frames(self.entries[name])

    def chunk_bytes_signed(self) -> bytes:
        """A frame bent inside, its CRC-32 made to fit."""
        name, frames = self._entry_frames()
        at = self.dice.randrange(len(frames))
        bent = frames[at]
        while _says(bent) == _says(frames[at]):  # the honest chunks in another order are honest
            body = self._bent(frames[at][:-4])
            bent = body + struct.pack("<I", zlib.crc32(body))
        frames[at] = bent
        if not self.dice.randrange(4):
            frames.insert(self.dice.randrange(len(frames)), frames[at])
        if not self.dice.randrange(4):
            frames.reverse()
        data = chunk_entry.pack(frames) if self.dice.randrange(2) else b"".join(frames)
        return self._signed({**self.entries, name: data})

    def chunk_sealed_again(self) -> bytes:
        """Header or readings changed, and sealed by the host's own key: only links, log and sums can tell."""
        name, frames = self._entry_frames()
        at = self.dice.randrange(len(frames))
        opened = self._opened(frames[at])
        if opened is None:
            return self.flip()
        key = Enrolled.key_of(opened.header.host, opened.header.source, 0)
        values = [list(column) for column in opened.values]
        header = opened.header
        if self.dice.randrange(2):
            column, row = self.dice.randrange(len(values)), self.dice.randrange(len(values[0]))
            values[column][row] += self.dice.choice((-(2**40), -1_000, -1, 1, 1_000, 2**40))
        else:
            changes: list[dict[str, Any]] = [
                {"seq": header.seq + self.dice.choice((-1, 1, 5))}, {"prev": "0" * 64}, {"boot": "another"},
                {"prev_end_ms": header.prev_end_ms + 1}, {"anchor": "a" * 64}, {"clock_state": "unknown"},
                {"first": self.dice.choice(("reading", "repeat", "boot", "boot_after_shutdown"))},
                {"host": "db-1"}, {"source": "database"}, {"enterprise": "别家"}, {"agent": "9"},
            ]  # fmt: skip
            header = replace(header, **self.dice.choice(changes))
        try:
            frames[at] = seal(header, manifest=opened.manifest, values=values, key=key)
        except EvidenceError:  # the sealing refuses what a reader must refuse too: break the seal instead
            frame = read_frame(frames[at])
            frames[at] = write_frame(replace(frame, signature=bytes(64)))
        return self._signed({**self.entries, name: chunk_entry.pack(frames)})

    def _opened(self, data: bytes) -> Chunk | None:
        frame = read_frame(data)
        header = json.loads(frame.header)
        key = Enrolled.key_of(header["host"], header["source"], 0)
        try:
            return open_chunk(frame, PublicKey(key.public.raw))
        except EvidenceError:
            return None
