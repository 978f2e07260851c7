"""Points put in order, and sums made averages. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import ROUND_DOWN, Context, Decimal

from collector.sources.errors import AnswerError, ConflictingPoints
from collector.sources.interface import Point

_MS_PER_S = 1000
_MAX_DIGITS = 40
_DIVIDING = Context(prec=_MAX_DIGITS, rounding=ROUND_DOWN)  # down: a figure is never above what was seen
_MAX_ADJUSTED = 30
"""Values below 10^30: no provider counts further, and an exponent cannot blow up an integer."""


def ordered(points: Iterable[Point], *, where: str) -> tuple[Point, ...]:
    """Return the points in ascending order, a point that was answered twice only once.

    ``where`` names instance and metric in the error's text.

    Raises:
        ConflictingPoints: one instant has two different values or lengths.
    """
    kept: dict[int, Point] = {}
    for point in points:
        other = kept.setdefault(point.start_ms, point)
        if other != point:
            raise ConflictingPoints(
                f"{where}: two answers at {point.start_ms} ms: {other.value} over {other.length_ms} ms"
                f" and {point.value} over {point.length_ms} ms; ask the provider which one is right"
            )
    return tuple(kept[start_ms] for start_ms in sorted(kept))


def per_second(total: Decimal, length_ms: int) -> Decimal:
    """Return a sum over ``length_ms`` as a rate per second, to 40 digits, cut and not rounded up."""
    return _DIVIDING.divide(_DIVIDING.multiply(total, Decimal(_MS_PER_S)), Decimal(length_ms))


def number(value: object, *, where: str) -> Decimal:
    """Return a number of an answer: a decoded JSON number or a decimal text.

    Raises:
        AnswerError: not a number, not finite, or of 10^30 and more.
    """
    if isinstance(value, (int, str, Decimal)) and not isinstance(value, bool):
        try:
            found = Decimal(value)
        except ArithmeticError:
            found = Decimal("NaN")
        if found.is_finite() and found.adjusted() < _MAX_ADJUSTED:
            return found
    raise AnswerError(f"{where}: not a usable number")
