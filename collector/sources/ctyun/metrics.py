"""Averages from 天翼云's monitor: ``fun`` is ``avg``, so that nothing else can be answered.

The documentation has the network rates in B/s in one place and in bit/s in another. The unit is
therefore read from each answer, and one that is not stated is not guessed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from collector.sources import reading
from collector.sources.ctyun.client import Answer, CtyunClient
from collector.sources.errors import AnswerError
from collector.sources.exact import product
from collector.sources.interface import (
    ALL_INTERFACES,
    CPU,
    DISK_READS,
    DISK_WRITES,
    NET_RX,
    NET_TX,
    NO_SCOPE,
    Point,
    Retention,
    Span,
)
from collector.sources.points import number
from collector.sources.slices import batches, windows

PATH = "/v4.2/monitor/query-history-metric-data"
MAX_MACHINES = 20
WINDOW_MS = 86_400_000
"""How many points one answer may have is not documented; a day of 20 machines is 5,760 at 300 s."""
_MS_PER_S = 1000
_DAY_MS = 86_400_000
_KEPT_MS = 180 * _DAY_MS

RETENTION = (Retention(300_000, _KEPT_MS), Retention(3_600_000, _KEPT_MS))
_NOT_MEASURED = Decimal(-1)


@dataclass(frozen=True)
class Measure:
    """One item of the monitor. ``factors`` by the unit an answer states, in lower case."""

    item: str
    factors: Mapping[str, Decimal]
    scope: str


_PERCENT = {"%": Decimal(1)}
_OPERATIONS = dict.fromkeys(("请求/秒", "次/秒", "个/秒", "request/s", "requests/s", "count/s"), Decimal(1))
_BYTES = {"byte/s": Decimal(1), "bytes/s": Decimal(1), "bit/s": Decimal("0.125"), "bps": Decimal("0.125")}

MEASURES: Mapping[str, Measure] = {
    CPU: Measure("cpu_util", _PERCENT, NO_SCOPE),
    NET_RX: Measure("net_in_bytes_rate", _BYTES, ALL_INTERFACES),
    NET_TX: Measure("net_out_bytes_rate", _BYTES, ALL_INTERFACES),
    DISK_READS: Measure("disk_read_requests_rate", _OPERATIONS, NO_SCOPE),
    DISK_WRITES: Measure("disk_write_requests_rate", _OPERATIONS, NO_SCOPE),
}


@dataclass(frozen=True)
class Reader:
    """Reads one item in one region (资源池)."""

    client: CtyunClient
    region: str
    measure: Measure
    period_ms: int

    def read(self, machines: Sequence[str], span: Span) -> Iterator[tuple[str, list[Point], list[str]]]:
        """Yield machine, its points, unordered, and request ids."""
        for batch in batches(machines, MAX_MACHINES):
            points: dict[str, list[Point]] = {name: [] for name in batch}
            request_ids: list[str] = []
            for window in windows(span, WINDOW_MS):
                answer = self._ask(batch, window)
                request_ids.append(answer.request_id)
                for name, found in self._points(answer, batch):
                    points[name].extend(found)
            for name in batch:
                yield name, points[name], request_ids

    def _ask(self, batch: Sequence[str], window: Span) -> Answer:
        document: dict[str, Any] = {
            "regionID": self.region,
            "service": "vm",
            "dimension": "vm",
            "itemNameList": [self.measure.item],
            "startTime": window.start_ms // _MS_PER_S,
            "endTime": window.end_ms // _MS_PER_S - 1,  # whether the end is included is not documented
            "fun": "avg",
            "period": self.period_ms // _MS_PER_S,
            "dimensions": [{"name": "uuid", "value": list(batch)}],
        }
        return self.client.post("monitor", PATH, document)

    def _points(self, answer: Answer, batch: Sequence[str]) -> Iterator[tuple[str, list[Point]]]:
        for row in reading.rows(answer.fields, "itemList", where=answer.where):
            name = _machine(row, answer.where)
            where = f"{answer.where}: {name} {self.measure.item}"
            if name not in batch or row.get("itemName") != self.measure.item:
                raise AnswerError(f"{where}: {row.get('itemName')} was not asked for")
            found = reading.rows(row, "itemData", where=where)
            factor = self._factor(row, where) if found else Decimal(1)
            points = (self._point(point, factor, where) for point in found)
            yield name, [point for point in points if point is not None]

    def _factor(self, row: Mapping[str, Any], where: str) -> Decimal:
        unit = reading.text_or_empty(row, "itemUnit", where=where)
        if unit == "B/s" and "byte/s" in self.measure.factors:  # a capital B is a byte
            return Decimal(1)
        factor = self.measure.factors.get(unit.lower())
        if factor is None:
            expected = ", ".join(self.measure.factors)
            raise AnswerError(
                f"{where}: it is in {unit!r}, expected one of {expected}; its numbers cannot be used"
            )
        return factor

    def _point(self, row: Mapping[str, Any], factor: Decimal, where: str) -> Point | None:
        value = number(row.get("value"), where=f"{where}: value")
        if value == _NOT_MEASURED:
            return None
        if value < 0:
            raise AnswerError(f"{where}: a negative average")
        start_s = reading.whole(row.get("samplingTime"), where=f"{where}: samplingTime")
        return Point(start_s * _MS_PER_S, self.period_ms, product(value, factor))


def calls_for(machines: int, span: Span) -> int:
    """Return how many calls ``Reader.read`` makes."""
    return -(-machines // MAX_MACHINES) * -(-span.length_ms // WINDOW_MS)


def _machine(row: Mapping[str, Any], where: str) -> str:
    for dimension in reading.rows(row, "dimensions", where=where):
        if dimension.get("name") == "uuid":
            return reading.text(dimension, "value", where=where)
    raise AnswerError(f"{where}: points without uuid")
