"""Products and sums of decimals that do not depend on anybody's decimal context. Pure.

Python's default context keeps 28 digits and can be changed by any library in the process.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import ROUND_DOWN, Context, Decimal

DIGITS = 200
"""No provider writes so many; beyond them a result is cut, not rounded up."""
_CONTEXT = Context(prec=DIGITS, rounding=ROUND_DOWN)


def product(value: Decimal, factor: Decimal) -> Decimal:
    """Return ``value`` times ``factor``."""
    return _CONTEXT.multiply(value, factor)


def total(values: Iterable[Decimal]) -> Decimal:
    """Return the sum of ``values``, 0 for none."""
    found = Decimal(0)
    for value in values:
        found = _CONTEXT.add(found, value)
    return found
