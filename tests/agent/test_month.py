"""What ``agent status`` says of the month: measured, bridged, gaps; by this host's own count."""

import json

import pytest

from agent.board import Board
from agent.month import MAX_GAPS, Month, duration, lines, local_month
from agent.status import GOOD, overall

DAY, MINUTE = 86_400_000, 60_000
START = {
    "2026-11": 1_793_462_400_000,
    "2026-12": 1_793_462_400_000 + 30 * DAY,
    "2027-01": 1_793_462_400_000 + 61 * DAY,
}
NOV, DEC = START["2026-11"], START["2026-12"]


def month_of(wall_ms):
    return max((name, start) for name, start in START.items() if start <= wall_ms)


@pytest.fixture
def month():
    return Month(month_of=month_of)


def _read(month, *instants, boot="boot-1"):
    for wall_ms in instants:
        month.read(wall_ms, boot, interval_ms=MINUTE)
    return month.document()


def test_steps_of_one_boot_are_measured_and_long_ones_are_told_as_bridged(month):
    found = _read(month, NOV, NOV + MINUTE, NOV + 2 * MINUTE, NOV + 62 * MINUTE)
    assert (found["covered_ms"], found["bridged_ms"], found["gaps"]) == (62 * MINUTE, 60 * MINUTE, 0)


def test_time_between_two_boots_is_a_gap(month):
    _read(month, NOV, NOV + MINUTE)
    found = _read(month, NOV + 11 * MINUTE, NOV + 12 * MINUTE, boot="boot-2")
    assert (found["covered_ms"], found["gap_ms"], found["gaps"]) == (2 * MINUTE, 10 * MINUTE, 1)
    coverage, gaps = lines(found, now_ms=NOV + 12 * MINUTE)
    assert "2026-11: 16.66 %" in coverage
    assert gaps.startswith("1, 共 in all 10 分 min; 最近一次")


def test_a_new_month_begins_at_its_midnight_in_the_middle_of_a_step(month):
    found = _read(month, DEC - 30_000, DEC + 30_000, DEC + 90_000)
    assert (found["month"], found["covered_ms"], found["first_ms"]) == ("2026-12", 90_000, DEC)
    off = _read(Month(found, month_of=month_of), START["2027-01"] + MINUTE, boot="boot-2")
    assert (off["month"], off["gap_ms"], off["covered_ms"]) == ("2027-01", MINUTE, 0)


def test_a_clock_that_is_set_back_counts_nothing_twice(month):
    _read(month, NOV, NOV + 10 * MINUTE)
    found = _read(month, NOV + 5 * MINUTE, NOV + 6 * MINUTE, NOV + 12 * MINUTE)
    assert found["covered_ms"] == 12 * MINUTE
    earlier = _read(Month(_read(Month(month_of=month_of), DEC), month_of=month_of), DEC - MINUTE, DEC - 1)
    assert (earlier["month"], earlier["covered_ms"]) == ("2026-11", MINUTE - 1)


def test_it_goes_on_after_a_restart_and_remembers_few_gaps(month):
    found = _read(month, NOV)
    for number in range(9):
        at = NOV + (number + 1) * DAY
        found = _read(Month(json.loads(json.dumps(found)), month_of=month_of), at, boot=f"boot-{number}")
    assert (found["gaps"], found["gap_ms"], len(found["last_gaps"])) == (9, 9 * DAY, MAX_GAPS)


@pytest.mark.parametrize(
    "wrong",
    [
        None,
        {},
        {"month": "2026-11"},
        {"month": "2026-11", "boot": "", "last_gaps": [1]},
        {"month": 3, "boot": "", "last_gaps": []},
    ],
)
def test_what_cannot_be_gone_on_from_is_left(wrong):
    assert Month(wrong, month_of=month_of).document() is None
    assert lines(wrong, now_ms=NOV) == ("-", "-")


def test_lengths_are_told_in_units_that_say_something():
    assert [duration(ms) for ms in (999, 61_000, 3_660_000)] == ["0 秒 s", "1 分 min", "1 小时 h 1 分 min"]


def test_the_local_month_begins_before_the_instant():
    name, start_ms = local_month(NOV + 15 * DAY)
    assert name == "2026-11"
    assert 0 <= NOV + 15 * DAY - start_ms < 17 * DAY


def test_a_board_carries_the_month_over_and_an_agent_that_is_well_is_called_good():
    before = {"month": _read(Month(month_of=month_of), NOV, NOV + MINUTE)}
    assert Board(lambda: NOV, interval_ms=MINUTE, before=before).snapshot()["month"] == before["month"]
    assert overall({"running": True, "attention": []}) == GOOD
