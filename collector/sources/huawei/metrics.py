"""Averages from Huawei Cloud's monitor (CES), which moves the beginning of a question silently.

If the time asked for is too long for the period, or metrics times points are more than 3000, CES
answers for the last part only and does not say so. Therefore:

1. Questions are cut so that the documented limits are never reached.
2. Windows are asked for from the latest to the earliest.
3. If no machine of a window has a point at its beginning, the part before the first point (of an
   empty window: its first half) is asked for again. Points there show that the beginning had been
   moved: the answer is then shorter than the question (``Series.answered``), and what is earlier
   remains to be asked for. No points there: nothing is known to be wrong, the points are missing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from collector.sources import reading
from collector.sources.errors import AnswerError
from collector.sources.exact import product
from collector.sources.huawei.client import Answer, HuaweiClient, Request
from collector.sources.interface import (
    ALL_INTERFACES,
    CPU,
    DISK_READS,
    DISK_WRITES,
    NET_RX,
    NET_TX,
    NO_SCOPE,
    PUBLIC,
    Point,
    Retention,
    Span,
)
from collector.sources.points import number
from collector.sources.slices import batches, windows

PERMISSION = "ces:metricData:list"
MAX_METRICS = 500
MAX_POINTS = 3_000
"""Metrics times periods of one question; beyond it the beginning is moved."""
_MS_PER_S = 1000
_MINUTE_MS = 60_000
_HOUR_MS = 60 * _MINUTE_MS
_DAY_MS = 24 * _HOUR_MS

RETENTION = (
    Retention(5 * _MINUTE_MS, 10 * _DAY_MS),
    Retention(20 * _MINUTE_MS, 20 * _DAY_MS),
    Retention(_HOUR_MS, 155 * _DAY_MS),
    Retention(4 * _HOUR_MS, 155 * _DAY_MS),
    Retention(_DAY_MS, 155 * _DAY_MS),
)
LONGEST_MS = {
    5 * _MINUTE_MS: _DAY_MS,
    20 * _MINUTE_MS: 3 * _DAY_MS,
    _HOUR_MS: 10 * _DAY_MS,
    4 * _HOUR_MS: 30 * _DAY_MS,
    _DAY_MS: 180 * _DAY_MS,
}
"""The longest question by period; beyond it the beginning is moved."""


@dataclass(frozen=True)
class Measure:
    """One metric of the provider. Its values times ``factor`` are in our unit."""

    namespace: str
    name: str
    dimension: str
    units: tuple[str, ...]
    factor: Decimal
    scope: str


_PERCENT = ("%",)
_OPERATIONS = ("request/s", "requests/s", "req/s", "count/s")
_BYTES = ("byte/s", "bytes/s")
_BITS = ("bit/s", "bits/s")
_BYTES_OF_BIT = Decimal("0.125")


def _machine(name: str, units: tuple[str, ...], scope: str = NO_SCOPE) -> Measure:
    return Measure("SYS.ECS", name, "instance_id", units, Decimal(1), scope)


def _address(name: str) -> Measure:
    return Measure("SYS.VPC", name, "publicip_id", _BITS, _BYTES_OF_BIT, PUBLIC)


OF_MACHINES: Mapping[str, Measure] = {
    CPU: _machine("cpu_util", _PERCENT),
    NET_RX: _machine("network_incoming_bytes_aggregate_rate", _BYTES, ALL_INTERFACES),
    NET_TX: _machine("network_outgoing_bytes_aggregate_rate", _BYTES, ALL_INTERFACES),
    DISK_READS: _machine("disk_read_requests_rate", _OPERATIONS),
    DISK_WRITES: _machine("disk_write_requests_rate", _OPERATIONS),
}
OF_ADDRESSES: Mapping[str, Measure] = {
    NET_RX: _address("downstream_bandwidth"),
    NET_TX: _address("upstream_bandwidth"),
}
"""Of elastic addresses: what goes through the bandwidth that was bought."""


@dataclass(frozen=True)
class Found:
    """What was answered for one dimension value: points, unordered, of the span that was answered."""

    points: Sequence[Point]
    answered: Span
    request_ids: Sequence[str]


@dataclass(frozen=True)
class Reader:
    """Reads one metric in one region."""

    client: HuaweiClient
    region: str
    measure: Measure
    period_ms: int

    def read(self, dimensions: Sequence[str], span: Span) -> Iterator[tuple[str, Found]]:
        """Yield what was found for each dimension value."""
        for batch in batches(dimensions, _batch_size(span, self.period_ms)):
            yield from self._batch(batch, span).items()

    def _batch(self, batch: Sequence[str], span: Span) -> Mapping[str, Found]:
        points: dict[str, list[Point]] = {name: [] for name in batch}
        request_ids: list[str] = []
        since_ms = span.start_ms
        for window in reversed(tuple(windows(span, LONGEST_MS[self.period_ms]))):  # (2)
            found, request_id = self._window(batch, window)
            request_ids.append(request_id)
            for name, more in found.items():
                points[name].extend(more)
            first_ms = min((point.start_ms for more in found.values() for point in more), default=None)
            head = _head(window, first_ms, self.period_ms)
            if head is None:
                continue
            again, request_id = self._window(batch, head)  # (3)
            request_ids.append(request_id)
            if any(again.values()):
                since_ms = window.end_ms - self.period_ms if first_ms is None else first_ms
                break
        answered = Span(since_ms, span.end_ms)
        return {name: Found(found, answered, request_ids) for name, found in points.items()}

    def _window(self, batch: Sequence[str], window: Span) -> tuple[Mapping[str, list[Point]], str]:
        answer = self._ask(batch, window)
        found: dict[str, list[Point]] = {name: [] for name in batch}
        for name, points in _points(answer, self.measure, batch, self.period_ms):
            # CES rounds the beginning down, so that earlier points may come along.
            found[name].extend(point for point in points if window.start_ms <= point.start_ms < window.end_ms)
        return found, answer.request_id

    def _ask(self, batch: Sequence[str], window: Span) -> Answer:
        metrics = [
            {
                "namespace": self.measure.namespace,
                "metric_name": self.measure.name,
                "dimensions": [{"name": self.measure.dimension, "value": name}],
            }
            for name in batch
        ]
        document: dict[str, Any] = {
            "metrics": metrics,
            "from": window.start_ms,
            "to": window.end_ms - 1,  # both ends are included
            "period": str(self.period_ms // _MS_PER_S),
            "filter": "average",
        }
        path = "/V1.0/{project}/batch-query-metric-data"
        return self.client.in_region(self.region, Request("ces", "POST", path, PERMISSION, document=document))


def calls_for(dimensions: int, span: Span, period_ms: int) -> int:
    """Return how many calls ``Reader.read`` makes at most: each window may need a second look."""
    return 2 * -(-dimensions // _batch_size(span, period_ms)) * -(-span.length_ms // LONGEST_MS[period_ms])


def _batch_size(span: Span, period_ms: int) -> int:
    periods = -(-min(span.length_ms, LONGEST_MS[period_ms]) // period_ms)
    return max(1, min(MAX_METRICS, MAX_POINTS // periods))


def _head(window: Span, first_ms: int | None, period_ms: int) -> Span | None:
    """Return the part of a window whose silence is looked into, ``None`` if there is none."""
    if first_ms is None:
        half_ms = window.length_ms // 2 // period_ms * period_ms
        return Span(window.start_ms, window.start_ms + half_ms) if half_ms else None
    return Span(window.start_ms, first_ms) if first_ms - window.start_ms >= period_ms else None


def _points(
    answer: Answer, measure: Measure, batch: Sequence[str], period_ms: int
) -> Iterator[tuple[str, list[Point]]]:
    for row in reading.rows(answer.fields, "metrics", where=answer.where):
        name = _dimension(row, measure, answer.where)
        if name not in batch or row.get("metric_name") != measure.name:
            raise AnswerError(
                f"{answer.where}: points of {row.get('metric_name')} of {name}, which was not asked for",
                request_id=answer.request_id,
            )
        where = f"{answer.where}: {name} {measure.name}"
        points = reading.rows(row, "datapoints", where=where)
        if points:
            _require_unit(row, measure, where)
        yield name, [_point(point, measure, period_ms, where) for point in points]


def _require_unit(row: Mapping[str, Any], measure: Measure, where: str) -> None:
    unit = reading.text_or_empty(row, "unit", where=where)
    if unit.lower() not in measure.units:
        raise AnswerError(
            f"{where}: it is in {unit!r}, expected {measure.units[0]!r}; its numbers cannot be used"
        )


def _dimension(row: Mapping[str, Any], measure: Measure, where: str) -> str:
    for dimension in reading.rows(row, "dimensions", where=where):
        if dimension.get("name") == measure.dimension:
            return reading.text(dimension, "value", where=where)
    raise AnswerError(f"{where}: points without {measure.dimension}")


def _point(row: Mapping[str, Any], measure: Measure, period_ms: int, where: str) -> Point:
    value = product(number(row.get("average"), where=f"{where}: average"), measure.factor)
    if value < 0:
        raise AnswerError(f"{where}: a negative average")
    return Point(reading.whole(row.get("timestamp"), where=f"{where}: timestamp"), period_ms, value)
