"""Bills of a Huawei Cloud account by service: what was payable in a month (cash basis).

Only the account's own bills, not those of member accounts: they may be other enterprises'.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from collector.sources import months, reading
from collector.sources.answers import Numbered, numbered_pages
from collector.sources.errors import AnswerError
from collector.sources.exact import total
from collector.sources.huawei.client import Answer, HuaweiClient, Request
from collector.sources.interface import ADJUSTMENT, CASH, CHARGE, REFUND, Bill
from collector.sources.points import number

PERMISSION = "bss:bill:view"
PATH = "/v2/bills/customer-bills/monthly-sum"
PAGE_ROWS = 100
FINAL_DAY = 4
FINAL_HOUR = 10
"""A month is final on the 4th of the next one at 10:00 (Beijing)."""
_KINDS = {1: CHARGE, 2: REFUND, 3: ADJUSTMENT}
_YUAN = 1

_Row = tuple[Mapping[str, Any], Answer]


def bills(client: HuaweiClient, region: str, month: str) -> Iterator[Bill]:
    """Yield one bill for each service and kind in ``month``; refunds are negative."""
    final = client.now_ms >= months.closing_ms(month, day=FINAL_DAY, hour=FINAL_HOUR)
    sums: dict[tuple[str, str, str], list[Decimal]] = {}
    request_ids: dict[str, None] = {}

    def fetch(first: int) -> Numbered[_Row]:
        answer = page(client, region, month, first=first, rows=PAGE_ROWS)
        rows = reading.rows(answer.fields, "bill_sums", where=answer.where)
        count = reading.whole(answer.fields.get("total_count"), where=f"{answer.where}: total_count")
        return Numbered(tuple((row, answer) for row in rows), count)

    for row, answer in numbered_pages(fetch, where=f"huawei bills {month}"):
        product, kind, amount = _charge(row, answer.where)
        key = (product, kind, reading.text(answer.fields, "currency", where=answer.where))
        sums.setdefault(key, []).append(amount)
        request_ids[answer.request_id] = None
    for (product, kind, currency), amounts in sums.items():
        yield Bill(
            month,
            product,
            total(amounts),
            currency,
            kind,
            CASH,
            final,
            tuple(id_ for id_ in request_ids if id_),
        )


def page(client: HuaweiClient, region: str, month: str, *, first: int, rows: int) -> Answer:
    """Return one page of the month's sums.

    Raises:
        AnswerError: the amounts are not in yuan.
    """
    query = (
        ("bill_cycle", months.checked(month)),
        ("limit", str(rows)),
        ("method", "oneself"),
        ("offset", str(first)),
    )
    answer = client.in_account(region, Request("bss", "GET", PATH, PERMISSION, query))
    if reading.rows(answer.fields, "bill_sums", where=answer.where):
        _require_yuan(answer.fields, answer.where)
    return answer


def _charge(row: Mapping[str, Any], where: str) -> tuple[str, str, Decimal]:
    code = reading.whole(row.get("bill_type"), where=f"{where}: bill_type")
    if code not in _KINDS:
        raise AnswerError(f"{where}: bill_type {code} is not documented; whether to add it is not known")
    if row.get("measure_id") is not None:
        _require_yuan(row, where)
    amount = number(row.get("consume_amount"), where=f"{where}: consume_amount")
    product = reading.text_or_empty(row, "service_type_name", where=where)
    product = product or reading.text(row, "service_type_code", where=where)
    return product, _KINDS[code], -abs(amount) if _KINDS[code] == REFUND else amount


def _require_yuan(fields: Mapping[str, Any], where: str) -> None:
    if fields.get("measure_id") != _YUAN:
        raise AnswerError(
            f"{where}: measure_id is {fields.get('measure_id')}, expected {_YUAN} (whole units)"
        )
