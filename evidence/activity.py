"""Activity: who was active on which day, as sets of keyed hashes that merge without counting twice.

A set is told by where it is from and by what its hashes mean: two sets may be united only if they are
of the same ``account_key``. United sets do not depend on the order in which chunks came. A chunk without
rows makes an empty set of the day on which it begins, so that what it means is known.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from evidence.accounts import HASH_BYTES, halves, joined
from evidence.calendar import LocalCalendar
from evidence.chunk import Chunk
from evidence.columns import MAX_ROWS
from evidence.errors import MalformedError
from evidence.manifest import ACTIVITY, ACTIVITY_COLUMNS


@dataclass(frozen=True, order=True)
class ActivityKey:
    """What a set of one chunk or of many is about. ``day`` is the ordinal of the local day.

    The others are facts of the manifest: the zone of the days, the key of the hashes, which events
    count, the exclusion list, and in words what was read (``origin``, may be empty).
    """

    day: int
    zone: str
    account_key: str
    definition: str
    excluded: str
    origin: str


@dataclass(frozen=True)
class ActivityRow:
    """A day's set at rest. ``hashes`` are the 16-byte hashes, sorted, without gaps between them."""

    host: str
    source: str
    key: ActivityKey
    hashes: bytes


ActivitySets = dict[ActivityKey, frozenset[bytes]]


def activity_sets(chunk: Chunk, calendar: LocalCalendar) -> ActivitySets:
    """Return the accounts of a verified chunk by day; nothing for chunks of another kind.

    Days of another zone are filed under the day in which they begin here; their key says which zone.

    Raises:
        MalformedError: rows of the calendar's zone are not about whole days.
    """
    if chunk.manifest.kind != ACTIVITY:
        return {}
    facts = chunk.manifest.host
    meaning = (
        str(facts["timezone"]),
        str(facts["account_key"]),
        str(facts["definition"]),
        str(facts["excluded"]),
        str(facts.get("origin", "")),
    )
    if not chunk.header.rows:
        return {ActivityKey(calendar.day_of(chunk.header.start_ms), *meaning): frozenset()}
    found: dict[int, set[bytes]] = {}
    lengths: dict[int, int] = {}
    for start, length, high, low, _ in zip(*chunk.values):
        found.setdefault(start, set()).add(joined(high, low))
        lengths[start] = length
    sets: ActivitySets = {}
    for start, hashes in found.items():
        day = calendar.day_of(start)
        days = calendar.day_start(day), calendar.day_start(day + 1)
        if facts["timezone"] == calendar.zone and days != (start, start + lengths[start]):
            raise MalformedError(
                f"activity from {start} for {lengths[start]} ms is no day of {calendar.zone}"
            )
        key = ActivityKey(day, *meaning)
        sets[key] = sets.get(key, frozenset()) | hashes
    return sets


def require_zone(chunk: Chunk, calendar: LocalCalendar) -> None:
    """Refuse activity by days of another zone.

    Raises:
        MalformedError: says what to set.
    """
    zone = chunk.manifest.host.get("timezone", "")
    if chunk.manifest.kind == ACTIVITY and zone != calendar.zone:
        raise MalformedError(
            f"activity by days of {zone!r}, the enterprise's days are those of {calendar.zone}; "
            "set the reader's timezone"
        )


def merge_sets(parts: Iterable[ActivitySets]) -> ActivitySets:
    """Return the union of all parts, by day and meaning."""
    total: dict[ActivityKey, set[bytes]] = {}
    for part in parts:
        for key, hashes in part.items():
            total.setdefault(key, set()).update(hashes)
    return {key: frozenset(hashes) for key, hashes in total.items()}


def to_blob(hashes: Iterable[bytes]) -> bytes:
    """Return hashes as they rest: sorted, each once, one after another."""
    return b"".join(sorted(set(hashes)))


def split_blob(blob: bytes) -> Iterator[bytes]:
    """Yield the hashes of a blob that ``to_blob`` made."""
    for place in range(0, len(blob), HASH_BYTES):
        yield blob[place : place + HASH_BYTES]


def from_blob(blob: bytes) -> frozenset[bytes]:
    """Return the hashes of a blob.

    Raises:
        MalformedError: not sorted hashes, each once.
    """
    if len(blob) % HASH_BYTES:
        raise MalformedError(f"{len(blob)} bytes are not whole hashes of {HASH_BYTES} bytes")
    hashes = list(split_blob(blob))
    if any(later <= earlier for earlier, later in zip(hashes, hashes[1:])):
        raise MalformedError("the hashes are not sorted, or one stands twice")
    return frozenset(hashes)


def rows(counts: Mapping[tuple[int, bytes], int], calendar: LocalCalendar) -> Iterator[list[list[int]]]:
    """Yield the columns of as many activity chunks as are needed, none of them above the limits.

    Args:
        counts: how often the account with a hash was active on a day, by (ordinal of the day, hash).
        calendar: the zone whose days are meant.

    All of them are sealed with the same start and end: time that is claimed twice is credited once.
    Yields nothing for no counts: a chunk without rows has the columns ``empty_columns()``.
    """
    table = sorted(
        (
            calendar.day_start(day),
            calendar.day_start(day + 1) - calendar.day_start(day),
            *halves(digest),
            count,
        )
        for (day, digest), count in counts.items()
    )
    for place in range(0, len(table), MAX_ROWS):
        yield [list(column) for column in zip(*table[place : place + MAX_ROWS])]


def empty_columns() -> list[list[int]]:
    """Return the columns of a chunk that says: all was read, and nobody was active."""
    return [[] for _ in ACTIVITY_COLUMNS]
