"""Batches: chunks of counters of one shape, decoded and looked at together.

What is *plain* in a batch (nothing missing, nothing going back, clocks that agree) is judged for all its
chunks at once; everything else is left to the code that looks at one chunk and one interval at a time.
So a batch never decides anything that the other code would decide differently; it only spares it work.

All numbers are int64. ``REACH`` and ``STEP`` bound values and steps of what counts as plain, so that no
difference and no sum over a batch can leave int64; sums over devices are made of Python's integers.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from evidence.chunk import Frame, Header
from evidence.columns import VALUE_BYTES, inflate
from evidence.errors import EvidenceError
from evidence.manifest import Manifest
from verifier.chunk_group import GroupedFrame

MOST_VALUES = 2**17
"""Of a batch: 1 MiB of values, and a few times that while they are decoded."""
REACH = 2**62
STEP = 2**40
"""Steps times rows of a batch stay below 2^58."""
FAR_MS = 2**50
CLOCKS = 3

Values = NDArray[np.int64]
Mask = NDArray[np.bool_]


class Batch:
    """Counters of several chunks: ``values[chunk, column, row]``."""

    def __init__(self, manifest: Manifest, headers: Sequence[Header], values: Values) -> None:
        """Take decoded values; nothing is looked at yet."""
        self.manifest = manifest
        self.headers = headers
        self.values = values
        self.names = [column.name for column in manifest.columns]

    @cached_property
    def steps(self) -> Values:
        """Differences between neighbouring rows; only where ``tame`` holds they are exact."""
        return np.diff(self.values, axis=2)

    @cached_property
    def known(self) -> Mask:
        """By chunk, column and row: nothing is missing, and differences stay in int64."""
        return (self.values > -REACH) & (self.values < REACH)

    @cached_property
    def tame(self) -> Mask:
        """By chunk, column and interval: both ends known, and a step of 0 to ``STEP``."""
        # a step back is a large number without a sign
        small: Mask = self.steps.view(np.uint64) < STEP
        if self.values.min() > -REACH and self.values.max() < REACH:
            return small
        return small & self.known[:, :, 1:] & self.known[:, :, :-1]

    @cached_property
    def counting(self) -> list[int]:
        """Places of the columns that count (clocks and counters); gauges may go up and down."""
        return [at for at, name in enumerate(self.names) if not name.startswith("sessions.")]

    @cached_property
    def plain(self) -> list[bool]:
        """By chunk: every interval of every column that counts is tame."""
        columns: Mask = np.all(self.tame, axis=2)
        found: list[bool] = np.all(columns[:, self.counting], axis=1).tolist()
        return found

    @cached_property
    def ends(self) -> tuple[list[list[int]], list[list[int]], list[list[int]]]:
        """First, second and last value by chunk and column."""
        first, second, last = (self.values[:, :, row].tolist() for row in (0, 1, -1))
        return first, second, last

    def grown(self, at: int, column: int, first: int) -> int:
        """Return how much a column of a plain chunk grew from row ``first`` (0 or 1) on."""
        begin, second, last = self.ends
        return last[at][column] - (second if first else begin)[at][column]


def decode(frames: Sequence[Frame], headers: Sequence[Header]) -> tuple[Values, Mask]:
    """Return the values of chunks of one shape, and which of them have the digest of their header."""
    shape = headers[0].columns, headers[0].rows
    grouped = [frame.raw for frame in frames if isinstance(frame, GroupedFrame)]
    # the digests of their headers were made of these bytes
    told = np.frombuffer(b"".join(grouped), "<u8").reshape(-1, *shape)
    if len(grouped) == len(frames):
        return told.view("<i8"), np.ones(len(frames), np.bool_)
    values = np.empty((len(frames), *shape), "<u8")
    whole = np.ones(len(frames), np.bool_)
    travelled = np.array([not isinstance(frame, GroupedFrame) for frame in frames])
    values[~travelled] = told
    places = np.flatnonzero(travelled).tolist()
    values[travelled], whole[travelled] = _unpacked([frames[at] for at in places], shape)
    for at in places:
        if whole[at]:
            whole[at] = hashlib.sha256(values[at].data).hexdigest() == headers[at].digest
    return values.view("<i8"), whole


def _unpacked(frames: Sequence[Frame], shape: tuple[int, int]) -> tuple[NDArray[np.uint64], Mask]:
    """Return the columns of frames as they travelled, and which of them can be inflated."""
    count = shape[0] * shape[1]
    planes = np.zeros((len(frames), VALUE_BYTES, count), np.uint8)
    whole = np.ones(len(frames), np.bool_)
    for at, frame in enumerate(frames):
        try:
            data = inflate(frame.packed, length=count * VALUE_BYTES)
        except EvidenceError:
            whole[at] = False
            continue
        planes[at] = np.frombuffer(data, np.uint8).reshape(VALUE_BYTES, count)
    steps = planes[:, 0].astype(np.uint64)
    for plane in range(1, VALUE_BYTES):
        if planes[:, plane].any():
            steps |= planes[:, plane].astype(np.uint64) << np.uint64(8 * plane)
    signs = steps & np.uint64(1)
    steps >>= np.uint64(1)
    steps ^= np.uint64(0) - signs
    wide = steps.reshape(len(frames), *shape)
    return np.cumsum(wide, axis=2, dtype=np.uint64).astype("<u8", copy=False), whole


def sound(values: Values, headers: Sequence[Header]) -> Mask:
    """Return the chunks whose clocks go forward and whose times are those of the header."""
    wall, boot, mono = (values[:, clock] for clock in range(CLOCKS))
    good: Mask = (
        (np.diff(wall, axis=1) > 0).all(axis=1)
        & (np.diff(boot, axis=1) > 0).all(axis=1)
        & (np.diff(mono, axis=1) >= 0).all(axis=1)
        & ((values[:, :CLOCKS] > -FAR_MS) & (values[:, :CLOCKS] < FAR_MS)).all(axis=(1, 2))
        & (boot[:, 0] >= 0)
        & (mono[:, 0] >= 0)
        & (wall[:, 0] == np.array([header.start_ms for header in headers]))
        & (wall[:, -1] == np.array([header.end_ms for header in headers]))
    )
    return good
