"""The ASGI application: the endpoints of ``docs/wire.md`` over an open store."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial

from prometheus_client.registry import Collector
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from collector import enrolling, ingest
from collector.errors import RequestError, StoreBusyError, StoreDamagedError, StoreError
from collector.http.bodies import (
    CHUNKS_TYPE,
    JSON_TYPE,
    answer,
    error_answer,
    from_base64,
    json_texts,
    read_body,
)
from collector.http.buckets import Buckets
from collector.http.budget import MAX_BODY_BYTES_IN_FLIGHT, Budget
from collector.http.chunk_answers import STORED_BEFORE_OR_NOW, answer_to_chunks, size_header
from collector.http.console import beside_the_wire
from collector.http.log import Log
from collector.http.metrics import Metrics
from collector.http.protocol import CERTIFICATE
from collector.http.shared_run import SharedRun
from collector.http.shares import AT_ONCE, Shares, sender_of
from collector.http.writer import RETRY_AFTER_S, Writer
from collector.ingest import Batch, Clock, Taken
from collector.log.receipts import Receipts, give
from collector.opening import OpenStore
from collector.settings import Limits
from collector.store import registry
from collector.tls.clients import Clients
from evidence.chunk import MAX_FRAME_BYTES
from evidence.errors import EvidenceError
from evidence.fields import is_hash
from evidence.sources import AGENT, SIGNED_BY_HOSTS

MAX_JSON_BYTES = 64 * 1024
MAX_BATCH_BYTES = 16 * 1024 * 1024
"""Of several frames; a single frame may have ``MAX_FRAME_BYTES``."""
SENDERS_BEHIND_ONE_ADDRESS = 50
"""An address may send as often as so many senders: a fleet may stand behind one proxy."""
LOOKS_PER_BATCH, BATCHES_PER_SCRAPE = 5, 4
"""An address may look at ``/healthz`` so much oftener, at ``/metrics`` so much less often, than a sender may send."""
DAMAGED = "the store is damaged; keep everything until it has been restored"
METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"

Endpoint = Callable[[Request], Awaitable[Response]]


def create_app(
    opened: OpenStore,
    *,
    limits: Limits = Limits(),  # noqa: B008 - a frozen record
    clock: Clock,
    log: Log,
    monotonic: Callable[[], float] = time.monotonic,
    console: ASGIApp | None = None,
    ca_pem: Callable[[], bytes] | None = None,
    figures: Collector | None = None,
    clients: Clients | None = None,
) -> Starlette:
    """Return the application.

    Args:
        opened: the store; it stays the caller's to close, after the application has shut down.
        limits: what one sender and all together may ask for.
        clock: wall clock in ms since 1970.
        log: takes one event per batch, enrolment and refusal.
        monotonic: seconds that never go back.
        console: answers every path that is none of the wire's (``collector.http.console``).
        ca_pem: gives the certificate that hosts pin; ``None`` without TLS.
        figures: what ``/metrics`` tells besides the service's own.
        clients: issues and judges certificates of clients; ``None`` if they need none.
    """
    service = _Service(opened, limits=limits, clock=clock, log=log, monotonic=monotonic)
    service.ca_pem, service.clients = ca_pem, clients
    if figures is not None:
        service.metrics.add(figures)

    @asynccontextmanager
    async def lifespan(_app: Starlette):  # type: ignore[no-untyped-def]  # noqa: ANN202 - Starlette's own protocol
        yield
        service.close()

    app = Starlette(
        routes=[
            Route("/v1/enrolments/offer", service.guarded("offer", service.offer), methods=["POST"]),
            Route("/v1/enrolments", service.guarded("enrolments", service.enrol), methods=["POST"]),
            Route("/v1/chunks", service.guarded("chunks", service.chunks), methods=["POST"]),
            Route("/v1/certificates", service.guarded("certificates", service.certificate), methods=["POST"]),
            Route("/v1/ca", service.guarded("ca", service.ca), methods=["GET"]),
            Route("/healthz", service.guarded("healthz", service.health), methods=["GET"]),
            Route("/metrics", service.guarded("metrics", service.metrics_text), methods=["GET"]),
        ],
        exception_handlers={HTTPException: service.no_such_endpoint, Exception: service.failed},
        lifespan=lifespan,
    )
    if console is not None:
        app.router.default = beside_the_wire(console, app.router.default)
    return app


class _Service:
    """The endpoints with what they share."""

    def __init__(
        self,
        opened: OpenStore,
        *,
        limits: Limits,
        clock: Clock,
        log: Log,
        monotonic: Callable[[], float],
    ) -> None:
        self._store = opened.store
        self._limits = limits
        self._clock = clock
        self._log = log
        self._monotonic = monotonic
        self._writer = Writer(limits.pending_batches, self._take_together)
        self._senders = Buckets(limits.requests_per_minute, monotonic)
        self._addresses = Buckets(limits.requests_per_minute * SENDERS_BEHIND_ONE_ADDRESS, monotonic)
        self._bodies = Budget(MAX_BODY_BYTES_IN_FLIGHT)
        self._shares = Shares(AT_ONCE)
        self._enrolling = Buckets(limits.enrolments_per_minute, monotonic)
        self.metrics = Metrics(opened.store)
        self._looking = Buckets(limits.requests_per_minute * LOOKS_PER_BATCH, monotonic)
        self._scraping = Buckets(max(1, limits.requests_per_minute // BATCHES_PER_SCRAPE), monotonic)
        self._look = SharedRun(self._require_store)
        self._scrape = SharedRun(self.metrics.text)
        self._log_key = opened.keyring.log_key()
        self.ca_pem: Callable[[], bytes] | None = None
        self.clients: Clients | None = None

    def close(self) -> None:
        self._writer.close()
        self._look.close()
        self._scrape.close()

    def guarded(self, name: str, endpoint: Endpoint) -> Endpoint:
        """Return the endpoint with every error of ours turned into its answer."""

        async def run(request: Request) -> Response:
            try:
                response = await endpoint(request)
            except RequestError as error:
                self._log(
                    "refused", endpoint=name, code=error.reason, message=str(error), peer=_peer(request)
                )
                response = error_answer(error, now_ms=self._clock())
            except StoreError as error:
                damaged, busy = isinstance(error, StoreDamagedError), isinstance(error, StoreBusyError)
                if not damaged:  # that is logged once, when it is found
                    self._log("store_unavailable", level="warning" if busy else "error", message=str(error))
                words = DAMAGED if damaged else "the store is not available; try again"
                refusal = RequestError(503, "UNAVAILABLE", words, retry_after_s=RETRY_AFTER_S)
                response = error_answer(refusal, now_ms=self._clock())
            self.metrics.answered(name, response.status_code)
            return response

        return run

    async def ca(self, request: Request) -> Response:
        """What a host asks for that knows only the fingerprint; it trusts nothing else of the answer."""
        self._require_rate(self._enrolling, _peer(request))
        if self.ca_pem is None:
            raise RequestError(404, "BAD_REQUEST", "this collector has no TLS, so it has no certificate")
        pem = await run_in_threadpool(self.ca_pem)
        return answer({"pem": pem.decode()}, now_ms=self._clock())

    async def certificate(self, request: Request) -> Response:
        """A certificate for TLS, for who proves to have an enrolled key."""
        self._require_rate(self._enrolling, _peer(request))
        texts = json_texts(await self._json(request), ("key", "tls_key", "signature"), longest=512)
        if self.clients is None:
            raise RequestError(404, "BAD_REQUEST", "this collector wants no client certificates")
        signature = from_base64(texts["signature"], "signature")
        job = partial(self.clients.issue, self._store, signature=signature)
        pem, renew_ms = await run_in_threadpool(job, key=texts["key"], tls_key=texts["tls_key"])
        self._log("certificate_issued", key=texts["key"])
        return answer({"pem": pem, "renew_ms": renew_ms}, now_ms=self._clock())

    async def offer(self, request: Request) -> Response:
        self._require_rate(self._enrolling, _peer(request))
        body = await self._json(request)
        texts = json_texts(body, ("token", "host"), ("source",), longest=512)
        source = texts.get("source", AGENT)
        offered = await run_in_threadpool(
            enrolling.offer,
            self._store,
            token=texts["token"],
            host=texts["host"],
            source=source,
            now_ms=self._clock(),
        )
        return answer(vars(offered), now_ms=self._clock())

    async def enrol(self, request: Request) -> Response:
        self._require_rate(self._enrolling, _peer(request))
        names = ("token", "record", "signature", "previous_signature")
        texts = json_texts(await self._json(request), names, longest=MAX_JSON_BYTES)
        finished = enrolling.Request(texts["token"], *(from_base64(texts[name], name) for name in names[1:]))
        job = partial(enrolling.enrol, self._store, finished, now_ms=self._clock())
        enrolled = await self._writer.run(job, sender=f"enrolling {_peer(request)}")
        record = enrolled.signed.enrolment
        self._log("enrolled", host=record.host, epoch=record.epoch, key=enrolled.signed.public.id)
        content = {
            "enterprise": record.enterprise,
            "host": record.host,
            "key": enrolled.signed.public.id,
            "epoch": record.epoch,
            "enrolment": enrolled.signed.hash,
            "log_key": self._log_key.public.raw.hex(),
        }
        return answer(content, now_ms=self._clock(), status=200 if enrolled.again else 201)

    async def chunks(self, request: Request) -> Response:
        self._require_rate(self._addresses, _peer(request))
        self._store.health.require()  # also a refusal would be the word of a damaged store
        key = request.headers.get("x-starproof-key", "")
        if not is_hash(key):
            raise RequestError(
                400, "BAD_REQUEST", "X-StarProof-Key is the id of the sending key, 64 hex digits"
            )
        if self.clients is not None:
            self.clients.require(request.scope.get("state", {}).get(CERTIFICATE, b""), key)
        # Nobody without a key may make us read a body, or remember a name.
        await run_in_threadpool(self._require_pinned, key)
        # The key's name is no secret: what is counted for it alone, anybody could use up for its host.
        sender = sender_of(_peer(request), key)
        self._require_rate(self._senders, sender)
        with self._bodies.hold(_peer(request)) as hold:
            body = await read_body(
                request,
                content_type=CHUNKS_TYPE,
                limit=MAX_FRAME_BYTES,
                timeout_s=self._limits.body_timeout_s,
                hold=hold,
            )
            begun_s = self._monotonic()
            with self._shares.hold(sender):  # a body that never ends has no share
                batch = await run_in_threadpool(self._batch, body)
                if batch.has_signed:
                    taken = await self._writer.write(batch, sender=sender)
                else:  # nothing of it is a host's, so it takes no host's turn at the writer
                    taken = ingest.refused(batch)
        known_size = size_header(request.headers.get("x-starproof-log-size", ""))
        receipts = await run_in_threadpool(self._receipts, taken, known_size)
        self.metrics.took(taken, seconds=self._monotonic() - begun_s, now_ms=self._clock())
        self._log_batch(key, taken)
        return answer(answer_to_chunks(taken.results, receipts), now_ms=self._clock())

    async def health(self, request: Request) -> Response:
        self._require_rate(self._looking, _peer(request))
        try:
            self._store.health.require()
            await self._look.result()
        except StoreDamagedError as error:
            content = {"status": "damaged", "code": "UNAVAILABLE", "message": error.reason}
            return answer(content, now_ms=self._clock(), status=503)
        unwritten = self._store.health.unwritten
        if unwritten:
            content = {"status": "unwritable", "code": "UNAVAILABLE", "message": unwritten}
            return answer(content, now_ms=self._clock(), status=503)
        return answer({"status": "ok"}, now_ms=self._clock())

    async def metrics_text(self, request: Request) -> Response:
        self._require_rate(self._scraping, _peer(request))
        return Response(await self._scrape.result(), media_type=METRICS_TYPE)

    async def no_such_endpoint(self, _request: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 404
        refusal = RequestError(status, "BAD_REQUEST", "there is no such endpoint; see docs/wire.md")
        return error_answer(refusal, now_ms=self._clock())

    async def failed(self, _request: Request, _error: Exception) -> Response:
        """A fault of ours; the server logs it, the sender keeps everything and tries again."""
        refusal = RequestError(500, "INTERNAL", "the collector failed; see its log")
        return error_answer(refusal, now_ms=self._clock())

    def _batch(self, body: bytes) -> Batch:
        frames = ingest.split(body)
        if len(frames) > 1 and len(body) > MAX_BATCH_BYTES:
            raise RequestError(
                413, "TOO_LARGE", f"more than {MAX_BATCH_BYTES} bytes; send fewer frames at once"
            )
        return ingest.prepare(self._store, frames)

    def _take_together(self, batches: Sequence[Batch]) -> Sequence[Taken]:
        return ingest.take_together(self._store, batches, clock=self._clock)

    def _receipts(self, taken: Taken, known_size: int | None) -> Receipts | None:
        """Return the receipts; without them the chunks are stored all the same."""
        hashes = [result.hash for result in taken.results if result.verdict.status in STORED_BEFORE_OR_NOW]
        try:
            return give(self._store, hashes, key=self._log_key, known_size=known_size)
        except (StoreError, EvidenceError) as error:
            self._log("no_receipts", level="error", message=str(error))
            return None

    async def _json(self, request: Request) -> bytes:
        with self._bodies.hold(_peer(request)) as hold:
            return await read_body(
                request,
                content_type=JSON_TYPE,
                limit=MAX_JSON_BYTES,
                timeout_s=self._limits.body_timeout_s,
                hold=hold,
            )

    def _require_rate(self, buckets: Buckets, sender: str) -> None:
        wait_s = buckets.wait_s(sender)
        if wait_s:
            raise RequestError(429, "SLOW_DOWN", f"too many requests; wait {wait_s} s", retry_after_s=wait_s)

    def _require_pinned(self, key: str) -> None:
        with self._store.reading() as connection:
            if not registry.is_pinned(connection, key, sources=SIGNED_BY_HOSTS):
                raise RequestError(
                    403, "UNKNOWN_KEY", f"key {key[:16]} is not enrolled here; enrol this host first"
                )

    def _require_store(self) -> None:
        with self._store.reading() as connection:
            registry.identity(connection)

    def _log_batch(self, key: str, taken: Taken) -> None:
        counts: dict[str, int] = {}
        for result in taken.results:
            name = result.verdict.code or result.verdict.status
            counts[name] = counts.get(name, 0) + 1
        self._log("batch", key=key, values=taken.values, **counts)


def _peer(request: Request) -> str:
    return request.client.host if request.client else ""
