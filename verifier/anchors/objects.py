"""An object that the reviewer fetched from an object store, and what the store said about it.

``about`` is the JSON that ``aws s3api get-object`` prints (S3 and stores that speak its language):
``LastModified`` is when the store took the object; lock and retention say until when nobody may replace it.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar

from verifier.errors import VerifierError

MAX_OBJECT_BYTES = 64 * 1024
LOCKED = "COMPLIANCE"
"""In this mode not even the owner of the account can delete or shorten (S3 Object Lock)."""
_TIME = re.compile(
    r"(20\d\d-\d\d-\d\d[T ](?:[01]\d|2[0-3]):\d\d:\d\d)(?:\.\d{1,6})?(Z|[+-](?:[01]\d|2[0-3]):[0-5]\d)\Z",
    re.ASCII,
)
"""One way of the many of ISO 8601, so that whoever else checks reads the same."""


class ObjectAnswerError(VerifierError):
    """What was given as the store's words about an object is not that."""

    code: ClassVar[str] = "OBJECT_ANSWER"


@dataclass(frozen=True)
class AboutObject:
    """When the store took an object (ms since 1970), and whether it is locked against its owner until (ms)."""

    stored_ms: int
    locked_until_ms: int | None


def read_about(raw: bytes) -> AboutObject:
    """Return what the store said about an object.

    Raises:
        ObjectAnswerError: it is not the answer of ``aws s3api get-object``, or has no ``LastModified``.
    """
    try:
        document = json.loads(raw[:MAX_OBJECT_BYTES])
        if not isinstance(document, dict):
            raise ObjectAnswerError("not the JSON that aws s3api get-object prints")
        stored_ms = _ms(document["LastModified"])
        until = document.get("ObjectLockRetainUntilDate")
        locked = document.get("ObjectLockMode") == LOCKED and until is not None
        return AboutObject(stored_ms, _ms(until) if locked else None)
    except (ValueError, KeyError, TypeError, RecursionError, OverflowError) as error:
        raise ObjectAnswerError(
            f"not the JSON that aws s3api get-object prints: {type(error).__name__}"
        ) from None


def _ms(text: Any) -> int:
    """Raises TypeError or ValueError for anything but a time with its zone; fractions of seconds are cut off."""
    written = _TIME.match(text)
    if written is None:
        raise ValueError("not written YYYY-MM-DDTHH:MM:SS+HH:MM")
    return int(datetime.fromisoformat(written[1] + written[2]).timestamp()) * 1000
