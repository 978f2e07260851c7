"""Metrics for Prometheus, off unless ``metrics.listen`` is set; only then the client is imported."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Callable

from agent.errors import ConfigError

_COUNTERS = {
    "readings_total": "Readings taken.",
    "reading_failures_total": "Readings that were not possible.",
    "chunks_sealed_total": "Chunks written to the spool.",
    "seal_failures_total": "Chunks that could not be written; their rows wait in memory.",
    "rows_lost_total": "Readings that were given up.",
    "chunks_delivered_total": "Chunks that the collector has stored.",
    "chunks_refused_total": "Chunks that the collector refused.",
    "deliveries_failed_total": "Requests to the collector that failed.",
    "log_problems_total": "Receipts of the collector's log that were missing or wrong.",
    "thinnings_total": "Times the spool was thinned because of its limit.",
}
_GAUGES = {
    "chunks_pending": "Chunks in the spool that are not acknowledged.",
    "chunks_damaged": "Damaged chunk files that were moved aside.",
    "chunks_refused": "Refused chunk files that were moved aside.",
    "spool_bytes": "Size of the pending chunks.",
    "waiting_rows": "Readings in memory that are not sealed yet.",
}
_SECONDS = {
    "oldest_pending_ms": ("oldest_pending_age_seconds", "Age of the oldest pending chunk."),
    "last_reading_ms": ("last_reading_timestamp_seconds", "Wall clock of the last reading."),
    "last_ack_ms": ("last_ack_timestamp_seconds", "When the collector last acknowledged a chunk."),
    "clock_offset_ms": ("clock_offset_seconds", "Collector's clock minus host's clock."),
}
_PREFIX = "starproof_agent_"

Snapshot = Callable[[], Mapping[str, Any]]


def serve(host: str, port: int, snapshot: Snapshot, *, version: str) -> Callable[[], None]:
    """Answer ``GET /metrics`` in a thread; return what stops it.

    Args:
        host: address to listen on.
        port: TCP port.
        snapshot: called at each scrape for the current figures.
        version: of the agent.

    Raises:
        ConfigError: the address is taken or not ours.
    """
    import prometheus_client  # noqa: PLC0415 - 3 MB, only when asked for

    registry = prometheus_client.CollectorRegistry(auto_describe=False)
    registry.register(_Collector(snapshot, version))
    try:
        server, thread = prometheus_client.start_http_server(port, addr=host, registry=registry)
    except OSError as error:
        raise ConfigError(f"metrics.listen {host}:{port} cannot be used: {error}") from None

    def stop() -> None:
        server.shutdown()
        server.server_close()
        thread.join()

    return stop


class _Collector:
    """Turns a snapshot into metric families at each scrape. A figure that is not known is left out."""

    def __init__(self, snapshot: Snapshot, version: str) -> None:
        self._snapshot = snapshot
        self._version = version

    def collect(self) -> Iterator[Any]:
        from prometheus_client.core import (  # noqa: PLC0415 - see serve
            CounterMetricFamily,
            GaugeMetricFamily,
            InfoMetricFamily,
        )

        figures = self._snapshot()
        yield InfoMetricFamily(_PREFIX + "build", "The agent.", value={"version": self._version})
        for name, text in _COUNTERS.items():
            yield CounterMetricFamily(_PREFIX + name, text, value=figures[name])
        for name, text in _GAUGES.items():
            yield GaugeMetricFamily(_PREFIX + name, text, value=figures[name])
        for name, (metric, text) in _SECONDS.items():
            if figures[name] is not None:
                yield GaugeMetricFamily(_PREFIX + metric, text, value=figures[name] / 1000)
