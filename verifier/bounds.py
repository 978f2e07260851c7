"""Two-sided bounds: what the full data could still say, whatever happened in the missing time.

``done`` is an amount (busy time, bits, operations), ``known`` and ``missing`` the weight of the time
it was and was not seen (ms, or capacity x ms), ``limit`` the most one unit of weight can carry.

* value = done / known: downtime is known and adds nothing, missing time is left out
* low   = done / (known + missing): missing time did nothing
* high  = (done + limit x missing) / (known + missing): missing time ran at the limit

A substitution rule (``verifier.substitution``) may say more of a part of the missing weight than these
ends: ``Fill``. It takes the place of 0 and of the limit there, and nowhere else.

With everything seen the three are equal. Whatever lies between 0 and ``limit`` in the missing time,
the full figure lies in [low, high]. Where no limit is known, or what was seen already broke it, there
is no upper bound while anything is missing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction

Number = int | Fraction


@dataclass(frozen=True)
class Bounds:
    """A figure and its bounds, exact. ``value`` is ``None`` without data, ``high`` when unbounded.

    ``low`` is ``None`` only where nothing can be said at all: no time counts, or no capacity is known.
    ``running`` is the figure over the time the host ran, downtime left out.
    """

    low: Fraction | None = None
    value: Fraction | None = None
    high: Fraction | None = None
    running: Fraction | None = None


NOTHING_KNOWN = Bounds()


@dataclass(frozen=True)
class Fill:
    """What a unit of missing weight takes at either end, in place of 0 and of the limit.

    ``hard`` is the share (0 to 1) of the missing weight that keeps 0 and the limit.
    """

    low: Fraction
    high: Fraction
    hard: Fraction


def bound(
    done: Number,
    *,
    covered: Number,
    known: Number,
    missing: Number,
    limit: Number | None,
    fill: Fill | None = None,
) -> Bounds:
    """Return the bounds of ``done`` over the weight ``known + missing``; see the module.

    Args:
        done: the amount seen, never negative.
        covered: the part of ``known`` in which the host ran.
        known: weight of the time that was seen, downtime included.
        missing: weight of the time that was not.
        limit: the most a unit of weight can carry; ``None``: not known, or already broken.
        fill: what a substitution rule says of the missing weight.
    """
    counted = known + missing
    if counted == 0:
        return NOTHING_KNOWN
    if limit is not None and done > limit * known:
        limit = None
    least, most = _ends(missing, limit, fill)
    value = _quotient(done, known) if known else None
    running = value if covered == known else _quotient(done, covered) if covered else None
    if value is not None and missing == 0:
        return Bounds(low=value, value=value, high=value, running=running)
    return Bounds(
        low=_quotient(done + least, counted),
        value=value,
        high=None if most is None else _quotient(done + most, counted),
        running=running,
    )


def _quotient(above: Number, below: Number) -> Fraction:
    """Return the quotient, reduced once: ``Fraction`` of a fraction would be reduced twice."""
    return Fraction(above.numerator * below.denominator, above.denominator * below.numerator)


def _ends(missing: Number, limit: Number | None, fill: Fill | None) -> tuple[Number, Number | None]:
    """Return the least and the most that the missing weight may have held."""
    if missing == 0:
        return 0, 0
    if fill is None:
        return 0, None if limit is None else limit * missing
    hard = missing * fill.hard
    soft = missing - hard
    if limit is not None:
        return fill.low * soft, min(fill.high, limit) * soft + limit * hard
    return fill.low * soft, None if hard else fill.high * soft


def greatest(parts: Sequence[Bounds]) -> Bounds:
    """Return the bounds of the greatest of several figures, at least one."""
    return _joined(parts, max)


def least(parts: Sequence[Bounds]) -> Bounds:
    """Return the bounds of the least of several figures, at least one.

    A part without value may be the least one, so then there is no value; an upper bound of any part
    bounds the least.
    """
    values = [part.value for part in parts if part.value is not None]
    runnings = [part.running for part in parts if part.running is not None]
    return Bounds(
        low=min(part.low or Fraction(0) for part in parts),
        value=min(values) if len(values) == len(parts) else None,
        high=min((part.high for part in parts if part.high is not None), default=None),
        running=min(runnings, default=None),
    )


def added(parts: Sequence[Bounds]) -> Bounds:
    """Return the bounds of the sum of several figures, at least one.

    A part without value adds nothing to the value: the sum is then too low, never too high.
    """
    return _joined(parts, _sum)


def _sum(numbers: Sequence[Fraction]) -> Fraction:
    return sum(numbers, Fraction(0))


def _joined(parts: Sequence[Bounds], join: Callable[[Sequence[Fraction]], Fraction]) -> Bounds:
    def of(numbers: Iterable[Fraction | None]) -> Fraction | None:
        known = [number for number in numbers if number is not None]
        return join(known) if known else None

    unbounded = any(part.high is None for part in parts)
    return Bounds(
        low=of(part.low for part in parts),
        value=of(part.value for part in parts),
        high=None if unbounded else of(part.high for part in parts),
        running=of(part.running for part in parts),
    )
