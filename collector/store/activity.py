"""Activity at rest: by host, source and local day the set of keyed hashes that its chunks hold.

Derived from the chunks like day sums, and as recomputable: the union does not depend on the order in
which they came, so a late chunk is simply added.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import asdict

from sqlalchemy import Connection, select

from collector.store import months, schema
from collector.store.dialects import insert
from collector.store.registry import PinnedKey
from evidence import canonical
from evidence.activity import ActivityKey, ActivityRow, activity_sets, split_blob, to_blob
from evidence.calendar import LocalCalendar
from evidence.chunk import Chunk


def credit(
    connection: Connection,
    key: PinnedKey,
    chunk: Chunk,
    calendar: LocalCalendar,
    *,
    dropped: frozenset[int] = frozenset(),
) -> None:
    """Bring the sets up to date with a chunk that was stored just now; others than of activity have none.

    Days of months that were ``dropped`` (``collector.store.months``) stay as they were packed.

    Raises:
        MalformedError: the rows are not about days of the calendar.
    """
    table = schema.activity.c
    for found, hashes in activity_sets(chunk, calendar).items():
        if months.of_day(found.day) in dropped:
            continue
        meaning = _meaning(connection, found)
        here = (
            (table.host_id == key.host_id)
            & (table.source == key.source)
            & (table.day == found.day)
            & (table.meaning == meaning)
        )
        stored = connection.scalar(select(table.hashes).where(here).with_for_update())
        if stored is None:
            place = {"host_id": key.host_id, "source": key.source, "day": found.day, "meaning": meaning}
            connection.execute(schema.activity.insert().values(**place, hashes=to_blob(hashes)))
        elif hashes:
            blob = to_blob(hashes.union(split_blob(stored)))
            connection.execute(schema.activity.update().where(here).values(hashes=blob))


def rows(
    connection: Connection, first_day: int, after_day: int, *, hosts: Sequence[str] | None = None
) -> Iterator[ActivityRow]:
    """Yield the sets of all hosts, or of those named, for days in [first_day, after_day).

    They are sorted by host, source and key.
    """
    table, meaning = schema.activity.c, schema.activity_meaning
    query = (
        select(schema.host.c.name, table.source, table.day, table.hashes, meaning)
        .join(schema.host, schema.host.c.id == table.host_id)
        .join(meaning, meaning.c.sha256 == table.meaning)
        .where(table.day >= first_day, table.day < after_day)
    )
    if hosts is not None:
        query = query.where(schema.host.c.name.in_(hosts))
    found = [
        ActivityRow(
            row.name,
            row.source,
            ActivityKey(row.day, row.zone, row.account_key, row.definition, row.excluded, row.origin),
            row.hashes,
        )
        for row in connection.execute(query)
    ]
    yield from sorted(found, key=lambda row: (row.host, row.source, row.key))


def _meaning(connection: Connection, key: ActivityKey) -> str:
    """Return the name of what the hashes mean, which is stored if it is new."""
    facts = {name: value for name, value in asdict(key).items() if name != "day"}
    name = hashlib.sha256(canonical.encode(facts)).hexdigest()
    statement = insert(connection, schema.activity_meaning).values(sha256=name, **facts)
    connection.execute(statement.on_conflict_do_nothing(index_elements=["sha256"]))
    return name
