"""The servers of a cluster: connections, one statement at a time, and errors that say which server it was.

A shard's replicas are asked in turn until one answers. The driver is imported when the first connection is
made: who has no cluster needs none.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from collector.errors import ClusterError, CollectorError
from collector.sources.secrets import read_secret
from collector.store.clickhouse.settings import Address, ClusterSettings

CONNECT_S = 5
ANSWER_S = 60
MOST_IDLE = 8
"""Connections kept open for each server."""
MAX_SAID = 300
READ_ONLY = 242
"""TABLE_IS_READ_ONLY: a replica without its ZooKeeper, just started perhaps; another one may take what it refuses."""
Rows = list[tuple[Any, ...]]
T = TypeVar("T")

_BYTES = {"strings_as_bytes": True}
"""Texts come as bytes: frames are none, and the driver would decode those that happen to look like UTF-8."""


class Cluster:
    """A cluster that somebody's settings name. Threads may share it."""

    def __init__(self, settings: ClusterSettings) -> None:
        """Connect to nothing yet."""
        self.settings = settings
        self._idle: dict[Address, deque[Any]] = {
            address: deque(maxlen=MOST_IDLE) for replicas in settings.shards for address in replicas
        }

    @property
    def shards(self) -> range:
        """The numbers of the shards."""
        return range(len(self.settings.shards))

    def replicas(self, shard: int) -> tuple[Address, ...]:
        """Return the servers of a shard."""
        return self.settings.shards[shard]

    def ask(self, shard: int, statement: str, values: Mapping[str, Any]) -> Rows:
        """Return the rows of a query, from the first replica of a shard that answers; texts are bytes.

        Raises:
            ClusterError: none answers, or a server refuses the query.
        """
        return self._first(shard, lambda address: self.ask_server(address, statement, values))

    def ask_server(self, address: Address, statement: str, values: Mapping[str, Any]) -> Rows:
        """Return the rows of a query, from this server; texts are bytes.

        Raises:
            ClusterError: it does not answer, or refuses the query.
        """
        with self._client(address) as client:
            rows: Rows = client.execute(statement, dict(values) or None, settings=_BYTES)
            return rows

    def insert(self, shard: int, statement: str, rows: Sequence[tuple[Any, ...]]) -> None:
        """Insert rows into a shard; when this returns, one replica has written all of them.

        Raises:
            ClusterError: none did, or some of the rows may be there.
        """

        def send(address: Address) -> None:
            with self._client(address) as client:
                client.execute(statement, rows)

        self._first(shard, send)

    def order(self, shard: int, statement: str, values: Mapping[str, Any]) -> None:
        """Run a statement without rows on the first replica of a shard that answers.

        Raises:
            ClusterError: none answers, or a server refuses it.
        """
        self._first(shard, lambda address: self.run(address, statement, values))

    def run(self, address: Address, statement: str, values: Mapping[str, Any] | None = None) -> None:
        """Run a statement without rows on one server.

        Raises:
            ClusterError: it does not answer, or refuses it.
        """
        with self._client(address) as client:
            client.execute(statement, dict(values or {}) or None)

    def close(self) -> None:
        """Close the connections that nobody uses."""
        for idle in self._idle.values():
            while idle:
                idle.pop().disconnect()

    def _first(self, shard: int, work: Callable[[Address], T]) -> T:
        unreachable: ClusterError | None = None
        for address in self.replicas(shard):
            try:
                return work(address)
            except ClusterError as error:
                if not error.unreachable:
                    raise
                unreachable = error
        raise unreachable or ClusterError(f"shard {shard + 1} has no server")

    @contextmanager
    def _client(self, address: Address) -> Iterator[Any]:
        """Give a connection to a server that nobody else uses; after an error it is closed."""
        errors = _driver_errors()
        try:
            client = self._idle[address].pop()
        except IndexError:
            client = self._connected(address)
        try:
            yield client
        except errors.ServerException as error:
            client.disconnect()
            refused = ClusterError(f"ClickHouse at {address} reports: {_first_line(error)}")
            refused.unreachable = error.code == READ_ONLY
            raise refused from None
        except (errors.Error, OSError, EOFError) as error:
            client.disconnect()
            refused = ClusterError(f"ClickHouse at {address} does not answer: {_first_line(error)}")
            refused.unreachable = True
            raise refused from None
        except BaseException:
            client.disconnect()
            raise
        if len(self._idle[address]) < MOST_IDLE:
            self._idle[address].append(client)
        else:
            client.disconnect()

    def _connected(self, address: Address) -> Any:
        from clickhouse_driver import Client  # noqa: PLC0415 - an extra, see the module

        settings = self.settings
        try:
            password = read_secret(settings.password).reveal() if settings.password else ""
        except CollectorError as error:
            raise ClusterError(f"the password of ClickHouse cannot be read: {error}") from None
        return Client(
            address.host,
            port=address.port,
            user=settings.user,
            password=password,
            database="default",  # there before ours is made; every statement names its own
            secure=settings.secure,
            verify=True,
            ca_certs=str(settings.ca_file) if settings.ca_file else None,
            connect_timeout=CONNECT_S,
            send_receive_timeout=ANSWER_S,
            client_name="starproof",
        )


def _driver_errors() -> Any:
    try:
        from clickhouse_driver import errors  # noqa: PLC0415 - an extra, see the module
    except ModuleNotFoundError:
        raise ClusterError(
            "the driver for ClickHouse is not installed; pip install 'starproof[clickhouse]'"
        ) from None
    return errors


def _first_line(error: BaseException) -> str:
    """Return what an error says without the server's stack trace."""
    text = str(error).split("Stack trace:")[0]
    return " ".join(text.split())[:MAX_SAID]
