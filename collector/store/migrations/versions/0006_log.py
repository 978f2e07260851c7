"""The log: what the store holds becomes its first leaves, in the order of arrival.

Their arrivals are the collector's own clock as it was noted then; that they were logged later is what
the first checkpoint's time says. Things of one millisecond keep the order enrolment, scope, chunk,
document. Of the ledger, what it is now is logged; what it was before is not known.
"""

from __future__ import annotations

import hashlib

import sqlalchemy as sa
from alembic import op

from evidence import canonical, log_entry
from evidence.log_entry import CHUNK, DOCUMENT, ENROLMENT, SCOPE, LogEntry
from evidence.merkle import Frontier

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

ROWS_AT_ONCE = 1_000


def upgrade() -> None:
    """Add the tables, and log what is there."""
    leaf = op.create_table(
        "log_leaf",
        sa.Column("index", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.Integer(), nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
        sa.Column("arrival_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("index", name="pk_log_leaf"),
    )
    op.create_index("ix_log_leaf_hash", "log_leaf", ["hash"])
    node = op.create_table(
        "log_node",
        sa.Column("level", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("index", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("level", "index", name="pk_log_node"),
        sqlite_with_rowid=False,
    )
    head = op.create_table(
        "log_head",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("frontier", sa.LargeBinary(), nullable=False),
        sa.Column("arrival_ms", sa.BigInteger(), nullable=False),
        sa.Column("anchor", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_log_head"),
    )
    op.create_table(
        "checkpoint",
        sa.Column("size", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("root", sa.LargeBinary(), nullable=False),
        sa.Column("made_ms", sa.BigInteger(), nullable=False),
        sa.Column("note", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("size", name="pk_checkpoint"),
    )
    op.create_table(
        "day_mark",
        sa.Column("day", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("leaf", sa.BigInteger(), nullable=False),
        sa.Column("record", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("day", name="pk_day_mark"),
        sa.UniqueConstraint("leaf", name="uq_day_mark_leaf"),
    )
    op.create_table(
        "month_close",
        sa.Column("leaf", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("month", sa.String(7), nullable=False),
        sa.Column("record", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("leaf", name="pk_month_close"),
    )
    op.create_index("ix_month_close_month", "month_close", ["month"])
    _log_what_is_there(leaf, node, head)


def _log_what_is_there(leaf: sa.Table, node: sa.Table, head: sa.Table) -> None:
    connection = op.get_bind()
    found: list[tuple[int, int, int, str]] = []
    enrolment = sa.table("enrolment", sa.column("id"), sa.column("hash"), sa.column("received_ms"))
    for row in connection.execute(sa.select(enrolment)):
        found.append((row.received_ms, ENROLMENT, row.id, row.hash))
    scope = sa.table("scope_version", sa.column("version"), sa.column("declared_ms"), sa.column("record"))
    for row in connection.execute(sa.select(scope)):
        record = hashlib.sha256(bytes(row.record)).hexdigest()
        found.append((row.declared_ms, SCOPE, row.version, record))
    chunk = sa.table("chunk", sa.column("id"), sa.column("hash"), sa.column("received_ms"))
    for row in connection.execute(sa.select(chunk)):
        found.append((row.received_ms, CHUNK, row.id, row.hash))
    found += _ledger(connection)
    order = {ENROLMENT: 0, SCOPE: 1, CHUNK: 2, DOCUMENT: 3}
    found.sort(key=lambda item: (item[0], order[item[1]], item[2]))
    frontier, arrival_ms = Frontier(), 0
    leaves: list[dict[str, object]] = []
    nodes: list[dict[str, object]] = []
    for index, (received_ms, kind, _, hash_) in enumerate(found):
        arrival_ms = log_entry.next_arrival(arrival_ms, received_ms)
        frontier, completed = frontier.append(LogEntry(kind, hash_, arrival_ms).leaf)
        leaves.append({"index": index, "kind": kind, "hash": hash_, "arrival_ms": arrival_ms})
        nodes += [
            {"level": level, "index": index >> level, "hash": completed[level]}
            for level in range(1, len(completed))
        ]
    for table, rows in ((leaf, leaves), (node, nodes)):
        for at in range(0, len(rows), ROWS_AT_ONCE):
            connection.execute(table.insert(), rows[at : at + ROWS_AT_ONCE])
    connection.execute(head.insert().values(id=0, frontier=frontier.to_bytes(), arrival_ms=arrival_ms, anchor=""))


def _ledger(connection: sa.Connection) -> list[tuple[int, int, int, str]]:
    """Return the ledger as it is, as of its newest entry."""
    rows = connection.execute(sa.text("SELECT * FROM ledger_entry ORDER BY number")).mappings()
    entries = [dict(row) for row in rows]
    if not entries:
        return []
    recorded_ms = max(entry["recorded_ms"] for entry in entries)
    for entry in entries:
        for name in ("recorded_ms", "file", "file_sha256"):
            del entry[name]
    document = canonical.encode({"schema": "starproof/ledger/1", "entries": entries, "bills": []})
    return [(recorded_ms, DOCUMENT, 0, hashlib.sha256(document).hexdigest())]
