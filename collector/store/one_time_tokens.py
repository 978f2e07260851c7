"""One-time tokens that were given out: which still work, which were used by whom, and ending one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, select

from collector.store import schema


@dataclass(frozen=True)
class Given:
    """A token that was given out; ``host`` is ``None`` if any host may use it. Times in ms since 1970."""

    sha256: str
    host: str | None
    created_ms: int
    expires_ms: int


@dataclass(frozen=True)
class Arrival:
    """An enrolment: which source of which host, and when it came. ``host_id`` is the store's number."""

    host: str
    host_id: int
    source: str
    epoch: int
    received_ms: int


def unused(connection: Connection, *, now_ms: int) -> Sequence[Given]:
    """Return the tokens that can still be used, the newest first."""
    table = schema.token.c
    query = (
        select(table.sha256, table.host, table.created_ms, table.expires_ms)
        .where(table.used_ms.is_(None), table.expires_ms > now_ms)
        .order_by(table.created_ms.desc())
    )
    return [Given(**row) for row in connection.execute(query).mappings()]


def end(connection: Connection, sha256: str, *, now_ms: int) -> bool:
    """Let a token that was not used yet expire; return whether there was one."""
    table = schema.token
    ended = connection.execute(
        table.update()
        .where(table.c.sha256 == sha256, table.c.used_ms.is_(None), table.c.expires_ms > now_ms)
        .values(expires_ms=now_ms)
    )
    return bool(ended.rowcount)


def arrivals(connection: Connection, sources: Sequence[str], *, most: int) -> Sequence[Arrival]:
    """Return the last enrolments of these sources, the newest first."""
    enrolment, host = schema.enrolment.c, schema.host.c
    query = (
        select(
            host.name.label("host"),
            host.id.label("host_id"),
            enrolment.source,
            enrolment.epoch,
            enrolment.received_ms,
        )
        .join(schema.host, host.id == enrolment.host_id)
        .where(enrolment.source.in_(sources))
        .order_by(enrolment.id.desc())
        .limit(most)
    )
    return [Arrival(**row) for row in connection.execute(query).mappings()]
