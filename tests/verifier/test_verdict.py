from __future__ import annotations

from fractions import Fraction

import pytest

from verifier.bounds import Bounds
from verifier.verdict import Verdict, judge

T = Fraction(30)
BELOW, ABOVE = T - Fraction(1, 10**30), T + Fraction(1, 10**30)


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (T, T, Verdict.PASS),
        (ABOVE, ABOVE, Verdict.PASS),
        (T, None, Verdict.PASS),
        (BELOW, BELOW, Verdict.FAIL),
        (BELOW, T, Verdict.INCONCLUSIVE),
        (BELOW, ABOVE, Verdict.INCONCLUSIVE),
        (BELOW, None, Verdict.INCONCLUSIVE),
        (Fraction(0), BELOW, Verdict.FAIL),
    ],
)
def test_verdicts_at_the_edge_of_a_threshold(low, high, expected):
    assert judge(Bounds(low, low, high), T) is expected


@pytest.mark.parametrize(
    "figure", [Bounds(), Bounds(low=Fraction(0), high=Fraction(1)), Bounds(value=Fraction(31))]
)
def test_no_value_is_no_data_whatever_the_bounds(figure):
    assert judge(figure, T) is Verdict.NO_DATA


def test_every_verdict_has_its_chinese_name():
    assert [verdict.value for verdict in Verdict] == ["达标", "不达标", "无法判定", "无数据", "已申报"]
