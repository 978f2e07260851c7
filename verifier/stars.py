"""Stars: which star the evidence and the profile support, and what blocks the next one.

A star is supported if and only if every criterion is ``PASS`` or ``DECLARED`` at it, not reached if
one is ``FAIL``, else undecided. Stars do not build on each other: an enterprise in a private cloud can
reach a star that lies above one that asks for a public cloud. An incomplete edition supports no star.
A computed star is not a 认定.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import Enum
from typing import Any

from verifier.criteria import Answer, Criterion, criteria
from verifier.edition import CLOUD_FORM, Application, Attachment, Edition, Star
from verifier.margins import Sentence
from verifier.profile import Profile
from verifier.result import Figures
from verifier.verdict import Verdict

SCHEMA = "starproof/verdict/1"


class Standing(Enum):
    """How an enterprise stands at one star."""

    SUPPORTED = "可支持"
    NOT_REACHED = "未达到"
    UNDECIDED = "未定"


@dataclass(frozen=True)
class Blocker:
    """One thing that keeps the next star away; ``short`` is how much, in ``unit``, if it is a number."""

    criterion: str
    verdict: Verdict
    sentence: Sentence
    short: str | None
    unit: str


@dataclass(frozen=True)
class NextStar:
    """The star to reach next, and all that blocks it."""

    star: Star
    blockers: tuple[Blocker, ...]


@dataclass(frozen=True)
class Attached:
    """One of 配套证明材料: whether it is asked for, and the SHA-256 of what is there."""

    attachment: Attachment
    asked: bool
    documents: tuple[str, ...]


@dataclass(frozen=True)
class StarVerdict:
    """The whole verdict. ``star`` is the highest one supported, ``None`` if none is.

    ``rests_on_declared``: something that only the enterprise says carries ``star``. ``open``: the day
    given lies in a period of application; ``False`` where the edition names none or no day was given.
    """

    edition: Edition
    star: Star | None
    provisional: bool
    rests_on_declared: bool
    standings: Mapping[str, Standing]
    criteria: tuple[Criterion, ...]
    applied_for: str | None
    next: NextStar | None
    attachments: tuple[Attached, ...]
    open: bool


def star_verdict(
    *, figures: Figures, profile: Profile | None, provisional: bool, now_day: int | None
) -> StarVerdict:
    """Return the verdict of one window under the edition of ``figures``.

    Args:
        figures: what was measured.
        profile: what the enterprise declares; ``None``: nothing.
        provisional: the window has not ended.
        now_day: ordinal of today's local day, for the periods of application.
    """
    edition = figures.edition
    judged = criteria(figures, profile)
    standings = {star.id: _standing(edition, _answers(judged, star)) for star in edition.stars}
    supported = [star for star in edition.stars if standings[star.id] is Standing.SUPPORTED]
    star = supported[-1] if supported else None
    return StarVerdict(
        edition=edition,
        star=star,
        provisional=provisional,
        rests_on_declared=star is not None
        and any(answer.verdict is Verdict.DECLARED for answer in _answers(judged, star)),
        standings=standings,
        criteria=judged,
        applied_for=profile.star if profile else None,
        next=_next(edition, judged, star),
        attachments=tuple(_attached(attachment, profile) for attachment in edition.attachments),
        open=_open(edition.application, now_day),
    )


def _answers(judged: Sequence[Criterion], star: Star) -> list[Answer]:
    return [criterion.answers[star.id] for criterion in judged]


def _standing(edition: Edition, answers: Sequence[Answer]) -> Standing:
    if any(answer.verdict is Verdict.FAIL for answer in answers):
        return Standing.NOT_REACHED
    if edition.complete and all(answer.holds for answer in answers):
        return Standing.SUPPORTED
    return Standing.UNDECIDED


def _next(edition: Edition, judged: Sequence[Criterion], star: Star | None) -> NextStar | None:
    above = edition.stars[edition.stars.index(star) + 1 :] if star else edition.stars
    if not above:
        return None
    # A star whose form of cloud is another one is out of reach by rule; the next one may not be.
    form = next(criterion for criterion in judged if criterion.id == CLOUD_FORM)
    reachable = [entry for entry in above if form.answers[entry.id].verdict is not Verdict.FAIL]
    above = tuple(reachable) or above
    blockers = [
        Blocker(criterion.id, answer.verdict, answer.sentence, answer.short, criterion.unit)
        for criterion, answer in zip(judged, _answers(judged, above[0]), strict=True)
        if not answer.holds
    ]
    known = {criterion.id for criterion in judged}
    blockers += [
        Blocker(entry.about, Verdict.INCONCLUSIVE, Sentence(entry.zh, entry.en), None, "")
        for entry in edition.unknown
        if entry.about not in known
    ]
    return NextStar(above[0], tuple(blockers))


def _attached(attachment: Attachment, profile: Profile | None) -> Attached:
    forms = attachment.cloud_forms
    asked = not forms or (profile is not None and profile.cloud_form in forms)
    return Attached(attachment, asked, profile.attached(attachment.id) if profile else ())


def _open(application: Application | None, now_day: int | None) -> bool:
    if application is None or now_day is None:
        return False
    day = date.fromordinal(now_day)
    in_years = application.first_year <= day.year <= application.last_year
    return in_years and day.month in application.months


def verdict_document(verdict: StarVerdict) -> dict[str, Any]:
    """Return the document of a verdict (schema ``starproof/verdict/1``)."""
    edition, star = verdict.edition, verdict.star
    return {
        "schema": SCHEMA,
        "edition": {
            "id": edition.id,
            "sha256": edition.sha256,
            "complete": _yes(verdict.edition.complete),
            "unknown": [{"about": u.about, "zh": u.zh, "en": u.en} for u in edition.unknown],
        },
        "star": star.id if star else None,
        "star_name_zh": star.name_zh if star else None,
        "star_name_en": star.name_en if star else None,
        "provisional": _yes(verdict.provisional),
        "rests_on_declared": _yes(verdict.rests_on_declared),
        "stars": [_star(entry, verdict.standings[entry.id]) for entry in edition.stars],
        "criteria": [_criterion(criterion) for criterion in verdict.criteria],
        "applied_for": verdict.applied_for,
        "next": _next_document(verdict.next) if verdict.next else None,
        "attachments": [
            {
                "id": entry.attachment.id,
                "name_zh": entry.attachment.name_zh,
                "name_en": entry.attachment.name_en,
                "asked": _yes(entry.asked),
                "documents": list(entry.documents),
            }
            for entry in verdict.attachments
        ],
        "application": _application(edition.application, verdict.open) if edition.application else None,
    }


def _star(star: Star, standing: Standing) -> dict[str, str]:
    return {
        "id": star.id,
        "name_zh": star.name_zh,
        "name_en": star.name_en,
        "standing": standing.name,
        "decided_by_zh": star.decided_by_zh,
        "decided_by_en": star.decided_by_en,
    }


def _criterion(criterion: Criterion) -> dict[str, Any]:
    return {
        "id": criterion.id,
        "kind": criterion.kind,
        "name_zh": criterion.name.zh,
        "name_en": criterion.name.en,
        "unit": criterion.unit,
        "got": criterion.got,
        "documents": list(criterion.documents),
        "answers": {
            star: {
                "verdict": answer.verdict.name,
                "needed": answer.needed,
                "short": answer.short,
                "reason": answer.reason.value,
            }
            for star, answer in criterion.answers.items()
        },
    }


def _next_document(step: NextStar) -> dict[str, Any]:
    return {
        "star": step.star.id,
        "blockers": [
            {
                "criterion": blocker.criterion,
                "verdict": blocker.verdict.name,
                "zh": blocker.sentence.zh,
                "en": blocker.sentence.en,
                "short": blocker.short,
                "unit": blocker.unit,
            }
            for blocker in step.blockers
        ],
    }


def _application(application: Application, is_open: bool) -> dict[str, str]:  # noqa: FBT001 - a fact, printed
    return {"text_zh": application.text_zh, "text_en": application.text_en, "open": _yes(is_open)}


def _yes(flag: bool) -> str:  # noqa: FBT001 - turns a flag into the document's word
    return "yes" if flag else "no"
