"""Questions: planted behaviour gives rise to them, honest behaviour does not, and no verdict changes."""

from __future__ import annotations

import random
from fractions import Fraction
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest
from drafts import CLOCKS, CPU, counters, steady
from fleet import HOUR_S, Fleet
from packs import SCOPE, checked, declared_scope, packed
from rich.console import Console
from traces import data_folder

from evidence import manifest
from evidence.columns import MISSING
from evidence.manifest import Device
from starproof.questions_text import print_questions
from verifier.questions import asking, unit_share
from verifier.questions.behaviour import BEYOND, Behaviour, UnitTime, Watching
from verifier.questions.bins import BIN_MS, NANO, Binning
from verifier.questions.bins import CPU as CPU_USE
from verifier.questions.catalogue import DEFINITIONS
from verifier.questions.patterns import constant_stretches, repeated_hours, step_at_start, weeks
from verifier.questions.patterns import steady as is_steady
from verifier.questions.traffic import UNSEEN, hourly, pairs

DRAW = 20261123
WEEK = 7 * 288
MONDAY = 20_000 // 7 * 7 * 288 + 4 * 288
"""A Monday in 2024, as a bin."""

FIRST = 5_900_000
"""A bin of 2026."""


def noisy(count: int, *, mean: int = 20, spread: int = 10, seed: int = DRAW) -> dict[int, int]:
    draw = random.Random(seed)
    return {
        MONDAY + n: draw.randrange((mean - spread) * 100, (mean + spread) * 100) * NANO // 100
        for n in range(count)
    }


def test_an_hour_that_was_copied_is_found_wherever_it_begins():
    bins = noisy(600)
    for n in range(24):
        bins[MONDAY + 317 + n] = bins[MONDAY + 40 + n]
    found = repeated_hours(bins, busy=5 * NANO)
    assert [(r.first - MONDAY, r.again - MONDAY) for r in found] == [(40, 317), (52, 329)]


def test_an_hour_that_was_copied_with_other_noise_is_not_found():
    bins = noisy(600)
    for n in range(24):
        bins[MONDAY + 317 + n] = bins[MONDAY + 40 + n] + (NANO // 100 if n % 12 == 3 else 0)
    assert repeated_hours(bins, busy=5 * NANO) == []


@pytest.mark.parametrize(("mean", "distinct"), [(2, True), (20, False)])
def test_idle_and_flat_hours_repeat_by_themselves(mean, distinct):
    hour = [mean * NANO + (n * NANO // 100 if distinct else 0) for n in range(12)]
    bins = {n: hour[n % 12] for n in range(48)}
    assert repeated_hours(bins, busy=5 * NANO) == []


def test_of_nothing_nothing_is_asked():
    assert repeated_hours({}, busy=0) == constant_stretches({}, busy=0) == list(weeks({})) == []


def test_an_hour_with_a_hole_is_no_hour():
    hour = [20 * NANO + n for n in range(12)]
    bins = {n: hour[n % 12] for n in range(24) if n != 15}
    assert repeated_hours(bins, busy=5 * NANO) == []


def test_a_value_that_stands_still_for_an_hour_is_found_unless_it_is_idle():
    bins = noisy(60)
    bins.update({MONDAY + 10 + n: 30 * NANO for n in range(12)})
    bins.update({MONDAY + 30 + n: 2 * NANO for n in range(20)})
    assert [
        (s.first - MONDAY, s.after - MONDAY, s.value) for s in constant_stretches(bins, busy=5 * NANO)
    ] == [(10, 22, 30 * NANO)]


def test_eleven_values_are_no_hour():
    assert constant_stretches(dict.fromkeys(range(11), 30 * NANO), busy=5 * NANO) == []


@pytest.mark.parametrize(("mean", "spread", "flat"), [(25, 1, True), (25, 10, False), (8, 1, False)])
def test_a_week_at_a_set_point_is_steady(mean, spread, flat):
    ((first, values),) = weeks(noisy(WEEK, mean=mean, spread=spread))
    assert first == MONDAY
    assert is_steady(values) is flat


def test_a_week_that_was_hardly_seen_is_not_judged():
    assert list(weeks(noisy(WEEK * 79 // 100))) == []


@pytest.mark.parametrize(
    ("days", "day"),
    [
        ([5, 5, 30, 30, 30], 2),
        ([5, 5, 5, 30, 30], 3),
        ([5, 5, 12, 12, 12], None),
        ([30, 30, 5, 5, 5], None),
        ([5, 5, None, 30, 30], None),
        ([5, 5], None),
    ],
)
def test_a_rise_right_after_the_start_is_found(days, day):
    found = step_at_start([None if value is None else Fraction(value) for value in days])
    assert (None if found is None else found.day) == day


def test_traffic_that_another_host_receives_is_found_in_its_direction():
    draw = random.Random(DRAW)
    out = {n: draw.randrange(10**5, 10**7) * NANO for n in range(12 * 48)}
    other = {n: draw.randrange(10**5, 10**7) * NANO for n in range(12 * 48)}
    near = {n: value * 98 // 100 for n, value in out.items()}
    sent = {"a": hourly(out), "b": hourly(other)}
    received = {"a": hourly(other), "b": hourly(near), "c": hourly(noisy(12 * 48, mean=10**6, spread=10**5))}
    received["a"] = hourly({n: value // 2 for n, value in other.items()})
    assert [(p.sender, p.receiver, p.hours, p.alike) for p in pairs(sent, received)] == [("a", "b", 48, 48)]


def test_idle_hosts_and_hours_with_holes_are_not_compared():
    quiet = hourly(dict.fromkeys(range(12 * 48), 100 * NANO))
    assert list(pairs({"a": quiet}, {"b": quiet})) == []
    holes = hourly({n: 10**6 * NANO for n in range(12 * 48) if n % 12})
    assert set(holes.values) == {UNSEEN}
    assert list(pairs({"a": holes}, {"b": holes})) == []


def binned(*chunks):
    binning = Binning()
    for chunk in chunks:
        binning.add(chunk)
    return binning.found()


def test_counters_become_five_minute_values_between_the_readings_at_the_edges():
    start = 1_780_000_200_000
    found = binned(steady(11, start_ms=start).open())
    assert found[CPU_USE] == {start // BIN_MS: 25 * NANO, start // BIN_MS + 1: 25 * NANO}
    assert found["net.rx.rate"][start // BIN_MS] == 100 * NANO


def test_a_chunk_that_begins_within_a_bin_tells_only_whole_bins():
    start = 1_780_000_200_000 + 60_000
    assert list(binned(steady(11, start_ms=start).open())[CPU_USE]) == [start // BIN_MS + 1]


def test_coarse_readings_and_stepped_clocks_give_no_values():
    start = 1_780_000_200_000
    assert binned(steady(3, step_s=3_600, start_ms=start).open()) == {}
    draft = steady(11, start_ms=start)
    draft.values[1] = [t + 900 * n for n, t in enumerate(draft.values[1])]
    assert binned(draft.open()) == {}


def test_what_is_missing_or_goes_back_gives_no_value():
    start = 1_780_000_200_000
    draft = steady(11, start_ms=start)
    draft.values[13][5] = MISSING
    draft.values[14] = draft.values[14][::-1]
    draft.values[3] = [5] * 11
    draft.values[6] = [5] * 11
    found = binned(draft.open())
    assert set(found) == {"disk.reads.rate", "disk.writes.rate"}


def test_counters_without_processor_columns_still_have_rates():
    columns = (*CLOCKS, manifest.Column("net.rx", device="eth0"), manifest.Column("net.tx", device="eth0"))
    made = manifest.build(
        kind=manifest.COUNTERS, interval_ms=60_000, columns=columns, host={"cpus": 2, "ticks_per_s": 100},
        devices=(Device("nic", "eth0", "1", True, "card", 10**9),),
    )  # fmt: skip
    draft = steady(11, start_ms=1_780_000_200_000)
    draft.manifest, draft.values = made, [*draft.values[:3], *draft.values[13:15]]
    assert set(binned(draft.open())) == {"net.rx.rate", "net.tx.rate"}


def test_what_was_said_first_stays():
    start = 1_780_000_200_000
    first, second = steady(11, start_ms=start), steady(11, start_ms=start, busy=6_000)
    assert set(binned(first.open(), second.open())[CPU_USE].values()) == {25 * NANO}


def averages_of(fleet: Fleet, metric: str, samples, **facts):
    stored = fleet.averages("db-1", metric, samples, **facts)
    from evidence.chunk import open_chunk, read_frame

    return open_chunk(read_frame(stored.frame), fleet.enrol("db-1", "import").key.public)


def test_averages_up_to_five_minutes_are_taken_and_longer_ones_are_not():
    fleet = Fleet()
    minutes = [(BIN_MS * FIRST + n * 60_000, 60_000, 100 + n) for n in range(5)]
    found = binned(averages_of(fleet, "cpu.utilization", minutes, scale=1))
    assert found[CPU_USE] == {FIRST: 102 * NANO // 10}
    longer = [(BIN_MS * FIRST, 600_000, 100)]
    assert binned(averages_of(Fleet(), "cpu.utilization", longer)) == {}
    partly = [(BIN_MS * FIRST, 120_000, 100), (BIN_MS * (FIRST + 2), 300_000, MISSING)]
    assert binned(averages_of(Fleet(), "cpu.utilization", partly)) == {}
    bought = [(BIN_MS * FIRST, 300_000, 100)]
    assert binned(averages_of(Fleet(), "net.capacity.committed", bought)) == {}


def test_averages_that_are_said_twice_count_once():
    fleet = Fleet()
    samples = [(BIN_MS * FIRST, BIN_MS, 7)]
    chunks = [
        averages_of(fleet, "cpu.utilization", samples),
        averages_of(fleet, "cpu.utilization", [(BIN_MS * FIRST, BIN_MS, 9)]),
    ]
    assert binned(*chunks)[CPU_USE] == {FIRST: 7 * NANO}


def unit_chunk(number: int, names: tuple[str, ...], seconds: tuple[int, ...]):
    """Ten busy minutes, with processor seconds a minute of each unit."""
    made = manifest.build(
        kind=manifest.COUNTERS, interval_ms=60_000,
        columns=(*CLOCKS, *CPU, *(manifest.Column("unit.cpu", device=name) for name in names)),
        host={"cpus": 2, "ticks_per_s": 100},
        devices=tuple(Device("unit", name, "1", True, "used much") for name in names),
    )  # fmt: skip
    rows = [(i * 60, i * 6_000, i * 6_000, *(i * s * 10**6 for s in seconds)) for i in range(11)]
    return (
        counters(rows, man=made, start_ms=1_780_000_200_000 + number * 86_400_000)
        .with_header(seq=number)
        .open()
    )


def test_units_are_added_up_over_chunks_with_the_day_they_were_first_seen():
    watching = Watching()
    watching.add(steady().open())
    watching.add(unit_chunk(1, ("a.service", "all"), (30, 50)))
    watching.add(unit_chunk(3, ("a.service", "b.service", "idle"), (10, 20, 0)))
    watching.add(steady(1).open())
    found = watching.behaviour()
    day = 86_400_000
    assert [(u.name, u.used_us // 10**6, (u.first_ms - 1_780_000_200_000) // day) for u in found.units] == [
        ("a.service", 400, 1), ("b.service", 200, 3),
    ]  # fmt: skip
    assert found.busy_us == 1_200 * 10**6
    assert [(s.name, s.share) for s in unit_share.shares(found)] == [
        ("a.service", Fraction(1, 3)), ("b.service", Fraction(1, 6)),
    ]  # fmt: skip
    assert unit_share.unnamed(found) == Fraction(1, 2)


def test_very_many_units_are_counted_together(monkeypatch):
    monkeypatch.setattr("verifier.questions.behaviour.MOST_UNITS", 1)
    watching = Watching()
    watching.add(unit_chunk(1, ("a", "b", "c"), (3, 2, 1)))
    assert [u.name for u in watching.behaviour().units] == ["a", BEYOND]


def shown(*units: tuple[str, int, int], busy_h: int = 100) -> list[tuple[str, str]]:
    behaviour = Behaviour(
        units=tuple(UnitTime(name, hours * 3_600 * 10**6, day * 86_400_000 + 1) for name, hours, day in units),
        busy_us=busy_h * 3_600 * 10**6, first_ms=1,
    )  # fmt: skip
    return [(definition.id, unit) for definition, unit, _, _ in unit_share.asked(behaviour)]


def test_a_unit_with_the_name_of_a_load_tool_is_asked_about():
    assert shown(("stress-ng.service", 10, 0), ("erp.service", 60, 0)) == [
        ("unit-load-tool/1", "stress-ng.service")
    ]
    assert shown(("stress-ng.service", 4, 0), ("erp.service", 60, 0)) == []
    assert shown(("distress.service", 10, 0), ("wildfiore.service", 60, 0)) == []


def test_a_unit_that_came_within_the_window_and_used_much_is_asked_about():
    assert shown(("new.service", 30, 5), ("erp.service", 60, 0)) == [("unit-new/1", "new.service")]
    assert shown(("new.service", 20, 5), ("erp.service", 60, 0)) == []


def test_busy_time_of_no_unit_is_asked_about():
    assert shown(("erp.service", 40, 0)) == [("unit-unnamed/1", "")]
    assert shown((BEYOND, 90, 9)) == []


def test_a_host_that_did_little_is_not_asked_about():
    assert shown(("stress.service", 1, 5), busy_h=0) == []
    assert unit_share.unnamed(Behaviour(units=(UnitTime("a", 1, 1),))) == 1


def gamed_fleet() -> Fleet:
    """A host whose load is held at 30 % to the hundredth for two days, and a second one that copies its days."""
    draw = random.Random(DRAW)
    fleet = Fleet()
    held = fleet.agent("held-1", step_s=300)
    for _ in range(48):
        held.run(hours=1, busy=30, tx=50_000 + draw.randrange(50_000)).seal()
    copied = fleet.agent("copied-1", step_s=300)
    day = [[draw.randrange(10, 90) for _ in range(12)] for _ in range(24)]
    for _ in range(2):
        for hour in day:
            for busy in hour:
                copied.run(hours=1 / 12, busy=busy)
            copied.seal()
    return fleet


def test_a_gamed_month_gives_rise_to_questions_and_keeps_its_verdict_and_outcome():
    scope = SCOPE.replace(b'"web-1"', b'"held-1"').replace(b'"db-1"', b'"copied-1"')
    report = checked(packed(gamed_fleet().archive(), declared_scope(scope)))
    assert report.outcome == "pass", report.findings
    asked = {(q["definition"], q["host"]): q for q in report.report["questions"]["asked"]}
    assert ("busy-hour-repeated/1", "copied-1") in asked
    assert asked["busy-hour-repeated/1", "copied-1"]["count"] == 24
    held = asked["constant/1", "held-1"]
    assert held["values"]["value"] == "30.0000000000000"
    assert report.document()["questions"] == report.report["questions"]


def test_the_pack_s_questions_are_recomputed():
    archive = gamed_fleet().archive()
    honest = checked(packed(archive))
    assert honest.report["questions"]["count"] > 0
    definitions = {d["id"]: d for d in honest.report["questions"]["definitions"]}
    assert definitions["constant/1"]["tested"] == 2
    assert definitions["constant/1"]["asked"] == 1
    assert definitions["step-at-start/1"]["expected"] == "0.00000000000000"
    assert definitions["unit-new/1"]["expected"] is None


def test_a_step_two_days_after_the_window_began_is_asked_about():
    fleet = Fleet()
    fleet.agent("web-1").run(hours=48, busy=5).run(hours=24 * 3, busy=60)
    fleet.averages("db-1", "cpu.utilization", step_samples(fleet), scale=0)
    asked = checked(packed(fleet.archive())).report["questions"]["asked"]
    assert [(q["definition"], q["host"], q["source"]) for q in asked] == [
        ("step-at-start/1", "db-1", "import"), ("step-at-start/1", "web-1", "agent"),
    ]  # fmt: skip
    assert asked[0]["values"] == {"before": "5.00000000000000", "after": "60.0000000000000"}


def step_samples(_: Fleet):
    from fleet import instant

    start = instant("2026-11-01")
    return [(start + n * HOUR_S * 1000, HOUR_S * 1000, 5 if n < 48 else 60) for n in range(120)]


def test_hosts_that_talk_to_each_other_are_asked_about_unless_there_are_too_many(monkeypatch):
    draw = random.Random(DRAW)
    rates = [draw.randrange(10**5, 10**7) for _ in range(30)]
    fleet = Fleet()
    left, right = fleet.agent("left", step_s=300), fleet.agent("right", step_s=300)
    for rate in rates:
        left.run(tx=rate, rx=10**7 - rate // 3).seal()
        right.run(rx=rate, tx=10**5).seal()
    data = packed(fleet.archive())
    asked = [
        q for q in checked(data).report["questions"]["asked"] if q["definition"] == "traffic-between-hosts/1"
    ]
    assert [(q["host"], q["about"], q["count"]) for q in asked] == [("left", "right", 30)]
    monkeypatch.setattr(asking, "MOST_HOSTS", 1)
    report = checked(packed(fleet.archive())).report["questions"]
    assert {d["id"]: d["tested"] for d in report["definitions"]}["traffic-between-hosts/1"] == 0


def test_the_terminal_prints_the_questions_with_their_rates():
    console = Console(record=True, width=200)
    print_questions(checked(packed(gamed_fleet().archive())).report["questions"], console)
    text = console.export_text()
    assert "不改变指标和结论" in text
    assert "copied-1 agent cpu.utilization ×24" in text
    assert "planetlab 2/1052" in text


def test_the_terminal_cuts_long_lists_and_says_what_has_no_rate():
    question = {
        "definition": "unit-new/1",
        "host": "h",
        "source": "agent",
        "about": "a\x1b[2J",
        "count": 1,
        "values": {"share": "30.555"},
    }
    words = dict.fromkeys(("zh", "en", "ask_zh", "ask_en"), "w")
    definition = {"id": "unit-new/1", "tested": 12, "asked": 12, "rates": [], **words}
    console = Console(record=True, width=200)
    print_questions({"count": 12, "asked": [question] * 12, "definitions": [definition]}, console)
    text = console.export_text()
    assert "误报率未知" in text
    assert "另有 2 处" in text
    assert "share 30.55" in text
    assert "\x1b" not in text


def test_units_stand_in_the_report_with_what_is_to_be_asked_about_them():
    names = ("stress-ng.service",)
    made = manifest.build(
        kind=manifest.COUNTERS, interval_ms=3_600_000,
        columns=(*CLOCKS, *CPU, *(manifest.Column("unit.cpu", device=name) for name in names)),
        host={"cpus": 2, "ticks_per_s": 100},
        devices=tuple(Device("unit", name, "1", True, "used much") for name in names),
    )  # fmt: skip
    fleet = Fleet()
    web = fleet.agent("web-1", manifest=made)
    for _ in range(24):
        web.counted["unit.cpu"] = web.counted.get("unit.cpu", 0) + 1_080 * 10**6
        web.run(hours=1, busy=50)
    report = checked(packed(fleet.archive())).report["questions"]
    assert [(q["definition"], q["about"], q["values"]["share"][:4]) for q in report["asked"]] == [
        ("unit-load-tool/1", "stress-ng.service", "30.0"), ("unit-unnamed/1", "", "70.0"),
    ]  # fmt: skip
    assert report["units"] == [
        {"host": "web-1", "source": "agent", "busy_s": 86_400, "unnamed": "70.0000000000000",
         "units": [{"name": "stress-ng.service", "used_s": 25_920, "share": "30.0000000000000"}]},
    ]  # fmt: skip


def test_a_held_week_and_sources_that_differ_are_asked_about():
    draw = random.Random(DRAW)
    fleet = Fleet()
    held = fleet.agent("held-1", step_s=300)
    for _ in range(9 * 24):
        for _ in range(12):
            held.run(hours=1 / 12, busy=draw.choice((29, 30, 31)))
        held.seal()
    start = 1_793_462_400_000
    fleet.averages(
        "held-1", "cpu.utilization", [(start + n * 300_000, 300_000, 55 + n % 2) for n in range(600)]
    )
    for host, count in (("few-1", 60), ("agrees-1", 576)):
        fleet.agent(host).run(hours=48, busy=30)
        fleet.averages(host, "cpu.utilization", [(start + n * 300_000, 300_000, 30) for n in range(count)])
    fleet.averages("line-1", "net.rx.rate", [(start + n * 300_000, 300_000, 10**6 + n) for n in range(600)])
    report = checked(packed(fleet.archive())).report["questions"]
    asked = {q["definition"]: q for q in report["asked"]}
    assert asked["low-variation/1"]["values"]["mean"].startswith(("29.9", "30.0"))
    assert asked["sources-differ/1"]["about"] == "cpu.utilization"
    assert asked["sources-differ/1"]["source"] == "agent / import"
    tested = {d["id"]: d["tested"] for d in report["definitions"]}
    assert (tested["low-variation/1"], tested["sources-differ/1"]) == (1, 2)


@pytest.mark.no_cover
def test_the_rates_in_the_catalogue_are_those_of_the_real_traces():
    data = data_folder()
    spec = spec_from_file_location("flag_rates", Path(__file__).parents[2] / "bench" / "flag_rates.py")
    bench = module_from_spec(spec)
    spec.loader.exec_module(bench)
    measured = bench.rates(data)
    for definition in DEFINITIONS:
        told = {rate.data: [rate.asked, rate.of] for rate in definition.rates}
        assert told == {
            name: counts[definition.id] for name, counts in measured.items() if definition.id in counts
        }
