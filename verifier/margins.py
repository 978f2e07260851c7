"""Margins: how far a criterion is from its star, as a number and as a sentence in both languages.

Printed values and low ends are rounded down, high ends and shortfalls up, all of one criterion to the
same number of decimals, so value and shortfall add up to the threshold and nothing that failed looks
as if it had reached it. The fractions inside are exact; only printing rounds.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction

from verifier.edition import HYBRID, PRIVATE, PUBLIC, Attachment, Star, Unknown

MAX_DECIMALS = 4
"""Decimals printed of a number below ``WHOLE_FROM``; none above."""
WHOLE_FROM = 1_000
MOST_DECIMALS = 15
"""Where a number below 10^-4 is printed, as far as its first digit."""

UNITS = {
    "%": ("%", "%"),
    "次/day": ("次/日", "operations/day"),
    "万元": ("万元", "× 10,000 yuan"),
    "台": ("台", "units"),
    "人": ("人", "people"),
    "项": ("项", "items"),
}
"""How the units of an edition are printed; others are printed as they are."""
POINTS = ("个百分点", "percentage points")
"""The difference of two percentages."""
FORMS = {
    PUBLIC: ("公有云", "public cloud"),
    PRIVATE: ("私有云", "private cloud"),
    HYBRID: ("混合云", "hybrid cloud"),
}
ITEM = "项"


@dataclass(frozen=True)
class Sentence:
    """One sentence, Chinese and English."""

    zh: str = ""
    en: str = ""


SILENCE = Sentence()
"""Where nothing is missing, nothing is said."""


@dataclass(frozen=True)
class Counts:
    """What the enterprise ticked, and how much of it has documents, in the units of the rule."""

    ticked: int
    documented: int


@dataclass(frozen=True)
class Scale:
    """How the numbers of one criterion are printed: their unit and number of decimals."""

    unit: str
    decimals: int

    def down(self, number: Fraction) -> str:
        """Return the number rounded down, without needless zeros."""
        return _plain(number.numerator * 10**self.decimals // number.denominator, self.decimals)

    def up(self, number: Fraction) -> str:
        """Return the number rounded up, without needless zeros."""
        return _plain(-(-number.numerator * 10**self.decimals // number.denominator), self.decimals)

    def zh(self, number: str) -> str:
        """Return a printed number with its Chinese unit."""
        return f"{number} {UNITS.get(self.unit, (self.unit,) * 2)[0]}"

    def en(self, number: str) -> str:
        """Return a printed number with its English unit."""
        return f"{number} {UNITS.get(self.unit, (self.unit,) * 2)[1]}"

    def difference(self, number: str) -> tuple[str, str]:
        """Return a printed difference with its units."""
        if self.unit == "%":
            return f"{number} {POINTS[0]}", f"{number} {POINTS[1]}"
        return self.zh(number), self.en(number)


def scale(unit: str, value: Fraction | None, thresholds: Iterable[str]) -> Scale:
    """Return how a value is printed beside thresholds, which are always printed as written.

    Four decimals below 1000 and none above; more where a threshold has more, or where the first
    digit of a small value would be lost.
    """
    decimals = MAX_DECIMALS if value is None or value < WHOLE_FROM else 0
    while value and abs(value) * 10**decimals < 1 and decimals < MOST_DECIMALS:
        decimals += 1
    written = [len(threshold.partition(".")[2]) for threshold in thresholds]
    return Scale(unit, max([decimals, *written]))


def measured_below(name: Sentence, star: Star, needed: str, *, value: str, short: str, by: Scale) -> Sentence:
    """Return the sentence of a figure that does not reach its threshold."""
    short_zh, short_en = by.difference(short)
    return Sentence(
        f"{name.zh} {by.zh(value)}，{star.name_zh}需 {by.zh(needed)}，差 {short_zh}",
        f"{name.en} {by.en(value)}, {star.name_en} need {by.en(needed)}, short by {short_en}",
    )


def measured_open(
    name: Sentence, star: Star, needed: str, *, value: str, low: str, high: str | None, short: str, by: Scale
) -> Sentence:
    """Return the sentence of a figure whose missing time decides: the low end against the threshold."""
    high_zh, high_en = "上限未知", "no upper bound is known"
    if high is not None:
        high_zh, high_en = f"至多 {by.zh(high)}", f"at most {by.en(high)}"
    short_zh, short_en = by.difference(short)
    return Sentence(
        f"{name.zh} 数据有缺失，无法判定：观测到的部分为 {by.zh(value)}，"
        f"计入缺失时段后至少 {by.zh(low)}、{high_zh}，{star.name_zh}需 {by.zh(needed)}，下限差 {short_zh}",
        f"{name.en} cannot be decided because data are missing: {by.en(value)} over what was seen, "
        f"with the missing time at least {by.en(low)}, {high_en}; {star.name_en} need {by.en(needed)}, "
        f"the low end is short by {short_en}",
    )


def not_measured(name: Sentence, star: Star, needed: str, *, by: Scale) -> Sentence:
    """Return the sentence of a measured figure without data."""
    return Sentence(
        f"{name.zh} 无数据，{star.name_zh}需 {by.zh(needed)}",
        f"{name.en}: no data, {star.name_en} need {by.en(needed)}",
    )


def undecided(name: Sentence, star: Star, needed: str, *, by: Scale) -> Sentence:
    """Return the sentence of a figure whose materials decide nothing; its notes say why."""
    return Sentence(
        f"{name.zh} 无法判定（原因见该指标的说明），{star.name_zh}需 {by.zh(needed)}",
        f"{name.en} cannot be decided (see its notes), {star.name_en} need {by.en(needed)}",
    )


def not_declared(name: Sentence, star: Star, needed: str, *, by: Scale) -> Sentence:
    """Return the sentence of a figure that the enterprise must declare and did not."""
    return Sentence(
        f"{name.zh} 无数据，{star.name_zh}需 {by.zh(needed)}，请在申报资料中填写数值并附证明材料",
        f"{name.en}: no data, {star.name_en} need {by.en(needed)}; "
        "write the value into the profile, with the documents that prove it",
    )


def undocumented_figure(name: Sentence, star: Star, needed: str, *, value: str, by: Scale) -> Sentence:
    """Return the sentence of a declared figure that is high enough but that no document proves."""
    return Sentence(
        f"{name.zh} 申报 {by.zh(value)}，{star.name_zh}需 {by.zh(needed)}，未附证明材料",
        f"{name.en} declared as {by.en(value)}, {star.name_en} need {by.en(needed)}, "
        "but no document proves it",
    )


def too_few(name: Sentence, star: Star, *, needed: int, counts: Counts) -> Sentence:
    """Return the sentence of a count that misses ticks."""
    ticked, documented = counts.ticked, counts.documented
    proved_zh = proved_en = ""
    if documented < ticked:
        proved_zh, proved_en = f"（其中 {documented} 项有证明材料）", f" ({documented} with documents)"
    short = needed - documented
    return Sentence(
        f"{name.zh} 已实现 {ticked} 项{proved_zh}，{star.name_zh}需 {needed} 项，差 {short} 项",
        f"{name.en}: {_items(ticked)} in place{proved_en}, {star.name_en} need {needed}, short by {short}",
    )


def undocumented_ticks(name: Sentence, star: Star, *, needed: int, counts: Counts) -> Sentence:
    """Return the sentence of a count that has its ticks, but not the documents."""
    ticked, documented = counts.ticked, counts.documented
    short = needed - documented
    return Sentence(
        f"{name.zh} 已勾选 {ticked} 项，其中 {documented} 项有证明材料，{star.name_zh}需 {needed} 项，"
        f"还差 {short} 项的证明材料",
        f"{name.en}: {_items(ticked)} ticked, {documented} with documents, {star.name_en} need {needed}, "
        f"documents are missing for {short}",
    )


def no_profile(name: Sentence, star: Star, *, needed: int) -> Sentence:
    """Return the sentence of a count that nobody declared anything for."""
    return Sentence(
        f"{name.zh} 无申报资料，{star.name_zh}需 {needed} 项",
        f"{name.en}: no profile, {star.name_en} need {_items(needed)}",
    )


def wrong_form(name: Sentence, star: Star, *, form: str) -> Sentence:
    """Return the sentence of a form of cloud that the star does not take."""
    zh, en = _forms(star.cloud_forms)
    return Sentence(
        f"{name.zh} 为{FORMS[form][0]}，{star.name_zh}要求{zh}",
        f"{name.en}: {FORMS[form][1]}, {star.name_en} need {en}",
    )


def unproved_form(name: Sentence, *, form: str, asked: Sequence[Attachment]) -> Sentence:
    """Return the sentence of a form of cloud without any of the documents that the edition asks for."""
    zh = "、".join(attachment.name_zh for attachment in asked)
    en = ", ".join(attachment.name_en for attachment in asked)
    return Sentence(
        f"{name.zh} 为{FORMS[form][0]}，没有证明材料（{zh}）",
        f"{name.en}: {FORMS[form][1]}, without documents ({en})",
    )


def no_form(name: Sentence, star: Star) -> Sentence:
    """Return the sentence of a form of cloud that is not declared."""
    zh, en = _forms(star.cloud_forms)
    return Sentence(
        f"{name.zh} 无申报资料，{star.name_zh}要求{zh}",
        f"{name.en}: no profile, {star.name_en} need {en}",
    )


def not_stated(name: Sentence, star: Star, *, unknown: Sequence[Unknown]) -> Sentence:
    """Return the sentence of a criterion that an incomplete edition does not state."""
    zh = "；".join(entry.zh for entry in unknown)
    en = "; ".join(entry.en for entry in unknown)
    return Sentence(
        f"{name.zh} 无法判定：本评定版本未载明{star.name_zh}的要求{f'（{zh}）' if zh else ''}",
        f"{name.en} cannot be decided: this edition does not state what {star.name_en} need"
        f"{f' ({en})' if en else ''}",
    )


def _forms(forms: Sequence[str]) -> tuple[str, str]:
    names = [FORMS[form] for form in forms]
    return "或".join(zh for zh, _ in names), " or ".join(en for _, en in names)


def _items(count: int) -> str:
    return f"{count} item" if count == 1 else f"{count} items"


def _plain(scaled: int, decimals: int) -> str:
    """Return ``scaled`` / 10^decimals as a decimal without needless zeros."""
    if scaled < 0:
        return f"-{_plain(-scaled, decimals)}"
    text = str(scaled).rjust(decimals + 1, "0")
    whole, part = text[: len(text) - decimals], text[len(text) - decimals :].rstrip("0")
    return f"{whole}.{part}" if part else whole
