"""The second verifier as tests use it: loaded from its one file, asked the same as ``check``."""

from __future__ import annotations

import importlib.util
import io
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

FILE = Path(__file__).resolve().parents[1] / "verifier" / "standalone" / "starproof_check.py"


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


def found(findings: list[Any]) -> Counter[tuple[str, str, str]]:
    """Return code, host and slot, and how often."""
    return Counter((finding.code, finding.host, finding.slot) for finding in findings)


def disagreement(ours: CheckReport, theirs: Any) -> str:
    """Return where two reports on one pack differ, empty if they agree."""
    mine, other = found(ours.findings), found(theirs.findings)
    if ours.outcome == theirs.outcome and mine == other:
        return ""
    return (
        f"check: {ours.outcome}, alone: {theirs.outcome}; "
        f"only check: {sorted(mine - other)[:9]}; only alone: {sorted(other - mine)[:9]}"
    )
