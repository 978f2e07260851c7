"""Step 5 of the check, third part: whatever the log holds of the window is in the pack, or shown to be of no concern.

10. The packed stretch begins before the window: nothing of the window can have come before it.
11. Every enrolment and every declared scope in the stretch stands among the pack's.
12. Every chunk that came since the window began is in the pack, or its header is (``verifier.left_out``). A header
    is bound to its leaf by the hash, so nobody can choose what it says after the checkpoint. Its key is enrolled
    in the pack for its host and source.
13. No chunk of which only the header is there is of a declared host and of a time in the window (``LOG_CUT``).

Nothing of this asks what the close of the month says: whoever owns the collector writes that.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from evidence.chunk import LATEST_MS, Header
from evidence.day_sum import span
from evidence.dsse import CHUNK_TYPE, pae_hash
from evidence.enrolment import SignedEnrolment
from evidence.errors import EvidenceError
from evidence.log_entry import ENROLMENT, SCOPE
from verifier import layout, left_out, slots
from verifier.finding import Finding
from verifier.headers import read_header
from verifier.log_reading import PackedLog
from verifier.recompute import place_text
from verifier.window import Window


@dataclass(frozen=True)
class Asked:
    """What is asked of the leaves: whose window, of which hosts (``None``: of all), and what the pack holds.

    ``enrolments`` are its keys, ``scopes`` the hashes of its declared versions' records.
    """

    enterprise: str
    window: Window
    hosts: Collection[str] | None
    enrolments: Sequence[SignedEnrolment]
    scopes: Collection[str]


@dataclass(frozen=True, order=True, slots=True)
class _Cut:
    """A chunk of which only the header is there."""

    host: str
    source: str
    epoch: int
    key: str
    seq: int
    start_ms: int
    last_ms: int


_NO_EPOCH = -1


def account(log: PackedLog, packed: bytearray, data: bytes, asked: Asked) -> Iterator[Finding]:
    """Yield what rules 10 to 13 find.

    Args:
        log: the pack's.
        packed: of every leaf of the stretch, whether the pack holds its chunk; headers are noted there.
        data: the entry of headers.
        asked: what they are asked for.
    """
    yield from _begin(log, asked.window)
    enrolled = {signed.hash for signed in asked.enrolments}
    yield from _records(log, ENROLMENT, enrolled, f"enrolments that are not in {layout.ENROLMENTS}")
    yield from _records(log, SCOPE, asked.scopes, f"declared scopes that are not in {layout.SCOPES}")
    cut: list[_Cut] = []
    epochs: dict[tuple[str, str, str], int] = {}
    for signed in asked.enrolments:
        record = signed.enrolment
        epochs.setdefault((record.host, record.source, signed.public.id), record.epoch)
    try:
        for header in _headers(log, packed, data):
            epoch = epochs.get((header.host, header.source, header.key), _NO_EPOCH)
            if header.enterprise != asked.enterprise:
                epoch = _NO_EPOCH
            if epoch == _NO_EPOCH or _concerns(header, asked):
                last_ms = max(header.start_ms, header.end_ms - 1)
                cut.append(
                    _Cut(header.host, header.source, epoch, header.key, header.seq, header.start_ms, last_ms)
                )
    except _SurplusError as error:
        yield Finding("LOG_RECORD", layout.LOG_LEFT_OUT, got=str(error))
        return
    except EvidenceError as error:
        yield Finding("LOG_FORMAT", layout.LOG_LEFT_OUT, got=str(error))
        return
    yield from _cut(cut)
    lost = [at for at in log.leaves.chunks_since(asked.window.start_ms) if not _known(log, packed, at)]
    if lost:
        got = f"{len(lost)} chunks of which neither the readings nor the header are in the pack"
        yield _unaccounted(log, lost, got)


class _SurplusError(EvidenceError):
    """A header is of no leaf that needs one."""


def _begin(log: PackedLog, window: Window) -> Iterator[Finding]:
    """Rule 10."""
    first_ms = log.leaves.arrival_ms(0) if len(log.leaves) else LATEST_MS
    before_ms = first_ms if log.before_ms is None else log.before_ms
    if log.base and not min(first_ms, before_ms) < window.start_ms:
        yield Finding(
            "LOG_UNACCOUNTED",
            layout.LOG_BASE,
            expected=f"a leaf from before {window.start_ms} ms",
            got=f"{first_ms} ms",
            slot=slots.hours(window.start_ms, min(first_ms, LATEST_MS)),
        )


def _records(log: PackedLog, kind: int, known: Collection[str], what: str) -> Iterator[Finding]:
    """Rule 11."""
    lost = [at for at, entry in log.leaves.others() if entry.kind == kind and entry.hash not in known]
    if lost:
        yield _unaccounted(log, lost, f"{len(lost)} {what}")


def _headers(log: PackedLog, packed: bytearray, data: bytes) -> Iterator[Header]:
    for body in left_out.decode(data):
        header = read_header(body)
        at = log.leaves.chunk(bytes.fromhex(pae_hash(CHUNK_TYPE, body)))
        if at is None or packed[at]:
            raise _SurplusError(
                f"{header.host} {header.source} {header.seq}: a header of no leaf that lacks one"
            )
        packed[at] = True
        yield header


def _concerns(header: Header, asked: Asked) -> bool:
    """Rule 13."""
    start_ms, end_ms = span(header)
    inside = start_ms < asked.window.end_ms and end_ms > asked.window.start_ms
    return inside and (asked.hosts is None or header.host in asked.hosts)


def _known(log: PackedLog, packed: bytearray, at: int) -> bool:
    """Return whether a leaf, or the first one of the same chunk, is accounted for."""
    if packed[at]:
        return True
    first = log.leaves.chunk(bytes.fromhex(log.leaves[at].hash))
    return first is not None and bool(packed[first])


def _cut(cut: list[_Cut]) -> Iterator[Finding]:
    """Chunks that follow one another are told together."""
    for _, chain in groupby(sorted(cut), _chain):
        run: list[_Cut] = []
        for one in chain:
            if run and one.seq > run[-1].seq + 1:
                yield _told(run)
                run = []
            run.append(one)
        yield _told(run)


def _chain(one: _Cut) -> tuple[str, str, int, str]:
    return one.host, one.source, one.epoch, one.key


def _told(run: Sequence[_Cut]) -> Finding:
    first = run[0]
    slot = slots.hours(min(one.start_ms for one in run), max(one.last_ms for one in run))
    if first.epoch == _NO_EPOCH:
        expected = f"an enrolment of key {first.key}"
        got = f"{len(run)} chunks in the log, from number {first.seq}"
        return Finding("LOG_UNACCOUNTED", first.source, first.host, expected, got, slot)
    place = place_text((first.source, first.epoch, first.seq))
    got = f"{len(run)} chunks are in the log and not in the pack"
    return Finding("LOG_CUT", place, first.host, f"to number {run[-1].seq}", got, slot)


def _unaccounted(log: PackedLog, lost: Sequence[int], got: str) -> Finding:
    first_ms, last_ms = (min(log.leaves.arrival_ms(at), LATEST_MS) for at in (lost[0], lost[-1]))
    place = f"{layout.LOG_LEAVES}[{log.base + lost[0]}]"
    return Finding("LOG_UNACCOUNTED", place, got=got, slot=slots.hours(min(first_ms, last_ms), last_ms))
