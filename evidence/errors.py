"""Errors of the evidence package. The class docstring says what the class of fault is.

    EvidenceError
    ├── MalformedError        the bytes do not follow the format
    │   ├── NotCanonicalError     a JSON document is not in the one permitted form
    │   └── LimitExceededError    a size or count is above its named limit
    ├── MismatchError         a hash in a signed record differs from the bytes it names
    ├── BadSignatureError     a signature does not verify under the given key
    ├── WeakKeyError          a public key must not be used by anyone
    └── OutOfRangeError       a value handed in by the caller cannot be represented

Every class has a stable ``code`` that scripts and findings may rely on.
"""

from __future__ import annotations

from typing import ClassVar


class EvidenceError(Exception):
    """Something about a piece of evidence is wrong."""

    code: ClassVar[str] = "EVIDENCE"


class MalformedError(EvidenceError):
    """The bytes do not follow the format."""

    code: ClassVar[str] = "MALFORMED"


class NotCanonicalError(MalformedError):
    """A JSON document is not in its one permitted form."""

    code: ClassVar[str] = "NOT_CANONICAL"


class LimitExceededError(MalformedError):
    """A size or count is above its named limit."""

    code: ClassVar[str] = "LIMIT_EXCEEDED"


class MismatchError(EvidenceError):
    """A hash in a signed record differs from the bytes it names."""

    code: ClassVar[str] = "MISMATCH"


class BadSignatureError(EvidenceError):
    """A signature does not verify under the given key."""

    code: ClassVar[str] = "BAD_SIGNATURE"


class WeakKeyError(EvidenceError):
    """A public key is not a point of the prime-order group and must not be used."""

    code: ClassVar[str] = "WEAK_KEY"


class OutOfRangeError(EvidenceError):
    """A value cannot be represented in the format."""

    code: ClassVar[str] = "OUT_OF_RANGE"
