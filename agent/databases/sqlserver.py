"""SQL Server: ``Batch Requests/sec`` of ``sys.dm_os_performance_counters``, which despite its name counts up.

A batch is what a client sends at once: one statement or several, a call of a procedure, an RPC. The
server does not keep lasting counts of statements, nor of reading and writing apart; the batches stand as
reads. The reader's own are among them: one for each reading, subtracted exactly (``agent.databases.own``);
those with which its driver opens a connection are not told apart, at most ``OPENING`` each time.

Identity: the server's name, and the instant at which it started. Nothing sets the counter back.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Optional

import pymssql

from agent.databases.connecting import Connecting
from agent.databases.interface import Counted, Database, DatabaseError
from agent.databases.own import Own
from agent.databases.settings import DatabaseSettings

DEFINITION = "sqlserver.batches/1"
OPENING = 3
REASON = (
    "approximation: Batch Requests, reads and writes together; the reader's one batch for each reading is "
    f"subtracted, at most {OPENING} of opening a connection are not"
)
QUERY = (
    "SELECT p.cntr_value, CONVERT(varchar(33), i.sqlserver_start_time, 126), "
    "CONVERT(nvarchar(128), SERVERPROPERTY('ServerName')), "
    "CONVERT(nvarchar(128), SERVERPROPERTY('ProductVersion')) "
    "FROM sys.dm_os_performance_counters p CROSS JOIN sys.dm_os_sys_info i "
    "WHERE p.counter_name = 'Batch Requests/sec'"
)


def open_database(settings: DatabaseSettings, environment: Mapping[str, str], own: Own) -> Database:
    """Return the reader of a SQL Server."""

    def connect(password: Optional[str]) -> Database:
        return SqlServer(
            pymssql.connect(
                server=settings.host,
                port=str(settings.port),
                user=settings.user,
                password=password or "",
                database=settings.database,
                login_timeout=settings.timeout_s,
                timeout=settings.timeout_s,
                appname="starproof-database",
                autocommit=True,
            ),
            own,
        )

    return Connecting(settings, environment, connect=connect, errors=(pymssql.Error,))


class SqlServer:
    """One connection."""

    def __init__(self, connection: Any, own: Own) -> None:
        """Use ``connection``; ``own`` counts what this reader asks."""
        self._connection = connection
        self._own = own

    def count(self) -> Counted:
        """Return the counters now."""
        asked = self._own.next()
        with self._connection.cursor() as cursor:
            cursor.execute(QUERY)
            row = cursor.fetchone()
        if row is None:
            raise DatabaseError("the server shows no Batch Requests; GRANT VIEW SERVER STATE to the login")
        batches, start, server, version = row
        return Counted(
            identity=f"{server} started {start} own {self._own.series}",
            reads=int(batches) - asked,
            writes=None,
            definition=DEFINITION,
            reason=REASON,
            version=f"SQL Server {version}",
        )

    def close(self) -> None:
        """End the connection."""
        self._connection.close()
