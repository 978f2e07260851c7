"""Where fuzzing begins: honest examples of everything that is fuzzed, out of one small pack."""

from __future__ import annotations

import zlib

from fleet import Fleet, instant
from packs import LOG_KEY, SCOPE, contents, declared_scope, packed
from packs import frames as whole_frames

from evidence import checkpoint, chunk
from verifier import chunk_group, layout

TINY_SCOPE = SCOPE.replace(b"from = 2026-11-01", b"from = 2026-11-03").replace(
    b"to = 2026-11-30", b"to = 2026-11-03"
)
LEDGER_NAMES = ("data/scopes.json", "statement.json", layout.ENROLMENTS)


def tiny_pack() -> bytes:
    """Two hosts, one day, several chunks, some of them in one hour; a scope, a log and a close."""
    fleet = Fleet()
    for name in ("web-1", "db-1"):
        agent = fleet.agent(name, start="2026-11-02T20:00", step_s=1_200 if name == "web-1" else 3_600)
        agent.run(hours=6, busy=30, rx=9_000, tx=400, reads=3, writes=2).seal().run(hours=8, busy=5).seal()
        if name == "web-1":  # several chunks in an hour: they share a group
            for busy in (5, 9, 13, 60):
                agent.run(hours=1 / 3, busy=busy, rx=700).seal()
        agent.run(hours=2, seen=False).run(hours=14, busy=40)
    return packed(fleet.archive(), declared_scope(TINY_SCOPE, before_ms=instant("2026-10-20")))


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
