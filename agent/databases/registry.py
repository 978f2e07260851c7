"""Which module reads which product. Its driver is imported only when a database of that product is named."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any, Callable, Optional

from agent.databases.interface import Database
from agent.databases.own import Own
from agent.databases.settings import DatabaseSettings
from agent.errors import ConfigError
from agent.state import State

PRODUCTS: Mapping[str, tuple[str, str]] = {
    "mysql": ("agent.databases.mysql", "pymysql"),
    "postgresql": ("agent.databases.postgresql", "psycopg"),
    "redis": ("agent.databases.redis_server", "redis"),
    "mongodb": ("agent.databases.mongodb", "pymongo"),
    "sqlserver": ("agent.databases.sqlserver", "pymssql"),
    "oracle": ("agent.databases.oracle", "oracledb"),
}
"""Product → module with ``open_database``, and the driver, which is also the name of its extra's package."""

COUNTED_AMONG_ALL = frozenset({"sqlserver"})
"""Products whose counters hold the reader's own statements too, which are counted and subtracted."""


def open_database(
    settings: DatabaseSettings, environment: Mapping[str, str], state: Optional[State] = None
) -> Database:
    """Return the reader of one database; it connects when it is first asked.

    Args:
        settings: which one.
        environment: where passwords may be.
        state: where the count of own statements goes on; ``None`` for a single look.

    Raises:
        ConfigError: the driver is not installed.
        StateError: the state directory cannot be read.
    """
    module, driver = PRODUCTS[settings.product]
    try:
        opener: Callable[..., Database] = import_module(module).open_database
    except ModuleNotFoundError as error:
        if error.name is None or error.name.split(".")[0] != driver:
            raise
        raise ConfigError(
            f"database {settings.name}: the driver {driver} is not installed; "
            f"run: pip install 'starproof[{settings.product}]'"
        ) from None
    more: dict[str, Any] = {}
    if settings.product in COUNTED_AMONG_ALL:
        more["own"] = Own(settings.name, state)
    return opener(settings, environment, **more)
