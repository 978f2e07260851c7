"""What sources of averages and bills leave behind: marks, polls, inventories, bills."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Add the tables."""
    op.create_table(
        "source_mark",
        sa.Column("alias", sa.String(32), nullable=False),
        sa.Column("metric", sa.String(64), nullable=False),
        sa.Column("instance", sa.String(255), nullable=False),
        sa.Column("mark_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("alias", "metric", "instance", name="pk_source_mark"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "poll",
        sa.Column("id", _id, nullable=False),
        sa.Column("time_ms", sa.BigInteger(), nullable=False),
        sa.Column("finished_ms", sa.BigInteger()),
        sa.Column("alias", sa.String(32), nullable=False),
        sa.Column("provider", sa.String(32), nullable=False),
        sa.Column("what", sa.String(16), nullable=False),
        sa.Column("metric", sa.String(64), nullable=False),
        sa.Column("start_ms", sa.BigInteger(), nullable=False),
        sa.Column("end_ms", sa.BigInteger(), nullable=False),
        sa.Column("period_ms", sa.BigInteger(), nullable=False),
        sa.Column("instances", sa.Integer(), nullable=False),
        sa.Column("points", sa.BigInteger(), nullable=False),
        sa.Column("sealed", sa.BigInteger(), nullable=False),
        sa.Column("conflicts", sa.BigInteger(), nullable=False),
        sa.Column("calls", sa.BigInteger(), nullable=False),
        sa.Column("outcome", sa.String(32), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("retry_ms", sa.BigInteger()),
        sa.PrimaryKeyConstraint("id", name="pk_poll"),
    )
    op.create_index("ix_poll_alias_what_metric_id", "poll", ["alias", "what", "metric", "id"])
    op.create_table(
        "poll_request",
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("poll_id", _id, nullable=False),
        sa.Column("ids", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("sha256", name="pk_poll_request"),
        sa.ForeignKeyConstraint(["poll_id"], ["poll.id"], name="fk_poll_request_poll_id_poll"),
    )
    op.create_table(
        "inventory",
        sa.Column("id", _id, nullable=False),
        sa.Column("alias", sa.String(32), nullable=False),
        sa.Column("provider", sa.String(32), nullable=False),
        sa.Column("instance", sa.String(255), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("region", sa.String(64), nullable=False),
        sa.Column("state", sa.String(64), nullable=False),
        sa.Column("addresses", sa.Text(), nullable=False),
        sa.Column("bandwidths", sa.Text(), nullable=False),
        sa.Column("cpus", sa.Integer()),
        sa.Column("request_ids", sa.Text(), nullable=False),
        sa.Column("first_seen_ms", sa.BigInteger(), nullable=False),
        sa.Column("last_seen_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_inventory"),
        sa.UniqueConstraint(
            "alias", "instance", "first_seen_ms", name="uq_inventory_alias_instance_first_seen_ms"
        ),
    )
    op.create_table(
        "ledger_bill",
        sa.Column("id", _id, nullable=False),
        sa.Column("alias", sa.String(32), nullable=False),
        sa.Column("provider", sa.String(32), nullable=False),
        sa.Column("month", sa.String(7), nullable=False),
        sa.Column("product", sa.Text(), nullable=False),
        sa.Column("amount", sa.String(64), nullable=False),
        sa.Column("currency", sa.String(8), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("basis", sa.String(16), nullable=False),
        sa.Column("final", sa.Boolean(), nullable=False),
        sa.Column("request_ids", sa.Text(), nullable=False),
        sa.Column("read_ms", sa.BigInteger(), nullable=False),
        sa.Column("superseded_ms", sa.BigInteger()),
        sa.PrimaryKeyConstraint("id", name="pk_ledger_bill"),
    )
    op.create_index("ix_ledger_bill_alias_month", "ledger_bill", ["alias", "month"])
