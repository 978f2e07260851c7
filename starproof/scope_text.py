"""Declared versions of the scope for people and for programs: one layout for declare, list and show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from evidence.calendar import MS_PER_S, LocalCalendar
from starproof.tables import printable
from verifier.declaration import Declared, ScopeVersion, record_sha256
from verifier.scope import Scope
from verifier.scope_difference import differences

MAX_SHOWN = 20
"""Differences shown of one version; JSON holds all."""
BEGUN = (
    "统计期已经开始：报告会注明本版本在统计期开始之后声明",
    "the window has begun: reports say that this version came after its beginning",
)
FIRST = ("第一个版本", "the first version")
NO_CHANGE = ("内容没有变化，只是写法不同", "the content is the same, only written differently")


def window_start_ms(scope: Scope) -> int:
    """Return when the scope's window begins, in ms since 1970."""
    return LocalCalendar(scope.timezone).day_start(scope.first_day)


def version_documents(declared: Sequence[Declared], versions: Sequence[ScopeVersion]) -> list[dict[str, Any]]:
    """Return one document for each version: what it is, when it was declared, what it changed."""
    documents = []
    for number, ((record, _), version) in enumerate(zip(declared, versions, strict=True)):
        scope = version.scope
        before = version.declared_ms < window_start_ms(scope)
        documents.append(
            {
                "version": version.version,
                "sha256": version.sha256,
                "record_sha256": record_sha256(record),
                "declared_ms": version.declared_ms,
                "declared_before_window": "yes" if before else "no",
                "timezone": scope.timezone,
                "window": {"first_day": _day(scope.first_day), "last_day": _day(scope.last_day)},
                "edition": scope.edition,
                "hosts": len(scope.hosts),
                "differences": differences(versions[number - 1].scope, scope) if number else [],
            }
        )
    return documents


def version_lines(document: Mapping[str, Any]) -> list[str]:
    """Return the lines that describe one version."""
    window = document["window"]
    declared = _local(document["declared_ms"], document["timezone"])
    lines = [
        f"第 {document['version']} 版 version {document['version']}    声明于 declared {declared}",
        f"  SHA-256 {document['sha256']}",
        f"  统计期 window {window['first_day']} … {window['last_day']}  {printable(document['timezone'])}",
        f"  主机 hosts {document['hosts']}    评定版本 edition {printable(document['edition'])}",
    ]
    if document["declared_before_window"] == "no":
        lines += [f"  {text}" for text in BEGUN]
    return lines + _difference_lines(document)


def _difference_lines(document: Mapping[str, Any]) -> list[str]:
    changes = document["differences"]
    if not changes:
        zh, en = FIRST if document["version"] == 1 else NO_CHANGE
        return [f"  {zh} / {en}"]
    number = document["version"] - 1
    lines = [f"  与第 {number} 版的差别 / differences to version {number}："]
    lines += [
        f"    {printable(change['place'])}: {_value(change['before'])} → {_value(change['after'])}"
        for change in changes[:MAX_SHOWN]
    ]
    if len(changes) > MAX_SHOWN:
        lines.append(f"    另有 {len(changes) - MAX_SHOWN} 处，见 --json (more in --json)")
    return lines


def _value(text: str) -> str:
    return printable(text) if text else "（无 none）"


def _day(ordinal: int) -> str:
    return date.fromordinal(ordinal).isoformat()


def _local(instant_ms: int, zone: str) -> str:
    return f"{datetime.fromtimestamp(instant_ms // MS_PER_S, ZoneInfo(zone)):%Y-%m-%d %H:%M:%S %z}"
