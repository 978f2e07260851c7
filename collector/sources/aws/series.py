"""GetMetricData: values of many metrics over a span, all pages of it.

Rules:

1. At most 500 metrics a call, and no more points a call than CloudWatch gives and we hold
   (``MAX_POINTS``); so an answer has one page, and more are read where it has more.
2. A result is whole when its last page says ``Complete``. ``PartialData`` with a next page goes on;
   without one, and ``InternalError``, the page is asked for again.
3. CloudWatch aligns points to the start of the question: one that is not on the period, or outside
   the span, is refused.
4. boto3 hands over binary floating point numbers, which is what travels; the shortest decimal that
   denotes the same number is taken.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

from collector.sources.answers import Page, pages
from collector.sources.aws.client import CLOUDWATCH, Answer, Client, Operation
from collector.sources.aws.metrics import Metric
from collector.sources.errors import AnswerError, PermissionMissing, UnreachableError
from collector.sources.interface import SUM, Point, Span
from collector.sources.points import number, ordered, per_second

OPERATION = Operation(CLOUDWATCH, "GetMetricData", "cloudwatch:GetMetricData")
MAX_METRICS = 500
MAX_POINTS = 100_800
_COMPLETE, _PARTIAL, _INTERNAL, _FORBIDDEN = "Complete", "PartialData", "InternalError", "Forbidden"
_STATISTICS = {SUM: "Sum", "average": "Average"}
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_MS = timedelta(milliseconds=1)
_MS_PER_S = 1000


@dataclass(frozen=True)
class Question:
    """One metric over a span, by ``period_ms``."""

    metric: Metric
    span: Span
    period_ms: int

    @property
    def batch(self) -> int:
        """How many machines or volumes one call asks for."""
        return min(MAX_METRICS, max(1, MAX_POINTS * self.period_ms // self.span.length_ms))


@dataclass(frozen=True)
class Read:
    """The points of one machine or volume, and the calls that brought them."""

    points: tuple[Point, ...]
    request_ids: tuple[str, ...]


def read(client: Client, region: str, question: Question, names: Sequence[str]) -> Iterator[tuple[str, Read]]:
    """Yield each of ``names`` with what was read of it.

    Raises:
        SourceError: as ``Client.call``.
    """
    for first in range(0, len(names), question.batch):
        batch = names[first : first + question.batch]
        yield from zip(batch, _batch(client, region, question, batch), strict=True)


def calls(names: int, question: Question) -> int:
    """Return how many calls ``read`` makes."""
    return -(-names // question.batch)


def _batch(client: Client, region: str, question: Question, names: Sequence[str]) -> list[Read]:
    parameters = {
        "MetricDataQueries": [_query(question, f"m{place}", name) for place, name in enumerate(names)],
        "StartTime": _EPOCH + question.span.start_ms * _MS,
        "EndTime": _EPOCH + question.span.end_ms * _MS,
        "ScanBy": "TimestampAscending",
        "MaxDatapoints": MAX_POINTS,
    }
    where = f"aws {question.metric.name} in {region}"
    request_ids: list[str] = []
    found: dict[str, list[Point]] = {f"m{place}": [] for place in range(len(names))}
    states = dict.fromkeys(found, "")

    def fetch(token: str | None) -> Page[Mapping[str, Any]]:
        more = {"NextToken": token} if token else {}
        answer = client.call(OPERATION, region, parameters | more, check=_require_whole)
        request_ids.extend(answer.request_ids)
        return Page(tuple(answer.body.get("MetricDataResults", ())), answer.body.get("NextToken") or None)

    for result in pages(fetch, where=where):
        name = result.get("Id")
        if name not in found:
            raise AnswerError(f"{where}: a result that was not asked for")
        states[name] = str(result.get("StatusCode"))
        found[name].extend(_points(result, question, f"{where} of {names[int(name[1:])]}"))
    unfinished = sum(state != _COMPLETE for state in states.values())
    if unfinished:
        raise AnswerError(
            f"{where}: {unfinished} of {len(states)} results are not complete after the last page"
        )
    return [
        Read(ordered(points, where=f"{where} of {name}"), tuple(request_ids))
        for name, points in zip(names, found.values(), strict=True)
    ]


def _query(question: Question, place: str, name: str) -> dict[str, Any]:
    metric = question.metric
    return {
        "Id": place,
        "MetricStat": {
            "Metric": {
                "Namespace": metric.namespace,
                "MetricName": metric.name,
                "Dimensions": [{"Name": metric.dimension, "Value": name}],
            },
            "Period": question.period_ms // _MS_PER_S,
            "Stat": _STATISTICS[metric.statistic],
        },
    }


def _require_whole(answer: Answer) -> None:
    for message in answer.body.get("Messages") or ():
        raise AnswerError(f"{answer.where}: {message.get('Code')}: {message.get('Value')}")
    states = {result.get("StatusCode") for result in answer.body.get("MetricDataResults", ())}
    if _FORBIDDEN in states:
        raise PermissionMissing(
            f"{answer.where}: a metric may not be read; grant {OPERATION.permission}",
            permission=OPERATION.permission,
        )
    if _INTERNAL in states or (_PARTIAL in states and not answer.body.get("NextToken")):
        raise UnreachableError(f"{answer.where}: answered in part only; asking again helps")


def _points(result: Mapping[str, Any], question: Question, where: str) -> Iterator[Point]:
    times, values = result.get("Timestamps", ()), result.get("Values", ())
    if len(times) != len(values):
        raise AnswerError(f"{where}: {len(times)} times for {len(values)} values")
    for time, value in zip(times, values, strict=True):
        start_ms = (time - _EPOCH) // _MS
        if start_ms % question.period_ms or not question.span.start_ms <= start_ms < question.span.end_ms:
            raise AnswerError(f"{where}: a point at {start_ms} ms, which begins no period that was asked for")
        # The one place where a float is met: its shortest decimal text denotes it exactly.
        exact = number(repr(value) if isinstance(value, float) else value, where=f"{where} at {start_ms} ms")
        if exact.is_signed() and exact:
            raise AnswerError(f"{where}: {exact} at {start_ms} ms is below zero")
        yield Point(start_ms, question.period_ms, _average(exact, question))


def _average(value: Decimal, question: Question) -> Decimal:
    return per_second(value, question.period_ms) if question.metric.statistic == SUM else value
