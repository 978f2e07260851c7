"""Receipts travel in packs: named there, confirmed only by what comes from outside."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import cast

from anchor_world import CALENDAR
from fleet import instant
from memory_log import honest_log
from packs import (
    ARCHIVE,
    DECLARED_MS,
    LOG_KEY,
    MONTH,
    OTHER,
    SCOPED,
    checked,
    codes,
    contents,
    logged,
    mailbox_of,
    packed,
    resigned,
)
from rich.console import Console

from evidence import checkpoint
from evidence.chunk import open_chunk, read_frame
from evidence.stored import PackedReceipt
from starproof.check_text import print_check
from verifier.anchors.interface import NOTHING, note_name, parse_name
from verifier.anchors.logged import Logged
from verifier.anchors.of_pack import Naming
from verifier.anchors.sandwich import unheard
from verifier.check import FAILED, PARTIAL, PASS
from verifier.log_reading import Marked, PackedLog
from verifier.pack import write_pack
from verifier.recompute import open_stored
from verifier.seen import SeenChunk

LOG = logged(ARCHIVE, SCOPED)


def mailed(size: int, note: bytes, got_ms: int) -> PackedReceipt:
    return PackedReceipt(size, "authority", "eml", got_ms, note, b"Subject: checkpoint\n\n" + note)


def made() -> bytes:
    stream = io.BytesIO()
    old = (1, checkpoint.sign(1, LOG.frontiers[1].root, key=LOG_KEY))
    receipts = [mailed(size, note, instant("2026-11-02")) for size, note in LOG.notes[-40:]]
    write_pack(
        stream,
        ARCHIVE,
        month=MONTH,
        rules=SCOPED,
        zone=None,
        log_key=LOG_KEY,
        made_ms=instant("2026-12-01"),
        log=LOG,
        receipts=[*receipts, replace(mailed(*old, instant("2026-01-01")), alias="too-old")],
    )
    return stream.getvalue()


DATA = made()


def text_of(report: object) -> str:
    out = io.StringIO()
    print_check(report, Console(file=out, width=140), figures=False)  # type: ignore[arg-type]
    return out.getvalue()


def test_the_pack_holds_receipts_and_their_notes_since_the_scope_was_declared() -> None:
    names = [name for name in contents(DATA) if name.startswith("data/anchors/")]
    assert {parse_name(name) is not None or name.endswith("/note") for name in names} == {True}
    assert not any("too-old" in name for name in names)
    assert len(names) == 80


def test_named_receipts_confirm_nothing() -> None:
    report = checked(DATA, outside=NOTHING)
    assert report.outcome == PARTIAL
    assert codes(report) == {"DAY_NOT_ANCHORED", "SCOPE_NOT_ANCHORED"}
    said = text_of(report)
    assert "named, not confirmed" in said
    assert "not confirmed before" in said


def test_the_authoritys_mailbox_confirms_them() -> None:
    report = checked(DATA, outside=mailbox_of(DATA))
    assert (report.outcome, codes(report)) == (PASS, set())
    assert report.document()["anchors"]["days"][0]["by"] == ["mail"]
    assert "2026-11-01" in text_of(report)


def test_a_note_that_the_log_key_did_not_sign_is_a_contradiction() -> None:
    for forged in (checkpoint.sign(1, b"\0" * 32, key=OTHER), checkpoint.sign(2, b"\0" * 32, key=LOG_KEY)):
        entries = contents(DATA)
        entries[note_name(1)] = forged
        report = checked(resigned(entries))
        assert (report.outcome, "ANCHOR_RECEIPT" in codes(report)) == (FAILED, True)


def test_a_rule_for_the_reviewers_unknown_edition_must_be_in_the_log() -> None:
    assert codes(checked(packed(ARCHIVE, SCOPED), editions={})) == {"EDITION_UNKNOWN"}
    records = [(DECLARED_MS, record) for record, _ in SCOPED.scope_records]
    log = honest_log(ARCHIVE, key=LOG_KEY, month=MONTH, made_ms=instant("2026-12-01"), scopes=records)
    found = codes(checked(packed(ARCHIVE, SCOPED, log=log), editions={}))
    assert {"EDITION_UNKNOWN", "EDITION_NOT_LOGGED", "SCOPE_NOT_ANCHORED"} <= found


def test_what_agents_chunks_name_is_noted_by_host_and_day() -> None:
    naming = Naming(CALENDAR, unheard(signed.enrolment for signed in ARCHIVE.enrolments()))
    pins = {signed.hash: signed for signed in ARCHIVE.enrolments()}
    for stored in ARCHIVE.stored:
        chunk = open_stored(stored, pins, ARCHIVE.enterprise)
        header = chunk.header
        seen = SeenChunk(
            header.host, header.source, stored.epoch, header.seq, chunk.hash,
            header.start_ms, header.end_ms, header.anchor, header.end_ms,
        )  # fmt: skip
        naming.take(seen)
        naming.take(seen._replace(source="import"))
    assert sum(one.chunks for one in naming.named) == len(ARCHIVE.stored)
    assert all(one.sha256 == "" and not one.begins for one in naming.named)
    naming.take(seen._replace(seq=1, anchor="a" * 64))
    assert [one.host for one in naming.named if one.begins] == [seen.host]
    assert open_chunk(read_frame(ARCHIVE.stored[0].frame), pins[ARCHIVE.stored[0].enrolment].public)


def test_three_keys_of_a_host_and_source_that_were_enrolled_anew_know_of_no_receipt() -> None:
    first = ARCHIVE.enrolments()[0].enrolment
    anew = [replace(first, epoch=epoch, previous="ab" * 32 if epoch == 1 else "") for epoch in range(5)]
    other = replace(first, source="database")
    assert unheard([*reversed(anew), other]) == {
        *((first.host, first.source, epoch) for epoch in (0, 2, 3)),
        (first.host, "database", 0),
    }


def test_only_declared_hosts_chunks_that_are_sealed_when_read_are_asked_when_they_were_logged() -> None:
    class Log:
        def chunk(self, hash_: str) -> Marked | None:
            return None if hash_ == "lost" else Marked(7, 0)

    logged = Logged(CALENDAR, cast("PackedLog", Log()))
    midnight = CALENDAR.day_start(739_556)
    seen = SeenChunk("web-1", "agent", 0, 0, "there", midnight - 9, midnight + 9, "", midnight)
    for one in (seen, seen._replace(read_ms=midnight + 1), seen._replace(host="db-1")):
        logged.take(one)
        logged.take(one._replace(source="import"))
        logged.take(one._replace(hash="lost"))
    assert {day: list(leaves) for day, leaves in logged.by_day({"web-1"}).items()} == {
        739_555: [7],
        739_556: [7],
    }
    assert sum(len(leaves) for leaves in logged.by_day(None).values()) == 3
