"""Periods finer than an hour, from the single values that ``history.get`` still has.

A value stands for the time before it, back to the value before, but never for more than the time
between two values of its item. So a gap covers nothing, a value over the edge of two periods counts
in each for its part, and the mean of a period weighs its values by the time they stand for.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from collector.sources.errors import AnswerError, ConflictingPoints
from collector.sources.interface import Span
from collector.sources.points import number
from collector.sources.zabbix.client import Client
from collector.sources.zabbix.fitness import Term
from collector.sources.zabbix.means import Mean, weighted
from collector.sources.zabbix.records import rows, text, whole

MAX_ITEMS = 500
MAX_ROWS = 20_000
USUAL_S = 30
"""Time between values for which windows are laid out; faster items are asked for in smaller ones."""
_S_MS = 1000
_NS_PER_MS = 1_000_000
_METHOD = "history.get"

_Values = dict[int, Decimal]
"""Instant in ns → value."""


def windows(span: Span, items: int) -> Iterator[Span]:
    """Yield the parts of a span that are asked for one by one."""
    step_ms = max(1, MAX_ROWS // min(items, MAX_ITEMS)) * USUAL_S * _S_MS
    for start_ms in range(span.start_ms, span.end_ms, step_ms):
        yield Span(start_ms, min(start_ms + step_ms, span.end_ms))


def periods(
    client: Client, terms: Sequence[Term], span: Span, period_ms: int
) -> Mapping[str, Mapping[int, Mean]]:
    """Return the periods of these items in a span.

    Raises:
        ConflictingPoints: one item has two different values at one instant.
        AnswerError: the answer speaks of what was not asked for, or is not what is documented.
        SourceError: what the client says.
    """
    found: dict[str, _Values] = {term.item.id: {} for term in terms}
    for kind in sorted({term.item.value_type for term in terms}):
        same = [term for term in terms if term.item.value_type == kind]
        for first in range(0, len(same), MAX_ITEMS):
            some = same[first : first + MAX_ITEMS]
            # A value after the end still stands for time before it.
            longest_ms = max(term.interval_s for term in some) * _S_MS
            wider = Span(span.start_ms, span.end_ms + longest_ms)
            for window in windows(wider, len(some)):
                _read(client, [term.item.id for term in some], kind, window, found)
    return {
        term.item.id: _means(found[term.item.id], term.interval_s * _S_MS, span, period_ms) for term in terms
    }


def _read(client: Client, ids: Sequence[str], kind: int, window: Span, found: dict[str, _Values]) -> None:
    """Read a window, in halves if there is more in it than one answer may hold."""
    asked = {
        "itemids": list(ids),
        "history": kind,
        "time_from": window.start_ms // _S_MS,
        "time_till": window.end_ms // _S_MS - 1,  # both ends belong to what is answered
        "output": ["itemid", "clock", "ns", "value"],
        "sortfield": "clock",
        "limit": MAX_ROWS,
    }
    answered = rows(client.call(_METHOD, asked), where=_METHOD)
    if len(answered) < MAX_ROWS:
        for row in answered:
            _add(row, window, found, frozenset(ids))
        return
    middle_ms = (window.start_ms + window.end_ms) // (2 * _S_MS) * _S_MS
    if middle_ms == window.start_ms:
        raise AnswerError(f"{_METHOD}: {MAX_ROWS} values or more in the second at {window.start_ms} ms")
    _read(client, ids, kind, Span(window.start_ms, middle_ms), found)
    _read(client, ids, kind, Span(middle_ms, window.end_ms), found)


def _add(row: Mapping[str, Any], window: Span, found: dict[str, _Values], ids: frozenset[str]) -> None:
    item = text(row, "itemid", where=_METHOD)
    where = f"{_METHOD}: item {item}"
    clock_ms = whole(row, "clock", where=where) * _S_MS
    if item not in ids or not window.start_ms <= clock_ms < window.end_ms:
        raise AnswerError(
            f"{where}: the value at {clock_ms} ms is not of an item and time that was asked for"
        )
    instant_ns = clock_ms * _NS_PER_MS + whole(row, "ns", where=where)
    value = number(row.get("value"), where=f"{where}: value")
    other = found[item].setdefault(instant_ns, value)
    if other != value:
        raise ConflictingPoints(f"{where}: two values at one instant, {clock_ms} ms: {other} and {value}")


def _means(values: _Values, interval_ms: int, span: Span, period_ms: int) -> Mapping[int, Mean]:
    parts: dict[int, list[tuple[int, Decimal]]] = {}
    covered_to_ms = span.start_ms
    for instant_ns in sorted(values):
        end_ms = min(instant_ns // _NS_PER_MS, span.end_ms)
        start_ms = max(covered_to_ms, instant_ns // _NS_PER_MS - interval_ms)
        covered_to_ms = max(covered_to_ms, end_ms)
        while start_ms < end_ms:
            period = start_ms - (start_ms - span.start_ms) % period_ms
            part_ms = min(end_ms, period + period_ms) - start_ms
            parts.setdefault(period, []).append((part_ms, values[instant_ns]))
            start_ms += part_ms
    return {period: weighted(some) for period, some in parts.items()}
