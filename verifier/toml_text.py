"""The text of a TOML file that somebody else wrote: bounded before it is parsed, and shown in short.

A file may come out of a hostile pack. tomllib is linear in honest files; what makes it slow or
large, a dotted key of thousands of parts, is refused before it reads a byte.
"""

from __future__ import annotations

import codecs
import re
from decimal import Decimal, InvalidOperation
from typing import Any

import tomllib

from verifier.errors import VerifierError

MAX_FILE_BYTES = 4 * 1024 * 1024
MAX_KEY_PARTS = 50
"""Most parts of a dotted key, anywhere in the file."""
MAX_NUMBER_CHARACTERS = 60
"""Longest number with a point or an exponent: a person wrote it."""
MAX_SHOWN = 60
"""Characters of a wrong value that a message shows."""
_DOTTED = re.compile(r"""(?<![\w"'-])(?:[\w"'-]+[ \t]*\.[ \t]*){50}""")
"""``MAX_KEY_PARTS`` parts, each with its dot. It begins where a word does: from within one, a long word would be
read again from each of its letters."""
_REPEATED = "tables that repeat are written [[name]], once for each entry"


def parse(data: bytes, *, what: str, error: type[VerifierError]) -> dict[str, Any]:
    """Return the top table of a TOML file; numbers with a point are ``Decimal``.

    Args:
        data: the bytes of the file, UTF-8 with or without a byte order mark.
        what: what the file is, for messages.
        error: the class to raise.

    Raises:
        VerifierError: the class ``error``: too long, not UTF-8, not TOML.
    """
    if len(data) > MAX_FILE_BYTES:
        raise error(f"{what}: {len(data)} bytes, at most {MAX_FILE_BYTES} are read")
    try:
        text = data.removeprefix(codecs.BOM_UTF8).decode("utf-8")
    except UnicodeDecodeError as cause:
        line = data.count(b"\n", 0, cause.start) + 1
        raise error(
            f"{what}: not a TOML file in UTF-8: line {line} has other bytes; save it as UTF-8 (另存为 UTF-8)"
        ) from None
    if _DOTTED.search(text):
        raise error(f"{what}: a key with more than {MAX_KEY_PARTS} parts; no such key is known")
    try:
        return tomllib.loads(text, parse_float=_decimal)
    except RecursionError:
        raise error(f"{what}: lists or tables lie too deep in one another") from None
    except ValueError as cause:
        hint = f"; {_REPEATED}" if "twice" in str(cause) else ""
        raise error(
            f"{what}: not a TOML file in UTF-8: {shown_text(str(cause), 4 * MAX_SHOWN)}{hint}"
        ) from None


def shown(value: object) -> str:
    """Return a wrong value as a message shows it: cut, and whatever it is."""
    try:
        return shown_text(repr(value))
    except (RecursionError, ValueError):  # too deep, or an integer too long to print
        return f"a {type(value).__name__} too large to show"


def shown_text(text: str, most: int = MAX_SHOWN) -> str:
    """Return ``text``, cut after ``most`` characters."""
    return text if len(text) <= most else f"{text[:most]}…"


def _decimal(text: str) -> Decimal:
    """Return a number exactly; ``ValueError`` for what nobody writes."""
    if len(text) > MAX_NUMBER_CHARACTERS:
        raise ValueError(f"a number of {len(text)} characters")
    try:
        return Decimal(text)
    except InvalidOperation:
        raise ValueError(f"the number {text} has an exponent that nothing here can have") from None
