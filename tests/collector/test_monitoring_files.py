"""Rules for Prometheus and the dashboard for Grafana: every metric in them is one that we tell."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from agent import metrics as agent_metrics
from collector.alerts.coverage import Coverage
from collector.alerts.desk import HOLD_MS
from collector.alerts.hosts import State
from collector.alerts.matters import CODES, decide
from collector.alerts.metrics import AlertMetrics
from collector.alerts.situation import AnchorFacts, Disk, History, HostFacts, Situation
from collector.http.metrics import Metrics
from collector.store import polls
from collector.store.polls import Counts, Question

ROOT = Path(__file__).resolve().parents[2]
RULES = ROOT / "deploy/prometheus/starproof.rules.yml"
DASHBOARD = ROOT / "deploy/grafana/starproof.json"
NOW = 1_793_462_400_000
EVERYTHING = Situation(
    made_ms=NOW,
    month="2026-11",
    hosts=(HostFacts("a", State.SILENT, NOW, NOW, 1, 1, Coverage(10, 0, 1, 1)),),
    histories=(History("ali", 3, "cpu"),),
    anchors=(AnchorFacts("mail", 1, 1, NOW, NOW),),
    disk=Disk(1, 100),
)
_METRIC = re.compile(r"\b(starproof_[a-z_]+)")


@pytest.fixture
def told(store):
    """The names of all that collector and agent tell once there is something of each kind."""
    with store.writing() as connection:
        number = polls.begin(connection, Question("ali", "aliyun", polls.ACCOUNT), now_ms=NOW)
        polls.finish(connection, number, Counts(), now_ms=NOW)
        polls.move_marks(connection, "ali", "cpu.utilization", {"i-1": NOW})
    metrics = Metrics(store)
    metrics.add(AlertMetrics(lambda: (EVERYTHING, decide(EVERYTHING))))
    figures = {name: 1 for table in (agent_metrics._COUNTERS, agent_metrics._GAUGES) for name in table}
    figures |= dict.fromkeys(agent_metrics._SECONDS, 1000)
    agent = CollectorRegistry()
    agent.register(agent_metrics._Collector(lambda: figures, "1"))
    text = metrics.text() + generate_latest(agent)
    return {
        sample.name for family in text_string_to_metric_families(text.decode()) for sample in family.samples
    }


def _rules():
    return [rule for group in yaml.safe_load(RULES.read_text("utf-8"))["groups"] for rule in group["rules"]]


def test_every_metric_of_the_rules_and_of_the_dashboard_is_told(told):
    dashboard = json.loads(DASHBOARD.read_text("utf-8"))
    asked = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    asked += [rule["expr"] for rule in _rules()]
    named = {name for text in asked for name in _METRIC.findall(text)}
    assert len(named) > 20
    assert named - told == set()


def test_every_code_has_its_rule_with_its_urgency_and_its_patience():
    found = {}
    for rule in _rules():
        code = re.search(r'code="(\w+)"', rule["expr"])
        if code and "attention_subject" in rule["expr"]:
            found[code[1]] = (rule["labels"]["severity"], rule.get("for", "0m"))
    minutes = {code: HOLD_MS.get(code, 0) // 60_000 for code in CODES}
    texts = {
        code: f"{count // 60}h" if count and count % 60 == 0 else f"{count}m"
        for code, count in minutes.items()
    }
    assert found == {
        code: ("critical" if kind == "bad" else "warning", texts[code]) for code, kind in CODES.items()
    }


def test_counters_are_born_at_zero_for_all_that_is_known_beforehand(store):
    """What appears with its first increment is no increase to Prometheus."""
    text = Metrics(store).text().decode()
    families = {family.name: family for family in text_string_to_metric_families(text)}
    chunks = {
        (one.labels["status"], one.labels["code"]): one.value
        for one in families["starproof_chunks"].samples
        if one.name.endswith("_total")
    }
    wire = (ROOT / "docs/wire.md").read_text("utf-8")
    table = wire[
        wire.index("Codes of a `refused` result") : wire.index("A chunk is deleted by the agent only")
    ]
    rows = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    codes = {code for row in rows for code in re.findall(r"`([A-Z_]+)`", row)}
    assert len(codes) == 11
    assert chunks == dict.fromkeys(
        [("stored", ""), ("known", ""), *(("refused", code) for code in codes)], 0.0
    )
    asked = {
        (one.labels["endpoint"], one.labels["status"])
        for one in families["starproof_requests"].samples
        if one.name.endswith("_total")
    }
    assert {("chunks", "503"), ("chunks", "429"), ("enrolments", "401"), ("healthz", "200")} <= asked


def test_panels_do_not_lie_on_each_other_and_have_a_title():
    taken = set()
    for panel in json.loads(DASHBOARD.read_text("utf-8"))["panels"]:
        place = panel["gridPos"]
        assert panel["title"]
        assert place["x"] + place["w"] <= 24
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken
        taken |= cells


@pytest.mark.parametrize("work", [["check", "rules", RULES.name], ["test", "rules", "starproof.test.yml"]])
def test_promtool_takes_the_rules_and_they_fire_when_they_should(work):
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed (Debian: package prometheus)")
    done = subprocess.run(
        [promtool, *work], cwd=RULES.parent, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_situation_without_a_disk_has_no_number_for_it():
    registry = CollectorRegistry()
    registry.register(AlertMetrics(lambda: (replace(EVERYTHING, disk=None), ())))
    assert b"disk_free" not in generate_latest(registry)
