"""Where fuzzing begins: honest examples of everything that is fuzzed, out of one small pack."""

from __future__ import annotations

import zlib
from dataclasses import replace

from drafts import counters_manifest
from fleet import Fleet, instant
from ledgers import bought, ledger
from packs import LOG_KEY, SCOPE, contents, declared_scope, logged, packed, some_copies, with_profile
from packs import frames as whole_frames

from evidence import checkpoint, chunk, manifest
from evidence.stored import PackedReceipt
from verifier import chunk_group, layout

DAY, MADE = "2026-11-28", "2026-12-02"
TINY_SCOPE = (
    SCOPE
    .replace(b"from = 2026-11-01", b"from = 2026-11-28")
    .replace(b"to = 2026-11-30", b"to = 2026-11-28")
    .replace(b"[[hosts]]", b'[head_counts]\ntotal = 20\n[users]\nhead_count = "total"\nsources = ["web-1/login-log"]\n[[hosts]]', 1)
)  # fmt: skip
LEDGER_NAMES = ("data/scopes.json", "statement.json", layout.ENROLMENTS)
RECEIPT = "付款回单".encode()
ROW_MS = 3_600_000


def tiny_pack() -> bytes:
    """Every kind of entry as small as it can be, near the end of the month so that its log is short.

    Two hosts, one day, several chunks, some of them in one hour; averages, accounts, statements of a database; a
    declared scope, a profile, a ledger with a document, a chunk that is left out, copies for reading, receipts of anchors, a log and a close.
    """
    fleet = Fleet()
    for name in ("web-1", "db-1"):
        agent = fleet.agent(
            name, start="2026-11-27T20:00", step_s=1_200 if name == "web-1" else ROW_MS // 1_000
        )
        agent.run(hours=5, busy=30, rx=9_000, tx=400, reads=3, writes=2).seal().run(hours=2, busy=5).seal()
        if name == "web-1":  # several chunks in an hour: they share a group
            for busy in (5, 9, 13, 60):
                agent.run(hours=1 / 3, busy=busy, rx=700).seal()
        agent.run(hours=2, seen=False).run(hours=3, busy=40)
    begin = instant(DAY)
    fleet.averages("web-1", "cpu.utilization", [(begin + at * ROW_MS, ROW_MS, 17 * at) for at in range(4)])
    # of the day after the month: the pack has its header only
    fleet.averages("web-1", "cpu.utilization", [(instant("2026-12-01"), ROW_MS, 1)])
    fleet.activity("web-1", DAY, "2026-11-29", {DAY: [bytes(16), bytes(range(16))]})
    _statements(fleet, begin)
    archive = fleet.archive()
    archive.ledger_bytes = ledger(*(replace(one, document=layout.sha256(RECEIPT)) for one in bought(60_000)))
    archive.ledger_documents = {layout.sha256(RECEIPT): RECEIPT}
    rules = with_profile(declared_scope(TINY_SCOPE, before_ms=instant("2026-11-25")))
    log = logged(archive, rules, made=MADE)
    receipts = [
        PackedReceipt(size, "authority", "eml", begin, note, b"Subject: checkpoint\n\n" + note)
        for size, note in log.notes[-2:]
    ]
    return packed(archive, rules, made=MADE, render=some_copies, log=log, receipts=receipts)


def _statements(fleet: Fleet, begin: int) -> None:
    clocks = tuple(manifest.Column(clock) for clock in manifest.COUNTERS_CLOCKS)
    made = manifest.build(
        kind=manifest.COUNTERS,
        interval_ms=ROW_MS,
        columns=(*clocks, manifest.Column("db.reads", device="orders")),
        host=counters_manifest(interval_ms=ROW_MS, cpus=2).host,
        devices=(manifest.Device("database", "orders", "server 1", True, "mysql.statements/1"),),
    )
    since = [ROW_MS * (hour + 1) for hour in range(4)]
    walls = [begin + at for at in since]
    said = {"start_ms": walls[0], "end_ms": walls[-1], "boot": "boot-1", "first": "reading"}
    fleet.enrol("db-1", "database").seal(made, [walls, since, since, since], **said)


def seeds() -> dict[str, list[bytes]]:
    """Return honest inputs by the name of the target."""
    entries = contents(tiny_pack())
    chunks = [data for name, data in entries.items() if layout.chunks_place(name)]
    frames = [frame for data in chunks for frame in whole_frames(data)]
    read = [chunk.read_frame(data) for data in frames]
    manifests = [zlib.decompress(frame.manifest) for frame in read]
    notes = list(checkpoint.separate(entries[layout.LOG_CHECKPOINTS]))
    documents = [data for name, data in entries.items() if name.endswith(".json")]
    tomls = [data for name, data in entries.items() if name.endswith(".toml")]
    small = b'a = 1\n[b]\nc = ["x", 2.5, 2026-11-03, true]\nd.e = {f = "\\u00e9", g = []}\n[[h.i]]\nj = """\nk\\\n  l"""\n'
    mail = b"Received: by mx; 03 Nov 2026 00:00:10 +0000\nContent-Type: text/plain\n\n" + notes[0]
    return {
        "json": [data for data in documents if len(data) < 8_192],
        "header": [frame.header for frame in read],
        "manifest": sorted(set(manifests)),
        "frame": [data[:-4] for data in frames],
        "packed_columns": [bytes((4, 3)) + zlib.decompress(frame.packed)[:96] for frame in read],
        "activity": [bytes(8) + bytes((0, 24, 5, 5, 5, 0, 24, 5, 6, 5, 24, 24, 5, 5, 5))],
        "items": chunks,
        "group": [_group_of(data) for data in chunks if chunk_group.MAGIC in data],
        "container": [_zip_of({"a.txt": b"a", "data/b.txt": b"b" * 30})],
        "note": [*notes, entries[layout.LOG_CHECKPOINTS]],
        "log_files": [
            *(data for name, data in entries.items() if name.startswith("data/log/") or name in LEDGER_NAMES)
        ],
        "toml": [small, *tomls],
        "mail": [mail],
        "code": [b"8FQ2K", notes[0]],
    }


def _group_of(entry: bytes) -> bytes:
    frame, _ = chunk.take_frame(entry, 0)
    begin = entry.rindex(chunk_group.MAGIC)
    stream = entry[begin + chunk_group.HEAD.size : -chunk_group.TAIL.size]
    body = chunk.write_frame(frame)[:-4]
    return len(body).to_bytes(2, "big") + body + zlib.decompress(stream)


def _zip_of(entries: dict[str, bytes]) -> bytes:
    from packs import written

    return written(entries)


KEY = LOG_KEY
