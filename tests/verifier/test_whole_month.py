"""A month with all that there is: counters, accounts, statements, ledger, log and anchors in one pack."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable
from dataclasses import replace

import pytest
from drafts import counters_manifest
from fleet import Fleet, instant
from ledgers import bought, ledger
from packs import LOG_KEY, MONTH, SCOPE, checked, codes, contents, declared_scope, logged, resigned

from evidence import checkpoint
from evidence.manifest import COUNTERS_CLOCKS, Column, Device, build
from evidence.stored import PackedReceipt
from verifier import layout
from verifier.check import FAILED, PASS
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
    fleet.enrol(host, "database").seal(
        manifest, [walls, since, since, since, since], start_ms=walls[0], end_ms=walls[-1], boot="boot-1"
    )


def whole_month() -> bytes:
    fleet = Fleet()
    web = fleet.agent("web-1", start="2026-11-01")
    for _ in range(30):
        web.run(hours=24, busy=20, rx=9_000).seal()
    fleet.agent("db-1", start="2026-11-01").run(hours=24 * 30, busy=10, reads=100)
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


PACK = whole_month()


def test_a_month_with_everything_passes() -> None:
    report = checked(PACK)
    assert (report.outcome, codes(report)) == (PASS, set())
    assert report.figures is not None
    known = {one["id"]: one["value"] for one in report.figures["indicators"] if one["value"] is not None}
    assert {"monthly_user_rate", "cpu_utilization", "cloud_investment"} <= known.keys()
    assert known["monthly_user_rate"] == "35.0000000000000"
    assert {"agent", "login-log", "database"} == {
        place[1] for name in contents(PACK) if (place := layout.chunks_place(name)) is not None
    }


def without(part: str) -> Callable[[dict[str, bytes]], None]:
    def change(entries: dict[str, bytes]) -> None:
        del entries[next(name for name in sorted(entries) if part in name)]

    return change


def with_other_leaf(entries: dict[str, bytes]) -> None:
    leaves = bytearray(entries[layout.LOG_LEAVES])
    leaves[20] ^= 1
    entries[layout.LOG_LEAVES] = bytes(leaves)


def with_more_paid(entries: dict[str, bytes]) -> None:
    entries[layout.LEDGER] = entries[layout.LEDGER].replace(b'"amount":6000000', b'"amount":6100000')


def with_other_receipt(entries: dict[str, bytes]) -> None:
    name = next(name for name in sorted(entries) if name.endswith(".eml"))
    entries[name] = b"Subject: checkpoint\n\n" + checkpoint.sign(1, bytes(32), key=LOG_KEY)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (without("/login-log-"), {"FIGURES"}),
        (without("/database-"), {"DAY_SUMS", "LOG_CUT"}),
        (without("/agent-"), {"FIGURES", "DAY_SUMS"}),
        (with_more_paid, {"FIGURES", "LOG_LEAF_MISSING"}),
        (with_other_leaf, {"LOG_ROOT"}),
        (with_other_receipt, {"ANCHOR_RECEIPT"}),
    ],
)
def test_whatever_of_it_is_changed_by_the_holder_of_the_log_key_is_found(
    change: Callable[[dict[str, bytes]], None], expected: set[str]
) -> None:
    entries = contents(PACK)
    change(entries)
    report = checked(resigned(entries))
    assert report.outcome == FAILED
    assert expected <= codes(report)
