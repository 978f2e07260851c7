r"""Canonical JSON: one document, one sequence of bytes.

Rules (a subset of RFC 8785, strict enough that no two readers can disagree):

1. UTF-8 without BOM, no white space between tokens.
2. Objects, arrays, strings and integers only: no floats, no ``true``/``false``/``null``.
3. Integers in (-2^53, 2^53), without ``-0`` and leading zeros.
4. Object keys match ``[a-z][a-z0-9_]*``, are unique and sorted.
5. Strings hold no lone surrogates and no control characters below U+0020.
6. At most ``MAX_DEPTH`` levels deep.

Parsing decodes under these rules, encodes the result again and compares: whatever slips through a
JSON parser (duplicate keys, ``\u0041`` for ``A``, blanks) is refused by the comparison.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, NoReturn, Union

from evidence.errors import LimitExceededError, NotCanonicalError, OutOfRangeError

INTEGER_LIMIT = 2**53
"""Integers are strictly between -INTEGER_LIMIT and INTEGER_LIMIT (exact in every JSON reader)."""
MAX_DEPTH = 8
MAX_INTEGER_DIGITS = 17
"""Longer digit runs are refused before conversion, so a huge integer costs nothing."""

Value = Union[str, int, "list[Value]", "dict[str, Value]"]
Document = dict[str, Any]

_KEY = re.compile(r"[a-z][a-z0-9_]*\Z")
_BAD_CHARACTER = re.compile("[\x00-\x1f\ud800-\udfff]")


def encode(document: Mapping[str, Any]) -> bytes:
    """Return the canonical bytes of ``document``.

    Raises:
        OutOfRangeError: a value has no canonical form (float, bool, None, huge integer, odd key).
    """
    if not _is_plain(document, 1):
        _require_encodable(document, depth=1, where="document")
    return json.dumps(
        document, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    ).encode("utf-8")


def decode(data: bytes, *, limit: int) -> Document:
    """Return the object that ``data`` encodes, provided ``data`` is its canonical form.

    Args:
        data: the bytes to read.
        limit: the greatest permitted length in bytes.

    Raises:
        LimitExceededError: ``data`` is longer than ``limit`` or nested too deeply.
        NotCanonicalError: ``data`` breaks one of the rules in the module's docstring.
    """
    if len(data) > limit:
        raise LimitExceededError(f"JSON document has {len(data)} bytes, the limit is {limit}")
    try:
        document = json.loads(
            data.decode("utf-8"),
            object_pairs_hook=_object,
            parse_float=_refuse_number,
            parse_int=_integer,
            parse_constant=_refuse_number,
        )
    except RecursionError:
        raise LimitExceededError(f"JSON document is nested deeper than {MAX_DEPTH}") from None
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise NotCanonicalError(f"not a JSON document: {error}") from None
    if not isinstance(document, dict):
        raise NotCanonicalError("the JSON document is not an object")
    try:
        same = encode(document) == data
    except OutOfRangeError as error:
        raise NotCanonicalError(str(error)) from None
    if not same:
        raise NotCanonicalError("the JSON document is not in canonical form")
    return document


def _object(pairs: list[tuple[str, Any]]) -> Document:
    result: Document = {}
    for key, value in pairs:
        if key in result:
            raise NotCanonicalError(f"key {key!r} stands twice in one object")
        result[key] = value
    return result


def _integer(text: str) -> int:
    if len(text) > MAX_INTEGER_DIGITS:
        raise NotCanonicalError(f"integer of {len(text)} digits; integers are below 2^53")
    return int(text)


def _refuse_number(text: str) -> NoReturn:
    raise NotCanonicalError(f"number {text[:40]!r} is not an integer")


def _is_plain(value: object, depth: int) -> bool:
    """Return whether a value surely has a canonical form; if not, the slower look says what is wrong, if anything."""
    kind = type(value)
    if kind is str:
        return value.isprintable()  # type: ignore[attr-defined, no-any-return]
    if kind is int:
        return -INTEGER_LIMIT < value < INTEGER_LIMIT  # type: ignore[operator]
    if depth > MAX_DEPTH:
        return False
    if kind is dict:
        keys = value.keys()  # type: ignore[attr-defined]
        return all(type(key) is str and _KEY.match(key) for key in keys) and all(
            _is_plain(item, depth + 1)
            for item in value.values()  # type: ignore[attr-defined]
        )
    return kind is list and all(_is_plain(item, depth + 1) for item in value)  # type: ignore[attr-defined]


def _require_encodable(value: object, *, depth: int, where: str) -> None:
    if depth > MAX_DEPTH:
        raise OutOfRangeError(f"{where} is nested deeper than {MAX_DEPTH}")
    if isinstance(value, str):
        if _BAD_CHARACTER.search(value):
            raise OutOfRangeError(f"{where} holds a control character or a lone surrogate")
    elif isinstance(value, bool):
        raise OutOfRangeError(f"{where} is a boolean; write a string or an integer")
    elif isinstance(value, int):
        if not -INTEGER_LIMIT < value < INTEGER_LIMIT:
            raise OutOfRangeError(f"{where} is an integer outside (-2^53, 2^53)")
    elif isinstance(value, Mapping):
        for key, item in value.items():
            if not isinstance(key, str) or not _KEY.match(key):
                raise OutOfRangeError(f"{where} has the key {key!r}; keys are [a-z][a-z0-9_]*")
            _require_encodable(item, depth=depth + 1, where=f"{where}.{key}")
    elif isinstance(value, (list, tuple)):
        for number, item in enumerate(value):
            _require_encodable(item, depth=depth + 1, where=f"{where}[{number}]")
    else:
        raise OutOfRangeError(f"{where} is a {type(value).__name__}, not an integer or a string")
