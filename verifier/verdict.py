"""The verdict: what a figure with its bounds says about a threshold. Unrounded, inclusive."""

from __future__ import annotations

from enum import Enum
from fractions import Fraction

from verifier.bounds import Bounds


class Verdict(Enum):
    """The answers, with their Chinese names.

    The first four are measured; ``DECLARED`` rests on the enterprise's word with its documents.
    """

    PASS = "达标"  # noqa: S105 - a verdict, no password
    FAIL = "不达标"
    INCONCLUSIVE = "无法判定"
    NO_DATA = "无数据"
    DECLARED = "已申报"


def judge(figure: Bounds, threshold: Fraction) -> Verdict:
    """Return the verdict: rules tried in this order.

    1. ``NO_DATA``: there is no value.
    2. ``PASS``: low >= threshold, so the full figure reaches it whatever is missing (不低于).
    3. ``FAIL``: an upper bound is known and high < threshold, so it cannot be reached.
    4. ``INCONCLUSIVE``: the missing time decides.
    """
    if figure.value is None or figure.low is None:
        return Verdict.NO_DATA
    if figure.low >= threshold:
        return Verdict.PASS
    if figure.high is not None and figure.high < threshold:
        return Verdict.FAIL
    return Verdict.INCONCLUSIVE
