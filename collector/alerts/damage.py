"""Telling the webhooks that the store is damaged, without the store.

All other alerts lie in the store until they are told. This one cannot: it goes to every webhook that asks for the
code ``store``, once, and a file beside the keys holds who was told, so that a collector which is restarted over and
over does not tell it every time. The file goes when a store is found sound at a start; that it is over is not told.
"""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from collector.alerts.matters import STORE, Matter
from collector.alerts.sending import Messenger
from collector.alerts.settings import Webhook, read_alerts
from collector.errors import CollectorError
from collector.http.log import Log
from collector.polling.opening import Keys
from collector.settings import Settings, key_directory
from collector.sources.calling import real_clocks
from collector.store import registry
from collector.store.alerts import Alert
from collector.store.engine import open_engine_as_it_is

CODE = "store"
TOLD = "store-damaged.json"
RETRY_MS = 300_000
"""A webhook that did not take it is asked again after so long."""
MAX_WORDS = 300
_PRIVATE = 0o600


def matter(problem: str) -> Matter:
    """Return what there is to look at."""
    words = problem[:MAX_WORDS]
    return Matter(CODE, STORE, f"数据库报告：{words}", f"the database says: {words}")


def tell_unopened(settings: Settings, problem: str, *, keys: Keys, log: Log) -> None:
    """Tell of a store that is damaged so far that it could not be opened, before the service ends."""
    enterprise = settings.enterprise or registry.DEFAULT_ENTERPRISE
    try:
        wanted = read_alerts(settings.alerts_file)
        with closing(open_engine_as_it_is(settings.database_url)) as store:
            messenger = Messenger(store, enterprise, keys, real_clocks(), wanted.coverage_percent)
            damage = Damage(key_directory(settings.database_url), log)
            damage.tell(problem, wanted.webhooks, messenger)
    except CollectorError as error:
        log("alerting_failed", level="error", message=str(error))


@dataclass
class Damage:
    """Who was told, in the file ``TOLD`` of ``directory``."""

    directory: Path
    log: Log
    _tried_ms: dict[str, int] = field(default_factory=dict)
    _told: set[str] | None = None

    def forget(self) -> None:
        """The store is sound: the next damage is another one."""
        self._told = set()
        (self.directory / TOLD).unlink(missing_ok=True)

    def tell(self, problem: str, hooks: tuple[Webhook, ...], messenger: Messenger) -> None:
        """Tell those who ask for it and were not told yet; what fails is logged and tried again later."""
        told, clocks = self._known(), messenger.clocks
        found = matter(problem)
        now_ms = clocks.wall_ms()
        alert = Alert(0, CODE, STORE, "", found.zh, found.en, now_ms, None)
        for hook in hooks:
            tried_ms = self._tried_ms.get(hook.alias)
            waits = tried_ms is not None and clocks.monotonic_ms() - tried_ms < RETRY_MS
            if CODE not in hook.codes or hook.alias in told or waits:
                continue
            self._tried_ms[hook.alias] = clocks.monotonic_ms()
            try:
                messenger.tell_unkept(hook, alert)
            except CollectorError as error:
                words = messenger.keys.redacted(" ".join(str(error).split()))
                self.log("alerts_not_told", level="warning", alias=hook.alias, message=words)
                continue
            self.log("alerts_told", alias=hook.alias, count=1)
            told.add(hook.alias)
            self._keep(told)

    def _known(self) -> set[str]:
        if self._told is None:
            try:
                self._told = set(map(str, json.loads((self.directory / TOLD).read_text("utf-8"))))
            except (OSError, ValueError, TypeError):
                self._told = set()  # nobody, as far as can be told: once too often is better than never
        return self._told

    def _keep(self, told: set[str]) -> None:
        path = self.directory / TOLD
        try:
            path.touch(mode=_PRIVATE)
            path.write_text(json.dumps(sorted(told)), "utf-8")
        except OSError as error:
            self.log("alerts_not_noted", level="warning", message=f"cannot write {path}: {error.strerror}")
