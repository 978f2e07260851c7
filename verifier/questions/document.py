"""The questions of a report, as texts and whole numbers."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from verifier import decimals
from verifier.facts import SourceFacts
from verifier.questions.asking import PERCENT, Asked, Question
from verifier.questions.catalogue import Definition
from verifier.questions.unit_share import TOP_UNITS, shares, unnamed

MOST_ASKED = 500
"""Questions that are listed; all are counted."""
US_PER_S = 1_000_000


def questions_document(asked: Asked, facts: Sequence[SourceFacts]) -> dict[str, Any]:
    """Return the entry ``questions``: what is asked, of how many tests, and which units used the processor."""
    return {
        "asked": [_question(question) for question in asked.questions[:MOST_ASKED]],
        "count": len(asked.questions),
        "definitions": [_definition(definition, tested, asked) for definition, tested in asked.tested],
        "units": [_units(entry) for entry in facts if entry.behaviour.units],
    }


def _question(question: Question) -> dict[str, Any]:
    return {
        "definition": question.definition,
        "host": question.host,
        "source": question.source,
        "about": question.about,
        "count": question.count,
        "start_ms": question.start_ms,
        "end_ms": question.end_ms,
        "values": {name: decimals.outward(value) for name, value in question.values},
    }


def _definition(definition: Definition, tested: int, asked: Asked) -> dict[str, Any]:
    texts = ("id", "zh", "en", "ask_zh", "ask_en", "innocent_zh", "innocent_en")
    mine = [question for question in asked.questions if question.definition == definition.id]
    return {
        **{name: getattr(definition, name) for name in texts},
        "tested": tested,
        "asked": len(mine),
        "hosts": len({question.host for question in mine}),
        "expected": _expected(definition, tested),
        "rates": [{"data": rate.data, "asked": rate.asked, "of": rate.of} for rate in definition.rates],
    }


def _expected(definition: Definition, tested: int) -> str | None:
    """Return how many questions honest machines would give rise to, by all traces together."""
    if not definition.rates:
        return None
    rate = Fraction(sum(r.asked for r in definition.rates), sum(r.of for r in definition.rates))
    return decimals.outward(rate * tested)


def _units(entry: SourceFacts) -> dict[str, Any]:
    behaviour = entry.behaviour
    return {
        "host": entry.host,
        "source": entry.source,
        "busy_s": behaviour.busy_us // US_PER_S,
        "unnamed": decimals.floor(unnamed(behaviour) * PERCENT),
        "units": [
            {
                "name": unit.name,
                "used_s": unit.used_us // US_PER_S,
                "share": decimals.floor(unit.share * PERCENT),
            }
            for unit in shares(behaviour)[:TOP_UNITS]
        ],
    }
