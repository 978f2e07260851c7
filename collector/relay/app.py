"""The relay's ASGI application: the endpoints of ``docs/wire.md`` as far as a relay has them (``docs/relay.md``).

1. Enrolments are passed on at once or not at all: only the collector can answer them.
2. Chunks are kept on the disk, then the collector's answer is waited for; in its absence they are ``relayed``,
   which lets no host drop them.
3. Keys that the collector was not seen to know are kept nothing for: their chunks are passed on while they wait,
   as enrolments are, in a small number of threads that hosts it knows do not need (``collector.relay.strangers``).
4. A relay signs nothing, opens no chunk, and never tells a time as the collector's.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Any

from prometheus_client import CollectorRegistry, Gauge, generate_latest
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from collector.errors import RequestError, StoreError
from collector.http.app import (
    BATCHES_PER_SCRAPE,
    LOOKS_PER_BATCH,
    MAX_BATCH_BYTES,
    MAX_JSON_BYTES,
    METRICS_TYPE,
    SENDERS_BEHIND_ONE_ADDRESS,
)
from collector.http.bodies import CHUNKS_TYPE, JSON_TYPE, from_base64, json_texts, read_body
from collector.http.buckets import Buckets
from collector.http.budget import MAX_BODY_BYTES_IN_FLIGHT, Budget
from collector.http.chunk_answers import size_header
from collector.http.log import Log
from collector.http.shared_run import SharedRun
from collector.http.shares import AT_ONCE, Shares, sender_of
from collector.ingest import Clock, split
from collector.relay.forwarding import CHUNKS_PATH, Forwarder, headers_of
from collector.relay.queue import UNKNOWN_SIZE, Kept, Queue
from collector.relay.strangers import Strangers
from collector.relay.upstream import Answer, Upstream, UpstreamError
from collector.relay.waiters import Waiters
from collector.settings import Limits
from evidence import enrolment as records
from evidence.chunk import MAX_FRAME_BYTES, Frame, parse_header, write_frame
from evidence.dsse import CHUNK_TYPE
from evidence.errors import BadSignatureError, EvidenceError, MalformedError
from evidence.fields import is_hash
from evidence.keys import PublicKey

WAIT_S = 8.0
"""How long an agent's request waits for the collector; agents give up after 30 s."""
SOON_S, LATER_S = 15, 60
"""When a host may ask again for chunks that are relayed: while the collector answers, and while it is away."""
UPSTREAM_RETRY_S = 60
PARTS = 2
"""One address may use this part of the enrolments, all unknown keys this part of the batches of one address."""
RELAYED = "relayed"
_OK, _CREATED, _UNAVAILABLE, _BAD_GATEWAY = 200, 201, 503, 502

Endpoint = Callable[[Request], Awaitable[Response]]


def create_relay(
    queue: Queue,
    upstream: Upstream,
    *,
    clock: Clock,
    log: Log,
    limits: Limits = Limits(),  # noqa: B008 - a frozen record
    monotonic: Callable[[], float] = time.monotonic,
    ca_pem: Callable[[], bytes] | None = None,
    wait_s: float = WAIT_S,
) -> Starlette:
    """Return the application; while it runs, what ``queue`` holds is passed on to ``upstream``.

    Both stay the caller's to close. The other arguments are those of ``collector.http.app.create_app``.
    """
    waiters = Waiters()
    forwarder = Forwarder(queue, upstream, log=log, ring=waiters.ring)
    relay = _Relay(
        queue, upstream, forwarder, waiters, clock=clock, log=log, limits=limits, monotonic=monotonic
    )
    relay.ca_pem, relay.wait_s = ca_pem, wait_s

    @asynccontextmanager
    async def lifespan(_app: Starlette):  # type: ignore[no-untyped-def]  # noqa: ANN202 - Starlette's own protocol
        waiters.loop = asyncio.get_running_loop()
        with forwarder.running():
            yield
        relay.close()

    return Starlette(
        routes=[
            Route("/v1/enrolments/offer", relay.guarded("offer", relay.offer), methods=["POST"]),
            Route("/v1/enrolments", relay.guarded("enrolments", relay.enrol), methods=["POST"]),
            Route(CHUNKS_PATH, relay.guarded("chunks", relay.chunks), methods=["POST"]),
            Route("/v1/ca", relay.guarded("ca", relay.ca), methods=["GET"]),
            Route("/healthz", relay.guarded("healthz", relay.health), methods=["GET"]),
            Route("/metrics", relay.guarded("metrics", relay.metrics), methods=["GET"]),
        ],
        exception_handlers={HTTPException: relay.no_such_endpoint, Exception: relay.failed},
        lifespan=lifespan,
    )


class _Relay:
    """The endpoints with what they share."""

    def __init__(
        self,
        queue: Queue,
        upstream: Upstream,
        forwarder: Forwarder,
        waiters: Waiters,
        *,
        clock: Clock,
        log: Log,
        limits: Limits,
        monotonic: Callable[[], float],
    ) -> None:
        self._queue = queue
        self._forwarder = forwarder
        self._waiters = waiters
        self._clock = clock
        self._log = log
        self._limits = limits
        self._senders = Buckets(limits.requests_per_minute, monotonic)
        self._addresses = Buckets(limits.requests_per_minute * SENDERS_BEHIND_ONE_ADDRESS, monotonic)
        self._looking = Buckets(limits.requests_per_minute * LOOKS_PER_BATCH, monotonic)
        self._scraping = Buckets(max(1, limits.requests_per_minute // BATCHES_PER_SCRAPE), monotonic)
        self._standing = SharedRun(queue.standing)
        # The collector counts all of them for the relay's address, so nobody may use that up alone.
        self._enrolling = Buckets(max(1, limits.enrolments_per_minute // PARTS), monotonic)
        self._strangers = Strangers(
            upstream,
            is_away=lambda: forwarder.is_away,
            per_minute=limits.requests_per_minute,
            all_per_minute=limits.requests_per_minute * SENDERS_BEHIND_ONE_ADDRESS // PARTS,
            monotonic=monotonic,
        )
        self._bodies = Budget(MAX_BODY_BYTES_IN_FLIGHT)
        self._shares = Shares(AT_ONCE)
        self.ca_pem: Callable[[], bytes] | None = None
        self.wait_s = WAIT_S

    def close(self) -> None:
        self._strangers.close()
        self._standing.close()

    def guarded(self, name: str, endpoint: Endpoint) -> Endpoint:
        """Return the endpoint with every error of ours turned into its answer."""

        async def run(request: Request) -> Response:
            try:
                return await endpoint(request)
            except RequestError as error:
                self._log(
                    "refused", endpoint=name, code=error.reason, message=str(error), peer=_peer(request)
                )
                return _refusal(error)
            except StoreError as error:
                self._log("store_unavailable", level="error", message=str(error))
                return _refusal(_unavailable("the relay cannot use its disk; the host keeps everything"))
            except UpstreamError as error:
                self._log("upstream_away", level="warning", message=str(error))
                return _refusal(_unavailable(f"the relay does not reach the collector: {error}"))

        return run

    async def offer(self, request: Request) -> Response:
        _require_rate(self._enrolling, _peer(request))
        self._strangers.require_room(_peer(request))
        body = await self._json(request)
        json_texts(body, ("token", "host"), ("source",), longest=512)
        headers = {"Content-Type": JSON_TYPE}
        return _passed_on(await self._strangers.ask(_peer(request), "/v1/enrolments/offer", body, headers))

    async def enrol(self, request: Request) -> Response:
        _require_rate(self._enrolling, _peer(request))
        self._strangers.require_room(_peer(request))
        body = await self._json(request)
        names = ("token", "record", "signature", "previous_signature")
        texts = json_texts(body, names, longest=MAX_JSON_BYTES)
        headers = {"Content-Type": JSON_TYPE}
        answer = await self._strangers.ask(_peer(request), "/v1/enrolments", body, headers)
        if answer.status in (_OK, _CREATED):
            public = _public_of(from_base64(texts["record"], "record"))
            await run_in_threadpool(self._queue.know, public.id, public.raw)
            self._log("enrolled", key=public.id)
        return _passed_on(answer)

    async def chunks(self, request: Request) -> Response:
        _require_rate(self._addresses, _peer(request))
        key = request.headers.get("x-starproof-key", "")
        if not is_hash(key):
            raise RequestError(
                400, "BAD_REQUEST", "X-StarProof-Key is the id of the sending key, 64 hex digits"
            )
        counted = sender_of(_peer(request), key)
        _require_rate(self._senders, counted)
        sender = await run_in_threadpool(self._queue.sender, key)
        if sender is None:  # before a body is read
            self._strangers.require_rate(_peer(request))
            self._strangers.require_room(_peer(request))
        said = size_header(request.headers.get("x-starproof-log-size", ""))
        known_size = UNKNOWN_SIZE if said is None else said
        with self._bodies.hold(_peer(request)) as hold:
            body = await read_body(
                request,
                content_type=CHUNKS_TYPE,
                limit=MAX_FRAME_BYTES,
                timeout_s=self._limits.body_timeout_s,
                hold=hold,
            )
            with self._shares.hold(counted):
                kept = await run_in_threadpool(_kept, body, key, sender.public if sender else b"")
                if sender is None:
                    return await self._at_once(_peer(request), key, body, known_size)
                put = partial(self._queue.put, key, kept, known_size=known_size, now_ms=self._clock())
                new = await run_in_threadpool(put)
        return await self._answered(key, kept, new, known_size)

    async def ca(self, request: Request) -> Response:
        """The relay's own: that of whom a host speaks to."""
        _require_rate(self._enrolling, _peer(request))
        if self.ca_pem is None:
            raise RequestError(404, "BAD_REQUEST", "this relay has no TLS, so it has no certificate")
        return JSONResponse({"pem": (await run_in_threadpool(self.ca_pem)).decode(), "relay": True})

    async def health(self, request: Request) -> Response:
        _require_rate(self._looking, _peer(request))
        standing = await self._standing.result()
        content = {
            "status": "ok",
            "relay": True,
            "collector": "away" if self._forwarder.is_away else "ok",
            "waiting": standing.waiting,
            "bytes": standing.bytes,
        }
        return JSONResponse(content)

    async def metrics(self, request: Request) -> Response:
        _require_rate(self._scraping, _peer(request))
        standing = await self._standing.result()
        registry = CollectorRegistry()
        oldest_ms = standing.oldest_ms
        for name, text, value in (
            ("waiting_chunks", "Chunks that wait for the collector", standing.waiting),
            ("kept_bytes", "Bytes of chunks and answers that are kept", standing.bytes),
            (
                "oldest_waiting_seconds",
                "Age of the oldest waiting chunk",
                0 if oldest_ms is None else max(0, self._clock() - oldest_ms) / 1000,
            ),
            ("collector_away", "1 while the collector does not answer", int(self._forwarder.is_away)),
            (
                "judged_chunks",
                "Chunks that the collector has judged since the start",
                self._forwarder.forwarded,
            ),
        ):
            Gauge(f"starproof_relay_{name}", text, registry=registry).set(value)
        return Response(generate_latest(registry), media_type=METRICS_TYPE)

    async def no_such_endpoint(self, _request: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 404
        return _refusal(
            RequestError(status, "BAD_REQUEST", "a relay has no such endpoint; see docs/relay.md")
        )

    async def failed(self, _request: Request, _error: Exception) -> Response:
        """A fault of ours; the server logs it, the sender keeps everything and tries again."""
        return _refusal(RequestError(500, "INTERNAL", "the relay failed; see its log"))

    async def _at_once(self, address: str, key: str, body: bytes, known_size: int) -> Response:
        """Rule 3."""
        answer = await self._strangers.ask(address, CHUNKS_PATH, body, headers_of(key, known_size))
        results = answer.document.get("results")
        if answer.status == _OK and isinstance(results, list) and any(map(_is_stored, results)):
            await run_in_threadpool(self._queue.know, key)
        return _passed_on(answer)

    async def _answered(
        self, key: str, kept: Sequence[Kept], new: frozenset[str], known_size: int
    ) -> Response:
        """Rule 2: wait for the collector's answer to the oldest of these chunks."""
        names = [chunk.name for chunk in kept]
        ask = partial(self._queue.given, key, names, known_size=known_size)
        end_s = asyncio.get_running_loop().time() + self.wait_s
        with self._waiters.waiting(key) as bell:
            self._forwarder.notify()
            while True:
                bell.clear()
                given = await run_in_threadpool(ask)
                step = await run_in_threadpool(self._queue.has_step, key, known_size=known_size)
                left_s = end_s - asyncio.get_running_loop().time()
                if given or step or left_s <= 0 or self._forwarder.trouble(key):
                    break
                with suppress(TimeoutError):
                    await asyncio.wait_for(bell.wait(), left_s)
        trouble = self._forwarder.trouble(key)
        results = given.results if given else {}
        document: dict[str, Any] = dict(given.head) if given else {}
        if not any(name in new for name in results):
            # The collector's clock as it was some time ago would be taken for an offset of the host's.
            document.pop("server_ms", None)
        document["relay"] = True
        document["results"] = [results.get(chunk.name) or _relayed(key, chunk, trouble) for chunk in kept]
        if len(results) < len(kept):
            # With a step, an answer is here that the host gets for chunks it has asked about before.
            document["again_s"] = 1 if step else LATER_S if trouble else SOON_S
        return JSONResponse(document)

    async def _json(self, request: Request) -> bytes:
        with self._bodies.hold(_peer(request)) as hold:
            return await read_body(
                request,
                content_type=JSON_TYPE,
                limit=MAX_JSON_BYTES,
                timeout_s=self._limits.body_timeout_s,
                hold=hold,
            )


def _kept(body: bytes, key: str, public: bytes) -> list[Kept]:
    """Return the chunks of a body, unopened; their signatures are verified where the key was seen."""
    frames = split(body)
    if len(frames) > 1 and len(body) > MAX_BATCH_BYTES:
        raise RequestError(413, "TOO_LARGE", f"more than {MAX_BATCH_BYTES} bytes; send fewer frames at once")
    kept = {}
    for frame in frames:
        one = _one(frame, key, public)
        kept[one.name] = one
    return list(kept.values())


def _one(frame: Frame, key: str, public: bytes) -> Kept:
    if frame.key != key:
        raise RequestError(
            400, "BAD_REQUEST", "all chunks of a request are of the key that X-StarProof-Key names"
        )
    try:
        if public:
            PublicKey(public).verify(CHUNK_TYPE, frame.header, frame.signature)
        seq = parse_header(frame.header).seq
    except BadSignatureError:
        raise RequestError(
            400, "BAD_SIGNATURE", "a chunk is not signed by this key; nothing was kept"
        ) from None
    except EvidenceError as error:
        raise RequestError(400, "MALFORMED", str(error)) from None
    data = write_frame(frame)
    return Kept(seq, frame.hash, data, hashlib.sha256(data).hexdigest())


def _relayed(key: str, chunk: Kept, trouble: str) -> dict[str, Any]:
    message = trouble or "kept by the relay; the collector has not answered yet"
    return {
        "key": key,
        "seq": chunk.seq,
        "hash": chunk.hash,
        "status": RELAYED,
        "code": "",
        "message": message,
    }


def _is_stored(result: object) -> bool:
    return isinstance(result, dict) and result.get("status") in ("stored", "known")


def _public_of(record: bytes) -> PublicKey:
    try:
        return PublicKey.from_hex(records.parse(record).key)
    except MalformedError as error:
        raise RequestError(400, "MALFORMED", str(error)) from None


def _passed_on(answer: Answer) -> Response:
    """Return what the collector answered, marked as relayed; whatever is not its language becomes 503."""
    if not answer.document:
        raise UpstreamError(f"HTTP {answer.status} without a document")
    response = JSONResponse({**answer.document, "relay": True}, status_code=answer.status)
    if answer.retry_after:
        response.headers["Retry-After"] = answer.retry_after
    return response


def _refusal(error: RequestError) -> JSONResponse:
    """Return an answer of the relay's own, without a clock."""
    response = JSONResponse(
        {"code": error.reason, "message": str(error), "relay": True}, status_code=error.status
    )
    if error.retry_after_s:
        response.headers["Retry-After"] = str(error.retry_after_s)
    return response


def _unavailable(message: str) -> RequestError:
    return RequestError(_UNAVAILABLE, "UNAVAILABLE", message, retry_after_s=UPSTREAM_RETRY_S)


def _require_rate(buckets: Buckets, sender: str) -> None:
    wait_s = buckets.wait_s(sender)
    if wait_s:
        raise RequestError(429, "SLOW_DOWN", f"too many requests; wait {wait_s} s", retry_after_s=wait_s)


def _peer(request: Request) -> str:
    return request.client.host if request.client else ""
