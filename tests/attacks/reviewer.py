"""What a reviewer sees, and how a test says what must be seen."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from fleet_simulator import LOG_KEY, Site
from packs import codes
from rich.console import Console
from table import Way, way_of

from starproof.check_text import print_check
from verifier.audit import audit
from verifier.check import FAILED, CheckReport
from verifier.proved import NOT_PROVED


@dataclass(frozen=True)
class Twin:
    """A site with the pack that it made and what a reviewer found in it."""

    site: Site
    pack: bytes
    report: CheckReport


def attack(row: str, way: str) -> pytest.MarkDecorator:
    """Says which way of which row of the table a test is about; the test takes it as ``way``."""
    return pytest.mark.parametrize("way", [way_of(row, way)], ids=[f"{row}: {way}"])


def expect(way: Way, report: CheckReport, honest: Twin) -> None:
    """The check ends as the table says, by these findings, of which the honest twin has none.

    What is not proved is said in the report and on the reviewer's screen, word for word.
    """
    assert report.outcome == way.outcome, report.findings
    assert way.codes <= codes(report), report.findings
    if not way.codes:
        assert codes(report) <= set(way.beside), report.findings
    assert honest.report.outcome == "pass"
    assert not codes(honest.report)
    if report.outcome != FAILED:
        screen = text_of(report)
        assert report.report is not None
        page_one = {point["code"]: point for point in report.report["not_proved"]}
        for sentence in way.sentences:
            zh, en = NOT_PROVED[sentence]
            assert (page_one[sentence]["zh"], page_one[sentence]["en"]) == (zh, en)
            assert zh in screen
            assert en in screen


def text_of(report: CheckReport) -> str:
    out = io.StringIO()
    print_check(report, Console(file=out, width=200))
    return out.getvalue()


def audited(site: Site) -> set[str]:
    """The codes of ``starproof audit``: recomputed from the store, and what the collector noticed."""
    archive = site.archive
    found = {finding.code for finding in audit(archive, log=archive.log, log_key=LOG_KEY.public).findings}
    return found | {finding.code for finding in archive.findings()}


def questions(report: CheckReport) -> set[str]:
    assert report.report is not None
    return {asked["id"] for asked in report.report["questions"]["asked"]}


def figure(report: CheckReport, indicator: str) -> dict[str, Any]:
    """The recomputed figure of an indicator."""
    assert report.figures is not None
    return next(one for one in report.figures["indicators"] if one["id"] == indicator)


Fork = Callable[..., Site]
