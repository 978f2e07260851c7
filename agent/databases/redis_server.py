"""Redis and Valkey: ``INFO commandstats``, each command by what the server itself says it is.

A command counts as a read if the server's own table (``COMMAND``) flags it ``readonly``, as a write if
``write``. Commands inside of MULTI and scripts count one by one; EVAL, FCALL and the like do not count
beside them, nor does anything that is neither (PING, INFO, AUTH, PUBLISH). Calls that were rejected
before they ran do not count. The reader asks with INFO and COMMAND, which are neither.

Identity: ``run_id``, new at every start. CONFIG RESETSTAT leaves no stamp: it is seen because some
command has fewer calls than before, and from then on the identity is another one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Callable, Optional

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from agent.databases.connecting import Connecting
from agent.databases.interface import Counted, Database, DatabaseError
from agent.databases.settings import DatabaseSettings
from agent.runner import wall_ms

DEFINITION = "redis.commands/1"
REASON = "calls of INFO commandstats, commands that the server flags readonly or write; not EVAL or FCALL"
READ, WRITE = "readonly", "write"
SCRIPTS = frozenset({"eval", "eval_ro", "evalsha", "evalsha_ro", "fcall", "fcall_ro"})
_PREFIX = "cmdstat_"


def open_database(settings: DatabaseSettings, environment: Mapping[str, str]) -> Database:
    """Return the reader of a Redis server."""
    resets = Resets(wall_ms)

    def connect(password: Optional[str]) -> Database:
        place: dict[str, Any] = {"host": settings.host, "port": settings.port}
        if settings.host.startswith("/"):
            place = {"unix_socket_path": settings.host}
        if settings.ca_file is not None:
            place |= {"ssl": True, "ssl_ca_certs": settings.ca_file}
        client = redis.Redis(
            **place,
            username=settings.user or None,
            password=password,
            socket_connect_timeout=settings.timeout_s,
            socket_timeout=settings.timeout_s,
            retry=Retry(NoBackoff(), 0),  # the next reading is the next try
            single_connection_client=True,
            decode_responses=True,
        )
        return RedisServer(client, resets)

    return Connecting(settings, environment, connect=connect, errors=(redis.RedisError,))


class Resets:
    """Remembers the calls of the last answer, to see that they were set back."""

    def __init__(self, clock_ms: Callable[[], int]) -> None:
        """Begin with nothing seen."""
        self._clock_ms = clock_ms
        self._run_id = ""
        self._calls: Mapping[str, int] = {}
        self._stamp = ""

    def stamp(self, run_id: str, calls: Mapping[str, int]) -> str:
        """Return what the identity says of resets: empty, or when one was noticed."""
        if run_id != self._run_id:
            self._stamp = ""
        elif any(calls.get(name, 0) < before for name, before in self._calls.items()):
            self._stamp = f" reset before {self._clock_ms()}"
        self._run_id, self._calls = run_id, calls
        return self._stamp


class RedisServer:
    """One connection."""

    def __init__(self, client: Any, resets: Resets) -> None:
        """Use ``client``; nothing is asked yet."""
        self._client = client
        self._resets = resets
        self._kinds: dict[str, str] = {}

    def count(self) -> Counted:
        """Return the counters now."""
        if not self._kinds:
            self._kinds = kinds(self._client.execute_command("COMMAND"))
        about = self._client.info("server")
        stats = self._client.info("commandstats")
        calls = {
            name[len(_PREFIX) :]: int(entry["calls"])
            for name, entry in stats.items()
            if name.startswith(_PREFIX)
        }
        run_id = about.get("run_id")
        if not run_id:
            raise DatabaseError("the server does not tell its run_id; is it Redis?")
        return Counted(
            identity=f"{run_id}{self._resets.stamp(run_id, calls)}",
            reads=self._sum(calls, READ),
            writes=self._sum(calls, WRITE),
            definition=DEFINITION,
            reason=REASON,
            version=f"Redis {about.get('redis_version', '')}".strip(),
        )

    def close(self) -> None:
        """End the connection."""
        self._client.close()

    def _sum(self, calls: Mapping[str, int], kind: str) -> int:
        return sum(number for name, number in calls.items() if self._kinds.get(name) == kind)


def kinds(table: object) -> dict[str, str]:
    """Return by command, ``container|subcommand`` for those that have one, whether it reads or writes.

    Args:
        table: the answer of COMMAND, as the driver's versions give it: a mapping by name, or a list.
    """
    found: dict[str, str] = {}
    for name, flags, inner in _entries(table):
        words = {str(flag).lower() for flag in flags}
        for kind in (READ, WRITE):
            if kind in words and name not in SCRIPTS:
                found[name] = kind
        found.update(kinds(inner))
    return found


def _entries(table: object) -> Iterable[tuple[str, Iterable[object], object]]:
    for entry in table.values() if isinstance(table, Mapping) else table or ():  # type: ignore[attr-defined]
        if isinstance(entry, Mapping):
            yield str(entry["name"]).lower(), entry["flags"], entry.get("subcommands") or ()
        else:
            name, _, flags, *rest = entry
            yield str(name).lower(), flags, rest[6] if len(rest) > 6 else ()  # noqa: PLR2004 - the tenth element
