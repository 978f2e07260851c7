"""All checks of a collector, in the order in which somebody would look."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from collector.alerts.histories import read_histories
from collector.alerts.settings import read_alerts
from collector.alerts.situation import DEFAULT_COVERAGE_PERCENT, History
from collector.anchors.settings import read_anchors
from collector.doctor import files, outside, store
from collector.doctor.record import Check, failed, good
from collector.errors import CollectorError, StoreMismatchError
from collector.http.log import Log
from collector.opening import OpenStore, open_store_for_reading
from collector.polling.opening import Keys
from collector.settings import Settings
from collector.sources.calling import Clocks
from collector.sources.registry import Plugins

MS_PER_S = 1000


@dataclass(frozen=True)
class Examination:
    """What the doctor works with.

    Args:
        settings: of the collector.
        plugins: the sources that are installed.
        keys: reads secrets, and knows then what must not be shown.
        clocks: the time.
        log: takes what the sources say.
        offline: whether to leave clouds, monitors and account sources alone.
        accounts: the file of account sources, if it is to be tried.
    """

    settings: Settings
    plugins: Plugins
    keys: Keys
    clocks: Clocks
    log: Log
    offline: bool = False
    accounts: Path | None = None

    def checks(self) -> Iterator[Check]:
        """Yield what was found."""
        now_ms = self.clocks.wall_ms()
        now = datetime.fromtimestamp(now_ms / MS_PER_S, UTC)
        yield from files.directory_checks(self.settings)
        yield from files.key_checks(self.settings)
        yield files.disk_check(self.settings)
        yield from files.certificate_checks(self.settings, now=now)
        yield outside.service_check(self.settings, now_ms=now_ms)
        try:
            opened = open_store_for_reading(self.settings.database_url)
        except StoreMismatchError as error:
            restart = "systemctl restart starproof-collector"
            yield failed(
                "store", error, f"启动服务即会升级：{restart}", f"the service brings it up to date: {restart}"
            )
            return
        except CollectorError as error:
            yield failed("store", error)
            return
        try:
            yield from self._of_store(opened, now_ms)
        except CollectorError as error:
            yield failed("store", error)
        finally:
            opened.store.close()

    def _of_store(self, opened: OpenStore, now_ms: int) -> Iterator[Check]:
        yield good(
            "program",
            f"{opened.identity.enterprise}，{opened.identity.timezone}",
            f"{opened.identity.enterprise}, {opened.identity.timezone}",
        )
        yield store.page_check(self.settings.database_url)
        yield from store.log_checks(opened)
        histories: tuple[History, ...] = ()
        if not self.offline:
            histories = read_histories(
                opened, self.settings.sources_file, keys=self.keys, clocks=self.clocks, log=self.log
            )
            yield from outside.source_checks(
                self.settings, self.plugins, keys=self.keys, clocks=self.clocks, histories=histories
            )
            today = datetime.fromtimestamp(now_ms / MS_PER_S, UTC).date()
            yield from outside.account_checks(self.accounts, today=today)
        situation = store.situation_of(
            opened,
            now_ms=now_ms,
            percent=self._percent(),
            anchors=self._anchors(),
            histories=histories,
        )
        yield from outside.anchor_checks(self.settings, situation)
        yield from outside.alert_checks(self.settings, opened, keys=self.keys)
        yield store.clock_check(situation)
        yield from store.host_checks(situation)

    def _percent(self) -> int:
        try:
            return read_alerts(self.settings.alerts_file).coverage_percent
        except CollectorError:
            return DEFAULT_COVERAGE_PERCENT  # the line about alerts says what is wrong

    def _anchors(self) -> int | None:
        try:
            return len(read_anchors(self.settings.anchors_file))
        except CollectorError:
            return None  # the line about anchors says what is wrong
