"""What the log holds is in the pack, or a header tells what it was: both verifiers, whoever signs."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest
from fleet import ENTERPRISE, Enrolled, Fleet, MemoryArchive, instant
from memory_log import MemoryLog
from packs import (
    ARCHIVE,
    LOG_KEY,
    RULES,
    SCOPE,
    SCOPED,
    SCOPED_PACK,
    TRUSTED,
    checked,
    contents,
    declared_scope,
    frames,
    logged,
    mailbox_of,
    packed,
    resigned,
)
from standalone import checked_alone, disagreement

from evidence import chunk, log_records
from evidence.chunk import read_frame
from evidence.errors import MalformedError
from evidence.log_entry import CHUNK, CLOSE, DAY_MARK, MAX_ARRIVAL_MS, LogEntry
from evidence.stored import StoredChunk
from verifier import layout, left_out
from verifier.anchors.interface import NOTHING, Outside
from verifier.finding import Finding

CODES = {"LOG_CUT", "LOG_UNACCOUNTED", "LOG_RECORD", "LOG_FORMAT"}
Change = Callable[[dict[str, bytes]], object]


def told(data: bytes, outside: Outside | None = None) -> list[Finding]:
    """The findings about the log's content, on which both verifiers agree."""
    brought = mailbox_of(data) if outside is None else outside
    report = checked(data, outside=brought)
    alone = checked_alone(data, key=LOG_KEY.public, editions=TRUSTED, outside=brought)
    assert disagreement(report, alone) == ""
    return sorted(one for one in report.findings if one.code in CODES)


def bent(change: Change, pack: bytes = SCOPED_PACK) -> list[Finding]:
    entries = contents(pack)
    change(entries)
    return told(resigned(entries))


def again(log: MemoryLog, change: Callable[[list[LogEntry]], Sequence[LogEntry]]) -> MemoryLog:
    """The same log with other leaves, every checkpoint signed."""
    other = MemoryLog(LOG_KEY)
    other.bodies = log.bodies
    records = {log_records.sha256(record): record for _, record in (*log.marks, *log.closed)}
    for entry in change(list(log.leaves)):
        index = other.append_as_it_is(entry)
        for kind, kept in ((DAY_MARK, other.marks), (CLOSE, other.closed)):
            if entry.kind == kind:
                kept.append((index, records[entry.hash]))
                other.sign()
    return other


def headers(pack: bytes = SCOPED_PACK) -> list[bytes]:
    return list(left_out.decode(contents(pack)[layout.LOG_LEFT_OUT]))


def with_headers(bodies: Sequence[bytes]) -> Change:
    return lambda entries: entries.update({layout.LOG_LEFT_OUT: left_out.encode(bodies)})


def ten_hours(host: Enrolled, chunks: int = 6) -> MemoryArchive:
    """A machine with so many chunks of ten hours from 3 November on; another one, that is always there."""
    found = Fleet()
    found.agent("db-1", start="2026-11-02").run(hours=24, busy=10)
    agent = found.agent(host.host, start="2026-11-03")
    for _ in range(chunks):
        agent.run(hours=10, busy=30).seal()
    return found.archive()


WEB = Enrolled(ENTERPRISE, "web-1", "agent")


def dropped(archive: MemoryArchive, drop: Callable[[StoredChunk], bool]) -> MemoryArchive:
    copy = replace(archive, stored=[one for one in archive.stored if not drop(one)])
    copy.recredit()
    return copy


def test_a_host_out_of_the_scope_is_accounted_for_by_its_header() -> None:
    assert told(SCOPED_PACK) == []
    assert [chunk.parse_header(body).host for body in headers()] == ["idle-1"]
    assert headers(packed(ARCHIVE, RULES)) == []


def test_a_leaf_without_chunk_and_header_is_told_with_its_arrival() -> None:
    (finding,) = bent(with_headers([]))
    assert (finding.code, finding.host, finding.slot) == ("LOG_UNACCOUNTED", "", "2026-11-04T19Z")
    assert finding.severity == "fail"


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (lambda mine, packed_: left_out.encode([*mine, packed_]), "LOG_RECORD"),
        (lambda mine, packed_: left_out.encode([*mine, *mine]), "LOG_RECORD"),
        (lambda mine, packed_: left_out.encode([mine[0].replace(b"idle-1", b"idle-2")]), "LOG_RECORD"),
        (lambda mine, packed_: b"", "LOG_FORMAT"),
        (lambda mine, packed_: b"no zlib", "LOG_FORMAT"),
        (lambda mine, packed_: left_out.encode(mine)[:-1], "LOG_FORMAT"),
        (lambda mine, packed_: left_out.encode(mine) + b"x", "LOG_FORMAT"),
        (lambda mine, packed_: left_out.encode(mine) + bytes(10_000), "LOG_FORMAT"),
        (lambda mine, packed_: zlib.compress(mine[0]), "LOG_FORMAT"),
        (lambda mine, packed_: zlib.compress(mine[0] + b"\n\n"), "LOG_FORMAT"),
        (lambda mine, packed_: zlib.compress(b"{" * 9_000), "LOG_FORMAT"),
        (lambda mine, packed_: zlib.compress(mine[0].replace(b'"rows"', b'"lines"') + b"\n"), "LOG_FORMAT"),
    ],
)
def test_the_entry_holds_the_headers_that_are_needed_and_nothing_else(
    data: Callable[[list[bytes], bytes], bytes], code: str
) -> None:
    name = next(name for name in contents(SCOPED_PACK) if layout.chunks_place(name))
    held = read_frame(frames(contents(SCOPED_PACK)[name])[0]).header
    (finding,) = bent(lambda entries: entries.update({layout.LOG_LEFT_OUT: data(headers(), held)}))
    assert (finding.code, finding.place) == (code, layout.LOG_LEFT_OUT)


def test_the_reader_of_headers_says_where_it_stops() -> None:
    bodies = [body * 40 for body in (b"{}", b"[]", b"::")]
    stream = zlib.compress(b"\n".join(bodies) + b"\n")
    assert list(left_out.decode(stream)) == bodies
    assert list(left_out.decode(left_out.encode(()))) == []
    for nothing in ("789c030000000001", "78da03fc00000001", "78da010000ffff00000001"):
        assert not zlib.decompress(bytes.fromhex(nothing))
        with pytest.raises(MalformedError, match="no other"):
            list(left_out.decode(bytes.fromhex(nothing)))
    with pytest.raises(MalformedError, match="not one whole"):
        list(left_out.decode(stream + b"more"))


def test_an_enrolment_that_the_log_holds_is_in_the_pack() -> None:
    """Neither the record of a host nor that of its key can be left out; its chunk's header names the key."""

    def hide(entries: dict[str, bytes]) -> None:
        kept = [one for one in ARCHIVE.enrolments() if one.enrolment.host != "idle-1"]
        entries[layout.ENROLMENTS] = layout.enrolments_document(kept)

    (finding,) = bent(hide)  # enrolled long before the stretch
    assert (finding.code, finding.host) == ("LOG_UNACCOUNTED", "idle-1")
    assert finding.slot == "2026-11-04T16Z/2026-11-04T18Z"

    late = next(one.hash for one in ARCHIVE.enrolments() if one.enrolment.host == "idle-1")

    def move(leaves: list[LogEntry]) -> list[LogEntry]:
        (mine,) = (one for one in leaves if one.hash == late)
        leaves.remove(mine)
        at = next(at for at, one in enumerate(leaves) if one.arrival_ms >= instant("2026-11-03"))
        return [*leaves[:at], replace(mine, arrival_ms=leaves[at].arrival_ms), *leaves[at:]]

    data = packed(ARCHIVE, SCOPED, log=again(logged(ARCHIVE, SCOPED), move))
    assert told(data) == []
    found = bent(hide, data)
    assert [(one.code, one.host, one.slot[:10]) for one in found] == [
        ("LOG_UNACCOUNTED", "", "2026-11-02"), ("LOG_UNACCOUNTED", "idle-1", "2026-11-04"),
    ]  # fmt: skip


def test_a_header_of_another_enterprise_accounts_for_nothing() -> None:
    whole = ten_hours(WEB)
    log = logged(whole, RULES)
    foreign = read_frame(frames_of(whole)[0]).header.replace(ENTERPRISE.encode(), "别的企业".encode())
    frame = replace(read_frame(frames_of(whole)[0]), header=foreign)
    log.bodies[frame.hash] = foreign
    data = packed(
        whole, RULES, log=again(log, lambda each: [*each[:-1], LogEntry(CHUNK, frame.hash, each[-1].arrival_ms), each[-1]])
    )  # fmt: skip
    found = [one for one in told(data) if one.code == "LOG_UNACCOUNTED"]
    assert [(one.host, one.place) for one in found] == [("web-1", "agent")]


def frames_of(archive: MemoryArchive) -> list[bytes]:
    return [one.frame for one in archive.stored if one.host == "web-1"]


def test_what_is_cut_is_told_run_by_run() -> None:
    whole = ten_hours(WEB)
    cut = dropped(whole, lambda one: one.host == "web-1" and one.seq in {1, 2, 5})
    found = told(packed(cut, SCOPED, log=logged(whole, SCOPED)))
    assert [(one.code, one.host, one.place, one.expected, one.slot) for one in found] == [
        ("LOG_CUT", "web-1", "agent/0/1", "to number 2", "2026-11-03T02Z/2026-11-03T21Z"),
        ("LOG_CUT", "web-1", "agent/0/5", "to number 5", "2026-11-04T18Z/2026-11-05T03Z"),
    ]


def test_a_cut_is_found_in_a_window_that_ends_before_the_month() -> None:
    """No close says anything of such a window; the log does."""
    rules = declared_scope(SCOPE.replace(b"2026-11-30", b"2026-11-20"))
    whole = ten_hours(WEB)
    assert told(packed(whole, rules)) == []
    cut = dropped(whole, lambda one: one.host == "web-1" and one.seq > 3)
    (finding,) = told(packed(cut, rules, log=logged(whole, rules)))
    assert (finding.code, finding.place, finding.expected) == ("LOG_CUT", "agent/0/4", "to number 5")
    # What lies behind the window is of no concern: the headers show it.
    short = declared_scope(SCOPE.replace(b"2026-11-30", b"2026-11-03"))
    data = packed(whole, short)
    assert told(data) == []
    assert [chunk.parse_header(body).seq for body in headers(data)] == [3, 4, 5]


def test_a_chunk_that_was_logged_twice_is_one_chunk() -> None:
    def twice(leaves: list[LogEntry]) -> list[LogEntry]:
        mine = next(one for one in leaves if one.kind == CHUNK and one.arrival_ms > instant("2026-11-02"))
        return [*leaves[:-1], replace(mine, arrival_ms=leaves[-1].arrival_ms), leaves[-1]]

    found = told(packed(ARCHIVE, SCOPED, log=again(logged(ARCHIVE, SCOPED), twice)))
    assert [one.code for one in found] == ["LOG_RECORD"]  # of the close, which now stands a leaf later


class LateLog(MemoryLog):
    """A log whose owner lets the packed stretch begin when the first days are over."""

    def first_at(self, arrival_ms: int) -> int:
        return self.size if arrival_ms < instant("2026-11-10") else super().first_at(arrival_ms)


def test_the_stretch_begins_before_the_window() -> None:
    whole = ten_hours(WEB)
    log = logged(whole, RULES)
    late = LateLog(LOG_KEY)
    vars(late).update(vars(log))
    data = packed(dropped(whole, lambda one: one.host == "web-1" and one.seq < 2), RULES, log=late)
    begin = [one for one in told(data) if one.place == layout.LOG_BASE]
    assert [(one.code, one.slot) for one in begin] == [("LOG_UNACCOUNTED", "2026-10-31T16Z/2026-11-02T16Z")]


def test_a_leaf_with_an_arrival_that_no_calendar_knows_is_told_too() -> None:
    def far(leaves: list[LogEntry]) -> list[LogEntry]:
        return [
            *leaves[:-1],
            LogEntry(CHUNK, "ab" * 32, MAX_ARRIVAL_MS),
            replace(leaves[-1], arrival_ms=MAX_ARRIVAL_MS),
        ]

    found = told(packed(ARCHIVE, SCOPED, log=again(logged(ARCHIVE, SCOPED), far)), NOTHING)
    assert [(one.code, one.slot) for one in found] == [
        ("LOG_RECORD", ""), ("LOG_UNACCOUNTED", "2100-01-01T00Z"),
    ]  # fmt: skip
