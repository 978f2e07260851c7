"""What a refusal of Alibaba Cloud means: which of its codes is which of our errors.

The codes are those of its list of common errors. ``Throttling.User`` has two faces: too many calls
a second pass by themselves, the monitor's used-up monthly quota does not.
"""

from __future__ import annotations

from dataclasses import dataclass

from collector.sources.calling import Codes, quoted, retry_after_s, status_error
from collector.sources.errors import (
    AnswerError,
    AuthError,
    QuotaExhaustedError,
    SourceError,
    UnreachableError,
    UntrustedError,
)

NO_ANSWER = "SDK.HttpError"
"""The SDK's own code for every failed connection."""
UNREADABLE = "Unreadable"

CODES = Codes(
    throttled=("Throttling", "Throttling.", "429", "ServiceUnavailable.Throttling"),
    exhausted=("Throttling.Quota",),
    auth=(
        "IncompleteSignature",
        "InvalidAccessKeyId",
        "InvalidAccessKeyId.",
        "InvalidAccessKeySecret",
        "InvalidSecurityToken.",
        "MissingAccessKeyId",
        "MissingSecurityToken",
        "SignatureDoesNotMatch",
    ),
    forbidden=(
        "401",
        "403",
        "Forbidden",
        "Forbidden.",
        "NoPermission",
        "NoPermission.",
        "NotAuthorized",
        "UnauthorizedOperation",
    ),
    unavailable=(
        "500",
        "502",
        "503",
        "504",
        "InternalError",
        "InternalError.",
        "InternalServerError",
        "ServiceUnavailable",
        "ServiceUnavailable.",
        "SystemError",
    ),
)
_CLOCK = ("InvalidTimeStamp", "IllegalTimestamp")
_QUOTA_WORDS = ("quota", "额度")
_HTTP_THROTTLED = 429


@dataclass
class Fault(Exception):  # noqa: N818 - what was said, before we know which error it is
    """A call failed: the provider's code and words, its HTTP status (0: there was no answer)."""

    code: str
    message: str
    status: int = 0
    request_id: str = ""
    retry_after: str | None = None


def unreadable(what: str) -> Fault:
    """Return the fault of an answer that is not what was documented."""
    return Fault(UNREADABLE, what)


def source_error(fault: Fault, *, where: str, permission: str, wall_ms: int) -> SourceError:
    """Return the error that ``fault`` is. ``permission`` is what the call needs, in RAM's words."""
    if fault.code == UNREADABLE:
        return AnswerError(f"{where}: {fault.message}")
    if fault.code == NO_ANSWER:
        return _no_answer(fault.message, where)
    known = _special(fault, where) or CODES.error(
        fault.code,
        fault.message,
        where=where,
        permission=permission,
        retry_after_s=retry_after_s(fault.retry_after, wall_ms=wall_ms),
        request_id=fault.request_id,
    )
    if type(known) is AnswerError and fault.status >= _HTTP_THROTTLED:
        # The code is in no list (the SDK invents one for a gateway's page), the status says enough.
        headers = {"retry-after": fault.retry_after} if fault.retry_after else {}
        said = f"{fault.code}: {fault.message}"
        return status_error(
            fault.status, headers, said, where=where, wall_ms=wall_ms, request_id=fault.request_id
        )
    return known


def _special(fault: Fault, where: str) -> SourceError | None:
    """Return the error where the code alone does not say what to do next."""
    said = f"{where}: {fault.code}: {quoted(fault.message)}"
    if fault.code.startswith("Throttling") and any(word in fault.message.lower() for word in _QUOTA_WORDS):
        return QuotaExhaustedError(
            f"{said}; the month's free calls are used up: switch pay-as-you-go on or wait for the next month",
            request_id=fault.request_id,
        )
    if fault.code.startswith(_CLOCK):
        return AuthError(
            f"{said}; this machine's clock must be right to 15 minutes", request_id=fault.request_id
        )
    return None


def _no_answer(message: str, where: str) -> SourceError:
    # The SDK's words hold the whole address, with key and signature: only the cause is told.
    if "CERTIFICATE_VERIFY_FAILED" in message or "doesn't match" in message:
        return UntrustedError(f"{where}: the certificate is not trusted; set ca_file if a proxy opens TLS")
    for words in ("timed out", "refused", "Name or service not known", "reset by peer"):
        if words in message:
            return UnreachableError(f"{where}: no answer: {words}")
    return UnreachableError(f"{where}: no answer: the connection failed")
