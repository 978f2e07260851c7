from __future__ import annotations

import json
from decimal import Decimal

import pytest
from sources.fake import HOUR, MINUTE, machine

from collector.polling.accounts import Account
from collector.polling.capacity import bought
from collector.polling.hosts import Target, assign, current
from collector.sources.interface import ALL_INTERFACES, COMMITTED, PUBLIC, TRAFFIC_CAP, Bandwidth, Retention
from collector.store import inventories, polls, schema
from collector.store.inventories import Seen
from evidence.manifest import NET_CAP, NET_COMMITTED

pytestmark = pytest.mark.both_stores


def polled(bench):
    bench.fake.keeps = (Retention(5 * MINUTE, 2 * HOUR),)
    bench.poll()


def test_what_was_bought_when_is_kept_as_a_history(bench):
    bench.fake.instances = [machine("web-1")]
    polled(bench)
    first = bench.clock.now_ms
    bench.clock.now_ms += 7 * HOUR
    polled(bench)
    second = bench.clock.now_ms
    cap = Bandwidth(Decimal("100.5"), TRAFFIC_CAP, PUBLIC, "eip-2")
    bench.fake.instances = [machine("web-1", bandwidths=(cap,), cpus=None)]
    bench.clock.now_ms += 7 * HOUR
    polled(bench)
    with bench.opened.store.reading() as connection:
        history = inventories.bandwidth_history(connection, "main", "i-web-1")
    assert [(a, b) for a, b, _ in history] == [(first, second), (bench.clock.now_ms, bench.clock.now_ms)]
    assert history[0][2] == [{"mbps": "5", "kind": COMMITTED, "scope": PUBLIC, "resource": "eip-1"}]
    assert history[1][2] == [{"mbps": "100.5", "kind": TRAFFIC_CAP, "scope": PUBLIC, "resource": "eip-2"}]
    rows = bench.rows(schema.inventory)
    assert [row.cpus for row in rows] == [2, None]
    assert json.loads(rows[0].addresses) == ["192.0.2.1"]


def capacities(bench):
    found = []
    for chunk in bench.chunks():
        column = chunk.manifest.columns[-1]
        if column.name.startswith("net.capacity"):
            for start, length, value in zip(*chunk.values, strict=True):
                found.append(
                    (chunk.header.host, column.name, start, start + length, value // 10**column.scale)
                )
    return found


def test_bandwidth_is_sealed_over_the_time_between_two_looks_that_agree(bench):
    bench.fake.instances = [machine("web-1")]
    polled(bench)
    first = bench.clock.now_ms
    assert capacities(bench) == [], "one look says nothing of any time"
    bench.clock.now_ms += 7 * HOUR
    second = bench.clock.now_ms
    bench.fake.instances = [machine("web-1", state="stopped")]  # that is about something else
    polled(bench)
    assert capacities(bench) == [("web-1", NET_COMMITTED, first, second, 5_000_000)]
    bench.fake.instances = [machine("web-1", bandwidths=(Bandwidth(Decimal(9), COMMITTED, PUBLIC, "e"),))]
    bench.clock.now_ms += 7 * HOUR
    third = bench.clock.now_ms
    polled(bench)
    assert len(capacities(bench)) == 1, "nobody knows when it changed"
    bench.clock.now_ms += 7 * HOUR
    polled(bench)
    assert capacities(bench)[1:] == [("web-1", NET_COMMITTED, third, bench.clock.now_ms, 9_000_000)]
    bench.poll()
    assert len(capacities(bench)) == 2, "no time has passed"
    facts = [
        dict(chunk.manifest.host) for chunk in bench.chunks() if "capacity" in chunk.manifest.columns[-1].name
    ]
    assert {fact["scope"] for fact in facts} == {PUBLIC}
    with bench.opened.store.reading() as connection:
        assert polls.requests(connection, facts[0]["request_ids"]) == ("inventory-1",)


def test_capacity_is_no_claim_over_more_than_a_month_or_over_sealed_time(bench):
    bench.fake.instances = [machine("web-1")]
    polled(bench)
    bench.clock.now_ms += 32 * 24 * HOUR
    polled(bench)
    assert capacities(bench) == []
    bench.clock.now_ms += 7 * HOUR
    polled(bench)
    with bench.opened.store.writing() as connection:  # as if the clock had been set back in between
        connection.execute(schema.inventory.update().values(last_seen_ms=bench.clock.now_ms - HOUR))
    bench.clock.now_ms += 7 * HOUR
    polled(bench)
    assert len(capacities(bench)) == 1


def line(mbps, kind=COMMITTED, scope=PUBLIC):
    return Bandwidth(Decimal(mbps), kind, scope, "r")


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ((), None),
        ((line(5, scope=ALL_INTERFACES),), None),
        ((line("2.5"), line(1)), (NET_COMMITTED, 3_500_000)),
        ((line(5), line(100, TRAFFIC_CAP)), (NET_CAP, 105_000_000)),
        ((line(0),), (NET_COMMITTED, 0)),
        ((line(-1),), None),
        ((line("1e20"),), None),
    ],
)
def test_what_was_bought_is_told_from_what_is_only_a_cap(lines, expected):
    found = bought(machine("web-1", bandwidths=lines))
    assert found == (None if expected is None else (expected[0], expected[1] * 10**9))


def test_an_instance_that_is_gone_keeps_its_row(bench):
    polled(bench)
    bench.fake.instances = [machine("web-2")]
    bench.clock.now_ms += 7 * HOUR
    polled(bench)
    with bench.opened.store.reading() as connection:
        seen = inventories.seen(connection, "main")
    assert [one.instance for one in seen] == ["i-web-1", "i-web-2"]
    assert [one.instance for one in current(bench.account(), seen)] == ["i-web-2"]


def seen(instance, name, at=10):
    return Seen("a", instance, name, "r", "running", "[]", at)


def test_a_name_that_cannot_name_a_host_gives_way_to_the_id():
    account = Account("a", "fake")
    found = assign(
        account, [seen("i-1", ""), seen("i-2", "x\n"), seen("i\n3", "\x00"), seen("i-4", " 门户 ")], taken={}
    )
    assert [(target.instance, target.host) for target in found.targets] == [
        ("i\n3", "i\\n3"),
        ("i-1", "i-1"),
        ("i-2", "x"),
        ("i-4", "门户"),
    ]


def test_an_old_machine_of_the_same_name_is_no_rival():
    found = assign(Account("a", "fake"), [seen("i-old", "web", 5), seen("i-new", "web")], taken={})
    assert found.refused == ()
    assert found.targets == (Target("i-new", "web", "r", 10), Target("i-old", "web", "r", 5, gone=True))


def test_all_rivals_are_refused_and_named():
    account = Account("a", "fake", hosts={"i-3": "web"})
    rivals = [seen("i-1", "web"), seen("i-2", "web"), seen("i-3", "other"), seen("i-4", "db")]
    found = assign(account, rivals, taken={"db": ("b", "i-9")})
    assert found.targets == ()
    assert [text.split(" would")[0] for text in found.refused] == ["i-4, i-9 of b", "i-1, i-2, i-3"]


def test_only_the_mapped_ones_are_wanted_if_the_settings_say_so():
    account = Account("a", "fake", hosts={"i-1": "web"}, only_mapped=True)
    found = assign(account, [seen("i-1", "x"), seen("i-2", "web"), seen("i-3", "y", 5)], taken={})
    assert found.targets == (Target("i-1", "web", "r", 10),)
