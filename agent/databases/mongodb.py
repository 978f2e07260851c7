"""MongoDB: ``opcounters`` of ``serverStatus``.

Reads are ``query`` (find), writes are ``insert`` (each document), ``update`` and ``delete`` (each
statement). ``getmore`` fetches more of the same query and does not count; ``command`` holds everything
else, aggregate and count among it, mixed with the server's own and the reader's, and does not count
either: the figure is too low, never too high. Operations that a member of a replica set only repeats
stand in ``opcountersRepl`` and are left out.

Identity: the host as the server names itself, and ``topologyVersion.processId``, which is new with every start. Nothing sets
the counters back while the server runs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Optional

import pymongo
from pymongo.errors import PyMongoError

from agent.databases.connecting import Connecting
from agent.databases.interface import Counted, Database, DatabaseError
from agent.databases.settings import DatabaseSettings

DEFINITION = "mongodb.opcounters/1"
REASON = "opcounters query; insert (documents), update, delete; not getmore, not command (aggregate, count)"
MS_PER_S = 1_000


def open_database(settings: DatabaseSettings, environment: Mapping[str, str]) -> Database:
    """Return the reader of one MongoDB server, a member of a replica set by itself."""

    def connect(password: Optional[str]) -> Database:
        wait_ms = settings.timeout_s * MS_PER_S
        known: dict[str, Any] = {}
        if settings.user:
            known = {"username": settings.user, "password": password, "authSource": "admin"}
        if settings.ca_file is not None:
            known |= {"tls": True, "tlsCAFile": settings.ca_file}
        return MongoDb(
            pymongo.MongoClient(
                host=settings.host,
                port=settings.port,
                directConnection=True,
                serverSelectionTimeoutMS=wait_ms,
                connectTimeoutMS=wait_ms,
                socketTimeoutMS=wait_ms,
                appname="starproof-database",
                **known,
            )
        )

    return Connecting(settings, environment, connect=connect, errors=(PyMongoError,))


class MongoDb:
    """One client, which the driver reconnects by itself; the identity tells a restart."""

    def __init__(self, client: Any) -> None:
        """Use ``client``."""
        self._client = client

    def count(self) -> Counted:
        """Return the counters now."""
        hello = self._client.admin.command("hello")
        status = self._client.admin.command(
            "serverStatus", repl=0, metrics=0, locks=0, wiredTiger=0, tcmalloc=0
        )
        process = hello.get("topologyVersion", {}).get("processId")
        if process is None:
            raise DatabaseError("the server does not tell its processId; MongoDB 4.4 or later is needed")
        counters = status["opcounters"]
        return Counted(
            identity=f"{status['host']} process {process}",
            reads=int(counters["query"]),
            writes=sum(int(counters[name]) for name in ("insert", "update", "delete")),
            definition=DEFINITION,
            reason=REASON,
            version=f"MongoDB {status['version']}",
        )

    def close(self) -> None:
        """End the connection."""
        self._client.close()
