"""Passwords: which are taken, and their hashes (argon2id, RFC 9106)."""

from __future__ import annotations

import re
import threading
from enum import Enum

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

LEAST_CHARACTERS = 12
MOST_CHARACTERS = 256
"""Longer ones only cost time; a sentence fits."""
LEAST_DIFFERENT = 5
HASHES_AT_ONCE = 2
"""Each takes 64 MiB for as long as it is computed."""
WORDS = (
    "password", "passwort", "passcode", "administrator", "admin", "manager", "operator", "guest", "root", "user", "login",
    "welcome", "letmein", "changeme", "default", "secret", "master", "monkey", "dragon", "iloveyou", "loveyou", "test",
    "hello", "abc", "woaini", "zhongguo", "china", "jiangsu", "nanjing", "suzhou", "wuxi", "starproof", "xingzheng",
    "1314", "520", "888", "666", "000", "147", "258", "369",
)  # fmt: skip
"""What everybody begins with."""
ROWS = (
    "qwertyuiop", "asdfghjkl", "zxcvbnm", "1234567890", "0123456789", "abcdefghijklmnopqrstuvwxyz",
    "1qaz2wsx3edc4rfv5tgb6yhn7ujm", "q1w2e3r4t5y6u7i8o9p0", "qazwsxedcrfvtgb",
)  # fmt: skip
"""Runs along the keyboard and the alphabet, forwards and backwards."""
LEAST_RUN = 3
LEAST_PARTS = 6
"""Words and runs are one part each, however long; so is every other character."""
_SIGNS = str.maketrans("@$!01345", "asioleas")
_KNOWN = frozenset(
    run[start:end]
    for row in ROWS
    for run in (row, row[::-1])
    for start in range(len(run))
    for end in range(start + LEAST_RUN, len(run) + 1)
) | frozenset(WORDS)
_LONGEST = max(map(len, _KNOWN))
_YEAR = re.compile(r"(19|20)\d\d")


class Weakness(Enum):
    """Why a password is not taken; the value is the key of the words for it."""

    SHORT = "password.short"
    LONG = "password.long"
    COMMON = "password.common"
    SAME = "password.same"
    NAME = "password.name"


def weakness(password: str, *, name: str) -> Weakness | None:
    """Return why a password cannot be used by the account ``name``, ``None`` if it can."""
    folded = password.casefold()
    if len(password) < LEAST_CHARACTERS:
        return Weakness.SHORT
    if len(password) > MOST_CHARACTERS:
        return Weakness.LONG
    if len(set(folded)) < LEAST_DIFFERENT:
        return Weakness.SAME
    if parts(folded) < LEAST_PARTS:
        return Weakness.COMMON
    if name and name.casefold() in folded:
        return Weakness.NAME
    return None


def parts(folded: str) -> int:
    """Return of how few parts a password can be put together: what a program for guessing tries first.

    ``folded``: in small letters. Signs in place of letters (p@ssw0rd) make no difference.
    """
    plain = folded.translate(_SIGNS)
    least = [0]
    for end in range(1, len(folded) + 1):
        ways = [least[end - 1] + 1]
        ways += [
            least[start] + 1
            for start in range(max(0, end - _LONGEST), end - LEAST_RUN + 1)
            if folded[start:end] in _KNOWN
            or plain[start:end] in _KNOWN
            or len(set(folded[start:end])) == 1
            or _YEAR.fullmatch(folded, start, end)
        ]
        least.append(min(ways))
    return least[-1]


class Passwords:
    """Hashes and compares, a few at once at most; threads may share it."""

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        self._hasher = hasher or PasswordHasher()
        self._room = threading.BoundedSemaphore(HASHES_AT_ONCE)
        # Compared with where there is no account: the answer must take as long.
        self._nobody = self._hasher.hash("nobody has this password")

    def hashed(self, password: str) -> str:
        """Return what is kept of a password."""
        with self._room:
            return self._hasher.hash(password)

    def agrees(self, kept: str | None, password: str) -> bool:
        """Return whether this is the password; ``None`` is no account, and takes as long to answer."""
        with self._room:
            try:
                self._hasher.verify(self._nobody if kept is None else kept, password)
            except (VerificationError, InvalidHashError):
                return False
        return kept is not None
