"""How the accounts of clouds and monitors stand, as far as an alert needs it. A monitor may be asked."""

from __future__ import annotations

from pathlib import Path

from collector.alerts.situation import History
from collector.errors import CollectorError, SettingsError
from collector.http.log import Log
from collector.opening import OpenStore
from collector.polling.accounts import usable_accounts
from collector.polling.opening import Keys
from collector.polling.standing import Standing, standing
from collector.polling.world import World
from collector.sources.calling import Clocks
from collector.sources.registry import Plugins, load

FILE = "sources.toml"


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
        return (History(FILE, problem=keys.redacted(str(error)), failures=_MANY),)
    found = [History(FILE, problem=keys.redacted(text), failures=_MANY) for text in broken[:1]]
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
            found.append(_history(standing(world, account, accounts)))
        except CollectorError as error:
            found.append(History(account.alias, problem=keys.redacted(str(error)), failures=1))
    return tuple(found)


_MANY = 16
"""A file that cannot be used is as bad as an account that failed often."""


def _history(one: Standing) -> History:
    read = [
        metric
        for metric in one.metrics
        if metric.forgotten_in_days is not None and metric.mark_ms is not None
    ]
    nearest = min(read, key=lambda metric: metric.forgotten_in_days or 0, default=None)
    failed = one.last if one.last is not None and one.last.failures else None
    return History(
        one.account.alias,
        None if nearest is None else nearest.forgotten_in_days,
        "" if nearest is None else nearest.metric,
        problem="" if failed is None else failed.detail,
        failures=0 if failed is None else failed.failures,
    )
