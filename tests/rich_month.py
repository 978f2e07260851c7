"""A pack whose report has something in every part: what the golden packs leave empty stands here.

Three hosts, two declared versions of the scope, a profile, a ledger, accounts, receipts that the log has; sources that
differ, one that counts other traffic, a load that stands still, a unit with the name of a load tool, restarts and gaps.
"""

from __future__ import annotations

import io
from dataclasses import replace

from drafts import CLOCKS, CPU, DISK, NIC
from fleet import Agent, Fleet, MemoryArchive, instant
from ledgers import bought, ledger
from memory_log import MemoryLog, honest_log
from packs import CONTRACT, EDITION, LOG_KEY, MONTH, PROFILE, SCOPE, Rules, declared_scope, with_profile

from evidence import log_records, manifest
from evidence.log_entry import ANCHOR, CLOSE, DAY_MARK
from evidence.stored import PackedReceipt
from verifier import layout
from verifier.declaration import parse as parse_declaration
from verifier.pack import no_copies, write_pack

HOUR_MS = 3_600_000
START_MS = instant("2026-11-01")
MADE_MS = instant("2026-12-02")
UNITS = ("erp.service", "stress-ng.service")
MORE = """
[[hosts]]
id = "app-1"
sources = ["agent", "aliyun"]
iops_limit = 3000
[[hosts.capacity]]
from = 2026-11-01
mbps = 20
[[hosts.capacity]]
from = 2026-11-16
mbps = 50
[[exclusions]]
from = 2026-11-20
to = 2026-11-21
reason = "机房停电"
person = "张三"
[definitions]
cpu_utilization = "cpu.busy/1"
[substitution]
cpu_utilization = "extreme_hour/1"
[head_counts]
total = 90
cloud_users = 60
[users]
head_count = "cloud_users"
sources = ["web-1/login-log"]
[it_cost]
items = ["电费"]
[it_cost.before]
from = 2025-01-01
to = 2025-12-31
[investment]
from = 2026-01-01
to = 2026-11-30
""".encode()
SAID = """
[rows.erp]
text = "自建"
documents = ["contract"]
""".encode()


def _with_units(step_s: int) -> manifest.Manifest:
    devices = (NIC, DISK, *(manifest.Device("unit", name, "1", True, "used much") for name in UNITS))
    columns = [*CLOCKS, *CPU]
    columns += [manifest.Column(name, device=NIC.name) for name in ("net.rx", "net.tx")]
    columns += [manifest.Column(name, device=DISK.name) for name in ("disk.reads", "disk.writes")]
    columns += [manifest.Column("unit.cpu", device=name) for name in UNITS]
    return manifest.build(
        kind=manifest.COUNTERS, interval_ms=step_s * 1_000, columns=tuple(columns), devices=devices,
        host={"cpus": 2, "ticks_per_s": 100, "system": "linux"},
    )  # fmt: skip


def _averages(fleet: Fleet, metric: str, value: int, **facts: str) -> None:
    samples = [(START_MS + hour * HOUR_MS, HOUR_MS, value + hour % 3) for hour in range(36)]
    fleet.averages("app-1", metric, samples, source="aliyun", **facts)


def _work(agent: Agent) -> None:
    """Three days with a restart and an hour that nobody saw; a load tool has a third of the busy time."""
    for number in range(70):
        agent.counted["unit.cpu"] = agent.counted.get("unit.cpu", 0) + 900 * 10**6
        agent.run(hours=1, busy=40, rx=100_000, tx=50_000, reads=40, writes=80)
        if number == 30:
            agent.reboot(down_s=1_800)
        if number == 40:
            agent.forget(hours=1)
    agent.seal()


def fleet() -> MemoryArchive:
    """The hosts and what is known beside them."""
    made = Fleet()
    _work(made.agent("app-1", manifest=_with_units(3_600)))
    _averages(made, "cpu.utilization", 55)
    _averages(made, "net.rx.rate", 200_000, scope="public")
    _averages(made, "disk.reads.rate", 40)
    web, data = made.agent("web-1", step_s=300), made.agent("db-1", step_s=300)
    for hour in range(30):
        web.run(hours=1, busy=30, tx=90_000 + 4_000 * (hour % 7), rx=100).seal()
        data.run(hours=1, busy=10 + hour % 5, rx=90_000 + 4_000 * (hour % 7), reads=9).seal()
    made.activity("web-1", "2026-11-01", "2026-11-03", {"2026-11-01": [bytes(16), bytes([1] * 16)]})
    archive = made.archive()
    paid = layout.sha256(CONTRACT)
    archive.ledger_bytes = ledger(*(replace(one, document=paid) for one in bought(60_000)))
    archive.ledger_documents = {paid: CONTRACT}
    return archive


def rules() -> Rules:
    """A scope that was declared twice, and a profile."""
    return with_profile(
        declared_scope(SCOPE, SCOPE + MORE), PROFILE.replace(b'[rows.erp]\ndocuments = ["contract"]\n', SAID)
    )


def _with_receipts(honest: MemoryLog, archive: MemoryArchive) -> tuple[MemoryLog, list[PackedReceipt]]:
    """The same log, its checkpoints mailed and the receipts logged at once."""
    log, receipts, came = MemoryLog(honest.key), [], []
    log.bodies = honest.bodies
    marks = dict(honest.marks)
    for index, leaf in enumerate(honest.leaves):
        if leaf.kind == CLOSE:
            log.close(archive, MONTH, leaf.arrival_ms)
        if leaf.kind == DAY_MARK:
            mark = replace(log_records.parse_day_mark(marks[index]), anchors=tuple(came))
            log.marks.append(
                (log.append(DAY_MARK, log_records.sha256(mark.encode()), leaf.arrival_ms), mark.encode())
            )
            log.sign()
            size, note = log.notes[-1]
            mail = b"Subject: checkpoint\n\n" + note
            receipts.append(PackedReceipt(size, "authority", "eml", leaf.arrival_ms, note, mail))
            came = [layout.sha256(mail)]
            log.append(ANCHOR, came[0], leaf.arrival_ms)
        elif leaf.kind != CLOSE:
            log.append_as_it_is(leaf)
    log.sign()
    return log, receipts


def rich_month() -> bytes:
    """The pack."""
    archive, declared = fleet(), rules()
    records = [(parse_declaration(record).declared_ms, record) for record, _ in declared.scope_records]
    honest = honest_log(archive, key=LOG_KEY, month=MONTH, made_ms=MADE_MS, scopes=records, edition=EDITION)
    log, receipts = _with_receipts(honest, archive)
    stream = io.BytesIO()
    write_pack(
        stream, archive, month=MONTH, rules=declared, zone=None, log_key=LOG_KEY, made_ms=MADE_MS, render=no_copies,
        log=log, receipts=receipts,
    )  # fmt: skip
    return stream.getvalue()
