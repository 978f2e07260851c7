"""Entries of chunks: those of one enrolment and UTC day, one after another.

    frame     a frame as it is (``evidence.chunk``), begins with b"SPC1"; the first item is always one
    group     the chunks of an hour (``verifier.chunk_group``), begins with b"SPG1"; goes on from the frame before it

A group holds little beside the readings and one signature. Groups do not need one another, so a damaged one costs
its own hour; a damaged item is one finding, and reading goes on at the next beginning of an item.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from evidence.chunk import MAGIC, Frame, read_frame, take_frame
from evidence.errors import EvidenceError
from verifier import chunk_group, group_writing
from verifier.chunk_group import GroupedFrame, Template
from verifier.group_reading import Groups
from verifier.group_writing import Candidate

GROUP_MS = 3_600_000
"""Chunks of an hour share a stream: damage costs a whole group, and must be told with its hour."""
MAX_DAMAGED = 1_000
"""Damaged places of an entry that are told one by one; each costs a search."""
MAX_ENTRY_BYTES = 128 * 1024 * 1024
"""A day of readings at one second has 3 MiB."""
MAX_ENTRY_CHUNKS = 100_000
"""More than one a second."""
MAX_ENTRY_RAW_BYTES = 512 * 1024 * 1024
"""Of the columns of all groups: 776 columns each second."""
_CRC_BYTES = 4


@dataclass(frozen=True)
class Spot:
    """Where a chunk is found in an entry: its item, its place in that, and the frame a group goes on from."""

    offset: int
    place: int = 0
    template: int = -1


@dataclass(frozen=True)
class Item:
    """A frame with its number in the entry, or why there is none. ``size`` is what it holds in memory, in bytes."""

    number: int
    at: Spot
    frame: Frame | None = None
    error: str = ""
    size: int = field(default=0, compare=False)


def pack(frames: Sequence[bytes]) -> bytes:
    """Return the entry of these frames. What a group cannot give back byte for byte stays a frame."""
    found: list[bytes] = []
    template: Template | None = None
    run: list[Candidate] = []
    for data in frames:
        one = _candidate(data)
        if template is None or one is None or not one.goes_on_from(template):
            found += [*_written(run, template), data]
            run, template = [], _template(data)
            continue
        if run and not _joins(one, run):
            found += _written(run, template)
            run = []
        run.append(one)
    return b"".join([*found, *_written(run, template)])


def _candidate(data: bytes) -> Candidate | None:
    try:
        return Candidate.of(read_frame(data))
    except EvidenceError:
        return None


def _template(data: bytes) -> Template | None:
    try:
        return Template(read_frame(data), _crc(data, len(data)))
    except EvidenceError:
        return None


def _written(run: Sequence[Candidate], template: Template | None) -> list[bytes]:
    return [group_writing.write(run, template)] if run and template is not None else []


def _joins(one: Candidate, run: Sequence[Candidate]) -> bool:
    first = run[0].document
    values = sum(each.values.size for each in run) + one.values.size
    return (
        one.follows(run[-1])
        and first["start_ms"] // GROUP_MS == one.document["start_ms"] // GROUP_MS
        and values <= chunk_group.MAX_VALUES
        and len(run) < chunk_group.MAX_CHUNKS
    )


def items(data: bytes) -> Iterator[Item]:
    """Yield what an entry holds, in order; damaged places are items without a frame."""
    if len(data) > MAX_ENTRY_BYTES:
        yield Item(
            0, Spot(0), error=f"{len(data)} bytes of chunks in one entry; {MAX_ENTRY_BYTES} are allowed"
        )
        return
    template: Template | None = None
    groups = Groups(data)
    offset = number = damaged = size = template_at = 0
    while offset < len(data):
        try:
            found, end = _item(data, offset, template, groups)
        except EvidenceError as error:
            yield Item(number, Spot(offset), error=str(error))
            number, damaged, offset = number + 1, damaged + 1, _next(data, offset + 1)
            if damaged == MAX_DAMAGED:
                return
            continue
        grouped = isinstance(found[0], GroupedFrame)
        if not grouped:
            template, template_at = Template(found[0], _crc(data, end)), offset
        size += sum(len(frame.raw) for frame in found if isinstance(frame, GroupedFrame))
        if number + len(found) > MAX_ENTRY_CHUNKS or size > MAX_ENTRY_RAW_BYTES:
            yield Item(number, Spot(offset), error="more chunks or columns than one entry may hold")
            return
        for place, frame in enumerate(found):
            held = len(frame.header) + len(frame.raw if isinstance(frame, GroupedFrame) else frame.packed)
            yield Item(number, Spot(offset, place, template_at if grouped else -1), frame, size=held)
            number += 1
        offset = end


def frames_at(data: bytes, at: Spot) -> Sequence[Frame]:
    """Return the frames of the item at this place of an entry, none if they are not there."""
    try:
        template = None
        if at.template >= 0:
            frame, end = take_frame(data, at.template)
            template = Template(frame, _crc(data, end))
        return _item(data, at.offset, template, Groups(data, ahead=0))[0]
    except EvidenceError:
        return ()


def _item(data: bytes, offset: int, template: Template | None, groups: Groups) -> tuple[Sequence[Frame], int]:
    """Return the frames of an item, at least one, and where it ends."""
    if data[offset : offset + len(chunk_group.MAGIC)] != chunk_group.MAGIC:
        frame, end = take_frame(data, offset)
        return (frame,), end
    return groups.read(offset, template)


def _crc(data: bytes, end: int) -> int:
    """Return the CRC-32 at the end of a frame."""
    return int.from_bytes(data[end - _CRC_BYTES : end], "little")


def _next(data: bytes, offset: int) -> int:
    """Return where the next item may begin."""
    found = [at for at in (data.find(MAGIC, offset), data.find(chunk_group.MAGIC, offset)) if at >= 0]
    return min(found, default=len(data))
