"""Errors of the verifier. The class docstring says what the class of fault is.

    VerifierError
    ├── DecimalError      a number is not written as a plain decimal
    ├── EditionError      an edition file cannot be used
    ├── ScopeError        a scope file cannot be used, or does not fit what is asked
    ├── ProfileError      a profile or one of its documents cannot be used
    ├── LedgerError       a ledger is damaged, or an entry breaks its rules
    ├── DeclarationError  the records of declared scopes are damaged, or one more cannot be added
    ├── WindowError       no time is left to measure
    ├── ArchiveError      the stored evidence cannot be what it claims to be: run the audit
    ├── OutputError       what was made cannot be written where it should go
    └── PackError         a pack cannot be written, or is not one

Every class has a stable ``code`` that scripts may rely on.
"""

from __future__ import annotations

from typing import ClassVar


class VerifierError(Exception):
    """The verifier cannot do what was asked."""

    code: ClassVar[str] = "VERIFIER"


class DecimalError(VerifierError):
    """A number is not written as a plain decimal."""

    code: ClassVar[str] = "DECIMAL"


class EditionError(VerifierError):
    """An edition file cannot be used."""

    code: ClassVar[str] = "EDITION"


class ScopeError(VerifierError):
    """A scope file cannot be used, or does not fit what is asked."""

    code: ClassVar[str] = "SCOPE"


class ProfileError(VerifierError):
    """A profile or one of its documents cannot be used, or does not fit its edition."""

    code: ClassVar[str] = "PROFILE"


class LedgerError(VerifierError):
    """A ledger is damaged, or one of its entries breaks the rules."""

    code: ClassVar[str] = "LEDGER"


class DeclarationError(VerifierError):
    """The records of declared scopes are damaged or contradict each other, or leave no room for one more."""

    code: ClassVar[str] = "DECLARATION"


class WindowError(VerifierError):
    """No time is left to measure."""

    code: ClassVar[str] = "WINDOW"


class ArchiveError(VerifierError):
    """The stored evidence cannot be what it claims to be; run the audit."""

    code: ClassVar[str] = "ARCHIVE"


class OutputError(VerifierError):
    """What was made cannot be written where it should go."""

    code: ClassVar[str] = "OUTPUT"


class PackError(VerifierError):
    """A pack cannot be written, or the file is not one."""

    code: ClassVar[str] = "PACK"
