"""Looking at the situation inside ``collector serve``, and telling the webhooks.

One thread looks once a minute, or more rarely where a look takes long. Every process looks, for its own
metrics; only the one that holds the lock tells. Whatever a look meets, there is a next one.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from collector.alerts.certificate import certificate_of
from collector.alerts.damage import CODE, Damage, matter
from collector.alerts.desk import Desk
from collector.alerts.histories import read_histories
from collector.alerts.matters import SOURCE_CODES, Matter, Seen, decide
from collector.alerts.reading import Holes, read
from collector.alerts.sending import Messenger
from collector.alerts.settings import AlertSettings, read_alerts
from collector.alerts.situation import History, Situation
from collector.alerts.unkept import Unkept, with_problem
from collector.anchors.settings import read_anchors
from collector.errors import CollectorError, SettingsError, StoreError
from collector.http.log import Log
from collector.opening import OpenStore
from collector.polling.opening import Keys
from collector.settings import Settings
from collector.sources.calling import Clocks, real_clocks
from collector.store.locks import alone
from collector.tls.interface import Served

LOOK_EVERY_S = 60.0
REST = 30
"""After a look that took long the next one waits so many times as long: at most 3 % of one core."""
HISTORIES_EVERY_MS = 3_600_000
"""A monitor is asked what it keeps; that does not change often."""
HISTORIES_AGAIN_MS = 300_000
"""Unless something is wrong with them: who has mended it wants to see that."""
LOCK = "alerts"
MS_PER_S = 1000


@dataclass
class Watch:
    """Looks, and keeps what it saw."""

    opened: OpenStore
    settings: Settings
    keys: Keys
    clocks: Clocks
    log: Log
    served: Callable[[], Served] | None = None
    """What this process serves, if it does so over TLS."""
    seen: Seen | None = None
    holes: Holes = field(default_factory=Holes)
    histories: tuple[History, ...] = ()
    _asked_ms: int | None = None
    _sources: int | None = None
    """When the file of sources was changed last."""
    _told: str = ""
    _good: AlertSettings | None = None
    """What ``alerts.toml`` said when it could be read last."""

    def __post_init__(self) -> None:
        """Find who was told of damage."""
        self.damage = Damage(self.opened.keyring.directory, self.log)
        self.unkept = Unkept(self.opened.keyring.directory, self.log)

    def look(self) -> tuple[Situation, tuple[Matter, ...]]:
        """Return the situation as it is now with all that is to be looked at.

        Raises:
            CollectorError: the store cannot be read.
        """
        mono_ms = self.clocks.monotonic_ms()
        if self._must_ask(mono_ms):
            self._asked_ms = mono_ms
            self.histories = read_histories(
                self.opened, self.settings.sources_file, keys=self.keys, clocks=self.clocks, log=self.log
            )
        situation = read(
            self.opened,
            now_ms=self.clocks.wall_ms(),
            holes=self.holes,
            percent=(self.alerts() or AlertSettings()).coverage_percent,
            anchors_configured=_anchors_configured(self.settings.anchors_file),
        )
        certificate = certificate_of(self.settings, self.served)
        situation = replace(
            situation,
            histories=self.histories,
            certificate_begins_ms=certificate.begins_ms,
            certificate_ends_ms=certificate.ends_ms,
            certificate_problem=certificate.problem,
        )
        matters = decide(situation)
        self.seen = (situation, matters)
        return situation, matters

    def _must_ask(self, mono_ms: int) -> bool:
        before, self._sources = self._sources, _changed_ns(self.settings.sources_file)
        if self._asked_ms is None or self._sources != before:
            return True
        wrong = self.seen is not None and any(one.code in SOURCE_CODES for one in self.seen[1])
        return mono_ms - self._asked_ms >= (HISTORIES_AGAIN_MS if wrong else HISTORIES_EVERY_MS)

    def alerts(self) -> AlertSettings | None:
        """Return what ``alerts.toml`` says.

        A file that is wrong is told once, and what it said before counts; ``None`` if that is not known.
        """
        try:
            self._good = read_alerts(self.settings.alerts_file)
        except SettingsError as error:
            if str(error) != self._told:
                self._told = str(error)
                self.log("alerts_unreadable", level="error", message=str(error))
        else:
            self._told = ""
        return self._good


@contextmanager
def alerting(
    opened: OpenStore,
    settings: Settings,
    *,
    keys: Keys,
    log: Log,
    clocks: Clocks | None = None,
    served: Callable[[], Served] | None = None,
    look_every_s: float = LOOK_EVERY_S,
) -> Iterator[Watch]:
    """Look and tell while the block runs; gives what looks, for its metrics."""
    stop = threading.Event()
    watch = Watch(opened, settings, keys, clocks or real_clocks(), log, served)
    if not opened.store.health.problem:
        watch.damage.forget()
    desk = Desk(opened.store)

    def work() -> None:
        while True:
            begun_ms = watch.clocks.monotonic_ms()
            turn(watch, desk, stopping=stop.is_set)
            took_s = (watch.clocks.monotonic_ms() - begun_ms) / MS_PER_S
            if stop.wait(max(look_every_s, REST * took_s)):
                return

    thread = threading.Thread(target=work, name="alerts", daemon=True)
    thread.start()
    try:
        yield watch
    finally:
        stop.set()
        thread.join()


def turn(watch: Watch, desk: Desk, *, stopping: Callable[[], bool] = bool) -> None:
    """Look once, keep what became an alert, and tell what is due; of a damaged store only that it is damaged."""
    health = watch.opened.store.health
    if not health.problem:
        _look_and_tell(watch, desk, stopping=stopping)
    if health.problem and not stopping():
        _tell_damage(watch, health.problem)


def _tell_damage(watch: Watch, problem: str) -> None:
    """Nothing is looked at any more: what was seen last stays, with its time, beside the damage."""
    if watch.seen is not None:
        situation, matters = watch.seen
        others = [one for one in matters if one.code != CODE]
        watch.seen = (situation, (matter(problem), *others))
    wanted = watch.alerts() or AlertSettings()
    opened, percent = watch.opened, wanted.coverage_percent
    messenger = Messenger(opened.store, opened.opened_as.enterprise, watch.keys, watch.clocks, percent)
    try:
        with _lone(watch) as held:
            if held:
                watch.damage.tell(problem, wanted.webhooks, messenger)
    except Exception as error:  # noqa: BLE001 - as below
        watch.log("alerting_failed", level="error", message=f"{type(error).__name__}: {error}")


@contextmanager
def _lone(watch: Watch) -> Iterator[bool]:
    """Give whether this process tells; a database that cannot say who does is told of by each."""
    with ExitStack() as stack:
        try:
            lock = alone(watch.opened.store, LOCK, directory=watch.opened.keyring.directory)
            held = stack.enter_context(lock) is not None
        except CollectorError:
            held = True
        yield held


def _look_and_tell(watch: Watch, desk: Desk, *, stopping: Callable[[], bool]) -> None:
    store = watch.opened.store
    try:
        if store.health.unwritten:
            _try_writing(watch)
        situation, matters = watch.look()
        wanted = watch.alerts()
        if stopping() or wanted is None:
            return
        with alone(watch.opened.store, LOCK, directory=watch.opened.keyring.directory) as held:
            if held is None:
                return  # another process of this store tells
            mono_ms = watch.clocks.monotonic_ms()
            messenger = Messenger(
                store, watch.opened.identity.enterprise, watch.keys, watch.clocks, wanted.coverage_percent
            )
            try:
                desk.note(
                    matters if wanted.webhooks else (),
                    wanted.webhooks,
                    month=situation.month,
                    now_ms=situation.made_ms,
                    mono_ms=mono_ms,
                )
            finally:
                if store.health.unwritten:
                    watch.seen = (situation, with_problem(matters, store.health.unwritten))
                    lasting = with_problem(desk.lasting(matters, mono_ms=mono_ms), store.health.unwritten)
                    watch.unkept.tell(lasting, wanted.webhooks, messenger)
            if store.health.unwritten:
                return  # who was told could not be noted, so they would be told at every look
            watch.unkept.forget()
            for one in messenger.tell(wanted.webhooks, stopping=stopping):
                if one.error:
                    watch.log("alerts_not_told", level="warning", alias=one.alias, message=one.error)
                else:
                    watch.log("alerts_told", alias=one.alias, count=one.count)
    except CollectorError as error:
        watch.log("alerting_failed", level="error", message=str(error))
    except Exception as error:  # noqa: BLE001 - a fault of ours must not end the looks that follow
        watch.log("alerting_failed", level="error", message=f"{type(error).__name__}: {error}")


def _try_writing(watch: Watch) -> None:
    """See whether the store takes changes again; what it says is kept in its health."""
    try:
        watch.opened.store.try_writing()
    except StoreError as error:
        watch.log("store_unavailable", level="error", message=str(error))


def _changed_ns(path: Path) -> int | None:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return None


def _anchors_configured(path: Path) -> int | None:
    try:
        return len(read_anchors(path))
    except SettingsError:
        return None
