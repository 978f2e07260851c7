from __future__ import annotations

from dataclasses import replace

import pytest
from fleet import Fleet, instant

from evidence.calendar import LocalCalendar
from evidence.chunk import open_chunk, read_frame
from evidence.crediting import credited
from evidence.day_sum import DaySum
from verifier.hours import HOUR_MS, HourCalendar, HourSums, day_and_number, hour_lengths, hour_of
from verifier.recompute import hour_reader
from verifier.scope import Exclusion
from verifier.window import month_window

SHANGHAI = LocalCalendar("Asia/Shanghai")
MINUTE = 60_000
NOVEMBER = month_window(SHANGHAI, "2026-11")
FIRST = NOVEMBER.first_day


def opened(fleet, host="web-1", source="agent"):
    enrolled = fleet.sources[host, source, 0]
    fleet.archive()
    return [open_chunk(read_frame(entry.frame), enrolled.key.public) for entry in enrolled.stored]


def hour_sums(chunks, window=NOVEMBER, calendar=SHANGHAI):
    sums = HourSums(window, calendar)
    for chunk in chunks:
        sums.add(chunk)
    return {(metric, hour): value for metric, hour, value in sums.rows()}


def plain(sums):
    """What hours and days must agree in: amounts and covered time, not the number of pieces."""
    return replace(sums, intervals=0, observed_ms=sums.covered_ms, bridged_ms=0)


def by_day(hours):
    days = {}
    for (metric, hour), sums in hours.items():
        key = metric, day_and_number(hour)[0]
        days[key] = days.get(key, DaySum()) + plain(sums)
    return days


def test_the_hours_of_a_day_add_up_to_its_day_sum_exactly():
    fleet = Fleet()
    web = fleet.agent("web-1", step_s=420)
    web.run(hours=30.3, busy=37, rx=1001, reads=3).run(hours=9.7, seen=False, busy=5, rx=7, writes=1)
    web.seal().run(hours=20, busy=90).reboot(down_s=40_000).run(hours=50, steal=3).forget(hours=5)
    web.run(hours=3, suspended=True).run(hours=40.5)
    chunks = opened(fleet)
    assert by_day(hour_sums(chunks)) == {k: plain(s) for k, s in credited(chunks, SHANGHAI).items()}


@pytest.mark.parametrize("length_ms", [5 * MINUTE, 15 * MINUTE, 100 * MINUTE])
def test_the_hours_of_imported_averages_add_up_to_the_day_sums(length_ms):
    fleet = Fleet()
    start = instant("2026-11-01T00:04")
    samples = [(start + number * length_ms, length_ms, number % 97) for number in range(400)]
    fleet.averages("db-1", "cpu.utilization", samples)
    chunks = opened(fleet, "db-1", "import")
    hours = hour_sums(chunks)
    assert by_day(hours) == {k: plain(s) for k, s in credited(chunks, SHANGHAI).items()}
    assert all(bool(s.bridged_ms) == (length_ms > 15 * MINUTE) for s in hours.values() if s.covered_ms)


def test_an_average_is_filed_under_the_hour_in_which_it_begins():
    fleet = Fleet()
    fleet.averages("db-1", "cpu.utilization", [(instant("2026-11-01T00:56"), 5 * MINUTE, 60)])
    first, second = hour_sums(opened(fleet, "db-1", "import")).values()
    assert (first.whole, first.observed_ms, second.whole, second.observed_ms) == (
        5 * MINUTE, 4 * MINUTE, 0, MINUTE,
    )  # fmt: skip


def test_a_long_interval_over_the_edge_of_an_hour_says_nothing_about_either_hour():
    fleet = Fleet()
    web = fleet.agent("web-1", start="2026-11-01T00:30", step_s=1800)
    web.run(hours=1)
    hours = hour_sums(opened(fleet))
    assert {hour: s.observed_ms for (metric, hour), s in hours.items() if metric == "cpu"} == {
        hour_of(FIRST, 0): HOUR_MS // 2,
        hour_of(FIRST, 1): HOUR_MS // 2,
    }
    fleet = Fleet()
    fleet.agent("web-1", start="2026-11-01T00:45", step_s=1800).run(hours=1)
    hours = hour_sums(opened(fleet))
    assert {
        hour: (s.observed_ms, s.bridged_ms) for (metric, hour), s in hours.items() if metric == "cpu"
    } == {
        hour_of(FIRST, 0): (0, HOUR_MS // 4),
        hour_of(FIRST, 1): (0, 3 * HOUR_MS // 4),
    }


def test_hourly_readings_that_come_some_milliseconds_late_do_tell_the_hours_apart():
    fleet = Fleet()
    web = fleet.agent("web-1")
    for clock in ("wall_ms", "boot_ms", "mono_ms"):
        setattr(web, clock, getattr(web, clock) + 2)
    web.run(hours=30)
    assert {s.bridged_ms for s in hour_sums(opened(fleet)).values()} == {0}


def test_only_counted_hours_of_the_window_are_kept():
    window = month_window(SHANGHAI, "2026-11", exclusions=[Exclusion(FIRST + 1, FIRST + 1, "搬迁", "张三")])
    fleet = Fleet()
    fleet.agent("web-1", start="2026-10-31").run(hours=80)
    days = {day_and_number(hour)[0] for _, hour in hour_sums(opened(fleet), window)}
    assert days == {FIRST, FIRST + 2}


def test_a_stretch_of_years_without_readings_is_no_hour_of_any():
    fleet = Fleet()
    web = fleet.agent("web-1", start="2024-01-01")
    web.run(hours=24 * 1035, seen=False).read()
    assert hour_sums(opened(fleet)) == {}


def test_hours_count_from_local_midnight_also_where_the_clock_is_changed():
    berlin, lord_howe = LocalCalendar("Europe/Berlin"), LocalCalendar("Australia/Lord_Howe")
    october = month_window(berlin, "2026-10")
    long_day = october.first_day + 24
    assert [ms for hour, ms in hour_lengths(october) if day_and_number(hour)[0] == long_day] == [HOUR_MS] * 25
    april = month_window(lord_howe, "2026-04")
    shift = april.first_day + 4
    lengths = [ms for hour, ms in hour_lengths(april) if day_and_number(hour)[0] == shift]
    assert lengths == [HOUR_MS] * 24 + [HOUR_MS // 2]
    slots = HourCalendar(april, lord_howe)
    start, end = lord_howe.day_start(shift), lord_howe.day_start(shift + 1)
    assert [ms for _, ms in slots.split(start, end)] == lengths
    assert slots.day_of(end - 1) == hour_of(shift, 24)
    assert slots.day_of(end) == hour_of(shift + 1, 0)


def test_outside_the_window_a_slot_is_a_whole_day():
    slots = HourCalendar(NOVEMBER, SHANGHAI)
    start, end = NOVEMBER.start_ms, NOVEMBER.end_ms
    assert slots.day_of(start - 1) == hour_of(FIRST - 1, 0)
    assert slots.day_of(end + 5 * HOUR_MS) == hour_of(NOVEMBER.after_day, 0)
    pieces = slots.split(start - 30 * HOUR_MS, start + 90 * MINUTE)
    assert pieces == [
        (hour_of(FIRST - 2, 0), 6 * HOUR_MS),
        (hour_of(FIRST - 1, 0), 24 * HOUR_MS),
        (hour_of(FIRST, 0), HOUR_MS),
        (hour_of(FIRST, 1), HOUR_MS // 2),
    ]
    assert len(slots.split(end, end + 365 * 24 * HOUR_MS)) == 365


def test_slots_of_two_months_are_told_apart():
    slots = HourCalendar(NOVEMBER, SHANGHAI)
    assert slots.same_month(hour_of(FIRST, 0), hour_of(FIRST + 29, 23))
    assert not slots.same_month(hour_of(FIRST - 1, 0), hour_of(FIRST, 0))


def test_the_reader_of_a_store_gives_the_hours_of_all_sources_of_a_host():
    fleet = Fleet()
    fleet.agent("web-1").run(hours=50, busy=20)
    fleet.averages("web-1", "cpu.utilization", [(instant("2026-11-01"), 5 * MINUTE, 60)])
    fleet.agent("web-2").run(hours=5)
    read = hour_reader(fleet.archive(), SHANGHAI, NOVEMBER)
    hours = read("web-1")
    assert {hour: s.amount for hour, s in hours["agent", "cpu"].items()} == {
        hour_of(FIRST + number // 24, number % 24): 2 * 100 * 3600 * 20 // 100 for number in range(50)
    }
    assert list(hours["import", "cpu.utilization"]) == [hour_of(FIRST, 0)]
    assert read("nobody") == {}
