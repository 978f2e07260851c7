"""Anchors: what waits to be handed over, and what came back."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Add the tables."""
    op.create_table(
        "anchor_outbox",
        sa.Column("id", _id, nullable=False),
        sa.Column("alias", sa.String(32), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("day", sa.String(10), nullable=False),
        sa.Column("queued_ms", sa.BigInteger(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_ms", sa.BigInteger(), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column("done_ms", sa.BigInteger()),
        sa.PrimaryKeyConstraint("id", name="pk_anchor_outbox"),
        sa.ForeignKeyConstraint(["size"], ["checkpoint.size"], name="fk_anchor_outbox_size_checkpoint"),
        sa.UniqueConstraint("alias", "size", name="uq_anchor_outbox_alias_size"),
    )
    op.create_table(
        "anchor_receipt",
        sa.Column("id", _id, nullable=False),
        sa.Column("outbox_id", _id, nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("got_ms", sa.BigInteger(), nullable=False),
        sa.Column("claimed_ms", sa.BigInteger(), nullable=False),
        sa.Column("leaf", sa.BigInteger(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_anchor_receipt"),
        sa.ForeignKeyConstraint(
            ["outbox_id"], ["anchor_outbox.id"], name="fk_anchor_receipt_outbox_id_anchor_outbox"
        ),
        sa.UniqueConstraint("outbox_id", name="uq_anchor_receipt_outbox_id"),
    )
