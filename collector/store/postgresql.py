"""What PostgreSQL is asked for: durable commits, bounded waits, one order of the log, text by code point.

Writers hold one of two advisory locks until their transaction ends (``docs/adr/0019``):

* ``ALONE``: nobody else writes. All writers but ingest; they see what SQLite's one writer sees.
* ``BESIDE``: others that hold ``BESIDE`` write too. Ingest, whose transactions then lock the hosts they
  are about in one order, and the log's head last.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Any

from sqlalchemy import Connection, Engine, event, text
from sqlalchemy.engine import URL

from collector.errors import StoreError
from collector.store.sqlite import BUSY_TIMEOUT_S, WRITES

ALONE = "alone"
BESIDE = "beside"
CONNECT_TIMEOUT_S = 5
_KEY_BYTES = 8
_LOCKS = {ALONE: "pg_advisory_xact_lock", BESIDE: "pg_advisory_xact_lock_shared"}
# Sorted as the verifier sorts, by code point; and no update of the system's C library bends an index.
_BY_CODE_POINT = frozenset(("C", "POSIX", "C.UTF-8", "C.utf8"))
_SETTINGS = {"synchronous_commit": "on", "timezone": "UTC", "application_name": "starproof"}


def lock_number(name: str) -> int:
    """Return the number under which PostgreSQL knows a lock: 64 bits, signed."""
    digest = sha256(f"starproof {name}".encode()).digest()
    return int.from_bytes(digest[:_KEY_BYTES], "big", signed=True)


def with_driver(url: URL) -> URL:
    """Return the URL with the driver that the extra ``postgresql`` brings, where none is named."""
    return url.set(drivername="postgresql+psycopg") if url.drivername == "postgresql" else url


def options(*, read_only: bool = False) -> dict[str, Any]:
    """Return the options of ``create_engine``; ``read_only`` makes every transaction refuse to write."""
    settings = {**_SETTINGS, "lock_timeout": f"{BUSY_TIMEOUT_S}s"}
    return {
        # Named only where it holds: an engine's option would overrule that of its readers.
        "execution_options": {"postgresql_readonly": True} if read_only else {},
        "connect_args": {
            "connect_timeout": CONNECT_TIMEOUT_S,
            "client_encoding": "utf8",
            "options": " ".join(f"-c {name}={value}" for name, value in settings.items()),
        },
        "pool_pre_ping": True,  # the server may have been restarted since
        "pool_size": 10,
        "max_overflow": 40,
    }


def follow_rules(engine: Engine) -> None:
    """Let every transaction of an engine that writes wait for its turn."""
    event.listen(engine, "begin", _begin)


def _begin(connection: Connection) -> None:
    turn = connection.get_execution_options().get(WRITES)
    if turn is not None:
        _take_turn(connection, turn)


def _take_turn(connection: Connection, kind: str) -> None:
    """Wait for the lock of this kind, and hold it until the transaction ends."""
    key = lock_number("writing")
    connection.execute(text(f"SELECT {_LOCKS[kind]}(:key)"), {"key": key})  # the name is one of two above


def require_usable(connection: Connection, name: str) -> None:
    """Refuse a database that would sort or store text otherwise than the evidence needs.

    Raises:
        StoreError: with the command that makes a right one.
    """
    encoding, collation = encoding_and_collation(connection)
    if not is_usable(encoding, collation):
        raise StoreError(
            f"the database {name} has encoding {encoding} and collation {collation}; make another one: "
            "createdb --encoding UTF8 --locale C.UTF-8 --template template0 NAME"
        )


def is_usable(encoding: str, collation: str) -> bool:
    """Return whether a database with these keeps and sorts text as the evidence needs."""
    return encoding == "UTF8" and collation in _BY_CODE_POINT


def encoding_and_collation(connection: Connection) -> tuple[str, str]:
    """Return the database's encoding and collation."""
    query = (
        "SELECT pg_encoding_to_char(encoding), datcollate FROM pg_database WHERE datname = current_database()"
    )
    encoding, collation = connection.execute(text(query)).one()
    return str(encoding), str(collation)
