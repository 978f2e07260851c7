"""The documents name the findings that exist, and no others."""

from __future__ import annotations

import re
from pathlib import Path

from verifier.finding import CATALOGUE
from verifier.proved import NOT_PROVED, PROVED

DOCS = Path(__file__).resolve().parents[2] / "docs"
AUDIT_ONLY = {"DAY_SUM_DIFFERS", "DAY_SUM_MISSING", "DAY_SUM_EXTRA"} | {
    "ACTIVITY_DIFFERS",
    "ACTIVITY_MISSING",
    "ACTIVITY_EXTRA",
}
NOTES = {
    "CAPACITY_EXCEEDED",
    "NO_DATA",
    "INCONCLUSIVE",
    "PASS",
    "SUBSTITUTED",
    "LOG_FORKED",
    "LOG_SHRANK",
} | {
    "CLOCK_AHEAD",  # how a collector refuses a chunk
}


def codes(name: str) -> set[str]:
    return set(re.findall(r"`([A-Z]+(?:_[A-Z]+)*)`", (DOCS / name).read_text("utf-8")))


def test_the_steps_of_the_check_list_every_finding() -> None:
    assert codes("check.md") == CATALOGUE.keys() - AUDIT_ONLY


def test_the_threat_model_names_only_findings_that_exist() -> None:
    said = codes("threat-model.md") - NOTES - PROVED.keys() - NOT_PROVED.keys()
    assert said <= CATALOGUE.keys()


def test_every_finding_is_raised_somewhere() -> None:
    code = "".join(path.read_text("utf-8") for path in (DOCS.parent / "verifier").rglob("*.py"))
    for name in CATALOGUE:
        assert code.count(f'"{name}"') > 1, name
