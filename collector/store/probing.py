"""Looking through the pages of an SQLite store while it is used, so that damage shows before anything relies on it.

1. At the start for ``START_S``, before anybody is answered; then every ``EVERY_S``, for ``MOST_S`` at most and never
   more than one part in ``REST`` of the time.
2. First the whole file. One that takes longer than ``MOST_S`` is looked through table by table from then on, going on
   where the look before ended; a single table that takes longer is looked at as far as that, each time anew from its
   beginning, and the log names it. ``starproof db check`` has no such bound.
3. PostgreSQL checks its pages itself when it reads them (``data_checksums``); what it says then counts as well.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from collector.errors import StoreError
from collector.http.log import Log
from collector.store import schema, sqlite
from collector.store.engine import Store, sqlite_path
from collector.store.faults import is_damage

START_S = 10.0
MOST_S = 20.0
EVERY_S = 600.0
REST = 50
_STEPS = 10_000
"""Instructions of SQLite's machine between two looks at the clock."""


@dataclass
class Prober:
    """Looks through one store, part after part.

    ``mono_s`` returns seconds that never go back; ``stopping``: whether to end a look before its time.
    """

    store: Store
    mono_s: Callable[[], float] = time.monotonic
    stopping: Callable[[], bool] = bool
    unfinished: set[str] = field(default_factory=set)
    """Tables that take longer than a look may."""
    _by_table: bool = False
    _place: int = 0

    def look(self, most_s: float = MOST_S) -> bool:
        """Look for at most ``most_s`` seconds and note damage; return whether everything was looked at.

        Raises:
            StoreError: the file cannot be read.
        """
        path = sqlite_path(self.store.engine.url.render_as_string(hide_password=False))
        if path is None:
            return True
        until_s = self.mono_s() + most_s
        if not self._by_table:
            found = self._looked(path, "", until_s)
            self._by_table = found is None and most_s >= MOST_S and not self.stopping()
            return found is not None
        tables = sorted(schema.metadata.tables)
        for _ in tables:
            name = tables[self._place % len(tables)]
            begun_s = self.mono_s()
            found = self._looked(path, name, until_s)
            if found is None and (self.stopping() or begun_s > until_s - most_s):
                return False  # it had not all of the time, so it is the first one next time
            self._place += 1
            if found is None:
                self.unfinished.add(name)
                return False
        return True

    def _looked(self, path: Path, table: str, until_s: float) -> str | None:
        """Note and return what is wrong with a table, or with the file; ``None``: not finished."""
        try:
            found = self._quick_check(path, table, until_s)
        except sqlite3.Error as error:
            if is_damage(error):
                found = str(error)
            elif getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_INTERRUPT:
                return None
            else:
                raise StoreError(f"cannot look through {path}: {error}") from None
        if found:
            self.store.health.note(found)
        return found

    def _quick_check(self, path: Path, table: str, until_s: float) -> str:
        with closing(sqlite.connect_for_reading(path)) as connection:
            connection.execute("PRAGMA query_only=ON")
            connection.set_progress_handler(lambda: int(self.mono_s() > until_s or self.stopping()), _STEPS)
            found = connection.execute(f"PRAGMA quick_check({table or 1})").fetchone()[0]
        return "" if found == "ok" else str(found)


def require_sound(store: Store) -> None:
    """Look through a store for ``START_S``, for a command that acknowledges what it took.

    Raises:
        StoreDamagedError: it is damaged.
        StoreError: it cannot be read.
    """
    Prober(store).look(START_S)
    store.health.require()


@contextmanager
def probing(store: Store, *, log: Log) -> Iterator[None]:
    """Look through a store now and, while the block runs, again and again; damage is logged once."""
    store.health.tell(lambda problem: log("store_damaged", level="error", message=problem))
    stop = threading.Event()
    prober = Prober(store, stopping=stop.is_set)
    named: set[str] = set()

    def look(most_s: float) -> float:
        """Look once and return how many seconds it took."""
        begun_s = prober.mono_s()
        try:
            prober.look(most_s)
        except StoreError as error:
            log("store_not_probed", level="warning", message=str(error))
        for table in sorted(prober.unfinished - named):
            named.add(table)
            log("store_partly_probed", level="warning", table=table, seconds=int(MOST_S))
        return prober.mono_s() - begun_s

    def work() -> None:
        took_s = 0.0
        while not stop.wait(max(EVERY_S, REST * took_s)) and not store.health.problem:
            took_s = look(MOST_S)

    look(START_S)
    thread = threading.Thread(target=work, name="store-probe", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
