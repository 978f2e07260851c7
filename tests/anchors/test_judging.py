"""What anchors prove about a log: confirmed by what the reviewer brings, contradicted, or only named."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from email import policy
from email.message import EmailMessage
from typing import Any

import pytest
from anchor_world import (
    CALENDAR,
    FIRST,
    HOUR_MS,
    KEY,
    LAST,
    MINUTE_MS,
    OTHER_KEY,
    RULES,
    RULES_SIZE,
    World,
    received,
    size_of,
    window,
    world,
)

from collector.anchors.interface import Head
from collector.anchors.mail import MailAnchor
from collector.anchors.page import page_text
from evidence import canonical, checkpoint
from evidence.log_entry import CHUNK
from evidence.short_code import short_code
from verifier import slots
from verifier.anchors.interface import (
    NOTHING,
    AnchorReport,
    FetchedObject,
    NamedAnchor,
    Outside,
    Receipt,
    TypedCode,
    parse_name,
    receipt_name,
)
from verifier.anchors.judge import STRAGGLER_MS, Asked, Judge
from verifier.anchors.sandwich import STALE_MS
from verifier.finding import CATALOGUE, Finding

DAY_NAMES = {day: date.fromordinal(day).isoformat() for day in range(FIRST - 1, LAST + 3)}
STORED = b'{"LastModified": "2026-11-04T00:00:00+00:00"}'
DECLARED_MS = CALENDAR.day_start(FIRST) - 12 * HOUR_MS


def mailed(note: bytes, received_ms: int | None, *, extra: Sequence[str] = ()) -> bytes:
    """A message as the authority's mailbox exports it."""
    size = int(note.split(b"\n")[1])
    sender = MailAnchor("s", 25, "none", "a@example.com", "b@example.gov.cn", "", None, "", 5, lambda: 0)
    raw = sender.message(Head("示例企业", size, "", note))
    fields = list(extra)
    if received_ms is not None:
        when = datetime.fromtimestamp(received_ms / 1000, UTC).strftime("%a, %d %b %Y %H:%M:%S +0000")
        fields.insert(0, f"Received: from a.example.com by mx.example.gov.cn\r\n\twith ESMTP id 1; {when}")
    return "".join(f"{field}\r\n" for field in fields).encode() + raw


def mailbox(made: World, days: Iterable[int], *, late_ms: int = 0) -> list[tuple[str, bytes]]:
    found = [
        (f"{DAY_NAMES[day]}.eml", mailed(made.notes[size_of(made, day)], received(day) + late_ms))
        for day in days
    ]
    declared = mailed(made.notes[RULES_SIZE], DECLARED_MS + late_ms)
    return [("scope.eml", declared), *found] if FIRST - 1 in days else found


@dataclass
class Judged:
    report: AnchorReport
    findings: list[Finding]

    @property
    def codes(self) -> set[str]:
        return {finding.code for finding in self.findings}

    def found(self, code: str) -> list[Finding]:
        return [finding for finding in self.findings if finding.code == code]

    @property
    def states(self) -> set[tuple[str, str]]:
        return {(anchor.kind, anchor.state) for anchor in self.report.anchors}


def judged(
    made: World, outside: Outside = NOTHING, *, receipts: Sequence[Receipt] = (), **more: Any
) -> Judged:
    asked = Asked(
        window=window(),
        calendar=CALENDAR,
        rules=RULES,
        named=(),
        until_ms=CALENDAR.day_start(LAST + 1) + HOUR_MS,
    )
    findings: list[Finding] = []
    report = Judge(made.view(), receipts, outside, findings).judge(replace(asked, **more))
    assert all(finding.code in CATALOGUE for finding in findings)
    return Judged(report, findings)


def receipt(size: int, alias: str, suffix: str, data: bytes) -> Receipt:
    name = receipt_name(size, alias, suffix)
    parsed = parse_name(name)
    assert parsed is not None
    return Receipt(size, alias, parsed[2], name, data)


EVERY_DAY = range(FIRST - 1, LAST + 1)

# Days


def test_a_mail_a_day_in_the_authoritys_mailbox_confirms_every_day() -> None:
    made = world()
    found = judged(made, Outside(mail=mailbox(made, EVERY_DAY)))
    assert found.codes == set()
    assert found.states == {("mail", "confirmed")}
    assert [day.confirmed_ms for day in found.report.days] == [
        received(day) for day in range(FIRST, LAST + 1)
    ]
    assert all(day.on_time and day.by == ("mail",) for day in found.report.days)
    assert found.report.rules_fixed_ms == DECLARED_MS


def test_without_anything_from_outside_no_day_is_anchored() -> None:
    found = judged(world())
    assert found.codes == {"DAY_NOT_ANCHORED", "SCOPE_NOT_ANCHORED"}
    [days] = found.found("DAY_NOT_ANCHORED")
    assert days.place == "2026-11-01 to 2026-11-05"


def test_missing_days_are_named_as_runs() -> None:
    made = world()
    found = judged(made, Outside(mail=mailbox(made, [FIRST - 1, FIRST])))
    assert [one.place for one in found.found("DAY_NOT_ANCHORED")] == ["2026-11-02 to 2026-11-05"]


def test_a_later_checkpoint_covers_earlier_days_but_late() -> None:
    made = world()
    found = judged(made, Outside(mail=mailbox(made, [FIRST - 1, FIRST, LAST])))
    assert [one.place for one in found.found("DAY_ANCHORED_LATE")] == ["2026-11-02 to 2026-11-04"]
    day = found.report.days[1]
    assert (day.confirmed_ms, day.on_time) == (received(LAST), False)


def test_two_runs_with_an_anchored_day_between_are_two_findings() -> None:
    made = world()
    found = judged(made, Outside(mail=mailbox(made, EVERY_DAY, late_ms=36 * HOUR_MS)))
    assert [one.place for one in found.found("DAY_ANCHORED_LATE")] == ["2026-11-01 to 2026-11-05"]
    without = Outside(mail=mailbox(made, [FIRST - 1, FIRST + 1, FIRST + 3]))
    late = judged(made, without).found("DAY_ANCHORED_LATE")
    assert [one.place for one in late] == ["2026-11-01", "2026-11-03"]


def test_a_day_without_a_mark_waits_for_the_next_mark() -> None:
    made = World()
    full = world()
    made.entries, made.marks, made.notes = full.entries, dict(full.marks), full.notes
    del made.marks[FIRST]
    found = judged(made, Outside(mail=mailbox(full, EVERY_DAY)))
    assert found.report.days[0].size == size_of(full, FIRST + 1)
    made.marks.clear()
    assert judged(made, Outside(mail=mailbox(full, EVERY_DAY))).report.days[0].size is None


def test_days_after_the_making_of_the_pack_are_not_asked_for() -> None:
    made = world()
    found = judged(made, until_ms=CALENDAR.day_start(FIRST + 2))
    assert [day.day for day in found.report.days] == [FIRST, FIRST + 1]


# Mail


def test_a_message_without_a_received_field_confirms_no_time() -> None:
    made = world()
    raw = mailed(made.notes[size_of(made, FIRST)], None)
    found = judged(made, Outside(mail=[("sent.eml", raw)]))
    assert found.states == {("mail", "named")}
    assert "DAY_NOT_ANCHORED" in found.codes


@pytest.mark.parametrize(
    "field",
    [
        "Received: nothing",
        "Received: by x; yesterday",
        "Received: by x; Tue, 03 Nov 2026 00:00:00 -0000",
        "Received: by x;",
        "Received: by x; Tue, 99 Nov 2026 00:00:00 +0000",
        "Received: Tue, 03 Nov 2026 00:00:00 +0000",
    ],
)
def test_an_unreadable_received_field_confirms_no_time(field: str) -> None:
    made = world()
    raw = mailed(made.notes[size_of(made, FIRST)], None, extra=[field])
    assert judged(made, Outside(mail=[("odd.eml", raw)])).states == {("mail", "named")}


def test_only_the_topmost_received_field_counts() -> None:
    made = world()
    early = "Received: by sender.example.com; Sun, 01 Nov 2026 16:01:00 +0000"
    raw = mailed(made.notes[size_of(made, FIRST)], received(FIRST) + 72 * HOUR_MS, extra=[early])
    found = judged(made, Outside(mail=[("m.eml", raw)]))
    assert found.report.anchors[0].time_ms == received(FIRST) + 72 * HOUR_MS


def test_a_second_history_in_the_mailbox_is_a_fork() -> None:
    made, other = world(), world(chunks=3)
    other.entries[6] = replace(other.entries[6], hash="f" * 64)
    other.checkpoint()
    forked = [("fork.eml", mailed(other.notes[len(other.entries)], received(LAST)))]
    found = judged(made, Outside(mail=[*mailbox(made, EVERY_DAY), *forked]))
    [fork] = found.found("ANCHOR_FORK")
    assert (fork.place, fork.severity) == ("fork.eml", "fail")
    assert ("mail", "refused") in found.states


def test_leaves_that_the_pack_leaves_out_are_seen_in_the_mailbox() -> None:
    made, longer = world(), world(chunks=4)
    raw = mailed(longer.notes[size_of(longer, LAST)], received(LAST - 1))
    found = judged(made, Outside(mail=[("longer.eml", raw)]))
    assert [one.got for one in found.found("ANCHOR_FORK")] == [f"{size_of(longer, LAST)} leaves"]


def test_a_checkpoint_made_after_the_window_proves_nothing_about_it() -> None:
    made, longer = world(), world(range(FIRST, LAST + 3))
    raw = mailed(longer.notes[size_of(longer, LAST + 2)], received(LAST + 2))
    found = judged(made, Outside(mail=[("later.eml", raw)]))
    assert found.states == {("mail", "named")}
    assert "ANCHOR_FORK" not in found.codes


def test_a_checkpoint_from_before_the_packed_leaves_is_only_named() -> None:
    made = world()
    made.base = 5
    raw = mailed(checkpoint.sign(3, b"\0" * 32, key=KEY), received(FIRST))
    assert judged(made, Outside(mail=[("old.eml", raw)])).states == {("mail", "named")}


def test_leaves_before_the_base_do_not_hinder() -> None:
    made = world(chunks=700)
    made.base = 5
    found = judged(made, Outside(mail=mailbox(made, range(FIRST, LAST + 1))))
    assert found.codes == {"SCOPE_NOT_ANCHORED"}
    assert found.states == {("mail", "confirmed")}


def test_leaves_that_the_pack_leaves_out_are_seen_by_the_time_of_its_last_leaf() -> None:
    """The window is over, but the longer history is older than the end of this one."""
    made = world(range(FIRST, LAST + 3))
    longer = world(range(FIRST, LAST + 3), chunks=4)
    end = size_of(longer, LAST + 2)
    mail = [("longer.eml", mailed(longer.notes[end], received(LAST + 1)))]
    assert [one.got for one in judged(made, Outside(mail=mail)).found("ANCHOR_FORK")] == [f"{end} leaves"]


@pytest.mark.parametrize(("after_ms", "fork"), [(STRAGGLER_MS, False), (STRAGGLER_MS + 1_000, True)])
def test_fewer_leaves_than_the_base_long_after_more_were_outside_are_a_fork(
    after_ms: int, *, fork: bool
) -> None:
    """A message that was held back for some days on its way is no second history."""
    made = world(range(FIRST, LAST + 4))
    made.base = 5
    days = range(FIRST, LAST + 3)
    mail = mailbox(made, days)
    mail.append(("old.eml", mailed(checkpoint.sign(3, b"\0" * 32, key=KEY), received(FIRST) + after_ms)))
    mail.append(("sent.eml", mailed(checkpoint.sign(3, b"\0" * 32, key=KEY), None)))
    found = judged(made, Outside(mail=mail), window=window(FIRST, LAST + 2))
    assert [one.place for one in found.found("ANCHOR_FORK")] == (["old.eml"] if fork else [])
    assert (("mail", "refused") in found.states) is fork


def test_a_witness_that_never_had_the_packed_leaves_tells_no_fork() -> None:
    made = world()
    made.base = 5
    notes = [FetchedObject("old", checkpoint.sign(3, b"\0" * 32, key=KEY), STORED)]
    found = judged(made, Outside(mail=mailbox(made, [FIRST]), objects=notes))
    assert "ANCHOR_FORK" not in found.codes


# Chunks of a day


def test_a_day_is_in_time_only_if_its_chunks_were_in_the_log() -> None:
    made = world()
    size = {day: size_of(made, day) for day in range(FIRST, LAST + 1)}
    logged = {
        FIRST: [size[FIRST] - 2, size[FIRST]],  # the second goes with the next day's checkpoint
        FIRST + 1: [size[FIRST + 3], size[FIRST + 1] - 2],  # the first comes three days later
        FIRST + 2: [size[LAST] + 7],  # no anchor ever covers it
    }
    found = judged(made, Outside(mail=mailbox(made, EVERY_DAY)), logged=logged)
    days = found.report.days
    assert [(one.chunks_in_time, one.chunks) for one in days] == [(2, 2), (1, 2), (0, 1), (0, 0), (0, 0)]
    assert [one.on_time for one in days] == [True, False, False, True, True]
    assert [one.whole_ms for one in days] == [received(FIRST + 1), received(LAST), None, None, None]
    [late] = found.findings
    assert (late.code, late.place) == ("CHUNKS_ANCHORED_LATE", "2026-11-02 to 2026-11-03")
    assert late.got == "2 of 3 chunks later, some not confirmed at all"
    del logged[FIRST + 2]
    [late] = judged(made, Outside(mail=mailbox(made, EVERY_DAY)), logged=logged).findings
    assert late.got == f"1 of 2 chunks later, confirmed until {received(LAST)} ms"


def test_the_chunks_of_a_day_that_nothing_confirms_are_told_with_it() -> None:
    made = world()
    assert "CHUNKS_ANCHORED_LATE" not in judged(made, logged={FIRST: [4]}).codes
    late = Outside(mail=mailbox(made, [FIRST - 1, LAST]))
    found = judged(made, late, logged={FIRST: [4]})
    assert "DAY_ANCHORED_LATE" in found.codes
    assert "CHUNKS_ANCHORED_LATE" not in found.codes


def test_mail_of_another_log_is_nobodys_business() -> None:
    made = world()
    raw = mailed(checkpoint.sign(4, b"\1" * 32, key=OTHER_KEY), received(FIRST))
    found = judged(
        made, Outside(mail=[("other.eml", raw), ("spam.eml", b"Subject: hello\n\nbuy"), ("x", b"\xff\0")])
    )
    assert found.report.anchors == ()


def test_an_anchor_older_than_what_it_anchors_is_a_contradiction() -> None:
    made = world()
    raw = mailed(made.notes[size_of(made, LAST)], received(FIRST))
    found = judged(made, Outside(mail=[("early.eml", raw)]))
    assert found.codes >= {"ANCHOR_TIME"}
    assert found.states == {("mail", "refused")}


def test_a_clock_that_is_minutes_off_is_no_contradiction() -> None:
    made = world()
    raw = mailed(made.notes[size_of(made, FIRST)], CALENDAR.day_start(FIRST + 1) - 4 * MINUTE_MS)
    assert judged(made, Outside(mail=[("m.eml", raw)])).states == {("mail", "confirmed")}


# Receipts in the pack


def test_receipts_of_every_kind_are_named_and_confirm_nothing() -> None:
    made = world()
    size = size_of(made, FIRST)
    note = made.notes[size]
    stored = canonical.encode({"sha256": hashlib.sha256(note).hexdigest()})
    receipts = [
        receipt(size, "authority", "eml", mailed(note, None)),
        receipt(size, "book", "txt", page_text(Head("示例企业", size, "2026-11-01", note)).encode()),
        receipt(size, "bucket", "json", stored),
    ]
    found = judged(made, receipts=receipts)
    assert found.states == {("mail", "named"), ("print", "named"), ("object", "named")}
    assert found.report.days[0].named == ("mail", "object", "print")
    assert "only named: mail, object, print" in found.found("DAY_NOT_ANCHORED")[0].got


@pytest.mark.parametrize("suffix", ["eml", "txt", "json"])
def test_a_receipt_that_holds_other_bytes_is_a_contradiction(suffix: str) -> None:
    made = world()
    found = judged(made, receipts=[receipt(size_of(made, FIRST), "a", suffix, b"other")])
    assert [one.got for one in found.found("ANCHOR_RECEIPT")] == ["other bytes"]


def test_a_receipt_under_a_size_without_a_checkpoint_is_a_contradiction() -> None:
    found = judged(world(), receipts=[receipt(2, "a", "eml", b"")])
    assert "ANCHOR_RECEIPT" in found.codes


@pytest.mark.parametrize(
    "name",
    [
        "data/anchors/0/a.eml",
        "data/anchors/1/A.eml",
        "data/anchors/1/a.exe",
        "data/anchors/01/a.eml",
        "data/anchors/1/../a.eml",
    ],
)
def test_other_names_are_no_receipts(name: str) -> None:
    assert parse_name(name) is None


# Time stamps


def test_a_time_stamp_without_roots_is_only_named(tsa: Any) -> None:
    made, size = stamped_world()
    found = judged(made, receipts=[receipt(size, "tsa", "tsr", tsa.stamp(made.notes[size]))])
    assert found.states == {("rfc3161", "named")}
    assert "--tsa-root" in found.report.anchors[0].why


def test_a_time_stamp_under_the_reviewers_root_confirms(tsa: Any, other_tsa: Any) -> None:
    made, size = stamped_world()
    token = receipt(size, "tsa", "tsr", tsa.stamp(made.notes[size]))
    found = judged(made, Outside(tsa_roots=[other_tsa.root, tsa.root]), receipts=[token])
    assert found.states == {("rfc3161", "confirmed")}
    assert "ANCHOR_REFUSED" not in found.codes


def test_a_time_stamp_of_another_authority_is_refused_and_confirms_nothing(tsa: Any, other_tsa: Any) -> None:
    made, size = stamped_world()
    token = receipt(size, "tsa", "tsr", other_tsa.stamp(made.notes[size]))
    found = judged(made, Outside(tsa_roots=[tsa.root]), receipts=[token])
    assert found.states == {("rfc3161", "refused")}
    assert found.codes >= {"ANCHOR_REFUSED", "DAY_NOT_ANCHORED"}


def test_a_time_stamp_that_nothing_here_can_read_is_not_judged_and_confirms_nothing(
    tsa: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, size = stamped_world()
    token = receipt(size, "tsa", "tsr", tsa.stamp(made.notes[size]))
    monkeypatch.setitem(sys.modules, "rfc3161_client", None)
    for outside in (Outside(), Outside(tsa_roots=[tsa.root])):
        found = judged(made, outside, receipts=[token])
        assert found.states == {("rfc3161", "named")}
        assert found.codes >= {"ANCHOR_NOT_JUDGED", "DAY_NOT_ANCHORED"}
        assert "ANCHOR_REFUSED" not in found.codes
        assert "not judged here: time stamps need the extra" in found.report.anchors[0].why


def test_a_replayed_time_stamp_is_a_contradiction(tsa: Any) -> None:
    made, size = stamped_world()
    token = receipt(size, "tsa", "tsr", tsa.stamp(b"yesterday"))
    for outside in (Outside(), Outside(tsa_roots=[tsa.root])):
        assert "ANCHOR_RECEIPT" in judged(made, outside, receipts=[token]).codes


def test_a_cut_time_stamp_is_refused(tsa: Any) -> None:
    made, size = stamped_world()
    token = receipt(size, "tsa", "tsr", tsa.stamp(made.notes[size])[:-1])
    assert judged(made, receipts=[token]).codes >= {"ANCHOR_REFUSED"}


def stamped_world() -> tuple[World, int]:
    """A log whose last leaf arrived long ago: a real authority stamps with today's time."""
    made = world()
    made.entries = [
        replace(entry, arrival_ms=entry.arrival_ms - 400 * 24 * HOUR_MS) for entry in made.entries
    ]
    made.notes.clear()
    return made, made.checkpoint()


# Codes


def test_the_code_of_the_log_book_confirms_with_its_date() -> None:
    made = world()
    size = size_of(made, FIRST)
    code = short_code(made.notes[size])
    found = judged(made, Outside(codes=[TypedCode(size, code.lower(), FIRST + 1)]))
    assert found.states == {("print", "confirmed")}
    assert found.report.days[0].confirmed_ms == CALENDAR.day_start(FIRST + 2)
    assert found.report.days[0].on_time


def test_a_code_without_a_date_asks_for_it() -> None:
    made = world()
    size = size_of(made, FIRST)
    found = judged(made, Outside(codes=[TypedCode(size, short_code(made.notes[size]))]))
    assert found.states == {("print", "named")}
    assert "@YYYY-MM-DD" in found.report.anchors[0].why


def test_a_mistyped_code_is_told_and_accuses_nobody() -> None:
    made = world()
    size = size_of(made, FIRST)
    code = short_code(made.notes[size])
    wrong = ("0" if code[0] != "0" else "1") + code[1:]
    found = judged(made, Outside(codes=[TypedCode(size, wrong, 1)]))
    assert "ANCHOR_CODE_MISTYPED" in found.codes
    assert "ANCHOR_CODE" not in found.codes


def test_another_checkpoints_code_is_a_contradiction() -> None:
    made = world()
    code = short_code(made.notes[size_of(made, FIRST + 1)])
    found = judged(made, Outside(codes=[TypedCode(size_of(made, FIRST), code, 1)]))
    assert "ANCHOR_CODE" in found.codes


def test_a_code_for_a_size_without_a_checkpoint_is_a_contradiction() -> None:
    made = world()
    code = short_code(made.notes[size_of(made, FIRST)])
    assert "ANCHOR_CODE" in judged(made, Outside(codes=[TypedCode(2, code, 1)])).codes


# Objects


def about(time_ms: int) -> bytes:
    return f'{{"LastModified": "{datetime.fromtimestamp(time_ms / 1000, UTC).isoformat()}"}}'.encode()


def test_an_object_that_the_reviewer_fetched_confirms_with_the_stores_time() -> None:
    made = world()
    note = made.notes[size_of(made, FIRST)]
    found = judged(made, Outside(objects=[FetchedObject("o.txt", note, about(received(FIRST)))]))
    assert found.states == {("object", "confirmed")}


def test_an_object_without_the_stores_words_is_only_named() -> None:
    made = world()
    found = judged(made, Outside(objects=[FetchedObject("o.txt", made.notes[size_of(made, FIRST)])]))
    assert found.states == {("object", "named")}
    unreadable = FetchedObject("o.txt", made.notes[size_of(made, FIRST)], b"?")
    assert "ANCHOR_OBJECT" in judged(made, Outside(objects=[unreadable])).codes


def test_an_object_that_holds_no_checkpoint_of_this_log_is_told() -> None:
    made = world()
    assert "ANCHOR_OBJECT" in judged(made, Outside(objects=[FetchedObject("o", b"holiday.jpg")])).codes


# Rules


def test_rules_whose_first_anchor_is_the_midnight_before_are_told() -> None:
    made = world()
    found = judged(made, Outside(mail=mailbox(made, EVERY_DAY)[1:]))
    assert [one.got for one in found.found("SCOPE_NOT_ANCHORED")] == [
        f"first confirmed at {received(FIRST - 1)} ms"
    ]


def test_rules_that_were_anchored_after_the_window_began_are_told() -> None:
    made = world()
    found = judged(made, Outside(mail=mailbox(made, range(FIRST, LAST + 1))))
    assert found.codes == {"SCOPE_NOT_ANCHORED"}
    assert found.report.rules_fixed_ms is None


def test_rules_that_the_log_does_not_hold_are_told() -> None:
    made = world()
    changed = {**RULES, "edition": None}
    found = judged(made, Outside(mail=mailbox(made, EVERY_DAY)), rules=changed)
    assert [one.place for one in found.found("SCOPE_NOT_ANCHORED")] == ["edition"]


def test_no_scope_means_that_nothing_was_fixed() -> None:
    made = world()
    assert "SCOPE_NOT_ANCHORED" in judged(made, Outside(mail=mailbox(made, EVERY_DAY)), rules={}).codes


# Sandwich


def named(day: int, sha256: str, *, end_ms: int | None = None) -> NamedAnchor:
    ends_ms = CALENDAR.day_start(day) + HOUR_MS if end_ms is None else end_ms
    return NamedAnchor(sha256, day, "web-1", "agent-0#4", ends_ms, ends_ms, 24)


def test_chunks_that_name_a_time_stamp_were_made_after_it(tsa: Any) -> None:
    made, size = stamped_world()
    token = receipt(size, "tsa", "tsr", tsa.stamp(made.notes[size]))
    outside = Outside(tsa_roots=[tsa.root])
    time_ms = judged(made, outside, receipts=[token]).report.anchors[0].time_ms
    assert time_ms is not None
    later = named(LAST, token.sha256, end_ms=time_ms + HOUR_MS)
    found = judged(made, outside, receipts=[token], named=[later])
    assert {day.day: day.made_after_ms for day in found.report.days}[LAST] == time_ms
    assert not found.codes & {"ANCHOR_NEWER", "ANCHOR_UNKNOWN"}
    also_unnamed = [later, named(LAST, "")]
    assert judged(made, outside, receipts=[token], named=also_unnamed).report.days[-1].made_after_ms is None


def test_chunks_that_name_an_anchor_newer_than_themselves_are_told(tsa: Any) -> None:
    made, size = stamped_world()
    token = receipt(size, "tsa", "tsr", tsa.stamp(made.notes[size]))
    found = judged(
        made, Outside(tsa_roots=[tsa.root]), receipts=[token], named=[named(LAST, token.sha256, end_ms=0)]
    )
    assert [one.host for one in found.found("ANCHOR_NEWER")] == ["web-1"]


def test_chunks_that_name_a_stamp_of_days_ago_though_newer_ones_were_there_are_told(tsa: Any) -> None:
    made, size = stamped_world()
    token = receipt(size, "tsa", "tsr", tsa.stamp(made.notes[size]))
    outside = Outside(tsa_roots=[tsa.root])
    time_ms = judged(made, outside, receipts=[token]).report.anchors[0].time_ms
    assert time_ms is not None
    later = time_ms + STALE_MS
    for one, stale in (
        (named(LAST, "", end_ms=later), True),
        (named(LAST, "", end_ms=later - 1), False),
        (named(LAST, token.sha256, end_ms=later), False),
        (replace(named(LAST, "", end_ms=later), begins=True), False),
        (replace(named(LAST, "", end_ms=later), earliest_end_ms=later - 1), True),
    ):
        found = judged(made, outside, receipts=[token], named=[one])
        assert ("ANCHOR_STALE" in found.codes) is stale, one
    assert "ANCHOR_STALE" not in judged(made, receipts=[token], named=[named(LAST, "", end_ms=later)]).codes


def test_chunks_that_name_what_is_not_in_the_pack_are_told() -> None:
    found = judged(world(), named=[named(FIRST, "a" * 64), named(FIRST, "")])
    assert [one.place for one in found.found("ANCHOR_UNKNOWN")] == ["agent-0#4"]


def test_receipts_that_the_log_names_and_the_pack_lacks_are_told_by_day() -> None:
    made = world()
    mail = receipt(size_of(made, FIRST), "a", "eml", mailed(made.notes[size_of(made, FIRST)], None))
    noon = CALENDAR.day_start(FIRST) + 12 * HOUR_MS
    logged = {mail.sha256: noon, "b" * 64: noon, "a" * 64: noon, "c" * 64: CALENDAR.day_start(LAST)}
    found = judged(made, receipts=[mail], receipts_logged=logged).found("ANCHOR_LEFT_OUT")
    assert [(one.severity, one.slot, one.got) for one in found] == [
        ("incomplete", slots.day(FIRST), f"without 2 of them: {'a' * 64}"),
        ("incomplete", slots.day(LAST), f"without 1 of them: {'c' * 64}"),
    ]


def test_a_mail_receipt_gives_no_earliest_time() -> None:
    made = world()
    mail = receipt(size_of(made, FIRST), "a", "eml", mailed(made.notes[size_of(made, FIRST)], None))
    found = judged(
        made, Outside(mail=mailbox(made, EVERY_DAY)), receipts=[mail], named=[named(FIRST + 1, mail.sha256)]
    )
    assert found.report.days[1].made_after_ms is None
    assert "ANCHOR_UNKNOWN" not in found.codes


# Mailboxes


def test_a_message_of_any_shape_is_read_or_passed_over() -> None:
    from verifier.anchors.mailbox import notes_in

    made = world()
    note = made.notes[size_of(made, FIRST)]
    forwarded = EmailMessage(policy=policy.SMTP)
    forwarded["Subject"] = "fwd"
    forwarded.set_content("see below")
    inner = EmailMessage(policy=policy.SMTP)
    inner.set_content(page_text(Head("示例企业", 1, "", note)), cte="base64")
    forwarded.add_attachment(inner)
    assert [found.note for found in notes_in("f", forwarded.as_bytes())] == [note]
    assert notes_in("empty", b"") == []
    assert (
        notes_in(
            "broken",
            b"Content-Type: multipart/mixed; boundary=x\n\n--x\nContent-Transfer-Encoding: base64\n\n!!!\n",
        )
        == []
    )


def test_a_log_of_many_leaves_gives_every_root() -> None:
    from evidence.merkle import root_of

    made = world(chunks=500)
    view = made.view()
    for size in (0, 1, 1023, 1024, 1025, 2047, 2048, len(made.entries)):
        assert view.root(size) == root_of(entry.leaf for entry in made.entries[:size])
    assert view.root(len(made.entries) + 1) is None
    assert view.arrival_ms(0) is None
    assert made.entries[3].kind != CHUNK


def test_a_confirmed_time_of_leaves_beyond_the_pack_is_only_named() -> None:
    made, longer = world(), world(range(FIRST, LAST + 3))
    size = size_of(longer, LAST + 2)
    made.notes[size] = longer.notes[size]
    found = judged(made, Outside(codes=[TypedCode(size, short_code(made.notes[size]), LAST + 3)]))
    assert found.states == {("print", "named")}


@pytest.mark.parametrize("kind", [b"multipart/mixed; boundary=x", b"message/rfc822"])
@pytest.mark.parametrize("fold", [b" ", b"\r\n\t"])
def test_a_message_of_too_many_wrappings_holds_no_note_and_exhausts_nobody(kind: bytes, fold: bytes) -> None:
    from standalone import alone

    from verifier.anchors.mailbox import notes_in

    made = world()
    note = made.notes[size_of(made, FIRST)]
    wrapped = (b"Content-Type:" + fold + kind + b"\r\n\r\n") * 5_000 + note
    assert notes_in("spam", wrapped) == []
    assert alone.mailed_notes(wrapped) == ([], None)
