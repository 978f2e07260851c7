"""What clouds and monitors are about to forget: accounts that are not read any more, and time that nobody can read later.

Providers keep averages for some weeks or months (each source says for how long; nobody is asked here). Time between an
account's mark and now has not been read yet; when it is older than that, it is lost for good.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from collector.errors import CollectorError
from collector.polling.accounts import Account, usable_accounts
from collector.polling.plan import DAY_MS, ladder
from collector.sources.aliyun.metrics import RETENTION as ALIYUN
from collector.sources.aws.metrics import RETENTION as AWS
from collector.sources.ctyun.metrics import RETENTION as CTYUN
from collector.sources.huawei.metrics import RETENTION as HUAWEI
from collector.sources.interface import METRICS, Retention
from collector.sources.tencent.metrics import RETENTION as TENCENT
from collector.store import polls
from collector.store.engine import Store
from console.reading.attention import BAD, EXAMPLES, WARN, Attention

KEPT = {"aliyun": ALIYUN, "aws": AWS, "ctyun": CTYUN, "huawei": HUAWEI, "tencent": TENCENT}
"""By provider; a monitor of one's own keeps what its settings say."""
SOON_MS = 14 * DAY_MS
"""Time enough to find out why an account is not read, and to read it."""
STALE_MS = DAY_MS
STALE_TURNS = 3
LINK = "/sources"


def history(store: Store, file: Path, *, now_ms: int) -> list[Attention]:
    """Return what needs attention about the accounts in the file of sources.

    Raises:
        StoreError: the store cannot be read.
    """
    try:
        accounts, broken = usable_accounts(file)
    except CollectorError:
        return [Attention("source_file", BAD, 1, link=LINK)]
    with store.reading() as connection:
        marks = polls.oldest_marks(connection)
    found = [Attention("source_file", BAD, len(broken), link=LINK)] if broken else []
    lost, soon, stale = [], [], []
    for account in accounts:
        mine = [marks.get((account.alias, metric)) for metric in account.metrics or METRICS]
        known = [mark for mark in mine if mark is not None]
        mark_ms = min(known, default=None)
        ends_ms = None if mark_ms is None else _forgotten_ms(account, mark_ms)
        if mark_ms is None or now_ms - mark_ms > max(STALE_MS, STALE_TURNS * account.every_ms):
            stale.append(account.alias)
        if ends_ms is not None and ends_ms <= now_ms:
            lost.append(account.alias)
        elif ends_ms is not None and ends_ms - now_ms <= SOON_MS:
            soon.append(f"{account.alias} ({max(1, (ends_ms - now_ms) // DAY_MS)} d)")
    return [
        *found,
        *_matters((("history_lost", BAD, lost), ("history_ends", BAD, soon), ("source_stale", WARN, stale))),
    ]


def _matters(groups: Sequence[tuple[str, str, Sequence[str]]]) -> Iterator[Attention]:
    for code, kind, names in groups:
        if names:
            yield Attention(code, kind, len(names), names[:EXAMPLES], LINK)


def _forgotten_ms(account: Account, mark_ms: int) -> int | None:
    """Return when the provider forgets the first time that was not read; ``None`` if that is not known."""
    retention = KEPT.get(account.provider, ())
    days = account.settings.get("keeps_days", 0)
    if not retention and isinstance(days, int) and days > 0:
        retention = (Retention(account.period_ms or 1, days * DAY_MS),)
    if not retention:
        return None
    try:
        return mark_ms + ladder(account, retention)[-1].keeps_ms
    except CollectorError:  # a period that it does not have: the page of sources says so
        return None
