"""Passwords: which are taken, and their hashes (argon2id, RFC 9106)."""

from __future__ import annotations

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
COMMON = frozenset(
    (
        "123456789012", "1234567890123", "12345678901234", "123456789123", "1234567890qwe", "qwertyuiop12",
        "qwertyuiop123", "qwertyuiop1234", "qwertyuiopasdf", "1qaz2wsx3edc", "1qaz2wsx3edc4rfv", "q1w2e3r4t5y6",
        "qwer1234asdf", "asdfghjkl123", "zxcvbnm12345", "password1234", "password12345", "password123456",
        "passw0rd1234", "p@ssw0rd1234", "p@ssword1234", "administrator", "administrator1", "admin1234567",
        "admin12345678", "admin@123456", "welcome12345", "letmein12345", "iloveyou1234", "changeme1234",
        "abcdefghijkl", "abcdefghijklm", "abcd12345678", "abc123456789", "a123456789012", "aa123456789012",
        "woaini1314520", "woaini520131", "5201314520131", "zhongguo1234", "jiangsu123456", "nanjing123456",
        "starproof1234", "starproof2026",
    )
)  # fmt: skip
"""Passwords that everybody tries, of the length that is asked for."""


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
    if folded in COMMON:
        return Weakness.COMMON
    if len(set(folded)) < LEAST_DIFFERENT:
        return Weakness.SAME
    if name and name.casefold() in folded:
        return Weakness.NAME
    return None


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
