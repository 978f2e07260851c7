"""The chunk: a sealed, signed run of readings of one source.

A chunk is a *header* (canonical JSON, signed), the *manifest* and the *columns* that the header
names by hash. On the wire and at rest it is a *frame*::

    magic  4   b"SPC1"
    key   32   SHA-256 of the signing key: a hint for finding it, the header repeats it
    sig   64   Ed25519 over the DSSE encoding of the header
    len    4   header length, then the header
    len    4   length of the deflated manifest, inflated length (4), then the bytes
    len    4   length of the packed columns, then the bytes
    crc    4   CRC-32 of all of the above: accidents; against intent there is the signature

All lengths are unsigned little endian. ``read_frame`` splits and bounds, ``open_chunk`` verifies
the signature *before* it parses the header, then checks manifest and columns against it.

``prev`` is the hash of the previous header's signed encoding, so a signature vouches for all
earlier chunks of the same key; a chain starts at the hash of the enrolment record.
"""

from __future__ import annotations

import struct
import zlib
from array import array
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Optional

from evidence import canonical, columns, fields
from evidence.code_hash import UNKNOWN
from evidence.dsse import CHUNK_TYPE, pae_hash
from evidence.errors import LimitExceededError, MalformedError, MismatchError
from evidence.keys import SIGNATURE_BYTES, PrivateKey, PublicKey
from evidence.manifest import ACTIVITY, COUNTERS, MAX_MANIFEST_BYTES, Manifest
from evidence.manifest import parse as parse_manifest
from evidence.sources import NAME_RULE, carried_kind, is_source

SCHEMA = "starproof/chunk/1"
MAGIC = b"SPC1"
MAX_HEADER_BYTES = 8 * 1024
MAX_FRAME_BYTES = columns.MAX_DEFLATED_BYTES + 2 * MAX_MANIFEST_BYTES + MAX_HEADER_BYTES + 1024
EARLIEST_MS = 946_684_800_000
"""2000-01-01: earlier wall clocks are unset clocks, not measurements."""
LATEST_MS = 4_102_444_800_000
"""2100-01-01."""
MAX_NAME = 128
MAX_DAY_MS = 26 * 3_600_000
"""A local day lasts 23 to 25 hours; a zone that changes sides may add one more."""

BOOTS = ("boot", "boot_after_shutdown")
FIRST_ROWS = ("reading", "repeat", *BOOTS)
"""What the first row is: a fresh reading; the last reading of the chunk before; the instant of
boot, where every kernel counter is zero. After a shutdown that the agent saw, the host was off from
the chunk before until boot; otherwise nobody knows since when it was off."""
CLOCK_STATES = ("synchronized", "unsynchronized", "unknown")
OPTIONAL = ("code",)
"""Fields that chunks of before do not have."""

_PREFIX = struct.Struct("<4s32s64sI")
_LENGTHS = struct.Struct("<II")
_LENGTH = struct.Struct("<I")
_FRAME_OVERHEAD = _PREFIX.size + _LENGTHS.size + 2 * _LENGTH.size


@dataclass(frozen=True)
class Header:
    """What is signed. Times are wall-clock milliseconds since 1970 (UTC).

    ``start_ms`` and ``end_ms`` are the first and last instant of the rows (of activity: the time of
    which everything was read), ``prev_end_ms`` the end
    of the chunk before (0 for the first of a chain). ``anchor`` is the hash of the newest anchored
    checkpoint known when sealing, or empty. ``clock_offset_ms`` is server minus host, measured at
    the last delivery within ± ``clock_rtt_ms``; ``clock_rtt_ms`` -1 means never measured. ``code`` is
    the hash of the program that sealed (``evidence.code_hash``); empty, it is not known and left out.
    """

    enterprise: str
    source: str
    host: str
    key: str
    seq: int
    prev: str
    boot: str
    first: str
    start_ms: int
    end_ms: int
    prev_end_ms: int
    anchor: str
    rows: int
    columns: int
    digest: str
    manifest: str
    agent: str
    clock_state: str
    clock_offset_ms: int
    clock_rtt_ms: int
    code: str = UNKNOWN

    def encode(self) -> bytes:
        """Return the canonical bytes that are signed.

        Raises:
            OutOfRangeError: a value has no canonical form.
        """
        return canonical.encode({"schema": SCHEMA, **fields.without_unknown(asdict(self), OPTIONAL)})


_REQUIRED = ("schema", *(name for name in Header.__dataclass_fields__ if name not in OPTIONAL))


@dataclass(frozen=True)
class Frame:
    """A frame split into its parts; nothing is verified yet but the bounds and the CRC."""

    key: str
    signature: bytes
    header: bytes
    manifest: bytes
    manifest_bytes: int
    packed: bytes

    @property
    def hash(self) -> str:
        """The hash that the next chunk's ``prev`` names, 64 hex digits."""
        return pae_hash(CHUNK_TYPE, self.header)

    def columns_of(self, rows: int, count: int) -> bytes:
        """Return the raw form of the columns (``evidence.columns``).

        Raises:
            EvidenceError: they are damaged, or not of this shape.
        """
        return columns.unpack(self.packed, rows=rows, columns=count)


@dataclass(frozen=True)
class Chunk:
    """A verified chunk. ``values[c][r]`` is the integer of column ``c`` in row ``r``."""

    header: Header
    manifest: Manifest
    values: tuple[array[int], ...]
    frame: Frame

    @property
    def hash(self) -> str:
        """The hash that the next chunk's ``prev`` names, 64 hex digits."""
        return self.frame.hash


def seal(header: Header, *, manifest: Manifest, values: columns.Columns, key: PrivateKey) -> bytes:
    """Return the frame of a new chunk.

    ``digest``, ``manifest``, ``rows``, ``columns`` and ``key`` of ``header`` are filled in here.

    Raises:
        EvidenceError: the parts do not make a chunk that ``open_chunk`` would accept.
    """
    raw = columns.to_raw(values)
    complete = Header(
        **{
            **asdict(header),
            "digest": columns.digest(raw),
            "manifest": manifest.hash,
            "rows": len(values[0]),
            "columns": len(values),
            "key": key.public.id,
        }
    )
    body = complete.encode()
    frame = Frame(
        key=complete.key,
        signature=key.sign(CHUNK_TYPE, body),
        header=body,
        manifest=zlib.compress(manifest.raw, columns.DEFLATE_LEVEL),
        manifest_bytes=len(manifest.raw),
        packed=columns.pack(raw, rows=complete.rows),
    )
    open_chunk(frame, key.public)
    return write_frame(frame)


def write_frame(frame: Frame) -> bytes:
    """Return the bytes of a frame."""
    body = b"".join(
        (
            _PREFIX.pack(MAGIC, bytes.fromhex(frame.key), frame.signature, len(frame.header)),
            frame.header,
            _LENGTHS.pack(len(frame.manifest), frame.manifest_bytes),
            frame.manifest,
            _LENGTH.pack(len(frame.packed)),
            frame.packed,
        )
    )
    return body + _LENGTH.pack(zlib.crc32(body))


def read_frame(data: bytes) -> Frame:
    """Return the frame that ``data`` is, no byte more and no byte less.

    Raises:
        MalformedError: not one whole frame, or damaged.
    """
    frame, used = take_frame(data, 0)
    if used != len(data):
        raise MalformedError(f"{len(data) - used} bytes follow the frame")
    return frame


def take_frame(data: bytes, offset: int) -> tuple[Frame, int]:
    """Return the frame that begins at ``offset`` and the offset behind it.

    Raises:
        MalformedError: no whole, undamaged frame begins there.
        LimitExceededError: a length is above its limit.
    """
    view = memoryview(data)[offset:]
    if len(view) < _FRAME_OVERHEAD:
        raise MalformedError(f"{len(view)} bytes are too few for a chunk frame")
    magic, key, signature, header_bytes = _PREFIX.unpack_from(view)
    if magic != MAGIC:
        raise MalformedError("not a chunk frame: it does not begin with SPC1")
    _require_length("header", header_bytes, MAX_HEADER_BYTES)
    position = _PREFIX.size
    header, position = _take(view, position, header_bytes)
    (lengths, position) = _take(view, position, _LENGTHS.size)
    packed_manifest_bytes, manifest_bytes = _LENGTHS.unpack(lengths)
    _require_length("deflated manifest", packed_manifest_bytes, 2 * MAX_MANIFEST_BYTES)
    _require_length("manifest", manifest_bytes, MAX_MANIFEST_BYTES)
    manifest, position = _take(view, position, packed_manifest_bytes)
    (length, position) = _take(view, position, _LENGTH.size)
    (packed_bytes,) = _LENGTH.unpack(length)
    _require_length("packed columns", packed_bytes, columns.MAX_DEFLATED_BYTES)
    packed, position = _take(view, position, packed_bytes)
    (checksum, end) = _take(view, position, _LENGTH.size)
    if _LENGTH.unpack(checksum)[0] != zlib.crc32(view[:position]):
        raise MalformedError("the frame is damaged: its CRC-32 differs")
    return Frame(key.hex(), bytes(signature), header, manifest, manifest_bytes, packed), offset + end


def take_header(data: bytes, offset: int) -> tuple[bytes, bytes]:
    """Return signature and header of the frame that begins at ``offset``, whatever has become of its rest.

    Neither is looked at: what the header says is worth nothing until the signature over it holds.

    Raises:
        MalformedError: there are too few bytes.
        LimitExceededError: the header's length is above its limit.
    """
    view = memoryview(data)[offset : offset + _PREFIX.size + MAX_HEADER_BYTES]
    if len(view) < _PREFIX.size:
        raise MalformedError(f"{len(view)} bytes are too few for a chunk's header")
    _, _, signature, header_bytes = _PREFIX.unpack_from(view)
    _require_length("header", header_bytes, MAX_HEADER_BYTES)
    return bytes(signature), _take(view, _PREFIX.size, header_bytes)[0]


def parse_header(body: bytes) -> Header:
    """Return the header that ``body`` encodes. Verify the signature over ``body`` first.

    Raises:
        MalformedError: not canonical, or a field is missing, unknown or out of range.
    """
    document = canonical.decode(body, limit=MAX_HEADER_BYTES)
    where = "chunk header"
    fields.require_keys(document, _REQUIRED, OPTIONAL, where=where)
    fields.choice(document, "schema", (SCHEMA,), where=where)
    header = Header(
        enterprise=fields.text(document, "enterprise", where=where, longest=MAX_NAME),
        source=source_of(document, where=where),
        host=fields.text(document, "host", where=where, longest=MAX_NAME),
        key=fields.hex_hash(document, "key", where=where),
        seq=fields.integer(document, "seq", where=where),
        prev=fields.hex_hash(document, "prev", where=where),
        boot=fields.text(document, "boot", where=where, longest=MAX_NAME),
        first=fields.choice(document, "first", FIRST_ROWS, where=where),
        start_ms=_instant(document, "start_ms", where),
        end_ms=_instant(document, "end_ms", where),
        prev_end_ms=fields.integer(document, "prev_end_ms", where=where, most=LATEST_MS),
        anchor=fields.text(document, "anchor", where=where, longest=fields.HASH_DIGITS),
        rows=fields.integer(document, "rows", where=where, most=columns.MAX_ROWS),
        columns=fields.integer(document, "columns", where=where, least=1, most=columns.MAX_COLUMNS),
        digest=fields.hex_hash(document, "digest", where=where),
        manifest=fields.hex_hash(document, "manifest", where=where),
        agent=fields.text(document, "agent", where=where, longest=MAX_NAME),
        clock_state=fields.choice(document, "clock_state", CLOCK_STATES, where=where),
        clock_offset_ms=fields.integer(document, "clock_offset_ms", where=where, least=-LATEST_MS),
        clock_rtt_ms=fields.integer(document, "clock_rtt_ms", where=where, least=-1),
        code=fields.known_hash(document, "code", where=where),
    )
    if header.anchor and not fields.is_hash(header.anchor):
        raise MalformedError(f"{where}: anchor is neither empty nor 64 lower-case hex digits")
    return header


def source_of(document: Mapping[str, Any], *, where: str) -> str:
    """Return the name of a source under ``source``.

    Raises:
        MalformedError: no such name (``evidence.sources``).
    """
    name = fields.text(document, "source", where=where)
    if not is_source(name):
        raise MalformedError(f"{where}: source is {name!r}; a source is named by {NAME_RULE}")
    return name


def open_chunk(frame: Frame, key: PublicKey) -> Chunk:
    """Return the verified chunk in ``frame``.

    Steps: (1) signature over the header bytes, (2) strict header, (3) manifest hash and rules,
    and the source carries what it says, (4) columns digest, (5) the times in the rows are those of
    the header and only go forward.

    Raises:
        BadSignatureError: not signed by ``key``.
        MismatchError: manifest, columns or key differ from what the header names.
        MalformedError: anything that breaks the format.
    """
    # (1)
    key.verify(CHUNK_TYPE, frame.header, frame.signature)
    return read_chunk(frame, key)


def read_chunk(frame: Frame, key: PublicKey, *, header: Optional[Header] = None) -> Chunk:
    """Return the chunk in ``frame``, of which something else than its own signature vouches.

    Steps 2 to 5 of ``open_chunk``; a chunk is proved as well by the ``prev`` of a proved one after it.
    ``header`` is what ``parse_header`` has returned for this frame, if it was asked before.

    Raises:
        MismatchError: manifest, columns or key differ from what the header names.
        MalformedError: anything that breaks the format.
    """
    # (2)
    header = parse_header(frame.header) if header is None else header
    if header.key != key.id or frame.key != key.id:
        raise MismatchError("the header names another key than the one that signed it")
    # (3)
    manifest = parse_manifest(columns.inflate(frame.manifest, length=frame.manifest_bytes))
    if manifest.hash != header.manifest:
        raise MismatchError("the manifest is not the one that the header names")
    if len(manifest.columns) != header.columns:
        raise MismatchError(f"the header has {header.columns} columns, its manifest {len(manifest.columns)}")
    if carried_kind(header.source) != manifest.kind:
        raise MalformedError(f"a chunk of {manifest.kind} cannot come from {header.source}")
    # (4)
    raw = frame.columns_of(header.rows, header.columns)
    if columns.digest(raw) != header.digest:
        raise MismatchError("the columns are not those that the header names")
    values = tuple(columns.from_raw(raw, rows=header.rows, columns=header.columns))
    # (5)
    if manifest.kind == ACTIVITY:
        _require_activity(header, values)
    elif header.rows:
        _require_times(header, manifest, values)
    else:
        raise MalformedError(f"a chunk of {manifest.kind} without a row says nothing")
    return Chunk(header, manifest, values, frame)


def _require_times(header: Header, manifest: Manifest, values: tuple[array[int], ...]) -> None:
    first, second = values[0], values[1]
    if manifest.kind == COUNTERS:
        end = first[-1]
        if any(later <= earlier for c in values[:2] for earlier, later in zip(c, c[1:])):
            raise MalformedError("the clocks of the rows do not go forward")
        if any(later < earlier for earlier, later in zip(values[2], values[2][1:])):
            raise MalformedError("the monotonic clock of the rows goes back")
        if second[0] < 0 or values[2][0] < 0:
            raise MalformedError("counters with a negative clock")
    else:
        ends = [start + length for start, length in zip(first, second)]
        end = ends[-1]
        if min(second) <= 0 or any(start < stop for start, stop in zip(first[1:], ends)):
            raise MalformedError("the periods of the rows are empty or overlap")
        if any(value < 0 and value != columns.MISSING for column in values[2:] for value in column):
            raise MalformedError("an average below zero")
    if (first[0], end) != (header.start_ms, header.end_ms):
        raise MismatchError("the header's start and end are not those of the rows")


def _require_activity(header: Header, values: tuple[array[int], ...]) -> None:
    """Refuse what would let one day's accounts be told in two ways, or outside the time vouched for."""
    if header.first != "reading" or header.start_ms > header.end_ms:
        raise MalformedError("activity is a fresh reading of a stretch of time that ends after it begins")
    rows = list(zip(*values))
    if any(later[:4] <= earlier[:4] for earlier, later in zip(rows, rows[1:])):
        raise MalformedError("the rows of activity are not sorted by day and account, or one stands twice")
    days = sorted({(start, length) for start, length, *_ in rows})
    if any(not 0 < length <= MAX_DAY_MS for _, length in days) or any(
        following < start + length for (start, length), (following, _) in zip(days, days[1:])
    ):
        raise MalformedError("the days of activity are empty, too long or overlap")
    if days and (days[0][0] + days[0][1] < header.start_ms or days[-1][0] > header.end_ms):
        raise MismatchError("activity of days that the header's time does not touch")
    if any(count <= 0 for count in values[4]):
        raise MalformedError("activity that was counted less than once")


def _instant(document: dict[str, Any], key: str, where: str) -> int:
    return fields.integer(document, key, where=where, least=EARLIEST_MS, most=LATEST_MS)


def _take(view: memoryview, position: int, count: int) -> tuple[bytes, int]:
    end = position + count
    if end > len(view):
        raise MalformedError("the chunk frame is cut off")
    return bytes(view[position:end]), end


def _require_length(what: str, length: int, limit: int) -> None:
    if length > limit:
        raise LimitExceededError(f"{what} of {length} bytes, the limit is {limit}")


__all__ = [
    "MAGIC",
    "SIGNATURE_BYTES",
    "Chunk",
    "Frame",
    "Header",
    "open_chunk",
    "parse_header",
    "read_frame",
    "seal",
    "take_frame",
    "write_frame",
]
