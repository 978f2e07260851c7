"""What the collector tells Prometheus. A registry of its own per service, nothing global."""

from __future__ import annotations

from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.registry import Collector
from sqlalchemy import func, select

from collector.admission import KNOWN, REFUSALS, REFUSED, STORED, Result
from collector.errors import StoreError
from collector.http.source_metrics import SourceMetrics
from collector.ingest import Taken
from collector.store import schema
from collector.store.engine import Store, stored_bytes

MS_PER_S = 1000
ENDPOINTS = ("offer", "enrolments", "chunks", "certificates", "ca", "healthz", "metrics")
STATUSES = (200, 201, 400, 401, 403, 404, 409, 413, 422, 429, 500, 503)
"""What is answered; counters of both begin at zero, so that the first answer of a kind is seen as a change."""
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class Metrics:
    """Counters of one service, and what the store tells; without a readable store the counters alone."""

    def __init__(self, store: Store) -> None:
        self._store = store
        registry = self._registry = CollectorRegistry()
        stored = self._stored = CollectorRegistry()
        self._chunks = Counter(
            "starproof_chunks", "Chunks judged, by status and code", ("status", "code"), registry=registry
        )
        self._values = Counter("starproof_values", "Integers stored in chunks", registry=registry)
        self._answers = Counter(
            "starproof_requests", "Requests answered", ("endpoint", "status"), registry=registry
        )
        self._seconds = Histogram(
            "starproof_ingest_seconds",
            "Time from a whole request to its commit",
            buckets=_SECONDS,
            registry=registry,
        )
        self._arrival = Gauge(
            "starproof_last_arrival_timestamp_seconds",
            "Wall clock when a chunk was last stored",
            registry=registry,
        )
        self._bytes = Gauge("starproof_store_bytes", "Size of the store's files", registry=registry)
        self._damaged = Gauge(
            "starproof_store_damaged",
            "1 if the store is damaged: nothing is written any more",
            registry=registry,
        )
        self._hosts = Gauge("starproof_hosts", "Hosts known", registry=stored)
        self._findings = Gauge("starproof_findings", "Findings recorded", registry=stored)
        self._sources = SourceMetrics(stored)
        for outcome, code in ((STORED, ""), (KNOWN, ""), *((REFUSED, code) for code in REFUSALS)):
            self._chunks.labels(outcome, code)
        for endpoint in ENDPOINTS:
            for answered in STATUSES:
                self._answers.labels(endpoint, str(answered))

    def add(self, figures: Collector) -> None:
        """Tell these families, too."""
        self._registry.register(figures)

    def took(self, taken: Taken, *, seconds: float, now_ms: int) -> None:
        """Count a batch that was taken in."""
        self._count(taken.results)
        self._values.inc(taken.values)
        self._seconds.observe(seconds)
        if taken.values:
            self._arrival.set(now_ms / MS_PER_S)

    def answered(self, endpoint: str, status: int) -> None:
        """Count an answer."""
        self._answers.labels(endpoint, str(status)).inc()

    def text(self) -> bytes:
        """Return everything in Prometheus' text format, sizes read now."""
        try:
            with self._store.reading() as connection:
                for gauge, table in ((self._hosts, schema.host), (self._findings, schema.finding)):
                    gauge.set(connection.scalar(select(func.count()).select_from(table)) or 0)
                self._sources.read(connection)
            stored = generate_latest(self._stored)
        except StoreError:  # the rest must be told all the same; who scrapes misses these
            stored = b""
        size = stored_bytes(self._store)
        if size is not None:
            self._bytes.set(size)
        self._damaged.set(bool(self._store.health.problem))
        return generate_latest(self._registry) + stored

    def _count(self, results: Iterable[Result]) -> None:
        for result in results:
            self._chunks.labels(result.verdict.status, result.verdict.code).inc()
