"""Sources of one host against each other: those that agree, that differ, and that lie."""

from __future__ import annotations

from fractions import Fraction

import pytest
from fleet import Fleet, instant
from packs import MONTH, RULES, checked, codes, contents, declared_scope, packed, resigned

from evidence.calendar import LocalCalendar
from verifier import decimals, layout, recompute
from verifier.comparison import (
    IDLE,
    LEAST_HOURS,
    TOLERANCES,
    ComparedHour,
    _statistics,
    compare_sources,
    difference,
)
from verifier.comparison_document import comparisons_document
from verifier.derivation import Declared, compare_stored, derive_month
from verifier.document import encode_figures
from verifier.figures import measure
from verifier.finding import NOTE
from verifier.notes import TEXTS

MINUTE = 60_000
HOUR = 60 * MINUTE
START = instant("2026-11-01")
MADE = instant("2026-12-01")
DAYS = 5
CPU, RX, TX, READS, WRITES = (
    "cpu.utilization",
    "net.rx.rate",
    "net.tx.rate",
    "disk.reads.rate",
    "disk.writes.rate",
)
METRICS = (CPU, RX, TX, READS, WRITES)
TRUE = {CPU: 30, RX: 100_000, TX: 50_000, READS: 40, WRITES: 80}
"""What the machine does: percent, byte/s, operations/s."""


def steady(value, *, hours=24 * DAYS, period=5 * MINUTE, start=START):
    """Averages of one value on end; ``value`` may depend on the number of the hour."""
    each = value if callable(value) else lambda _: value
    count = hours * HOUR // period
    return [(start + n * period, period, each(n * period // HOUR)) for n in range(count)]


def machine(fleet, host="web-1", *, hours=24 * DAYS, busy=30, times=1):
    """A host that does what ``TRUE`` says; its agent says ``times`` as much of rates."""
    agent = fleet.agent(host)
    agent.run(
        hours=hours, busy=busy, rx=TRUE[RX] * times, tx=TRUE[TX] * times,
        reads=TRUE[READS] * times, writes=TRUE[WRITES] * times,
    )  # fmt: skip
    return agent


def cloud(fleet, host="web-1", *, source="aliyun", scope="all_interfaces", **values):
    """The cloud's view of the same machine, in 5-minute averages of exactly ``TRUE`` but for ``values``."""
    for metric in METRICS:
        facts = {"scope": scope} if metric in (RX, TX) and scope else {}
        samples = steady(values.get(metric.replace(".", "_"), TRUE[metric]))
        fleet.averages(host, metric, samples, source=source, **facts)


def report(fleet, declared: Declared = RULES.declared):
    return derive_month(
        fleet.archive(),
        month=MONTH,
        timezone=None,
        declared=declared,
        made_ms=MADE,
        software="starproof test",
    ).report


def by_metric(found, **wanted):
    entries = [e for e in found["comparisons"] if all(e[key] == value for key, value in wanted.items())]
    assert len({entry["metric"] for entry in entries}) == len(entries)
    return {entry["metric"]: entry for entry in entries}


def answers(found, **wanted):
    return {metric: entry["within"] for metric, entry in by_metric(found, **wanted).items()}


def test_an_agent_and_a_cloud_that_tell_the_truth_agree_in_every_metric():
    fleet = Fleet()
    machine(fleet)
    cloud(fleet)
    found = report(fleet)
    assert answers(found, host="web-1", primary="agent", other="aliyun") == dict.fromkeys(METRICS, "yes")
    assert found["comparison_notes"] == []
    zero = "0.00000000000000"
    entry = by_metric(found)[CPU]
    assert entry == {
        "host": "web-1", "metric": CPU, "unit": "percent", "difference": "points",
        "primary": "agent", "other": "aliyun", "scope": None, "hours": 24 * DAYS,
        "median": zero, "p95": zero, "bias": zero,
        "means": {"primary": "30.0000000000000", "other": "30.0000000000000", "difference": zero},
        "worst": [
            {"start_ms": START + n * HOUR, "primary": "30.0000000000000", "other": "30.0000000000000",
             "difference": zero}
            for n in range(5)
        ],
        "tolerance": {"typical": "3", "rare": "10"}, "within": "yes",
    }  # fmt: skip
    rx = by_metric(found)[RX]
    assert (rx["unit"], rx["difference"]) == ("byte/s", "percent_of_the_greater")
    assert rx["scope"] == {"primary": "all_interfaces", "other": "all_interfaces"}


def test_an_agent_that_invents_half_of_what_it_counts_is_found_out_by_the_cloud():
    fleet = Fleet()
    machine(fleet, busy=60, times=2)
    cloud(fleet)
    found = report(fleet)
    assert answers(found) == dict.fromkeys(METRICS, "no")
    entry = by_metric(found)[CPU]
    assert (entry["median"], entry["bias"]) == ("30.0000000000000", "-30.0000000000000")
    assert by_metric(found)[READS]["bias"] == "-50.0000000000000"
    assert [
        (note["code"], [host["host"] for host in note["hosts"]]) for note in found["comparison_notes"]
    ] == [("SOURCES_DIFFER", ["web-1"])]


def test_a_lie_in_one_hour_of_forty_shows_in_the_means_and_in_the_worst_hours():
    fleet = Fleet()
    web = fleet.agent("web-1")
    for _ in range(3):
        web.run(hours=39, busy=10).run(hours=1, busy=100)
    fleet.averages("web-1", CPU, steady(10), source="tencent")
    entry = by_metric(report(fleet))[CPU]
    assert (entry["median"], entry["p95"], entry["within"]) == ("0.00000000000000", "0.00000000000000", "yes")
    assert entry["means"]["difference"] == "-2.25000000000000"
    assert [(hour["start_ms"], hour["primary"]) for hour in entry["worst"][:3]] == [
        (START + n * HOUR, "100.000000000000") for n in (39, 79, 119)
    ]


@pytest.mark.parametrize(
    ("lies", "within"),
    [({}, "yes"), (range(0, 120, 24), "no"), (range(0, 120, 15), "no"), ((0, 1, 2), "yes")],
)
def test_means_catch_what_is_too_rare_for_the_percentile(lies, within):
    """120 hours, 5 lies of 90 points: the percentile is 0, but the mean is off by 3.75."""
    fleet = Fleet()
    web = fleet.agent("web-1")
    for hour in range(120):
        web.run(hours=1, busy=100 if hour in lies else 10)
    fleet.averages("web-1", CPU, steady(10), source="aws")
    assert answers(report(fleet)) == {CPU: within}


def test_small_honest_differences_are_tolerated_and_printed():
    fleet = Fleet()
    machine(fleet, busy=30)
    cloud(fleet, cpu_utilization=33, net_rx_rate=90_000, net_tx_rate=56_000, disk_reads_rate=53)
    found = report(fleet)
    assert answers(found) == {CPU: "yes", RX: "yes", TX: "no", READS: "yes", WRITES: "yes"}
    assert by_metric(found)[RX]["median"] == "10.0000000000000"
    assert Fraction(by_metric(found)[TX]["median"]) > 10


def test_rates_of_an_idle_host_are_not_divided_by_next_to_nothing():
    fleet = Fleet()
    fleet.agent("web-1").run(hours=48, rx=100, reads=0)
    fleet.averages("web-1", RX, steady(900, hours=48), source="huawei", scope="all_interfaces")
    fleet.averages("web-1", READS, steady(1, hours=48), source="huawei")
    found = by_metric(report(fleet))
    assert (found[RX]["median"], found[RX]["within"]) == ("8.00000000000000", "yes")
    assert (found[READS]["median"], found[READS]["within"]) == ("20.0000000000000", "yes")


@pytest.mark.parametrize(
    ("metric", "primary", "other", "expected"),
    [
        (CPU, 30, 25, -5),
        (CPU, 0, 100, 100),
        (RX, 100_000, 50_000, -50),
        (RX, 50_000, 100_000, 50),
        (RX, 0, 0, 0),
        (RX, 0, 5_000, 50),
        (READS, 0, 10**9, 100),
        (WRITES, 10**9, 0, -100),
    ],
)
def test_a_difference_is_in_points_or_a_share_of_the_greater_value(metric, primary, other, expected):
    assert difference(metric, Fraction(primary), Fraction(other)) == expected


def test_every_metric_of_averages_has_a_tolerance_and_every_rate_an_idle_level():
    rates_of_databases = {"db.reads.rate", "db.writes.rate"}  # counted by one source today
    assert set(TOLERANCES) == {*METRICS, *rates_of_databases}
    assert set(IDLE) == {*METRICS, *rates_of_databases} - {CPU}
    assert all(0 < t.typical < (t.rare or 100) <= 100 for t in TOLERANCES.values())


# Which hours


@pytest.mark.parametrize(("hours", "within"), [(LEAST_HOURS - 1, "too-few"), (LEAST_HOURS, "no")])
def test_fewer_hours_than_a_day_decide_nothing(hours, within):
    fleet = Fleet()
    machine(fleet)
    fleet.averages("web-1", CPU, steady(90, hours=hours), source="aws")
    entry = by_metric(report(fleet))[CPU]
    assert (entry["hours"], entry["within"]) == (hours, within)


def test_sources_that_never_saw_the_same_hour_are_listed_without_numbers():
    fleet = Fleet()
    machine(fleet, hours=24)
    fleet.averages("web-1", CPU, steady(90, hours=24, start=START + 48 * HOUR), source="aws")
    entry = by_metric(report(fleet))[CPU]
    assert (entry["hours"], entry["within"], entry["worst"]) == (0, "too-few", [])
    assert entry["median"] is entry["p95"] is entry["bias"] is entry["means"] is None


def test_an_hour_counts_if_three_quarters_of_it_were_observed_by_both():
    fleet = Fleet()
    machine(fleet)
    whole = steady(30, hours=30)
    cut = [sample for sample in whole if (sample[0] - START) // (5 * MINUTE) % 12 < 9]
    fleet.averages("web-1", CPU, cut, source="aws")
    less = [sample for sample in whole if (sample[0] - START) // (5 * MINUTE) % 12 < 8]
    fleet.averages("web-1", CPU, less, source="huawei")
    found = report(fleet)
    assert by_metric(found, other="aws")[CPU]["hours"] == 30
    assert by_metric(found, other="huawei")[CPU]["hours"] == 0


def test_hours_whose_readings_do_not_tell_when_it_happened_are_left_out():
    fleet = Fleet()
    web = fleet.agent("web-1", step_s=600)
    web.run(hours=24, busy=30).run(hours=5.5, busy=90, seen=False).run(hours=0.5, busy=30).run(
        hours=10, busy=30
    )
    fleet.averages("web-1", CPU, steady(30, hours=40), source="aws")
    entry = by_metric(report(fleet))[CPU]
    assert (entry["hours"], entry["within"]) == (34, "yes")


def test_hours_with_downtime_are_left_out():
    fleet = Fleet()
    web = fleet.agent("web-1", step_s=600)
    web.run(hours=24, busy=30).reboot(down_s=600).run(hours=23 + Fraction(5, 6), busy=30)
    fleet.averages("web-1", CPU, steady(30, hours=48), source="aws")
    entry = by_metric(report(fleet))[CPU]
    assert (entry["hours"], entry["within"]) == (47, "yes")


def test_an_hour_without_a_single_tick_has_no_value():
    fleet = Fleet()
    machine(fleet, hours=30)
    fleet.averages("web-1", CPU, steady(30, hours=30), source="aws")
    archive = fleet.archive()
    derived = derive_month(
        archive, month=MONTH, timezone=None, declared=RULES.declared, made_ms=MADE, software="test"
    )
    read = recompute.hour_reader(archive, LocalCalendar("Asia/Shanghai"), derived.figures.window)

    def bent(host):
        found = {key: dict(hours) for key, hours in read(host).items()}
        for key in (("agent", "cpu"), ("aws", CPU)):
            for hour in sorted(found[key])[: 2 if key[0] == "agent" else 3]:
                found[key][hour] = type(found[key][hour])(observed_ms=HOUR)
        return found

    [entry] = compare_sources(derived.figures, (), bent)
    assert entry.hours == 27


def test_excluded_days_are_not_compared():
    text = b"""
schema = "starproof/scope/1"
enterprise = "\xe7\xa4\xba\xe4\xbe\x8b\xe4\xbc\x81\xe4\xb8\x9a"
timezone = "Asia/Shanghai"
edition = "jiangsu-2018-trial"
[window]
from = 2026-11-01
to = 2026-11-30
[[hosts]]
id = "web-1"
[[exclusions]]
from = 2026-11-02
to = 2026-11-03
reason = "move"
person = "Zhang"
"""
    fleet = Fleet()
    machine(fleet)
    cloud(fleet)
    assert {e["hours"] for e in report(fleet, declared_scope(text).declared)["comparisons"]} == {
        24 * (DAYS - 2)
    }


@pytest.mark.parametrize(
    ("numbers", "median", "p95"),
    [
        ([7], 7, 7),
        ([1, 2], Fraction(3, 2), 2),
        (list(range(1, 21)), Fraction(21, 2), 19),
        (list(range(1, 42)), 21, 39),
    ],
)
def test_median_and_percentile_are_the_textbooks(numbers, median, p95):
    hours = [ComparedHour(0, Fraction(0), Fraction(n), Fraction(n)) for n in numbers]
    found = _statistics(CPU, hours)
    assert (found.median, found.p95, found.bias) == (median, p95, median)


# Which sources


SCOPE = """
schema = "starproof/scope/1"
enterprise = "示例企业"
timezone = "Asia/Shanghai"
edition = "jiangsu-2018-trial"
[window]
from = 2026-11-01
to = 2026-11-30
[[hosts]]
id = "web-1"
bandwidth_mbps = 100
"""


def test_the_scope_names_the_primary_source_and_all_others_are_compared_with_it():
    fleet = Fleet()
    machine(fleet)
    cloud(fleet)
    cloud(fleet, source="zabbix", scope="")
    found = report(fleet, declared_scope((SCOPE + 'sources = ["aliyun", "agent"]').encode()).declared)
    assert {(entry["primary"], entry["other"]) for entry in found["comparisons"]} == {
        ("aliyun", "agent"),
        ("aliyun", "zabbix"),
    }
    assert set(answers(found, other="agent")) == set(answers(found, other="zabbix")) == set(METRICS)
    figures = found["figures"]["indicators"]
    assert {host["source"] for figure in figures for host in figure["hosts"]} == {"aliyun"}


def test_other_sources_count_for_nothing_in_the_figures():
    alone, together = Fleet(), Fleet()
    machine(alone)
    machine(together)
    cloud(together, cpu_utilization=99, net_rx_rate=10**9, disk_reads_rate=10**6)
    mine, ours = report(alone), report(together)
    assert mine["figures"] == ours["figures"]
    assert mine["verdict"] == ours["verdict"]
    assert mine["series"] == ours["series"]
    assert (mine["comparisons"], len(ours["comparisons"])) == ([], 5)


def test_a_first_source_without_data_gives_way_and_the_figures_say_so():
    fleet = Fleet()
    cloud(fleet)
    cloud(fleet, source="zabbix", scope="")
    text = SCOPE + 'sources = ["agent", "zabbix", "aliyun"]'
    found = report(fleet, declared_scope(text.encode()).declared)
    cpu = next(figure for figure in found["figures"]["indicators"] if figure["id"] == "cpu_utilization")
    assert cpu["hosts"][0]["source"] == "zabbix"
    assert [note["code"] for note in cpu["notes"]] == ["NOT_ATTESTED", "SECOND_SOURCE"]
    assert {(entry["primary"], entry["other"]) for entry in found["comparisons"]} == {("zabbix", "aliyun")}


def test_a_host_without_a_primary_source_has_nothing_to_compare():
    fleet = Fleet()
    cloud(fleet)
    cloud(fleet, source="zabbix")
    found = report(fleet, declared_scope((SCOPE + 'sources = ["agent"]').encode()).declared)
    assert found["comparisons"] == []


def test_hours_are_asked_only_of_hosts_with_something_to_compare():
    fleet = Fleet()
    machine(fleet, "web-1", hours=30)
    fleet.averages("web-1", CPU, steady(30, hours=30), source="aws")
    machine(fleet, "web-2", hours=30)
    fleet.averages("web-3", CPU, steady(30, hours=30), source="aws")
    archive = fleet.archive()
    derived = derive_month(
        archive, month=MONTH, timezone=None, declared=RULES.declared, made_ms=MADE, software="test"
    )
    asked = []
    read = recompute.hour_reader(archive, LocalCalendar("Asia/Shanghai"), derived.figures.window)

    def hours(host):
        asked.append(host)
        return read(host)

    assert len(compare_sources(derived.figures, (), hours)) == 1
    assert asked == ["web-1"]


# Traffic of different scope


@pytest.mark.parametrize(
    ("scope", "shown", "within"),
    [
        ("all_interfaces", "all_interfaces", "no"),
        ("public", "public", "unlike"),
        ("", "unknown", "no"),
        ("everything", "unknown", "no"),
    ],
)
def test_public_traffic_is_not_judged_against_that_of_all_interfaces(scope, shown, within):
    fleet = Fleet()
    machine(fleet)
    cloud(fleet, scope=scope, net_rx_rate=20_000)
    found = report(fleet)
    entry = by_metric(found)[RX]
    assert entry["scope"] == {"primary": "all_interfaces", "other": shown}
    assert (entry["within"], entry["median"]) == (within, "80.0000000000000")
    noted = {note["code"] for note in found["comparison_notes"]}
    assert noted == {"no": {"SOURCES_DIFFER"}, "unlike": {"SCOPES_UNLIKE"}}[within]


def test_two_public_series_are_like_each_other():
    fleet = Fleet()
    cloud(fleet, scope="public")
    cloud(fleet, source="zabbix", scope="public", net_rx_rate=1)
    assert answers(report(fleet)) == {CPU: "yes", RX: "no", TX: "yes", READS: "yes", WRITES: "yes"}


@pytest.mark.parametrize("primary", ["all_interfaces", "public", ""])
def test_a_series_that_changed_its_scope_is_unlike_any(primary):
    fleet = Fleet()
    fleet.averages(
        "web-1", RX, steady(100_000, hours=72), source="aliyun", **({"scope": primary} if primary else {})
    )
    fleet.averages("web-1", RX, steady(5, hours=48), source="aws", scope="public")
    later = steady(5, hours=24, start=START + 48 * HOUR)
    fleet.averages("web-1", RX, later, source="aws", scope="all_interfaces")
    fleet.averages("web-1", RX, steady(5, hours=48), source="zabbix", scope="public")
    fleet.averages("web-1", RX, later, source="zabbix")
    found = report(fleet)
    for other in ("aws", "zabbix"):
        entry = by_metric(found, other=other)[RX]
        assert (entry["scope"]["other"], entry["within"], entry["hours"]) == ("mixed", "unlike", 72)


# In a pack


def lying() -> Fleet:
    fleet = Fleet()
    machine(fleet, busy=60, times=2)
    cloud(fleet)
    machine(fleet, "web-2")
    cloud(fleet, "web-2")
    return fleet


PACK = packed(lying().archive())


def test_a_check_recomputes_the_comparisons_and_names_those_out_of_tolerance():
    report = checked(PACK)
    assert report.outcome != "fail"
    differing = [finding for finding in report.findings if finding.code == "SOURCES_DIFFER"]
    assert [(f.host, f.place, f.severity) for f in differing] == [
        ("web-1", f"{metric} agent aliyun", NOTE) for metric in sorted(METRICS)
    ]
    assert differing[0].expected == "3 points"
    assert differing[0].got == (
        "median 30.0000000000000, mean -30.0000000000000, 95th percentile 30.0000000000000"
    )
    stored = contents(PACK)[layout.REPORT]
    assert encode_figures(report.report) == stored


def test_comparisons_that_were_touched_up_are_found():
    entries = contents(PACK)
    assert b'"within":"no"' in entries[layout.REPORT]
    entries[layout.REPORT] = entries[layout.REPORT].replace(b'"within":"no"', b'"within":"yes"')
    assert "REPORT" in codes(checked(resigned(entries)))


def test_all_sources_of_a_host_are_packed_also_those_that_the_scope_does_not_name():
    rules = declared_scope((SCOPE + 'sources = ["agent"]').encode())
    data = packed(lying().archive(), rules)
    places = {layout.chunks_place(name)[1] for name in contents(data) if layout.chunks_place(name)}
    assert places == {"agent", "aliyun"}
    report = checked(data)
    # One chunk is a month long here: it comes after the anchors of its days.
    assert {f.code for f in report.findings if f.severity != "note"} <= {"CHUNKS_ANCHORED_LATE"}
    assert {f.host for f in report.findings if f.code == "SOURCES_DIFFER"} == {"web-1"}


def test_a_difference_never_changes_the_verdict():
    honest = Fleet()
    machine(honest, busy=60, times=2)
    machine(honest, "web-2")
    assert checked(packed(honest.archive())).report["verdict"] == checked(PACK).report["verdict"]


def test_the_cloud_that_is_taken_out_of_a_pack_takes_its_comparison_along():
    """What was removed with the log key leaves no trace here; the threat model says so."""
    fleet = Fleet()
    machine(fleet, busy=60, times=2)
    assert checked(packed(fleet.archive())).report["comparisons"] == []


def test_the_notes_of_comparisons_are_in_both_languages():
    for code in ("SOURCES_DIFFER", "SCOPES_UNLIKE", "SECOND_SOURCE"):
        zh, en = TEXTS[code]
        assert zh
        assert en


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Fraction(0), "0.00000000000000"),
        (Fraction(-1, 3), "-0.333333333333334"),
        (Fraction(1, 3), "0.333333333333334"),
        (Fraction(-50), "-50.0000000000000"),
    ],
)
def test_differences_are_rounded_away_from_zero(value, text):
    assert decimals.outward(value) == text


def test_what_verify_says_of_a_store_is_what_its_pack_says():
    fleet = Fleet()
    machine(fleet)
    cloud(fleet, cpu_utilization=60, scope="public")
    machine(fleet, "alone")
    archive = fleet.archive()
    figures = measure(
        archive, month=MONTH, edition=RULES.declared.edition, scope=None, timezone=None, now_ms=MADE
    )
    found = compare_stored(archive, figures)
    assert comparisons_document(found) == report(fleet)["comparisons"]
    assert {one.host for one in found} == {"web-1"}
    assert {one.scopes for one in found} == {None, ("all_interfaces", "public")}
