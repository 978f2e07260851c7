"""Values as the form prints them: figures with their unit, days and months in Chinese."""

from __future__ import annotations

from datetime import date

from verifier import decimals

NO_DATA = "无数据"
UNDECIDED = "无法判定"
"""There are materials, but they do not give the figure; the report says why."""
PLACES = 2
"""Decimal places of a figure on the form."""
COUNTED = "次"
"""Units that begin so count events: whole numbers only."""
_UNITS_ZH = {"次/day": "次/日"}


def figure_text(value: str, unit: str) -> str:
    """Return a figure with its unit, such as ``8.23 %``.

    Rounded down, so that the form never says more than was found: to ``PLACES`` places, and to whole
    numbers where the unit counts.

    Raises:
        DecimalError: ``value`` is not a plain decimal, nor one after a minus.
    """
    number = decimals.parse(value.removeprefix("-"))
    if value.startswith("-"):
        number = -number
    places = 0 if unit.startswith(COUNTED) else PLACES
    scaled = number.numerator * 10**places // number.denominator
    digits = ("-" if scaled < 0 else "") + str(abs(scaled)).rjust(places + 1, "0")
    text = f"{digits[:-places]}.{digits[-places:]}" if places else digits
    return f"{text} {_UNITS_ZH.get(unit, unit)}".rstrip()


def written_text(value: str, unit: str) -> str:
    """Return a figure exactly as the profile writes it, with its unit: ``35.5 %``.

    It is the enterprise's word: nothing is added to it, nothing cut off.
    """
    return f"{value} {_UNITS_ZH.get(unit, unit)}".rstrip()


def share_text(share: str) -> str:
    """Return a share of 1 as percent, rounded down: ``0.99937`` is ``99.93 %``.

    Raises:
        DecimalError: ``share`` is not a plain decimal.
    """
    number = decimals.parse(share) * 100
    return figure_text(decimals.floor(number), "%")


def day_text(day: str) -> str:
    """Return an ISO day in Chinese, ``2026年12月3日``.

    Raises:
        ValueError: not an ISO day.
    """
    parsed = date.fromisoformat(day)
    return f"{parsed.year}年{parsed.month}月{parsed.day}日"


def month_text(month: str) -> str:
    """Return a month ``YYYY-MM`` in Chinese, ``2026年12月``.

    Raises:
        ValueError: not a month.
    """
    parsed = date.fromisoformat(f"{month}-01")
    return f"{parsed.year}年{parsed.month}月"


def months_before(month: str, count: int) -> str:
    """Return the month ``count`` months before ``month``, both ``YYYY-MM``.

    Raises:
        ValueError: not a month.
    """
    parsed = date.fromisoformat(f"{month}-01")
    year, index = divmod(parsed.year * 12 + parsed.month - 1 - count, 12)
    return f"{year:04}-{index + 1:02}"
