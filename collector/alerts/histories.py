"""How the accounts of clouds and monitors stand, as far as an alert needs it. A monitor may be asked.

What a provider keeps is its own answer, for the machines that there are now. Who cannot be asked (the key is
gone, the system does not answer) forgets all the same: then what is known of the provider counts.
"""

from __future__ import annotations

from pathlib import Path

from collector.alerts.situation import History
from collector.errors import CollectorError, SettingsError
from collector.http.log import Log
from collector.opening import OpenStore
from collector.polling.accounts import Account, usable_accounts
from collector.polling.opening import Keys
from collector.polling.plan import DAY_MS, ladder
from collector.polling.standing import Standing, standing
from collector.polling.world import World
from collector.sources.aliyun.metrics import RETENTION as ALIYUN
from collector.sources.aws.metrics import RETENTION as AWS
from collector.sources.calling import Clocks
from collector.sources.ctyun.metrics import RETENTION as CTYUN
from collector.sources.huawei.metrics import RETENTION as HUAWEI
from collector.sources.interface import Retention
from collector.sources.registry import Plugins, load
from collector.sources.tencent.metrics import RETENTION as TENCENT

FILE = "sources.toml"
KEPT = {"aliyun": ALIYUN, "aws": AWS, "ctyun": CTYUN, "huawei": HUAWEI, "tencent": TENCENT}
"""By provider; a monitor of one's own keeps what its settings say."""


def read_histories(
    opened: OpenStore,
    sources: Path,
    *,
    keys: Keys,
    clocks: Clocks,
    log: Log,
    plugins: Plugins | None = None,
) -> tuple[History, ...]:
    """Return what the providers will forget, and which accounts cannot be asked.

    ``plugins`` replaces what is installed.

    Raises:
        StoreError: the store cannot be read.
    """
    try:
        accounts, broken = usable_accounts(sources)
    except SettingsError as error:
        return (History(FILE, problem=keys.redacted(str(error)), broken=True),)
    found = [History(FILE, problem=keys.redacted(text), broken=True) for text in broken[:1]]
    if not accounts:
        return tuple(found)
    world = World(
        opened=opened,
        plugins=plugins or load(),
        keys=keys,
        clocks=clocks,
        log=log,
        lock_directory=opened.keyring.directory,
    )
    for account in accounts:
        try:
            found.append(_history(standing(world, account, accounts), now_ms=clocks.wall_ms()))
        except CollectorError as error:
            found.append(History(account.alias, problem=keys.redacted(str(error)), failures=1))
    return tuple(found)


def _history(one: Standing, *, now_ms: int) -> History:
    marks = {metric.metric: metric.mark_ms for metric in one.metrics if metric.mark_ms is not None}
    told = {metric.metric: metric.forgotten_in_days for metric in one.metrics}
    left: dict[str, int] = {}
    for metric, mark_ms in marks.items():
        days = told[metric]
        days = _known_days(one.account, mark_ms, now_ms) if days is None else days
        if days is not None:
            left[metric] = days
    nearest = min(left, key=left.__getitem__, default="")
    failed = one.last if one.last is not None and one.last.failures else None
    return History(
        one.account.alias,
        left.get(nearest),
        nearest,
        problem="" if failed is None else failed.detail,
        failures=0 if failed is None else failed.failures,
        unread_ms=now_ms - min(marks.values()) if marks else None,
        every_ms=one.account.every_ms,
    )


def _known_days(account: Account, mark_ms: int, now_ms: int) -> int | None:
    """Return the whole days until a provider that cannot be asked begins to forget; ``None`` if that is not known."""
    retention = KEPT.get(account.provider, ())
    days = account.settings.get("keeps_days", 0)
    if not retention and isinstance(days, int) and days > 0:
        retention = (Retention(account.period_ms or 1, days * DAY_MS),)
    if not retention:
        return None
    try:
        keeps_ms = ladder(account, retention)[-1].keeps_ms
    except CollectorError:  # a period that it does not have: asking it fails, too, and is told
        return None
    return max(0, (mark_ms + keeps_ms - now_ms) // DAY_MS)
