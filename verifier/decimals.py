"""Exact numbers as text: fractions to decimal strings and back. No float, no exponent.

A printed number never looks better than it is, so every caller names the direction: ``floor`` for
what must reach a threshold, ``ceiling`` for what must stay below one.
"""

from __future__ import annotations

import re
from fractions import Fraction

from verifier.errors import DecimalError

SIGNIFICANT_DIGITS = 15
"""Digits printed, trailing zeros included. The contract asks for nine at least."""
MAX_DECIMAL_CHARACTERS = 40
"""Longest decimal that is read: a person wrote it."""
LOG2_PER_100000 = 30_103
"""log10(2) x 100,000, to estimate a number of digits from a number of bits."""
_PLAIN = re.compile(r"(0|[1-9][0-9]*)(\.[0-9]+)?\Z", re.ASCII)


def floor(value: Fraction) -> str:
    """Return the greatest decimal of ``SIGNIFICANT_DIGITS`` digits that is not above ``value``.

    Raises:
        DecimalError: ``value`` is negative; nothing here can be.
    """
    return _digits(value, up=False)


def ceiling(value: Fraction) -> str:
    """Return the least decimal of ``SIGNIFICANT_DIGITS`` digits that is not below ``value``.

    Raises:
        DecimalError: ``value`` is negative; nothing here can be.
    """
    return _digits(value, up=True)


def signed_floor(value: Fraction) -> str:
    """Return ``floor`` of a number that may be negative: a cost that rose, money that came back."""
    return f"-{ceiling(-value)}" if value < 0 else floor(value)


def signed_ceiling(value: Fraction) -> str:
    """Return ``ceiling`` of a number that may be negative."""
    return f"-{floor(-value)}" if value < 0 else ceiling(value)


def outward(value: Fraction) -> str:
    """Return the decimal of ``SIGNIFICANT_DIGITS`` digits that is next to ``value``, away from zero.

    For differences: none is printed smaller than it is.
    """
    return f"-{ceiling(-value)}" if value < 0 else ceiling(value)


def plain(value: Fraction) -> str:
    """Return the exact decimal that was written, without trailing zeros; a fraction if there is none."""
    for places in range(MAX_DECIMAL_CHARACTERS + 1):
        scaled = value * 10**places
        if scaled.denominator == 1:
            text = str(scaled.numerator).rjust(places + 1, "0")
            return f"{text[:-places]}.{text[-places:]}" if places else text
    return f"{value.numerator}/{value.denominator}"


def parse(text: str) -> Fraction:
    """Return the number that a plain decimal such as ``30`` or ``2.5`` names.

    Raises:
        DecimalError: sign, exponent, leading zero, white space, or too long.
    """
    if len(text) > MAX_DECIMAL_CHARACTERS or not _PLAIN.match(text):
        raise DecimalError(f"{text[:MAX_DECIMAL_CHARACTERS]!r} is not a plain decimal such as 30 or 2.5")
    return Fraction(text)


def _digits(value: Fraction, *, up: bool) -> str:
    if value < 0:
        raise DecimalError(f"{value} is negative")
    places = max(0, SIGNIFICANT_DIGITS - 1 - _exponent(value))
    scaled = value * 10**places
    whole = -(-scaled.numerator // scaled.denominator) if up else scaled.numerator // scaled.denominator
    text = str(whole).rjust(places + 1, "0")
    return f"{text[:-places]}.{text[-places:]}" if places else text


def _exponent(value: Fraction) -> int:
    """Return e with 10^e <= value < 10^(e+1); 0 for zero.

    Estimated from the bit lengths: a mean over thousands of hosts has numerators of many thousand
    digits, which must not be written out.
    """
    if value == 0:
        return 0
    bits = value.numerator.bit_length() - value.denominator.bit_length()
    guess = (bits - 1) * LOG2_PER_100000 // 100_000 - 1
    while value >= Fraction(10) ** (guess + 1):
        guess += 1
    return guess
