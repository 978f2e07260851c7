"""The example month that ships: it is what its script makes, and its README's commands do what they say."""

from __future__ import annotations

import hashlib
import re
import shlex
import sys
from pathlib import Path

import pytest
import tomllib
from processes import ROOT, starproof, starproof_json
from traces import data_folder

FOLDER = ROOT / "config" / "examples" / "month"
README = (FOLDER / "README.md").read_text(encoding="utf-8")
MAX_BYTES = 3_100_000
MARK = "示例 SAMPLE"
SERIES = 6


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with the example, filled by the README's own commands."""
    place = tmp_path_factory.mktemp("example")
    before = ("import", "ledger import", "account-key", "accounts import")
    for arguments in (one for name in before for one in commands(name)):
        starproof(*placed(arguments, place))
    return place


def commands(name: str) -> list[list[str]]:
    """Return the arguments of the README's commands ``starproof NAME …``."""
    lines = re.findall(rf"^    starproof ({name} .*)$", README, re.MULTILINE)
    assert lines, name
    return [shlex.split(line) for line in lines]


def placed(arguments: list[str], place: Path) -> list[str]:
    """Point a command of the README at the files of the example and at a folder of the test's own."""
    texts = [text.replace("$DB", f"sqlite:///{place / 'starproof.db'}") for text in arguments]
    texts = [text.replace("/tmp/starproof-example", str(place)) for text in texts]
    return [str(FOLDER / text) if (FOLDER / text).is_file() else text for text in texts]


def example_script(monkeypatch: pytest.MonkeyPatch) -> object:
    monkeypatch.syspath_prepend(str(ROOT / "bench"))
    for name in ("example_month", "example_accounts", "example_ledger", "example_texts"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    import example_month

    return example_month


def test_every_file_is_what_the_script_makes_from_the_traces(monkeypatch: pytest.MonkeyPatch) -> None:
    script = example_script(monkeypatch)
    made = script.files(data_folder() / "nab", data_folder() / "apache_logs.xz")
    shipped = {
        path.relative_to(FOLDER).as_posix(): path.read_bytes()
        for path in FOLDER.rglob("*")
        if path.is_file() and path.name != "README.md"
    }
    assert shipped.keys() == made.keys()
    assert [name for name in made if made[name] != shipped[name]] == []


def test_the_readme_names_every_trace_with_its_factor(monkeypatch: pytest.MonkeyPatch) -> None:
    script = example_script(monkeypatch)
    rows = re.findall(r"^\| (\w+-\d) \|(.*)\|$", README, re.MULTILINE)
    assert [name for name, _ in rows] == [host.id for host in script.HOSTS]
    for host, (_, row) in zip(script.HOSTS, rows, strict=True):
        cells = [cell.strip() for cell in row.split("|")]
        traces = (host.cpu, host.rx, host.tx, host.reads, host.writes)
        for cell, trace in zip(cells, traces, strict=True):
            factor = (
                "" if trace.factor in ("1", script.BLOCK) else f" × {int(trace.factor):,}".replace(",", " ")
            )
            later = f", + {trace.weeks_later} 周" if trace.weeks_later else ""
            assert cell == f"{trace.series}{factor}{later}"
    assert script.BLOCK in README


def test_the_example_is_small_and_says_that_it_is_one() -> None:
    files = [path for path in FOLDER.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) <= MAX_BYTES
    for path in files:
        if path.suffix in (".toml", ".md") or path.parent.name == "documents":
            assert MARK in path.read_text(encoding="utf-8"), path
    assert "MIT" in README
    assert "Permission is hereby granted" in (FOLDER / "LICENSE.traces.txt").read_text(encoding="utf-8")


def test_the_profile_names_its_documents_by_their_hashes() -> None:
    profile = tomllib.loads((FOLDER / "profile.toml").read_text(encoding="utf-8"))
    found = {d["file"]: d["sha256"] for d in profile["documents"]}
    assert found == {
        f"documents/{path.name}": hashlib.sha256(path.read_bytes()).hexdigest()
        for path in (FOLDER / "documents").iterdir()
    }


def test_the_profile_lacks_one_document_on_purpose() -> None:
    done = starproof("profile", "check", FOLDER / "profile.toml", code=1)
    assert "[portal]" in done.stdout
    assert "缺 1 项" in done.stdout
    assert "企业门户" in README


def test_the_month_supports_four_stars_and_says_what_five_need(folder: Path) -> None:
    [arguments] = commands("verify")
    document = starproof_json(*placed(arguments, folder))
    verdict = document["verdict"]
    assert (verdict["star"], verdict["applied_for"], verdict["provisional"]) == ("4", "4", "no")
    blockers = {blocker["criterion"] for blocker in verdict["next"]["blockers"]}
    assert blockers == {
        "basic_business", "core_business", "deep_application", "monthly_user_rate", "cpu_utilization",
        "bandwidth_utilization", "cloud_investment",
    }  # fmt: skip
    assert f"距离五星还差 {len(blockers)} 项" in README


def test_cost_and_investment_come_from_the_ledger(folder: Path) -> None:
    [arguments] = commands("verify")
    figures = {f["id"]: f for f in starproof_json(*placed(arguments, folder))["figures"]["indicators"]}
    costs, paid = figures["it_cost_reduction"], figures["cloud_investment"]
    assert (costs["value"], costs["verdicts"]["4"]) == ("35.5000000000000", "PASS")
    assert (paid["low"], paid["high"], paid["verdicts"]["4"]) == ("62.5000000000000",) * 2 + ("PASS",)
    assert (paid["detail"]["gaps"], paid["detail"]["entries_count"]) == ([], 6)


def test_the_user_rate_is_counted_from_accounts(folder: Path) -> None:
    [arguments] = commands("verify")
    figures = {f["id"]: f for f in starproof_json(*placed(arguments, folder))["figures"]["indicators"]}
    rate = figures["monthly_user_rate"]
    assert (rate["low"], rate["high"], rate["verdicts"]) == (
        *["65.0000000000000"] * 2,
        {"3": "PASS", "4": "PASS", "5": "FAIL"},
    )
    assert (rate["detail"]["accounts"], rate["detail"]["complete_days"]) == (169, 31)
    assert "169" in README


def test_the_readings_have_real_gaps_and_no_host_is_missing(folder: Path) -> None:
    [arguments] = commands("verify")
    figures = {f["id"]: f for f in starproof_json(*placed(arguments, folder))["figures"]["indicators"]}
    for name, least in (
        ("cpu_utilization", 0.999),
        ("bandwidth_utilization", 0.97),
        ("daily_reads_writes", 0.97),
    ):
        figure = figures[name]
        assert len(figure["hosts"]) == SERIES
        assert all(host["value"] is not None for host in figure["hosts"])
        assert least < float(figure["coverage"]["share"]) < 1


@pytest.mark.slow
def test_form_pack_check_and_region_follow_the_readme(folder: Path) -> None:
    for name in ("form", "pack"):
        [arguments] = commands(name)
        starproof(*placed(arguments, folder))
    assert (folder / "申请表.docx").stat().st_size > 0
    [arguments] = commands("check")
    report = starproof_json(*placed(arguments, folder), code=2)
    incomplete = {f["code"] for f in report["findings"] if f["severity"] != "note"}
    assert incomplete == {"LOG_DAY_MISSING", "LOG_NOT_CLOSED", "DAY_NOT_ANCHORED", "SCOPE_NOT_ANCHORED"}
    assert {"NOT_ATTESTED", "KEY_BREAK", "SCOPE_UNDECLARED"} <= {f["code"] for f in report["findings"]}
    [arguments] = commands("region")
    table = starproof_json(*placed(arguments, folder))
    counts = {row["region"]: row["stars"] for row in table["regions"] if any(row["stars"].values())}
    assert counts == {"苏州": {"3": 0, "4": 1, "5": 0}}
    assert (folder / "附件3.xlsx").stat().st_size > 0


@pytest.mark.slow
def test_the_report_of_the_example_holds_to_pdfa(folder: Path) -> None:
    pytest.importorskip("pikepdf", reason="pikepdf reads the file; it is in the dev group")
    from pdfa import require_pdfa

    [arguments] = commands("report")
    starproof(*placed(arguments, folder))
    require_pdfa((folder / "报告.pdf").read_bytes())
