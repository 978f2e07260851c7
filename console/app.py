"""The console as an ASGI application, and how it is opened beside the collector."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Match, Route
from starlette.types import ASGIApp

from collector.alerts.matters import Seen
from collector.http.buckets import Buckets
from collector.http.log import Log
from collector.ingest import Clock
from collector.opening import OpenStore
from collector.settings import Settings
from console.access.accounts import Accounts
from console.access.passwords import Passwords
from console.access.sessions import Sessions
from console.access.tokens import Tokens
from console.api.routes import REQUESTS_A_MINUTE, api_routes, no_such, not_allowed
from console.api.shapes import BASE
from console.checking.checks import Checks
from console.guard import Hardened, finished, guarded, refused, visit_of
from console.identity.opening import open_federation
from console.language import merged
from console.pages import TABLE, WORDS
from console.pages.overview.months import warm
from console.reading.changes import Changes
from console.reading.snapshots import Snapshots
from console.rendering import ASSETS, STATIC, Pages
from console.services import Console
from console.words import COMMON
from console.work.drafts import Drafts
from console.work.jobs import Jobs

ATTEMPTS_A_MINUTE = 30
"""To sign in, from one address; a lock is per account, this is against trying many accounts."""
JOBS_FOLDER = "console-jobs"
"""Beside the collector's keys."""
NOT_ALLOWED = 405
FOR_EVER = "public, max-age=31536000, immutable"
_KINDS = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}


def create_console(
    opened: OpenStore,
    *,
    settings: Settings,
    url: str,
    clock: Clock,
    log: Log,
    stopping: threading.Event | None = None,
    passwords: Passwords | None = None,
    snapshots: Snapshots | None = None,
    seen: Callable[[], Seen | None] = lambda: None,
) -> Console:
    """Return what is behind the pages; ``passwords`` and ``snapshots`` are by default the usual ones.

    ``seen`` tells what the service saw when it last looked (``collector.alerts.serving``).

    Raises:
        CollectorError: the settings name an identity provider that cannot be used so.
    """
    passwords = passwords or Passwords()
    sessions = Sessions(opened.store, passwords)
    return Console(
        opened=opened,
        settings=settings,
        url=settings.public_url or url,
        clock=clock,
        log=log,
        sessions=sessions,
        federation=open_federation(settings, opened.store, sessions),
        accounts=Accounts(opened.store, passwords),
        snapshots=snapshots or Snapshots(opened.store, monotonic=time.monotonic, log=log),
        changes=Changes(opened.store),
        pages=Pages(merged((COMMON, *WORDS)), TABLE, zone=opened.identity.timezone),
        jobs=Jobs(opened.keyring.directory / JOBS_FOLDER, clock=clock, log=log),
        drafts=Drafts(clock),
        attempts=Buckets(ATTEMPTS_A_MINUTE, time.monotonic),
        checks=Checks(clock=clock, log=log),
        tokens=Tokens(opened.store),
        asked=Buckets(REQUESTS_A_MINUTE, time.monotonic),
        seen=seen,
        stopping=stopping or threading.Event(),
    )


def application(console: Console) -> Starlette:
    """Return the application that answers with the pages of the table."""

    async def no_page(request: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 404
        allowed = _allowed(request) if status == NOT_ALLOWED else ""
        if request.url.path.startswith(f"{BASE}/"):
            response = not_allowed() if allowed else no_such()
        else:
            response = await run_in_threadpool(_lost, console, request, status)
        if allowed:
            response.headers["Allow"] = allowed
        return response

    async def failed(request: Request, _error: Exception) -> Response:
        visit = visit_of(request, console)
        return finished(visit, refused(visit, 500, "error.failed"))

    return Starlette(
        routes=[
            Route("/static/{version}/{name}", _static, methods=["GET"]),
            *api_routes(console),
            *(Route(page.path, guarded(page, console), methods=list(page.methods)) for page in TABLE),
        ],
        exception_handlers={HTTPException: no_page, Exception: failed},
        middleware=[Middleware(Hardened, console=console)],
    )


@contextmanager
def open_console(
    opened: OpenStore,
    *,
    settings: Settings,
    url: str,
    clock: Clock,
    log: Log,
    stopping: threading.Event,
    seen: Callable[[], Seen | None] = lambda: None,
) -> Iterator[ASGIApp]:
    """Give the console's application; without an account, print the link that makes the first one.

    Raises:
        StoreError: the store cannot be used.
        CollectorError: as ``create_console``.
    """
    console = create_console(
        opened, settings=settings, url=url, clock=clock, log=log, stopping=stopping, seen=seen
    )
    secret = console.accounts.offer_setup(now_ms=clock())
    say = partial(print, file=sys.stderr, flush=True)
    base = console.url.replace("//0.0.0.0:", "//127.0.0.1:").replace("//[::]:", "//[::1]:").rstrip("/")
    if secret is None:
        say(f"控制台 console: {base}/")
    else:
        say(
            f"控制台首次设置，24 小时内有效，只能用一次 / set up the console, once, within 24 hours:\n  {base}/setup?link={secret}"
        )
    console.snapshots.warm(partial(warm, console))
    try:
        yield application(console)
    finally:
        console.jobs.close()
        console.checks.close()
        console.snapshots.close()


def _allowed(request: Request) -> str:
    """Return the methods that the address answers, as ``Allow`` names them (RFC 9110, 10.2.1)."""
    methods: set[str] = set()
    for route in request.app.routes:
        if isinstance(route, Route) and route.matches(request.scope)[0] is not Match.NONE:
            methods |= route.methods or set()
    return ", ".join(sorted(methods))


def _lost(console: Console, request: Request, status: int) -> Response:
    visit = visit_of(request, console)
    if visit.token:
        visit.person = console.sessions.who(visit.token, now_ms=console.clock())
    return finished(visit, refused(visit, status, "error.not_found"))


async def _static(request: Request) -> Response:
    """Files have fixed names: nothing of the path is ever opened."""
    name = request.path_params["name"]
    if name not in ASSETS:
        raise HTTPException(404)
    kind = _KINDS[name.rpartition(".")[2]]
    return FileResponse(
        STATIC / name,
        media_type=kind,
        headers={"Cache-Control": FOR_EVER, "X-Content-Type-Options": "nosniff"},
    )
