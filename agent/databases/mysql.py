"""MySQL and MariaDB: the server's own count of statements, ``Com_*``.

Reads are ``Com_select`` and ``Com_ha_read`` (HANDLER … READ), and of MySQL before 8 ``Qcache_hits``: a
SELECT that its query cache answers is not in ``Com_select``; in MariaDB's it is. Writes are the ten counters
of INSERT, REPLACE, UPDATE, DELETE and LOAD DATA. A prepared statement that is executed counts once,
under what it does (``Com_stmt_execute`` beside it is not added); so do statements inside of stored
programs and triggers, while ``CALL`` itself does not. A statement counts when it begins, also one that fails.

The reader asks with SHOW only, which none of these counters counts: nothing has to be subtracted.

Identity: the server, the second in which it started, and how long after that FLUSH STATUS was last
run. The start is the server's clock less its ``Uptime``, whole seconds both, asked for until both
were taken within the same second.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Optional

import pymysql

from agent.databases.connecting import Connecting
from agent.databases.interface import Counted, Database, DatabaseError
from agent.databases.settings import DatabaseSettings

DEFINITION = "mysql.statements/1"
REASON = (
    "Com_select + Com_ha_read{cache}; Com_insert, replace (each also _select), update, delete "
    "(each also _multi), load; own statements are SHOW, not counted"
)
READS = ("com_select", "com_ha_read")
CACHE_HITS = "qcache_hits"
WRITES = (
    "com_insert",
    "com_insert_select",
    "com_replace",
    "com_replace_select",
    "com_update",
    "com_update_multi",
    "com_delete",
    "com_delete_multi",
    "com_load",
)
UPTIME, SINCE_FLUSH = "uptime", "uptime_since_flush_status"
_NEEDED = ("com_select", "com_insert", "com_update", "com_delete", UPTIME)
_START_TRIES = 5
_STATUS = "SHOW GLOBAL STATUS WHERE Variable_name IN ({})"
_ABOUT = (
    "SHOW VARIABLES WHERE Variable_name IN "
    "('server_uuid', 'hostname', 'port', 'version', 'version_comment', 'timestamp')"
)


def open_database(settings: DatabaseSettings, environment: Mapping[str, str]) -> Database:
    """Return the reader of a MySQL or MariaDB server."""

    def connect(password: Optional[str]) -> Database:
        place: dict[str, Any] = {"host": settings.host, "port": settings.port}
        if settings.host.startswith("/"):
            place = {"unix_socket": settings.host}
        if settings.ca_file is not None:
            place |= {"ssl_ca": settings.ca_file, "ssl_verify_cert": True, "ssl_verify_identity": True}
        return MySql(
            pymysql.connect(
                **place,
                user=settings.user or None,
                password=(password or "").encode("utf-8"),  # text would be taken for Latin-1
                connect_timeout=settings.timeout_s,
                read_timeout=settings.timeout_s,
                write_timeout=settings.timeout_s,
                autocommit=None,
            )
        )

    return Connecting(settings, environment, connect=connect, errors=(pymysql.Error,))


class MySql:
    """One connection. A server that starts anew ends it, so within it the start stays the same."""

    def __init__(self, connection: Any) -> None:
        """Use ``connection``; nothing is asked yet."""
        self._connection = connection
        self._asked = False

    def _introduce(self) -> None:
        """Ask the server who it is and when it started."""
        about, self._start_s = self._started()
        self._version = f"{about.get('version_comment', '')} {about['version']}".strip()
        cached_apart = "mariadb" not in self._version.lower()
        self._reads = (*READS, CACHE_HITS) if cached_apart else READS
        self._server = about.get("server_uuid") or f"{about['hostname']}:{about['port']}"
        self._asked = True

    def count(self) -> Counted:
        """Return the counters now."""
        if not self._asked:
            self._introduce()
        status = self._status((*self._reads, *WRITES, UPTIME, SINCE_FLUSH))
        missing = [name for name in _NEEDED if name not in status]
        if missing:
            raise DatabaseError(f"the server does not tell {', '.join(missing)}; is it MySQL or MariaDB?")
        flushed_s = status[UPTIME] - status.get(SINCE_FLUSH, status[UPTIME])
        return Counted(
            identity=f"{self._server} started {self._start_s} flushed {flushed_s}",
            reads=sum(status.get(name, 0) for name in self._reads),
            writes=sum(status.get(name, 0) for name in WRITES),
            definition=DEFINITION,
            reason=REASON.format(cache=" + Qcache_hits" if CACHE_HITS in self._reads else ""),
            version=self._version,
        )

    def close(self) -> None:
        """End the connection."""
        self._connection.close()

    def _started(self) -> tuple[dict[str, str], int]:
        """Return what the server says of itself, and its start in s since 1970 by its own clock."""
        for _ in range(_START_TRIES):
            about = self._ask(_ABOUT)
            uptime_s = self._status((UPTIME,))[UPTIME]
            before_s, after_s = (int(float(said["timestamp"])) for said in (about, self._ask(_ABOUT)))
            if before_s == after_s:
                return about, before_s - uptime_s
        raise DatabaseError("the server answers too slowly to tell when it started; is it overloaded?")

    def _status(self, names: tuple[str, ...]) -> dict[str, int]:
        found = self._ask(_STATUS.format(", ".join(f"'{name}'" for name in names)))
        return {name: int(value) for name, value in found.items()}

    def _ask(self, statement: str) -> dict[str, str]:
        with self._connection.cursor() as cursor:
            cursor.execute(statement)
            return {str(name).lower(): str(value) for name, value in cursor.fetchall()}
