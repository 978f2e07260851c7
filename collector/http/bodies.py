"""Reading requests and writing answers, with every size and time bounded."""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
from collections.abc import Mapping
from typing import Any

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse

from collector.errors import RequestError
from collector.http.budget import Hold

JSON_TYPE = "application/json"
CHUNKS_TYPE = "application/vnd.starproof.chunks"


async def read_body(request: Request, *, content_type: str, limit: int, timeout_s: int, hold: Hold) -> bytes:
    """Return the body, read piece by piece and given up as soon as it is too much.

    Every piece is taken from ``hold``, which outlives the body.

    Raises:
        RequestError: another type, encoded, too large, too slow, too much together with
            what others send, or the sender went away.
    """
    headers = request.headers
    if headers.get("content-type", "").partition(";")[0].strip().lower() != content_type:
        raise RequestError(400, "BAD_REQUEST", f"send the body as {content_type}")
    if headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise RequestError(400, "BAD_REQUEST", "send the body without content encoding")
    too_large = RequestError(413, "TOO_LARGE", f"the body is larger than {limit} bytes; send less at once")
    declared = headers.get("content-length", "0")
    if len(declared) > len(str(limit)) or (declared.isdigit() and int(declared) > limit):
        raise too_large
    body = bytearray()
    try:
        async with asyncio.timeout(timeout_s):
            async for piece in request.stream():
                if len(body) + len(piece) > limit:
                    raise too_large
                hold.take(len(piece))
                body += piece
    except TimeoutError:
        raise RequestError(
            503, "UNAVAILABLE", f"the body took longer than {timeout_s} s; try again", retry_after_s=timeout_s
        ) from None
    except ClientDisconnect:
        raise RequestError(400, "BAD_REQUEST", "the body was cut off") from None
    return bytes(body)


def json_texts(
    body: bytes, names: tuple[str, ...], optional: tuple[str, ...] = (), *, longest: int
) -> dict[str, str]:
    """Return the texts under exactly ``names``, and some of ``optional``, of a JSON object.

    Raises:
        RequestError: not such an object.
    """
    try:
        document = json.loads(body.decode("utf-8"), object_pairs_hook=_object)
    except (ValueError, RecursionError):
        raise RequestError(400, "BAD_REQUEST", "the body is not a JSON document") from None
    if not isinstance(document, dict) or set(document) - set(optional) != set(names):
        raise RequestError(400, "BAD_REQUEST", f"the body is a JSON object with {', '.join(names)}")
    for name, value in document.items():
        if not isinstance(value, str) or len(value) > longest:
            raise RequestError(400, "BAD_REQUEST", f"{name} is a text of at most {longest} characters")
    return document


def from_base64(text: str, name: str) -> bytes:
    """Return the bytes that ``text`` encodes.

    Raises:
        RequestError: it is not base64.
    """
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise RequestError(400, "BAD_REQUEST", f"{name} is not base64") from None


def answer(content: Mapping[str, Any], *, now_ms: int, status: int = 200) -> JSONResponse:
    """Return a JSON answer that carries the collector's clock."""
    return JSONResponse({**content, "server_ms": now_ms}, status_code=status)


def error_answer(error: RequestError, *, now_ms: int) -> JSONResponse:
    """Return the answer that refuses a request."""
    response = answer({"code": error.reason, "message": str(error)}, now_ms=now_ms, status=error.status)
    if error.retry_after_s:
        response.headers["Retry-After"] = str(error.retry_after_s)
    return response


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document = dict(pairs)
    if len(document) != len(pairs):
        raise ValueError("a key stands twice")
    return document
