"""Where derived bytes differ: findings that name the day sum or the figure, not just the file."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from verifier import layout
from verifier.finding import Finding

MAX_SHOWN = 200
"""Characters of a differing value that a finding shows."""
MAX_DIFFERENCES = 1_000
"""Findings for one file; the rest is counted in one more."""


def differing_day_sums(expected: bytes, got: bytes) -> list[Finding]:
    """Return a finding for every day sum that differs, is missing or is too many."""
    want, have = _lines(expected), _lines(got)
    differing = [key for key in sorted(want.keys() | have.keys()) if want.get(key) != have.get(key)]
    found = [
        _day_sum(key, expected=_shown(want.get(key, "")), got=_shown(have.get(key, "")))
        for key in differing[:MAX_DIFFERENCES]
    ]
    return _closed(found, "DAY_SUMS", layout.DAY_SUMS, len(differing))


def _day_sum(key: str, *, expected: str, got: str) -> Finding:
    """The key of an honest line is host, source, metric and day; of another, whatever stands there."""
    parts = key.rsplit(",", 3)
    host, day = (parts[0], parts[3]) if len(parts) == len(("host", "source", "metric", "day")) else ("", "")
    if host.startswith('"') and host.endswith('"'):
        host = host[1:-1].replace('""', '"')
    return Finding("DAY_SUMS", key, host[:MAX_SHOWN], expected, got, day[:MAX_SHOWN])


def differing_document(code: str, name: str, *, expected: bytes, got: bytes) -> list[Finding]:
    """Return a finding for every value of a derived document that differs.

    Args:
        code: of the findings: ``FIGURES``, ``VERDICT`` or ``REPORT``.
        name: the entry.
        expected: the document as it follows from the chunks.
        got: the entry's bytes.
    """
    try:
        have = json.loads(got)
    except (ValueError, RecursionError) as error:
        return [Finding(code, name, got=f"not a JSON document: {error}")]
    differing = list(_values("", json.loads(expected), have))
    found = [
        Finding(code, f"{name}{path}", expected=_shown(want), got=_shown(has))
        for path, want, has in differing[:MAX_DIFFERENCES]
    ]
    return _closed(found, code, name, len(differing))


def _closed(found: list[Finding], code: str, name: str, count: int) -> list[Finding]:
    """Add what else is to say: too many to list, or the same values in other bytes."""
    if count > MAX_DIFFERENCES:
        found.append(Finding(code, name, got=f"{count - MAX_DIFFERENCES} more differences"))
    return found or [Finding(code, name, got="the same values in another form")]


def _lines(data: bytes) -> dict[str, str]:
    """Return the numbers by what they are about: host, source, metric and day."""
    parted = (
        line.rsplit(",", len(layout.DAY_SUM_FIELDS)) for line in data.decode("utf-8", "replace").splitlines()
    )
    return {parts[0]: ",".join(parts[1:]) for parts in parted}


def _values(path: str, want: Any, have: Any) -> Iterator[tuple[str, Any, Any]]:
    if isinstance(want, dict) and isinstance(have, dict):
        for key in sorted(want.keys() | have.keys()):
            yield from _values(f"{path}.{key}", want.get(key), have.get(key))
    elif isinstance(want, list) and isinstance(have, list) and len(want) == len(have):
        for number, (left, right) in enumerate(zip(want, have, strict=True)):
            yield from _values(f"{path}[{_name(left, number)}]", left, right)
    elif want != have or type(want) is not type(have):
        yield path, want, have


def _name(entry: Any, number: int) -> str:
    """What a list's entry is about, so that a reader finds it: an indicator, a host, a note."""
    if isinstance(entry, dict):
        for key in ("id", "indicator", "host", "code", "day"):
            if key in entry:
                return str(entry[key])
    return str(number)


def _shown(value: Any) -> str:
    try:
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    except RecursionError:
        return "a value that lies too deep to show"
    return text if len(text) <= MAX_SHOWN else text[:MAX_SHOWN] + "…"
