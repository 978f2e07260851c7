"""The audit of dependencies, with real processes in pip-audit's place."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path

import pytest

PLACE = Path(__file__).resolve().parents[2] / "deploy" / "release"
SPEC = importlib.util.spec_from_file_location("starproof_release_audit", PLACE / "audit.py")
audit = importlib.util.module_from_spec(SPEC)
sys.modules[SPEC.name] = audit
SPEC.loader.exec_module(audit)

FOUND = {
    "dependencies": [
        {"name": "good", "version": "1", "vulns": []},
        {"name": "starproof", "skip_reason": "editable"},
        {
            "name": "bad",
            "version": "2",
            "vulns": [{"id": "PYSEC-1", "aliases": ["CVE-1"], "fix_versions": ["3"]}],
        },
    ],
    "fixes": [],
}
ENTRY = '[[accepted]]\nid = "CVE-1"\npackage = "bad"\nreason = "{}"\nuntil = {}\n'
REASON = "its server part, which nothing of ours starts"


def run(tmp_path, said, *, accepted="", timeout_s=60):
    file = tmp_path / "audit.toml"
    file.write_text(accepted)
    program = f"import sys, time; {said}"
    return audit.main([str(file)], command=[sys.executable, "-c", program], timeout_s=timeout_s)


def printing(document):
    return f"print({json.dumps(document)!r}); sys.exit(1)"


def test_a_known_vulnerability_fails_unless_it_is_accepted_with_a_reason_for_now(tmp_path, capsys):
    assert run(tmp_path, printing(FOUND)) == 1
    assert "bad 2: PYSEC-1; fixed by 3" in capsys.readouterr().err
    assert run(tmp_path, printing(FOUND), accepted=ENTRY.format(REASON, "2999-01-01")) == 0
    assert "2 packages asked about, 0 problems" in capsys.readouterr().out
    assert run(tmp_path, printing(FOUND), accepted=ENTRY.format(REASON, "2020-01-01")) == 1
    assert "its acceptance is over" in capsys.readouterr().err
    hidden = {"dependencies": [{"name": "a", "skip_reason": "not found"}, *FOUND["dependencies"][:2]]}
    assert run(tmp_path, printing(hidden)) == 0
    assert "*** NOT AUDITED *** 1 packages, a first: not found" in capsys.readouterr().err
    nothing = {"dependencies": FOUND["dependencies"][:2]}
    assert run(tmp_path, printing(nothing)) == 0
    assert run(tmp_path, printing(nothing), accepted=ENTRY.format(REASON, "2999-01-01")) == 1
    assert "no longer found" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("sys.exit('ERROR: Could not connect to PyPI')", "Could not connect"),
        ("sys.exit(3)", "exit status 3"),
        ("print('[]')", "without a word"),
        ("time.sleep(60)", "timed out"),
    ],
)
def test_advisories_that_cannot_be_asked_fail_nothing_and_are_not_passed_off_as_an_answer(
    tmp_path, capsys, said, reason
):
    assert run(tmp_path, said, timeout_s=1 if "sleep" in said else 60) == 0
    captured = capsys.readouterr()
    assert "*** NOT AUDITED ***" in captured.err
    assert reason in captured.err
    assert not captured.out


@pytest.mark.parametrize(
    "text", [ENTRY.format("no", "2999-01-01"), ENTRY.format(REASON, '"soon"'), "accepted = ["]
)
def test_an_acceptance_without_reason_or_end_is_refused(tmp_path, text):
    assert run(tmp_path, "pass", accepted=text) == 1


def test_a_tool_that_is_missing_is_no_service_that_cannot_be_reached(monkeypatch, capsys):
    monkeypatch.setattr(audit, "find_spec", lambda name: None)
    assert audit.main([]) == 1
    assert "not installed" in capsys.readouterr().err


def test_what_is_accepted_now_is_well_formed():
    audit.acceptances((PLACE / "audit.toml").read_text(encoding="utf-8"))
