"""What the collector noticed and a reviewer should see. A finding is never deleted."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from sqlalchemy import Connection, select

from collector.store import schema
from collector.store.dialects import insert

CONFLICT = "CONFLICT"
BAD_CHAIN = "BAD_CHAIN"
KEY_BREAK = "KEY_BREAK"
IMPORT_CONFLICT = "IMPORT_CONFLICT"
SOURCE_CONFLICT = "SOURCE_CONFLICT"


@dataclass(frozen=True)
class Finding:
    """One observation: what, where, in words. ``epoch`` and ``seq`` are -1 where they do not apply."""

    time_ms: int
    code: str
    host: str
    source: str
    epoch: int
    seq: int
    detail: str


def record(connection: Connection, finding: Finding) -> None:
    """Store a finding unless the same one is there."""
    statement = insert(connection, schema.finding).values(**asdict(finding))
    connection.execute(statement.on_conflict_do_nothing())


def recorded(connection: Connection) -> list[Finding]:
    """Return all findings, oldest first."""
    columns = [column for column in schema.finding.c if column.name != "id"]
    rows = connection.execute(select(*columns).order_by(schema.finding.c.id)).mappings()
    return [Finding(**row) for row in rows]
