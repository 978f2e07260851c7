"""The comparisons of a report, as texts: differences are rounded away from zero, values down."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from verifier import decimals
from verifier.comparison import DIFFER, UNLIKE, ComparedHour, Comparison, Statistics, Tolerance
from verifier.notes import Note

NOTE_CODES = {DIFFER: "SOURCES_DIFFER", UNLIKE: "SCOPES_UNLIKE"}


def comparisons_document(comparisons: Iterable[Comparison]) -> list[dict[str, Any]]:
    """Return the entries under ``comparisons``. ``unit`` is of the values, ``difference`` of the differences."""
    return [
        {
            "host": comparison.host,
            "metric": comparison.metric,
            "unit": comparison.unit,
            "difference": comparison.difference_in,
            "primary": comparison.primary,
            "other": comparison.other,
            "scope": None
            if comparison.scopes is None
            else {"primary": comparison.scopes[0], "other": comparison.scopes[1]},
            "hours": comparison.hours,
            **_statistics(comparison.statistics),
            "worst": [_hour(hour) for hour in comparison.worst],
            "tolerance": _tolerance(comparison.tolerance),
            "within": comparison.within,
        }
        for comparison in comparisons
    ]


def comparison_notes(comparisons: Sequence[Comparison]) -> list[Note]:
    """Return what a reader must know beside the comparisons, with the hosts it is about."""
    found = []
    for answer, code in NOTE_CODES.items():
        hosts = sorted({comparison.host for comparison in comparisons if comparison.within == answer})
        if hosts:
            found.append(Note(code, tuple((host, ()) for host in hosts)))
    return found


def _statistics(found: Statistics | None) -> dict[str, Any]:
    if found is None:
        return {"median": None, "p95": None, "bias": None, "means": None}
    return {
        "median": decimals.outward(found.median),
        "p95": decimals.outward(found.p95),
        "bias": decimals.outward(found.bias),
        "means": {
            "primary": decimals.floor(found.primary_mean),
            "other": decimals.floor(found.other_mean),
            "difference": decimals.outward(found.mean_difference),
        },
    }


def _tolerance(tolerance: Tolerance) -> dict[str, str | None]:
    return {
        "typical": str(tolerance.typical),
        "rare": None if tolerance.rare is None else str(tolerance.rare),
    }


def _hour(hour: ComparedHour) -> dict[str, Any]:
    return {
        "start_ms": hour.start_ms,
        "primary": decimals.floor(hour.primary),
        "other": decimals.floor(hour.other),
        "difference": decimals.outward(hour.difference),
    }
