"""Bills of a Tencent Cloud account by product: what was paid in a month (cash basis).

Since May 2021 charges, refunds and adjustments are asked for apart; before, there is one sum.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from collector.sources import months, reading
from collector.sources.errors import AnswerError, ThrottledError
from collector.sources.interface import ADJUSTMENT, CASH, CHARGE, REFUND, Bill
from collector.sources.points import number
from collector.sources.tencent.client import Answer, TencentClient

ACTION = "DescribeBillSummaryByProduct"
FINAL_DAY = 4
FINAL_HOUR = 10
"""When a month is closed is not documented; this is the latest of the providers that say so."""
NOT_READY_S = 600
_KINDS = {"consume": CHARGE, "refund": REFUND, "adjustment": ADJUSTMENT}
_APART_SINCE = "2021-05"
_NO_FIGURE = "-"


def bills(client: TencentClient, month: str, *, currency: str) -> Iterator[Bill]:
    """Yield one bill for each product and kind in ``month``; refunds are negative.

    Raises:
        ThrottledError: the provider has begun to prepare the bills; ask again in ten minutes.
    """
    final = client.now_ms >= months.closing_ms(month, day=FINAL_DAY, hour=FINAL_HOUR)
    for pay_type, kind in _KINDS.items() if month >= _APART_SINCE else (("", CHARGE),):
        answer = asked(client, month, pay_type=pay_type)
        for row in reading.rows(answer.fields, "SummaryOverview", where=answer.where):
            amount = _amount(row, answer)
            yield Bill(
                month=month,
                product=_product(row, answer),
                amount=-abs(amount) if kind == REFUND else amount,
                currency=currency,
                kind=kind if pay_type or amount >= 0 else REFUND,
                basis=CASH,
                final=final,
                request_ids=(answer.request_id,),
            )


def asked(client: TencentClient, month: str, *, pay_type: str = "") -> Answer:
    """Return the provider's summary of one month.

    Raises:
        ThrottledError: it is not ready.
    """
    month = months.checked(month)
    parameters = {"BeginTime": month, "EndTime": month} | ({"PayType": pay_type} if pay_type else {})
    answer = client.call("billing", ACTION, parameters)
    if reading.whole(answer.fields.get("Ready"), where=f"{answer.where}: Ready") == 0:
        raise ThrottledError(
            f"{answer.where}: the bills of {month} are being prepared; ask again in {NOT_READY_S // 60} minutes",
            retry_after_s=NOT_READY_S,
            request_id=answer.request_id,
        )
    return answer


def _amount(row: Mapping[str, Any], answer: Answer) -> Decimal:
    value = row.get("RealTotalCost")
    if value == _NO_FIGURE:
        raise AnswerError(
            f"{answer.where}: the provider gives no figure for {_product(row, answer)}; enter the cost by hand",
            request_id=answer.request_id,
        )
    return number(value, where=f"{answer.where}: RealTotalCost")


def _product(row: Mapping[str, Any], answer: Answer) -> str:
    name = reading.text_or_empty(row, "BusinessCodeName", where=answer.where)
    return name or reading.text(row, "BusinessCode", where=answer.where)
