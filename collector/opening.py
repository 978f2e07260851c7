"""Opening the collector's store for a command: migrate, name its owner, find its keys."""

from __future__ import annotations

import time
from dataclasses import dataclass

from collector.keyring import Keyring
from collector.settings import default_database_url, key_directory
from collector.store import checkpoints, registry
from collector.store.engine import Store, open_engine, open_engine_for_reading
from collector.store.registry import Identity
from evidence.sources import SIGNED_BY_HOSTS


@dataclass(frozen=True)
class OpenStore:
    """A store with its owner and the collector's keys."""

    store: Store
    opened_as: Identity
    keyring: Keyring
    is_new: bool = False
    """Nobody had said before whose store it is."""

    @property
    def identity(self) -> Identity:
        """Whose store this is; asked for anew, because the name may change until a record carries it.

        Raises:
            StoreError: the store cannot be read.
        """
        with self.store.reading() as connection:
            return registry.identity(connection)


def wall_clock_ms() -> int:
    """Return the wall clock in ms since 1970."""
    return time.time_ns() // 1_000_000


def open_store(
    url: str | None = None,
    *,
    enterprise: str | None = None,
    timezone: str | None = None,
    first: Identity | None = None,
    now_ms: int | None = None,
) -> OpenStore:
    """Open (or create) the store at ``url``; values that are ``None`` stay as they are.

    ``first`` names the owner of a store that has none yet, and changes no other.

    Raises:
        StoreError: it cannot be opened, or belongs to another enterprise or zone.
        MalformedError: the zone does not exist.
    """
    url = url or default_database_url()
    store = open_engine(url)
    try:
        identity = _as_it_is(store)
        is_new = identity is None
        if identity is None and first is not None:
            enterprise, timezone = enterprise or first.enterprise, timezone or first.timezone
        if identity is None or (enterprise or timezone):
            with store.writing() as connection:
                identity = registry.set_up(
                    connection,
                    enterprise=enterprise,
                    timezone=timezone,
                    now_ms=wall_clock_ms() if now_ms is None else now_ms,
                )
    except BaseException:
        store.close()
        raise
    return OpenStore(store, identity, keyring_of(store, url), is_new)


def open_store_for_reading(url: str) -> OpenStore:
    """Open the store at ``url`` as it is: nothing is created, migrated or changed, keys are not made.

    Raises:
        StoreError: there is none, or it cannot be read.
        StoreMismatchError: its schema is another version's, or nobody has said whose it is.
    """
    store = open_engine_for_reading(url)
    try:
        with store.reading() as connection:
            identity = registry.identity(connection)
    except BaseException:
        store.close()
        raise
    return OpenStore(store, identity, keyring_of(store, url))


def keyring_of(store: Store, url: str) -> Keyring:
    """Return the keys of a store: its log key is made only while nobody has been told of one."""
    return Keyring(key_directory(url), lambda: _log_is_known(store))


def _log_is_known(store: Store) -> bool:
    """Return whether hosts were enrolled, which are told the log's key, or a checkpoint was signed with it."""
    with store.reading() as connection:
        return checkpoints.newest(connection) is not None or registry.has_enrolled(
            connection, SIGNED_BY_HOSTS
        )


def placeholder_warning(remedy: str) -> str:
    """Return the line for who makes a store without naming the enterprise; ``remedy`` ends it."""
    return (
        f"warning 警告: the enterprise's name is the placeholder {registry.DEFAULT_ENTERPRISE} "
        f"and cannot change once data exist; {remedy}"
    )


def _as_it_is(store: Store) -> Identity | None:
    """Opening must not wait for a writer when there is nothing to write."""
    with store.reading() as connection:
        return registry.identity(connection) if registry.is_set_up(connection) else None
