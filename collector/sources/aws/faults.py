"""What a refusal of AWS means: which of its codes is which of our errors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from collector.sources.calling import Codes, retry_after_s, status_error
from collector.sources.errors import AnswerError, RangeError, SourceError

CODES = Codes(
    throttled=(
        "BandwidthLimitExceeded",
        "EC2ThrottledException",
        "LimitExceededException",  # Cost Explorer: too many calls in a short time
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "SlowDown",
        "ThrottledException",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
    ),
    auth=(
        "AuthFailure",
        "ExpiredToken",
        "ExpiredTokenException",
        "IncompleteSignature",
        "IncompleteSignatureException",
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "MissingAuthenticationToken",
        "MissingAuthenticationTokenException",
        "OptInRequired",
        "RequestExpired",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    ),
    forbidden=("AccessDenied", "AccessDeniedException", "UnauthorizedOperation"),
    unavailable=(
        "InternalError",
        "InternalFailure",
        "InternalServerError",
        "InternalServiceError",
        "InternalServiceFault",
        "InternalServiceException",
        "ServiceUnavailable",
        "ServiceUnavailableException",
        "Unavailable",
    ),
)
OUT_OF_RANGE = ("BillExpirationException", "DataUnavailableException")
_HTTP_THROTTLED = 429


@dataclass(frozen=True)
class Fault:
    """AWS's code and words, the HTTP status and headers of its refusal."""

    code: str
    message: str
    status: int
    headers: Mapping[str, str]
    request_id: str

    @classmethod
    def of(cls, response: Mapping[str, Any]) -> Fault:
        """Return what stands in the response of botocore's ``ClientError``."""
        error, metadata = response.get("Error", {}), response.get("ResponseMetadata", {})
        return cls(
            code=str(error.get("Code") or "Unknown"),
            message=str(error.get("Message") or ""),
            status=int(metadata.get("HTTPStatusCode") or 0),
            headers=metadata.get("HTTPHeaders") or {},
            request_id=str(metadata.get("RequestId") or ""),
        )

    def saying(self, message: str) -> Fault:
        """Return the same fault in other words."""
        return replace(self, message=message)


def source_error(fault: Fault, *, where: str, permission: str, wall_ms: int) -> SourceError:
    """Return the error that ``fault`` is. ``permission`` is what the call needs, in IAM's words."""
    if fault.code in OUT_OF_RANGE:
        return RangeError(f"{where}: {fault.code}: {fault.message}; ask for other months")
    known = CODES.error(
        fault.code,
        fault.message,
        where=where,
        permission=permission,
        retry_after_s=retry_after_s(fault.headers.get("retry-after"), wall_ms=wall_ms),
        request_id=fault.request_id,
    )
    if type(known) is AnswerError and fault.status >= _HTTP_THROTTLED:
        said = f"{fault.code}: {fault.message}"
        return status_error(
            fault.status, fault.headers, said, where=where, wall_ms=wall_ms, request_id=fault.request_id
        )
    return known
