"""The EOP signature of 天翼云 (CTyun), written from its documentation.

1. Text: the two signed headers, an empty line, the sorted query, SHA-256 of the body.
2. Key: HMAC chain secret key → time → access key → date.
3. Signature: HMAC of (1) under (2), in base64.

The time is Beijing's, although it ends in "Z". No SDK was at hand to check this against.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

REQUEST_ID_HEADER = "ctyun-eop-request-id"
DATE_HEADER = "Eop-date"
AUTHORIZATION_HEADER = "Eop-Authorization"
_BEIJING = timedelta(hours=8)
_DATE_DIGITS = 8


def date_header(time_s: int) -> str:
    """Return seconds since 1970 as the header Eop-date has them: Beijing's time with a final Z."""
    return (datetime.fromtimestamp(time_s, UTC) + _BEIJING).strftime("%Y%m%dT%H%M%SZ")


def query_text(query: Sequence[tuple[str, str]]) -> str:
    """Return the query as it is signed and sent: sorted by name, values escaped."""
    return "&".join(f"{name}={quote(value, safe='')}" for name, value in sorted(query))


def authorization(
    *,
    access_key: str,
    secret_key: str,
    request_id: str,
    date: str,
    query: Sequence[tuple[str, str]],
    body: bytes,
) -> str:
    """Return the value of the header ``Eop-Authorization``; ``date`` is that of ``date_header``."""
    digest = hashlib.sha256(body).hexdigest()
    text = f"{REQUEST_ID_HEADER}:{request_id}\neop-date:{date}\n\n{query_text(query)}\n{digest}"  # (1)
    key = secret_key.encode()
    for part in (date, access_key, date[:_DATE_DIGITS]):  # (2)
        key = hmac.digest(key, part.encode(), "sha256")
    signature = base64.b64encode(hmac.digest(key, text.encode(), "sha256")).decode()  # (3)
    return f"{access_key} Headers={REQUEST_ID_HEADER};eop-date Signature={signature}"
