"""A copy of the running store, made page by page by SQLite itself: consistent, while others read and write."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from collector.errors import StoreError
from collector.store.engine import Store, sqlite_path

PAGES_AT_ONCE = 1024
"""Between two steps writers get their turn."""
PAUSE_S = 0.005
_PRIVATE = 0o600

Progress = Callable[[int, int], None]
"""Told pages done and pages in all."""


def database_file(store: Store) -> Path | None:
    """Return the file of the store, ``None`` if it is no SQLite store."""
    return sqlite_path(store.engine.url.render_as_string(hide_password=False))


def copy(source: Path, target: Path, *, progress: Progress) -> None:
    """Copy the store in the file ``source`` to the new file ``target``, readable by its owner alone.

    What is written meanwhile is in the copy or not, whole transactions each.

    Raises:
        StoreError: it cannot be read, or the copy cannot be written or is damaged.
    """

    def step(_status: int, remaining: int, total: int) -> None:
        progress(total - remaining, total)

    try:
        os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, _PRIVATE))
        with (
            closing(sqlite3.connect(f"{source.as_uri()}?mode=ro", uri=True)) as reading,
            closing(sqlite3.connect(target)) as writing,
        ):
            reading.backup(writing, pages=PAGES_AT_ONCE, progress=step, sleep=PAUSE_S)
            # The copy is one file: no log of changes beside it that could be forgotten.
            writing.execute("PRAGMA journal_mode = DELETE")
            verdict = writing.execute("PRAGMA quick_check(1)").fetchone()[0]
    except (OSError, sqlite3.Error) as error:
        raise StoreError(f"the store cannot be copied to {target}: {error}") from None
    if verdict != "ok":
        raise StoreError(f"the store's copy is damaged ({verdict}); run: starproof audit")
