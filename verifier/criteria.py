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

from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from verifier import decimals, margins
from verifier.edition import CLOUD_FORM, COUNT_SUBCATEGORIES, IT_SERVICE, CountRule, Edition, Star
from verifier.margins import Counts, Sentence
from verifier.profile import DeclaredRow, Profile
from verifier.result import Figures, Indicator
from verifier.verdict import Verdict

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
    sentence: Sentence = margins.SILENCE

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
        if indicator.measured:
            found.append(_measured(edition, indicator))
        else:
            found.append(_declared(edition, indicator, profile))
    return tuple(found)


def _cloud_form(edition: Edition, profile: Profile | None) -> Criterion:
    def answer(star: Star) -> Answer:
        needed = "/".join(star.cloud_forms)
        if profile is None:
            return Answer(Verdict.NO_DATA, needed, sentence=margins.no_form(FORM_NAME, star))
        if profile.cloud_form not in star.cloud_forms:
            sentence = margins.wrong_form(FORM_NAME, star, form=profile.cloud_form)
            return Answer(Verdict.FAIL, needed, sentence=sentence)
        asked = [a for a in edition.attachments if profile.cloud_form in a.cloud_forms]
        if asked and not any(profile.attached(attachment.id) for attachment in asked):
            sentence = margins.unproved_form(FORM_NAME, form=profile.cloud_form, asked=asked)
            return Answer(Verdict.INCONCLUSIVE, needed, None, Reason.UNDOCUMENTED, sentence)
        return Answer(Verdict.DECLARED, needed)

    return Criterion(
        id=CLOUD_FORM,
        kind=FORM,
        name=FORM_NAME,
        unit="",
        got=profile.cloud_form if profile else None,
        documents=tuple(dict.fromkeys(_contracts(edition, profile))) if profile else (),
        answers=_answers(edition, CLOUD_FORM, FORM_NAME, edition.star_ids, answer),
    )


def _contracts(edition: Edition, profile: Profile) -> Iterator[str]:
    """Yield the documents that an edition asks for because of the form of cloud."""
    for attachment in edition.attachments:
        if profile.cloud_form in attachment.cloud_forms:
            yield from profile.attached(attachment.id)


def _count(edition: Edition, rule: CountRule, profile: Profile | None) -> Criterion:
    name = Sentence(rule.name_zh, rule.name_en)
    ticked = [profile.rows[row] for row in rule.rows if row in profile.rows] if profile else []
    proved = [row for row in ticked if row.documents]
    counts = Counts(_counted(edition, rule, ticked), _counted(edition, rule, proved))

    def answer(star: Star) -> Answer:
        needed = rule.needed[star.id]
        if needed == 0:
            return Answer(Verdict.PASS, "0")
        if profile is None:
            sentence = margins.no_profile(name, star, needed=needed)
            return Answer(Verdict.NO_DATA, str(needed), sentence=sentence)
        if rule.only == IT_SERVICE and not profile.it_service:
            return Answer(Verdict.PASS, str(needed), reason=Reason.NOT_APPLICABLE)
        return _judge_counts(counts, needed, name=name, star=star)

    return Criterion(
        id=rule.id,
        kind=COUNT,
        name=name,
        unit=margins.ITEM,
        got=str(counts.documented) if profile else None,
        documents=profile.sums(document for row in proved for document in row.documents) if profile else (),
        answers=_answers(edition, rule.id, name, rule.needed, answer),
    )


def _judge_counts(counts: Counts, needed: int, *, name: Sentence, star: Star) -> Answer:
    if counts.documented >= needed:
        return Answer(Verdict.DECLARED, str(needed))
    short = str(needed - counts.documented)
    if counts.ticked >= needed:
        sentence = margins.undocumented_ticks(name, star, needed=needed, counts=counts)
        return Answer(Verdict.INCONCLUSIVE, str(needed), short, Reason.UNDOCUMENTED, sentence)
    sentence = margins.too_few(name, star, needed=needed, counts=counts)
    return Answer(Verdict.FAIL, str(needed), short, sentence=sentence)


def _counted(edition: Edition, rule: CountRule, ticked: Sequence[DeclaredRow]) -> int:
    """Return how much of the rule these rows fulfil: rows, or 子类 with at least one of them."""
    if rule.count != COUNT_SUBCATEGORIES:
        return len(ticked)
    rows = [edition.row(row.id) for row in ticked]
    return len({(row.category, row.subcategory) for row in rows})


def _measured(edition: Edition, indicator: Indicator) -> Criterion:
    rule, bounds = indicator.rule, indicator.bounds
    name = Sentence(rule.name_zh, rule.name_en)
    by = margins.scale(rule.unit, bounds.value, rule.thresholds.values())

    def answer(star: Star) -> Answer:
        threshold, needed = decimals.parse(rule.thresholds[star.id]), rule.thresholds[star.id]
        verdict = indicator.verdicts[star.id]
        rests = indicator.substituted is not None and star.id in indicator.substituted.stars
        reason = Reason.SUBSTITUTED if rests else Reason.NONE
        if verdict in HOLDING:
            return Answer(verdict, needed, reason=reason)
        if verdict is Verdict.FAIL and bounds.value is None and bounds.high is not None:
            # One month cannot reach the threshold; another one was not measured.
            short, most = by.up(threshold - bounds.high), by.up(bounds.high)
            sentence = margins.measured_below(name, star, needed, value=most, short=short, by=by)
            return Answer(verdict, needed, short, reason, sentence)
        if indicator.enterprise is not None and star.id in indicator.enterprise.undecided:
            return Answer(verdict, needed, sentence=margins.undecided(name, star, needed, by=by))
        if bounds.value is None or bounds.low is None:
            return Answer(verdict, needed, sentence=margins.not_measured(name, star, needed, by=by))
        value = by.down(bounds.value)
        if verdict is Verdict.FAIL:
            short = by.up(threshold - bounds.value)
            sentence = margins.measured_below(name, star, needed, value=value, short=short, by=by)
        else:
            short, low = by.up(threshold - bounds.low), by.down(bounds.low)
            high = None if bounds.high is None else by.up(bounds.high)
            sentence = margins.measured_open(
                name, star, needed, value=value, low=low, high=high, short=short, by=by
            )
        return Answer(verdict, needed, short, reason, sentence)

    return Criterion(
        id=rule.id,
        kind=FIGURE,
        name=name,
        unit=rule.unit,
        got=None if bounds.value is None else by.down(bounds.value),
        documents=(),
        answers=_answers(edition, rule.id, name, rule.thresholds, answer),
    )


def _declared(edition: Edition, indicator: Indicator, profile: Profile | None) -> Criterion:
    rule = indicator.rule
    figure = profile.figures.get(rule.id) if profile else None
    value = decimals.parse(figure.value) if figure else None
    name = Sentence(rule.name_zh, rule.name_en)
    by = margins.scale(rule.unit, value, rule.thresholds.values())

    def answer(star: Star) -> Answer:
        threshold, needed = decimals.parse(rule.thresholds[star.id]), rule.thresholds[star.id]
        if figure is None or value is None:
            return Answer(Verdict.NO_DATA, needed, sentence=margins.not_declared(name, star, needed, by=by))
        printed = by.down(value)
        if value < threshold:
            short = by.up(threshold - value)
            sentence = margins.measured_below(name, star, needed, value=printed, short=short, by=by)
            return Answer(Verdict.FAIL, needed, short, sentence=sentence)
        if figure.documents:
            return Answer(Verdict.DECLARED, needed)
        sentence = margins.undocumented_figure(name, star, needed, value=printed, by=by)
        return Answer(Verdict.INCONCLUSIVE, needed, None, Reason.UNDOCUMENTED, sentence)

    return Criterion(
        id=rule.id,
        kind=FIGURE,
        name=name,
        unit=rule.unit,
        got=None if value is None else by.down(value),
        documents=profile.sums(figure.documents) if profile and figure else (),
        answers=_answers(edition, rule.id, name, rule.thresholds, answer),
    )


def _answers(
    edition: Edition, about: str, name: Sentence, stated: Container[str], answer: Callable[[Star], Answer]
) -> dict[str, Answer]:
    """Return the answer for every star; ``stated``: the stars for which the edition says what is needed."""
    unknown = [entry for entry in edition.unknown if entry.about == about]

    def of(star: Star) -> Answer:
        if star.id in stated and not unknown:
            return answer(star)
        sentence = margins.not_stated(name, star, unknown=unknown)
        return Answer(Verdict.INCONCLUSIVE, reason=Reason.EDITION_UNKNOWN, sentence=sentence)

    return {star.id: of(star) for star in edition.stars}
