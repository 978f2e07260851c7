"""Averages from Tencent Cloud's monitor, and only averages.

The trap: without being told, GetMonitorData answers averages for 10 and 60 seconds, but maxima for
300, 3600 and 86400. A statistic that is not offered for a period may be asked for all the same and
is then inexact. So, before a metric is asked for at a period:

1. DescribeBaseMetrics says which statistics that period has.
2. ``avg``: it is asked for by name (SpecifyStatistics 1) and only AvgValues are read.
3. ``sum`` alone (traffic): the values are divided by the period.
4. Neither: there are only maxima, and the question is refused with RangeError.

Times are answered as the start of the period, in seconds; what is missing was lost.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from collector.sources import reading
from collector.sources.errors import AnswerError, RangeError
from collector.sources.exact import product
from collector.sources.interface import (
    AVERAGE,
    CPU,
    DISK_READS,
    DISK_WRITES,
    NET_RX,
    NET_TX,
    NO_SCOPE,
    PUBLIC,
    SUM,
    Point,
    Retention,
    Span,
)
from collector.sources.points import number, per_second
from collector.sources.slices import batches, calls, windows
from collector.sources.tencent.client import Answer, TencentClient

MAX_INSTANCES = 50
MAX_POINTS = 7_200
"""Of one request, over all its instances."""
_AVERAGE_BIT = 1
_MINUTE_MS = 60_000
_HOUR_MS = 60 * _MINUTE_MS
_DAY_MS = 24 * _HOUR_MS
_MS_PER_S = 1000
_BEIJING = timedelta(hours=8)

RETENTION = (
    Retention(_MINUTE_MS, 31 * _DAY_MS),
    Retention(5 * _MINUTE_MS, 31 * _DAY_MS),
    Retention(_HOUR_MS, 93 * _DAY_MS),
    Retention(_DAY_MS, 186 * _DAY_MS),
)
"""What is kept; whether a period has averages, only DescribeBaseMetrics says."""
OFFERED = RETENTION[:1]
"""What a poller may choose: all metrics have averages of a minute, the processor has none but those."""


@dataclass(frozen=True)
class Measure:
    """One metric of the provider. Its values times ``factor`` are in our unit (sums: per period)."""

    namespace: str
    name: str
    dimension: str
    unit: str
    factor: Decimal
    statistic: str
    scope: str


_BYTES_OF_MBIT = Decimal(125_000)
_BYTES_OF_MB = Decimal(10**6)
"""Whether a MB is 10^6 or 2^20 bytes is not documented; this is the smaller figure."""


def _cvm(name: str, unit: str, factor: Decimal, statistic: str, scope: str) -> Measure:
    return Measure("QCE/CVM", name, "InstanceId", unit, factor, statistic, scope)


def _disk(name: str) -> Measure:
    return Measure("QCE/BLOCK_STORAGE", name, "diskId", "", Decimal(1), AVERAGE, NO_SCOPE)


MEASURES: Mapping[str, tuple[Measure, ...]] = {
    CPU: (_cvm("CPUUsage", "%", Decimal(1), AVERAGE, NO_SCOPE),),
    NET_RX: (
        _cvm("WanIntraffic", "Mbps", _BYTES_OF_MBIT, AVERAGE, PUBLIC),
        _cvm("AccIntraffic", "MB", _BYTES_OF_MB, SUM, PUBLIC),
    ),
    NET_TX: (
        _cvm("WanOuttraffic", "Mbps", _BYTES_OF_MBIT, AVERAGE, PUBLIC),
        _cvm("AccOuttraffic", "MB", _BYTES_OF_MB, SUM, PUBLIC),
    ),
    DISK_READS: (_disk("DiskReadIops"),),
    DISK_WRITES: (_disk("DiskWriteIops"),),
}
"""In the order of preference."""


@dataclass
class Found:
    """What has been answered for one dimension so far: points as they came and request ids."""

    points: list[Point]
    request_ids: list[str]


class Monitor:
    """Reads averages. What DescribeBaseMetrics said is remembered."""

    def __init__(self, client: TencentClient, *, region: str) -> None:
        """``region`` is where metrics are described; they are the same everywhere."""
        self._client = client
        self._region = region
        self._offered: dict[str, dict[int, frozenset[str]]] = {}

    def measure(self, metric: str, period_ms: int) -> Measure:
        """Return the metric whose averages, or sums, exist at this period.

        Raises:
            RangeError: there are only maxima at this period.
        """
        for measure in MEASURES[metric]:
            statistics = self._statistics(measure).get(period_ms, frozenset())
            if "avg" in statistics if measure.statistic == AVERAGE else statistics == {"sum"}:
                return measure
        usable = ", ".join(str(ms // _MS_PER_S) for ms in self.usable(metric)) or "no period"
        raise RangeError(
            f"tencent {metric}: over {period_ms // _MS_PER_S} s the monitor has maxima, not averages,"
            f" and a maximum is never averaged; averages exist over (s): {usable}"
        )

    def read(
        self, measure: Measure, dimensions: Sequence[str], span: Span, period_ms: int, region: str
    ) -> dict[str, Found]:
        """Return the points of each dimension value in ``span``, unordered, in our unit."""
        found = {dimension: Found([], []) for dimension in dimensions}
        for batch in batches(dimensions, MAX_INSTANCES):
            for window in windows(span, _window_ms(len(batch), period_ms)):
                answer = self._ask(measure, batch, window, period_ms, region)
                for name, points in _points(answer, measure, batch, window, period_ms):
                    found[name].points.extend(points)
                for name in batch:
                    found[name].request_ids.append(answer.request_id)
        return found

    def _ask(
        self, measure: Measure, batch: Sequence[str], window: Span, period_ms: int, region: str
    ) -> Answer:
        parameters: dict[str, Any] = {
            "Namespace": measure.namespace,
            "MetricName": measure.name,
            "Period": period_ms // _MS_PER_S,
            "StartTime": _local(window.start_ms),
            "EndTime": _local(window.end_ms - _MS_PER_S),  # both ends are included
            "Instances": [{"Dimensions": [{"Name": measure.dimension, "Value": name}]} for name in batch],
        }
        if measure.statistic == AVERAGE:
            parameters["SpecifyStatistics"] = _AVERAGE_BIT
        return self._client.call("monitor", "GetMonitorData", parameters, region=region)

    def usable(self, metric: str) -> list[int]:
        """Return the periods in ms that have averages or sums of a metric, shortest first."""
        wanted = {AVERAGE: "avg", SUM: "sum"}
        return sorted(
            {
                period_ms
                for measure in MEASURES[metric]
                for period_ms, statistics in self._statistics(measure).items()
                if wanted[measure.statistic] in statistics
            }
        )

    def _statistics(self, measure: Measure) -> dict[int, frozenset[str]]:
        if measure.name not in self._offered:
            self._offered[measure.name] = self._describe(measure)
        return self._offered[measure.name]

    def _describe(self, measure: Measure) -> dict[int, frozenset[str]]:
        parameters = {"Namespace": measure.namespace, "MetricName": measure.name}
        answer = self._client.call("monitor", "DescribeBaseMetrics", parameters, region=self._region)
        offered: dict[int, frozenset[str]] = {}
        for row in reading.rows(answer.fields, "MetricSet", where=answer.where):
            if row.get("MetricName") != measure.name:
                continue
            unit = reading.text_or_empty(row, "Unit", where=answer.where)
            if measure.unit and unit != measure.unit:
                raise AnswerError(
                    f"{answer.where}: {measure.name} is in {unit!r}, expected {measure.unit!r};"
                    " its numbers cannot be used",
                    request_id=answer.request_id,
                )
            for period in reading.rows(row, "Periods", where=answer.where):
                seconds = reading.whole(period.get("Period"), where=f"{answer.where}: Period")
                kinds = reading.values(period, "StatType", where=answer.where)
                offered[seconds * _MS_PER_S] = frozenset(str(kind).lower() for kind in kinds)
        return offered


def calls_for(dimensions: int, span: Span, period_ms: int) -> int:
    """Return how many calls of GetMonitorData a span of so many dimension values takes."""
    whole, rest = divmod(dimensions, MAX_INSTANCES)
    full = whole * calls(items=1, size=1, span=span, length_ms=_window_ms(MAX_INSTANCES, period_ms))
    return full + (calls(items=1, size=1, span=span, length_ms=_window_ms(rest, period_ms)) if rest else 0)


def _window_ms(dimensions: int, period_ms: int) -> int:
    return MAX_POINTS // dimensions * period_ms


def _points(
    answer: Answer, measure: Measure, batch: Sequence[str], window: Span, period_ms: int
) -> Iterator[tuple[str, list[Point]]]:
    key = "AvgValues" if measure.statistic == AVERAGE else "Values"
    for row in reading.rows(answer.fields, "DataPoints", where=answer.where):
        name = _dimension(row, measure, answer.where)
        if name not in batch:
            raise AnswerError(
                f"{answer.where}: points of {name}, which was not asked for", request_id=answer.request_id
            )
        where = f"{answer.where}: {name}"
        times = reading.values(row, "Timestamps", where=where)
        values = reading.values(row, key, where=where) if times else []
        if len(times) != len(values):
            raise AnswerError(
                f"{where}: {len(times)} times but {len(values)} values in {key}; nothing else may be averaged",
                request_id=answer.request_id,
            )
        yield (
            name,
            [
                Point(start_ms, period_ms, _value(value, measure, period_ms, where))
                for start_ms, value in zip(_starts(times, where), values, strict=True)
                if window.start_ms <= start_ms < window.end_ms and value is not None
            ],
        )


def _dimension(row: Mapping[str, Any], measure: Measure, where: str) -> str:
    for dimension in reading.rows(row, "Dimensions", where=where):
        if dimension.get("Name") == measure.dimension:
            return reading.text(dimension, "Value", where=where)
    raise AnswerError(f"{where}: points without {measure.dimension}")


def _starts(times: Sequence[object], where: str) -> Iterator[int]:
    for time in times:
        yield reading.whole(time, where=f"{where}: Timestamps") * _MS_PER_S


def _value(value: object, measure: Measure, period_ms: int, where: str) -> Decimal:
    found = product(number(value, where=where), measure.factor)
    if found < 0:
        raise AnswerError(f"{where}: {measure.name} is negative")
    return found if measure.statistic == AVERAGE else per_second(found, period_ms)


def _local(instant_ms: int) -> str:
    local = datetime.fromtimestamp(instant_ms // _MS_PER_S, UTC) + _BEIJING
    return local.strftime("%Y-%m-%dT%H:%M:%S+08:00")
