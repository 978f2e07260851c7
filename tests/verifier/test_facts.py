"""What chunks say beside their counters: who sealed them, how far the clock was off, when nobody spoke."""

from __future__ import annotations

from itertools import pairwise

from fleet import Fleet, instant

from evidence.calendar import LocalCalendar
from verifier.facts import gaps
from verifier.hearing import deciding, hear_stored
from verifier.programs import Program
from verifier.recompute import strict_opener
from verifier.scope import Exclusion
from verifier.window import month_window

CALENDAR = LocalCalendar("Asia/Shanghai")
WINDOW = month_window(CALENDAR, "2026-11")
HOUR = 3_600_000
DAY = 24 * HOUR
AFTER = instant("2026-12-02")


def heard(fleet: Fleet) -> dict[tuple[str, str], object]:
    archive = fleet.archive()
    opener = strict_opener(archive)
    return {
        (said.facts.host, said.facts.source): said.facts
        for host, chunks in deciding(archive, WINDOW, None)
        for said in hear_stored(opener, host, chunks, CALENDAR, WINDOW)
    }


def test_versions_clocks_and_chunks_are_gathered_by_host_and_source():
    fleet = Fleet()
    web = fleet.agent("web-1").run(hours=5)
    web.seal(agent="0.2.0", clock_offset_ms=-7, clock_rtt_ms=3)
    web.run(hours=5).seal(code="c0" * 32, clock_offset_ms=12, clock_rtt_ms=3, clock_state="unsynchronized")
    fleet.averages("web-1", "net.rx.rate", [(instant("2026-11-02"), 300_000, 1)])
    facts = heard(fleet)
    mine = facts["web-1", "agent"]
    assert (mine.chunks, mine.software, mine.clock_offsets_ms) == (2, ("0.1.0", "0.2.0"), (-7, 12))
    assert mine.clock_states == ("synchronized", "unsynchronized")
    start = instant("2026-11-01")
    assert mine.programs == (
        Program(start, start + 5 * HOUR, "0.2.0", "", 1),
        Program(start + 5 * HOUR, start + 10 * HOUR, "0.1.0", "c0" * 32, 1),
    )
    imported = facts["web-1", "import"]
    assert imported.clock_offsets_ms is None
    assert imported.spoken == ((instant("2026-11-02"), instant("2026-11-02") + 300_000),)


def test_a_chunk_without_a_measured_clock_tells_no_offset():
    fleet = Fleet()
    fleet.agent("web-1").run(hours=5).seal(clock_offset_ms=0, clock_rtt_ms=-1)
    assert heard(fleet)["web-1", "agent"].clock_offsets_ms is None


def test_averages_of_two_metrics_that_never_meet_leave_nothing_spoken_for():
    fleet = Fleet()
    start = instant("2026-11-02")
    fleet.averages("old-1", "cpu.utilization", [(start, HOUR, 1), (start + 4 * HOUR, HOUR, 1)])
    fleet.averages("old-1", "disk.reads.rate", [(start + 2 * HOUR, HOUR, 1)])
    assert heard(fleet)["old-1", "import"].spoken == ()


def test_averages_of_networks_say_which_traffic_they_count():
    fleet = Fleet()
    start = instant("2026-11-02")
    for number, (metric, facts) in enumerate(
        [
            ("net.rx.rate", {"scope": "public"}),
            ("net.rx.rate", {"scope": "all_interfaces"}),
            ("net.tx.rate", {}),
            ("cpu.utilization", {"scope": "public"}),
        ]
    ):
        fleet.averages("web-1", metric, [(start + number * HOUR, HOUR, 1)], source="aliyun", **facts)
    assert heard(fleet)["web-1", "aliyun"].scopes == (
        ("net.rx.rate", "all_interfaces"),
        ("net.rx.rate", "public"),
        ("net.tx.rate", "unknown"),
    )


def test_the_spoken_time_ends_where_nobody_reads():
    fleet = Fleet()
    fleet.agent("web-1").run(hours=24).forget(hours=3).run(hours=10)
    spoken = heard(fleet)["web-1", "agent"].spoken
    start = instant("2026-11-01")
    assert spoken == ((start, start + DAY), (start + DAY + 3 * HOUR, start + DAY + 13 * HOUR))
    found = gaps(spoken, WINDOW, until_ms=AFTER)
    assert found == [
        (start + DAY, start + DAY + 3 * HOUR),
        (start + DAY + 13 * HOUR, WINDOW.end_ms),
    ]


def test_averages_speak_only_where_every_metric_of_the_source_does():
    fleet = Fleet()
    start = instant("2026-11-02")
    day = [(start + number * HOUR, HOUR, 1) for number in range(24)]
    fleet.averages("old-1", "cpu.utilization", day)
    fleet.averages("old-1", "net.rx.rate", [*day[2:5], *day[6:9]])
    fleet.averages("old-1", "net.tx.rate", [*day[:3], *day[4:20]])
    spoken = heard(fleet)["old-1", "import"].spoken
    assert [((low - start) // HOUR, (high - start) // HOUR) for low, high in spoken] == [
        (2, 3),
        (4, 5),
        (6, 9),
    ]


def test_what_has_not_happened_yet_is_no_gap():
    now = instant("2026-11-10")
    assert gaps([], WINDOW, until_ms=now) == [(WINDOW.start_ms, now)]
    assert gaps([], WINDOW, until_ms=WINDOW.start_ms) == []


def test_a_stretch_over_the_whole_window_leaves_no_gap():
    assert gaps([(0, AFTER)], WINDOW, until_ms=AFTER) == []


def test_excluded_days_have_no_gaps_and_divide_the_others():
    out = Exclusion(WINDOW.first_day + 1, WINDOW.first_day + 1, "检修", "张工")
    window = month_window(CALENDAR, "2026-11", exclusions=[out])
    start = window.start_ms
    assert gaps([], window, until_ms=AFTER) == [(start, start + DAY), (start + 2 * DAY, window.end_ms)]
    spoken = [(start + HOUR, start + 3 * DAY)]
    assert gaps(spoken, window, until_ms=AFTER) == [(start, start + HOUR), (start + 3 * DAY, window.end_ms)]


def test_only_hosts_of_the_scope_with_chunks_in_the_window_are_heard():
    fleet = Fleet()
    fleet.agent("late-1", start="2026-12-05").run(hours=5)
    fleet.agent("web-1").run(hours=5)
    assert [host for host, _ in deciding(fleet.archive(), WINDOW, None)] == ["web-1"]


def test_days_of_a_window_begin_where_the_day_before_ends():
    days = sorted(WINDOW.lengths)
    assert all(WINDOW.starts[a] + WINDOW.lengths[a] == WINDOW.starts[b] for a, b in pairwise(days))
