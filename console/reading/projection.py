"""A projection to the month's end: what the figure will be if the remaining days are like the last ones.

Not evidence and never compared with a threshold for a verdict: pages label it. Only means over time are
projected; a count of people or a sum of money does not grow evenly.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from verifier import decimals
from verifier.result import Figures, Indicator

LEAST_COVERED_MS = 86_400_000
"""A day: hosts that were seen for less, in the mean, say nothing of a month."""


@dataclass(frozen=True)
class Projection:
    """The figure at the month's end, as a decimal in the indicator's unit."""

    value: str


def project(figures: Figures, trend: Figures | None, days: int) -> Mapping[str, Projection]:
    """Return projections by indicator.

    Args:
        figures: over the days that are over.
        trend: over the last of them; ``None``: all of them are the trend.
        days: of the whole month.
    """
    found = {}
    recent = {} if trend is None else {one.rule.id: one.bounds.value for one in trend.indicators}
    for indicator in figures.indicators:
        value = indicator.bounds.value
        if indicator.definition.rule is None or value is None or too_little(indicator):
            continue
        past = len(indicator.window.lengths)
        left = max(0, days - (figures.window.after_day - figures.window.first_day))
        likely = recent.get(indicator.rule.id)
        whole = Fraction(value * past + (value if likely is None else likely) * left) / max(1, past + left)
        found[indicator.rule.id] = Projection(decimals.signed_floor(whole))
    return found


def too_little(indicator: Indicator) -> bool:
    """Return whether a measured figure rests on less than ``LEAST_COVERED_MS`` of each host that has it."""
    if indicator.definition.rule is None or indicator.bounds.value is None:
        return False
    seen = sum(host.source is not None for host in indicator.hosts)
    return indicator.times.covered_ms < LEAST_COVERED_MS * seen
