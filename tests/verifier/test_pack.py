"""Packs: written from an archive, checked offline, bent in every named way."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Callable
from dataclasses import replace

import pytest
from fleet import Fleet, instant
from packs import (
    ARCHIVE,
    EDITION,
    LOG_KEY,
    MONTH,
    OTHER,
    PACK,
    RULES,
    SCOPE,
    SCOPED_PACK,
    checked,
    chunk_names,
    codes,
    contents,
    declared_scope,
    frames,
    packed,
    resigned,
    small_fleet,
    written,
)

from evidence import canonical, chunk, enrolment
from evidence.dsse import ENROLMENT_TYPE
from evidence.stored import StoredChunk
from verifier import difference, layout
from verifier.check import FAILED, PARTIAL, PASS
from verifier.derivation import Declared
from verifier.errors import ArchiveError, PackError, ScopeError, VerifierError
from verifier.figures import figures
from verifier.pack import Rules, write_pack
from verifier.pack_archive import PackArchive
from verifier.scope import parse_scope
from verifier.statement import Statement

NO_SCOPE = {"SCOPE_NOT_DECLARED", "SCOPE_NOT_ANCHORED"}
"""All that is found in an honest pack without a scope: nothing was fixed before the window."""

# What passes


def test_a_pack_of_an_honest_fleet_lacks_nothing_but_a_scope() -> None:
    report = checked(PACK)
    assert report.outcome == PARTIAL
    assert codes(report) == NO_SCOPE
    assert (report.hosts, report.chunks) == (3, len(ARCHIVE.stored))
    assert report.statement is not None
    assert report.statement.enterprise == "示例企业"


def test_a_pack_with_a_scope_holds_the_declared_hosts_only() -> None:
    report = checked(SCOPED_PACK)
    assert report.outcome == PASS
    assert codes(report) == set()
    assert report.hosts == 2
    assert report.document()["figures"]["scope_given"] == "yes"


def test_writing_again_gives_the_same_bytes() -> None:
    assert packed(small_fleet().archive()) == PACK


def test_the_figures_of_the_pack_are_those_of_the_store() -> None:
    expected = figures(ARCHIVE, month=MONTH, edition=RULES.declared.edition)
    assert json.loads(contents(PACK)[layout.FIGURES]) == expected
    assert checked(PACK).figures == expected


def test_without_the_log_key_the_check_is_incomplete() -> None:
    report = checked(PACK, key=None)
    assert report.outcome == PARTIAL
    assert "LOG_KEY_NOT_GIVEN" in codes(report)


def test_an_unknown_edition_is_incomplete() -> None:
    report = checked(PACK, editions={})
    assert (report.outcome, "EDITION_UNKNOWN" in codes(report)) == (PARTIAL, True)


def test_a_month_without_any_chunk_can_be_packed_and_proves_nothing() -> None:
    stream = io.BytesIO()
    write_pack(
        stream,
        ARCHIVE,
        month="2026-01",
        rules=RULES,
        zone="UTC",
        log_key=LOG_KEY,
        made_ms=instant("2026-12-01"),
    )
    report = checked(stream.getvalue())
    assert (report.outcome, report.hosts, report.chunks) == (PARTIAL, 0, 0)
    assert "EMPTY" in codes(report)


def test_imported_data_are_named() -> None:
    fleet = small_fleet()
    start = instant("2026-11-02")
    fleet.averages("old-1", "cpu.utilization", [(start, 300_000, 15), (start + 300_000, 300_000, 25)])
    fleet.averages("old-1", "net.rx.rate", [(start, 300_000, 15)])
    report = checked(packed(fleet.archive()))
    assert (report.outcome, "NOT_ATTESTED" in codes(report)) == (PARTIAL, True)


def test_a_rotated_key_passes_and_a_lost_one_is_shown() -> None:
    fleet = small_fleet()
    fleet.agent("idle-1", start="2026-11-07", epoch=1).run(hours=3)
    archive = fleet.archive()
    assert codes(checked(packed(archive))) == NO_SCOPE
    broken = next(s for s in archive.enrolled if s.enrolment.epoch == 1)
    archive.enrolled.remove(broken)
    record = replace(broken.enrolment, previous="")
    archive.enrolled.append(enrolment.sign(record, fleet.enrol("idle-1", epoch=1).key))
    archive.stored = [entry for entry in archive.stored if entry.epoch == 0]
    archive.recredit()
    report = checked(packed(archive))
    assert (report.outcome, "KEY_BREAK" in codes(report)) == (PARTIAL, True)


def test_a_chunk_that_never_arrived_makes_the_pack_incomplete() -> None:
    fleet = small_fleet()
    agent = fleet.agent("gap-1", start="2026-11-10")
    agent.run(hours=2).seal().run(hours=2).lose().run(hours=2)
    report = checked(packed(fleet.archive()))
    assert report.outcome == PARTIAL
    [finding] = [f for f in report.findings if f.code == "SEQ_MISSING"]
    assert (finding.host, finding.place) == ("gap-1", "agent/0/1")


def test_the_beginning_of_a_month_cannot_be_cut_off_unseen() -> None:
    fleet = Fleet()
    agent = fleet.agent("cut-1", start="2026-11-03")
    agent.run(hours=2).seal().run(hours=2, busy=90)
    archive = fleet.archive()
    archive.stored = archive.stored[1:]
    archive.recredit()
    report = checked(packed(archive))
    [finding] = [f for f in report.findings if f.code == "SEQ_MISSING"]
    assert (report.outcome, finding.host, finding.place) == (PARTIAL, "cut-1", "agent/0/1")


def test_two_hosts_in_one_boot_of_one_machine_are_found() -> None:
    fleet = Fleet()
    for name in ("twin-1", "twin-2"):
        agent = fleet.agent(name, start="2026-11-03")
        agent.machine = "the-same"
        agent.run(hours=2)
    report = checked(packed(fleet.archive()))
    assert (report.outcome, "SAME_MACHINE" in codes(report)) == (PARTIAL, True)


def test_readings_after_the_making_of_the_pack_and_before_the_enrolment_are_found() -> None:
    early = resigned(contents(PACK), change=lambda s: replace(s, made_ms=instant("2026-11-04")))
    assert (checked(early).outcome, "MADE_BEFORE" in codes(checked(early))) == (FAILED, True)
    fleet = Fleet()
    fleet.agent("old-1", start="2024-11-03").run(hours=3)
    stream = io.BytesIO()
    made = instant("2026-12-01")
    write_pack(
        stream, fleet.archive(), month="2024-11", rules=RULES, zone=None, log_key=LOG_KEY, made_ms=made
    )
    report = checked(stream.getvalue())
    assert (report.outcome, "ENROLLED_AFTER" in codes(report)) == (PARTIAL, True)


def test_a_shortened_window_and_excluded_days_are_shown_to_the_reviewer() -> None:
    text = SCOPE.replace(b"to = 2026-11-30", b"to = 2026-11-29") + (
        '[[exclusions]]\nfrom = 2026-11-04\nto = 2026-11-05\nreason = "检修"\nperson = "张工"\n'.encode()
    )
    report = checked(packed(ARCHIVE, declared_scope(text)))
    assert report.outcome == PASS
    got = {f.code: (f.expected, f.got) for f in report.findings}
    assert got == {
        "WINDOW_SHORT": ("2026-11-01 to 2026-11-30", "2026-11-01 to 2026-11-29"),
        "DAYS_EXCLUDED": ("", "2 of 29 days"),
    }


def test_a_scope_of_another_enterprise_is_not_packed() -> None:
    text = SCOPE.replace("示例企业".encode(), "别家企业".encode())
    with pytest.raises(ScopeError, match="别家企业"):
        packed(ARCHIVE, Rules(Declared(RULES.declared.edition, parse_scope(text)), EDITION, text))


# Packing


def test_packing_stops_when_the_stored_day_sums_are_not_those_of_the_chunks() -> None:
    archive = small_fleet().archive()
    row = next(r for r in archive.rows if r.metric == "cpu" and r.host == "web-1")
    archive.rows[archive.rows.index(row)] = replace(row, sums=replace(row.sums, amount=row.sums.amount + 1))
    with pytest.raises(PackError, match="starproof audit"):
        packed(archive)


def test_packing_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layout, "MAX_HOSTS", 1)
    with pytest.raises(PackError, match="more than 1 hosts"):
        packed(ARCHIVE)


def test_deciding_chunks_include_what_lies_between(monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock that fell back to August for one chunk leaves no hole in the pack's chain."""
    fleet = Fleet()
    agent = fleet.agent("jump-1", start="2026-11-10")
    agent.run(hours=2).seal()
    kept = agent.wall_ms
    agent.wall_ms = instant("2026-08-01")
    agent._first, agent._rows = "reading", []
    agent.read()
    agent.run(hours=1).seal()
    agent.wall_ms = kept + 10 * 3_600_000
    agent._first, agent._rows = "reading", []
    agent.read()
    agent.run(hours=1)
    report = checked(packed(fleet.archive()))
    assert (report.outcome, report.chunks, "CLOCK_BACK" in codes(report)) == (PARTIAL, 3, True)


# Attacks: name → what is done to the entries → which finding


def change_reading(entries: dict[str, bytes]) -> None:
    name = chunk_names(entries)[0]
    first, *rest = frames(entries[name])
    frame = chunk.read_frame(first)
    raised = replace(frame, packed=frame.packed[:-20] + bytes([frame.packed[-20] ^ 1]) + frame.packed[-19:])
    entries[name] = chunk.write_frame(raised) + b"".join(rest)


def reseal_reading(entries: dict[str, bytes]) -> None:
    """The log key's holder signs a chunk with a key of his own."""
    name = chunk_names(entries)[0]
    first, *rest = frames(entries[name])
    header = chunk.parse_header(chunk.read_frame(first).header)
    opened = chunk.open_chunk(chunk.read_frame(first), Fleet().enrol("db-1").key.public)
    forged = chunk.seal(header, manifest=opened.manifest, values=opened.values, key=OTHER)
    entries[name] = forged + b"".join(rest)


def drop_chunk(entries: dict[str, bytes]) -> None:
    names = [n for n in chunk_names(entries) if "0003" in n]
    kept = frames(entries[names[0]])
    assert len(kept) + len(names) > 1
    if len(kept) > 1:
        entries[names[0]] = b"".join(kept[1:])
    else:
        del entries[names[1]]


def double_chunk(entries: dict[str, bytes]) -> None:
    name = chunk_names(entries)[0]
    entries[name] += frames(entries[name])[0]


def move_chunk(entries: dict[str, bytes]) -> None:
    name = chunk_names(entries)[0]
    entries[name[:-17] + "2026-11-29.chunks"] = entries.pop(name)


def other_host(entries: dict[str, bytes]) -> None:
    one, *_ = [n for n in chunk_names(entries) if "/0001/" in n]
    entries[one.replace("/0001/", "/0002/")] = entries.pop(one) + entries.get(
        one.replace("/0001/", "/0002/"), b""
    )


def cut_chunks(entries: dict[str, bytes]) -> None:
    name = chunk_names(entries)[0]
    entries[name] = entries[name][:-5]


def raise_day_sum(entries: dict[str, bytes]) -> None:
    lines = entries[layout.DAY_SUMS].split(b"\n")
    lines[1] = lines[1].replace(b",", b",9", 4)
    entries[layout.DAY_SUMS] = b"\n".join(lines)


def raise_figure(entries: dict[str, bytes]) -> None:
    document = json.loads(entries[layout.FIGURES])
    document["indicators"][2]["value"] = "99.5"
    document["indicators"][2]["verdicts"]["5"] = "PASS"
    entries[layout.FIGURES] = (
        json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"
    )


def spaced_figures(entries: dict[str, bytes]) -> None:
    entries[layout.FIGURES] = b" " + entries[layout.FIGURES]


def broken_figures(entries: dict[str, bytes]) -> None:
    entries[layout.FIGURES] = b"[" * 100_000


def lower_threshold(entries: dict[str, bytes]) -> None:
    entries[layout.EDITION] = entries[layout.EDITION].replace(b'"25"', b'"12"')


def broken_edition(entries: dict[str, bytes]) -> None:
    entries[layout.EDITION] = b"id = 5"


def broken_scope(entries: dict[str, bytes]) -> None:
    entries[layout.SCOPE] = b"["


def narrower_scope(entries: dict[str, bytes]) -> None:
    entries[layout.SCOPE] = SCOPE.replace(b'[[hosts]]\nid = "db-1"\nbandwidth_mbps = 10\n', b"")


def add_file(entries: dict[str, bytes]) -> None:
    entries["data/extra.txt"] = b"look at me"


def add_tag_file(entries: dict[str, bytes]) -> None:
    entries["extra.txt"] = b"look at me"


def drop_readme(entries: dict[str, bytes]) -> None:
    del entries[layout.README]


def other_bagit(entries: dict[str, bytes]) -> None:
    entries[layout.BAGIT_TXT] += b"Comment: hello\n"


def other_bag_info(entries: dict[str, bytes]) -> None:
    entries[layout.BAG_INFO] += b"Comment: hello\n"


def other_key_file(entries: dict[str, bytes]) -> None:
    entries[layout.LOG_KEY] = OTHER.public.raw.hex().encode() + b"\n"


def enrolment_edit(change: Callable[[list[dict[str, str]]], None]) -> Callable[[dict[str, bytes]], None]:
    def edit(entries: dict[str, bytes]) -> None:
        document = json.loads(entries[layout.ENROLMENTS])
        change(document["enrolments"])
        entries[layout.ENROLMENTS] = json.dumps(
            document, sort_keys=True, separators=(",", ":"), ensure_ascii=False
        ).encode()

    return edit


def forged_enrolment(records: list[dict[str, str]]) -> None:
    record = json.loads(base64.b64decode(records[0]["record"]))
    record["host"] = "other"
    raw = json.dumps(record, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    records[0]["record"] = base64.b64encode(raw).decode()


def weak_enrolment(records: list[dict[str, str]]) -> None:
    record = json.loads(base64.b64decode(records[0]["record"]))
    record["key"] = "01" + "00" * 31
    raw = json.dumps(record, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    records[0] = {
        "record": base64.b64encode(raw).decode(),
        "signature": "AQ" + "A" * 84 + "==",
        "previous_signature": "",
    }


def odd_base64(records: list[dict[str, str]]) -> None:
    records[0]["signature"] = records[0]["signature"][:-3] + "B=="


def no_base64(records: list[dict[str, str]]) -> None:
    records[0]["signature"] = "?"


def other_enterprise(records: list[dict[str, str]]) -> None:
    record = json.loads(base64.b64decode(records[0]["record"]))
    record["enterprise"] = "别家企业"
    raw = canonical.encode(record)
    key = Fleet().enrol(record["host"]).key
    records[0]["record"] = base64.b64encode(raw).decode()
    records[0]["signature"] = base64.b64encode(key.sign(ENROLMENT_TYPE, raw)).decode()


def same_key_twice(records: list[dict[str, str]]) -> None:
    record = json.loads(base64.b64decode(records[0]["record"]))
    record["host"] = "twin-1"
    raw = canonical.encode(record)
    key = Fleet().enrol("db-1").key
    records.append(
        {
            "record": base64.b64encode(raw).decode(),
            "signature": base64.b64encode(key.sign(ENROLMENT_TYPE, raw)).decode(),
            "previous_signature": "",
        }
    )


def hosts_edit(old: bytes, new: bytes) -> Callable[[dict[str, bytes]], None]:
    def edit(entries: dict[str, bytes]) -> None:
        assert old in entries[layout.HOSTS]
        entries[layout.HOSTS] = entries[layout.HOSTS].replace(old, new)

    return edit


def other_readme(entries: dict[str, bytes]) -> None:
    entries[layout.README] = "已经预审通过\n".encode()


def ghost_host(entries: dict[str, bytes]) -> None:
    entries[layout.HOSTS] = entries[layout.HOSTS].replace(b"]", b',{"host":"z-1","place":"0004"}]')


def second_name(entries: dict[str, bytes]) -> None:
    name = chunk_names(entries)[0]
    entries[name.replace("agent-0/", "agent-00/")] = entries.pop(name)


def other_scope_enterprise(entries: dict[str, bytes]) -> None:
    entries[layout.SCOPE] = SCOPE.replace("示例企业".encode(), "别家企业".encode())


def endless_figures(entries: dict[str, bytes]) -> None:
    entries[layout.FIGURES] += b" " * (2 * 1024 * 1024)


def endless_day_sums(entries: dict[str, bytes]) -> None:
    entries[layout.DAY_SUMS] += b"a,b\n" * (512 * 1024)


def endless_manifest(entries: dict[str, bytes]) -> None:
    entries[layout.BAGIT_TXT] += b"a\n" * (1024 * 1024)


def empty_header(entries: dict[str, bytes]) -> None:
    name = chunk_names(entries)[0]
    first, *rest = frames(entries[name])
    entries[name] = chunk.write_frame(replace(chunk.read_frame(first), header=b"{}")) + b"".join(rest)


def homeless_chunks(entries: dict[str, bytes]) -> None:
    for name in chunk_names(entries):
        if "/0003/" in name:
            entries[name.replace("/0003/", "/0004/")] = entries.pop(name)


def many_lines(entries: dict[str, bytes]) -> None:
    entries[layout.BAGIT_TXT] += b"".join(b"%d\n" % number for number in range(2_000))


ATTACKS: dict[str, tuple[bytes, Callable[[dict[str, bytes]], None], str]] = {
    "edited reading": (PACK, change_reading, "CHUNK"),
    "reading sealed with another key": (PACK, reseal_reading, "CHUNK"),
    "chunk doubled": (PACK, double_chunk, "CONFLICT"),
    "chunk moved to another day": (PACK, move_chunk, "CHUNK_MISPLACED"),
    "chunk of another host": (PACK, other_host, "CHUNK"),
    "entry cut off": (PACK, cut_chunks, "CHUNK"),
    "dropped chunk": (PACK, drop_chunk, "DAY_SUMS"),
    "raised day sum": (PACK, raise_day_sum, "DAY_SUMS"),
    "raised figure": (PACK, raise_figure, "FIGURES"),
    "figures in another form": (PACK, spaced_figures, "FIGURES"),
    "figures that are no JSON": (PACK, broken_figures, "FIGURES"),
    "lowered threshold": (PACK, lower_threshold, "EDITION_DIFFERS"),
    "edition that cannot be read": (PACK, broken_edition, "EDITION"),
    "scope that cannot be read": (SCOPED_PACK, broken_scope, "SCOPE"),
    "scope changed afterwards": (SCOPED_PACK, narrower_scope, "SCOPE"),
    "file added": (PACK, add_file, "ENTRY_UNKNOWN"),
    "tag file added": (PACK, add_tag_file, "ENTRY_UNKNOWN"),
    "file removed": (PACK, drop_readme, "ENTRY_MISSING"),
    "bagit.txt changed": (PACK, other_bagit, "TAG_CHANGED"),
    "bag-info.txt changed": (PACK, other_bag_info, "STATEMENT"),
    "another log key inside": (PACK, other_key_file, "TAG_CHANGED"),
    "forged enrolment": (PACK, enrolment_edit(forged_enrolment), "ENROLMENT"),
    "small-order key": (PACK, enrolment_edit(weak_enrolment), "ENROLMENT"),
    "second form of base64": (PACK, enrolment_edit(odd_base64), "ENROLMENT"),
    "no base64": (PACK, enrolment_edit(no_base64), "ENROLMENT"),
    "enrolment of another enterprise": (PACK, enrolment_edit(other_enterprise), "ENROLMENT"),
    "enrolment twice": (PACK, enrolment_edit(lambda r: r.append(r[0])), "ENROLMENT"),
    "enrolment removed": (PACK, enrolment_edit(lambda r: r.pop(0)), "CHUNK"),
    "one key for two hosts": (PACK, enrolment_edit(same_key_twice), "KEY_TWICE"),
    "place without a host": (PACK, hosts_edit(b'"place":"0001"', b'"place":"0009"'), "HOSTS"),
    "host that is not enrolled": (PACK, hosts_edit(b'"db-1"', b'"db-9"'), "HOSTS"),
    "host twice": (PACK, hosts_edit(b'"web-1"', b'"db-1"'), "HOSTS"),
    "another text for the reader": (PACK, other_readme, "TAG_CHANGED"),
    "host without chunks": (PACK, ghost_host, "HOSTS"),
    "second name of an entry": (PACK, second_name, "ENTRY_UNKNOWN"),
    "scope of another enterprise": (SCOPED_PACK, other_scope_enterprise, "SCOPE"),
    "figures without end": (PACK, endless_figures, "FIGURES"),
    "day sums without end": (PACK, endless_day_sums, "DAY_SUMS"),
    "tag file without end": (PACK, endless_manifest, "TAG_CHANGED"),
    "places not in order": (PACK, hosts_edit(b'"0003"', b'"0007"'), "HOSTS"),
    "chunk without a header": (PACK, empty_header, "CHUNK"),
    "chunks without a host": (PACK, homeless_chunks, "HOSTS"),
    "tag file of many lines": (PACK, many_lines, "TAG_CHANGED"),
    "hosts that cannot be read": (PACK, hosts_edit(b'{"hosts"', b'{"guests"'), "HOSTS"),
}


@pytest.mark.parametrize("name", sorted(ATTACKS))
def test_an_attack_by_the_holder_of_the_log_key_is_found(name: str) -> None:
    pack_bytes, attack, code = ATTACKS[name]
    entries = contents(pack_bytes)
    attack(entries)
    report = checked(resigned(entries))
    assert report.outcome == FAILED
    assert code in codes(report)


@pytest.mark.parametrize("name", sorted(ATTACKS))
def test_the_same_attack_without_the_log_key_is_found_by_its_signature(name: str) -> None:
    pack_bytes, attack, _ = ATTACKS[name]
    entries = contents(pack_bytes)
    attack(entries)
    report = checked(resigned(entries, key=OTHER))
    assert (report.outcome, "STATEMENT_SIGNATURE" in codes(report)) == (FAILED, True)
    report = checked(written(entries))
    assert report.outcome == FAILED


def test_a_pack_signed_by_another_key_is_refused() -> None:
    report = checked(packed(ARCHIVE, key=OTHER))
    assert (report.outcome, {"LOG_KEY", "STATEMENT_SIGNATURE"} <= codes(report)) == (FAILED, True)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda s: replace(s, month="2026-10"), "FIGURES"),
        (lambda s: replace(s, month="2026-13"), "FIGURES"),
        (lambda s: replace(s, timezone="UTC"), "DAY_SUMS"),
        (lambda s: replace(s, timezone="Mars/Olympus"), "STATEMENT"),
        (lambda s: replace(s, enterprise="别家企业"), "ENROLMENT"),
        (lambda s: replace(s, log_key="00" * 32), "STATEMENT"),
        (lambda s: replace(s, manifest="00" * 32), "STATEMENT"),
    ],
)
def test_a_statement_about_something_else_is_found(
    change: Callable[[Statement], Statement], code: str
) -> None:
    report = checked(resigned(contents(PACK), change=change))
    assert (report.outcome, code in codes(report)) == (FAILED, True)


def test_a_damaged_content_is_named() -> None:
    place = PACK.index(b"StarProof evidence pack")
    report = checked(PACK[:place] + b"s" + PACK[place + 1 :])
    assert report.outcome == FAILED
    assert any(f.code == "ENTRY_CHANGED" and f.place == layout.BAG_INFO for f in report.findings)


def test_an_entry_that_changed_is_one_finding() -> None:
    report = checked(written(contents(PACK) | {layout.EDITION: EDITION + b"\n"}))
    found = [f for f in report.findings if f.code == "ENTRY_CHANGED" and f.place == layout.EDITION]
    assert len(found) == 1


def test_a_manifest_in_another_order_is_found() -> None:
    entries = contents(PACK)
    lines = entries[layout.MANIFEST].splitlines(keepends=True)
    entries[layout.MANIFEST] = b"".join(reversed(lines))
    assert any(f.got == "differs from the manifest" for f in checked(written(entries)).findings)


def test_many_differences_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(difference, "MAX_DIFFERENCES", 2)
    monkeypatch.setattr(difference, "MAX_SHOWN", 3)
    entries = contents(PACK)
    entries[layout.DAY_SUMS] = b"host\n"
    report = checked(resigned(entries))
    found = [f for f in report.findings if f.code == "DAY_SUMS"]
    assert len(found) == 3
    assert "more differences" in found[-1].got


def test_a_host_name_with_a_comma_is_quoted() -> None:
    fleet = Fleet()
    fleet.agent('a,"b"', start="2026-11-10").run(hours=3)
    data = packed(fleet.archive())
    assert b'"a,""b""",agent,cpu' in contents(data)[layout.DAY_SUMS]
    assert codes(checked(data)) == NO_SCOPE


def test_a_stored_chunk_that_does_not_verify_is_not_packed() -> None:
    archive = small_fleet().archive()
    entry = archive.stored[0]
    frame = chunk.read_frame(entry.frame)
    bent = chunk.write_frame(replace(frame, signature=bytes(64)))
    archive.stored[0] = StoredChunk(**{**vars(entry), "frame": bent})
    with pytest.raises(Exception, match="starproof audit"):
        packed(archive)


def test_a_damaged_chunk_at_rest_is_named() -> None:
    archive = small_fleet().archive()
    archive.stored[0] = StoredChunk(**{**vars(archive.stored[0]), "frame": b"too short"})
    with pytest.raises(VerifierError, match=r"web-1 agent 0/0: .*starproof audit"):
        packed(archive)


def test_a_differing_entry_without_a_name_is_counted() -> None:
    def place(expected: bytes, got: bytes) -> str:
        [finding] = difference.differing_document("FIGURES", layout.FIGURES, expected=expected, got=got)
        return finding.place

    assert place(b'{"days":["1","2"]}', b'{"days":["1","3"]}') == "data/figures.json.days[1]"
    excluded = place(b'{"exclusions":[{"from":1}]}', b'{"exclusions":[{"from":2}]}')
    assert excluded == "data/figures.json.exclusions[0].from"


def test_the_archive_of_a_pack_holds_day_sums_only() -> None:
    derived = PackArchive(
        enterprise="示例企业", timezone="UTC", enrolments=ARCHIVE.enrolments(), rows=ARCHIVE.rows
    )
    assert derived.enrolments() == ARCHIVE.enrolments()
    for ask in (lambda: derived.chunks("web-1", 0, 1), lambda: derived.chain("web-1", "agent", 0, 0, 1)):
        with pytest.raises(ArchiveError, match="one time zone only"):
            ask()
