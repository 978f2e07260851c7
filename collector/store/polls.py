"""What was asked of the sources: high-water marks, one row per question, and request ids.

A mark says until when everything that a source had of one instance and metric was read and sealed.
It moves in the transaction that stores the chunks, so a crash can neither lose nor repeat a point.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256

from sqlalchemy import Connection, func, select

from collector.store import schema
from collector.store.dialects import insert

INVENTORY = "inventory"
AVERAGES = "averages"
BILLS = "bills"
ACCOUNT = "account"
"""What a question was about; ``ACCOUNT``: the account as a whole could not be asked."""

RUNNING = "RUNNING"
OK = "OK"
INTERRUPTED = "INTERRUPTED"
"""The process ended in the middle of the question. Every other outcome is an error's code."""
MAX_COUNTED_FAILURES = 16
MAX_DETAIL = 1000


@dataclass(frozen=True)
class Question:
    """What is asked. Times in ms since 1970; zeros where a question has no span."""

    alias: str
    provider: str
    what: str
    metric: str = ""
    start_ms: int = 0
    end_ms: int = 0
    period_ms: int = 0
    instances: int = 0
    calls: int = 0
    """How many calls it takes at most, without retries."""


@dataclass
class Counts:
    """What became of the points of one or several answers.

    ``known`` were sealed before, ``covered`` lie in time that a sealed point of another length
    covers, ``refused`` have no usable value, ``capped`` were above 100 % and count as 100.
    """

    points: int = 0
    sealed: int = 0
    known: int = 0
    conflicts: int = 0
    covered: int = 0
    refused: int = 0
    capped: int = 0
    outside: int = 0
    chunks: int = 0

    def add(self, other: Counts) -> None:
        """Add the counts of another answer."""
        for name, value in vars(other).items():
            setattr(self, name, getattr(self, name) + value)


@dataclass(frozen=True)
class Latest:
    """The newest finished question about something, and how many before it failed in a row."""

    time_ms: int
    outcome: str
    detail: str
    retry_ms: int | None
    failures: int


def begin(connection: Connection, question: Question, *, now_ms: int) -> int:
    """Record that a question is being asked, and return its number."""
    values = {**vars(question), "points": 0, "sealed": 0, "conflicts": 0}
    result = connection.execute(
        schema.poll.insert().values(**values, time_ms=now_ms, outcome=RUNNING, detail="")
    )
    assert result.inserted_primary_key is not None  # noqa: S101 - both dialects report it
    return int(result.inserted_primary_key[0])


def finish(
    connection: Connection,
    number: int,
    counts: Counts,
    *,
    now_ms: int,
    outcome: str = OK,
    detail: str = "",
    retry_ms: int | None = None,
) -> None:
    """Record how a question ended."""
    connection.execute(
        schema.poll.update()
        .where(schema.poll.c.id == number)
        .values(
            finished_ms=now_ms,
            points=counts.points,
            sealed=counts.sealed,
            conflicts=counts.conflicts,
            outcome=outcome,
            detail=detail[:MAX_DETAIL],
            retry_ms=retry_ms,
        )
    )


def close_interrupted(connection: Connection, alias: str) -> int:
    """Mark questions as interrupted that nobody can be asking any more; return how many."""
    table = schema.poll
    result = connection.execute(
        table.update()
        .where(table.c.alias == alias, table.c.outcome == RUNNING)
        .values(outcome=INTERRUPTED, detail="the process ended in the middle of it")
    )
    return int(result.rowcount)


def keep_requests(connection: Connection, number: int, ids: Sequence[str]) -> str:
    """Keep request ids and return the hash that a manifest names, "" where a source has none."""
    if not ids:
        return ""
    text = "\n".join(sorted(set(ids)))
    digest = sha256(text.encode()).hexdigest()
    statement = insert(connection, schema.poll_request).values(sha256=digest, poll_id=number, ids=text)
    connection.execute(statement.on_conflict_do_nothing())
    return digest


def requests(connection: Connection, digest: str) -> tuple[str, ...]:
    """Return the request ids whose hash a manifest names; empty if they are not kept here."""
    text = connection.scalar(select(schema.poll_request.c.ids).where(schema.poll_request.c.sha256 == digest))
    return () if text is None else tuple(text.split("\n"))


def latest(connection: Connection, alias: str, what: str, metric: str = "") -> Latest | None:
    """Return the newest finished question about something, ``None`` if there was none."""
    table = schema.poll.c
    query = (
        select(table.time_ms, table.outcome, table.detail, table.retry_ms)
        .where(table.alias == alias, table.what == what, table.metric == metric)
        .where(table.outcome != RUNNING, table.outcome != INTERRUPTED)
        .order_by(table.id.desc())
        .limit(MAX_COUNTED_FAILURES)
    )
    rows = connection.execute(query).all()
    if not rows:
        return None
    failures = next((number for number, row in enumerate(rows) if row.outcome == OK), len(rows))
    newest = rows[0]
    return Latest(newest.time_ms, newest.outcome, newest.detail, newest.retry_ms, failures)


def asked_before(connection: Connection, alias: str, what: str) -> bool:
    """Return whether something was ever answered."""
    table = schema.poll.c
    query = select(table.id).where(table.alias == alias, table.what == what, table.outcome == OK)
    return connection.execute(query.limit(1)).first() is not None


def marks(connection: Connection, alias: str, metric: str) -> dict[str, int]:
    """Return the marks of one account and metric by instance."""
    table = schema.source_mark.c
    query = select(table.instance, table.mark_ms).where(table.alias == alias, table.metric == metric)
    return {row.instance: row.mark_ms for row in connection.execute(query)}


def move_marks(connection: Connection, alias: str, metric: str, moved: Mapping[str, int]) -> None:
    """Move marks forward; one that is further already stays."""
    statement = insert(connection, schema.source_mark)
    table, new = schema.source_mark.c, statement.excluded
    statement = statement.on_conflict_do_update(
        index_elements=[table.alias, table.metric, table.instance],
        set_={"mark_ms": new.mark_ms},
        where=new.mark_ms > table.mark_ms,
    )
    rows = [
        {"alias": alias, "metric": metric, "instance": instance, "mark_ms": mark_ms}
        for instance, mark_ms in moved.items()
    ]
    connection.execute(statement, rows)


@dataclass(frozen=True)
class Totals:
    """Sums over all questions of an account."""

    polls: int
    failed: int
    points: int
    sealed: int
    conflicts: int
    calls: int
    last_ok_ms: int | None


def totals(connection: Connection) -> dict[str, Totals]:
    """Return the sums by alias."""
    table = schema.poll.c
    good = table.outcome == OK
    query = select(
        table.alias,
        func.count().label("polls"),
        func.count().filter(~good & (table.outcome != RUNNING)).label("failed"),
        *(func.sum(table[name]).label(name) for name in ("points", "sealed", "conflicts", "calls")),
        func.max(table.finished_ms).filter(good).label("last_ok_ms"),
    ).group_by(table.alias)
    found = {}
    for row in connection.execute(query).mappings():
        numbers = {
            name: int(row[name]) for name in ("polls", "failed", "points", "sealed", "conflicts", "calls")
        }
        found[row["alias"]] = Totals(**numbers, last_ok_ms=row["last_ok_ms"])
    return found


def oldest_marks(connection: Connection) -> dict[tuple[str, str], int]:
    """Return the mark that is furthest behind, by (alias, metric)."""
    table = schema.source_mark.c
    query = select(table.alias, table.metric, func.min(table.mark_ms)).group_by(table.alias, table.metric)
    return {(row[0], row[1]): int(row[2]) for row in connection.execute(query)}


def newest_marks(connection: Connection) -> dict[tuple[str, str], int]:
    """Return the mark that is furthest ahead, by (alias, metric)."""
    table = schema.source_mark.c
    query = select(table.alias, table.metric, func.max(table.mark_ms)).group_by(table.alias, table.metric)
    return {(row[0], row[1]): int(row[2]) for row in connection.execute(query)}


def calls_since(connection: Connection, alias: str, since_ms: int) -> int:
    """Return how many calls the questions took at most since an instant."""
    table = schema.poll.c
    query = select(func.coalesce(func.sum(table.calls), 0)).where(
        table.alias == alias, table.time_ms >= since_ms
    )
    return int(connection.scalar(query) or 0)
