"""The figures of 综合绩效 as the form needs them: measured, declared by the enterprise, or no data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from documents.form.errors import FormError
from documents.form.values import NO_DATA, UNDECIDED, figure_text, written_text
from verifier.edition import DECLARED, Edition, Rule
from verifier.profile import DeclaredFigure, Profile

BY_ENTERPRISE = "（企业申报）"
PROVISIONAL = "（暂定）"


@dataclass(frozen=True)
class FormFigure:
    """One figure. ``value`` is a decimal in the rule's unit, ``None`` when there are no data.

    ``declared`` is the enterprise's word if the value is that; ``share`` the coverage of a measured
    value; ``definition`` the id of the formula that was used; ``detail`` what materials gave the value.
    """

    rule: Rule
    definition: str
    value: str | None
    share: str | None
    declared: DeclaredFigure | None
    provisional: bool
    detail: Mapping[str, Any] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """What stands in the cell; whatever was not measured to the end says so."""
        if self.value is None:
            return UNDECIDED if self.detail else NO_DATA
        if self.declared:
            return written_text(self.value, self.rule.unit) + BY_ENTERPRISE
        return figure_text(self.value, self.rule.unit) + (PROVISIONAL if self.provisional else "")


def form_figures(
    edition: Edition, profile: Profile, figures: Mapping[str, Any], *, provisional: bool
) -> dict[str, FormFigure]:
    """Return the figures by id, in the order of the edition.

    A declared value stands only where the edition leaves the figure to the enterprise and nothing
    was measured; it never replaces a measurement, nor the lack of one.

    Raises:
        FormError: the figures document lacks a figure of the edition.
    """
    found = {indicator["id"]: indicator for indicator in figures["indicators"]}
    result = {}
    for rule in edition.rules:
        if rule.id not in found:
            raise FormError(
                f"the figures document lacks {rule.id} ({rule.name_zh}); compute the figures anew with "
                f"the edition {edition.id}"
            )
        indicator = found[rule.id]
        value = indicator["value"]
        measured = value is not None or "detail" in indicator or rule.aggregation != DECLARED
        declared = None if measured else profile.figures.get(rule.id)
        result[rule.id] = FormFigure(
            rule=rule,
            definition=indicator["definition"],
            value=declared.value if declared else value,
            share=indicator["coverage"]["share"],
            declared=declared,
            provisional=provisional,
            detail=indicator.get("detail", {}),
        )
    return result
