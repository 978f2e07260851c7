"""Groups of chunks in a pack: what goes in comes out, and a stream that is not one in its form is refused by both."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import replace

import pytest
from drafts import CLOCKS, CPU, DISK, NIC
from fleet import Enrolled, Fleet, instant
from packs import frames
from standalone import alone

from evidence import columns, manifest
from evidence.chunk import parse_header, read_frame, write_frame
from evidence.manifest import Column
from verifier import chunk_entry, chunk_group
from verifier.chunk_group import HEAD, TAIL, enclose

START = "2026-11-03T08:00"
HOUR_MS = 3_600_000
SESSIONS = manifest.build(
    kind=manifest.COUNTERS, interval_ms=600_000, devices=(NIC, DISK), host={"cpus": 2, "ticks_per_s": 100, "system": "x"},
    columns=(*CLOCKS, *CPU, Column("net.rx", "eth0"), Column("net.tx", "eth0"), Column("disk.reads", "vda"),
             Column("disk.writes", "vda"), Column("sessions.count")),
)  # fmt: skip


def counted(*, chunks: int = 8, made: manifest.Manifest | None = None) -> list[bytes]:
    """Chunks of half an hour, a reading every ten minutes."""
    fleet = Fleet()
    agent = fleet.agent("web-1", start=START, step_s=600, manifest=made)
    for number in range(chunks):
        agent.run(hours=0.5, busy=10 + number * 7 % 5, rx=number * 3**9, tx=5, reads=number).seal()
    return [stored.frame for stored in agent.enrolled.stored]


FRAMES = counted()
ENTRY = chunk_entry.pack(FRAMES)
FIRST = FRAMES[0]


def groups_of(entry: bytes, first: bytes) -> list[bytes]:
    """The groups that follow the first frame of an entry."""
    found, at = [], len(first)
    while at < len(entry):
        size = HEAD.size + HEAD.unpack_from(entry, at)[2] + TAIL.size
        found.append(entry[at : at + size])
        at += size
    return found


GROUP = groups_of(ENTRY, FIRST)[0]


def content(group: bytes = GROUP) -> bytes:
    return zlib.decompress(group[HEAD.size : -TAIL.size])


def around(text: bytes, group: bytes = GROUP, *, more: bytes = b"") -> bytes:
    """The group with another content."""
    _, crc, _, signature, prev = HEAD.unpack_from(group)
    return enclose(zlib.compress(text) + more, crc=crc, signature=signature, prev=prev)


def told(entry: bytes) -> list[str]:
    """What is wrong with every item of an entry, and that the second verifier reads the same chunks."""
    ours = list(chunk_entry.items(entry))
    theirs = list(alone.chunk_items(entry))
    assert [item.frame and (item.frame.header, item.frame.signature) for item in ours] == [
        None if isinstance(item, alone.Bad) else (item.header, item.signature) for item in theirs
    ]
    for item, other in zip(ours, theirs, strict=True):
        if isinstance(item.frame, chunk_group.GroupedFrame):
            assert item.frame.raw == other.raw
            assert item.frame.hash == hash_of(item.frame)
    return [item.error for item in ours]


def hash_of(frame: chunk_group.GroupedFrame) -> str:
    return read_frame(write_frame(replace(frame, packed=b""))).hash


def test_chunks_of_an_hour_share_a_group_with_one_signature() -> None:
    assert told(ENTRY) == [""] * 8
    signed = [bool(item.frame and item.frame.signature) for item in chunk_entry.items(ENTRY)]
    assert signed == [True, True, False, True, False, True, False, True]
    assert frames(ENTRY) == FRAMES


def test_a_chunk_of_an_hour_stands_alone() -> None:
    agent = Fleet().agent("web-1", start=START, step_s=600)
    for _ in range(3):
        agent.run(hours=1, busy=3).seal()
    each = [stored.frame for stored in agent.enrolled.stored]
    entry = chunk_entry.pack(each)
    assert len(groups_of(entry, each[0])) == 2
    assert frames(entry) == each


def changing(enrolled: Enrolled) -> list[bytes]:
    """Chunks whose headers differ in everything that may differ, and rows of every kind."""
    changes: list[dict[str, object]] = [
        {}, {"anchor": "a" * 64}, {"clock_state": "unknown", "clock_offset_ms": -5, "clock_rtt_ms": 12},
        {"first": "reading"}, {"agent": "0.2.0 版"}, {"seq": 9}, {"prev_end_ms": 7}, {"first": "boot"}, {"rows": 0},
        {"boot": "another"}, {"prev": "b" * 64},
    ]  # fmt: skip
    row = [instant(START), 10**8, 10**8, *[0] * 10, 2**63 - 5, columns.MISSING, 1, 2, 3]
    for number, change in enumerate(changes):
        rows = [list(row)]
        for _ in range(number % 3 + 1):
            late = 60_000 + number
            row = [value + late for value in row[:3]] + [value + 7**number % 900 for value in row[3:]]
            row[13], row[14] = 2**63 - 5 - number, columns.MISSING if number % 2 else -number
            rows.append(list(row))
        said = {"first": "repeat", **change}
        said.pop("rows", None)
        enrolled.seal(
            SESSIONS, list(zip(*rows, strict=True)), start_ms=rows[0][0], end_ms=rows[-1][0], **said
        )
    return [stored.frame for stored in enrolled.stored]


def test_whatever_changes_from_chunk_to_chunk_comes_back_byte_for_byte() -> None:
    each = changing(Fleet().enrol("web-1"))
    entry = chunk_entry.pack(each)
    assert told(entry) == [""] * len(each)
    assert frames(entry) == each
    assert chunk_group.MAGIC in entry


def test_averages_and_accounts_travel_in_groups_too() -> None:
    fleet = Fleet()
    begin = instant(START)
    for number in range(4):
        samples = [(begin + (number * 3 + at) * 300_000, 300_000, 17 * at) for at in range(3)]
        fleet.averages("web-1", "cpu.utilization", samples)
    empty = fleet.activity("web-1", START, "2026-11-03T09:00") + fleet.activity(
        "web-1", "2026-11-03T09:00", "2026-11-03T10:00"
    )
    empty += fleet.activity(
        "web-1", "2026-11-03T10:00", "2026-11-03T11:00", {"2026-11-03": [bytes(16), bytes(range(16))]}
    )
    for each in (
        [stored.frame for stored in fleet.enrol("web-1", "import").stored],
        [stored.frame for stored in empty],
    ):
        entry = chunk_entry.pack(each)
        assert told(entry) == [""] * len(each)
        assert frames(entry) == each
        assert chunk_group.MAGIC in entry


def test_what_a_group_cannot_give_back_stays_a_frame() -> None:
    other = counted(chunks=2, made=SESSIONS)[:1]
    bent = write_frame(replace(read_frame(FRAMES[2]), packed=columns.pack(bytes(4 * 17 * 8), rows=4)))
    strange = write_frame(replace(read_frame(FRAMES[3]), header=b"{}"))
    shorter = write_frame(replace(read_frame(FRAMES[1]), manifest=b"", manifest_bytes=0))
    for each in (
        [FIRST, bent],
        [FIRST, strange],
        [FIRST, *other],
        [strange, FIRST],
        [shorter, FRAMES[2]],
        [FIRST, b"SPC1"],
    ):
        assert chunk_entry.pack(each) == b"".join(each)
    assert chunk_entry.pack([FIRST, FRAMES[2], FRAMES[1]]).count(chunk_group.MAGIC) == 2


def lines(change: Callable[[list[bytes]], list[bytes]]) -> bytes:
    text, rest = content().split(b"\n\n", 1)
    return around(b"\n".join(change(text.split(b"\n"))) + b"\n\n" + rest)


def columns_bent(at: int, value: int) -> bytes:
    """One byte after the empty line is another."""
    text, rest = content().split(b"\n\n", 1)
    return around(text + b"\n\n" + rest[:at] + bytes([value]) + rest[at + 1 :])


def without_its_frame() -> bytes:
    return write_frame(replace(read_frame(FIRST), signature=bytes(64))) + GROUP


def with_first(**changes: bytes | int) -> bytes:
    """An entry whose first frame is another, and the group names it."""
    frame = write_frame(replace(read_frame(FIRST), **changes))
    crc = int.from_bytes(frame[-4:], "little")
    return frame + enclose(zlib.compress(content()), crc=crc, signature=bytes(64), prev=bytes(32))


def garbled() -> bytes:
    _, crc, _, signature, prev = HEAD.unpack_from(GROUP)
    return enclose(zlib.compress(content())[:-1] + b"x", crc=crc, signature=signature, prev=prev)


ZEROS = b"\0"
REFUSED = {
    "no head": (FIRST + GROUP[:80], "without its head"),
    "cut off": (FIRST + GROUP[:-1], "does not fit"),
    "damaged": (FIRST + GROUP[:30] + bytes([GROUP[30] ^ 1]) + GROUP[31:], "CRC-32"),
    "damaged stream": (FIRST + garbled(), "damaged group"),
    "bytes behind": (FIRST + around(content(), more=b"x"), "one whole stream"),
    "bomb": (FIRST + around(content() + bytes(chunk_group.MAX_STREAM_BYTES)), "one whole stream"),
    "first in its entry": (GROUP, "not the one before"),
    "after another frame": (without_its_frame(), "not the one before"),
    "frame with an odd header": (with_first(header=b"{}"), "chunk header"),
    "frame with an odd manifest": (with_first(manifest=b"x"), "deflate"),
    "frame with another manifest": (
        with_first(manifest=zlib.compress(SESSIONS.raw), manifest_bytes=len(SESSIONS.raw)),
        "another manifest",
    ),
    "no line": (FIRST + around(b"\n"), "without a chunk"),
    "no end": (FIRST + around(b"{}"), "no end"),
    "too many lines": (FIRST + around(b"{}\n" * 1_001 + b"\n"), "more than 1000 lines"),
    "line that is no JSON": (FIRST + lines(lambda each: [b"x", *each[1:]]), "JSON"),
    "line that is not canonical": (FIRST + lines(lambda each: [each[0], b"{ }", *each[2:]]), "canonical"),
    "lists what is predicted": (FIRST + lines(lambda each: [*each[:-1], b'{"first":"repeat"}']), "may not list"),
    "lists what never changes": (FIRST + lines(lambda each: [*each[:-1], b'{"host":"db-1"}']), "may not list"),
    "lists a link": (FIRST + lines(lambda each: [*each[:-1], b'{"prev":"0"}']), "may not list"),
    "lists what no header has": (FIRST + lines(lambda each: [*each[:-1], b'{"x":1}']), "may not list"),
    "lists what the frame lacks": (FIRST + lines(lambda each: [*each[:-1], b'{"code":""}']), "may not list"),
    "lists a list": (FIRST + lines(lambda each: [*each[:-1], b'{"agent":[1]}']), "may not list"),
    "rows in words": (FIRST + lines(lambda each: [*each[:-1], b'{"rows":"4"}']), "no known length"),
    "too many rows": (FIRST + lines(lambda each: [*each[:-1], b'{"rows":100001}']), "no known length"),
    "too many values": (FIRST + lines(lambda each: [*each[:-1], b'{"rows":99999}']), "values"),
    "more rows than there are": (FIRST + lines(lambda each: [*each[:-1], b'{"rows":5}']), "not as long"),
    "bytes without a row": (FIRST + lines(lambda _: [b'{"rows":0}']), "without a row"),
    "too wide": (FIRST + columns_bent(0, 9), "not as long"),
    "wider than its steps": (
        FIRST + around(b'{"rows":2,"seq":1}\n\n' + b"\1" * 17 + bytes(17 * 8) + ZEROS * 17),
        "wider than its steps",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_a_group_has_one_form(name: str) -> None:
    entry, why = REFUSED[name]
    found = told(entry)
    assert len(found) == 1 + (not entry.startswith(chunk_group.MAGIC))
    with pytest.raises(AssertionError, match=why):
        raise AssertionError(found[-1])


def test_a_chunk_cannot_repeat_the_row_of_one_without_rows() -> None:
    nothing = b'{"rows":0,"start_ms":1}\n{"rows":1}\n\n'
    (_, wrong) = told(FIRST + around(nothing))
    assert "not there" in wrong


def test_a_damaged_group_costs_its_own_chunks_only() -> None:
    first, second = groups_of(ENTRY, FIRST)[:2]
    bent = first[:-9] + bytes([first[-9] ^ 4]) + first[-8:]
    found = told(FIRST + bent + second)
    assert [bool(each) for each in found] == [False, True, False, False, False, False][: len(found)]
    assert len(found) == 2 + len(told(FIRST + second)) - 1


@pytest.mark.parametrize("why", ["may not list", "wider than its steps", "not as long"])
def test_of_groups_that_are_decoded_together_each_is_refused_by_itself(why: str) -> None:
    before, group, behind = groups_of(ENTRY, FIRST)[1:4]
    text, rest = content(group).split(b"\n\n", 1)
    bent = {
        "may not list": text.rpartition(b"\n")[0] + b'\n{"x":1}\n\n' + rest,
        "wider than its steps": text + b"\n\n" + b"\1" * 17 + bytes(17 * 8) + ZEROS * (17 * 6),
        "not as long": text + b"\n\n" + rest + ZEROS,
    }[why]
    found = told(FIRST + before + around(bent, group) + behind)
    assert [bool(each) for each in found] == [False, False, False, True, False, False]
    assert why in found[3]


def test_a_header_that_breaks_the_format_is_refused_alone() -> None:
    entry = FIRST + lines(lambda each: [*each[:-1], b'{"clock_state":"late"}'])
    items = [item.frame for item in chunk_entry.items(entry)]
    assert all(items)
    last = items[-1]
    assert last is not None
    with pytest.raises(Exception, match="clock_state"):
        parse_header(last.header)
    assert told(entry) == [""] * len(items)


def test_an_entry_holds_only_so_many_chunks_and_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, limit in (("MAX_ENTRY_CHUNKS", 3), ("MAX_ENTRY_RAW_BYTES", 1_000)):
        with monkeypatch.context() as bent:
            for module in (chunk_entry, alone):
                bent.setattr(module, name, limit)
            assert told(ENTRY) == ["", "", "more chunks or columns than one entry may hold"]


def test_many_values_or_chunks_begin_another_group(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as bent:
        bent.setattr(chunk_group, "MAX_VALUES", 4 * 17 * 2)
        entry = chunk_entry.pack(FRAMES)
        assert len(groups_of(entry, FIRST)) == 4
    monkeypatch.setattr(chunk_group, "MAX_CHUNKS", 1)
    assert len(groups_of(chunk_entry.pack(FRAMES), FIRST)) == 7
    monkeypatch.setattr(chunk_group, "MAX_VALUES", 1)
    assert chunk_entry.pack(FRAMES) == b"".join(FRAMES)
