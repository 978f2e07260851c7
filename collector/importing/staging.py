"""Rows of a file put in order on disk: by host, metric and time, however they came.

A private temporary SQLite file does the sorting with bounded memory. Nothing in it outlives the
import, so it is written without any care for crashes.
"""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

from collector.errors import ImportFileError
from collector.importing.metrics import METRICS
from collector.importing.rows import Row

BATCH_ROWS = 10_000
CACHE_KIB = 16 * 1024
INT64 = 2**63
_PADDED = 30
"""Digits of a value that does not fit 64 bits: as padded text it still sorts by size."""
_NUMBERS = {name: number for number, name in enumerate(METRICS)}


class Staging:
    """Rows on disk, ``add``-ed in any order and read back ``in_order``."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._hosts: dict[str, int] = {}

    @property
    def hosts(self) -> int:
        """Number of hosts seen."""
        return len(self._hosts)

    def add(self, rows: Iterable[Row]) -> int:
        """Take all rows and return how many there were."""
        count = 0
        iterator = iter(rows)
        while batch := [self._packed(row) for row in islice(iterator, BATCH_ROWS)]:
            self._connection.executemany("INSERT INTO staged VALUES (?, ?, ?, ?, ?, ?)", batch)
            count += len(batch)
        return count

    def in_order(self) -> Iterator[Row]:
        """Yield the rows by host, metric, start; at one instant by value, refused ones last."""
        names = list(self._hosts)
        query = "SELECT * FROM staged ORDER BY host, metric, start, value IS NULL, value, period, line"
        for host, metric, start, value, period, line in self._connection.execute(query):
            number = int(value) if value is not None else None
            yield Row(line, names[host], METRICS[metric], start, period, number)

    def _packed(self, row: Row) -> tuple[int, int, int, int | str | None, int, int]:
        host = self._hosts.setdefault(row.host, len(self._hosts))
        value: int | str | None = row.value
        if row.value is not None and row.value >= INT64:
            value = f"{row.value:0{_PADDED}d}"
        return host, _NUMBERS[row.metric], row.start_ms, value, row.period_ms, row.line


@contextmanager
def staging() -> Iterator[Staging]:
    """Give an empty staging area in a private directory that is removed afterwards.

    Raises:
        ImportFileError: the temporary directory is full or cannot be written.
    """
    with tempfile.TemporaryDirectory(prefix="starproof-import-") as directory:
        connection = sqlite3.connect(Path(directory) / "staging.db", isolation_level=None)
        try:
            for pragma in (
                "journal_mode=OFF",
                "synchronous=OFF",
                f"cache_size=-{CACHE_KIB}",
                "temp_store=FILE",
            ):
                connection.execute(f"PRAGMA {pragma}").close()
            connection.execute(
                "CREATE TABLE staged (host INT, metric INT, start INT, value, period INT, line INT)"
            )
            connection.execute("BEGIN")
            yield Staging(connection)
        except sqlite3.Error as error:
            raise ImportFileError(
                f"cannot sort the rows in {directory}: {error}; nothing was imported. "
                "Set TMPDIR to a directory with more room"
            ) from None
        finally:
            connection.close()
