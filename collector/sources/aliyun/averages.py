"""Averages from CloudMonitor's DescribeMetricList.

Rules:

1. The monitor's range is (start, end], so its times are taken for the ends of periods: the period
   that ends at ``start`` belongs to the question before. A time that ends no period is refused.
2. ``Datapoints`` is a text that holds JSON; the period that the answer names must be the one asked for.
3. At most 50 resources and 31 days a question, 1,440 points a page; and no more resources than keep
   the points held at one time below ``MAX_POINTS_HELD``.
4. What is older than the monitor keeps is refused here: the monitor would answer with silence.
5. Where a machine has several public addresses, the addresses that report are summed. One that is
   silent adds nothing: the sum is then what was seen at least.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Context, Decimal, Inexact
from typing import Any

from collector.sources.aliyun.client import METRIC_LIST, Action, Answer, Client
from collector.sources.aliyun.connection import MAX_ANSWER_BYTES
from collector.sources.aliyun.metrics import Metric, keeps_ms
from collector.sources.answers import Page, decode, pages
from collector.sources.errors import AnswerError, ConflictingPoints, RangeError
from collector.sources.interface import AVERAGE, Point, Series, Span
from collector.sources.points import number, ordered

ACTION = Action("cms", "2019-01-01", METRIC_LIST, "cms:QueryMetricList")
MAX_RESOURCES = 50
MAX_POINTS_A_PAGE = 1440
MAX_RANGE_MS = 31 * 86_400_000
MAX_POINTS_HELD = 100_000
"""About 50 MB. A month by five minutes has 8,928 points, so 11 machines are asked for together."""

_MS_PER_S = 1000
_EXACT = Context(prec=80, traps=[Inexact])
_MAX_PLACES = 30
"""Of a value, which is below 10^30. Sums and eighths of such values are exact within 80 digits."""


@dataclass(frozen=True)
class Question:
    """One metric, ``name`` in our words, over a span."""

    name: str
    metric: Metric
    span: Span
    period_ms: int


def require_kept(span: Span, period_ms: int, *, now_ms: int) -> None:
    """Check that the monitor keeps all of ``span``, and that it lies on the period.

    Raises:
        RangeError: it does not.
    """
    if span.start_ms % period_ms or span.end_ms % period_ms:
        raise RangeError(f"aliyun: a span begins and ends on multiples of its period of {period_ms} ms")
    oldest_ms = now_ms - keeps_ms(period_ms)
    # One period more: time goes on while the question is on its way.
    if span.start_ms < oldest_ms - period_ms:
        raise RangeError(
            f"aliyun keeps averages over {period_ms // _MS_PER_S} s since {oldest_ms} ms only; the span begins"
            f" at {span.start_ms} ms. Begin later or ask for a longer period"
        )


def batches(resources: Sequence[str], span: Span, period_ms: int) -> Iterator[Sequence[str]]:
    """Yield the resources in groups that one question may ask for."""
    size = batch_size(span, period_ms)
    for first in range(0, len(resources), size):
        yield resources[first : first + size]


def batch_size(span: Span, period_ms: int) -> int:
    """Return how many resources one question asks for at most."""
    return min(MAX_RESOURCES, max(1, MAX_POINTS_HELD * period_ms // span.length_ms))


def windows(span: Span, period_ms: int) -> Iterator[Span]:
    """Yield the span in pieces that one question may cover."""
    length_ms = MAX_RANGE_MS // period_ms * period_ms
    for start_ms in range(span.start_ms, span.end_ms, length_ms):
        yield Span(start_ms, min(start_ms + length_ms, span.end_ms))


def calls(resources: int, span: Span, period_ms: int, *, groups: int = 1) -> int:
    """Return how many calls it takes at most, where each resource answers with one value a period.

    Resources of different regions or metrics are asked for apart: in so many ``groups``.
    """
    size = batch_size(span, period_ms)
    full, rest = divmod(resources, size)
    periods = [window.length_ms // period_ms for window in windows(span, period_ms)]

    def pages_for(count: int) -> int:
        return sum(-(-count * each // MAX_POINTS_A_PAGE) for each in periods)

    more_groups = min(groups, resources) - 1 if resources else 0
    return full * pages_for(size) + pages_for(rest) + more_groups * len(periods)


def newest(client: Client, region: str, metric: Metric, span: Span) -> None:
    """Ask for one point of any resource, to see whether it may be asked.

    Raises:
        SourceError: as ``Client.call``.
    """
    client.call(ACTION, region, {**_parameters(metric, span, metric.periods_ms[0]), "Length": "1"})


def averages(client: Client, region: str, question: Question, resources: Sequence[str]) -> Iterator[Series]:
    """Yield one series for each of the resources.

    Raises:
        SourceError: as ``Client.call``; ``ConflictingPoints`` for two values of one period.
    """
    for batch in batches(resources, question.span, question.period_ms):
        found = _Found({resource: {} for resource in batch})
        for window in windows(question.span, question.period_ms):
            _read(client, region, question, window, found)
        for resource in batch:
            yield _series(question, resource, found)


@dataclass(frozen=True)
class _Found:
    """Values by resource, period and part, and the ids of the calls that brought them."""

    values: dict[str, dict[int, dict[str, Decimal]]]
    request_ids: list[str] = field(default_factory=list)


def _read(client: Client, region: str, question: Question, window: Span, found: _Found) -> None:
    parameters = {
        **_parameters(question.metric, window, question.period_ms),
        "Length": str(MAX_POINTS_A_PAGE),
        "Dimensions": json.dumps([{"instanceId": resource} for resource in found.values]),
    }
    where = f"aliyun {question.metric.name}"

    def fetch(token: str | None) -> Page[Mapping[str, Any]]:
        answer = client.call(ACTION, region, parameters | ({"NextToken": token} if token else {}))
        found.request_ids.extend(answer.request_ids)
        return Page(tuple(_datapoints(answer, question)), _next_token(answer))

    for row in pages(fetch, where=where):
        _keep(row, question, window, found, where=where)


def _parameters(metric: Metric, span: Span, period_ms: int) -> dict[str, str]:
    return {
        "Namespace": metric.namespace,
        "MetricName": metric.name,
        "Period": str(period_ms // _MS_PER_S),
        "StartTime": str(span.start_ms),
        "EndTime": str(span.end_ms),
    }


def _datapoints(answer: Answer, question: Question) -> Iterable[Mapping[str, Any]]:
    period = answer.body.get("Period")
    if period is not None and str(period) != str(question.period_ms // _MS_PER_S):
        raise AnswerError(
            f"{answer.where}: asked by {question.period_ms // _MS_PER_S} s, answered by {period} s"
        )
    text = answer.body.get("Datapoints") or "[]"
    if not isinstance(text, str):
        raise AnswerError(f"{answer.where}: Datapoints is not a text")
    rows = decode(text, where=f"{answer.where} Datapoints", most=MAX_ANSWER_BYTES)
    if not isinstance(rows, list) or not all(isinstance(row, Mapping) for row in rows):
        raise AnswerError(f"{answer.where}: Datapoints holds no list of objects")
    return rows


def _next_token(answer: Answer) -> str | None:
    token = answer.body.get("NextToken")
    if token is not None and not isinstance(token, str):
        raise AnswerError(f"{answer.where}: NextToken is not a text")
    return token or None


def _keep(row: Mapping[str, Any], question: Question, window: Span, found: _Found, *, where: str) -> None:
    resource, end_ms = row.get("instanceId"), row.get("timestamp")
    if not isinstance(resource, str) or resource not in found.values:
        raise AnswerError(f"{where}: a point of a resource that was not asked for")
    where = f"{where} of {resource}"
    if not isinstance(end_ms, int) or isinstance(end_ms, bool):
        raise AnswerError(f"{where}: a timestamp is not a whole number of ms")
    if end_ms % question.period_ms or not window.start_ms < end_ms <= window.end_ms:
        raise AnswerError(f"{where}: a point at {end_ms} ms, which ends no period that was asked for")
    value = number(row.get(question.metric.field), where=f"{where}: {question.metric.field} at {end_ms} ms")
    if value.is_signed() and value:
        raise AnswerError(f"{where}: {value} at {end_ms} ms is below zero")
    if int(value.as_tuple().exponent) < -_MAX_PLACES:
        raise AnswerError(f"{where}: the value at {end_ms} ms has more than {_MAX_PLACES} decimal places")
    part = str(row.get(question.metric.part, "")) if question.metric.part else ""
    parts = found.values[resource].setdefault(end_ms - question.period_ms, {})
    if parts.setdefault(part, value) != value:
        raise ConflictingPoints(f"{where}: {parts[part]} and {value}, both at {end_ms} ms")


def _series(question: Question, resource: str, found: _Found) -> Series:
    points = (
        Point(start_ms, question.period_ms, _EXACT.multiply(_sum(parts.values()), question.metric.factor))
        for start_ms, parts in found.values[resource].items()
    )
    return Series(
        instance=resource,
        metric=question.name,
        statistic=AVERAGE,
        scope=question.metric.scope,
        period_ms=question.period_ms,
        points=ordered(points, where=f"aliyun {resource} {question.name}"),
        request_ids=tuple(found.request_ids),
        asked=question.span,
        answered=question.span,
    )


def _sum(values: Iterable[Decimal]) -> Decimal:
    first, *more = values
    for value in more:
        first = _EXACT.add(first, value)
    return first
