"""附件3: who counts where, and why the others do not."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations

import pytest
from packs import PACK, SCOPED_PACK, checked
from region_tables import LAYOUT, pack, reasons

from documents.region import (
    COUNTED,
    NO_STAR,
    REASONS,
    TELLING,
    CheckedPack,
    checked_pack,
    enterprise_key,
    latest_year,
    tabulate,
)
from verifier.check import FAILED, PARTIAL, PASS
from verifier.finding import CATALOGUE, Finding

REPORT = {
    "schema": "starproof/report/1",
    "edition": {"id": "jiangsu-2018-trial"},
    "verdict": {
        "edition": {"id": "jiangsu-2018-trial"},
        "star": "4",
        "provisional": "no",
        "stars": [{"id": "3", "standing": "SUPPORTED"}, {"id": "4", "standing": "SUPPORTED"}],
    },
    "profile": {"region": "苏州"},
}


def test_packs_count_by_region_and_highest_star() -> None:
    packs = [
        pack("甲", "苏州", "4"), pack("乙", "苏州", "4"), pack("丙", "昆山", "4"), pack("丁", "南京", "5"),
        pack("戊", "南京", "3"),
    ]  # fmt: skip
    table = tabulate(packs, LAYOUT, year=2026)
    assert (table.count("苏州", "4"), table.count("昆山", "4"), table.count("南京", "5")) == (2, 1, 1)
    assert (table.count("苏州", "5"), table.count("沭阳", "3")) == (0, 0)
    assert [table.total(star) for star in ("3", "4", "5")] == [1, 3, 1]
    assert [entry.reason for entry in table.listed] == [COUNTED] * 5
    assert all(entry.counted for entry in table.listed)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"outcome": FAILED}, "FAILED"),
        ({"outcome": "something else"}, "FAILED"),
        ({"outcome": PARTIAL}, "INCOMPLETE"),
        ({"edition": ""}, "NO_VERDICT"),
        ({"edition": "jiangsu-2020"}, "OTHER_EDITION"),
        ({"month": "2025-12"}, "OTHER_YEAR"),
        ({"provisional": True}, "PROVISIONAL"),
        ({"region": ""}, "NO_REGION"),
        ({"region": "上海"}, "REGION_UNKNOWN"),
        ({"star": "6"}, "STAR_UNKNOWN"),
        ({"star": ""}, NO_STAR),
    ],
)
def test_what_does_not_count_is_listed_with_its_reason(change: dict, reason: str) -> None:
    table = tabulate([replace(pack("甲", "苏州", "4"), **change)], LAYOUT, year=2026)
    assert reasons(table) == [reason]
    assert reason in REASONS
    assert table.listed[0].counted == (reason == NO_STAR)
    assert sum(table.total(star) for star, _ in LAYOUT.stars) == 0


def test_incomplete_packs_count_where_that_is_asked_for() -> None:
    packs = [
        replace(pack("甲", "苏州", "4"), outcome=PARTIAL),
        replace(pack("乙", "苏州", "4"), outcome=FAILED),
    ]
    table = tabulate(packs, LAYOUT, year=2026, count_incomplete=True)
    assert reasons(table) == [COUNTED, "FAILED"]
    assert table.count("苏州", "4") == 1


def test_an_enterprise_counts_once_with_its_latest_month_in_whatever_order_the_files_come() -> None:
    packs = [
        pack("江苏甲（集团）公司", "南京", "5", month="2026-09"),
        pack("江苏甲(集团)公司", "苏州", "3", month="2026-11"),
        pack("江苏甲（集团） 公司", "南京", "4", month="2026-10"),
    ]
    for order in permutations(packs):
        table = tabulate(order, LAYOUT, year=2026)
        found = {entry.pack.month: (entry.reason, entry.about) for entry in table.listed}
        assert found == {
            "2026-09": ("EARLIER", "2026-11"), "2026-10": ("EARLIER", "2026-11"), "2026-11": (COUNTED, ""),
        }  # fmt: skip
        assert (table.count("苏州", "3"), table.total("4"), table.total("5")) == (1, 0, 0)


def test_of_two_packs_of_one_month_the_later_made_counts_and_names_itself() -> None:
    first = pack("甲", "南京", "5", made_ms=1)
    second = pack("甲", "南京", "4", made_ms=2)
    for order in permutations([first, second]):
        table = tabulate(order, LAYOUT, year=2026)
        found = {entry.pack.made_ms: (entry.reason, entry.about) for entry in table.listed}
        assert found == {1: ("REPLACED", second.sha256), 2: (COUNTED, "")}
        assert (table.total("4"), table.total("5")) == (1, 0)


def test_packs_made_at_the_same_instant_are_settled_by_their_hash_not_by_their_order() -> None:
    packs = [
        replace(pack("甲", "南京", "5"), sha256="a" * 64),
        replace(pack("甲", "南京", "4"), sha256="b" * 64),
    ]
    for order in permutations(packs):
        assert tabulate(order, LAYOUT, year=2026).total("4") == 1


def test_a_failing_later_pack_does_not_displace_a_good_earlier_one() -> None:
    packs = [pack("甲", "南京", "5", month="2026-09"), replace(pack("甲", "南京", "5"), outcome=FAILED)]
    assert reasons(tabulate(packs, LAYOUT, year=2026)) == [COUNTED, "FAILED"]


def test_a_later_pack_without_a_star_takes_the_enterprise_out_of_the_columns() -> None:
    packs = [pack("甲", "南京", "5", month="2026-09"), pack("甲", "南京", "", month="2026-11")]
    table = tabulate(packs, LAYOUT, year=2026)
    assert reasons(table) == ["EARLIER", NO_STAR]
    assert table.total("5") == 0


def test_the_same_file_twice_counts_once() -> None:
    one = pack("甲", "南京", "5")
    table = tabulate([one, replace(one, file="copy.zip")], LAYOUT, year=2026)
    assert reasons(table) == [COUNTED, "SAME_FILE"]
    assert table.total("5") == 1


def test_different_enterprises_stay_different() -> None:
    assert enterprise_key("江苏甲（集团） 公司") == enterprise_key("江苏甲(集团)公司")
    assert enterprise_key("江苏甲公司") != enterprise_key("江苏乙公司")


@pytest.mark.parametrize(
    "unseen",
    [
        *("\ufe00", "\ufe0f", "\U000e0100", "\U000e01ef", "\u3164", "\u115f", "\u1160", "\uffa0", "\u034f"),
        *("\u180b", "\u180e", "\u180f", "\u2065", "\u200b", "\u202e", "\u2060", "\ufeff", "\u00ad"),
        "\U000e0041",
    ],
    ids=ascii,
)
def test_characters_that_nobody_sees_do_not_make_another_enterprise(unseen: str) -> None:
    name = "江苏甲e\u0301公司"
    assert enterprise_key(f"江苏{unseen}甲e{unseen}\u0301公司{unseen}") == enterprise_key(name)
    packs = [pack("江苏甲公司", "南京", "5", month="2026-10"), pack(f"江苏甲{unseen}公司", "南京", "5")]
    assert tabulate(packs, LAYOUT, year=2026).total("5") == 1


def test_notes_that_tell_stand_apart_from_what_keeps_a_pack_from_passing() -> None:
    report = checked(PACK)
    told = {"DAYS_EXCLUDED", "WINDOW_SHORT", "SCOPE_CHANGED", "READING_COPY", "CONFLICT", "NOT_ATTESTED"}
    findings = tuple(Finding(code, "scope") for code in sorted(told))
    found = checked_pack(replace(report, findings=findings), REPORT, sha256="a" * 64, file="x.zip")
    assert found.notes == ("DAYS_EXCLUDED", "NOT_ATTESTED", "SCOPE_CHANGED", "WINDOW_SHORT")
    assert found.codes == ("CONFLICT",)
    assert CATALOGUE.keys() >= TELLING


def test_the_year_is_that_of_the_latest_month_that_did_not_fail() -> None:
    packs = [
        pack("甲", "南京", "5", month="2025-12"), pack("乙", "南京", "5", month="2026-01"),
        replace(pack("丙", "南京", "5", month="2027-01"), outcome=FAILED),
    ]  # fmt: skip
    assert latest_year(packs) == 2026
    assert latest_year(packs[2:]) is None
    assert latest_year([]) is None


def test_a_real_check_and_its_report_give_what_is_counted() -> None:
    found = checked_pack(checked(SCOPED_PACK), REPORT, sha256="a" * 64, file="x.zip")
    assert found == CheckedPack(
        enterprise="示例企业", month="2026-11", region="苏州", star="4", outcome=PASS, codes=(),
        sha256="a" * 64, file="x.zip", edition="jiangsu-2018-trial", made_ms=found.made_ms,
        standings=(("3", "SUPPORTED"), ("4", "SUPPORTED")), notes=(),
    )  # fmt: skip
    assert found.made_ms > 0


def test_a_pack_without_a_key_or_without_a_report_says_so() -> None:
    found = checked_pack(checked(SCOPED_PACK, key=None), None, sha256="a" * 64, file="x.zip")
    assert (found.outcome, found.codes) == (PARTIAL, ("LOG_KEY_NOT_GIVEN",))
    assert (found.region, found.star, found.edition, found.provisional) == ("", "", "", False)


def test_a_report_without_star_and_profile_gives_no_star_and_no_region() -> None:
    report = {**REPORT, "profile": None, "verdict": {**REPORT["verdict"], "star": None, "provisional": "yes"}}
    found = checked_pack(checked(PACK), report, sha256="a" * 64, file="x.zip")
    assert (found.region, found.star, found.provisional) == ("", "", True)


def test_bytes_that_are_no_pack_fail_without_a_name() -> None:
    found = checked_pack(checked(b"no pack"), None, sha256="a" * 64, file="x.zip")
    assert (found.enterprise, found.month, found.outcome, found.codes) == ("", "", FAILED, ("CONTAINER",))
    assert reasons(tabulate([found], LAYOUT, year=2026)) == ["FAILED"]
