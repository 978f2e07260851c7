"""Bytes of chunks in a table of their own, and on PostgreSQL partitions by month for them and the day sums.

Rows are moved ``ROWS_AT_ONCE`` at a time and frames inside the database, so memory stays bounded; the disk
needs room for the store once more until the old tables are gone.
"""

from __future__ import annotations

from datetime import date

import sqlalchemy as sa
from alembic import op

from evidence.calendar import LocalCalendar

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

ROWS_AT_ONCE = 1_000
FIRST_MONTH = 202001
"""Earlier months share one partition."""
DEFAULT_TIMEZONE = "Asia/Shanghai"

_id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_REGISTRY = (
    "id", "host_id", "source", "enrolment_id", "epoch", "seq", "hash", "metric", "start_ms", "end_ms", "received_ms",
)  # fmt: skip
_SUMS = (
    "host_id", "source", "metric", "day", "amount_hi", "amount_lo", "whole", "observed_ms", "bridged_ms",
    "downtime_ms", "suspect_ms", "intervals", "restarts",
)  # fmt: skip


def upgrade() -> None:
    """Make the tables, move what is there, and take the old ones away."""
    connection = op.get_bind()
    parted = connection.dialect.name == "postgresql"
    op.create_table(
        "dropped_month",
        sa.Column("month", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("dropped_ms", sa.BigInteger(), nullable=False),
        sa.Column("pack_sha256", sa.String(64), nullable=False),
        sa.Column("pack_name", sa.Text(), nullable=False),
        sa.Column("chunks", sa.BigInteger(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("month", name="pk_dropped_month"),
    )
    op.create_table(
        "kept_header",
        sa.Column("chunk_id", _id, autoincrement=False, nullable=False),
        sa.Column("header", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("chunk_id", name="pk_kept_header"),
    )
    op.create_table(
        "chunk_frame",
        sa.Column("month", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("chunk_id", _id, autoincrement=False, nullable=False),
        sa.Column("frame", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("month", "chunk_id", name="pk_chunk_frame"),
        postgresql_partition_by="RANGE (month)",  # the other dialect does not look at it
    )
    if parted:
        # Frames are deflated already; trying once more only costs time.
        op.execute("ALTER TABLE chunk_frame ALTER COLUMN frame SET STORAGE EXTERNAL")
        _partition("chunk_frame", "earlier", "MINVALUE", FIRST_MONTH)
        _part_day_sums(connection)
    _move_chunks(connection, parted=parted)


def _move_chunks(connection: sa.Connection, *, parted: bool) -> None:
    op.drop_index("ix_chunk_host_id_end_ms_start_ms", "chunk")
    op.rename_table("chunk", "chunk_before")
    if parted:
        for name in ("pk_chunk", "uq_chunk_enrolment_id_seq"):
            op.execute(f"ALTER TABLE chunk_before RENAME CONSTRAINT {name} TO {name}_before")
        op.execute("ALTER SEQUENCE chunk_id_seq RENAME TO chunk_before_id_seq")
    new = op.create_table(
        "chunk",
        sa.Column("id", _id, nullable=False),
        sa.Column("host_id", _id, nullable=False),
        sa.Column("source", sa.String(32), nullable=False),
        sa.Column("enrolment_id", _id, nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
        sa.Column("metric", sa.String(64), nullable=False),
        sa.Column("start_ms", sa.BigInteger(), nullable=False),
        sa.Column("end_ms", sa.BigInteger(), nullable=False),
        sa.Column("received_ms", sa.BigInteger(), nullable=False),
        sa.Column("month", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_chunk"),
        sa.ForeignKeyConstraint(["host_id"], ["host.id"], name="fk_chunk_host_id_host"),
        sa.ForeignKeyConstraint(["enrolment_id"], ["enrolment.id"], name="fk_chunk_enrolment_id_enrolment"),
        sa.UniqueConstraint("enrolment_id", "seq", name="uq_chunk_enrolment_id_seq"),
    )
    old = sa.table("chunk_before", *(sa.column(name) for name in (*_REGISTRY, "frame")))
    frame = sa.table("chunk_frame", sa.column("month"), sa.column("chunk_id"), sa.column("frame"))
    calendar = LocalCalendar(_zone(connection))
    made: set[int] = set()
    last = 0
    while True:
        query = sa.select(*(old.c[name] for name in _REGISTRY)).where(old.c.id > last).order_by(old.c.id)
        rows = [dict(row) for row in connection.execute(query.limit(ROWS_AT_ONCE)).mappings()]
        if not rows:
            break
        by_month: dict[int, list[int]] = {}
        for row in rows:
            day = date.fromordinal(calendar.day_of(row["end_ms"]))
            row["month"] = day.year * 100 + day.month
            by_month.setdefault(row["month"], []).append(row["id"])
        connection.execute(new.insert(), rows)
        for month, ids in by_month.items():
            if parted and month not in made and month >= FIRST_MONTH:
                _partition("chunk_frame", str(month), month, _after(month))
            made.add(month)
            moved = sa.select(sa.literal(month, sa.Integer()), old.c.id, old.c.frame).where(old.c.id.in_(ids))
            connection.execute(frame.insert().from_select(["month", "chunk_id", "frame"], moved))
        last = rows[-1]["id"]
    if parted:
        op.execute("SELECT setval('chunk_id_seq', max(id)) FROM chunk HAVING max(id) IS NOT NULL")
    op.drop_table("chunk_before")
    op.create_index("ix_chunk_host_id_end_ms_start_ms", "chunk", ["host_id", "end_ms", "start_ms"])


def _part_day_sums(connection: sa.Connection) -> None:
    op.rename_table("day_sum", "day_sum_before")
    op.execute("ALTER TABLE day_sum_before RENAME CONSTRAINT pk_day_sum TO pk_day_sum_before")
    op.create_table(
        "day_sum",
        sa.Column("host_id", _id, nullable=False),
        sa.Column("source", sa.String(32), nullable=False),
        sa.Column("metric", sa.String(64), nullable=False),
        sa.Column("day", sa.Integer(), autoincrement=False, nullable=False),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in _SUMS[4:]),
        sa.PrimaryKeyConstraint("host_id", "source", "metric", "day", name="pk_day_sum"),
        sa.ForeignKeyConstraint(["host_id"], ["host.id"], name="fk_day_sum_host_id_host"),
        postgresql_partition_by="RANGE (day)",
    )
    first = _first_day(FIRST_MONTH)
    _partition("day_sum", "earlier", "MINVALUE", first)
    days = connection.scalars(sa.text("SELECT DISTINCT day FROM day_sum_before WHERE day >= :first"), {"first": first})
    found = {date.fromordinal(day) for day in days}
    for month in sorted({day.year * 100 + day.month for day in found}):
        _partition("day_sum", str(month), _first_day(month), _first_day(_after(month)))
    names = ", ".join(_SUMS)
    op.execute(f"INSERT INTO day_sum ({names}) SELECT {names} FROM day_sum_before")  # noqa: S608 - this module's names
    op.drop_table("day_sum_before")


def _partition(table: str, name: str, first: int | str, after: int) -> None:
    op.execute(f"CREATE TABLE {table}_{name} PARTITION OF {table} FOR VALUES FROM ({first}) TO ({after})")


def _zone(connection: sa.Connection) -> str:
    """Return the enterprise's zone; a store that nobody set up yet has no chunks."""
    found = connection.scalar(sa.text("SELECT value FROM meta WHERE key = 'timezone'"))
    return DEFAULT_TIMEZONE if found is None else str(found)


def _after(month: int) -> int:
    return month + 89 if month % 100 == 12 else month + 1


def _first_day(month: int) -> int:
    return date(month // 100, month % 100, 1).toordinal()
