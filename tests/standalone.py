"""The second verifier as tests use it: loaded from its one file, asked the same as ``check``."""

from __future__ import annotations

import importlib.util
import io
import re
import sys
from collections import Counter
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import Any

from evidence.keys import PublicKey
from verifier.anchors.interface import Outside
from verifier.check import CheckReport
from verifier.finding import Finding

FILE = Path(__file__).resolve().parents[1] / "verifier" / "standalone" / "starproof_check.py"
WORDS = re.compile(r".*\.(zh|en)|(?:.*\.)?questions\.definitions\[.*\]\.(ask|innocent)_(zh|en)")
"""Places of words, which the second verifier says that it does not judge."""


def load() -> ModuleType:
    """Return the module; it stands in no package."""
    known = sys.modules.get("starproof_check")
    if known is not None:
        return known
    spec = importlib.util.spec_from_file_location("starproof_check", FILE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["starproof_check"] = module
    spec.loader.exec_module(module)
    return module


alone = load()


@lru_cache(64)
def key_alone(raw: bytes) -> Any:
    """Return a key as the second verifier has it; made once, because its table takes a while."""
    return alone.Key(raw)


def checked_alone(
    data: bytes,
    *,
    key: PublicKey | None,
    editions: Mapping[str, str],
    outside: Outside,
    now_ms: int | None = None,
    every_signature: bool = False,
) -> Any:
    """Return the second verifier's report."""
    brought = alone.Outside(
        list(outside.tsa_roots),
        list(outside.mail),
        [(typed.size, typed.code, typed.day) for typed in outside.codes],
        [(fetched.name, fetched.data, fetched.about) for fetched in outside.objects],
    )
    return alone.check_pack(
        io.BytesIO(data),
        log_key=None if key is None else key_alone(key.raw),
        editions=dict(editions),
        now_ms=now_ms,
        outside=brought,
        every_signature=every_signature,
    )


def is_judged_alone(finding: Finding | Any) -> bool:
    """Return whether the second verifier judges what a finding is about."""
    if finding.code not in ("FIGURES", "VERDICT", "REPORT"):
        return True
    return not WORDS.fullmatch(finding.place)


def judged_alone(findings: list[Any]) -> list[Any]:
    """Return what the second verifier judges of these findings."""
    return [finding for finding in findings if is_judged_alone(finding)]


def found(findings: list[Any]) -> Counter[tuple[str, str, str]]:
    """Return code, host and slot of what both judge."""
    return Counter((f.code, f.host, f.slot) for f in judged_alone(findings))


def outcome_of(findings: list[Any], *, judged: bool) -> str:
    """Return the outcome that follows from what both judge; without figures (``judged``) it is *fail*."""
    severities = {finding.severity for finding in judged_alone(findings)}
    if "fail" in severities or not judged:
        return "fail"
    return "incomplete" if "incomplete" in severities else "pass"


def disagreement(ours: CheckReport, theirs: Any) -> str:
    """Return where two reports on one pack differ, empty if they agree."""
    mine, other = found(ours.findings), found(theirs.findings)
    outcomes = (
        outcome_of(ours.findings, judged=ours.derived is not None),
        outcome_of(theirs.findings, judged=theirs.verdict is not None),
    )
    if outcomes[0] == outcomes[1] and mine == other:
        return ""
    return (
        f"check: {ours.outcome}, alone: {theirs.outcome}; "
        f"only check: {sorted(mine - other)[:9]}; only alone: {sorted(other - mine)[:9]}"
    )
