"""The configuration of the reader of databases: the agent's keys without its devices, and ``[[databases]]``.

``KEYS`` is the whole list for one database; ``docs/databases.md`` and ``config/examples/database.toml``
explain each key, and tests hold the three together.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Optional, Union

from agent import config
from agent.databases import passwords
from agent.errors import ConfigError
from agent.state import default_state

DEFAULT_PATH = "/etc/starproof/database.toml"
STATE = "database"
MAX_DATABASES = 32
MAX_NAME = 64
MAX_TEXT = 256

Text = Optional[str]
STATEMENTS, TRANSACTIONS, COMMITS, EXECUTIONS, BATCHES = (
    "statements",
    "transactions",
    "commits",
    "executions",
    "batches",
)
COUNTS: Mapping[str, tuple[str, ...]] = {
    "mysql": (STATEMENTS,),
    "postgresql": (STATEMENTS, TRANSACTIONS),
    "redis": (STATEMENTS,),
    "mongodb": (STATEMENTS,),
    "sqlserver": (BATCHES,),
    "oracle": (COMMITS, EXECUTIONS),
}
"""What can be counted of a product; the first is the default."""
PORTS: Mapping[str, int] = {
    "mysql": 3306,
    "postgresql": 5432,
    "redis": 6379,
    "mongodb": 27017,
    "sqlserver": 1433,
    "oracle": 1521,
}
BASES: Mapping[str, str] = {"mysql": "", "postgresql": "postgres", "sqlserver": "master"}
"""The database (Oracle: the service) that a connection is made to where none is named."""
TLS_UNSUPPORTED = ("sqlserver", "oracle")
"""Products whose drivers take their trust from files of their own (freetds.conf, the wallet)."""


@dataclass(frozen=True)
class Key:
    """One key of ``[[databases]]``: its type, and what to write when it is wrong."""

    kind: type
    advice: str
    least: int = 0
    most: int = 0


KEYS: Mapping[str, Key] = {
    "name": Key(str, 'a name such as "orders"; it stands in the evidence'),
    "product": Key(str, "one of " + ", ".join(COUNTS)),
    "host": Key(str, 'an address such as "10.0.0.5"'),
    "port": Key(int, "a TCP port", 1, 65_535),
    "user": Key(str, 'a user such as "starproof"'),
    "password_file": Key(str, 'a file such as "/etc/starproof/orders.password", mode 0600'),
    "password_env": Key(str, 'a variable such as "ORDERS_PASSWORD"'),
    "password_credential": Key(str, 'a systemd credential such as "orders"'),
    "database": Key(str, 'a database such as "postgres"; of Oracle the service'),
    "counts": Key(str, 'what is counted, such as "statements"'),
    "ca_file": Key(str, 'a file such as "/etc/starproof/ca.pem"'),
    "timeout_s": Key(int, "whole seconds", 1, 60),
}
_PASSWORDS = ("password_file", "password_env", "password_credential")


@dataclass(frozen=True)
class DatabaseSettings:
    """One database. ``repr`` hides nothing because nothing secret is here: see ``password``."""

    name: str
    product: str
    counts: str
    port: int
    host: str = "127.0.0.1"
    user: str = ""
    password_file: Text = None
    password_env: Text = None
    password_credential: Text = None
    database: str = ""
    ca_file: Text = None
    timeout_s: int = 10

    def password(self, environment: Mapping[str, str]) -> Text:
        """Return the password, ``None`` if none is named. It is read anew at every connection.

        Raises:
            ConfigError: it cannot be read.
        """
        where = f"database {self.name}"
        if self.password_file is not None:
            return passwords.of_file(self.password_file, where=where)
        if self.password_env is not None:
            return passwords.of_environment(self.password_env, environment, where=where)
        if self.password_credential is not None:
            return passwords.of_credential(self.password_credential, environment, where=where)
        return None


@dataclass(frozen=True)
class ReaderSettings:
    """The settings of the process, and the databases that it reads, in the order of the file."""

    agent: config.Settings
    databases: tuple[DatabaseSettings, ...]


def load(path: Text, **options: config.Value) -> ReaderSettings:
    """Return the settings of a file, overridden by options that are not ``None``.

    Args:
        path: the file; ``None``: ``/etc/starproof/database.toml`` if it is there, else the defaults,
            which name no database.
        options: values by key name.

    Raises:
        ConfigError: the file cannot be read, or a key is unknown or wrong.
    """
    if path is None and os.path.exists(DEFAULT_PATH):
        path = DEFAULT_PATH
    return parse(config.text_of(path) if path is not None else "", where=path or "", **options)


def parse(text: str, *, where: str, **options: config.Value) -> ReaderSettings:
    """Return the settings that a TOML text holds, overridden by options that are not ``None``.

    Raises:
        ConfigError: a key is unknown or wrong; the message names the place and what to write.
    """
    document = dict(config.toml_of(text, where))
    tables = document.pop("databases", [])
    if "devices" in document:
        raise ConfigError(f"{where}: [devices] belongs to the agent of the host; leave it out here")
    settings = config.settings_of(document, text, where=where, **options)
    if settings.state is None:
        settings = replace(settings, state=default_state(STATE))
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise ConfigError(f"{where}: write each database as a table [[databases]]")
    if len(tables) > MAX_DATABASES:
        raise ConfigError(
            f"{where}: {len(tables)} databases, at most {MAX_DATABASES} are read by one process"
        )
    databases = tuple(
        _database(table, f"{where} [[databases]] {number}") for number, table in enumerate(tables, 1)
    )
    names = [database.name for database in databases]
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise ConfigError(f"{where}: two databases are named {min(twice)!r}; give each a name of its own")
    return ReaderSettings(settings, databases)


def _database(table: Mapping[str, Any], where: str) -> DatabaseSettings:
    for name, value in table.items():
        _require_known(name, where)
        _require_fit(name, value, where)
    missing = [name for name in ("name", "product") if name not in table]
    if missing:
        raise ConfigError(f"{where}: {missing[0]} is missing; write {KEYS[missing[0]].advice}")
    product = table["product"]
    if product not in COUNTS:
        raise ConfigError(f"{where}: product is {product!r}; write {KEYS['product'].advice}")
    counts = table.get("counts", COUNTS[product][0])
    if counts not in COUNTS[product]:
        raise ConfigError(f"{where}: counts is {counts!r}; of {product} write {' or '.join(COUNTS[product])}")
    if sum(name in table for name in _PASSWORDS) > 1:
        raise ConfigError(f"{where}: write only one of {', '.join(_PASSWORDS)}")
    if product == "oracle" and "database" not in table:
        raise ConfigError(f"{where}: database is missing; name the service of the reader's own")
    if "ca_file" in table and product in TLS_UNSUPPORTED:
        raise ConfigError(f"{where}: ca_file is not for {product}; its driver has a configuration of its own")
    defaults: dict[str, Union[str, int]] = {
        "counts": counts,
        "port": PORTS[product],
        "database": BASES.get(product, ""),
    }
    return DatabaseSettings(**{**defaults, **table})


def _require_known(name: str, where: str) -> None:
    if name == "password":
        raise ConfigError(
            f"{where}: a password does not stand in this file; write it to a file of its own and name that "
            "as password_file"
        )
    if name not in KEYS:
        near = difflib.get_close_matches(name, KEYS, n=1)
        hint = f"did you mean {near[0]}?" if near else f"known keys: {', '.join(KEYS)}"
        raise ConfigError(f"{where}: unknown key {name}; {hint}")


def _require_fit(name: str, value: Any, where: str) -> None:
    key = KEYS[name]
    fits = _is_text(name, value) if key.kind is str else type(value) is int
    if not fits:
        raise ConfigError(f"{where}: {name} must be {key.advice}")
    if key.kind is int and not key.least <= int(value) <= key.most:
        raise ConfigError(f"{where}: {name} is {value}; write {key.advice} from {key.least} to {key.most}")


def _is_text(name: str, value: Any) -> bool:
    longest = MAX_NAME if name == "name" else MAX_TEXT
    return isinstance(value, str) and 0 < len(value) <= longest and value.isprintable()
