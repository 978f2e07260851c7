"""What a relay keeps: chunks that wait for the collector, and its answers that wait for the hosts.

One SQLite file, ``synchronous = FULL``: what a method did is on the disk when it returns.

1. A chunk waits until the collector has judged it. The same chunk again changes nothing.
2. An answer of the collector is kept whole, with the size of the log that its proof of growth begins at. It fits a
   host that knows exactly this size, or the one that it leads to, or none. Each answer begins where the one
   before ended, so a host takes them one after another, its oldest chunks first. A chunk whose answer no step leads
   to waits again: the collector then proves what the host can follow.
3. Room is bounded, in all and for each key. Answers make room for chunks: they can be asked for again. Chunks are
   never thrown away; when they have taken the room the sender is told to wait.
"""

from __future__ import annotations

import json
import os
import sqlite3
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from collector.errors import RequestError, StoreError

UNKNOWN_SIZE = -1
"""The size of the log that a sender knows, if it knows none; of an answer without a checkpoint, too."""
FULL_RETRY_S = 120
ROW_BYTES = 512
"""What a row costs beside its content, indexes included."""
_PRIVATE, _DIRECTORY = 0o600, 0o700
_TABLES = """
CREATE TABLE IF NOT EXISTS sender (key TEXT PRIMARY KEY, public BLOB, log_size INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS waiting (
  id INTEGER PRIMARY KEY AUTOINCREMENT, key TEXT NOT NULL, seq INTEGER NOT NULL, hash TEXT NOT NULL,
  size INTEGER NOT NULL, received_ms INTEGER NOT NULL, frame BLOB NOT NULL, name TEXT NOT NULL, UNIQUE (key, name));
CREATE INDEX IF NOT EXISTS waiting_by_seq ON waiting (key, seq, id);
CREATE TABLE IF NOT EXISTS answer (
  id INTEGER PRIMARY KEY AUTOINCREMENT, key TEXT NOT NULL, known_size INTEGER NOT NULL, log_size INTEGER NOT NULL,
  size INTEGER NOT NULL, head TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS answer_by_key ON answer (key);
CREATE TABLE IF NOT EXISTS judged (
  key TEXT NOT NULL, name TEXT NOT NULL, answer INTEGER NOT NULL REFERENCES answer (id) ON DELETE CASCADE,
  once INTEGER NOT NULL, result TEXT NOT NULL, PRIMARY KEY (key, name)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS judged_by_answer ON judged (answer);
"""


@dataclass(frozen=True)
class Kept:
    """A chunk as it came: its frame's bytes, and what its header says of it.

    ``name`` is the SHA-256 of the frame: somebody could put other columns under a header that he saw, and what the
    collector says of those must not be told to the host that sealed the true ones.
    """

    seq: int
    hash: str
    frame: bytes
    name: str


@dataclass(frozen=True)
class Sender:
    """A key that the collector knows. ``public`` is its 32 bytes, empty if it was never seen."""

    public: bytes
    log_size: int


@dataclass(frozen=True)
class Given:
    """What the collector said of some chunks, by name; ``head`` is the rest of its answer."""

    results: Mapping[str, Mapping[str, Any]]
    head: Mapping[str, Any]


@dataclass(frozen=True)
class Answered:
    """An answer of the collector to some chunks. Of ``once`` nothing is kept after it was handed on."""

    known_size: int
    log_size: int
    head: Mapping[str, Any]
    results: Mapping[str, Mapping[str, Any]]
    once: frozenset[str]


@dataclass(frozen=True)
class Standing:
    """How full a relay is. ``oldest_ms`` is when the oldest waiting chunk came."""

    waiting: int
    bytes: int
    oldest_ms: int | None


class Queue:
    """The file of one relay; may be used from several threads."""

    def __init__(self, path: Path, *, max_bytes: int, host_bytes: int) -> None:
        """Open or make it.

        Raises:
            StoreError: it cannot be used.
        """
        self._lock = threading.Lock()
        self._max_bytes = max_bytes
        self._host_bytes = host_bytes
        try:
            path.parent.mkdir(mode=_DIRECTORY, parents=True, exist_ok=True)
            os.close(os.open(path, os.O_RDWR | os.O_CREAT, _PRIVATE))
            self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = FULL")
            self._db.execute("PRAGMA foreign_keys = ON")
            self._db.executescript(_TABLES)
            self._load()
        except (OSError, sqlite3.Error) as error:
            raise StoreError(f"the relay cannot use {path}: {error}") from None

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._db.close()

    def sender(self, key: str) -> Sender | None:
        """Return a key that the collector was seen to know."""
        with self._reading() as db:
            row = db.execute("SELECT public, log_size FROM sender WHERE key = ?", (key,)).fetchone()
        return None if row is None else Sender(row[0] or b"", row[1])

    def know(self, key: str, public: bytes = b"") -> None:
        """Remember that the collector knows a key."""
        with self._writing() as db:
            db.execute(
                "INSERT INTO sender VALUES (?, ?, ?) ON CONFLICT (key) DO UPDATE"
                " SET public = coalesce(excluded.public, public)",
                (key, public or None, UNKNOWN_SIZE),
            )

    def put(self, key: str, chunks: Sequence[Kept], *, known_size: int, now_ms: int) -> frozenset[str]:
        """Keep what is new, or has no answer that fits; return the names that were put now.

        Raises:
            RequestError: 503, there is no room.
            StoreError: nothing was kept.
        """
        with self._writing() as db:
            self._follow(db, key, known_size)
            new = [chunk for chunk in chunks if not self._has(db, key, chunk.name, known_size)]
            size = sum(len(chunk.frame) + ROW_BYTES for chunk in new)
            self._make_room(db, key, size)
            db.executemany(
                "INSERT OR IGNORE INTO waiting (key, seq, hash, size, received_ms, frame, name)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                [(key, c.seq, c.hash, len(c.frame) + ROW_BYTES, now_ms, c.frame, c.name) for c in new],
            )
        if new:
            with self._lock:
                self._count()
        return frozenset(chunk.name for chunk in new)

    def given(self, key: str, names: Sequence[str], *, known_size: int) -> Given | None:
        """Return what the first chunk's answer that fits says; what is handed on once is forgotten."""
        with self._writing() as db:
            found = [row for name in names if (row := self._fitting(db, key, name, known_size))]
            if not found:
                return None
            answer = found[0][1]
            mine = {name: json.loads(result) for name, number, _, result in found if number == answer}
            (head,) = db.execute("SELECT head FROM answer WHERE id = ?", (answer,)).fetchone()
            once = [(key, name) for name, number, once, _ in found if number == answer and once]
            db.executemany("DELETE FROM judged WHERE key = ? AND name = ?", once)
        return Given(mine, json.loads(head))

    def has_step(self, key: str, *, known_size: int) -> bool:
        """Return whether an answer is kept that leads a host which knows this size further."""
        query = "SELECT 1 FROM answer WHERE key = ? AND known_size = ? AND log_size > ?"
        with self._reading() as db:
            return db.execute(query, (key, known_size, known_size)).fetchone() is not None

    def next_key(self, after: str, *, but: frozenset[str] = frozenset()) -> str | None:
        """Return the next key in turn that has chunks waiting and is not among ``but``."""
        with self._reading() as db:
            keys = [row[0] for row in db.execute("SELECT DISTINCT key FROM waiting ORDER BY key")]
        free = [key for key in keys if key not in but]
        return next((key for key in free if key > after), free[0] if free else None)

    def batch(self, key: str, *, most: int, most_bytes: int) -> list[Kept]:
        """Return the oldest chunks of a key that wait, at least one if there is any."""
        batch: list[Kept] = []
        size = 0
        with self._reading() as db:
            rows = db.execute(
                "SELECT seq, hash, frame, name FROM waiting WHERE key = ? ORDER BY seq, id LIMIT ?",
                (key, most),
            )
            seen: set[str] = set()
            for row in rows:
                size += len(row[2])
                if batch and size > most_bytes:
                    break
                # The collector names chunks by the hash of their header: one of each in a batch.
                if row[1] not in seen:
                    seen.add(row[1])
                    batch.append(Kept(*row))
        return batch

    def settle(self, key: str, answered: Answered) -> None:
        """Keep an answer, and let its chunks wait no longer.

        Raises:
            StoreError: nothing was changed.
        """
        if not answered.results:
            return
        head, lines = json.dumps(answered.head), {h: json.dumps(r) for h, r in answered.results.items()}
        size = len(head) + sum(map(len, lines.values())) + ROW_BYTES * (1 + len(lines))
        with self._writing() as db:
            db.executemany("DELETE FROM waiting WHERE key = ? AND name = ?", [(key, name) for name in lines])
            number = db.execute(
                "INSERT INTO answer (key, known_size, log_size, size, head) VALUES (?, ?, ?, ?, ?)",
                (key, answered.known_size, answered.log_size, size, head),
            ).lastrowid
            db.executemany(
                "INSERT OR REPLACE INTO judged VALUES (?, ?, ?, ?, ?)",
                [(key, name, number, name in answered.once, line) for name, line in lines.items()],
            )
            if answered.log_size != UNKNOWN_SIZE:
                db.execute("UPDATE sender SET log_size = ? WHERE key = ?", (answered.log_size, key))
        with self._lock:
            self._count()

    def standing(self) -> Standing:
        """Return how full it is."""
        with self._reading() as db:
            count, oldest = db.execute("SELECT count(*), min(received_ms) FROM waiting").fetchone()
            self._count()
            return Standing(count, self._bytes, oldest)

    # Room and rules

    def _load(self) -> None:
        with self._lock:
            self._count()

    def _count(self) -> None:
        (chunks,) = self._db.execute("SELECT coalesce(sum(size), 0) FROM waiting").fetchone()
        (answers,) = self._db.execute("SELECT coalesce(sum(size), 0) FROM answer").fetchone()
        self._bytes = chunks + answers

    def _make_room(self, db: sqlite3.Connection, key: str, size: int) -> None:
        """Rule 3."""
        (mine,) = db.execute("SELECT coalesce(sum(size), 0) FROM waiting WHERE key = ?", (key,)).fetchone()
        if mine and mine + size > self._host_bytes:
            raise RequestError(
                503,
                "UNAVAILABLE",
                "the relay keeps as much of this host as it may; the host keeps the rest",
                retry_after_s=FULL_RETRY_S,
            )
        while self._bytes + size > self._max_bytes:
            oldest = db.execute("SELECT id, size FROM answer ORDER BY id LIMIT 1").fetchone()
            if oldest is None:
                raise RequestError(
                    503,
                    "UNAVAILABLE",
                    "the relay is full; the host keeps its chunks",
                    retry_after_s=FULL_RETRY_S,
                )
            db.execute("DELETE FROM answer WHERE id = ?", (oldest[0],))
            self._bytes -= oldest[1]

    @staticmethod
    def _follow(db: sqlite3.Connection, key: str, known_size: int) -> None:
        """Learn what a sender knows; answers from before that are of no more use."""
        db.execute(
            "DELETE FROM answer WHERE key = ? AND log_size < ? AND log_size <> ?",
            (key, known_size, UNKNOWN_SIZE),
        )
        if not Queue._step(db, key, known_size):
            db.execute("UPDATE sender SET log_size = ? WHERE key = ?", (known_size, key))

    def _has(self, db: sqlite3.Connection, key: str, name: str, known_size: int) -> bool:
        """Rules 1 and 2; an answer that does not fit is forgotten."""
        if db.execute("SELECT 1 FROM waiting WHERE key = ? AND name = ?", (key, name)).fetchone():
            return True
        if self._fitting(db, key, name, known_size):
            return True
        later = db.execute(
            "SELECT 1 FROM judged JOIN answer ON answer.id = judged.answer"
            " WHERE judged.key = ? AND judged.name = ? AND answer.known_size >= ?",
            (key, name, known_size),
        ).fetchone()
        if later and self._step(db, key, known_size):
            return True
        db.execute("DELETE FROM judged WHERE key = ? AND name = ?", (key, name))
        return False

    @staticmethod
    def _step(db: sqlite3.Connection, key: str, known_size: int) -> bool:
        query = "SELECT 1 FROM answer WHERE key = ? AND (known_size = ? OR log_size = ?) AND log_size <> ?"
        return db.execute(query, (key, known_size, known_size, UNKNOWN_SIZE)).fetchone() is not None

    @staticmethod
    def _fitting(
        db: sqlite3.Connection, key: str, name: str, known_size: int
    ) -> tuple[str, int, int, str] | None:
        row: tuple[str, int, int, str] | None = db.execute(
            "SELECT judged.name, answer.id, judged.once, judged.result FROM judged"
            " JOIN answer ON answer.id = judged.answer WHERE judged.key = ? AND judged.name = ?"
            " AND (? = ? OR answer.log_size = ? OR answer.known_size = ? OR answer.log_size = ?)",
            (key, name, known_size, UNKNOWN_SIZE, UNKNOWN_SIZE, known_size, known_size),
        ).fetchone()
        return row

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            try:
                yield self._db
            except sqlite3.Error as error:
                raise StoreError(f"the relay's queue cannot be read: {error}") from None

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            before = self._bytes
            try:
                self._db.execute("BEGIN IMMEDIATE")
                yield self._db
                self._db.execute("COMMIT")
            except BaseException as error:
                self._bytes = before
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                if isinstance(error, sqlite3.Error):
                    raise StoreError(f"the relay's queue cannot be written: {error}") from None
                raise
