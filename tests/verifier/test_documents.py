"""The documents name the findings that exist, and no others."""

from __future__ import annotations

import re
from pathlib import Path

from verifier.finding import CATALOGUE
from verifier.steps import AUDIT_ONLY, STEPS

DOCS = Path(__file__).resolve().parents[2] / "docs"
NOTES = {"CAPACITY_EXCEEDED", "NO_DATA", "INCONCLUSIVE", "PASS", "SUBSTITUTED", "LOG_FORKED", "LOG_SHRANK"}


def codes(name: str) -> set[str]:
    return set(re.findall(r"`([A-Z]+(?:_[A-Z]+)*)`", (DOCS / name).read_text("utf-8")))


def test_the_table_of_the_check_is_that_of_the_code() -> None:
    rows = re.findall(
        r"^\| (\d+) ([^|]*) \|.*\| ([^|]*) \|$", (DOCS / "check.md").read_text("utf-8"), re.MULTILINE
    )
    told = [(int(number), name, tuple(re.findall(r"`([A-Z_]+)`", found))) for number, name, found in rows]
    assert told == [(step.number, step.en, step.codes) for step in STEPS]
    assert [step.number for step in STEPS] == list(range(11))


def test_every_code_belongs_to_one_step_or_to_the_audit() -> None:
    placed = [code for step in STEPS for code in step.codes] + list(AUDIT_ONLY)
    assert sorted(placed) == sorted(CATALOGUE)
    assert codes("check.md") == CATALOGUE.keys() - AUDIT_ONLY


def test_the_threat_model_names_only_findings_that_exist() -> None:
    assert codes("threat-model.md") - NOTES <= CATALOGUE.keys()


def test_every_finding_is_raised_somewhere() -> None:
    lists = {"finding.py", "steps.py"}
    files = [path for path in (DOCS.parent / "verifier").rglob("*.py") if path.name not in lists]
    code = "".join(path.read_text("utf-8") for path in files)
    for name in CATALOGUE:
        assert f'"{name}"' in code, name


def test_the_pack_format_names_the_severity_of_every_code() -> None:
    text = (DOCS / "pack-format.md").read_text("utf-8")
    for severity in ("incomplete", "note"):
        (line,) = re.findall(rf"^\* \*{severity.title()}\*: (.*)$", text, re.MULTILINE)
        told = re.findall(r"`([A-Z_]+)`", line)
        assert told == [code for code, known in CATALOGUE.items() if known[0] == severity]
