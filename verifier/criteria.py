"""Criteria: what every star of an edition asks for, judged one by one.

* 上云形式: ``NO_DATA`` without a profile, ``DECLARED`` if the star allows the declared form, else ``FAIL``.
* A count of ticked rows: ``PASS`` where nothing is asked; ``NO_DATA`` without a profile; ``PASS`` for a
  rule about others; ``DECLARED`` if enough ticks have documents; ``INCONCLUSIVE`` if only the documents
  are too few; else ``FAIL``.
* A measured figure: its verdict as measured. What the enterprise says about it changes nothing.
* A declared figure: ``NO_DATA`` without a value, ``FAIL`` below the threshold, else ``DECLARED`` with
  documents and ``INCONCLUSIVE`` without.
* Whatever the edition does not state: ``INCONCLUSIVE``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from fractions import Fraction

from verifier import decimals, margins
from verifier.edition import CLOUD_FORM, COUNT_SUBCATEGORIES, DECLARED, IT_SERVICE, CountRule, Edition, Star
from verifier.margins import Scale, Sentence
from verifier.profile import DeclaredFigure, Profile
from verifier.result import Figures, Indicator
from verifier.verdict import Verdict, judge

FIGURE, COUNT, FORM = "figure", "count", CLOUD_FORM
FORM_NAME = Sentence("上云形式", "Form of cloud")
HOLDING = (Verdict.PASS, Verdict.DECLARED)
"""The verdicts with which a star stands."""


class Reason(Enum):
    """Why an answer is not simply what was counted or measured."""

    NONE = ""
    NOT_APPLICABLE = "NOT_APPLICABLE"
    EDITION_UNKNOWN = "EDITION_UNKNOWN"
    UNDOCUMENTED = "UNDOCUMENTED"
    SUBSTITUTED = "SUBSTITUTED"


@dataclass(frozen=True)
class Answer:
    """One criterion at one star.

    ``needed`` is the threshold as written, ``None`` if the edition states none or none can be written
    as a number; ``short`` is how much is missing, rounded up, ``None`` where it is no number;
    ``sentence`` says so in words and is empty where the star stands.
    """

    verdict: Verdict
    needed: str | None = None
    short: str | None = None
    reason: Reason = Reason.NONE
    sentence: Sentence = Sentence()

    @property
    def holds(self) -> bool:
        """Whether the star stands as far as this criterion goes."""
        return self.verdict in HOLDING


@dataclass(frozen=True)
class Criterion:
    """One criterion with its answer for every star, by star id.

    ``got`` is the figure (rounded down), the number of documented ticks, or the form of cloud.
    ``documents`` are the SHA-256 of what the enterprise proves it with.
    """

    id: str
    kind: str
    name: Sentence
    unit: str
    got: str | None
    documents: tuple[str, ...]
    answers: Mapping[str, Answer]


def criteria(figures: Figures, profile: Profile | None) -> tuple[Criterion, ...]:
    """Return all criteria of the edition: form of cloud, counts, figures, in the order of the guide."""
    edition = figures.edition
    found = [_cloud_form(edition, profile)]
    found += [_count(edition, rule, profile) for rule in edition.criteria]
    for indicator in figures.indicators:
        if indicator.rule.aggregation == DECLARED:
            found.append(_declared(edition, indicator, profile))
        else:
            found.append(_measured(edition, indicator))
    return tuple(found)


def _cloud_form(edition: Edition, profile: Profile | None) -> Criterion:
    def answer(star: Star) -> Answer:
        needed = "/".join(star.cloud_forms)
        if _stays_unknown(edition, CLOUD_FORM):
            return _unknown(edition, CLOUD_FORM, FORM_NAME, star)
        if profile is None:
            return Answer(Verdict.NO_DATA, needed, sentence=margins.no_form(FORM_NAME, star))
        if profile.cloud_form in star.cloud_forms:
            return Answer(Verdict.DECLARED, needed)
        sentence = margins.wrong_form(FORM_NAME, star, form=profile.cloud_form)
        return Answer(Verdict.FAIL, needed, sentence=sentence)

    return Criterion(
        id=CLOUD_FORM,
        kind=FORM,
        name=FORM_NAME,
        unit="",
        got=profile.cloud_form if profile else None,
        documents=tuple(_contracts(edition, profile)) if profile else (),
        answers={star.id: answer(star) for star in edition.stars},
    )


def _contracts(edition: Edition, profile: Profile) -> Iterator[str]:
    """Yield the documents that an edition asks for because of the form of cloud."""
    for attachment in edition.attachments:
        if profile.cloud_form in attachment.cloud_forms:
            yield from profile.attached(attachment.id)


def _count(edition: Edition, rule: CountRule, profile: Profile | None) -> Criterion:
    ticked = [profile.rows[name] for name in rule.rows if name in profile.rows] if profile else []
    proved = [row for row in ticked if row.documents]
    name = Sentence(rule.name_zh, rule.name_en)
    ticks = _counted(edition, rule, [row.id for row in ticked])
    documented = _counted(edition, rule, [row.id for row in proved])

    def answer(star: Star) -> Answer:
        if _stays_unknown(edition, rule.id) or star.id not in rule.needed:
            return _unknown(edition, rule.id, name, star)
        needed = rule.needed[star.id]
        if needed == 0:
            return Answer(Verdict.PASS, "0")
        if profile is None:
            sentence = margins.no_profile(name, star, needed=needed)
            return Answer(Verdict.NO_DATA, str(needed), sentence=sentence)
        if rule.only == IT_SERVICE and not profile.it_service:
            return Answer(Verdict.PASS, str(needed), reason=Reason.NOT_APPLICABLE)
        if documented >= needed:
            return Answer(Verdict.DECLARED, str(needed))
        numbers = {"needed": needed, "ticked": ticks, "documented": documented}
        short = str(needed - documented)
        if ticks >= needed:
            sentence = margins.undocumented_ticks(name, star, **numbers)
            return Answer(Verdict.INCONCLUSIVE, str(needed), short, Reason.UNDOCUMENTED, sentence)
        return Answer(Verdict.FAIL, str(needed), short, sentence=margins.too_few(name, star, **numbers))

    return Criterion(
        id=rule.id,
        kind=COUNT,
        name=name,
        unit=margins.ITEM,
        got=str(documented) if profile else None,
        documents=profile.sums(name for row in proved for name in row.documents) if profile else (),
        answers={star.id: answer(star) for star in edition.stars},
    )


def _counted(edition: Edition, rule: CountRule, ticked: Sequence[str]) -> int:
    """Return how much of the rule these rows fulfil: rows, or 子类 with at least one of them."""
    if rule.count == COUNT_SUBCATEGORIES:
        return len({(edition.row(name).category, edition.row(name).subcategory) for name in ticked})
    return len(ticked)


def _measured(edition: Edition, indicator: Indicator) -> Criterion:
    rule, bounds = indicator.rule, indicator.bounds
    name = Sentence(rule.name_zh, rule.name_en)
    by = margins.scale(rule.unit, bounds.value, rule.thresholds.values())

    def answer(star: Star) -> Answer:
        threshold = rule.threshold(star.id)
        if _stays_unknown(edition, rule.id) or threshold is None:
            return _unknown(edition, rule.id, name, star)
        needed, verdict = rule.thresholds[star.id], indicator.verdicts[star.id]
        reason = Reason.NONE if verdict is judge(bounds, threshold) else Reason.SUBSTITUTED
        if verdict in HOLDING:
            return Answer(verdict, needed, reason=reason)
        if verdict is Verdict.NO_DATA or bounds.value is None or bounds.low is None:
            return Answer(verdict, needed, sentence=margins.not_measured(name, star, needed, by=by))
        if verdict is Verdict.FAIL and bounds.value < threshold:
            short = by.up(threshold - bounds.value)
            value = by.down(bounds.value)
            sentence = margins.measured_below(name, star, needed, value=value, short=short, by=by)
        else:
            short = by.up(threshold - bounds.low)
            sentence = margins.measured_open(name, star, needed, bounds=bounds, short=short, by=by)
        return Answer(verdict, needed, short, reason, sentence)

    return Criterion(
        id=rule.id,
        kind=FIGURE,
        name=name,
        unit=rule.unit,
        got=None if bounds.value is None else by.down(bounds.value),
        documents=(),
        answers={star.id: answer(star) for star in edition.stars},
    )


def _declared(edition: Edition, indicator: Indicator, profile: Profile | None) -> Criterion:
    rule = indicator.rule
    figure = profile.figures.get(rule.id) if profile else None
    value = decimals.parse(figure.value) if figure else None
    name = Sentence(rule.name_zh, rule.name_en)
    by = margins.scale(rule.unit, value, rule.thresholds.values())

    def answer(star: Star) -> Answer:
        threshold = rule.threshold(star.id)
        if _stays_unknown(edition, rule.id) or threshold is None:
            return _unknown(edition, rule.id, name, star)
        needed = rule.thresholds[star.id]
        if figure is None or value is None:
            sentence = margins.not_declared(name, star, needed, by=by)
            return Answer(Verdict.NO_DATA, needed, sentence=sentence)
        return _judge_declared(figure, value, threshold, name=name, star=star, needed=needed, by=by)

    return Criterion(
        id=rule.id,
        kind=FIGURE,
        name=name,
        unit=rule.unit,
        got=None if value is None else by.down(value),
        documents=profile.sums(figure.documents) if profile and figure else (),
        answers={star.id: answer(star) for star in edition.stars},
    )


def _judge_declared(
    figure: DeclaredFigure,
    value: Fraction,
    threshold: Fraction,
    *,
    name: Sentence,
    star: Star,
    needed: str,
    by: Scale,
) -> Answer:
    printed = by.down(value)
    if value < threshold:
        short = by.up(threshold - value)
        sentence = margins.measured_below(name, star, needed, value=printed, short=short, by=by)
        return Answer(Verdict.FAIL, needed, short, sentence=sentence)
    if figure.documents:
        return Answer(Verdict.DECLARED, needed)
    sentence = margins.undocumented_figure(name, star, needed, value=printed, by=by)
    return Answer(Verdict.INCONCLUSIVE, needed, None, Reason.UNDOCUMENTED, sentence)


def _stays_unknown(edition: Edition, about: str) -> bool:
    return any(entry.about == about for entry in edition.unknown)


def _unknown(edition: Edition, about: str, name: Sentence, star: Star) -> Answer:
    entries = [entry for entry in edition.unknown if entry.about == about]
    sentence = margins.not_stated(name, star, unknown=entries)
    return Answer(Verdict.INCONCLUSIVE, reason=Reason.EDITION_UNKNOWN, sentence=sentence)
