"""The figures document: ``starproof/figures/1``, the same bytes for the same evidence.

Numbers that decide are decimal strings of 15 significant digits; value and low end are rounded down
and the high end up, so no printed number looks better than it is. ``null`` stands where there is no
data. The verdicts compare the exact figures, not the printed ones.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date
from fractions import Fraction
from typing import Any

from verifier import decimals
from verifier.bounds import Bounds
from verifier.errors import VerifierError
from verifier.indicators.interface import HostFigure
from verifier.notes import Note
from verifier.result import Beside, Figures, Indicator, MonthFigure, Substituted
from verifier.scope import Scope
from verifier.verdict import Verdict
from verifier.window import TimeClasses, Window, whole_seconds

SCHEMA = "starproof/figures/1"


def document(figures: Figures) -> dict[str, Any]:
    """Return the document of ``figures``: strings, integers, lists, objects and nulls only."""
    scope = figures.scope
    return {
        "schema": SCHEMA,
        "enterprise": figures.enterprise,
        "month": figures.month,
        "months": list(figures.months),
        "timezone": figures.timezone,
        "edition": {"id": figures.edition.id, "sha256": figures.edition.sha256},
        "scope_given": "no" if scope is None else "yes",
        "scope_sha256": None if scope is None else scope.sha256,
        "window": _window(figures.window),
        "provisional": "yes" if figures.provisional else "no",
        "exclusions": [] if scope is None else _exclusions(scope),
        "indicators": [_indicator(indicator) for indicator in figures.indicators],
        "notes": notes_document(figures.notes),
    }


def encode_figures(figures_document: dict[str, Any]) -> bytes:
    """Return the bytes of a figures document: sorted keys, no blanks, UTF-8, one line feed at the end.

    Raises:
        VerifierError: a value is neither text, integer, list, object nor null.
    """
    _require_plain(figures_document)
    text = json.dumps(figures_document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return text.encode("utf-8") + b"\n"


def _require_plain(value: object) -> None:
    if isinstance(value, dict):
        for key, item in value.items():
            _require_plain(item)
            if not isinstance(key, str):
                raise VerifierError(f"the key {key!r} of a figures document is not a text")
    elif isinstance(value, list):
        for item in value:
            _require_plain(item)
    elif isinstance(value, bool) or not isinstance(value, (str, int, type(None))):
        raise VerifierError(f"{value!r} cannot stand in a figures document")


def _window(window: Window) -> dict[str, Any]:
    return {
        "start_ms": window.start_ms,
        "end_ms": window.end_ms,
        "first_day": _day(window.first_day),
        "last_day": _day(window.after_day - 1),
    }


def _exclusions(scope: Scope) -> list[dict[str, Any]]:
    return [
        {
            "from": _day(exclusion.first_day),
            "to": _day(exclusion.last_day),
            "reason": exclusion.reason,
            "person": exclusion.person,
        }
        for exclusion in scope.exclusions
    ]


def _indicator(indicator: Indicator) -> dict[str, Any]:
    rule = indicator.rule
    parts = [whole_seconds(figure.times) for figure in indicator.hosts]
    detail, whole = {}, parts
    if indicator.enterprise is not None:
        detail, whole = {"detail": dict(indicator.enterprise.detail)}, [whole_seconds(indicator.times)]
    return {
        "id": rule.id,
        "name_zh": rule.name_zh,
        "name_en": rule.name_en,
        "definition": indicator.definition.id,
        "aggregation": rule.aggregation,
        "unit": rule.unit,
        "months": rule.months,
        "combine": rule.combine,
        **printed_bounds(indicator.bounds),
        "steal": _floor(indicator.steal),
        "coverage": _coverage(indicator.times, whole),
        "suspect_s": sum(_suspect_s(figure) for figure in indicator.hosts),
        "thresholds": dict(rule.thresholds),
        "verdicts": _verdicts(indicator.verdicts),
        "substitution": _substituted(indicator.substituted),
        "by_month": [_month(part) for part in indicator.months],
        "hosts": [_host(figure, seconds) for figure, seconds in zip(indicator.hosts, parts, strict=True)],
        "notes": notes_document(indicator.notes),
        **detail,
        **({"beside": [_beside(other) for other in indicator.beside]} if indicator.beside else {}),
    }


def _beside(other: Beside) -> dict[str, Any]:
    return {
        "definition": other.definition.id,
        "zh": other.definition.zh,
        "en": other.definition.en,
        **printed_bounds(other.bounds),
        "share": coverage_share(other.times),
    }


def _substituted(found: Substituted | None) -> dict[str, Any] | None:
    if found is None:
        return None
    printed = printed_bounds(found.bounds)
    return {"rule": found.rule, "low": printed["low"], "high": printed["high"], "decided": list(found.stars)}


def _month(part: MonthFigure) -> dict[str, Any]:
    return {
        "month": part.month,
        **printed_bounds(part.bounds),
        "share": coverage_share(part.times),
        "verdicts": _verdicts(part.verdicts),
    }


def _verdicts(verdicts: Mapping[str, Verdict]) -> dict[str, str]:
    return {star: verdict.name for star, verdict in verdicts.items()}


def _host(figure: HostFigure, seconds: dict[str, int]) -> dict[str, Any]:
    return {
        "host": figure.host,
        "source": figure.source,
        **printed_bounds(figure.bounds),
        "capacity_bps": _floor(figure.weight),
        "steal": _floor(figure.steal),
        "coverage": _coverage(figure.times, [seconds]),
        "suspect_s": _suspect_s(figure),
    }


def _suspect_s(figure: HostFigure) -> int:
    return figure.times.suspect_ms // 1_000


def printed_bounds(bounds: Bounds) -> dict[str, str | None]:
    """Return the printed numbers; without a value there is nothing to print."""
    if bounds.value is None:
        return {"value": None, "low": None, "high": None, "running": None}
    return {
        "value": _floor(bounds.value),
        "low": _floor(bounds.low),
        "high": None if bounds.high is None else decimals.signed_ceiling(bounds.high),
        "running": _floor(bounds.running),
    }


def _floor(number: Fraction | None) -> str | None:
    return None if number is None else decimals.signed_floor(number)


def _coverage(times: TimeClasses, parts: Sequence[dict[str, int]]) -> dict[str, Any]:
    """Return the coverage: whole seconds, the sums of the parts; the share is exact, rounded down."""
    names = ("observed_s", "bridged_s", "downtime_s", "excluded_s", "missing_s")
    return {**{name: sum(part[name] for part in parts) for name in names}, "share": coverage_share(times)}


def coverage_share(times: TimeClasses) -> str | None:
    """Return the share of the time that was neither downtime nor excluded in which amounts are known."""
    running = times.covered_ms + times.missing_ms
    return decimals.floor(Fraction(times.covered_ms, running)) if running else None


def notes_document(notes: Sequence[Note]) -> list[dict[str, Any]]:
    """Return notes in both languages, with the hosts and days they are about."""
    return [
        {
            "code": note.code,
            "zh": note.zh,
            "en": note.en,
            "hosts": [{"host": host, "days": [_day(day) for day in days]} for host, days in note.hosts],
        }
        for note in notes
    ]


def _day(ordinal: int) -> str:
    return date.fromordinal(ordinal).isoformat()
