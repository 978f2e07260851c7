"""The days of the fleet: in batches as at once, and the same as the verifier says of the whole fleet."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import date

import pytest
from console_examples import MONTH
from console_world import NOW

from collector.opening import open_store
from collector.store import standing
from config import EXAMPLES
from console.pages.coverage.routes import Wanted, chosen
from console.reading.archives import EnterpriseAlone, Everything
from console.reading.days import KINDS, HostCover, per_mille, read_days
from console.reading.figures import Days, measured
from console.reading.month import hosts_of, span_of
from console.reading.rules import rules_of
from starproof.cli import main as starproof
from verifier.document import coverage_share, printed_bounds
from verifier.series import series, worst

COVER = HostCover("web-1", bytes([0, 2, 3]), (1000, 500, 0), bytes(3))


@pytest.fixture(scope="module")
def span(filled):
    return span_of(filled.zone, NOW, MONTH)


def test_days_in_batches_are_those_of_one_call_of_the_verifier(filled, span):
    """Every batch size gives the same, and each day is what the verifier says of all hosts at once."""
    at_once = read_days(filled.store, span, now_ms=NOW)
    for batch in (1, 2, 4):
        assert read_days(filled.store, span, now_ms=NOW, batch=batch) == at_once
    rules = rules_of(EnterpriseAlone(filled.store), MONTH)
    with filled.store.reading() as connection:
        hosts = hosts_of(rules, standing.sources(connection))
    whole = measured(Everything(filled.store), rules, hosts, Days(MONTH, span.first_day, span.last_day))
    assert set(at_once.series) == {"cpu_utilization", "bandwidth_utilization", "daily_reads_writes"}
    for indicator in whole.indicators:
        run = series(whole, indicator)
        if not run:
            continue
        found = at_once.series[indicator.rule.id]
        assert [day["value"] for day in found["days"]] == [printed_bounds(day.bounds)["value"] for day in run]
        assert [day["high"] for day in found["days"]] == [printed_bounds(day.bounds)["high"] for day in run]
        assert [day["share"] for day in found["days"]] == [coverage_share(day.times) for day in run]
        assert found["worst"] == [date.fromordinal(day).isoformat() for day in worst(run)]


def test_every_host_has_a_class_for_every_day_and_the_counts_add_up(filled, span):
    found = read_days(filled.store, span, now_ms=NOW)
    assert len(found.days) == 31
    assert [host.host for host in found.hosts] == sorted(host.host for host in found.hosts)
    assert all(len(host.kinds) == len(host.shares) == len(host.restarts) == 31 for host in found.hosts)
    for counts in found.counts():
        assert sum(counts.values()) == len(found.hosts)
        assert set(counts) <= set(KINDS)


def test_shares_are_cut_and_never_rounded_up():
    assert per_mille("0.9999") == 999
    assert per_mille("1") == 1000
    assert COVER.mean == 500
    assert replace(COVER, shares=(None, None, None)).mean is None


def test_hosts_with_gaps_come_first_and_can_be_asked_for_alone():
    whole = replace(COVER, host="app-1", kinds=bytes([0, 4, 5]), shares=(1000, None, None))
    never = replace(COVER, host="old-1", shares=(None, None, None))
    hosts = [never, whole, COVER]
    assert [h.host for h in chosen(hosts, Wanted("", "worst", gaps=False, page=1))] == [
        "web-1",
        "app-1",
        "old-1",
    ]
    assert [h.host for h in chosen(hosts, Wanted("", "worst", gaps=True, page=1))] == ["web-1", "old-1"]
    assert [h.host for h in chosen(hosts, Wanted("WEB", "name", gaps=False, page=1))] == ["web-1"]


def test_a_day_that_the_scope_leaves_out_counts_for_nobody_and_is_marked(seeded, tmp_path):
    for file in seeded.iterdir():
        shutil.copy(file, tmp_path)
    db, scope = f"sqlite:///{tmp_path / 'starproof.db'}", tmp_path / "scope.toml"
    text = (EXAMPLES / "month" / "scope.toml").read_text("utf-8")
    scope.write_text(
        text
        + f'\n[[exclusions]]\nfrom = {MONTH}-03\nto = {MONTH}-03\nreason = "power works"\nperson = "Li"\n',
        "utf-8",
    )
    assert starproof(["scope", "declare", str(scope), "--db", db]) == 0
    opened = open_store(db)
    found = read_days(opened.store, span_of("Asia/Shanghai", NOW, MONTH), now_ms=NOW, batch=2)
    opened.store.close()
    at = found.days.index(f"{MONTH}-03")
    for host in found.hosts:
        assert (host.kind(at), host.shares[at]) == ("out", None)
        assert host.kind(at + 1) != "out"
    for series_ in found.series.values():
        assert [day["day"] for day in series_["days"] if day["excluded"] == "yes"] == [f"{MONTH}-03"]
        assert series_["days"][at]["value"] is None
        assert f"{MONTH}-03" not in series_["worst"]
