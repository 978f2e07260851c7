"""The first schema."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Create all tables."""
    op.create_table(
        "meta",
        sa.Column("key", sa.String(64), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_meta"),
    )
    op.create_table(
        "host",
        sa.Column("id", _id, nullable=False),
        sa.Column("name", sa.String(128), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_host"),
        sa.UniqueConstraint("name", name="uq_host_name"),
    )
    op.create_table(
        "enrolment",
        sa.Column("id", _id, nullable=False),
        sa.Column("host_id", _id, nullable=False),
        sa.Column("source", sa.String(32), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("key_id", sa.String(64), nullable=False),
        sa.Column("record", sa.LargeBinary(), nullable=False),
        sa.Column("signature", sa.LargeBinary(), nullable=False),
        sa.Column("previous_signature", sa.LargeBinary(), nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
        sa.Column("received_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_enrolment"),
        sa.ForeignKeyConstraint(["host_id"], ["host.id"], name="fk_enrolment_host_id_host"),
        sa.UniqueConstraint("hash", name="uq_enrolment_hash"),
        sa.UniqueConstraint("host_id", "source", "epoch", name="uq_enrolment_host_id_source_epoch"),
    )
    op.create_index("ix_enrolment_key_id", "enrolment", ["key_id"])
    op.create_table(
        "token",
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("host", sa.String(128)),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("expires_ms", sa.BigInteger(), nullable=False),
        sa.Column("used_ms", sa.BigInteger()),
        sa.Column("enrolment_id", _id),
        sa.PrimaryKeyConstraint("sha256", name="pk_token"),
        sa.ForeignKeyConstraint(["enrolment_id"], ["enrolment.id"], name="fk_token_enrolment_id_enrolment"),
    )
    op.create_table(
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
        sa.Column("frame", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_chunk"),
        sa.ForeignKeyConstraint(["host_id"], ["host.id"], name="fk_chunk_host_id_host"),
        sa.ForeignKeyConstraint(["enrolment_id"], ["enrolment.id"], name="fk_chunk_enrolment_id_enrolment"),
        sa.UniqueConstraint("enrolment_id", "seq", name="uq_chunk_enrolment_id_seq"),
    )
    op.create_index("ix_chunk_host_id_end_ms_start_ms", "chunk", ["host_id", "end_ms", "start_ms"])
    op.create_table(
        "day_sum",
        sa.Column("host_id", _id, nullable=False),
        sa.Column("source", sa.String(32), nullable=False),
        sa.Column("metric", sa.String(64), nullable=False),
        sa.Column("day", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("amount_hi", sa.BigInteger(), nullable=False),
        sa.Column("amount_lo", sa.BigInteger(), nullable=False),
        sa.Column("whole", sa.BigInteger(), nullable=False),
        sa.Column("observed_ms", sa.BigInteger(), nullable=False),
        sa.Column("bridged_ms", sa.BigInteger(), nullable=False),
        sa.Column("downtime_ms", sa.BigInteger(), nullable=False),
        sa.Column("suspect_ms", sa.BigInteger(), nullable=False),
        sa.Column("intervals", sa.BigInteger(), nullable=False),
        sa.Column("restarts", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("host_id", "source", "metric", "day", name="pk_day_sum"),
        sa.ForeignKeyConstraint(["host_id"], ["host.id"], name="fk_day_sum_host_id_host"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "finding",
        sa.Column("id", _id, nullable=False),
        sa.Column("time_ms", sa.BigInteger(), nullable=False),
        sa.Column("code", sa.String(32), nullable=False),
        sa.Column("host", sa.String(128), nullable=False),
        sa.Column("source", sa.String(32), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_finding"),
        sa.UniqueConstraint(
            "code", "host", "source", "epoch", "seq", "detail",
            name="uq_finding_code_host_source_epoch_seq_detail",
        ),
    )
    op.create_table(
        "import_run",
        sa.Column("id", _id, nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("time_ms", sa.BigInteger(), nullable=False),
        sa.Column("counts", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_import_run"),
        sa.UniqueConstraint("sha256", name="uq_import_run_sha256"),
    )
    op.create_table(
        "audit_trail",
        sa.Column("id", _id, nullable=False),
        sa.Column("time_ms", sa.BigInteger(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("action", sa.String(64), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_audit_trail"),
    )
