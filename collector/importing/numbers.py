"""Numbers and instants in a file, read exactly: no floats.

Values become whole multiples of 10^-9, rounded half to even; instants become ms since 1970, what
is finer is cut off.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from datetime import timezone as fixed_zone
from decimal import ROUND_HALF_EVEN, Context, Decimal, InvalidOperation
from zoneinfo import ZoneInfo

from evidence.chunk import EARLIEST_MS, LATEST_MS
from evidence.manifest import MAX_INTERVAL_MS, MAX_SCALE

NANO = 10**MAX_SCALE
MAX_DIGITS_BEFORE_POINT = 18
"""A value is below 10^18, so that it fits a signed 64-bit integer at scale 0."""
MS_PER_S = 1000

_STEP = Decimal(1).scaleb(-MAX_SCALE)
_EXACT = Context(prec=MAX_DIGITS_BEFORE_POINT + MAX_SCALE + 1, rounding=ROUND_HALF_EVEN)
_EPOCH = re.compile(r"(\d{1,15})(?:\.(\d*))?\Z", re.ASCII)
_ORIGIN = datetime(1970, 1, 1, tzinfo=fixed_zone.utc)
_MILLISECOND = timedelta(milliseconds=1)


def value(text: str) -> int | None:
    """Return the value in units of 10^-9, or ``None`` for one that is refused.

    Refused are an empty field, NaN, infinities and negative numbers.

    Raises:
        ValueError: not a number, or too large.
    """
    if not text:
        return None
    number = _decimal(text)
    if not number.is_finite() or number < 0:
        return None
    if number.adjusted() >= MAX_DIGITS_BEFORE_POINT:
        raise ValueError(f"{_cut(text)} is too large; values are below 10^{MAX_DIGITS_BEFORE_POINT}")
    return int(number.quantize(_STEP, context=_EXACT).scaleb(MAX_SCALE, context=_EXACT))


def text_of(nano: int) -> str:
    """Return a value in units of 10^-9 as a decimal number without needless digits."""
    whole, rest = divmod(nano, NANO)
    return f"{whole}.{rest:0{MAX_SCALE}d}".rstrip("0").rstrip(".")


def period_ms(text: str) -> int:
    """Return a period given in seconds, in ms.

    Raises:
        ValueError: not a positive number of at most 31 days.
    """
    number = _decimal(text)
    longest_s = MAX_INTERVAL_MS // MS_PER_S
    if not number.is_finite() or not 0 < number <= longest_s:
        raise ValueError(f"a period is above 0 and at most {longest_s} seconds, not {_cut(text)}")
    milliseconds = int(number * MS_PER_S)
    if milliseconds == 0:
        raise ValueError(f"a period has at least a millisecond, not {_cut(text)} s")
    return milliseconds


class Instants:
    """Reads timestamps: seconds since 1970, or ISO 8601; local times are of one zone.

    A local time that the zone skips or has twice (the clock is changed) is read with the offset in
    force before the change, and counted in ``unsure``.
    """

    def __init__(self, zone: str) -> None:
        """Look the zone up.

        Raises:
            ZoneInfoNotFoundError: there is none of this name.
        """
        self._zone = ZoneInfo(zone)
        self.unsure = 0

    def read(self, text: str) -> int:
        """Return the instant in ms since 1970.

        Raises:
            ValueError: neither form, or not between the years 2000 and 2100.
        """
        match = _EPOCH.match(text)
        if match:
            fraction = ((match[2] or "") + "000")[:3]
            instant = int(match[1]) * MS_PER_S + int(fraction)
            if instant // MS_PER_S in range(EARLIEST_MS, LATEST_MS):
                raise ValueError(
                    f"{text} is out of range; give seconds since 1970, this looks like milliseconds"
                )
        else:
            instant = self._iso(text)
        if not EARLIEST_MS <= instant <= LATEST_MS:
            raise ValueError(f"{_cut(text)} does not lie between the years 2000 and 2100")
        return instant

    def _iso(self, text: str) -> int:
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            raise ValueError(
                f"{_cut(text)} is neither seconds since 1970 nor ISO 8601, for example 2026-11-01T00:05:00+08:00"
            ) from None
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=self._zone)
            if moment.utcoffset() != moment.replace(fold=1).utcoffset():
                self.unsure += 1
        try:
            return (moment - _ORIGIN) // _MILLISECOND
        except OverflowError:
            raise ValueError(f"{_cut(text)} does not lie between the years 2000 and 2100") from None


def _decimal(text: str) -> Decimal:
    if not text.isascii() or "_" in text:  # Decimal would take both
        raise ValueError(f"{_cut(text)} is not a number")
    try:
        return Decimal(text)
    except InvalidOperation:
        raise ValueError(f"{_cut(text)} is not a number") from None


def _cut(text: str) -> str:
    longest = 40
    return repr(text if len(text) <= longest else text[:longest] + "…")
