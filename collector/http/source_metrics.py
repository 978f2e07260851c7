"""What the polled sources look like to Prometheus, read from the store whoever polls."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Gauge
from sqlalchemy import Connection

from collector.store import polls

MS_PER_S = 1000


class SourceMetrics:
    """Gauges by the account's alias. Sums are over all questions ever asked."""

    def __init__(self, registry: CollectorRegistry) -> None:
        def gauge(name: str, text: str, *labels: str) -> Gauge:
            return Gauge(f"starproof_source_{name}", text, ("alias", *labels), registry=registry)

        self._sums = {
            "polls": gauge("questions", "Questions asked"),
            "failed": gauge("questions_failed", "Questions that failed or were interrupted"),
            "points": gauge("points", "Points answered"),
            "sealed": gauge("points_sealed", "Points sealed"),
            "conflicts": gauge("conflicts", "Points that differ from what is sealed"),
            "calls": gauge("calls", "Calls made at most, without retries"),
        }
        self._success = gauge("last_success_timestamp_seconds", "Wall clock of the last answered question")
        self._mark = gauge(
            "mark_timestamp_seconds", "Until when all is read, of the instance furthest behind", "metric"
        )
        self._failures = gauge("failures", "Failures in a row since the account last answered")

    def read(self, connection: Connection) -> None:
        """Bring the gauges up to date."""
        for alias, totals in polls.totals(connection).items():
            for name, gauge in self._sums.items():
                gauge.labels(alias).set(getattr(totals, name))
            if totals.last_ok_ms is not None:
                self._success.labels(alias).set(totals.last_ok_ms / MS_PER_S)
            account = polls.latest(connection, alias, polls.ACCOUNT)
            self._failures.labels(alias).set(0 if account is None else account.failures)
        for (alias, metric), mark_ms in polls.oldest_marks(connection).items():
            self._mark.labels(alias, metric).set(mark_ms / MS_PER_S)
