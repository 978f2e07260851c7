from __future__ import annotations

import pytest

from evidence.manifest import ACTIVITY, AVERAGES, COUNTERS
from evidence.sources import AGENT, carried_kind, carries_averages, is_source, usual_order


@pytest.mark.parametrize(
    "name", ["agent", "import", "aliyun", "aws", "tencent", "huawei", "ctyun", "prometheus", "zabbix", "a1"]
)
def test_providers_and_plug_ins_are_sources(name: str) -> None:
    assert is_source(name)
    assert carries_averages(name) is (name != AGENT)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("agent", COUNTERS),
        ("database", COUNTERS),
        ("login-log", ACTIVITY),
        ("accounts", ACTIVITY),
        ("import", AVERAGES),
    ],
)
def test_a_source_carries_one_kind_of_readings(name: str, kind: str) -> None:
    assert is_source(name)
    assert carried_kind(name) == kind
    assert carries_averages(name) is (kind == AVERAGES)


@pytest.mark.parametrize(
    "name",
    ["", "a", "login-logs", "log-login", "Aws", "1a", "a-b", "a_b", "aliyun\n", " aws", "a" * 17, "é" * 3],
)
def test_other_names_are_not(name: str) -> None:
    assert not is_source(name)


def test_the_agent_comes_first_then_imports_then_the_others_by_name() -> None:
    assert usual_order(["zabbix", "import", "agent", "aws", "aws"]) == ("agent", "import", "aws", "zabbix")
    assert usual_order(["zabbix", "aws"]) == ("aws", "zabbix")
    assert usual_order(["aws"]) == ("aws",)
    assert usual_order(["agent"]) == ("agent",)
    assert usual_order([]) == ()
