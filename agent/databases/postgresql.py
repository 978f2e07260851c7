"""PostgreSQL: executions by ``pg_stat_statements``, or committed transactions if that is asked for.

``statements``: the extension keeps for every normalised text how often it was executed to its end.
What kind it is, no column says; here the first word of the text does: SELECT, TABLE, VALUES, DECLARE
and COPY … TO read; INSERT, UPDATE, DELETE, MERGE and COPY … FROM write; WITH writes if an INSERT, an
UPDATE … SET, a DELETE or a MERGE stands in it; PREPARE is what follows its AS. Everything else (BEGIN,
SET, CREATE, CALL, FETCH, EXPLAIN) does not count. What failed does not count. Statements inside of functions count
only if ``pg_stat_statements.track`` is ``all``.

``transactions``: ``xact_commit`` of all databases but the one connected to. A transaction holds any
number of statements, reading or writing is not told, and the server's own work (autovacuum) counts
too: an approximation, which has to be asked for by ``counts = "transactions"``.

Statements of the reader's own role are left out (``statements``), or belong to the database that is
left out (``transactions``): nothing has to be subtracted.

Identity: the cluster, when its server started, when the statistics were reset, and how often the
extension had to forget texts, for then a sum may have lost some of its parts.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Optional

import psycopg

from agent.databases.connecting import Connecting
from agent.databases.interface import Counted, Database, DatabaseError
from agent.databases.settings import TRANSACTIONS, DatabaseSettings

STATEMENTS_DEFINITION = "postgresql.statements/1"
STATEMENTS_REASON = (
    "calls of pg_stat_statements (track = {track}) by the first word of the text; executed to the end; "
    "the reader's own role is left out"
)
TRANSACTIONS_DEFINITION = "postgresql.transactions/1"
TRANSACTIONS_REASON = (
    "approximation: xact_commit of all databases but {base}, reads and writes together, the server's own "
    "autovacuum included"
)
MS_PER_S = 1_000
LEAST_VERSION = 140_000
"""``pg_stat_statements_info``, without which forgetting goes unseen, came with PostgreSQL 14."""
_ABOUT = """
SELECT c.system_identifier || ' started '
         || (extract(epoch FROM pg_postmaster_start_time()) * 1000000)::bigint,
       current_setting('server_version'), current_setting('server_version_num')::int,
       pg_has_role(current_user, 'pg_read_all_stats', 'USAGE'),
       (SELECT quote_ident(n.nspname) FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
         WHERE e.extname = 'pg_stat_statements'),
       current_setting('pg_stat_statements.track', true)
  FROM pg_control_system() c
"""
_STATEMENTS = """
WITH said AS (
  SELECT calls, regexp_replace(regexp_replace(lower(query), '/\\*.*?\\*/|--[^\\n]*', ' ', 'g'),
                               '^[\\s(]*prepare\\s+\\S+(\\s*\\([^)]*\\))?\\s+as\\s', '') AS text
    FROM {schema}.pg_stat_statements
   WHERE userid <> (SELECT oid FROM pg_roles WHERE rolname = session_user)
), kinds AS (
  SELECT calls, text, substring(text FROM '^[\\s(]*([a-z]+)') AS word,
         text ~ '\\m(insert\\s+into|delete\\s+from|merge\\s+into|update\\s+(only\\s+)?\\S+\\s+((as\\s+)?\\S+\\s+)?set)\\M'
           AS changes
    FROM said
)
SELECT coalesce(sum(calls) FILTER (WHERE word IN ('select', 'table', 'values', 'declare')
         OR (word = 'with' AND NOT changes) OR (word = 'copy' AND text !~ '\\mfrom\\s+(stdin|program|''|\\$)')), 0)::bigint,
       coalesce(sum(calls) FILTER (WHERE word IN ('insert', 'update', 'delete', 'merge')
         OR (word = 'with' AND changes) OR (word = 'copy' AND text ~ '\\mfrom\\s+(stdin|program|''|\\$)')), 0)::bigint,
       (SELECT 'reset ' || (extract(epoch FROM stats_reset) * 1000000)::bigint || ' forgot ' || dealloc
          FROM {schema}.pg_stat_statements_info)
  FROM kinds
"""
_TRANSACTIONS = """
SELECT coalesce(sum(s.xact_commit), 0)::bigint,
       md5(coalesce(string_agg(s.datid || ':' || coalesce(extract(epoch FROM s.stats_reset)::text, ''), ','
                               ORDER BY s.datid), '')),
       current_database()
  FROM pg_stat_database s JOIN pg_database d ON d.oid = s.datid
 WHERE NOT d.datistemplate AND d.datname <> current_database()
"""


def open_database(settings: DatabaseSettings, environment: Mapping[str, str]) -> Database:
    """Return the reader of a PostgreSQL server."""

    def connect(password: Optional[str]) -> Database:
        trust: dict[str, Any] = (
            {} if settings.ca_file is None else {"sslmode": "verify-full", "sslrootcert": settings.ca_file}
        )
        connection = psycopg.connect(
            host=settings.host,
            port=settings.port,
            user=settings.user or None,
            password=password,
            dbname=settings.database,
            connect_timeout=settings.timeout_s,
            tcp_user_timeout=settings.timeout_s * MS_PER_S,
            application_name="starproof-database",
            options=f"-c statement_timeout={settings.timeout_s * MS_PER_S} -c default_transaction_read_only=on",
            autocommit=True,
            prepare_threshold=None,
            **trust,
        )
        return PostgreSql(connection, settings.counts)

    return Connecting(settings, environment, connect=connect, errors=(psycopg.Error,))


class PostgreSql:
    """One connection, which a restart of the server ends."""

    def __init__(self, connection: Any, counts: str) -> None:
        """Use ``connection``; nothing is asked yet."""
        self._connection = connection
        self._counts = counts
        self._asked = False

    def _introduce(self) -> None:
        """Ask the server who it is and what it can tell."""
        self._server, version, number, may_read, self._schema, track = self._row(_ABOUT)
        self._version = f"PostgreSQL {version}"
        self._track = track or "top"
        if self._counts != TRANSACTIONS:
            _require_statements(number, self._schema, may_read=may_read)
        self._asked = True

    def count(self) -> Counted:
        """Return the counters now."""
        if not self._asked:
            self._introduce()
        return self._transactions() if self._counts == TRANSACTIONS else self._statements()

    def close(self) -> None:
        """End the connection."""
        self._connection.close()

    def _statements(self) -> Counted:
        reads, writes, kept = self._row(_STATEMENTS.format(schema=self._schema))
        return Counted(
            identity=f"{self._server} {kept}",
            reads=reads,
            writes=writes,
            definition=STATEMENTS_DEFINITION,
            reason=STATEMENTS_REASON.format(track=self._track),
            version=self._version,
        )

    def _transactions(self) -> Counted:
        committed, kept, base = self._row(_TRANSACTIONS)
        return Counted(
            identity=f"{self._server} reset {kept}",
            reads=committed,
            writes=None,
            definition=TRANSACTIONS_DEFINITION,
            reason=TRANSACTIONS_REASON.format(base=base),
            version=self._version,
        )

    def _row(self, statement: str) -> tuple[Any, ...]:
        row = self._connection.execute(statement).fetchone()
        if row is None:
            raise DatabaseError("the server gave no row where one is certain; is it PostgreSQL?")
        return tuple(row)


def _require_statements(number: int, schema: Optional[str], *, may_read: bool) -> None:
    if number < LEAST_VERSION:
        raise DatabaseError(
            'PostgreSQL before 14 does not tell when statements were forgotten; write counts = "transactions", '
            "which is an approximation"
        )
    if schema is None:
        raise DatabaseError(
            "pg_stat_statements is not in the database connected to; run CREATE EXTENSION pg_stat_statements "
            "there (docs/databases.md)"
        )
    if not may_read:
        raise DatabaseError(
            "the role may not read the statements of others; run GRANT pg_read_all_stats TO it"
        )
