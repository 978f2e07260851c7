"""The log in a pack: what an honest one looks like, and what each way of bending it is called."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable
from dataclasses import replace

import pytest
from fleet import Fleet, instant
from ledgers import bought, ledger
from memory_log import MemoryLog, honest_log
from packs import (
    ARCHIVE,
    DECLARED_MS,
    LOG_KEY,
    MONTH,
    OTHER,
    RULES,
    SCOPE,
    SCOPED,
    SCOPED_PACK,
    checked,
    codes,
    contents,
    declared_scope,
    logged,
    packed,
    resigned,
    small_fleet,
)

from evidence import canonical, checkpoint, log_entry, log_records
from evidence.errors import MalformedError
from evidence.log_entry import CHUNK, CLOSE, DAY_MARK, DOCUMENT, ENROLMENT, ENTRY_BYTES, LogEntry
from evidence.log_entry import SCOPE as SCOPE_KIND
from evidence.log_records import DayMark
from verifier import layout, log_entries
from verifier.check import FAILED, PARTIAL, PASS, CheckReport
from verifier.ledger import Billed, decode, encode, logged_sha256
from verifier.pack import write_pack

DAY = 86_400_000
LOG_CODES = {
    "LOG_ABSENT", "LOG_FORMAT", "LOG_SIGNATURE", "LOG_ROOT", "LOG_ARRIVAL", "LOG_RECORD", "LOG_LEAF_MISSING",
    "LOG_DAY_MISSING", "LOG_DAY_LATE", "LOG_NOT_CLOSED", "LOG_AFTER_CLOSE", "LOG_CUT", "LOG_UNACCOUNTED",
    "CHUNK_LATE",
}  # fmt: skip


def found(report: CheckReport) -> set[str]:
    return codes(report) & LOG_CODES


def bent(change: Callable[[dict[str, bytes]], object], pack: bytes = SCOPED_PACK) -> CheckReport:
    """What the holder of the log key can do to a pack's entries."""
    entries = contents(pack)
    change(entries)
    return checked(resigned(entries))


def relogged(
    change: Callable[[list[LogEntry]], list[LogEntry]] = lambda entries: entries,
    *,
    rules=SCOPED,
    made: str = "2026-12-01",
    archive=ARCHIVE,
) -> CheckReport:
    """A pack of a log that was kept otherwise: same records, other leaves, every checkpoint signed anew."""
    honest = logged(archive, rules, made=made)
    sizes = [size for size, _ in honest.notes]
    other = MemoryLog(LOG_KEY)
    other.bodies = honest.bodies
    records = {log_records.sha256(record): record for _, record in (*honest.marks, *honest.closed)}
    for entry in change(list(honest.leaves)):
        index = other.append_as_it_is(entry)
        for kind, kept in ((DAY_MARK, other.marks), (CLOSE, other.closed)):
            if entry.kind == kind and entry.hash in records:
                kept.append((index, records[entry.hash]))
        if entry.kind in (DAY_MARK, CLOSE) or other.size in sizes:
            other.sign()
    return checked(packed(archive, rules, made=made, log=other))


def without(kind: int, *, number: int = 0) -> Callable[[list[LogEntry]], list[LogEntry]]:
    def change(entries: list[LogEntry]) -> list[LogEntry]:
        of_kind = [at for at, entry in enumerate(entries) if entry.kind == kind]
        # Something else takes the place, so that sizes stay what they were.
        entries[of_kind[number]] = replace(entries[of_kind[number]], kind=DOCUMENT)
        return entries

    return change


def test_an_honest_log_is_found_whole():
    report = checked(SCOPED_PACK)
    assert (report.outcome, found(report)) == (PASS, set())
    assert report.log is not None
    document = report.document()["log"]
    assert document["closed"] == [MONTH]
    assert [f"2026-11-{day:02}" for day in range(1, 31)] == [d for d in document["days"] if d[:7] == MONTH]
    assert document["checkpoints"][-1]["size"] == document["size"] == report.log.size
    first = report.log.leaves[0]
    assert report.log.find(first.kind, first.hash) is not None


def test_a_pack_from_before_there_was_a_log_is_readable_and_incomplete():
    stream = io.BytesIO()
    write_pack(
        stream, ARCHIVE, month=MONTH, rules=SCOPED, zone=None, log_key=LOG_KEY, made_ms=instant("2026-12-01")
    )
    report = checked(stream.getvalue())
    assert (report.outcome, found(report)) == (PARTIAL, {"LOG_ABSENT"})
    assert report.document()["log"] is None


def test_a_pack_from_which_the_log_was_taken_fails_because_its_report_speaks_of_it():
    report = bent(lambda entries: [entries.pop(name) for name in layout.LOG])
    assert (report.outcome, codes(report)) == (FAILED, {"LOG_ABSENT", "REPORT"})


@pytest.mark.parametrize("name", layout.LOG)
def test_a_log_with_a_file_missing_fails(name):
    report = bent(lambda entries: entries.pop(name))
    assert (report.outcome, found(report)) == (FAILED, {"LOG_FORMAT"})


@pytest.mark.parametrize("name", layout.LOG)
@pytest.mark.parametrize("data", [b"nothing of ours", b"{}", b"\xff"])
def test_a_log_that_cannot_be_read_fails(name, data):
    report = bent(lambda entries: entries.update({name: data}))
    assert (report.outcome, found(report)) == (FAILED, {"LOG_FORMAT"})


def test_a_changed_leaf_changes_every_root_after_it():
    def change(entries):
        data = bytearray(entries[layout.LOG_LEAVES])
        data[5 * ENTRY_BYTES + 40] ^= 1  # a millisecond of an arrival
        entries[layout.LOG_LEAVES] = bytes(data)

    report = bent(change)
    assert (report.outcome, "LOG_ROOT" in found(report)) == (FAILED, True)


def test_leaves_after_the_last_checkpoint_are_not_believed():
    extra = LogEntry(DOCUMENT, "ab" * 32, instant("2026-12-01") + 5_000).encode()
    report = bent(lambda e: e.update({layout.LOG_LEAVES: e[layout.LOG_LEAVES] + extra}))
    assert (report.outcome, found(report)) == (FAILED, {"LOG_ROOT"})


def test_checkpoints_of_another_key_are_no_checkpoints():
    def change(entries):
        notes = checkpoint.separate(entries[layout.LOG_CHECKPOINTS])
        said = checkpoint.verify(notes[-1], LOG_KEY.public)
        forged = checkpoint.sign(said.size, said.root, key=OTHER)
        entries[layout.LOG_CHECKPOINTS] = checkpoint.join((*notes[:-1], forged))

    report = bent(change)
    assert (report.outcome, found(report)) == (FAILED, {"LOG_SIGNATURE", "LOG_ROOT"})


def test_a_checkpoint_that_is_none_is_named():
    def change(entries):
        note = entries[layout.LOG_CHECKPOINTS].replace(b"\n\n", b"\nmore\n\n", 1)
        entries[layout.LOG_CHECKPOINTS] = note.replace(b"\n\n", b"\n\n", 1)

    report = bent(change)
    assert report.outcome == FAILED
    from evidence import signed_note

    origin = checkpoint.origin_of(LOG_KEY.public)
    odd = signed_note.sign("three\nlines\nhere\n", name=origin, key=LOG_KEY)
    report = bent(
        lambda e: e.update({layout.LOG_CHECKPOINTS: checkpoint.join([odd, e[layout.LOG_CHECKPOINTS]])})
    )
    assert (report.outcome, found(report)) == (FAILED, {"LOG_FORMAT"})


def test_checkpoints_out_of_order_or_doubled_fail():
    def change(entries):
        notes = checkpoint.separate(entries[layout.LOG_CHECKPOINTS])
        entries[layout.LOG_CHECKPOINTS] = checkpoint.join((notes[0], *notes))

    report = bent(change)
    assert (report.outcome, found(report)) == (FAILED, {"LOG_ROOT"})


def test_a_forked_checkpoint_of_the_right_key_fails():
    """The holder of the key signed another history at some size."""

    def change(entries):
        notes = list(checkpoint.separate(entries[layout.LOG_CHECKPOINTS]))
        said = checkpoint.verify(notes[3], LOG_KEY.public)
        notes[3] = checkpoint.sign(said.size, bytes(32), key=LOG_KEY)
        entries[layout.LOG_CHECKPOINTS] = checkpoint.join(notes)

    report = bent(change)
    assert (report.outcome, "LOG_ROOT" in found(report)) == (FAILED, True)


def test_an_earlier_leaf_without_a_sound_proof_fails():
    def change(entries):
        document = canonical.decode(entries[layout.LOG_BASE], limit=10**6)
        assert document["earlier"], "the enrolments were logged before the stretch"
        document["earlier"][0]["entry"] = LogEntry(ENROLMENT, "ab" * 32, 1).encode().hex()
        entries[layout.LOG_BASE] = canonical.encode(document)

    report = bent(change)
    assert report.outcome == FAILED
    assert found(report) == {"LOG_ROOT", "LOG_LEAF_MISSING"}


@pytest.mark.parametrize("kind", [CHUNK, ENROLMENT, SCOPE_KIND])
def test_what_was_never_logged_is_found(kind):
    report = relogged(without(kind))
    assert report.outcome == FAILED
    assert "LOG_LEAF_MISSING" in found(report)


def test_arrivals_that_go_back_fail():
    def change(entries):
        at = next(i for i, entry in enumerate(entries) if entry.kind == CHUNK and i > 40)
        entries[at] = replace(entries[at], arrival_ms=entries[at].arrival_ms - 3 * DAY)
        return entries

    report = relogged(change)
    assert (report.outcome, "LOG_ARRIVAL" in found(report)) == (FAILED, True)


def test_a_chunk_that_arrived_before_it_ended_fails():
    def change(entries):
        of_chunks = [at for at, entry in enumerate(entries) if entry.kind == CHUNK]
        early = entries[of_chunks[-1]]
        del entries[of_chunks[-1]]
        place = of_chunks[0] + 1
        entries.insert(place, replace(early, arrival_ms=entries[place - 1].arrival_ms))
        return entries

    report = relogged(change)
    assert (report.outcome, "LOG_ARRIVAL" in found(report)) == (FAILED, True)


def test_late_chunks_are_listed_and_decide_nothing():
    def change(entries):
        at = next(i for i, entry in enumerate(entries) if entry.kind == CHUNK)
        late = entries.pop(at)
        end = len(entries) - 1  # before the close
        entries.insert(end, replace(late, arrival_ms=entries[end - 1].arrival_ms))
        return entries

    report = relogged(change)
    assert (report.outcome, found(report)) == (PASS, {"CHUNK_LATE"})
    (finding,) = (f for f in report.findings if f.code == "CHUNK_LATE")
    assert finding.host == "db-1"
    assert finding.got.startswith("1 chunks, up to 2")


def test_a_day_without_a_mark_is_incomplete():
    report = relogged(without(DAY_MARK, number=-3))
    assert (report.outcome, found(report)) == (PARTIAL, {"LOG_DAY_MISSING"})
    (finding,) = (f for f in report.findings if f.code == "LOG_DAY_MISSING")
    assert finding.got == "1 days have no mark: 2026-11-28"


def test_many_days_without_marks_are_told_in_one_line():
    log = logged(ARCHIVE, SCOPED)
    unmarked = MemoryLog(LOG_KEY)
    unmarked.bodies = log.bodies
    for entry in log.leaves:
        if entry.kind not in (DAY_MARK, CLOSE):
            unmarked.append_as_it_is(entry)
    unmarked.close(ARCHIVE, MONTH, instant("2026-12-01"))
    report = checked(packed(ARCHIVE, SCOPED, log=unmarked))
    assert (report.outcome, found(report)) == (PARTIAL, {"LOG_DAY_MISSING"})
    (finding,) = (f for f in report.findings if f.code == "LOG_DAY_MISSING")
    assert finding.got == (
        "29 days have no mark: 2026-11-01, 2026-11-02, 2026-11-03, 2026-11-04, 2026-11-05 …"
    )


def test_a_day_whose_mark_no_checkpoint_follows_is_incomplete():
    def change(entries):
        notes = list(checkpoint.separate(entries[layout.LOG_CHECKPOINTS]))
        del notes[len(notes) // 2]
        entries[layout.LOG_CHECKPOINTS] = checkpoint.join(notes)

    report = bent(change)
    assert (report.outcome, found(report)) == (PARTIAL, {"LOG_DAY_MISSING"})


def with_ledger(data: bytes):
    archive = small_fleet().archive()
    archive.ledger_bytes = data
    return archive


BOUGHT = ledger(*bought(60_000))
WITH_BILLS = encode(replace(decode(BOUGHT), bills=(Billed("aliyun", "2026-11", "ecs", "12.50", "CNY", "a", "b", "yes"),)))  # fmt: skip


@pytest.mark.parametrize("came", ["2026-10-01T12:00", "2026-11-10T12:00", "2026-12-20T12:00"])
@pytest.mark.parametrize("data", [BOUGHT, WITH_BILLS])
def test_the_ledger_s_entries_have_their_leaf_whenever_they_came(came, data):
    archive = with_ledger(data)
    records = [(DECLARED_MS, record) for record, _ in SCOPED.scope_records]
    honest = honest_log(
        archive,
        key=LOG_KEY,
        month=MONTH,
        made_ms=instant("2026-12-21"),
        scopes=records,
        edition=SCOPED.edition_bytes,
        ledger_ms=instant(came),
    )
    report = checked(packed(archive, SCOPED, made="2026-12-21", log=honest))
    assert found(report) == set()
    assert report.log.find(DOCUMENT, logged_sha256(decode(BOUGHT))).arrival_ms == instant(came)


def test_a_ledger_that_was_never_logged_or_was_changed_fails():
    def without(entries):
        return [replace(entry, hash="0" * 64) if entry.kind == DOCUMENT else entry for entry in entries]

    archive = with_ledger(BOUGHT)
    assert found(relogged(without, archive=archive)) == {"LOG_LEAF_MISSING"}
    pack = packed(archive, SCOPED)
    changed = ledger(*bought(60_001))
    report = bent(lambda entries: entries.update({layout.LEDGER: changed}), pack)
    assert (report.outcome, found(report)) == (FAILED, {"LOG_LEAF_MISSING"})
    report = bent(lambda entries: entries.update({layout.LEDGER: b"none"}), pack)
    assert (report.outcome, found(report)) == (FAILED, set())


def test_a_mark_made_later_stays_late():
    def change(entries):
        for at, entry in enumerate(entries):
            if entry.arrival_ms >= instant("2026-11-20") and entry.kind == DAY_MARK:
                entries[at] = replace(entry, arrival_ms=instant("2026-12-01"))
        return entries

    report = relogged(change)
    assert found(report) == {"LOG_DAY_LATE"}
    # What the mark of a day did not cover in time, nothing from outside confirmed in time.
    assert (report.outcome, codes(report) - LOG_CODES) == (PARTIAL, {"DAY_ANCHORED_LATE"})


def test_a_mark_made_before_its_day_was_over_fails():
    def change(entries):
        at = [i for i, entry in enumerate(entries) if entry.kind == DAY_MARK][-3]
        entries[at] = replace(entries[at], arrival_ms=entries[at - 1].arrival_ms)
        return entries

    report = relogged(change)
    assert (report.outcome, found(report)) == (FAILED, {"LOG_ARRIVAL"})


def marks_of(entries: dict[str, bytes]) -> list[bytes]:
    return log_entries.read_day_marks(entries[layout.LOG_DAY_MARKS])


def test_a_mark_whose_record_is_another_fails():
    def change(entries):
        records = marks_of(entries)
        records[2] = DayMark("示例企业", "2026-11-03", "Asia/Shanghai", ("ab" * 32,)).encode()
        entries[layout.LOG_DAY_MARKS] = log_entries.records_document(log_entries.DAY_MARKS_SCHEMA, records)

    report = bent(change)
    assert report.outcome == FAILED
    assert "LOG_RECORD" in found(report)


@pytest.mark.parametrize(
    ("enterprise", "day", "timezone"),
    [
        ("别的企业", "2026-12-01", "Asia/Shanghai"),
        ("示例企业", "2026-12-01", "Nowhere/Else"),
        ("示例企业", "2026-11-05", "Asia/Shanghai"),
    ],
)
def test_a_mark_of_somebody_else_or_of_a_day_twice_fails(enterprise, day, timezone):
    log = logged(ARCHIVE, SCOPED)
    log.leaves.pop()  # before the close
    log.frontiers.pop()
    log.notes.pop()
    log.closed.clear()
    record = DayMark(enterprise, day, timezone).encode()
    log.marks.append((log.append(DAY_MARK, log_records.sha256(record), instant("2026-12-01")), record))
    log.close(ARCHIVE, MONTH, instant("2026-12-01"))
    report = checked(packed(ARCHIVE, SCOPED, log=log))
    assert (report.outcome, "LOG_RECORD" in found(report)) == (FAILED, True)


def test_a_month_that_was_not_closed_is_incomplete():
    report = relogged(without(CLOSE))
    assert (report.outcome, found(report)) == (PARTIAL, {"LOG_NOT_CLOSED"})


def test_a_month_that_is_not_over_needs_no_close():
    report = checked(packed(ARCHIVE, SCOPED, made="2026-11-20"))
    assert found(report) == set()


def test_a_close_of_another_size_fails():
    log = logged(ARCHIVE, SCOPED)
    leaf, record = log.closed.pop()
    said = replace(log_records.parse_close(record), size=leaf - 1)
    log.leaves.pop()
    log.frontiers.pop()
    log.notes.pop()
    log.closed.append((log.append(CLOSE, log_records.sha256(said.encode()), 0), said.encode()))
    log.sign()
    report = checked(packed(ARCHIVE, SCOPED, log=log))
    assert (report.outcome, found(report)) == (FAILED, {"LOG_RECORD"})


def test_chunks_after_the_close_ask_for_another_one():
    def change(entries):
        at = next(i for i, entry in enumerate(entries) if entry.kind == CHUNK)
        late = entries.pop(at)
        entries.append(replace(late, arrival_ms=entries[-1].arrival_ms))
        return entries

    report = relogged(change)
    assert report.outcome != PASS
    assert "LOG_AFTER_CLOSE" in found(report)


def test_a_tail_that_was_cut_off_fails():
    """The end of a host's chain is left out of the pack; the log holds it."""
    whole = Fleet()
    agent = whole.agent("web-1", start="2026-11-03")
    for _ in range(4):
        agent.run(hours=10, busy=30).seal()
    log = logged(whole.archive(), RULES)
    cut = Fleet()
    agent = cut.agent("web-1", start="2026-11-03")
    for _ in range(3):
        agent.run(hours=10, busy=30).seal()
    report = checked(packed(cut.archive(), RULES, log=log))
    assert (report.outcome, found(report)) == (FAILED, {"LOG_CUT"})
    (finding,) = (f for f in report.findings if f.code == "LOG_CUT")
    assert (finding.host, finding.place, finding.expected) == ("web-1", "agent/0/3", "to number 3")
    assert finding.slot == "2026-11-03T22Z/2026-11-04T07Z"


def test_the_stretch_begins_before_everything_that_the_pack_needs():
    """Enrolments of long ago come with proofs; the scope in use and the window are in the stretch."""
    entries = contents(SCOPED_PACK)
    base = log_entries.read_base(entries[layout.LOG_BASE])
    stretch = log_entry.decode_all(entries[layout.LOG_LEAVES])
    assert base.frontier.size > 0
    assert [leaf.entry.kind for leaf in base.earlier] == [ENROLMENT] * 3 + [DAY_MARK]
    assert base.earlier[-1].index == base.frontier.size - 1
    assert stretch[0].arrival_ms < instant("2026-10-21")
    assert stretch[-1].kind == CLOSE
    assert SCOPE_KIND in {entry.kind for entry in stretch}


def test_superseded_scopes_come_with_proofs():
    rules = declared_scope(SCOPE, SCOPE.replace(b"= 100", b"= 200"))
    report = checked(packed(ARCHIVE, rules))
    assert found(report) == set()


def test_a_log_without_any_checkpoint_gets_one_for_the_pack():
    log = logged(ARCHIVE, SCOPED)
    log.notes.clear()
    report = checked(packed(ARCHIVE, SCOPED, log=log))
    assert found(report) == {"LOG_DAY_MISSING"}
    assert report.log is not None
    assert report.log.base == 0


def test_without_a_log_key_the_statements_key_is_used():
    report = checked(SCOPED_PACK, key=None)
    assert (report.outcome, found(report)) == (PARTIAL, set())


@pytest.mark.parametrize(
    "change",
    [
        {"frontier": "none"},
        {"frontier": [1]},
        {"frontier": ["AB"]},
        {"frontier": ["abc"]},
        {"frontier": ["ab"]},
        {"frontier": []},
        {"earlier": [{"index": 0, "entry": "00", "proof": []}]},
        {"size": -1},
    ],
)
def test_a_wrong_base_is_refused(change):
    good = canonical.decode(contents(SCOPED_PACK)[layout.LOG_BASE], limit=10**6)
    with pytest.raises(MalformedError):
        log_entries.read_base(canonical.encode({**good, **change}))


@pytest.mark.parametrize("turn", [lambda leaves: [leaves[0], *leaves], lambda leaves: leaves[::-1]])
def test_leaves_before_the_stretch_stand_once_and_in_order(turn):
    document = canonical.decode(contents(SCOPED_PACK)[layout.LOG_BASE], limit=10**6)
    assert len(document["earlier"]) > 1
    with pytest.raises(MalformedError, match="follows leaf"):
        log_entries.read_base(canonical.encode({**document, "earlier": turn(document["earlier"])}))


def test_scopes_that_cannot_be_read_are_not_asked_of_the_log():
    report = bent(lambda e: e.update({layout.SCOPES: b"{}"}))
    assert (report.outcome, found(report)) == (FAILED, set())


def test_a_note_in_base64_of_another_form_is_refused():
    def change(entries):
        notes = entries[layout.LOG_CHECKPOINTS].decode()
        line = next(line for line in notes.splitlines() if line.startswith("— "))
        encoded = line.rpartition(" ")[2]
        other = base64.urlsafe_b64encode(base64.b64decode(encoded)).decode().rstrip("=")
        entries[layout.LOG_CHECKPOINTS] = notes.replace(encoded, other, 1).encode()

    report = bent(change)
    assert (report.outcome, "LOG_FORMAT" in found(report)) == (FAILED, True)


def test_a_pack_made_days_after_the_window_is_as_whole():
    report = checked(packed(ARCHIVE, SCOPED, made="2026-12-04"))
    assert (report.outcome, found(report)) == (PASS, set())


def test_a_window_that_ends_before_its_month_asks_for_no_later_chunks():
    rules = declared_scope(SCOPE.replace(b"to = 2026-11-30", b"to = 2026-11-20"))
    report = checked(packed(ARCHIVE, rules))
    assert found(report) == set()
