"""TC3-HMAC-SHA256, the signature of Tencent Cloud's API 3.0 (公共参数, 签名方法 v3).

1. Canonical request: method, path, query, the two signed headers, their names, SHA-256 of the body.
2. String to sign: algorithm, time, scope (date/service/tc3_request), SHA-256 of (1).
3. Key: HMAC chain "TC3" + secret key → date (UTC) → service → "tc3_request".
4. Signature: HMAC of (2) under (3), in hexadecimal.

Pure: bytes and numbers in, header out. Every call is a POST of JSON to ``/``.
"""

from __future__ import annotations

import hashlib
import hmac
from datetime import UTC, datetime

ALGORITHM = "TC3-HMAC-SHA256"
CONTENT_TYPE = "application/json"
SIGNED_HEADERS = "content-type;host"
_TERMINATOR = "tc3_request"


def authorization(
    *, secret_id: str, secret_key: str, service: str, host: str, body: bytes, time_s: int
) -> str:
    """Return the value of the header ``Authorization`` of a POST of ``body`` to ``https://{host}/``.

    ``service`` is the product's short name (``monitor``), ``host`` what stands in the header Host,
    ``time_s`` seconds since 1970, the same as in the header X-TC-Timestamp (the server allows 5 minutes).
    """
    headers = f"content-type:{CONTENT_TYPE}\nhost:{host}\n"
    canonical = f"POST\n/\n\n{headers}\n{SIGNED_HEADERS}\n{hashlib.sha256(body).hexdigest()}"  # (1)
    date = datetime.fromtimestamp(time_s, UTC).strftime("%Y-%m-%d")
    scope = f"{date}/{service}/{_TERMINATOR}"
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    to_sign = f"{ALGORITHM}\n{time_s}\n{scope}\n{digest}"  # (2)
    key = f"TC3{secret_key}".encode()
    for part in (date, service, _TERMINATOR):  # (3)
        key = hmac.digest(key, part.encode(), "sha256")
    signature = hmac.digest(key, to_sign.encode(), "sha256").hex()  # (4)
    return (
        f"{ALGORITHM} Credential={secret_id}/{scope}, SignedHeaders={SIGNED_HEADERS}, Signature={signature}"
    )
