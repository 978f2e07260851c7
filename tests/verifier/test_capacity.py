"""Where the capacity of a line comes from: declared, bought, capped, read; and what it does to the figure."""

from __future__ import annotations

from fractions import Fraction

import pytest
from fleet import Fleet, instant
from host_months import DAY_MS, HOUR_MS, MEGABIT, averaged, covered, every_day, host_month
from packs import MONTH, RULES, SCOPE, checked, declared_scope, packed

from verifier.derivation import derive_month
from verifier.indicators import bandwidth
from verifier.indicators.capacity import capacity_of

COMMITTED, CAP = "net.capacity.committed", "net.capacity.cap"
RX, TX, LINK = ("agent", "net.rx"), ("agent", "net.tx"), ("agent", "net.capacity")
NANO = 10**9


def bought(mbps, *, ms=DAY_MS):
    return averaged(mbps * MEGABIT * NANO * ms, ms=ms)


def traffic(mbps):
    """A month of so much in one direction and nothing in the other, counted by an agent on a 1 Gbit/s link."""
    return {
        RX: every_day(covered(mbps * MEGABIT // 8 * 86_400)),
        TX: every_day(covered(0)),
        LINK: every_day(covered(1_000 * MEGABIT * DAY_MS)),
    }


def codes(found):
    return [mark.code for mark in found.marks]


@pytest.mark.parametrize("source", ["aliyun", "tencent", "huawei"])
def test_bandwidth_that_was_bought_comes_before_the_link_speed(source):
    found = bandwidth.figure(host_month({**traffic(5), (source, COMMITTED): every_day(bought(10))}))
    assert (found.bounds.value, found.weight, found.capacity_from) == (50, 10 * MEGABIT, "inventory")
    assert codes(found) == ["CAPACITY_INVENTORY"]


def test_what_the_scope_declares_comes_before_what_was_bought():
    metrics = {**traffic(5), ("aliyun", COMMITTED): every_day(bought(10))}
    found = bandwidth.figure(host_month(metrics, mbps=[(0, 20)]))
    assert (found.bounds.value, found.capacity_from, codes(found)) == (25, "declared", [])


def test_a_cap_is_used_and_labelled():
    found = bandwidth.figure(host_month({**traffic(5), ("aliyun", CAP): every_day(bought(100))}))
    assert (found.bounds.value, found.capacity_from) == (5, "cap")
    assert codes(found) == ["CAPACITY_CAP"]


def test_bandwidth_that_changes_divides_the_month():
    days = {day: bought(10 if day < 15 else 20) for day in range(30)}
    found = bandwidth.figure(host_month({**traffic(5), ("aliyun", COMMITTED): days}))
    assert (found.bounds.value, found.weight) == (Fraction(100 * 5, 15), 15 * MEGABIT)
    capacity = capacity_of(host_month({("aliyun", COMMITTED): days}), "agent").by_day
    assert [value // MEGABIT for value in capacity.values()] == [10] * 15 + [20] * 15


def test_a_day_with_two_bandwidths_has_their_mean():
    day = bought(10, ms=18 * HOUR_MS) + bought(50, ms=6 * HOUR_MS)
    metrics = {("aliyun", COMMITTED): {**every_day(bought(10)), 3: day}}
    values = list(capacity_of(host_month(metrics), "agent").by_day.values())
    assert (values[2] // MEGABIT, values[3] // MEGABIT) == (10, 20)


def test_days_without_an_inventory_take_the_mean_of_the_others():
    metrics = {("aliyun", COMMITTED): {4: bought(10), 5: bought(20), 6: bought(7, ms=1) + bought(0, ms=1)}}
    found = capacity_of(host_month(metrics), "agent").by_day
    mean = Fraction(10 * DAY_MS + 20 * DAY_MS + 7, 2 * DAY_MS + 2) * MEGABIT
    assert list(found.values())[:5] == [mean] * 4 + [10 * MEGABIT]
    assert list(found.values())[6] == Fraction(7, 2) * MEGABIT


def test_a_change_to_paying_by_traffic_is_labelled_and_both_are_used():
    metrics = {
        ("aliyun", COMMITTED): {day: bought(10) for day in range(10)},
        ("aliyun", CAP): {day: bought(100) for day in range(5, 30)},
    }
    found = capacity_of(host_month(metrics), "agent")
    assert (found.origin, found.notes) == ("cap", ("CAPACITY_INVENTORY", "CAPACITY_CAP"))
    assert [value // MEGABIT for value in found.by_day.values()] == [10] * 10 + [100] * 20


def test_an_inventory_without_a_line_decides_nothing():
    metrics = {**traffic(5), ("aliyun", COMMITTED): every_day(bought(0))}
    found = bandwidth.figure(host_month(metrics))
    assert (found.capacity_from, codes(found)) == ("measured", ["CAPACITY_MEASURED"])


def test_of_two_inventories_the_first_by_name_is_used():
    metrics = {("tencent", COMMITTED): every_day(bought(7)), ("aliyun", CAP): every_day(bought(9))}
    assert capacity_of(host_month(metrics), "agent").by_day[host_month({}).window.first_day] == 9 * MEGABIT


def test_the_inventory_serves_traffic_of_any_source():
    rate = averaged(MEGABIT // 8 * NANO * DAY_MS)
    metrics = {("aws", "net.rx.rate"): every_day(rate), ("aliyun", COMMITTED): every_day(bought(4))}
    assert bandwidth.figure(host_month(metrics, sources=("aws",))).bounds.value == 25


def test_more_traffic_than_was_bought_is_no_figure():
    metrics = {**traffic(11), ("aliyun", COMMITTED): every_day(bought(10))}
    found = bandwidth.figure(host_month(metrics))
    assert (found.bounds.value, found.weight, found.capacity_from) == (None, None, "inventory")
    assert codes(found) == ["CAPACITY_INVENTORY", "CAPACITY_EXCEEDED"]


# From chunks


START, MADE = instant("2026-11-01"), instant("2026-12-01")


def line(fleet, name=COMMITTED, *, host="web-1", days=30, mbps=10, start=START):
    samples = [(start + day * DAY_MS, DAY_MS, mbps * MEGABIT) for day in range(days)]
    fleet.averages(host, name, samples, source="aliyun", scope="public")


def derived(fleet):
    return derive_month(
        fleet.archive(), month=MONTH, timezone=None, declared=RULES.declared, made_ms=MADE, software="test"
    )


def found_of(fleet):
    return derived(fleet).report


def test_purchased_bandwidth_travels_in_chunks_to_report_and_check():
    fleet = Fleet()
    fleet.agent("web-1").run(hours=24 * 30, rx=MEGABIT // 8)
    line(fleet, days=10)
    line(fleet, CAP, days=20, start=START + 10 * DAY_MS, mbps=40)
    report = found_of(fleet)
    [host] = report["hosts"]
    assert host["capacity"] == {"source": "cap", "mbps": "30.0000000000000"}
    [figure] = [f for f in report["figures"]["indicators"] if f["id"] == "bandwidth_utilization"]
    assert [note["code"] for note in figure["notes"]] == ["CAPACITY_INVENTORY", "CAPACITY_CAP"]
    assert figure["value"].startswith("3.3333333333333")
    result = checked(packed(fleet.archive()))
    assert result.outcome != "fail"
    assert result.report["hosts"] == report["hosts"]


def test_every_day_of_the_series_has_the_capacity_of_the_window():
    fleet = Fleet()
    fleet.agent("web-1").run(hours=24 * 30, rx=MEGABIT // 8)
    line(fleet, days=10, start=START + 5 * DAY_MS)
    [run] = [entry for entry in found_of(fleet)["series"] if entry["indicator"] == "bandwidth_utilization"]
    assert {day["value"] for day in run["days"]} == {"10.0000000000000"}


def test_purchased_bandwidth_is_no_reading_of_the_host():
    fleet = Fleet()
    fleet.agent("web-1").run(hours=24 * 30)
    line(fleet)
    line(fleet, host="web-2")
    report = found_of(fleet)
    first, second = report["hosts"]
    assert (first["gaps"]["count"], second["gaps"]["seconds"]) == (0, 30 * 86_400)
    assert report["comparisons"] == []
    assert {figure.source for i in derived(fleet).figures.indicators for figure in i.hosts} == {"agent", None}


def test_a_source_that_only_knows_the_line_does_not_hide_the_readings_of_another():

    fleet = Fleet()
    fleet.agent("web-1").run(hours=24 * 30)
    line(fleet)
    text = SCOPE.replace(b'id = "web-1"', b'id = "web-1"\nsources = ["aliyun", "agent"]')
    rules = declared_scope(text).declared
    report = derive_month(
        fleet.archive(), month=MONTH, timezone=None, declared=rules, made_ms=MADE, software="test"
    ).report
    [host] = [entry for entry in report["hosts"] if entry["host"] == "web-1"]
    assert (host["gaps"]["count"], host["capacity"]["source"]) == (0, "declared")
