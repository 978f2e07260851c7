"""How numbers, shares, times and foreign text look to a reader. Text in, text out, nothing guessed.

A number is cut, never rounded to the nearest: values and low ends down, high ends and shortfalls up,
so that no printed number looks better than the exact one. ``None`` is no data and stays ``None``:
the caller prints its word for it, never a zero.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import datetime
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal, localcontext
from enum import Enum
from zoneinfo import ZoneInfo

from documents.errors import RenderError

PRECISION_DIGITS = 120
"""Digits of the decimal arithmetic: more than the longest decimal that is read has."""
SMALL_PLACES = 2
"""Decimal places of a number below ``LARGE``."""
LARGE = Decimal(1_000)
"""From here on whole numbers are printed."""
SIGNIFICANT_DIGITS = 2
"""Digits kept of a number so small that two places would show zero."""
MAX_PLACES = 12
"""Places at most; smaller numbers show as the bound they are below."""
MAX_DECIMAL_CHARACTERS = 100
"""Fifteen digits after as many zeros as any figure can have; longer ones are no figures of ours."""
SAME = Decimal("1e-9")
"""Ends of an interval that differ by less of the higher one differ by the cutting of their digits only."""
_PLAIN = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?\Z", re.ASCII)
_HIDDEN = frozenset(("Cc", "Cf", "Cs", "Zl", "Zp"))
"""Unicode categories without a shape: controls, marks of format and direction, halves, separators."""
_LAST_TWO = 0xFFFE
"""The last two code points of every plane are no characters; XML refuses the first two of them."""
_MINUTE_S = 60
_HOUR_S = 3_600


class Rounding(Enum):
    """Which way a printed number is cut."""

    DOWN = ROUND_FLOOR
    UP = ROUND_CEILING


def number(text: str | None, *, rounding: Rounding, places: int | None = None) -> str | None:
    """Return a decimal cut for reading, thousands grouped; ``None`` for no data.

    Args:
        text: a decimal such as ``8.21987``.
        rounding: DOWN for values and low ends, UP for high ends and shortfalls.
        places: decimal places; by default 2 below a thousand (more where they would show zero for
            what is not), else none.

    Raises:
        RenderError: not a plain decimal.
    """
    if text is None:
        return None
    value = _decimal(text)
    if places is None:
        places = _places(value)
    with localcontext(prec=PRECISION_DIGITS):
        cut = value.quantize(Decimal(1).scaleb(-places), rounding=rounding.value)
    return f"{cut:,f}"


def shortfall(text: str | None) -> str | None:
    """Return how much is lacking: cut up, without zeros at the end, beside thresholds as written.

    Raises:
        RenderError: not a plain decimal.
    """
    shown = number(text, rounding=Rounding.UP)
    return shown.rstrip("0").rstrip(".") if shown is not None and "." in shown else shown


def written(text: str | None) -> str | None:
    """Return a decimal as it was written (a threshold, a declared value), thousands grouped.

    Raises:
        RenderError: not a plain decimal.
    """
    return None if text is None else f"{_decimal(text):,f}"


def same(low: str, high: str | None) -> bool:
    """Return whether the ends of an interval are one number but for the cutting of their last digits.

    Raises:
        RenderError: not a plain decimal.
    """
    if high is None:
        return False
    with localcontext(prec=PRECISION_DIGITS):
        least, most = _decimal(low), _decimal(high)
        return abs(most - least) <= SAME * abs(most)


def percent(share: str | None, *, places: int = 2) -> str | None:
    """Return a share between 0 and 1 as percent, rounded down: 0.99996 is 99.99 %, never 100 %.

    Raises:
        RenderError: not a plain decimal.
    """
    if share is None:
        return None
    with localcontext(prec=PRECISION_DIGITS):
        return f"{number(f'{_decimal(share) * 100:f}', rounding=Rounding.DOWN, places=places)} %"


def permille(part: int, whole: int) -> int:
    """Return a part of a whole in thousandths, for the length of a bar; 1 at least where there is some."""
    if part <= 0 or whole <= 0:
        return 0
    return max(1, part * 1000 // whole)


def span(seconds: int, *, hour: str, minute: str, second: str) -> str:
    """Return a length of time such as ``12 h 30 min``, exact to the second.

    Args:
        seconds: whole seconds, never negative.
        hour: word for hours.
        minute: word for minutes.
        second: word for seconds.
    """
    hours, rest = divmod(seconds, _HOUR_S)
    minutes, left = divmod(rest, _MINUTE_S)
    parts = []
    if hours:
        parts.append(f"{hours:,} {hour}")
    if minutes:
        parts.append(f"{minutes} {minute}")
    if left or not parts:
        parts.append(f"{left} {second}")
    return " ".join(parts)


def local_time(instant_ms: int | None, zone: str) -> str | None:
    """Return an instant in the enterprise's zone, to the second, cut: ``2026-11-07 03:10:00``."""
    if instant_ms is None:
        return None
    return datetime.fromtimestamp(instant_ms // 1000, ZoneInfo(zone)).strftime("%Y-%m-%d %H:%M:%S")


def legible(text: str) -> str:
    r"""Return foreign text with everything visible: controls and marks of direction as ``\u202e``.

    A name must not be able to hide letters or to reorder the line it stands in. Line feeds stay.
    """
    return "".join(character if _shows(character) else escape(character) for character in text)


def escape(character: str) -> str:
    r"""Return the visible name of a character, such as ``\u0007`` or ``\U0001f600``."""
    point = ord(character)
    return f"\\u{point:04x}" if point <= 0xFFFF else f"\\U{point:08x}"  # noqa: PLR2004 - four hex digits


def _shows(character: str) -> bool:
    if character == "\n":
        return True
    return unicodedata.category(character) not in _HIDDEN and ord(character) & _LAST_TWO != _LAST_TWO


def _places(value: Decimal) -> int:
    if abs(value) >= LARGE:
        return 0
    if value == 0:
        return SMALL_PLACES
    return min(MAX_PLACES, max(SMALL_PLACES, SIGNIFICANT_DIGITS - 1 - value.adjusted()))


def _decimal(text: object) -> Decimal:
    if not isinstance(text, str) or not _PLAIN.match(text):
        raise RenderError(f"{text!r} is not a plain decimal such as 8.2; make the report anew")
    if len(text) > MAX_DECIMAL_CHARACTERS:
        raise RenderError(f"a decimal of {len(text)} characters is too long; make the report anew")
    return Decimal(text)
