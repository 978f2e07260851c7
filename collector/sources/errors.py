"""What can go wrong with a source. The class docstring says what the class of fault is.

    SourceError
    ├── PluginError           a plug-in cannot be loaded or there is none of this name
    ├── CredentialError       a credential cannot be read from where it is said to be
    ├── AuthError             the source refused the credential
    │   └── PermissionMissing     the credential is right but may not do this; names the permission
    ├── ThrottledError        asked too fast; trying again after a pause helps
    ├── QuotaExhaustedError   nothing more is answered until the quota is renewed
    ├── AnswerError           the answer is not what was documented
    │   └── ConflictingPoints     two different values for one instant
    ├── UnreachableError      no answer, or the source is out of order; trying again helps
    │   └── UntrustedError        who answers is not whom we asked; trying again does not help
    └── RangeError            the time, period or metric asked for cannot be answered

Messages never hold secrets (``collector.sources.redaction``). ``request_id`` is what the provider's
support asks for, "" where there is none.
"""

from __future__ import annotations

from typing import ClassVar

from collector.errors import CollectorError


class SourceError(CollectorError):
    """A source cannot do what it was asked to do."""

    code: ClassVar[str] = "SOURCE"
    retryable: ClassVar[bool] = False
    """Whether the shared calling layer may ask again."""

    def __init__(self, message: str, *, request_id: str = "") -> None:
        super().__init__(message)
        self.request_id = request_id


class PluginError(SourceError):
    """A plug-in cannot be loaded or opened, or there is none of this name."""

    code: ClassVar[str] = "SOURCE_PLUGIN"


class CredentialError(SourceError):
    """A credential cannot be read from where it is said to be."""

    code: ClassVar[str] = "SOURCE_CREDENTIAL"


class AuthError(SourceError):
    """The source refused the credential: a wrong, expired or disabled key."""

    code: ClassVar[str] = "SOURCE_AUTH"


class PermissionMissing(AuthError):  # noqa: N818 - says what is missing, not that something is
    """The credential is right but may not do this. ``permission`` is the provider's name of it."""

    code: ClassVar[str] = "SOURCE_PERMISSION"

    def __init__(self, message: str, *, permission: str, request_id: str = "") -> None:
        super().__init__(message, request_id=request_id)
        self.permission = permission


class ThrottledError(SourceError):
    """Asked too fast. ``retry_after_s``: how long the source wants to be left alone; ``None`` if it did not say."""

    code: ClassVar[str] = "SOURCE_THROTTLED"
    retryable: ClassVar[bool] = True

    def __init__(self, message: str, *, retry_after_s: int | None = None, request_id: str = "") -> None:
        super().__init__(message, request_id=request_id)
        self.retry_after_s = retry_after_s


class QuotaExhaustedError(SourceError):
    """The free or bought calls are used up; nothing more is answered until they are renewed."""

    code: ClassVar[str] = "SOURCE_QUOTA"


class AnswerError(SourceError):
    """The answer is not what was documented. The message says what is wrong and where in the answer."""

    code: ClassVar[str] = "SOURCE_ANSWER"


class ConflictingPoints(AnswerError):  # noqa: N818 - says what was found
    """Two different values were answered for one instant of one host and metric."""

    code: ClassVar[str] = "SOURCE_CONFLICT"


class UnreachableError(SourceError):
    """There was no answer, or the source says that it is out of order."""

    code: ClassVar[str] = "SOURCE_UNREACHABLE"
    retryable: ClassVar[bool] = True


class UntrustedError(UnreachableError):
    """Who answers is not whom we asked: a certificate is not trusted, or we are sent elsewhere."""

    code: ClassVar[str] = "SOURCE_UNTRUSTED"
    retryable: ClassVar[bool] = False


class RangeError(SourceError):
    """The time, period or metric that was asked for cannot be answered."""

    code: ClassVar[str] = "SOURCE_RANGE"
