"""The columns of groups that have as many rows, decoded together (form: ``verifier.chunk_group``)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from evidence.columns import VALUE_BYTES
from evidence.manifest import COUNTERS
from verifier.chunk_group import Template, Values

_LEAST = np.array([0, *(1 << 8 * byte for byte in range(VALUE_BYTES))], np.uint64)
"""By width: what the widest step of a column has at least."""


class Packed(NamedTuple):
    """Where the columns of a group stand: what was inflated, where they begin in it, and how many rows they have."""

    content: bytes
    at: int
    rows: int


def decode(groups: Sequence[Packed], template: Template) -> list[Values | str]:
    """Return the values of every group by column and row, or what is wrong with it.

    Args:
        groups: of as many rows each, and one at least; they go on from one frame.
        template: that frame.

    Raises:
        EvidenceError: the frame cannot be gone on from.
    """
    count = len(template.manifest.columns)
    found: list[Values | str] = [_wrong(group, count) for group in groups]
    sound = [place for place, wrong in enumerate(found) if not wrong]
    if not sound:
        return found
    if not groups[0].rows:
        return [wrong or np.zeros((count, 0), np.uint64) for wrong in found]
    steps, widths = _steps([groups[place] for place in sound], count)
    too_wide = (steps[:, :, 1:].max(axis=2, initial=0) < _LEAST[widths]).any(axis=1).tolist()
    values = np.cumsum((steps >> np.uint64(1)) ^ (np.uint64(0) - (steps & np.uint64(1))), axis=2)
    if template.manifest.kind == COUNTERS:
        values[:, 1] += values[:, 0]
        values[:, 2] += values[:, 1]
    if template.idle:
        values[:, template.idle[0]] -= values[:, template.idle[1]].sum(axis=1)
    for place, bad, each in zip(sound, too_wide, values.astype("<u8", copy=False), strict=True):
        found[place] = "a column of a group is wider than its steps" if bad else each
    return found


def _wrong(group: Packed, count: int) -> str:
    content, at, rows = group
    if not rows:
        return "" if len(content) == at else "bytes follow a group without a row"
    widths = content[at : at + count]
    length = at + count * (1 + VALUE_BYTES) + sum(widths) * (rows - 1)
    if len(content) != length or max(widths, default=VALUE_BYTES + 1) > VALUE_BYTES:
        return "the columns of a group are not as long as their widths say"
    return ""


def _steps(groups: Sequence[Packed], count: int) -> tuple[Values, NDArray[np.uint8]]:
    """Return zigzag steps by group, column and row (the first against 0), and the widths of the columns."""
    number, rows = len(groups), groups[0].rows
    widths = _bytes_at(groups, [at for _, at, _ in groups], [count] * number).reshape(number, count)
    places = [at + count for _, at, _ in groups]
    first = _bytes_at(groups, places, [count * VALUE_BYTES] * number).reshape(number, VALUE_BYTES, count)
    zigzag = np.zeros((number, count, rows, VALUE_BYTES), np.uint8)
    zigzag[:, :, 0] = first[:, ::-1].transpose(0, 2, 1)
    places = [at + count * VALUE_BYTES for at in places]
    for byte in reversed(range(int(widths.max()))):
        wide = widths > byte
        lengths: list[int] = (wide.sum(axis=1) * (rows - 1)).tolist()
        zigzag[wide, 1:, byte] = _bytes_at(groups, places, lengths).reshape(-1, rows - 1)
        places = [at + length for at, length in zip(places, lengths, strict=True)]
    return zigzag.view("<u8")[:, :, :, 0].astype(np.uint64, copy=False), widths


def _bytes_at(groups: Sequence[Packed], places: Sequence[int], lengths: Sequence[int]) -> NDArray[np.uint8]:
    """Return so many bytes of every group from a place on, one after another."""
    parts = [
        group.content[at : at + length] for group, at, length in zip(groups, places, lengths, strict=True)
    ]
    return np.frombuffer(b"".join(parts), np.uint8)
