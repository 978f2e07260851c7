"""A month with all that there is: counters, accounts, statements, ledger, log and anchors in one pack."""

from __future__ import annotations

import hashlib
import io
from dataclasses import replace

from drafts import counters_manifest
from fleet import Fleet, instant
from ledgers import bought, ledger
from packs import LOG_KEY, MONTH, SCOPE, declared_scope, logged

from evidence.manifest import COUNTERS_CLOCKS, Column, Device, build
from evidence.stored import PackedReceipt
from verifier import layout
from verifier.pack import write_pack

HOUR_MS = 3_600_000
RECEIPT = "付款回单".encode()
WHOLE_SCOPE = SCOPE.replace(
    b"[[hosts]]",
    b'[head_counts]\ntotal = 20\n[users]\nhead_count = "total"\nsources = ["web-1/login-log"]\n[[hosts]]',
    1,
)
RULES = declared_scope(WHOLE_SCOPE)
MADE = instant("2026-12-02")


def statements(fleet: Fleet, host: str) -> None:
    base = counters_manifest(interval_ms=HOUR_MS, cpus=2)
    clocks = tuple(Column(clock) for clock in COUNTERS_CLOCKS)
    manifest = build(
        kind="counters",
        interval_ms=HOUR_MS,
        columns=(*clocks, Column("db.reads", device="orders"), Column("db.writes", device="orders")),
        host=base.host,
        devices=(Device("database", "orders", "server 1", True, "mysql.statements/1"),),
    )
    since = [HOUR_MS * (hour + 1) for hour in range(721)]
    walls = [instant("2026-11-01") + HOUR_MS * hour for hour in range(721)]
    enrolled = fleet.enrol(host, "database")
    for day in range(30):
        wall, row = (read[24 * day : 24 * day + 25] for read in (walls, since))
        enrolled.seal(
            manifest, [wall, row, row, row, row], start_ms=wall[0], end_ms=wall[-1], boot="boot-1",
            first="repeat" if day else "reading",
        )  # fmt: skip


def whole_month() -> bytes:
    fleet = Fleet()
    web = fleet.agent("web-1", start="2026-11-01")
    for _ in range(30):
        web.run(hours=24, busy=20, rx=9_000).seal()
    data = fleet.agent("db-1", start="2026-11-01")
    for _ in range(30):
        data.run(hours=24, busy=10, reads=100).seal()
    for day in range(1, 31):
        iso = f"2026-11-{day:02}"
        end = f"2026-11-{day + 1:02}" if day < 30 else "2026-12-01"
        fleet.activity("web-1", iso, end, {iso: [hashlib.sha256(bytes([day % 7])).digest()[:16]]})
    statements(fleet, "db-1")
    archive = fleet.archive()
    archive.ledger_bytes = ledger(*(replace(one, document=layout.sha256(RECEIPT)) for one in bought(60_000)))
    archive.ledger_documents = {layout.sha256(RECEIPT): RECEIPT}
    log = logged(archive, RULES, made="2026-12-02")
    receipts = [
        PackedReceipt(
            size, "authority", "eml", instant("2026-11-02"), note, b"Subject: checkpoint\n\n" + note
        )
        for size, note in log.notes[-33:]
    ]
    stream = io.BytesIO()
    write_pack(
        stream, archive, month=MONTH, rules=RULES, zone=None, log_key=LOG_KEY, made_ms=MADE, log=log, receipts=receipts
    )  # fmt: skip
    return stream.getvalue()
