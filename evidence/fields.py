"""Typed access to the fields of a parsed document: exactly these keys, of exactly these types.

A reader that ignores what it does not know can be told two stories by one record; every record
here is refused when a field is missing, unknown or of another type.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from evidence.errors import MalformedError

HASH_DIGITS = 64
_HEX = frozenset("0123456789abcdef")


def require_keys(
    document: Mapping[str, Any], required: Iterable[str], optional: Iterable[str] = (), *, where: str
) -> None:
    """Refuse a document whose keys are not the required ones plus some of the optional ones.

    Raises:
        MalformedError: names the missing and the unknown keys.
    """
    needed = set(required)
    missing = sorted(needed - document.keys())
    unknown = sorted(document.keys() - needed - set(optional))
    if missing:
        raise MalformedError(f"{where}: missing {', '.join(missing)}")
    if unknown:
        raise MalformedError(f"{where}: unknown {', '.join(unknown)}")


def text(document: Mapping[str, Any], key: str, *, where: str, longest: int = 512) -> str:
    """Return the string under ``key``, at most ``longest`` characters.

    Raises:
        MalformedError: another type, or too long.
    """
    value = document[key]
    if not isinstance(value, str):
        raise MalformedError(f"{where}: {key} is not a string")
    if len(value) > longest:
        raise MalformedError(f"{where}: {key} has {len(value)} characters, at most {longest}")
    return value


def integer(
    document: Mapping[str, Any], key: str, *, where: str, least: int = 0, most: int = 2**53 - 1
) -> int:
    """Return the integer under ``key`` if it lies in [least, most].

    Raises:
        MalformedError: another type, or out of range.
    """
    value = document[key]
    if not isinstance(value, int):
        raise MalformedError(f"{where}: {key} is not an integer")
    if not least <= value <= most:
        raise MalformedError(f"{where}: {key} is {value}, allowed are {least} to {most}")
    return value


def choice(document: Mapping[str, Any], key: str, allowed: Collection[str], *, where: str) -> str:
    """Return the string under ``key`` if it is one of ``allowed``.

    Raises:
        MalformedError: anything else.
    """
    value = text(document, key, where=where)
    if value not in allowed:
        raise MalformedError(f"{where}: {key} is {value!r}, allowed are {', '.join(sorted(allowed))}")
    return value


def hex_hash(document: Mapping[str, Any], key: str, *, where: str) -> str:
    """Return the 64 lower-case hex digits under ``key``.

    Raises:
        MalformedError: anything else.
    """
    value = text(document, key, where=where)
    if not is_hash(value):
        raise MalformedError(f"{where}: {key} is not 64 lower-case hex digits")
    return value


def known_hash(document: Mapping[str, Any], key: str, *, where: str) -> str:
    """Return the 64 lower-case hex digits under an optional ``key``, empty if it is absent.

    Raises:
        MalformedError: it is there and anything else; an empty text would be a second way to say absent.
    """
    return hex_hash(document, key, where=where) if key in document else ""


def without_unknown(document: Mapping[str, Any], optional: Iterable[str]) -> dict[str, Any]:
    """Return the document without those of its optional fields that are empty."""
    left_out = {key for key in optional if not document[key]}
    return {key: value for key, value in document.items() if key not in left_out}


def is_hash(value: str) -> bool:
    """Return whether ``value`` is 64 lower-case hex digits."""
    return len(value) == HASH_DIGITS and not set(value) - _HEX


def objects(document: Mapping[str, Any], key: str, *, where: str, most: int) -> list[dict[str, Any]]:
    """Return the list of objects under ``key``, at most ``most`` of them.

    Raises:
        MalformedError: another type, or too many.
    """
    value = document[key]
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise MalformedError(f"{where}: {key} is not a list of objects")
    if len(value) > most:
        raise MalformedError(f"{where}: {key} has {len(value)} entries, at most {most}")
    return value


def facts(document: Mapping[str, Any], key: str, *, where: str) -> dict[str, Any]:
    """Return the flat object of strings and integers under ``key``.

    Raises:
        MalformedError: another type, or a nested value.
    """
    value = document[key]
    if not isinstance(value, dict) or not all(isinstance(item, (str, int)) for item in value.values()):
        raise MalformedError(f"{where}: {key} is not a flat object of strings and integers")
    return value
