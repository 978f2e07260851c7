"""A machine's figure as the sum over its parts (disks, public addresses). Pure.

A sum without one of its parts is not the machine's figure: where a part that existed has no point,
the sum is missing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from collector.sources.exact import total
from collector.sources.interface import Point
from collector.sources.points import ordered


@dataclass(frozen=True)
class Part:
    """A disk or address. Before ``created_ms`` it cannot have points; ``None``: that is not known."""

    id: str
    created_ms: int | None


def summed(parts: Sequence[Part], points: Mapping[str, Sequence[Point]], *, where: str) -> Iterator[Point]:
    """Yield the sums of the parts' points, ascending; an instant at which one is absent is missing.

    Raises:
        ConflictingPoints: one instant of a part has two values.
    """
    by_part = {
        part.id: {point.start_ms: point for point in ordered(points[part.id], where=f"{where} {part.id}")}
        for part in parts
    }
    lengths = {start_ms: point.length_ms for found in by_part.values() for start_ms, point in found.items()}
    for start_ms, length_ms in sorted(lengths.items()):
        absent = [part for part in parts if start_ms not in by_part[part.id]]
        if any(part.created_ms is None or part.created_ms < start_ms + length_ms for part in absent):
            continue
        values = (found[start_ms].value for found in by_part.values() if start_ms in found)
        yield Point(start_ms, length_ms, total(values))


def groups(parts: Mapping[str, Sequence[Part]], most: int) -> Iterator[tuple[str, ...]]:
    """Yield machines in groups that have at most ``most`` parts together (one machine may have more)."""
    group: list[str] = []
    held = 0
    for name, found in parts.items():
        if group and held + len(found) > most:
            yield tuple(group)
            group, held = [], 0
        group.append(name)
        held += len(found)
    if group:
        yield tuple(group)
