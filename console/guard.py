"""Between the server and every page, in this order.

(1) Who: the session's cookie. (2) May: the role that the page needs; who is not signed in is sent to sign in.
(3) What was sent: the origin is this console, the body is within the page's bounds and in time, the form
carries the token of this browser. (4) The page. (5) On every answer: the policy for scripts and frames, no
guessing of types, no referrer for others, no keeping.
"""

from __future__ import annotations

import asyncio
import hmac
import shutil
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from urllib.parse import quote, urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData, Headers, MutableHeaders, UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from collector.errors import DroppedMonthError, StoreBusyError, StoreError
from console.access.roles import may
from console.access.sessions import csrf_of
from console.language import COOKIE, chosen
from console.page import MOST_FORM_BYTES, Page
from console.reading.snapshots import NotReadyError
from console.services import Console
from console.visit import SEE_OTHER, NotFoundError, Visit

SAFE = ("GET", "HEAD")
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",  # with no-referrer browsers send forms from the origin null
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cache-Control": "no-store",
}
STRICT_TRANSPORT = "max-age=31536000"
MOST_FIELDS = 1_000
"""43 rows of the form, each with its text and its documents, and room; the bytes are bounded anyway."""
SPARE_BYTES = 256 * 1024 * 1024
"""What an upload leaves free on the disk of temporary files."""
LANGUAGE_S = 365 * 86_400
COMPUTING = 202
"""Taken, not there yet: nothing is wrong, and the page asks again by itself."""
AGAIN_S = 5


class Refusal(Exception):  # noqa: N818 - it is an answer, not a fault
    """The request is not answered by its page; the status, and the key of the words that say why."""

    def __init__(self, status: int, words: str, *, again_s: int = 0) -> None:
        super().__init__(words)
        self.status = status
        self.words = words
        self.again_s = again_s
        """After so many seconds it may be asked again; 0: that is not the question."""


def guarded(page: Page, console: Console) -> Callable[[Request], Awaitable[Response]]:
    """Return the page's endpoint behind the guard."""

    async def answer(request: Request) -> Response:
        visit = visit_of(request, console)
        try:
            response = await _answered(page, visit)
        except Refusal as refusal:
            response = refused(visit, refusal.status, refusal.words)
            if refusal.again_s:
                response.headers["Retry-After"] = str(refusal.again_s)
        except NotFoundError:
            response = refused(visit, 404, "error.not_found")
        except NotReadyError:
            response = visit.render("computing.html", status=COMPUTING)
            response.headers["Retry-After"] = str(AGAIN_S)
        except DroppedMonthError as error:
            response = visit.render(
                "error.html", status=410, status_code=410, words="error.dropped", reason=str(error)
            )
        except StoreError as error:
            busy = isinstance(error, StoreBusyError)
            console.log("store_unavailable", level="warning" if busy else "error", message=str(error))
            response = refused(visit, 503, "error.store")
            response.headers["Retry-After"] = "5"
        return finished(visit, response)

    return answer


class Hardened:
    """(5) Puts the headers that every answer has on those too that no page made: files, redirects, the API."""

    def __init__(self, app: ASGIApp, *, console: Console) -> None:
        self._app = app
        self._console = console

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        secure = self._console.is_secure(Headers(scope=scope).get("host", ""))

        async def hardened(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                if secure:
                    headers["Strict-Transport-Security"] = STRICT_TRANSPORT
            await send(message)

        await self._app(scope, receive, hardened)


def visit_of(request: Request, console: Console) -> Visit:
    """Return the visit of a request, before it is known who it is."""
    secure = console.is_secure(request.headers.get("host", ""))
    return Visit(
        request=request,
        console=console,
        token=request.cookies.get(console.session_cookie(secure=secure), ""),
        secure=secure,
        language=chosen(request.cookies.get(COOKIE)),
    )


def refused(visit: Visit, status: int, words: str) -> Response:
    """Return the page that says why there is no answer and what to do."""
    return visit.render("error.html", status=status, status_code=status, words=words)


def finished(visit: Visit, response: Response) -> Response:
    """(5) Return the answer with the headers that every answer has, and the cookies that the visit sets."""
    for name, value in HEADERS.items():  # an answer to a fault of ours does not pass ``Hardened``
        response.headers.setdefault(name, value)
    for name, content in visit.cookies.items():
        response.set_cookie(
            name,
            content or "",
            max_age=0 if content is None else LANGUAGE_S if name == COOKIE else None,
            path="/",
            secure=visit.secure,
            httponly=True,
            samesite="lax",
        )
    return response


async def _answered(page: Page, visit: Visit) -> Response:
    if visit.token:  # (1)
        visit.person = await run_in_threadpool(visit.console.sessions.who, visit.token, now_ms=visit.now_ms)
    role = visit.person.role if visit.person else None
    if not may(role, page.needs):  # (2)
        if visit.person is not None:
            raise Refusal(403, "error.role")
        if visit.request.method not in SAFE:
            raise Refusal(401, "error.signed_out")
        return RedirectResponse(f"/login?next={quote(visit.here, safe='')}", SEE_OTHER)
    if visit.request.method not in SAFE:  # (3)
        _require_same_origin(visit.request)
        with _turn(page, visit):
            form = await _form(page, visit)
            try:
                return await run_in_threadpool(page.endpoint, visit)
            finally:
                await form.close()
    return await run_in_threadpool(page.endpoint, visit)  # (4)


def _require_same_origin(request: Request) -> None:
    site = request.headers.get("sec-fetch-site", "same-origin")
    origin = request.headers.get("origin")
    same = origin is None or urlsplit(origin).netloc.casefold() == request.headers.get("host", "").casefold()
    if not same or site not in ("same-origin", "none"):
        raise Refusal(403, "error.origin")


@contextmanager
def _turn(page: Page, visit: Visit) -> Iterator[None]:
    """Let only some send much at once, and only while there is room for it on the disk."""
    if not page.heavy:
        yield
        return
    declared = visit.request.headers.get("content-length", "")
    size = int(declared) if declared.isdigit() and len(declared) <= len(str(page.most_bytes)) else 0
    if shutil.disk_usage(tempfile.gettempdir()).free < size + SPARE_BYTES:
        raise Refusal(507, "error.room")
    if not visit.console.uploads.acquire(blocking=False):
        raise Refusal(503, "error.uploads")
    try:
        yield
    finally:
        visit.console.uploads.release()


async def _form(page: Page, visit: Visit) -> FormData:
    request = visit.request
    declared = request.headers.get("content-length", "0")
    if not declared.isdigit() or len(declared) > len(str(page.most_bytes)) or int(declared) > page.most_bytes:
        raise Refusal(413, "error.too_large")
    bounded = Request(request.scope, _bounded(request.receive, page.most_bytes))
    limit_s = page.within_s or visit.console.settings.limits.body_timeout_s
    try:
        async with asyncio.timeout(limit_s):
            form = await bounded.form(
                max_files=page.files,
                max_fields=MOST_FIELDS,
                max_part_size=min(page.most_bytes, MOST_FORM_BYTES),  # fields are in memory, files are not
            )
    except TimeoutError:
        raise Refusal(408, "error.slow") from None
    except (MultiPartException, HTTPException, ClientDisconnect):
        raise Refusal(400, "error.form") from None
    visit.form = {name: value for name, value in form.items() if isinstance(value, str)}
    visit.many = {
        name: [value for value in form.getlist(name) if isinstance(value, str)] for name in visit.form
    }
    visit.files = {name: value for name, value in form.items() if isinstance(value, UploadFile)}
    visit.uploads = {
        name: [value for value in form.getlist(name) if isinstance(value, UploadFile) and value.filename]
        for name in visit.files
    }
    sent = visit.form.get("csrf") or request.headers.get("x-csrf", "")
    if not visit.token or not hmac.compare_digest(sent.encode(), csrf_of(visit.token).encode()):
        await form.close()
        raise Refusal(403, "error.csrf")
    return form


def _bounded(receive: Receive, most: int) -> Receive:
    """Return ``receive`` that ends a body that turns out larger than it said."""
    taken = 0

    async def run() -> Message:
        nonlocal taken
        message = await receive()
        taken += len(message.get("body", b""))
        if taken > most:
            raise Refusal(413, "error.too_large")
        return message

    return run
