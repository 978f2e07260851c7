"""Between the server and every operation, in this order.

(1) Who: the token of the header ``Authorization``; how often it asks. (2) May: its scopes. (3) What is asked:
known parameters only, each once and within its bounds. (4) The operation. Every answer is JSON, is never kept by
anybody in between, and says in two languages what is wrong.
"""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from collector.errors import DroppedMonthError, StoreError
from console.access.senders import sender_of
from console.api.document import document
from console.api.operations import OPERATIONS, NotThereError, Operation, Question
from console.api.shapes import BASE, Parameter
from console.guard import HEADERS
from console.pages.overview.months import with_today
from console.reading.month import Span, span_of
from console.reading.snapshots import NotReadyError
from console.services import Console
from evidence.errors import EvidenceError
from verifier.errors import VerifierError

REQUESTS_A_MINUTE = 240
"""Of one token."""
UNKNOWN_A_MINUTE = 30
"""Of one address, with tokens that are none."""
AGAIN_S = 5
BEARER = "bearer "
JSON_TYPE = "application/json"
_INTEGER = re.compile(r"[1-9]\d{0,15}\Z", re.ASCII)

Refused = tuple[int, str, str, str]
NO_TOKEN: Refused = (
    401,
    "no_token",
    "请求头 Authorization 中没有有效的令牌。请管理员在控制台“接口”页新建一个。",
    "No token that holds in the header Authorization. Ask an administrator to make one on the console's page API.",
)
NO_SCOPE: Refused = (
    403,
    "no_scope",
    "此令牌无权读取该数据。请新建一个带所需范围的令牌。",
    "This token may not read this. Make one with the scope that it needs.",
)
NOT_THERE: Refused = (404, "not_there", "没有所请求的内容。", "There is no such thing.")
READ_ONLY: Refused = (
    405,
    "method",
    "接口只读，只接受 GET 请求。",
    "Nothing can be changed here: send GET.",
)
TOO_OFTEN: Refused = (
    429,
    "too_often",
    "请求太频繁，请按 Retry-After 稍后再试。",
    "Too many requests; come again after Retry-After.",
)
NOT_READY: Refused = (
    503,
    "not_ready",
    "正在首次计算，请按 Retry-After 稍后再试。",
    "Being computed for the first time; come again after Retry-After.",
)
NO_STORE: Refused = (
    503,
    "store",
    "数据库正忙或暂不可用，请稍后再试。",
    "The database is busy or not available; come again after Retry-After.",
)
DROPPED: Refused = (
    410,
    "month_dropped",
    "该月的数据块已导出到证据包并移出数据库；请查看证据包。",
    "The chunks of this month were exported into a pack and dropped from the database; read the pack.",
)
BROKEN: Refused = (
    503,
    "contradiction",
    "库里的证据或申报范围互相矛盾；在服务器上运行 starproof audit。",
    "The stored evidence or the declared scope contradicts itself; run starproof audit on the server.",
)
FAILED: Refused = (500, "failed", "服务出错了，原因在采集服务的日志里。", "The service failed; the collector's log says why.")  # fmt: skip


class BadParameterError(Exception):
    """A parameter is unknown, or not what it should be."""


def api_routes(console: Console) -> list[Route]:
    """Return the routes of all operations, and of the document about them."""
    data = json.dumps(document(OPERATIONS), ensure_ascii=False).encode()

    async def about(_request: Request) -> Response:
        return _answer(data)

    async def nothing(_request: Request) -> Response:
        return no_such()

    return [
        Route(f"{BASE}/openapi.json", about, methods=["GET"]),
        *(Route(BASE + one.path, _guarded(one, console), methods=["GET"]) for one in OPERATIONS),
        Route(f"{BASE}/{{rest:path}}", nothing, methods=["GET"]),
    ]


def no_such() -> Response:
    """Return the answer where there is no operation."""
    return _refusal(NOT_THERE)


def not_allowed() -> Response:
    """Return the answer to a method that changes something, or that nobody knows."""
    return _refusal(READ_ONLY)


def _guarded(one: Operation, console: Console) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        return await run_in_threadpool(_answered, one, console, request)

    return answer


def _answered(one: Operation, console: Console, request: Request) -> Response:
    try:
        refused = _refused(one, console, request)  # (1) (2)
        if refused is not None:
            return refused
        values = _values(one, request)  # (3)
        span = _span(console, values.get("month"))
        return _answer(
            json.dumps(one.answer(Question(console, span, values)), ensure_ascii=False).encode()
        )  # (4)
    except BadParameterError as error:
        return _refusal((400, "parameter", f"参数不对：{error}", f"Not as it should be: {error}"))
    except (NotThereError, NotReadyError) as error:
        there = isinstance(error, NotReadyError)
        return _refusal(NOT_READY, again_s=AGAIN_S) if there else _refusal(NOT_THERE)
    except DroppedMonthError:
        return _refusal(DROPPED)
    except (VerifierError, EvidenceError, StoreError) as error:
        broken = not isinstance(error, StoreError)
        console.log("api_failed", level="error", message=str(error), operation=one.name)
        return _refusal(BROKEN if broken else NO_STORE, again_s=AGAIN_S)


def _refused(one: Operation, console: Console, request: Request) -> Response | None:
    given = request.headers.get("authorization", "")
    secret = given[len(BEARER) :].strip() if given[: len(BEARER)].lower() == BEARER else ""
    token = console.tokens.find(secret, now_ms=console.clock()) if secret else None
    if token is None:
        peer = sender_of(request, proxied=console.proxied)
        wait_s = console.attempts.wait_s(f"api {peer}") if secret else 0
        return _refusal(TOO_OFTEN, again_s=wait_s) if wait_s else _refusal(NO_TOKEN)
    wait_s = console.asked.wait_s(str(token.id))
    if wait_s:
        return _refusal(TOO_OFTEN, again_s=wait_s)
    return None if one.scope.value in token.scopes else _refusal(NO_SCOPE)


def _values(one: Operation, request: Request) -> Mapping[str, Any]:
    known = {parameter.name: parameter for parameter in one.parameters}
    found: dict[str, Any] = {}
    for name, text in [*request.query_params.multi_items(), *request.path_params.items()]:
        parameter = known.get(name)
        if parameter is None or (parameter.place == "path") is not (name in request.path_params):
            raise BadParameterError(f"{name[:32]!r} is none of {', '.join(sorted(known))}")
        if name in found:
            raise BadParameterError(f"{name} is given twice")
        found[name] = _value(parameter, text)
    return found


def _value(parameter: Parameter, text: str) -> str | int:
    shape = parameter.shape
    if shape["type"] == "integer":
        if not _INTEGER.match(text) or not shape["minimum"] <= int(text) <= shape["maximum"]:
            raise BadParameterError(
                f"{parameter.name} is a number from {shape['minimum']} to {shape['maximum']}"
            )
        return int(text)
    if "enum" in shape and text not in shape["enum"]:
        raise BadParameterError(f"{parameter.name} is one of {', '.join(shape['enum'])}")
    if len(text) > shape.get("maxLength", len(text)):
        raise BadParameterError(f"{parameter.name} has at most {shape['maxLength']} characters")
    if "pattern" in shape and not re.fullmatch(shape["pattern"].strip("^$"), text):
        raise BadParameterError(f"{parameter.name} is written YYYY-MM, from 2010 on")
    return text


def _span(console: Console, month: str | None) -> Span:
    span = span_of(console.zone, console.clock(), month)
    if span is None:
        raise NotThereError
    return with_today(console, span)


def _answer(data: bytes, status: int = 200) -> Response:
    return Response(data, status_code=status, media_type=JSON_TYPE, headers=dict(HEADERS))


def _refusal(refused: Refused, *, again_s: int = 0) -> Response:
    status, code, zh, en = refused
    data = json.dumps({"error": {"code": code, "zh": zh, "en": en}}, ensure_ascii=False).encode()
    response = _answer(data, status)
    if again_s:
        response.headers["Retry-After"] = str(again_s)
    if status == NO_TOKEN[0]:
        response.headers["WWW-Authenticate"] = "Bearer"
    return response
