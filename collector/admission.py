"""What to do with a frame, given what the store knows. Pure: no store, no clock, no network.

A frame passes these gates in order; the first that it fails decides (``docs/wire.md``):

1. its key is pinned, for this kind of sender             else UNKNOWN_KEY
2. signature, header, manifest, columns (``open_chunk``)  else BAD_SIGNATURE, MALFORMED, MISMATCH,
                                                          LIMIT_EXCEEDED
3. its source carries chunks of this kind, and of
   averages one each (``evidence.sources``)              else MALFORMED
4. enterprise, host and source are the enrolment's        else WRONG_HOST
5. it ends at most ``CLOCK_AHEAD_MS`` after our clock,
   unless gate 8 refuses it whatever the time is          else CLOCK_AHEAD
6. nothing else is stored at its (enrolment, seq):        the same hash is *known*,
                                                          another one CONFLICT (a finding)
7. the chain fits what is stored directly around it       else BAD_CHAIN (a finding):
   seq 0 continues the enrolment's hash, ``prev_end_ms`` 0; seq - 1, if stored, has the hash and
   end that it names; seq + 1, if stored, names its hash and end.
8. of counters, which are sealed when they are read: it
   ends at most ``CLOCK_AHEAD_MS`` after the arrival of
   the next one that is stored, which was sealed later    else CLOCK_WRONG (a finding)
   (an arrival that our own clock stamped while it stood
   behind our log disproves nothing, ``log.is_in_order``)
9. activity is about days of the enterprise's zone       else MALFORMED
10. its day sums fit into 64 bits (``collector.ingest``)   else LIMIT_EXCEEDED (a finding)

A chunk whose predecessor is missing is stored: the gap stays visible in the seqs, and the chain
is checked when the filler comes (gate 7 looks both ways) and again by every audit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from collector.store.chunks import ChunkAt
from collector.store.registry import PinnedKey
from evidence import columns
from evidence.chunk import Chunk, Frame, Header, parse_header, read_chunk
from evidence.dsse import CHUNK_TYPE
from evidence.errors import EvidenceError, LimitExceededError, MalformedError
from evidence.manifest import AVERAGES, AVERAGES_CLOCKS, COUNTERS
from evidence.sources import carried_kind

CLOCK_AHEAD_MS = 10 * 60 * 1000
MS_PER_S = 1000
STORED = "stored"
KNOWN = "known"
REFUSED = "refused"
REFUSALS = (
    "UNKNOWN_KEY",
    "BAD_SIGNATURE",
    "MALFORMED",
    "MISMATCH",
    "LIMIT_EXCEEDED",
    "WRONG_HOST",
    "CLOCK_AHEAD",
    "CLOCK_WRONG",
    "CONFLICT",
    "BAD_CHAIN",
    "MONTH_DROPPED",
)
"""Every code with which a chunk is refused (``docs/wire.md``)."""
UNKNOWN_SEQ = -1
"""The seq of a result whose header could not be read."""


@dataclass(frozen=True)
class Verdict:
    """What happens to a frame. ``code`` and ``message`` are empty unless it is refused.

    ``finding`` says that a reviewer should hear of it.
    """

    status: str
    code: str = ""
    message: str = ""
    finding: bool = False


@dataclass(frozen=True)
class Result:
    """A verdict on one frame of a request, as the sender is told."""

    key: str
    seq: int
    hash: str
    verdict: Verdict


ACCEPTED = Verdict(STORED)


def refuse(code: str, message: str, *, finding: bool = False) -> Verdict:
    """Return the verdict that refuses a frame."""
    return Verdict(REFUSED, code, message, finding)


def unknown(frame: Frame) -> Verdict:
    """Return the refusal of a frame whose key is not pinned (gate 1)."""
    return refuse("UNKNOWN_KEY", f"key {frame.key[:16]} is not enrolled here; enrol this host first")


def head(frame: Frame, key: PinnedKey) -> Header | Verdict:
    """Return the header if ``key`` signed it, or the refusal (the part of gate 2 that inflates nothing)."""
    try:
        key.public.verify(CHUNK_TYPE, frame.header, frame.signature)
        header = parse_header(frame.header)
        columns.require_shape(header.rows, header.columns)
    except EvidenceError as error:
        return refuse(_wire_code(error), str(error))
    return header


def examine(frame: Frame, key: PinnedKey) -> Chunk | Verdict:
    """Return the opened chunk, or why it cannot be one (gates 2 to 4)."""
    found = head(frame, key)
    return found if isinstance(found, Verdict) else examine_rest(frame, key, found)


def examine_rest(frame: Frame, key: PinnedKey, signed: Header) -> Chunk | Verdict:
    """Return the same where ``head`` has found that ``key`` signed this header: to look once is enough."""
    try:
        chunk = read_chunk(frame, key.public, header=signed)
    except EvidenceError as error:
        return refuse(_wire_code(error), str(error))
    kind, averages = chunk.manifest.kind, len(chunk.manifest.columns) - len(AVERAGES_CLOCKS)
    if kind != carried_kind(key.source) or (kind == AVERAGES and averages != 1):
        return refuse("MALFORMED", f"a chunk of {kind} with these columns cannot come from {key.source}")
    header = chunk.header
    if (header.enterprise, header.host, header.source) != (key.enterprise, key.host, key.source):
        return refuse("WRONG_HOST", f"this key is enrolled for {key.host!r} of {key.enterprise!r}")
    return chunk


def judge(
    chunk: Chunk, key: PinnedKey, around: Mapping[int, ChunkAt], *, now_ms: int, disproves: bool = True
) -> Verdict:
    """Return what to do with an examined chunk (gates 5 to 8).

    Args:
        chunk: what ``examine`` returned.
        key: the enrolment it was examined with.
        around: the stored chunks of this enrolment at seq - 1 and seq, and the next after it.
        now_ms: the collector's wall clock.
        disproves: whether the arrival of the next one can be believed (gate 8).
    """
    header = chunk.header
    disproved = _disproved(chunk, around) if disproves else ""
    if header.end_ms > now_ms + CLOCK_AHEAD_MS and not disproved:
        ahead_s = (header.end_ms - now_ms) // 1000
        return refuse("CLOCK_AHEAD", f"the chunk ends {ahead_s} s after the collector's clock; set the clock")
    same = around.get(header.seq)
    if same is not None and same.hash == chunk.hash:
        return Verdict(KNOWN)
    if same is not None:
        return refuse(
            "CONFLICT", f"seq {header.seq} is stored with hash {same.hash}, not {chunk.hash}", finding=True
        )
    broken = _broken_chain(chunk, key, around)
    if broken:
        return refuse("BAD_CHAIN", broken, finding=True)
    return refuse("CLOCK_WRONG", disproved, finding=True) if disproved else ACCEPTED


def result(frame: Frame, verdict: Verdict, header: Header | None = None) -> Result:
    """Return the verdict with the names by which the sender knows the frame (unverified).

    ``header`` is the frame's if it was read before.
    """
    if header is not None:
        return Result(frame.key, header.seq, frame.hash, verdict)
    try:
        seq = parse_header(frame.header).seq
    except MalformedError:
        seq = UNKNOWN_SEQ
    return Result(frame.key, seq, frame.hash, verdict)


def next_after(seq: int, around: Mapping[int, ChunkAt]) -> ChunkAt | None:
    """Return the first stored chunk after ``seq``."""
    return around.get(min((one for one in around if one > seq), default=UNKNOWN_SEQ))


def _disproved(chunk: Chunk, around: Mapping[int, ChunkAt]) -> str:
    """Return why a chunk cannot have been sealed at the time that it claims, empty if it can.

    Who sealed a later one had sealed this one before, so it was there when the later one arrived. What is
    stored already stays: it was believed by the clock of then.
    """
    header = chunk.header
    later = next_after(header.seq, around)
    if later is None or header.seq in around or chunk.manifest.kind != COUNTERS:
        return ""
    ahead_s = (header.end_ms - later.received_ms) // MS_PER_S
    if header.end_ms <= later.received_ms + CLOCK_AHEAD_MS:
        return ""
    return f"the chunk ends {ahead_s} s after seq {later.seq}, sealed later, had arrived; the host's clock was wrong"


def _broken_chain(chunk: Chunk, key: PinnedKey, around: Mapping[int, ChunkAt]) -> str:
    header = chunk.header
    before, after = around.get(header.seq - 1), around.get(header.seq + 1)
    named = (header.prev, header.prev_end_ms)
    if header.seq == 0 and named != (key.enrolment, 0):
        return "seq 0 does not continue the enrolment record"
    if before is not None and named != (before.hash, before.end_ms):
        return f"seq {header.seq} does not continue seq {before.seq} with hash {before.hash}"
    if after is not None and (after.prev, after.prev_end_ms) != (chunk.hash, header.end_ms):
        return f"seq {after.seq} is stored and does not continue seq {header.seq} with hash {chunk.hash}"
    return ""


def _wire_code(error: EvidenceError) -> str:
    """The wire knows one code for everything that breaks the format, but names limits."""
    if isinstance(error, MalformedError) and not isinstance(error, LimitExceededError):
        return MalformedError.code
    return error.code
