"""The rules of `evidence.day_sum`, numbered as in its docstring."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timezone

import pytest
from drafts import (
    DISK,
    NIC,
    START_MS,
    Draft,
    averages_manifest,
    counters,
    counters_manifest,
    steady,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from evidence import manifest
from evidence.calendar import LocalCalendar
from evidence.columns import MISSING
from evidence.day_sum import DaySum, Interval, claims, day_sums, interval_sums, merge
from evidence.errors import EvidenceError

UTC = LocalCalendar("UTC")
SHANGHAI = LocalCalendar("Asia/Shanghai")
DAY = UTC.day_of(START_MS)
MINUTE = 60_000


def at(text: str) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=timezone.utc).timestamp() * 1000)


def sums(draft: Draft, occupied: Sequence[Interval] = (), calendar: LocalCalendar = UTC) -> dict[str, DaySum]:
    """Sums by metric over all days."""
    total: dict[str, DaySum] = {}
    for (metric, _), part in day_sums(draft.open(), calendar, occupied).items():
        total[metric] = total.get(metric, DaySum()) + part
    return total


def averages(rows: list[tuple[int, int, int]], name: str = "cpu.utilization", scale: int = 9) -> Draft:
    draft = Draft(manifest=averages_manifest(name, scale), values=[list(column) for column in zip(*rows)])
    return draft.with_header(source="import")


def test_steady_readings_are_observed_and_summed_exactly(draft: Draft) -> None:
    result = day_sums(draft.open(), UTC)
    ten = {"observed_ms": 10 * MINUTE, "intervals": 10}
    assert result == {
        ("cpu", DAY): DaySum(30_000, 120_000, **ten),
        ("cpu.steal", DAY): DaySum(0, 120_000, **ten),
        ("net.rx", DAY): DaySum(60_000, **ten),
        ("net.tx", DAY): DaySum(6_000, **ten),
        ("net.capacity", DAY): DaySum(10**9 * 10 * MINUTE, **ten),
        ("disk.reads", DAY): DaySum(600, **ten),
        ("disk.writes", DAY): DaySum(300, **ten),
    }


BENDS = st.lists(
    st.tuples(
        st.integers(0, 16),
        st.integers(0, 5),
        st.sampled_from(
            [-(10**6), -60_000, -1_001, -51, -1, 1, 51, 600, 1_001, 1_300, 60_000, 10**6, MISSING]
        ),
        st.booleans(),
    ),
    max_size=3,
)


@given(BENDS, st.sampled_from([START_MS, at("2026-05-31 15:57"), at("2026-06-01 00:00") - 150_000]))
@settings(max_examples=300)
def test_a_chunk_summed_at_once_has_the_sums_of_its_intervals(
    bends: list[tuple[int, int, int, bool]], start_ms: int
) -> None:
    draft = steady(6, start_ms=start_ms)
    for column, row, by, onwards in bends:
        values = draft.values[column]
        for place in range(row, len(values) if onwards else row + 1):
            values[place] = MISSING if by == MISSING else values[place] + by
    try:
        chunk = draft.open()
    except EvidenceError:  # clocks that go back are no chunk
        return
    assert day_sums(chunk, SHANGHAI) == interval_sums(chunk, SHANGHAI, range(5))


def test_guest_ticks_are_counted_once_and_iowait_is_not_busy(draft: Draft) -> None:
    columns = [column.name for column in draft.manifest.columns]
    user, guest, iowait = (draft.values[columns.index(f"cpu.{s}")] for s in ("user", "guest", "iowait"))
    idle = draft.values[columns.index("cpu.idle")]
    for row in range(11):
        guest[row] = user[row] // 2
        iowait[row], idle[row] = row * 1000, idle[row] - row * 1000
    assert (sums(draft)["cpu"].amount, sums(draft)["cpu"].whole) == (30_000, 120_000)


def test_steal_is_busy_and_stands_beside(draft: Draft) -> None:
    columns = [column.name for column in draft.manifest.columns]
    steal, idle = (draft.values[columns.index(f"cpu.{s}")] for s in ("steal", "idle"))
    for row in range(11):
        steal[row], idle[row] = row * 600, idle[row] - row * 600
    assert sums(draft)["cpu"].amount == 36_000
    assert sums(draft)["cpu.steal"].amount == 6_000


def test_chunks_add_up_because_each_repeats_the_last_reading() -> None:
    whole = steady(21)
    parts = [steady(21), steady(21)]
    parts[0].values = [column[:11] for column in parts[0].values]
    parts[1].values = [column[10:] for column in parts[1].values]
    parts[1].with_header(first="repeat", prev_end_ms=START_MS + 10 * MINUTE)
    assert merge(day_sums(part.open(), SHANGHAI) for part in parts) == day_sums(whole.open(), SHANGHAI)


def test_rule_1_time_of_an_earlier_claim_is_not_credited_again(draft: Draft) -> None:
    taken = [(START_MS + 150_000, START_MS + 210_000), (START_MS + 200_000, START_MS + 290_000)]
    assert sums(draft, taken)["cpu"].observed_ms == 7 * MINUTE
    assert sums(draft, [(START_MS - MINUTE, START_MS)])["cpu"].observed_ms == 10 * MINUTE
    assert sums(draft, [(START_MS + 10 * MINUTE, START_MS + 99 * MINUTE)])["cpu"].observed_ms == 10 * MINUTE
    assert sums(draft, [(0, START_MS + 99 * MINUTE)]) == {}


def test_rule_2_a_step_of_the_wall_clock_is_suspect(draft: Draft) -> None:
    draft.values[0][5:] = [wall + 111 for wall in draft.values[0][5:]]
    result = sums(draft)["net.rx"]
    assert (result.observed_ms, result.suspect_ms) == (9 * MINUTE, MINUTE + 111)
    assert result.amount == 54_000


def test_rule_2_a_slewed_clock_is_fine(draft: Draft) -> None:
    draft.values[0][5:] = [wall + 110 for wall in draft.values[0][5:]]
    assert sums(draft)["net.rx"].observed_ms == 10 * MINUTE + 110


def test_rule_3_an_interval_over_a_month_edge_belongs_to_neither_month() -> None:
    over = steady(3, start_ms=at("2026-05-31T23:58:30"))
    assert sums(over)["cpu"].observed_ms == MINUTE
    assert sums(over, calendar=SHANGHAI)["cpu"].observed_ms == 2 * MINUTE


def test_rule_3_readings_on_the_edge_of_a_month_serve_both() -> None:
    edge = day_sums(steady(3, start_ms=at("2026-05-31T23:59:00")).open(), UTC)
    assert [part.observed_ms for (metric, _), part in edge.items() if metric == "cpu"] == [MINUTE, MINUTE]


def test_rule_3_a_reading_just_after_the_edge_of_a_month_loses_no_time() -> None:
    late = counters(
        [(0, 0, 0, 0, 0, 0, 0), (60, 3_000, 9_000, 60_000, 0, 0, 0), (120, 6_000, 18_000, 120_000, 0, 0, 0)],
        start_ms=at("2026-05-31T23:59:01"),
    )
    edge = day_sums(late.open(), UTC)
    rx = [part for (metric, _), part in sorted(edge.items()) if metric == "net.rx"]
    assert [(part.amount, part.observed_ms) for part in rx] == [(59_000, 59_000), (61_000, 61_000)]
    early = counters(
        [(0, 0, 0, 0, 0, 0, 0), (60, 3_000, 9_000, 60_000, 0, 0, 0)], start_ms=at("2026-05-31T23:59:59")
    )
    assert (
        sum(part.observed_ms for (m, _), part in day_sums(early.open(), UTC).items() if m == "net.rx")
        == MINUTE
    )
    later = counters(
        [(0, 0, 0, 0, 0, 0, 0), (60, 3_000, 9_000, 60_000, 0, 0, 0)],
        start_ms=at("2026-05-31T23:59:01") + 1_001,
    )
    assert not day_sums(later.open(), UTC)


def test_rule_3_a_long_gap_over_two_edges_belongs_to_nobody() -> None:
    rows = [(0, 0, 0, 0, 0, 0, 0), (70 * 86_400, 100, 7_000, 70, 7, 7, 7)]
    assert not day_sums(counters(rows, start_ms=at("2026-04-30T23:59:59")).open(), UTC)


def test_rule_3_an_interval_over_midnight_is_split_without_loss() -> None:
    over = counters(
        [(0, 0, 0, 0, 0, 0, 0), (7, 350, 1050, 1000, 7, 1, 5)], start_ms=at("2026-05-10T23:59:57")
    )
    result = day_sums(over.open(), UTC)
    rx = [part for (metric, _), part in sorted(result.items()) if metric == "net.rx"]
    assert [(part.amount, part.observed_ms) for part in rx] == [(428, 3_000), (572, 4_000)]
    cpu = [part for (metric, _), part in sorted(result.items()) if metric == "cpu"]
    assert [(part.amount, part.whole) for part in cpu] == [(150, 600), (200, 800)]


def test_rule_4_suspended_time_is_downtime(draft: Draft) -> None:
    for column in draft.values[:2]:
        column[6:] = [clock + 30 * MINUTE for clock in column[6:]]
    result = sums(draft)["cpu"]
    assert (result.downtime_ms, result.bridged_ms, result.observed_ms) == (30 * MINUTE, MINUTE, 9 * MINUTE)
    assert result.amount == 30_000


def test_rule_5_a_gap_inside_an_epoch_is_bridged_exactly(draft: Draft) -> None:
    for column in draft.values:
        del column[3:9]
    result = sums(draft)["net.rx"]
    assert (result.amount, result.observed_ms, result.bridged_ms) == (60_000, 3 * MINUTE, 7 * MINUTE)


def test_rule_5_two_intervals_are_still_observed(draft: Draft) -> None:
    for column in draft.values:
        del column[3]
    assert sums(draft)["net.rx"].observed_ms == 10 * MINUTE


def test_rule_6_a_missing_value_is_not_zero(draft: Draft) -> None:
    draft.values[13][0] = MISSING
    draft.values[13][5] = MISSING
    result = sums(draft)
    assert result["net.rx"].observed_ms == 7 * MINUTE
    assert result["net.rx"].amount == 42_000
    assert result["net.capacity"].observed_ms == 7 * MINUTE
    assert result["cpu"].observed_ms == 10 * MINUTE


def test_rule_6_missing_ticks_cover_nothing(draft: Draft) -> None:
    draft.values[4][2] = MISSING
    assert sums(draft)["cpu"].observed_ms == 8 * MINUTE
    assert sums(draft)["cpu"].suspect_ms == 0


def test_rule_6_ticks_that_contradict_time_and_processors_are_suspect(draft: Draft) -> None:
    draft.values[3][4:] = [ticks + 601 + 10 for ticks in draft.values[3][4:]]
    result = sums(draft)
    assert (result["cpu"].observed_ms, result["cpu"].suspect_ms) == (9 * MINUTE, MINUTE)
    assert result["cpu.steal"].suspect_ms == MINUTE
    assert result["net.rx"].observed_ms == 10 * MINUTE


def test_rule_6_ticks_within_five_percent_are_fine(draft: Draft) -> None:
    draft.values[3][4:] = [ticks + 600 + 10 for ticks in draft.values[3][4:]]
    assert sums(draft)["cpu"].suspect_ms == 0


def test_rule_6_a_small_iowait_decrease_is_clamped(draft: Draft) -> None:
    columns = [column.name for column in draft.manifest.columns]
    iowait = draft.values[columns.index("cpu.iowait")]
    iowait[:] = [100, 90, *[90] * 9]
    assert sums(draft)["cpu"].whole == 120_000
    assert sums(draft)["cpu"].suspect_ms == 0


def test_rule_6_idle_going_back_is_suspect(draft: Draft) -> None:
    columns = [column.name for column in draft.manifest.columns]
    idle = draft.values[columns.index("cpu.idle")]
    user = draft.values[columns.index("cpu.user")]
    idle[5:] = [idle[4] - 1 + 9000 * n for n in range(6)]
    user[5:] = [user[4] + 12_000 + 3000 * n for n in range(6)]
    assert sums(draft)["cpu"].suspect_ms == MINUTE


def test_rule_6_no_ticks_at_all_are_suspect() -> None:
    frozen = counters([(0, 10, 10, 0, 0, 0, 0), (1, 10, 10, 0, 0, 0, 0)], man=counters_manifest(cpus=1))
    assert sums(frozen)["cpu"].suspect_ms == 1_000


def test_rule_6_a_counter_that_goes_back_is_suspect_and_jitter_is_zero() -> None:
    rows = [(60 * i, 3000 * i, 9000 * i, 50_000, 50_000, 0, 0) for i in range(4)]
    draft = counters(rows)
    draft.values[13] = [50_000, 49_951, 50_000, 40_000]
    result = sums(draft)["net.rx"]
    assert (result.amount, result.observed_ms, result.suspect_ms) == (49, 2 * MINUTE, MINUTE)
    assert sums(draft)["net.capacity"].observed_ms == 2 * MINUTE


def test_devices_of_one_kind_are_added(draft: Draft) -> None:
    second = manifest.Device("nic", "eth1", "3", True, "has a hardware device", 10**8)
    rows = [(60 * i, 3000 * i, 9000 * i, 100 * i, 10 * i, 5 * i, 0) for i in range(3)]
    result = sums(counters(rows, man=counters_manifest(devices=(NIC, second))))
    assert (result["net.rx"].amount, result["net.tx"].amount) == (210, 20)
    assert result["net.capacity"].amount == (10**9 + 10**8) * 2 * MINUTE
    assert "disk.reads" not in result


def test_an_unknown_speed_makes_no_capacity() -> None:
    unknown = manifest.Device("nic", "eth1", "3", True, "has a hardware device")
    rows = [(60 * i, 3000 * i, 9000 * i, 100 * i, 10 * i, 5 * i, 0) for i in range(3)]
    assert "net.capacity" not in sums(counters(rows, man=counters_manifest(devices=(NIC, unknown))))


def test_a_host_without_network_has_no_network_sums() -> None:
    rows = [(60 * i, 3000 * i, 9000 * i, i, i) for i in range(3)]
    assert set(sums(counters(rows, man=counters_manifest(devices=(DISK,))))) == {
        "cpu", "cpu.steal", "disk.reads", "disk.writes",
    }  # fmt: skip


def test_counters_without_a_processor_have_no_processor_sums() -> None:
    man = manifest.build(
        kind="counters",
        interval_ms=MINUTE,
        columns=tuple(manifest.Column(name) for name in manifest.COUNTERS_CLOCKS),
        host={"cpus": 1, "ticks_per_s": 100},
    )
    assert sums(Draft(manifest=man, values=[[START_MS, START_MS + 1], [0, 1], [0, 1]])) == {}


def test_rule_2_a_monotonic_clock_ahead_of_the_boot_clock_is_suspect(draft: Draft) -> None:
    draft.values[2][5:] = [clock + 51 for clock in draft.values[2][5:]]
    assert sums(draft)["cpu"].suspect_ms == MINUTE
    draft.values[2][5:] = [clock - 1 for clock in draft.values[2][5:]]
    assert sums(draft)["cpu"].suspect_ms == 0


def test_a_boot_without_a_shutdown_leaves_the_time_before_it_missing(draft: Draft) -> None:
    draft.with_header(first="boot", prev_end_ms=START_MS - 30 * MINUTE)
    assert (sums(draft)["cpu"].downtime_ms, sums(draft)["cpu"].restarts) == (0, 1)
    assert claims(draft.open()) == [(START_MS, START_MS + 10 * MINUTE)]


def test_a_shutdown_leaves_downtime_since_the_chunk_before(draft: Draft) -> None:
    draft.with_header(first="boot_after_shutdown", prev_end_ms=START_MS - 30 * MINUTE)
    result = sums(draft)["cpu"]
    assert (result.downtime_ms, result.observed_ms, result.restarts) == (30 * MINUTE, 10 * MINUTE, 1)
    assert claims(draft.open()) == [(START_MS - 30 * MINUTE, START_MS + 10 * MINUTE)]
    assert sums(draft, [(START_MS - MINUTE, START_MS)])["cpu"].downtime_ms == 0


@pytest.mark.parametrize("prev_end_ms", [0, START_MS, START_MS + 5 * MINUTE])
def test_a_restart_without_a_time_before_has_no_downtime(draft: Draft, prev_end_ms: int) -> None:
    draft.with_header(first="boot_after_shutdown", prev_end_ms=prev_end_ms)
    assert sums(draft)["cpu"].downtime_ms == 0
    assert sums(draft)["cpu"].restarts == 1
    assert claims(draft.open()) == [(START_MS, START_MS + 10 * MINUTE)]


def test_readings_too_far_apart_say_nothing(draft: Draft) -> None:
    for column in draft.values[:3]:
        column[1:] = [clock + 401 * 86_400_000 for clock in column[1:]]
    assert sums(draft)["cpu"].observed_ms == 9 * MINUTE
    assert sums(draft)["cpu"].bridged_ms == 0
    draft = steady(2).with_header(first="boot_after_shutdown", prev_end_ms=START_MS - 401 * 86_400_000)
    assert sums(draft)["cpu"].downtime_ms == 0


def test_averages_are_value_times_time_in_billionths() -> None:
    noon = at("2026-05-10T12:00:00")
    rows = [(noon, 300_000, 12_340), (noon + 300_000, 60_000, 50_000), (noon + 360_000, 1_000, MISSING)]
    assert day_sums(averages(rows, scale=3).open(), UTC) == {
        ("cpu.utilization", UTC.day_of(noon)): DaySum(
            (12_340 * 300_000 + 50_000 * 60_000) * 10**6, 360_000, observed_ms=360_000, intervals=2
        )
    }


def test_a_short_average_over_midnight_belongs_to_the_day_in_which_it_begins() -> None:
    night = at("2026-05-31T23:58:00")
    result = day_sums(averages([(night, 300_000, 50)], scale=0).open(), UTC)
    may = UTC.day_of(night)
    assert result == {
        ("cpu.utilization", may): DaySum(50 * 10**9 * 300_000, 300_000, observed_ms=120_000, intervals=1),
        ("cpu.utilization", may + 1): DaySum(observed_ms=180_000, intervals=1),
    }


def test_a_long_average_over_midnight_is_divided() -> None:
    night = at("2026-05-31T23:50:00")
    result = day_sums(averages([(night, 900_001, 50)], scale=0).open(), UTC)
    may = UTC.day_of(night)
    assert result == {
        ("cpu.utilization", may): DaySum(50 * 10**9 * 600_000, 600_000, observed_ms=600_000, intervals=1),
        ("cpu.utilization", may + 1): DaySum(50 * 10**9 * 300_001, 300_001, observed_ms=300_001, intervals=1),
    }


def test_averages_of_an_earlier_claim_are_not_credited_again() -> None:
    rows = [(START_MS, 1_000, 7), (START_MS + 5_000, 1_000, 9)]
    result = sums(averages(rows, "net.rx.rate"), [(START_MS + 900, START_MS + 5_000)])
    assert result["net.rx.rate"].amount == 9 * 1_000
    assert claims(averages(rows).open()) == [
        (START_MS, START_MS + 1_000),
        (START_MS + 5_000, START_MS + 6_000),
    ]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(1, 300), st.integers(0, 10**6)), min_size=1, max_size=30),
    st.integers(at("2026-05-02T00:00:00"), at("2026-05-29T00:00:00")),
    st.sets(st.integers(1, 29)),
)
def test_dropping_readings_changes_no_sum(steps: list[tuple[int, int]], start: int, drop: set[int]) -> None:
    rows, at_s, rx = [(0, 0, 0, 0, 0, 0, 0)], 0, 0
    for seconds, moved in steps:
        at_s, rx = at_s + seconds, rx + moved
        rows.append((at_s, 50 * at_s, 150 * at_s, rx, at_s, at_s, at_s))
    kept = [row for place, row in enumerate(rows) if place not in drop or place == len(rows) - 1]
    full, thin = (sums(counters(part, start_ms=start)) for part in (rows, kept))
    for metric in ("cpu", "net.rx", "disk.reads"):
        assert (full[metric].amount, full[metric].covered_ms) == (
            thin[metric].amount,
            thin[metric].covered_ms,
        )
        assert full[metric].covered_ms == at_s * 1_000
