"""Bills from BssOpenApi's QueryBillOverview: one call a month, one row a product and kind.

``PretaxAmount`` is what is payable after discounts and coupons. Vouchers pay a part of it with the
provider's own money: they follow as an adjustment of their own, so that the sum is what the
enterprise pays and both numbers stand as the provider wrote them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

from collector.sources.aliyun.client import Action, Answer, Client
from collector.sources.errors import AnswerError, RangeError
from collector.sources.interface import ADJUSTMENT, CASH, CHARGE, REFUND, Bill
from collector.sources.points import number

ACTION = Action("business", "2017-12-14", "QueryBillOverview", "bss:DescribeBillList")
KEPT_MONTHS = 18
_CHINA = timezone(timedelta(hours=8))
_FINAL_DAY = 3
_FINAL_HOUR = 12
"""A month is closed on the 3rd of the next one at 12:00 in China."""
_KINDS = {
    "SubscriptionOrder": CHARGE,
    "PayAsYouGoBill": CHARGE,
    "Refund": REFUND,
    "Adjustment": ADJUSTMENT,
}
_MONTH = re.compile(r"[0-9]{4}-(?:0[1-9]|1[0-2])")
_MS_PER_S = 1000


def bills(client: Client, region: str, months: Sequence[str], *, now_ms: int) -> Iterator[Bill]:
    """Yield the bills of months written ``YYYY-MM``.

    Raises:
        RangeError: not a month, one that is to come, or one that is no longer kept.
        SourceError: as ``Client.call``.
    """
    now = datetime.fromtimestamp(now_ms // _MS_PER_S, tz=_CHINA)
    for month in months:
        _require_kept(month, now)
    for month in months:
        answer = client.call(ACTION, region, {"BillingCycle": month})
        if "Data" not in answer.body:
            raise AnswerError(f"{answer.where}: there is no Data")
        for row in answer.rows("Data", "Items", "Item"):
            yield from _bills(row, month, answer, final=_final(month, now))


def last_month(now_ms: int) -> str:
    """Return the month before this one in China, ``YYYY-MM``."""
    first = datetime.fromtimestamp(now_ms // _MS_PER_S, tz=_CHINA).replace(day=1)
    return (first - timedelta(days=1)).strftime("%Y-%m")


def _bills(row: Mapping[str, Any], month: str, answer: Answer, *, final: bool) -> Iterator[Bill]:
    kind = _KINDS.get(str(row.get("Item")))
    product, currency = row.get("ProductCode"), row.get("Currency")
    if kind is None:
        raise AnswerError(f"{answer.where}: a row is neither order, bill, refund nor adjustment")
    if not isinstance(product, str) or not product or not isinstance(currency, str) or not currency:
        raise AnswerError(f"{answer.where}: a row lacks ProductCode or Currency")

    def bill(amount: Decimal, kind: str) -> Bill:
        return Bill(month, product, amount, currency, kind, CASH, final, answer.request_ids)

    yield bill(number(row.get("PretaxAmount"), where=f"{answer.where}: PretaxAmount of {product}"), kind)
    vouchers = row.get("DeductedByCashCoupons") or 0
    paid = number(vouchers, where=f"{answer.where}: DeductedByCashCoupons of {product}")
    if paid:
        yield bill(paid.copy_negate(), ADJUSTMENT)


def _require_kept(month: str, now: datetime) -> None:
    if not _MONTH.fullmatch(month):
        raise RangeError(f"a month is written YYYY-MM, not {month!r}")
    age = now.year * 12 + now.month - _number(month)
    if not 0 <= age < KEPT_MONTHS:
        raise RangeError(f"aliyun has bills of the last {KEPT_MONTHS} months; {month} is none of them")


def _final(month: str, now: datetime) -> bool:
    age = now.year * 12 + now.month - _number(month)
    return age > 1 or (age == 1 and (now.day, now.hour) >= (_FINAL_DAY, _FINAL_HOUR))


def _number(month: str) -> int:
    year, _, number_of_month = month.partition("-")
    return int(year) * 12 + int(number_of_month)
