"""When accounts are looked at: once a minute each, in threads of their own.

What is due is decided by what stands in the store (``poller``), not by this clock: a look that was
missed, or came late, changes nothing but the minute.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from datetime import UTC, datetime

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.interval import IntervalTrigger

from collector.errors import CollectorError
from collector.polling.accounts import Account
from collector.polling.asking import StoppedError
from collector.polling.budget import Budget
from collector.polling.poller import Poller
from collector.polling.world import World

LOOK_EVERY_S = 60
THREADS = 4
"""Accounts that are polled at once: they mostly wait for their providers."""


class Schedule:
    """Looks at every account of a poller until it is closed."""

    def __init__(self, poller: Poller, world: World, stop: threading.Event, *, look_every_s: float) -> None:
        self._poller = poller
        self._log = world.log
        self._keys = world.keys
        self._announced: set[str] = set()
        self._stop = stop
        # It warns of every look that a long run leaves out; that is as it should be.
        logger = logging.getLogger("starproof.schedule")
        logger.setLevel(logging.ERROR)
        self._scheduler = BackgroundScheduler(
            executors={"default": ThreadPoolExecutor(THREADS)}, timezone=UTC, daemon=True, logger=logger
        )
        for account in poller.accounts:
            self._scheduler.add_job(
                self._look,
                IntervalTrigger(seconds=look_every_s, timezone=UTC),
                args=(account,),
                id=account.alias,
                next_run_time=datetime.now(UTC),
                max_instances=1,  # a run may take hours; the next look waits for it
                coalesce=True,
                misfire_grace_time=None,
            )

    def start(self) -> None:
        """Begin to look."""
        self._scheduler.start()

    def close(self) -> None:
        """Let the questions that are being asked end, and stop."""
        self._stop.set()
        if self._scheduler.running:
            self._scheduler.shutdown(wait=True)

    def _look(self, account: Account) -> None:
        """A run must not end the looks that follow, whatever it raises."""
        try:
            report = self._poller.run(account, announce=lambda budget: self._announce(account, budget))
        except CollectorError as error:
            self._log(
                "polling_failed",
                level="error",
                alias=account.alias,
                message=self._keys.redactor.text(str(error)),
            )
            return
        except Exception as error:  # noqa: BLE001 - a fault of ours; the other accounts go on
            text = self._keys.redactor.text(f"{type(error).__name__}: {error}")
            self._log("polling_failed", level="error", alias=account.alias, message=text)
            return
        for problem in report.refused:
            self._log("source_refused", level="warning", alias=account.alias, message=problem)

    def _announce(self, account: Account, budget: Budget) -> None:
        """Tell the calls once, before the first question of this process."""
        if account.alias in self._announced:
            return
        self._announced.add(account.alias)
        self._log(
            "source_budget",
            alias=account.alias,
            instances=budget.instances,
            calls_a_month=budget.monthly,
            calls_now=budget.first_run,
            **({} if budget.free is None else {"free_a_month": budget.free}),
        )


def stopping_sleep(stop: threading.Event) -> Callable[[float], None]:
    """Return a sleep that ends when the collector is being stopped."""

    def sleep(seconds: float) -> None:
        if stop.wait(seconds):
            raise StoppedError("the collector is being stopped")

    return sleep
