"""Charts of documents where a process may not make code: drawn all the same, in the report too."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from processes import ROOT, environment
from report_sample import attachment, report

from documents.charts import engine
from documents.errors import FontError
from documents.fonts import find_font
from documents.report import report_html, report_pdf

DENIED = """
import ctypes, mmap
PR_SET_MDWE, REFUSE_EXEC_GAIN = 65, 1
if ctypes.CDLL(None).prctl(PR_SET_MDWE, REFUSE_EXEC_GAIN, 0, 0, 0) != 0:
    raise SystemExit(77)
from documents.charts.engine import may_make_code
print(may_make_code())
"""


def test_a_process_that_may_not_make_code_is_known_before_it_is_ended():
    done = subprocess.run(
        [sys.executable, "-c", DENIED],
        cwd=ROOT,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode == 77:
        pytest.skip("this kernel is too old to refuse memory that is written and run")
    assert (done.returncode, done.stdout) == (0, "False\n"), done.stderr


def test_without_vega_the_report_has_the_same_charts_in_html_and_pdf(monkeypatch):
    with_vega = report_html(report())
    monkeypatch.setattr(engine, "may_make_code", lambda: False)
    plain = report_html(report())
    assert plain.count("<svg") == with_vega.count("<svg") > 0
    assert plain.count('class="drawn"') == plain.count("<svg")
    try:
        font = find_font(environment=os.environ)
    except FontError as error:
        pytest.skip(str(error))
    document = report()
    assert report_pdf(document, figures_json=attachment(document), font=font).startswith(b"%PDF-")
