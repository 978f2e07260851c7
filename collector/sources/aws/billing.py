"""Bills from Cost Explorer, by service and kind of charge.

Months that follow each other are asked for in one call, because each costs a cent. ``cash`` books
a prepayment in the month it was paid (UnblendedCost), ``amortised`` spreads it (AmortizedCost).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta, timezone
from types import MappingProxyType
from typing import Any

from collector.sources.answers import Page, pages
from collector.sources.aws.client import COSTS, Client, Operation
from collector.sources.errors import AnswerError, RangeError
from collector.sources.interface import ADJUSTMENT, AMORTISED, CASH, CHARGE, REFUND, Bill
from collector.sources.points import number

OPERATION = Operation(COSTS, "GetCostAndUsage", "ce:GetCostAndUsage")
METRICS = MappingProxyType({CASH: "UnblendedCost", AMORTISED: "AmortizedCost"})
_GROUPS = ("SERVICE", "RECORD_TYPE")
_MONTH = re.compile(r"([0-9]{4})-(0[1-9]|1[0-2])")
_MONTHS = 12
_MS_PER_S = 1000

Month = tuple[Mapping[str, Any], tuple[str, ...]]


def bills(client: Client, region: str, months: Sequence[str], *, basis: str) -> Iterator[Bill]:
    """Yield the bills of months written ``YYYY-MM``.

    Raises:
        RangeError: not a month, or one that Cost Explorer does not have.
        SourceError: as ``Client.call``.
    """
    wanted = sorted({_count(month) for month in months})
    for start, end in _runs(wanted):
        for row, request_ids in _results(client, region, start, end, METRICS[basis]):
            yield from _bills(row, request_ids, basis)


def last_month(now_ms: int) -> str:
    """Return the month before this one in UTC, in which AWS bills, ``YYYY-MM``."""
    first = datetime.fromtimestamp(now_ms // _MS_PER_S, tz=timezone.utc).replace(day=1)
    return (first - timedelta(days=1)).strftime("%Y-%m")


def _results(client: Client, region: str, start: int, end: int, metric: str) -> Iterator[Month]:
    parameters = {
        "TimePeriod": {"Start": f"{_text(start)}-01", "End": f"{_text(end)}-01"},
        "Granularity": "MONTHLY",
        "Metrics": [metric],
        "GroupBy": [{"Type": "DIMENSION", "Key": key} for key in _GROUPS],
    }

    def fetch(token: str | None) -> Page[Month]:
        answer = client.call(OPERATION, region, parameters | ({"NextPageToken": token} if token else {}))
        rows = answer.body.get("ResultsByTime", ())
        return Page(
            tuple((row, answer.request_ids) for row in rows), answer.body.get("NextPageToken") or None
        )

    return pages(fetch, where=f"aws {OPERATION.name}")


def _bills(row: Mapping[str, Any], request_ids: tuple[str, ...], basis: str) -> Iterator[Bill]:
    month = str(row.get("TimePeriod", {}).get("Start", ""))[: len("2026-01")]
    where = f"aws {OPERATION.name} of {month}"
    if not _MONTH.fullmatch(month):
        raise AnswerError(f"{where}: a result without its month")
    for group in row.get("Groups", ()):
        keys = group.get("Keys", ())
        if len(keys) != len(_GROUPS):
            raise AnswerError(f"{where}: a group that is not one of service and kind of charge")
        cost = group.get("Metrics", {}).get(METRICS[basis], {})
        if not cost.get("Unit"):
            raise AnswerError(f"{where}: an amount of {keys[0]} without its currency")
        yield Bill(
            month=month,
            product=keys[0],
            amount=number(cost.get("Amount"), where=f"{where}: {keys[0]}"),
            currency=cost["Unit"],
            kind=_kind(keys[1]),
            basis=basis,
            final=row.get("Estimated") is False,
            request_ids=request_ids,
        )


def _kind(record_type: str) -> str:
    if record_type == "Refund":
        return REFUND
    return ADJUSTMENT if record_type == "Credit" or record_type.endswith("Discount") else CHARGE


def _runs(months: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Yield (first, one after the last) of months that follow each other."""
    start = None
    for place, month in enumerate(months):
        start = month if start is None else start
        if place + 1 == len(months) or months[place + 1] != month + 1:
            yield start, month + 1
            start = None


def _count(month: str) -> int:
    found = _MONTH.fullmatch(month)
    if found is None:
        raise RangeError(f"a month is written YYYY-MM, not {month!r}")
    return int(found[1]) * _MONTHS + int(found[2]) - 1


def _text(count: int) -> str:
    return f"{count // _MONTHS:04}-{count % _MONTHS + 1:02}"
