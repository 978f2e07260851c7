"""SDK-HMAC-SHA256, the signature of Huawei Cloud's API gateway (AK/SK 签名).

1. Canonical request: method, path ending in "/", sorted query, signed headers sorted by name, their
   names, SHA-256 of the body.
2. String to sign: algorithm, time, SHA-256 of (1).
3. Signature: HMAC of (2) under the secret key itself, in hexadecimal.

Pure: texts and bytes in, header out.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from urllib.parse import quote

ALGORITHM = "SDK-HMAC-SHA256"
TIME_HEADER = "X-Sdk-Date"
_SAFE = "~"


def time_header(time_s: int) -> str:
    """Return seconds since 1970 as the header X-Sdk-Date has them (the gateway allows 15 minutes)."""
    return datetime.fromtimestamp(time_s, UTC).strftime("%Y%m%dT%H%M%SZ")


def query_text(query: Sequence[tuple[str, str]]) -> str:
    """Return the query as it is signed and sent: sorted by name and value, escaped."""
    return "&".join(f"{quote(name, safe=_SAFE)}={quote(value, safe=_SAFE)}" for name, value in sorted(query))


def authorization(
    *,
    access_key: str,
    secret_key: str,
    method: str,
    path: str,
    query: Sequence[tuple[str, str]],
    headers: Mapping[str, str],
    body: bytes,
) -> str:
    """Return the value of the header ``Authorization``.

    ``headers`` are all that shall be signed; Host and X-Sdk-Date must be among them. ``path`` is not
    escaped yet.
    """
    signed = {name.lower(): value.strip() for name, value in headers.items()}
    names = ";".join(sorted(signed))
    escaped = "/".join(quote(part, safe=_SAFE) for part in path.split("/"))
    canonical = "\n".join(  # (1)
        (
            method,
            escaped if escaped.endswith("/") else f"{escaped}/",
            query_text(query),
            *(f"{name}:{signed[name]}" for name in sorted(signed)),
            "",
            names,
            hashlib.sha256(body).hexdigest(),
        )
    )
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    to_sign = f"{ALGORITHM}\n{signed[TIME_HEADER.lower()]}\n{digest}"  # (2)
    signature = hmac.digest(secret_key.encode(), to_sign.encode(), "sha256").hex()  # (3)
    return f"{ALGORITHM} Access={access_key}, SignedHeaders={names}, Signature={signature}"
