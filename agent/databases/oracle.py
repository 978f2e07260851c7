"""Oracle: ``V$SERVICE_STATS`` of one instance, the services of the applications.

``commits``: transactions that sessions committed (``user commits``). Each changed something by at least
one statement, so they stand as writes and are never more than the statements that wrote; reads are not told.
The reader commits nothing.

``executions``: ``execute count``, reads and writes together. The statements that the server carries out
on behalf of others (recursive ones) count too: an approximation upwards, which has to be asked for. The reader's own service
is left out, so it needs one of its own.

Services whose name begins with ``SYS$BACKGROUND`` are the server's. Identity: the database, the instance and when it started.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Optional

import oracledb

from agent.databases.connecting import Connecting
from agent.databases.interface import Counted, Database, DatabaseError
from agent.databases.settings import COMMITS, DatabaseSettings

COMMITS_DEFINITION = "oracle.commits/1"
COMMITS_REASON = "approximation downwards: user commits of V$SERVICE_STATS, background left out; no reads"
EXECUTIONS_DEFINITION = "oracle.executions/1"
EXECUTIONS_REASON = (
    "approximation upwards: execute count of V$SERVICE_STATS, recursive ones included, reads and writes "
    "together; background and the reader's service left out"
)
MS_PER_S = 1_000
ABOUT = (
    "SELECT d.dbid, i.instance_number, TO_CHAR(i.startup_time, 'YYYY-MM-DD\"T\"HH24:MI:SS'), i.version "
    "FROM v$database d CROSS JOIN v$instance i"
)
STATS = (
    "SELECT SUM(value) FROM v$service_stats WHERE stat_name = :stat "
    "AND service_name NOT LIKE 'SYS$BACKGROUND%' "
    "AND (:all_services = 1 OR service_name <> SYS_CONTEXT('USERENV', 'SERVICE_NAME'))"
)


def open_database(settings: DatabaseSettings, environment: Mapping[str, str]) -> Database:
    """Return the reader of one Oracle instance."""

    def connect(password: Optional[str]) -> Database:
        connection = oracledb.connect(
            user=settings.user,
            password=password,
            dsn=f"{settings.host}:{settings.port}/{settings.database}",
            tcp_connect_timeout=settings.timeout_s,
        )
        connection.call_timeout = settings.timeout_s * MS_PER_S
        return Oracle(connection, settings.counts)

    return Connecting(settings, environment, connect=connect, errors=(oracledb.Error,))


class Oracle:
    """One connection."""

    def __init__(self, connection: Any, counts: str) -> None:
        """Use ``connection`` for ``commits`` or ``executions``."""
        self._connection = connection
        self._counts = counts

    def count(self) -> Counted:
        """Return the counters now."""
        dbid, instance, started, version = self._row(ABOUT)
        commits = self._counts == COMMITS
        stat = "user commits" if commits else "execute count"
        [found] = self._row(STATS, stat=stat, all_services=int(commits))
        if found is None:
            raise DatabaseError("V$SERVICE_STATS shows no service; GRANT SELECT on it (docs/databases.md)")
        return Counted(
            identity=f"dbid {dbid} instance {instance} started {started}",
            reads=None if commits else int(found),
            writes=int(found) if commits else None,
            definition=COMMITS_DEFINITION if commits else EXECUTIONS_DEFINITION,
            reason=COMMITS_REASON if commits else EXECUTIONS_REASON,
            version=f"Oracle {version}",
        )

    def close(self) -> None:
        """End the connection."""
        self._connection.close()

    def _row(self, statement: str, **values: object) -> tuple[Any, ...]:
        with self._connection.cursor() as cursor:
            cursor.execute(statement, **values)
            row = cursor.fetchone()
        if row is None:
            raise DatabaseError("the instance gave no row where one is certain")
        return tuple(row)
