"""Signatures, places and damage of chunks in a pack."""

from __future__ import annotations

import io
import random
from collections.abc import Callable
from dataclasses import replace

import pytest
from fleet import Fleet
from packs import LOG_KEY, TRUSTED, chunk_names, codes, contents, frames, mailbox_of, packed, resigned

from evidence import chunk
from evidence.chunk import read_frame, write_frame
from evidence.errors import EvidenceError
from verifier import chunk_entry, chunk_group, layout
from verifier.batches import Batches
from verifier.check import CheckReport, How, check
from verifier.container import Container, Entry
from verifier.finding import Finding
from verifier.headers import read_header
from verifier.packed_chunks import PackedChunks
from verifier.slots import hour

ONCE = How()
EVERY = How(every_signature=True)


def two_days() -> bytes:
    fleet = Fleet()
    for host in ("db-1", "web-1"):
        agent = fleet.agent(host, start="2026-11-03T08:00", step_s=600)
        for number in range(16):
            agent.run(hours=3, busy=10 + number).seal()
    return packed(fleet.archive())


PACK = two_days()
ENTRY = chunk_names(contents(PACK))[0]


def judged(data: bytes, how: How = ONCE) -> CheckReport:
    return check(
        io.BytesIO(data), log_key=LOG_KEY.public, editions=TRUSTED, outside=mailbox_of(data), how=how
    )


def forged(frame: bytes) -> bytes:
    """The frame with a signature that nobody made."""
    parts = read_frame(frame)
    return write_frame(replace(parts, signature=parts.signature[:32] + parts.signature[31:63]))


def with_frames(change: Callable[[list[bytes]], list[bytes]], name: str = ENTRY) -> bytes:
    entries = contents(PACK)
    entries[name] = b"".join(change(frames(entries[name])))
    return resigned(entries)


def chunk_findings(report: CheckReport) -> list[tuple[str, str, str, str]]:
    found = [f for f in sorted(report.findings) if f.step == 4 and f.severity == "fail"]
    return [(f.code, f.host, f.slot, f.place) for f in found]


def starts(name: str = ENTRY) -> list[int]:
    return [chunk.parse_header(read_frame(frame).header).start_ms for frame in frames(contents(PACK)[name])]


def test_a_forged_signature_within_a_chain_is_told_only_if_every_signature_is_asked_for() -> None:
    bent = with_frames(lambda each: [each[0], forged(each[1]), *each[2:]])
    report = judged(bent)
    assert chunk_findings(report) == []
    assert report.figures == judged(PACK).figures
    assert chunk_findings(judged(bent, EVERY)) == [
        ("CHUNK_SIGNATURE", "db-1", hour(starts()[1]), f"{ENTRY}[1]")
    ]


def test_the_last_chunk_of_a_day_must_be_signed_and_is_left_out_if_it_is_not() -> None:
    last = len(starts()) - 1
    for how in (How(), EVERY):
        report = judged(with_frames(lambda each: [*each[:-1], forged(each[-1])]), how)
        assert chunk_findings(report) == [
            ("CHUNK_SIGNATURE", "db-1", hour(starts()[last]), f"{ENTRY}[{last}]")
        ]
        assert "SEQ_MISSING" in codes(report)
        assert "DAY_SUMS" in codes(report)


def test_a_chunk_that_no_proved_chunk_names_must_be_signed() -> None:
    report = judged(with_frames(lambda each: [each[0], forged(each[1]), forged(each[2]), *each[4:]]))
    assert chunk_findings(report) == [
        ("CHUNK_SIGNATURE", "db-1", hour(starts()[1]), f"{ENTRY}[1]"),
        ("CHUNK_SIGNATURE", "db-1", hour(starts()[2]), f"{ENTRY}[2]"),
    ]


def test_every_signature_of_an_honest_pack_holds() -> None:
    assert judged(PACK, EVERY).document() == judged(PACK).document()
    assert judged(PACK).outcome == "incomplete"


def test_an_entry_of_groups_holds_the_same_chunks_in_less_room() -> None:
    whole = frames(contents(PACK)[ENTRY])
    entry = chunk_entry.pack(whole)
    assert frames(entry) == whole == frames(b"".join(whole))
    assert len(entry) < len(b"".join(whole)) * 3 // 4
    assert chunk_entry.pack([]) == b""


def test_an_entry_tells_only_so_many_damaged_places(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chunk_entry, "MAX_DAMAGED", 5)
    assert len(list(chunk_entry.items(chunk_group.MAGIC * 100))) == 5
    monkeypatch.setattr(chunk_entry, "MAX_ENTRY_BYTES", 10)
    (found,) = chunk_entry.items(b"x" * 11)
    assert "11 bytes" in found.error


@pytest.mark.parametrize("later", [lambda data: data[:-1], lambda data: data[::-1], lambda _: b""])
def test_a_file_that_changes_during_the_check_gives_no_chunks(
    later: Callable[[bytes], bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = judged(PACK)
    monkeypatch.setattr("verifier.packed_chunks.KEPT_BYTES", 0)
    assert judged(PACK).document() == whole.document()
    enrolled = {0: Fleet().enrol("db-1").record()}
    data, findings = contents(PACK)[ENTRY], list[Finding]()
    reads = iter((data, later(data)))
    chunks = PackedChunks(
        lambda _: next(reads), enrolled, "示例企业", findings=findings, every_signature=False
    )
    opened = list(chunks.opened("db-1", [ENTRY], Batches(chunks).open_all))
    assert len(opened) + len(findings) == len(starts())
    assert findings
    assert {"changed while" in found.got for found in findings} == {True}


def test_usual_headers_are_read_as_the_strict_reader_reads_them() -> None:
    body = read_frame(frames(contents(PACK)[ENTRY])[0]).header
    assert read_header(body) == chunk.parse_header(body)
    chance = random.Random(5)
    for _ in range(600):
        at = chance.randrange(len(body))
        bent = bytearray(body)
        bent[at : at + chance.choice((0, 1, 1, 2))] = bytes(
            chance.choices(b'0129a"\\,:{}-\xe4\x80 z', k=chance.choice((0, 1, 1, 2)))
        )
        assert _outcome(read_header, bytes(bent)) == _outcome(chunk.parse_header, bytes(bent))
    for old, new in (
        (b'"rows":', b'"rows":9999999'), (b'"columns":', b'"columns":99999'), (b'"start_ms":', b'"start_ms":9999'),
        (b'"prev_end_ms":', b'"prev_end_ms":999999'), (b'"agent":"', b'"agent":"' + b"x" * 9_000),
    ):  # fmt: skip
        bent = body.replace(old, new, 1)
        assert _outcome(read_header, bent) == _outcome(chunk.parse_header, bent)


def _outcome(read: Callable[[bytes], chunk.Header], body: bytes) -> object:
    try:
        return read(body)
    except EvidenceError as error:
        return type(error), str(error)


def located(report: CheckReport, name: str) -> list[Finding]:
    return [found for found in report.findings if found.place.startswith(name)]


@pytest.mark.no_cover
def test_a_damaged_byte_anywhere_is_located_to_its_entry_and_in_chunks_to_host_and_hour() -> None:
    opened = {name: (entry.offset, entry.size) for name, entry in _entries().items()}
    chance = random.Random(11)
    kinds: dict[str, list[str]] = {}
    for name in opened:
        kinds.setdefault("chunks" if layout.chunks_place(name) else name, []).append(name)
    tried = exact = 0
    for kind, names in sorted(kinds.items()):
        for _ in range(60 if kind == "chunks" else 3):
            name = chance.choice(names)
            offset, size = opened[name]
            at = chance.randrange(size)
            bent = bytearray(PACK)
            bent[offset + at] ^= 1 << chance.randrange(8)
            report = check(io.BytesIO(bent), log_key=LOG_KEY.public, editions=TRUSTED)
            assert report.outcome == "fail"
            assert located(report, name), name
            if kind == "chunks":
                exact += _require_hour(report, name, at)
            tried += 1
    assert tried > 110
    # Else the header itself is damaged, or its signature, and no neighbour on one side can be read.
    assert exact > 40


def _entries() -> dict[str, Entry]:
    return dict(Container(io.BytesIO(PACK)).entries)


def _require_hour(report: CheckReport, name: str, at: int) -> bool:
    """A finding names host and hours of the chunk at this byte of an entry; return whether those alone.

    Whatever else is unreadable for it is told truly too.
    """
    chunks = [chunk.parse_header(read_frame(frame).header) for frame in frames(contents(PACK)[name])]
    offsets = [item.at.offset for item in chunk_entry.items(contents(PACK)[name])]
    number = max(number for number, offset in enumerate(offsets) if offset <= at)
    told = {
        f.place: f.slot for f in report.findings if f.code.startswith("CHUNK") and f.place.startswith(name)
    }
    assert f"{name}[{number}]" in told
    for place, slot in told.items():
        header = chunks[int(place[len(name) + 1 : -1])]
        first, _, last = slot.partition("/")
        assert first <= hour(header.start_ms) <= (last or first), (place, slot)
        assert {f.host for f in report.findings if f.place == place} == {header.host}
    mine = chunks[number]
    first, last = hour(mine.start_ms), hour(mine.end_ms - 1)
    return told[f"{name}[{number}]"] in {f"{first}/{last}", first}
