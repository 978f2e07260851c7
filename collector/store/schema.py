"""The tables. SQLite and PostgreSQL alike; all times are ms since 1970 (UTC), hashes hex digits.

What is known of a chunk stands in ``chunk`` for ever; its frame, nearly all of the bytes, in
``chunk_frame`` until its month is dropped (``collector.store.dropping``). It is kept whole: what came in
is what a reviewer gets, byte for byte. Its manifest, which rarely changes, could be kept once per hash
beside it to save space; that would need the frame to be put together again on the way out and is not done.

On PostgreSQL ``chunk_frame`` and ``day_sum`` are parted by month (``collector.store.partitions``).

A day sum's ``amount`` may exceed 64 bits (bytes x ms x 10^9), which SQL integers cannot hold. It
is stored in two parts, ``amount_hi`` x 10^15 + ``amount_lo`` with 0 <= ``amount_lo`` < 10^15, so
that SQL can add either part over millions of rows: sum(amount_hi) x 10^15 + sum(amount_lo).
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

AMOUNT_BASE = 10**15
MAX_INTEGER = 2**63 - 1
"""The largest SQL integer. SQLite turns a sum beyond it into a float without a word."""
NO_PLACE = -1
"""Epoch or seq of a finding that is about no chunk."""

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# SQLite numbers rows by itself only in a column of the type INTEGER, which has 64 bits there.
_Id = BigInteger().with_variant(Integer, "sqlite")
_Name = String(128)
_Hash = String(64)

meta = Table(
    "meta",
    metadata,
    Column("key", String(64), primary_key=True),
    Column("value", Text, nullable=False),
)

host = Table(
    "host",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("name", _Name, nullable=False, unique=True),
)

enrolment = Table(
    "enrolment",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("host_id", _Id, ForeignKey("host.id"), nullable=False),
    Column("source", String(32), nullable=False),
    Column("epoch", Integer, nullable=False),
    # One key belongs to one enrolment, except the collector's own keys for imports and sources: they
    # sign for many hosts. That rule is kept by the registry, a unique index could not make the exception.
    Column("key_id", _Hash, nullable=False, index=True),
    Column("record", LargeBinary, nullable=False),
    Column("signature", LargeBinary, nullable=False),
    Column("previous_signature", LargeBinary, nullable=False),
    Column("hash", _Hash, nullable=False, unique=True),
    Column("received_ms", BigInteger, nullable=False),
    UniqueConstraint("host_id", "source", "epoch"),
)

token = Table(
    "token",
    metadata,
    Column("sha256", _Hash, primary_key=True),
    Column("host", _Name),
    Column("created_ms", BigInteger, nullable=False),
    Column("expires_ms", BigInteger, nullable=False),
    Column("used_ms", BigInteger),
    Column("enrolment_id", _Id, ForeignKey("enrolment.id")),
)

chunk = Table(
    "chunk",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("host_id", _Id, ForeignKey("host.id"), nullable=False),
    Column("source", String(32), nullable=False),
    Column("enrolment_id", _Id, ForeignKey("enrolment.id"), nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("hash", _Hash, nullable=False),
    # Whose time it claims (evidence.crediting): a metric for averages, empty for counters.
    Column("metric", String(64), nullable=False),
    # Where the claim begins (evidence.day_sum.claims): before the first row after a restart.
    Column("start_ms", BigInteger, nullable=False),
    Column("end_ms", BigInteger, nullable=False),
    Column("received_ms", BigInteger, nullable=False),
    # Under which month the frame lies, year x 100 + month: that of its end in the enterprise's zone,
    # or another one that needs it too, after its own was dropped.
    Column("month", Integer, nullable=False),
    UniqueConstraint("enrolment_id", "seq"),
    # By the end first: chunks come in order of time, so "ends after this one begins" is a short
    # stretch at the index's end, while "begins before this one ends" is nearly all of it.
    Index(None, "host_id", "end_ms", "start_ms"),
)

# No reference to ``chunk``: every frame would wait for a look at its row, which its writer has just made.
chunk_frame = Table(
    "chunk_frame",
    metadata,
    Column("month", Integer, primary_key=True, autoincrement=False),
    Column("chunk_id", _Id, primary_key=True, autoincrement=False),
    Column("frame", LargeBinary, nullable=False),
)

# Of dropped frames those headers that packs of later months tell: what came after its own month.
kept_header = Table(
    "kept_header",
    metadata,
    Column("chunk_id", _Id, primary_key=True, autoincrement=False),
    Column("header", LargeBinary, nullable=False),
)

# Months whose frames were dropped, each once, after the pack that holds them was checked.
dropped_month = Table(
    "dropped_month",
    metadata,
    Column("month", Integer, primary_key=True, autoincrement=False),
    Column("dropped_ms", BigInteger, nullable=False),
    Column("pack_sha256", _Hash, nullable=False),
    Column("pack_name", Text, nullable=False),
    Column("chunks", BigInteger, nullable=False),
    Column("bytes", BigInteger, nullable=False),
)

day_sum = Table(
    "day_sum",
    metadata,
    Column("host_id", _Id, ForeignKey("host.id"), primary_key=True),
    Column("source", String(32), primary_key=True),
    Column("metric", String(64), primary_key=True),
    Column("day", Integer, primary_key=True, autoincrement=False),
    Column("amount_hi", BigInteger, nullable=False),
    Column("amount_lo", BigInteger, nullable=False),
    Column("whole", BigInteger, nullable=False),
    Column("observed_ms", BigInteger, nullable=False),
    Column("bridged_ms", BigInteger, nullable=False),
    Column("downtime_ms", BigInteger, nullable=False),
    Column("suspect_ms", BigInteger, nullable=False),
    Column("intervals", BigInteger, nullable=False),
    Column("restarts", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

# Day sums that lie in a ClickHouse cluster (collector.store.clickhouse): a host's and source's of a month, all of
# them. ``turn`` names the rows there that count, and is made of what they say; ``rows`` is how many they are.
moved_sum = Table(
    "moved_sum",
    metadata,
    Column("host_id", _Id, ForeignKey("host.id"), primary_key=True),
    Column("source", String(32), primary_key=True),
    Column("month", Integer, primary_key=True, autoincrement=False),
    Column("turn", BigInteger, nullable=False),
    Column("rows", BigInteger, nullable=False),
)

finding = Table(
    "finding",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("time_ms", BigInteger, nullable=False),
    Column("code", String(32), nullable=False),
    Column("host", _Name, nullable=False),
    Column("source", String(32), nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("detail", Text, nullable=False),
    # The same observation made again (a chunk sent once more) is the same finding.
    UniqueConstraint("code", "host", "source", "epoch", "seq", "detail"),
)

import_run = Table(
    "import_run",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("sha256", _Hash, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("time_ms", BigInteger, nullable=False),
    Column("counts", Text, nullable=False),
)

scope_version = Table(
    "scope_version",
    metadata,
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("declared_ms", BigInteger, nullable=False),
    Column("record", LargeBinary, nullable=False),
    Column("file", LargeBinary, nullable=False),
)

activity_meaning = Table(
    "activity_meaning",
    metadata,
    # SHA-256 over the canonical facts: what the hashes of a set mean and whom they leave out.
    Column("sha256", _Hash, primary_key=True),
    Column("zone", String(64), nullable=False),
    Column("account_key", String(16), nullable=False),
    Column("definition", String(64), nullable=False),
    Column("excluded", Text, nullable=False),
    Column("origin", Text, nullable=False),
)

activity = Table(
    "activity",
    metadata,
    Column("host_id", _Id, ForeignKey("host.id"), primary_key=True),
    Column("source", String(32), primary_key=True),
    Column("day", Integer, primary_key=True, autoincrement=False),
    Column("meaning", _Hash, ForeignKey("activity_meaning.sha256"), primary_key=True),
    # Keyed hashes of 16 bytes, sorted, each once (evidence.activity); no name is ever kept.
    Column("hashes", LargeBinary, nullable=False),
)

audit_trail = Table(
    "audit_trail",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("time_ms", BigInteger, nullable=False),
    Column("actor", Text, nullable=False),
    Column("action", String(64), nullable=False),
    Column("detail", Text, nullable=False),
)

source_mark = Table(
    "source_mark",
    metadata,
    Column("alias", String(32), primary_key=True),
    Column("metric", String(64), primary_key=True),
    Column("instance", String(255), primary_key=True),
    # Until when everything that the source had has been read and sealed.
    Column("mark_ms", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

poll = Table(
    "poll",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("time_ms", BigInteger, nullable=False),
    Column("finished_ms", BigInteger),
    Column("alias", String(32), nullable=False),
    Column("provider", String(32), nullable=False),
    Column("what", String(16), nullable=False),
    Column("metric", String(64), nullable=False),
    Column("start_ms", BigInteger, nullable=False),
    Column("end_ms", BigInteger, nullable=False),
    Column("period_ms", BigInteger, nullable=False),
    Column("instances", Integer, nullable=False),
    Column("points", BigInteger, nullable=False),
    Column("sealed", BigInteger, nullable=False),
    Column("conflicts", BigInteger, nullable=False),
    Column("calls", BigInteger, nullable=False),
    Column("outcome", String(32), nullable=False),
    Column("detail", Text, nullable=False),
    # A failed question is not asked again before.
    Column("retry_ms", BigInteger),
    Index(None, "alias", "what", "metric", "id"),
)

poll_request = Table(
    "poll_request",
    metadata,
    # What a chunk's manifest names: SHA-256 over the sorted request ids, joined by line feeds.
    Column("sha256", _Hash, primary_key=True),
    Column("poll_id", _Id, ForeignKey("poll.id"), nullable=False),
    Column("ids", Text, nullable=False),
)

inventory = Table(
    "inventory",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("alias", String(32), nullable=False),
    Column("provider", String(32), nullable=False),
    Column("instance", String(255), nullable=False),
    Column("name", Text, nullable=False),
    Column("region", String(64), nullable=False),
    Column("state", String(64), nullable=False),
    Column("addresses", Text, nullable=False),
    Column("bandwidths", Text, nullable=False),
    Column("cpus", Integer),
    Column("request_ids", Text, nullable=False),
    # A change is a new row: what was bought when decides the capacity of that time.
    Column("first_seen_ms", BigInteger, nullable=False),
    Column("last_seen_ms", BigInteger, nullable=False),
    UniqueConstraint("alias", "instance", "first_seen_ms"),
)

ledger_bill = Table(
    "ledger_bill",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("alias", String(32), nullable=False),
    Column("provider", String(32), nullable=False),
    Column("month", String(7), nullable=False),
    Column("product", Text, nullable=False),
    Column("amount", String(64), nullable=False),
    Column("currency", String(8), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("basis", String(16), nullable=False),
    Column("final", Boolean, nullable=False),
    Column("request_ids", Text, nullable=False),
    Column("read_ms", BigInteger, nullable=False),
    # When another answer for the month took its place; what was read is never deleted.
    Column("superseded_ms", BigInteger),
    Index(None, "alias", "month"),
)

ledger_entry = Table(
    "ledger_entry",
    metadata,
    # From 1 without a hole; an entry never changes and never goes, a later one cancels it by its number.
    Column("number", _Id, primary_key=True, autoincrement=False),
    Column("recorded_ms", BigInteger, nullable=False),
    # Where it comes from: the name of a file and its SHA-256, or empty for one that was added by hand.
    Column("file", Text, nullable=False),
    Column("file_sha256", String(64), nullable=False),
    Column("day", String(10), nullable=False),
    Column("kind", String(16), nullable=False),
    # Hundredths of the currency's unit; of yuan: fen. Negative for refunds.
    Column("amount", BigInteger, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("rate", String(40), nullable=False),
    Column("rate_source", Text, nullable=False),
    Column("rate_day", String(10), nullable=False),
    Column("payee", Text, nullable=False),
    Column("contract", Text, nullable=False),
    Column("invoice", Text, nullable=False),
    Column("purpose", String(32), nullable=False),
    Column("item", Text, nullable=False),
    Column("service_from", String(7), nullable=False),
    Column("service_to", String(7), nullable=False),
    Column("provider", String(32), nullable=False),
    Column("document", String(64), nullable=False),
    Column("cancels", BigInteger, nullable=False),
    Column("note", Text, nullable=False),
)

ledger_document = Table(
    "ledger_document",
    metadata,
    Column("sha256", _Hash, primary_key=True),
    Column("name", Text, nullable=False),
    Column("data", LargeBinary, nullable=False),
)

# The log (RFC 6962). One row for each leaf, in the order of arrival; nothing is ever changed.
log_leaf = Table(
    "log_leaf",
    metadata,
    Column("index", BigInteger, primary_key=True, autoincrement=False),
    Column("kind", Integer, nullable=False),
    Column("hash", _Hash, nullable=False),
    Column("arrival_ms", BigInteger, nullable=False),
    # A thing that was logged is found by its hash: receipts, proofs, packs.
    Index(None, "hash"),
)

# Complete subtrees of two leaves and more; those of one leaf are the leaves.
log_node = Table(
    "log_node",
    metadata,
    Column("level", Integer, primary_key=True, autoincrement=False),
    Column("index", BigInteger, primary_key=True, autoincrement=False),
    Column("hash", LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)

# One row: size and right edge (evidence.merkle.Frontier), and the last arrival. Who appends holds it.
log_head = Table(
    "log_head",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("frontier", LargeBinary, nullable=False),
    Column("arrival_ms", BigInteger, nullable=False),
    # Hash of the newest anchor receipt in the log, or empty: every answer to an agent tells it.
    Column("anchor", _Hash, nullable=False),
)

checkpoint = Table(
    "checkpoint",
    metadata,
    Column("size", BigInteger, primary_key=True, autoincrement=False),
    Column("root", LargeBinary, nullable=False),
    Column("made_ms", BigInteger, nullable=False),
    Column("note", LargeBinary, nullable=False),
)

day_mark = Table(
    "day_mark",
    metadata,
    Column("day", Integer, primary_key=True, autoincrement=False),
    Column("leaf", BigInteger, nullable=False, unique=True),
    Column("record", LargeBinary, nullable=False),
)

# A month may be closed again when chunks came after the close; the newest counts, all are kept.
month_close = Table(
    "month_close",
    metadata,
    Column("leaf", BigInteger, primary_key=True, autoincrement=False),
    Column("month", String(7), nullable=False, index=True),
    Column("record", LargeBinary, nullable=False),
)

# What waits to be handed to an anchor, or was: one row for each anchor and checkpoint.
anchor_outbox = Table(
    "anchor_outbox",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("alias", String(32), nullable=False),
    Column("size", BigInteger, ForeignKey("checkpoint.size"), nullable=False),
    # The local day that the checkpoint closes; empty for one made in between.
    Column("day", String(10), nullable=False),
    Column("queued_ms", BigInteger, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("next_ms", BigInteger, nullable=False),
    Column("error", Text, nullable=False),
    Column("done_ms", BigInteger),
    UniqueConstraint("alias", "size"),
)

anchor_receipt = Table(
    "anchor_receipt",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("outbox_id", _Id, ForeignKey("anchor_outbox.id"), nullable=False, unique=True),
    Column("kind", String(16), nullable=False),
    Column("sha256", _Hash, nullable=False),
    Column("got_ms", BigInteger, nullable=False),
    # When the witness says that it took the checkpoint; 0: it does not say.
    Column("claimed_ms", BigInteger, nullable=False),
    Column("leaf", BigInteger, nullable=False),
    Column("data", LargeBinary, nullable=False),
)

# Who may use the console. A password is kept as what argon2 makes of it, everything else that somebody
# could sign in with as its SHA-256.
person = Table(
    "person",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("name", String(64), nullable=False, unique=True),
    Column("role", String(16), nullable=False),
    Column("password", Text, nullable=False),
    # Wrong passwords since the last right one or the last lock.
    Column("failures", Integer, nullable=False),
    Column("locked_until_ms", BigInteger, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("changed_ms", BigInteger, nullable=False),
)

# Accounts of an identity provider: who somebody is there. Names are never compared.
person_identity = Table(
    "person_identity",
    metadata,
    Column("issuer", String(512), primary_key=True),
    Column("subject", String(255), primary_key=True),
    Column("person_id", _Id, ForeignKey("person.id"), nullable=False, unique=True),
    Column("created_ms", BigInteger, nullable=False),
)

# Somebody who went to the identity provider and is not back yet; used up by coming back.
sign_in_attempt = Table(
    "sign_in_attempt",
    metadata,
    # Of the state and the browser's token: in another browser the state leads nowhere.
    Column("sha256", _Hash, primary_key=True),
    Column("onward", Text, nullable=False),
    Column("expires_ms", BigInteger, nullable=False),
)

session = Table(
    "session",
    metadata,
    Column("sha256", _Hash, primary_key=True),
    Column("person_id", _Id, ForeignKey("person.id"), nullable=False, index=True),
    Column("created_ms", BigInteger, nullable=False),
    Column("seen_ms", BigInteger, nullable=False),
    Column("expires_ms", BigInteger, nullable=False),
)

api_token = Table(
    "api_token",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("sha256", _Hash, nullable=False, unique=True),
    Column("name", String(64), nullable=False),
    # Names of scopes, sorted, divided by blanks.
    Column("scopes", Text, nullable=False),
    Column("made_by", String(64), nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("expires_ms", BigInteger, nullable=False),
    Column("used_ms", BigInteger),
    Column("revoked_ms", BigInteger),
)

setup_link = Table(
    "setup_link",
    metadata,
    Column("sha256", _Hash, primary_key=True),
    Column("created_ms", BigInteger, nullable=False),
    Column("expires_ms", BigInteger, nullable=False),
)

# What the enterprise says about itself: every version that was saved, byte for byte.
profile_version = Table(
    "profile_version",
    metadata,
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("saved_ms", BigInteger, nullable=False),
    Column("saved_by", String(64), nullable=False),
    Column("file", LargeBinary, nullable=False),
)

# Editions that do not ship.
edition_file = Table(
    "edition_file",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("kept_ms", BigInteger, nullable=False),
    Column("kept_by", String(64), nullable=False),
    Column("file", LargeBinary, nullable=False),
)

profile_document = Table(
    "profile_document",
    metadata,
    Column("sha256", _Hash, primary_key=True),
    Column("size", BigInteger, nullable=False),
    Column("data", LargeBinary, nullable=False),
)

# What people were told of (collector.alerts); ``closed_ms``: when it was over.
alert = Table(
    "alert",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("code", String(32), nullable=False),
    Column("subject", _Name, nullable=False),
    # The local month in which it was opened: what is about a month ends with it.
    Column("month", String(7), nullable=False),
    Column("zh", Text, nullable=False),
    Column("en", Text, nullable=False),
    Column("opened_ms", BigInteger, nullable=False),
    Column("closed_ms", BigInteger, index=True),
)

# What is there and no alert yet: for how long it was seen, and when last.
alert_pending = Table(
    "alert_pending",
    metadata,
    Column("code", String(32), primary_key=True),
    Column("subject", _Name, primary_key=True),
    Column("held_ms", BigInteger, nullable=False),
    Column("seen_ms", BigInteger, nullable=False),
)

# One row for each alert, webhook and direction: that it began, and that it is over.
alert_message = Table(
    "alert_message",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("alert_id", _Id, ForeignKey("alert.id"), nullable=False),
    Column("alias", String(32), nullable=False),
    Column("closing", Boolean, nullable=False),
    Column("queued_ms", BigInteger, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("next_ms", BigInteger, nullable=False),
    Column("done_ms", BigInteger, index=True),
    # sent, dropped (over before anybody was told) or given up; empty while it waits.
    Column("outcome", String(16), nullable=False),
    Column("error", Text, nullable=False),
    UniqueConstraint("alert_id", "alias", "closing"),
)
