"""Strict reading of TOML: every key known, every type right, and a message that says what to write.

A file that decides a verdict must not be misread, so nothing is skipped: an unknown key is refused
with the nearest known name, a wrong type with an example. Decimals are read exactly.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal
from difflib import get_close_matches
from fractions import Fraction
from typing import Any, TypeGuard

from verifier import decimals, toml_text
from verifier.errors import DecimalError, VerifierError
from verifier.toml_text import shown

MAX_TEXT = 2_000
MAX_ENTRIES = 100_000
MAX_KEY = 64
"""Characters of an unknown key that are compared with those that are known."""
LEAST_POSITIVE = Decimal("0.000001")
"""Least number that counts as above 0: with the digits it bounds the size of an exact fraction."""
MAX_NUMBER_DIGITS = 40
"""Most digits of a number that a person wrote."""
EARLIEST_DAY = date(2000, 1, 1)
LATEST_DAY = date(2099, 12, 31)


def load(data: bytes, *, what: str, error: type[VerifierError]) -> Table:
    """Return the top table of a TOML file.

    Args:
        data: the bytes of the file.
        what: what the file is, for messages: ``scope`` or ``edition``.
        error: the class to raise for anything wrong, here and in the table.

    Raises:
        VerifierError: the class ``error``: too long, not UTF-8, not TOML.
    """
    return Table(toml_text.parse(data, what=what, error=error), place=what, error=error)


def nearest(name: str, known: Iterable[str]) -> str:
    """Return `` (did you mean …?)`` if a known name is near, else nothing."""
    matches = get_close_matches(name[:MAX_KEY], sorted(known), n=1, cutoff=0.5)
    return f" (did you mean {matches[0]}?)" if matches else ""


class Table:
    """One TOML table at a named place of a file. Every method raises the error class given."""

    def __init__(self, entries: dict[str, Any], *, place: str, error: type[VerifierError]) -> None:
        self._entries = entries
        self.place = place
        self._error = error

    def __contains__(self, key: str) -> bool:
        return key in self._entries

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def allow(self, required: Sequence[str], optional: Sequence[str] = ()) -> None:
        """Refuse unknown keys (naming the nearest) and missing ones."""
        known = (*required, *optional)
        for key in self._entries:
            if key not in known:
                raise self.wrong(f"unknown key {shown(key)}{nearest(key, known)}")
        for key in required:
            if key not in self._entries:
                raise self.wrong(f"the key {key!r} is missing")

    def wrong(self, message: str) -> VerifierError:
        """Return the error that says what is wrong at this place."""
        return self._error(f"{self.place}: {message}")

    def text(self, key: str) -> str:
        """Return a string that is not empty."""
        value = self._entries[key]
        if not _is_text(value):
            raise self.wrong(f'{key} must be a text of 1 to {MAX_TEXT} characters, such as {key} = "…"')
        return value

    def is_blank(self, key: str) -> bool:
        """Return whether a string holds nothing but blanks: a field of a form that was not filled in."""
        value = self._entries[key]
        return isinstance(value, str) and not value.strip()

    def choice(self, key: str, allowed: Iterable[str]) -> str:
        """Return a string that is one of ``allowed``."""
        value, options = self._entries[key], sorted(allowed)
        if not isinstance(value, str):
            texts = ", ".join(f'"{option}"' for option in options)
            raise self.wrong(f"{key} must be one of {texts}, in quotes")
        if value not in options:
            raise self.wrong(f"{key} is {shown(value)}; write one of {', '.join(options)}")
        return value

    def choices(self, key: str, allowed: Iterable[str]) -> tuple[str, ...]:
        """Return a list, not empty and without repetition, of strings out of ``allowed``."""
        value, options = self._entries[key], sorted(allowed)
        if not isinstance(value, list) or not value or len(value) > len(options):
            raise self.wrong(f'{key} must be a list such as {key} = ["{options[0]}"]')
        for item in value:
            if item not in options:
                raise self.wrong(f"{key} holds {shown(item)}; write some of {', '.join(options)}")
        if len(set(value)) != len(value):
            raise self.wrong(f"{key} names one entry twice")
        return tuple(value)

    def texts(self, key: str) -> tuple[str, ...]:
        """Return a list of strings, none of them empty; the list may be."""
        value = self._entries[key]
        if not isinstance(value, list) or len(value) > MAX_ENTRIES:
            raise self.wrong(f'{key} must be a list of texts, such as {key} = ["…"]')
        for number, item in enumerate(value, 1):
            if not _is_text(item):
                raise self.wrong(f"{key}: entry {number} must be a text of 1 to {MAX_TEXT} characters")
        return tuple(value)

    def flag(self, key: str) -> bool:
        """Return true or false."""
        value = self._entries[key]
        if not isinstance(value, bool):
            raise self.wrong(f"{key} must be true or false, without quotes, such as {key} = true")
        return value

    def integer(self, key: str, *, most: int, least: int = 0) -> int:
        """Return an integer from ``least`` to ``most``."""
        value = self._entries[key]
        if not _is_integer(value) or not least <= value <= most:
            raise self.wrong(
                f"{key} must be an integer from {least} to {most}, such as {key} = {min(most, max(least, 120))}"
            )
        return value

    def integers(self, key: str, *, most: int, least: int = 0) -> tuple[int, ...]:
        """Return a list of integers from ``least`` to ``most``, not empty and each above the one before."""
        value = self._entries[key]
        rule = f"{key} must be a list of integers from {least} to {most}, each once and in order"
        if not isinstance(value, list) or not value or not all(_is_integer(item) for item in value):
            raise self.wrong(f"{rule}, such as {key} = [{least}, {most}]")
        if value != sorted(set(value)) or not least <= value[0] or not value[-1] <= most:
            raise self.wrong(f"{rule}, such as {key} = [{least}, {most}]")
        return tuple(value)

    def positive(self, key: str, *, most: int) -> Fraction:
        """Return a number above 0 and at most ``most``, exactly as written."""
        value = self._entries[key]
        number = _is_integer(value) or (isinstance(value, Decimal) and value.is_finite())
        if number and LEAST_POSITIVE <= value <= most:
            if len(Decimal(value).as_tuple().digits) > MAX_NUMBER_DIGITS:
                raise self.wrong(f"{key} has more than {MAX_NUMBER_DIGITS} digits; round it")
            return Fraction(value)
        raise self.wrong(f"{key} must be a number above 0 and at most {most}, such as {key} = 100 or 2.5")

    def decimal(self, key: str) -> str:
        """Return a decimal that is written as a string."""
        value = self._entries[key]
        if not isinstance(value, str):
            raise self.wrong(f'{key} must be a decimal in quotes, such as {key} = "30"')
        try:
            decimals.parse(value)
        except DecimalError as cause:
            raise self.wrong(f'{key}: {cause}; write it in quotes and without a unit, {key} = "30"') from None
        return value

    def day(self, key: str) -> date:
        """Return a local date, written without quotes."""
        value = self._entries[key]
        if not isinstance(value, date) or isinstance(value, datetime):
            raise self.wrong(f"{key} must be a date without quotes, such as {key} = 2026-11-01")
        if not EARLIEST_DAY <= value <= LATEST_DAY:
            raise self.wrong(f"{key} is {value}; days from {EARLIEST_DAY} to {LATEST_DAY} are known")
        return value

    def table(self, key: str) -> Table:
        """Return the table under ``key``."""
        value = self._entries[key]
        if not isinstance(value, dict):
            raise self.wrong(f"{key} must be a table, written [{key}]")
        return Table(value, place=f"{self.place}: [{key}]", error=self._error)

    def tables(self, key: str) -> list[Table]:
        """Return the list of tables under ``key``."""
        value = self._entries[key]
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            raise self.wrong(f"{key} must be a list of tables, each written [[{key}]]")
        if len(value) > MAX_ENTRIES:
            raise self.wrong(f"{key} has {len(value)} entries, at most {MAX_ENTRIES}")
        return [
            Table(item, place=f"{self.place}: [[{key}]] number {number}", error=self._error)
            for number, item in enumerate(value, 1)
        ]


def _is_text(value: object) -> TypeGuard[str]:
    return isinstance(value, str) and bool(value.strip()) and len(value) <= MAX_TEXT


def _is_integer(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)
