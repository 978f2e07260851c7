"""Who was active on which day: sets of keyed hashes, and what they mean."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Add the tables."""
    op.create_table(
        "activity_meaning",
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("zone", sa.String(64), nullable=False),
        sa.Column("account_key", sa.String(16), nullable=False),
        sa.Column("definition", sa.String(64), nullable=False),
        sa.Column("excluded", sa.Text(), nullable=False),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("sha256", name="pk_activity_meaning"),
    )
    op.create_table(
        "activity",
        sa.Column("host_id", _id, nullable=False),
        sa.Column("source", sa.String(32), nullable=False),
        sa.Column("day", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("meaning", sa.String(64), nullable=False),
        sa.Column("hashes", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("host_id", "source", "day", "meaning", name="pk_activity"),
        sa.ForeignKeyConstraint(["host_id"], ["host.id"], name="fk_activity_host_id_host"),
        sa.ForeignKeyConstraint(
            ["meaning"], ["activity_meaning.sha256"], name="fk_activity_meaning_activity_meaning"
        ),
    )
