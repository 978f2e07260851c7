"""Under which settings an account's marks were made, and since which question they stand for something.

A mark says that everything was read, but only of what the settings of that time let through. One
row of ``meta`` for each account keeps those settings' fingerprint and its hosts beside the marks.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from sqlalchemy import Connection, func, select

from collector.store import polls, schema
from collector.store.dialects import insert

_KEY = "source-reading "
EVERY_METRIC = ""
REACH_UNKNOWN = -1
"""What was kept by a version that did not keep how far it went back."""


@dataclass(frozen=True)
class Reading:
    """What the marks of an account are about.

    ``hosts`` is its mapping of instances, ``since`` the last question before the marks were made
    anew, by metric (``EVERY_METRIC``: all of them). ``backfill_days`` is how far back was read where
    there was no mark, ``None``: as far as the source keeps, or ``REACH_UNKNOWN``.
    """

    fingerprint: str
    hosts: Mapping[str, str] = field(default_factory=dict)
    since: Mapping[str, int] = field(default_factory=dict)
    backfill_days: int | None = REACH_UNKNOWN

    def since_of(self, metric: str) -> int:
        """Return the last question that says nothing about the marks of a metric."""
        return max(self.since.get(EVERY_METRIC, 0), self.since.get(metric, 0))


def read(connection: Connection, alias: str) -> Reading | None:
    """Return what the marks of an account are about, ``None`` where that was not kept yet."""
    text = connection.scalar(select(schema.meta.c.value).where(schema.meta.c.key == _KEY + alias))
    return None if text is None else Reading(**json.loads(text))


def keep(connection: Connection, alias: str, reading: Reading) -> None:
    """Keep what the marks of an account are about."""
    statement = insert(connection, schema.meta).values(
        key=_KEY + alias, value=json.dumps(vars(reading), sort_keys=True)
    )
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=[schema.meta.c.key], set_={"value": statement.excluded.value}
        )
    )


def forget(
    connection: Connection,
    alias: str,
    *,
    metrics: Iterable[str] | None = None,
    instances: Iterable[str] | None = None,
    later_than_ms: int | None = None,
) -> int:
    """Delete marks of an account, all of them unless narrowed; return how many."""
    table = schema.source_mark
    statement = table.delete().where(table.c.alias == alias)
    if metrics is not None:
        statement = statement.where(table.c.metric.in_(list(metrics)))
    if instances is not None:
        statement = statement.where(table.c.instance.in_(list(instances)))
    if later_than_ms is not None:
        statement = statement.where(table.c.mark_ms > later_than_ms)
    return int(connection.execute(statement).rowcount)


def last_question(connection: Connection, alias: str) -> int:
    """Return the number of the newest question of an account, 0 if there is none."""
    table = schema.poll.c
    return int(connection.scalar(select(func.max(table.id)).where(table.alias == alias)) or 0)


def points_since(connection: Connection, alias: str, metric: str, *, question: int) -> int:
    """Return how many points were answered about a metric after a question."""
    table = schema.poll.c
    query = select(func.coalesce(func.sum(table.points), 0)).where(
        table.alias == alias,
        table.what == polls.AVERAGES,
        table.metric == metric,
        table.id > question,
    )
    return int(connection.scalar(query) or 0)
