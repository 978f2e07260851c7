"""Hours from ``trend.get``: one row an item and hour, with the number of values and their mean.

A point covers as much of its hour as its values do: ``num`` times the time between two values, at most
the hour. An hour in which half of the values came counts as half an hour, so the missing half
stays missing. Where in the hour the values were is not kept; the point begins with the hour.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from collector.sources.errors import AnswerError, ConflictingPoints
from collector.sources.interface import Span
from collector.sources.points import number
from collector.sources.zabbix.client import Client
from collector.sources.zabbix.fitness import Term
from collector.sources.zabbix.means import Mean
from collector.sources.zabbix.records import rows, text, whole

HOUR_MS = 3_600_000
MAX_ITEMS = 500
MAX_ROWS = 20_000
"""In one call: a tenth of what PHP can hold with its usual 128 MB."""
_S_MS = 1000
_METHOD = "trend.get"


def stretches(span: Span, items: int) -> Iterator[Span]:
    """Yield the parts of a span that are asked for one by one: trends come without pages."""
    step_ms = max(1, MAX_ROWS // min(items, MAX_ITEMS)) * HOUR_MS
    for start_ms in range(span.start_ms, span.end_ms, step_ms):
        yield Span(start_ms, min(start_ms + step_ms, span.end_ms))


def hours(client: Client, terms: Sequence[Term], span: Span) -> Mapping[str, Mapping[int, Mean]]:
    """Return the hours of these items in a span of whole hours.

    Raises:
        ConflictingPoints: one hour of one item came twice, with different values.
        AnswerError: the answer speaks of what was not asked for, or is not what is documented.
        SourceError: what the client says.
    """
    found: dict[str, dict[int, Mean]] = {term.item.id: {} for term in terms}
    for first in range(0, len(terms), MAX_ITEMS):
        intervals = {term.item.id: term.interval_s for term in terms[first : first + MAX_ITEMS]}
        for stretch in stretches(span, len(intervals)):
            for row in _asked(client, intervals, stretch):
                _add(found, row, intervals, stretch)
    return found


def _asked(client: Client, intervals: Mapping[str, int], span: Span) -> list[Mapping[str, Any]]:
    asked = {
        "itemids": list(intervals),
        "time_from": span.start_ms // _S_MS,
        "time_till": span.end_ms // _S_MS - 1,  # both ends belong to what is answered
        "output": ["itemid", "clock", "num", "value_avg"],
    }
    return rows(client.call(_METHOD, asked), where=_METHOD)


def _add(
    found: dict[str, dict[int, Mean]], row: Mapping[str, Any], intervals: Mapping[str, int], span: Span
) -> None:
    item = text(row, "itemid", where=_METHOD)
    where = f"{_METHOD}: item {item}"
    start_ms = whole(row, "clock", where=where) * _S_MS
    count = whole(row, "num", where=where)
    if item not in intervals or start_ms % HOUR_MS or not span.start_ms <= start_ms < span.end_ms:
        raise AnswerError(f"{where}: the row at {start_ms} ms is not of an item and hour that was asked for")
    if not count:
        return  # no values, so there is no mean of them
    covered_ms = min(HOUR_MS, count * intervals[item] * _S_MS)
    mean = Mean(covered_ms, number(row.get("value_avg"), where=f"{where}: value_avg"))
    other = found[item].setdefault(start_ms, mean)
    if other != mean:
        raise ConflictingPoints(
            f"{where}: two answers for the hour at {start_ms} ms: {other.value} and {mean.value}"
        )
