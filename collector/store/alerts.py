"""Alerts at rest: what is open, what was told to whom, and what waits to be told."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, delete, func, select

from collector.store import schema
from collector.store.dialects import insert

SENT, DROPPED, GIVEN_UP = "sent", "dropped", "given up"
_ALERT = schema.alert.c
_MESSAGE = schema.alert_message.c
_AT_ONCE = 400


@dataclass(frozen=True)
class Alert:
    """One matter that people are told of. Instants in ms since 1970."""

    id: int
    code: str
    subject: str
    month: str
    zh: str
    en: str
    opened_ms: int
    closed_ms: int | None


@dataclass(frozen=True)
class Waiting:
    """A message that was not taken yet."""

    id: int
    closing: bool
    queued_ms: int
    attempts: int
    next_ms: int
    alert: Alert


def opened(connection: Connection) -> dict[tuple[str, str], Alert]:
    """Return the alerts that are open, by code and subject."""
    rows = connection.execute(select(schema.alert).where(_ALERT.closed_ms.is_(None))).mappings()
    return {(row["code"], row["subject"]): Alert(**row) for row in rows}


def open_new(
    connection: Connection, code: str, subject: str, *, month: str, zh: str, en: str, now_ms: int
) -> None:
    """Open an alert."""
    connection.execute(
        schema.alert.insert().values(code=code, subject=subject, month=month, zh=zh, en=en, opened_ms=now_ms)
    )


def close(connection: Connection, alert: Alert, *, now_ms: int, telling: bool) -> None:
    """Close an alert. Who was told that it began is told that it is over, if ``telling``; nobody else is."""
    connection.execute(schema.alert.update().where(_ALERT.id == alert.id).values(closed_ms=now_ms))
    mine = (_MESSAGE.alert_id == alert.id) & ~_MESSAGE.closing
    told = connection.execute(select(_MESSAGE.alias).where(mine, _MESSAGE.outcome == SENT)).scalars().all()
    connection.execute(
        schema.alert_message.update()
        .where(mine, _MESSAGE.done_ms.is_(None))
        .values(done_ms=now_ms, outcome=DROPPED)
    )
    if telling:
        for alias in told:
            _queue(connection, [alert.id], alias, closing=True, now_ms=now_ms)


def queue_opened(connection: Connection, alias: str, codes: Iterable[str], *, now_ms: int) -> None:
    """Queue what is open for a webhook that was never told of it.

    Earlier releases gave up what nobody took for three days: what is still open waits again.
    """
    known = select(_MESSAGE.alert_id).where(_MESSAGE.alias == alias, ~_MESSAGE.closing)
    still = select(_ALERT.id).where(_ALERT.closed_ms.is_(None), _ALERT.code.in_(sorted(codes)))
    connection.execute(
        schema.alert_message.update()
        .where(
            _MESSAGE.alias == alias,
            ~_MESSAGE.closing,
            _MESSAGE.outcome == GIVEN_UP,
            _MESSAGE.alert_id.in_(still),
        )
        .values(done_ms=None, outcome="", attempts=0, next_ms=now_ms)
    )
    query = still.where(_ALERT.id.not_in(known))
    _queue(connection, connection.execute(query).scalars().all(), alias, closing=False, now_ms=now_ms)


def unqueued(connection: Connection, alias: str, codes: Iterable[str]) -> int:
    """Return for how many open alerts nothing waits for a webhook that it was not told."""
    known = select(_MESSAGE.alert_id).where(
        _MESSAGE.alias == alias, ~_MESSAGE.closing, _MESSAGE.outcome != GIVEN_UP
    )
    query = (
        select(func.count())
        .select_from(schema.alert)
        .where(_ALERT.closed_ms.is_(None), _ALERT.code.in_(sorted(codes)), _ALERT.id.not_in(known))
    )
    return int(connection.scalar(query) or 0)


def waiting(connection: Connection, alias: str) -> list[Waiting]:
    """Return what waits for a webhook, in order."""
    query = (
        select(
            _MESSAGE.id.label("message_id"),
            _MESSAGE.closing,
            _MESSAGE.queued_ms,
            _MESSAGE.attempts,
            _MESSAGE.next_ms,
            *_ALERT,
        )
        .join(schema.alert, _ALERT.id == _MESSAGE.alert_id)
        .where(_MESSAGE.alias == alias, _MESSAGE.done_ms.is_(None))
        .order_by(_MESSAGE.id)
    )
    return [
        Waiting(
            row["message_id"],
            row["closing"],
            row["queued_ms"],
            row["attempts"],
            row["next_ms"],
            Alert(**{name: row[name] for name in schema.alert.c.keys()}),  # noqa: SIM118 - columns, no mapping
        )
        for row in connection.execute(query).mappings()
    ]


def finish(connection: Connection, ids: Sequence[int], *, now_ms: int, outcome: str) -> None:
    """Note that messages need not be sent any more, and why."""
    for few in _few(ids):
        connection.execute(
            schema.alert_message.update().where(_MESSAGE.id.in_(few)).values(done_ms=now_ms, outcome=outcome)
        )


def postpone(connection: Connection, ids: Sequence[int], *, next_ms: int, error: str) -> None:
    """Note a failed attempt."""
    for few in _few(ids):
        connection.execute(
            schema.alert_message.update()
            .where(_MESSAGE.id.in_(few))
            .values(attempts=_MESSAGE.attempts + 1, next_ms=next_ms, error=error)
        )


def forget(connection: Connection, before_ms: int) -> None:
    """Delete alerts that were closed before an instant, and their messages."""
    old = select(_ALERT.id).where(_ALERT.closed_ms < before_ms)
    connection.execute(delete(schema.alert_message).where(_MESSAGE.alert_id.in_(old)))
    connection.execute(delete(schema.alert).where(_ALERT.closed_ms < before_ms))


def pending(connection: Connection) -> dict[tuple[str, str], tuple[int, int]]:
    """Return for how long what is no alert yet was seen, and when it was seen last, by code and subject."""
    columns = schema.alert_pending.c
    rows = connection.execute(select(columns.code, columns.subject, columns.held_ms, columns.seen_ms))
    return {(row.code, row.subject): (row.held_ms, row.seen_ms) for row in rows}


def keep_pending(connection: Connection, held: Mapping[tuple[str, str], int], *, now_ms: int) -> None:
    """Write down for how long what is no alert yet was seen, in ms; what is not named is forgotten."""
    table = schema.alert_pending
    connection.execute(delete(table))
    rows = [
        {"code": code, "subject": subject, "held_ms": held_ms, "seen_ms": now_ms}
        for (code, subject), held_ms in held.items()
    ]
    if rows:
        connection.execute(insert(connection, table), rows)


def failing(connection: Connection) -> dict[str, tuple[int, int, str]]:
    """Return how many messages wait, the most attempts and an error, by webhook."""
    query = (
        select(_MESSAGE.alias, func.count(), func.max(_MESSAGE.attempts), func.max(_MESSAGE.error))
        .where(_MESSAGE.done_ms.is_(None))
        .group_by(_MESSAGE.alias)
    )
    return {
        alias: (int(count), int(attempts), error)
        for alias, count, attempts, error in connection.execute(query)
    }


def _queue(connection: Connection, ids: Sequence[int], alias: str, *, closing: bool, now_ms: int) -> None:
    rows = [
        {
            "alert_id": one,
            "alias": alias,
            "closing": closing,
            "queued_ms": now_ms,
            "attempts": 0,
            "next_ms": now_ms,
            "outcome": "",
            "error": "",
        }
        for one in ids
    ]
    if rows:
        connection.execute(insert(connection, schema.alert_message).on_conflict_do_nothing(), rows)


def _few(ids: Sequence[int]) -> Iterable[Sequence[int]]:
    return (ids[place : place + _AT_ONCE] for place in range(0, len(ids), _AT_ONCE))
