"""From sealed chunks to the form: the verifier's own documents, not ones written for the test."""

from __future__ import annotations

import form_inputs
import word_files
from fleet import Fleet
from form_inputs import EDITION

from documents.form import form_docx
from verifier.document import document
from verifier.figures import measure
from verifier.stars import star_verdict, verdict_document


def drawn(busy: int, *, provisional: bool) -> bytes:
    fleet = Fleet()
    fleet.agent("web-1", start="2026-11-01").run(hours=30 * 24, busy=busy)
    profile = form_inputs.full_profile()
    figures = measure(fleet.archive(), month="2026-11", edition=EDITION)
    verdict = star_verdict(figures=figures, profile=profile, provisional=provisional, now_day=None)
    return form_docx(
        edition=EDITION,
        profile=profile,
        figures=document(figures),
        verdict=verdict_document(verdict),
    )


def answers(data: bytes) -> dict[str, str]:
    _, appendix = word_files.tables(data)
    return {row[-2].text: row[-1].text for row in appendix[-6:]}


def test_what_the_hosts_counted_stands_on_the_form() -> None:
    said = answers(drawn(8, provisional=False))
    assert said["业务主机平均CPU利用率"] == "8.00 %"
    assert said["月用户使用率"] == "无数据"
    assert said["上云投入"] == "62.509 万元（企业申报）"


def test_a_month_that_runs_is_provisional_on_the_form() -> None:
    assert answers(drawn(8, provisional=True))["业务主机平均CPU利用率"] == "8.00 %（暂定）"
