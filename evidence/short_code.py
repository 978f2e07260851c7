"""The short code of a checkpoint: what fits on a line of a log book and can be typed by hand.

120 bits of SHA-256 over the signed note, in six groups of five characters: ``8FQ2K-…``. The last
character of a group is its check: one wrong character, two neighbours exchanged and two groups
exchanged are always noticed, and the group is named. Letters are Crockford's (no I, L, O, U); they are read
in either case, ``O`` as 0, ``I`` and ``L`` as 1.

Whoever makes the checkpoints also chooses them: two with one code take about 2^60 attempts. The
QR code beside it holds the whole note and leaves nothing to attempt.
"""

from __future__ import annotations

import hashlib

from evidence.errors import MalformedError

GROUPS = 6
_DATA = 4
"""Characters of a group before its check."""
_GROUP = _DATA + 1
_BITS = 5
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_READ_AS = str.maketrans("OIL", "011")
_BETWEEN = str.maketrans("", "", "-–— \t\u3000")
_PERSONAL = b"starproof short code 1\n"
_POLYNOMIAL = 0b100101
"""x^5 + x^2 + 1, irreducible over GF(2): the field of 32 elements."""


def short_code(note: bytes) -> str:
    """Return the code of a signed note, six groups joined by hyphens."""
    number = int.from_bytes(hashlib.sha256(_PERSONAL + note).digest(), "big") >> 256 - GROUPS * _DATA * _BITS
    values = [number >> _BITS * place & 31 for place in reversed(range(GROUPS * _DATA))]
    groups = [values[start : start + _DATA] for start in range(0, len(values), _DATA)]
    return "-".join(
        "".join(_ALPHABET[value] for value in (*group, _check(place, group)))
        for place, group in enumerate(groups)
    )


def read_code(text: str) -> str:
    """Return the code that somebody typed, in its one form.

    Raises:
        MalformedError: it is no code; names the groups whose check is wrong.
    """
    typed = text.translate(_BETWEEN).upper().translate(_READ_AS)
    if len(typed) != GROUPS * _GROUP:
        raise MalformedError(
            f"a code has {GROUPS} groups of {_GROUP} characters; {len(typed)} characters were typed"
        )
    strange = sorted(set(typed) - set(_ALPHABET))
    if strange:
        raise MalformedError(f"{''.join(strange)!r} stands in no code; read the line again")
    groups = [typed[start : start + _GROUP] for start in range(0, len(typed), _GROUP)]
    wrong = [place for place, group in enumerate(groups) if not _holds(place, group)]
    if wrong:
        numbers = ", ".join(str(place + 1) for place in wrong)
        raise MalformedError(
            f"mistyped: the check of group {numbers} ({', '.join(groups[place] for place in wrong)}) is wrong; "
            "read the line again"
        )
    return "-".join(groups)


def _holds(place: int, group: str) -> bool:
    *values, check = (_ALPHABET.index(character) for character in group)
    return _check(place, values) == check


def _check(place: int, values: list[int]) -> int:
    """Horner's rule in GF(32), begun with the group's number: every place has a weight of its own."""
    check = place + 1
    for value in values:
        check = _times_x(check) ^ value
    return _times_x(check)


def _times_x(value: int) -> int:
    value <<= 1
    return value ^ _POLYNOMIAL if value >> _BITS else value
