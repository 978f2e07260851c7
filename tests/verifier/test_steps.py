"""The steps of the check: every one is judged, whatever becomes of the others."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import replace
from typing import NoReturn

from packs import LOG_KEY, PACK, TRUSTED, checked, contents, resigned

from verifier import layout
from verifier.anchors.interface import Outside
from verifier.chain import Task, read_here
from verifier.check import check
from verifier.finding import Finding
from verifier.slots import day, days, hour, hours


class Unreadable:
    """A reviewer's mailbox on a disk that fails."""

    def __iter__(self) -> Iterator[NoReturn]:
        raise MemoryError("no room for the mailbox")


def states(document: dict[str, object]) -> dict[int, str]:
    return {step["number"]: step["state"] for step in document["steps"]}


def test_a_step_that_breaks_off_fails_and_all_others_go_on() -> None:
    entries = contents(PACK)
    entries[layout.REPORT] += b" "
    bent, whole = resigned(entries), checked(PACK)
    outside = Outside(mail=Unreadable())
    report = check(io.BytesIO(bent), log_key=LOG_KEY.public, editions=TRUSTED, outside=outside)
    found = {finding.code: finding for finding in report.findings}
    assert found["INTERNAL"].place == "step 6"
    assert found["INTERNAL"].got == "MemoryError: no room for the mailbox"
    assert {"INTERNAL", "REPORT"} <= found.keys()
    assert report.outcome == "fail"
    assert report.figures == whole.figures
    assert states(report.document()) == {**states(whole.document()), 6: "fail", 9: "fail", 10: "fail"}


def test_what_cannot_be_judged_is_said_and_is_no_pass() -> None:
    report = checked(b"PK")
    assert report.outcome == "fail"
    assert states(report.document()) == {0: "fail", **dict.fromkeys(range(1, 10), "not_run"), 10: "fail"}


def test_findings_are_ordered_by_step_host_slot_and_code() -> None:
    ordered = [
        Finding("ENTRY_CHANGED", "z"),
        Finding("CHAIN", "z", "a"),
        Finding("CHUNK", "z", "a", slot="2026-11-03T05Z"),
        Finding("CHAIN", "a", "a", slot="2026-11-03T06Z"),
        Finding("CHUNK", "a", "b"),
        Finding("LOG_ROOT", "a"),
        Finding("INTERNAL", "a"),
        Finding("DAY_SUM_EXTRA", "a"),
    ]
    assert sorted([*ordered[4:], *ordered[:4]]) == ordered


def test_slots_name_hours_of_utc_and_days() -> None:
    assert hour(1_793_682_000_000) == "2026-11-03T05Z"
    assert hours(1_793_682_000_000, 1_793_682_000_000 + 3_599_999) == "2026-11-03T05Z"
    assert hours(1_793_682_000_000, 1_793_689_200_000) == "2026-11-03T05Z/2026-11-03T07Z"
    assert (day(739_923), days(739_923, 739_924)) == ("2026-11-03", "2026-11-03/2026-11-04")


def test_a_chain_that_breaks_off_fails_and_hides_no_other() -> None:
    chains = [Task(host, "agent", (f"data/chunks/{place}/agent-0/2026-11-03.chunks",), (), "e", "Asia/Shanghai")
              for host, place in (("a", "0001"), ("b", "0002"))]  # fmt: skip

    def read(name: str) -> bytes:
        raise AssertionError(name)

    broken, other = read_here(read)([replace(chains[0], zone="nowhere"), chains[1]])
    assert (broken.chain, [found.code for found in broken.findings]) == (None, ["INTERNAL"])
    assert other.chain is not None
    assert [found.got for found in other.findings] == ["no valid enrolment for these chunks"]
