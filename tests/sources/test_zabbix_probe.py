"""What is tried at first, and the role that is enough."""

from __future__ import annotations

import json

import pytest
from sources.doubles.zabbix import Zabbix, served
from sources.zabbix_world import linux, opened, windows

from collector.sources.interface import METRICS, Probe, Source
from collector.sources.zabbix.role import METHODS


def probes(zabbix: Zabbix, **settings) -> dict[str, Probe]:
    with served(zabbix) as url:
        found = list(opened(url, **settings).probe())
    assert len({probe.what for probe in found}) == len(found)
    return {probe.what: probe for probe in found}


def test_everything_that_is_there_is_said_to_be_there():
    zabbix = Zabbix(version="7.0.4")
    linux(zabbix)
    windows(zabbix)
    found = probes(zabbix)
    assert list(found) == ["version", *METHODS, "hosts", *METRICS]
    assert all(probe.ok for probe in found.values())
    assert found["version"].detail == "Zabbix 7.0"
    assert found["hosts"].detail == "2 hosts"
    assert found["cpu.utilization"].detail == "2 of 2 hosts"


@pytest.mark.parametrize("denied", [["trend.get"], list(METHODS)])
def test_each_method_that_the_role_forbids_is_named(denied):
    zabbix = Zabbix()
    linux(zabbix)
    zabbix.denied = set(denied)
    found = probes(zabbix)
    assert [probe.permission_missing for probe in found.values() if not probe.ok] == denied
    assert "hosts" not in found


def test_a_wrong_login_ends_the_trial_at_once():
    zabbix = Zabbix()
    found = probes(zabbix, user="starproof", password="env:WRONG")
    assert list(found) == ["version", METHODS[0]]
    assert "check user and password" in found[METHODS[0]].detail
    assert zabbix.logins == 1


def test_an_address_that_is_not_zabbix_ends_the_trial_at_once():
    zabbix = Zabbix()
    zabbix.faults = [lambda _request: (404, b"")]
    (probe,) = probes(zabbix).values()
    assert (probe.what, probe.ok) == ("version", False)


def test_no_readable_host_means_a_right_on_the_group_is_missing():
    found = probes(Zabbix())
    assert not found["hosts"].ok
    assert "read permission on the host groups" in found["hosts"].permission_missing


def test_a_group_that_is_not_there_is_said():
    found = probes(Zabbix(), groups=["业务"])
    assert "业务" in found["hosts"].detail
    assert found["hosts"].permission_missing == ""


def test_hosts_without_data_are_named_with_the_reason():
    zabbix = Zabbix()
    for number in range(5):
        zabbix.host(number + 1, f"empty{number}")
    items = linux(zabbix)
    next(item for item in zabbix.items if item["itemid"] == items["in eth0"])["state"] = "1"
    found = probes(zabbix)
    assert found["net.rx.rate"].ok
    detail = found["net.rx.rate"].detail
    assert detail.startswith("1 of 6 hosts; host 1: no enabled item")
    assert detail.endswith("; 3 more")
    zabbix.hosts = zabbix.hosts[-1:]
    assert "not supported now: net.if.in[" in probes(zabbix)["net.rx.rate"].detail


def test_a_metric_that_no_host_has_is_not_fine():
    zabbix = Zabbix()
    zabbix.host(1, "empty")
    assert not probes(zabbix)["cpu.utilization"].ok


def test_a_failure_on_the_way_is_an_answer_and_not_an_error(monkeypatch):
    zabbix = Zabbix()
    zabbix.host(1, "web01")
    monkeypatch.setattr(Zabbix, "_item_get", lambda _self, params: [] if params.get("itemids") else None)
    found = probes(zabbix)
    assert [what for what, probe in found.items() if not probe.ok] == list(METRICS)


def test_the_role_allows_reading_and_nothing_else():
    with served(Zabbix()) as url:
        role = json.loads(opened(url).policy())
    assert role["rules"]["api"] == list(METHODS)
    assert all(method.endswith(".get") for method in METHODS)
    assert (role["rules"]["api.mode"], role["rules"]["ui.default_access"]) == (1, 0)


def test_it_is_a_source_without_bills():
    with served(Zabbix()) as url:
        source = opened(url)
    assert isinstance(source, Source)
    assert (source.name, source.experimental, tuple(source.metrics())) == ("zabbix", False, METRICS)
    assert list(source.bills(["2026-01"])) == []
