"""Day sums that lie in a ClickHouse cluster."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

_id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "moved_sum",
        sa.Column("host_id", _id, nullable=False),
        sa.Column("source", sa.String(32), nullable=False),
        sa.Column("month", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("turn", sa.BigInteger(), nullable=False),
        sa.Column("rows", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("host_id", "source", "month", name="pk_moved_sum"),
        sa.ForeignKeyConstraint(["host_id"], ["host.id"], name="fk_moved_sum_host_id_host"),
    )
