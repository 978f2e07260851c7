"""``starproof verify``: what its answer holds beside figures and verdict, and whom it refuses."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime, timedelta

import pytest
from rich.console import Console
from sources.fake import DAY, HOUR, MINUTE, Fake, plugins

from collector.importing import cli as importing
from collector.opening import wall_clock_ms
from collector.sources.interface import Retention
from starproof.commands import pack, source, verify
from starproof.comparison_text import SHOWN, print_comparisons

SCOPE = """\
schema = "starproof/scope/1"
enterprise = "{enterprise}"
timezone = "Asia/Shanghai"
edition = "jiangsu-2018-trial"

[window]
from = 2026-11-01
to = 2026-11-30

[[hosts]]
id = "web-1"
"""
ENTRY = {
    "host": "erp-1", "metric": "cpu.utilization", "unit": "percent", "difference": "points",
    "primary": "agent", "other": "aliyun", "scope": None, "hours": 718,
    "median": "29.4310000000000", "p95": "41.0000000000000", "bias": "-29.4310000000000",
    "means": {"primary": "60.1299999999999", "other": "30.5000000000000", "difference": "-29.6300000000000"},
    "worst": [
        {"start_ms": 1_793_545_200_000, "primary": "91.0000000000000", "other": "40.0000000000000",
         "difference": "-51.0010000000000"},
    ],
    "tolerance": {"typical": "3", "rare": "10"}, "within": "no",
}  # fmt: skip


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """Three days of a host, measured by a cloud and imported with other values; (URL, month)."""
    folder = tmp_path_factory.mktemp("two")
    url = f"sqlite:///{folder / 's.db'}"
    now = datetime.now(UTC)
    lines = ["host,timestamp,metric,value"]
    for hours in range(71, 1, -1):
        at = now.replace(minute=0, second=0, microsecond=0) - timedelta(hours=hours)
        lines.append(f"web-1,{at.isoformat()},cpu.utilization,50")
    (folder / "a.csv").write_text("\n".join(lines) + "\n")
    common = ["--db", url]
    assert (
        importing.main(
            ["csv", str(folder / "a.csv"), "--period", "3600", "--enterprise", "甲公司", *common], prog="x"
        )
        == 0
    )
    fake = Fake(clock=wall_clock_ms, keeps=(Retention(5 * MINUTE, DAY), Retention(HOUR, 3 * DAY)))
    assert source.main(["add", "fake", "main", "--no-bills", *common], plugins=plugins(fake)) == 0
    assert source.main(["backfill", "main", *common], plugins=plugins(fake)) == 0
    return url, f"{now - timedelta(hours=36):%Y-%m}"


def test_sources_of_one_host_are_compared_in_the_document(store, capsys):
    url, month = store
    assert verify.main(["--month", month, "--timezone", "UTC", "--json", "--db", url]) == 0
    document = json.loads(capsys.readouterr().out)
    (entry,) = [one for one in document["comparisons"] if one["metric"] == "cpu.utilization"]
    assert (entry["host"], {entry["primary"], entry["other"]}) == ("web-1", {"import", "fake"})
    assert entry["hours"] >= 24
    assert entry["within"] == "no"
    assert [note["code"] for note in document["comparison_notes"]] == ["SOURCES_DIFFER"]


def test_sources_of_one_host_are_compared_on_the_terminal(store, capsys):
    url, month = store
    assert verify.main(["--month", month, "--timezone", "UTC", "--db", url]) == 0
    said = capsys.readouterr().out
    for word in (
        "数据源比对 sources compared",
        "web-1  cpu.utilization",
        "中位数 median",
        "95% p95",
        "最差一小时 worst hour",
        "容许 tolerance 3 / 10",
        "out of tolerance",
    ):
        assert word in said


@pytest.mark.parametrize("command", [verify, pack])
def test_a_scope_of_another_enterprise_is_refused_alike(store, tmp_path, capsys, command):
    url, _ = store
    scope = tmp_path / "scope.toml"
    scope.write_text(SCOPE.format(enterprise="乙公司"))
    more = ["--out", str(tmp_path / "x.zip")] if command is pack else []
    assert command.main(["--month", "2026-11", "--scope", str(scope), "--db", url, *more]) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert "the scope is of '乙公司', the store of '甲公司'; use the right store" in said.err


def printed(*entries, notes=()):
    console = Console(width=80, record=True, highlight=False, file=io.StringIO())
    print_comparisons(entries, notes, "Asia/Shanghai", console)
    return console.export_text()


def test_numbers_are_cut_away_from_zero_and_times_are_local():
    text = printed(ENTRY)
    assert "median 29.44  95% p95 41.00  容许 tolerance 3 / 10  百分点 points" in text
    assert "最差一小时 worst hour 2026-11-01 23:00  −51.01" in text
    assert "erp-1  cpu.utilization  agent / aliyun  718 小时 hours" in text


def test_those_out_of_tolerance_come_first_and_the_rest_is_counted():
    many = [{**ENTRY, "host": f"host-{n}", "within": "yes"} for n in range(SHOWN)]
    text = printed(*many, {**ENTRY, "host": "\x1b[31mlast"})
    assert text.index("\\x1b[31mlast") < text.index("host-0")
    assert "另有 1 项" in text


def test_what_could_not_be_compared_has_no_numbers():
    text = printed({**ENTRY, "hours": 0, "median": None, "worst": [], "within": "too-few"})
    assert "小时太少" in text
    assert "median" not in text
    assert printed() == ""
