"""Backup of a running store into one file, and a store from such a file.

SQLite: the online backup API; the file is a database. PostgreSQL: ``pg_dump`` and ``pg_restore``, which
must be there; the file is a dump in their custom format. Both see one instant of the store. The keys lie
beside the store and are no part of it.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

from sqlalchemy import inspect
from sqlalchemy.engine import URL

from collector.errors import StoreError
from collector.store import postgresql, sqlite
from collector.store.engine import open_engine, open_engine_as_it_is, open_engine_for_reading, sqlite_path
from collector.store.faults import explained, hidden, is_damage

PAGES_AT_ONCE = 1024
"""Between two steps of SQLite's copy writers get their turn."""
PAUSE_S = 0.005
PRIVATE = 0o600
"""A backup holds what the store holds: hashes of passwords, of accounts, of tokens."""
_PROGRAMS = Path("/usr/lib/postgresql")
_MAGIC = {b"SQLite format 3\x00": "sqlite", b"PGDMP": "postgresql"}
_MAGIC_BYTES = 16

Progress = Callable[[int, int], None]
"""Told pages done and pages in all. PostgreSQL's programs tell nothing on the way."""


def _untold(_done: int, _total: int) -> None:
    """Tell nobody."""


def backup(url: str, file: Path, *, progress: Progress = _untold) -> None:
    """Write the store at ``url`` as it is now into a new file; collectors may go on meanwhile.

    Raises:
        StoreError: the store cannot be read, the file exists or cannot be written.
    """
    store = open_engine_for_reading(url)
    store.close()
    if file.exists():
        raise StoreError(f"{file} exists; a backup overwrites nothing, name another file")
    partial = file.with_name(file.name + ".partial")
    try:
        os.close(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, PRIVATE))
    except OSError as error:
        raise StoreError(f"cannot write {partial}: {error.strerror}") from None
    try:
        path = sqlite_path(url)
        if path is None:
            _dump(store.engine.url, partial)
        else:
            _copy_pages(path, partial, progress=progress)
        _to_disk(partial)
        partial.rename(file)
    finally:
        partial.unlink(missing_ok=True)


def restore(url: str, file: Path) -> None:
    """Make the store at ``url``, where none may be, from a file that ``backup`` wrote.

    Its schema is brought to the newest version afterwards.

    Raises:
        StoreError: not such a file, of the other kind of database, or there is something at ``url``.
    """
    path = sqlite_path(url)
    wanted = "postgresql" if path is None else "sqlite"
    kind = _kind(file)
    if kind != wanted:
        raise StoreError(
            f"{file} is a backup of {kind}, the database URL is one of {wanted}; restore it to {kind}, then "
            "starproof db copy"
        )
    if path is None:
        _load(url, file)
    else:
        # An old write-ahead log would be written into the new store as soon as it is opened.
        for old in (path.with_name(path.name + end) for end in ("", "-wal", "-shm", "-journal")):
            if old.exists():
                raise StoreError(f"{old} exists; a restore overwrites nothing, move it away first")
        partial = path.with_name(path.name + ".partial")
        partial.unlink(missing_ok=True)
        sqlite.make_file(partial)
        try:
            _copy_pages(file, partial, progress=_untold)
            _to_disk(partial)
            partial.rename(path)
        finally:
            partial.unlink(missing_ok=True)
    open_engine(url).close()


def _kind(file: Path) -> str:
    try:
        with file.open("rb") as opened:
            start = opened.read(_MAGIC_BYTES)
    except OSError as error:
        raise StoreError(f"cannot read {file}: {error.strerror}") from None
    for magic, kind in _MAGIC.items():
        if start.startswith(magic):
            return kind
    raise StoreError(f"{file} is no backup; they are made with: starproof db backup FILE")


def _copy_pages(source: Path, target: Path, *, progress: Progress) -> None:
    """Copy an SQLite database as of one instant, and check every page of the copy."""

    def step(_status: int, remaining: int, total: int) -> None:
        progress(total - remaining, total)

    try:
        with (
            closing(sqlite3.connect(source.absolute().as_uri() + "?mode=ro", uri=True)) as old,
            closing(sqlite3.connect(target, isolation_level=None)) as new,
        ):
            old.backup(new, pages=PAGES_AT_ONCE, progress=step, sleep=PAUSE_S)
            # The copy is one file: no log of changes beside it that could be forgotten.
            new.execute("PRAGMA journal_mode=delete").close()
            found = [row[0] for row in new.execute("PRAGMA integrity_check")]
    except sqlite3.Error as error:
        what = f"{source} is damaged" if is_damage(error) else f"cannot copy {source}"
        raise StoreError(f"{what}: {error}") from None
    if found != ["ok"]:
        raise StoreError(f"{source} is damaged: {found[0]}")


def _to_disk(file: Path) -> None:
    for path in (file, file.parent):
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _dump(url: URL, file: Path) -> None:
    _run("pg_dump", url, "--format=custom", "--no-owner", "--no-privileges", f"--file={file}")


def _load(url: str, file: Path) -> None:
    store = open_engine_as_it_is(url)
    try:
        with explained(store.engine.url), store.reading() as connection:
            postgresql.require_usable(connection, hidden(store.engine.url))
            if inspect(connection).get_table_names():
                raise StoreError(
                    f"{hidden(store.engine.url)} has tables; a restore overwrites nothing, make an empty database"
                )
    finally:
        store.close()
    options = ("--single-transaction", "--exit-on-error", "--no-owner", "--no-privileges", str(file))
    _run("pg_restore", store.engine.url, *options)


def _run(name: str, url: URL, *options: str) -> None:
    """Run one of PostgreSQL's programs; the password travels in the environment, where nobody else sees it."""
    program = _program(name)
    words = [f"--dbname={_conninfo(url)}", "--no-password", *options]
    environment = {**os.environ, **({"PGPASSWORD": str(url.password)} if url.password else {})}
    done = subprocess.run([program, *words], env=environment, capture_output=True, check=False)
    if done.returncode:
        lines = done.stderr.decode("utf-8", "replace").strip().splitlines() or [f"status {done.returncode}"]
        raise StoreError(f"{name} failed: {lines[0]}")


def _conninfo(url: URL) -> str:
    from psycopg.conninfo import make_conninfo  # noqa: PLC0415 - of the extra postgresql

    named = {"host": url.host, "port": url.port, "user": url.username, "dbname": url.database}
    more = {name: ",".join(value) if isinstance(value, tuple) else value for name, value in url.query.items()}
    return make_conninfo("", **named, **more)


def _program(name: str) -> str:
    newest = sorted(_PROGRAMS.glob(f"*/bin/{name}"), key=_version)
    found: Sequence[str] = [str(path) for path in newest[-1:]]
    program = shutil.which(name) if not found else found[0]
    if program is None:
        raise StoreError(
            f"there is no {name} here; install PostgreSQL's client programs (Debian: apt install postgresql-client), "
            "of the server's version or newer"
        )
    return program


def _version(path: Path) -> float:
    name = path.parent.parent.name
    return float(name) if name.replace(".", "", 1).isdigit() else 0.0
