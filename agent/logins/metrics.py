"""Metrics of the reader for Prometheus, off unless ``metrics.listen`` is set."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Callable

from agent.metrics import Snapshot, serve_families

_PREFIX = "starproof_logins_"
_LINES = {
    "read": "Lines read.",
    "counted": "Lines that the definition counts.",
    "other": "Lines that were understood and do not count.",
    "excluded": "Lines of excluded accounts.",
    "too_early": "Lines of days before the reading began.",
    "not_understood": "Lines that were not understood.",
}
_COUNTERS = {
    "chunks_sealed_total": "Chunks written to the spool.",
    "seal_failures_total": "Chunks or batches that could not be written; they are tried again.",
    "reading_failures_total": "Problems with logs.",
    "chunks_delivered_total": "Chunks that the collector has stored.",
    "deliveries_failed_total": "Requests to the collector that failed.",
}


def serve(host: str, port: int, snapshot: Snapshot) -> Callable[[], None]:
    """Answer ``GET /metrics`` in a thread; return what stops it. Raises ConfigError."""
    return serve_families(host, port, _Families(snapshot))


class _Families:
    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot

    def collect(self) -> Iterator[Any]:
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily  # noqa: PLC0415 - heavy

        figures = self._snapshot()
        for name, text in _LINES.items():
            family = CounterMetricFamily(f"{_PREFIX}lines_{name}_total", text, labels=["log"])
            for log, lines in figures["logs"].items():
                family.add_metric([log], lines[name])
            yield family
        for name, text in _COUNTERS.items():
            yield CounterMetricFamily(_PREFIX + name, text, value=figures[name])
        gauges = {
            "problems": ("Logs that cannot be read completely.", len(figures["problems"])),
            "chunks_pending": ("Chunks that are not acknowledged.", figures["chunks_pending"]),
            "complete_until_seconds": (
                "Time up to which every log was read.",
                figures["complete_until_ms"] / 1000,
            ),
        }
        for name, (text, value) in gauges.items():
            yield GaugeMetricFamily(_PREFIX + name, text, value=value)
