"""The file of account sources: TOML, strict, secrets by reference only.

key = "file:/etc/starproof/account.key"      # starproof account-key --out FILE
domains = ["corp", "corp.example.com"]       # optional: user@corp.example.com is user

[[source]]
alias = "oa"
kind = "sql"
url = "file:/etc/starproof/oa.url"
query = "SELECT account, day FROM logins WHERE day >= :first AND day < :after"
definition = "success/1"
exclude = ["backup", "probe"]

[[source]]
alias = "dingtalk"
kind = "dingtalk"
app_key = "dingabc"
secret = "file:/etc/starproof/dingtalk.secret"
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tomllib

from collector.accounts import dingtalk
from collector.accounts.counting import Hashing
from collector.accounts.dingtalk import DingTalk
from collector.accounts.errors import AccountsError
from collector.accounts.interface import AccountSource
from collector.accounts.sql import MOST_TIMEOUT_S, SqlAccounts
from collector.accounts.storing import Telling
from collector.sources.calling import real_clocks
from collector.sources.secrets import Secret, read_secret
from collector.sources.web import Web, require_private
from evidence.accounts import parse_key

MAX_FILE_BYTES = 1024 * 1024
DEFAULT_DEFINITION = "success/1"
DEFAULT_TIMEOUT_S = 60
_SHARED = ("alias", "kind", "definition", "exclude")
_KINDS = {
    "sql": ("url", "query", "timeout_s"),
    "dingtalk": ("app_key", "secret", "address"),
}

ReadSecret = Callable[[str], Secret]


@dataclass(frozen=True)
class Configured:
    """One source of the file, ready to be asked, and how its accounts are stored."""

    source: AccountSource
    telling: Telling
    hashing: Hashing


def read_settings(path: Path, *, secret: ReadSecret = read_secret) -> dict[str, Configured]:
    """Return the sources of the file by alias.

    Raises:
        AccountsError: the file cannot be read or is wrong; the message names the entry, no secret.
        CollectorError: a secret cannot be read.
        MalformedError: the account key's file does not hold one.
    """
    document = _document(path)
    _allow(document, ("key", "source"), ("domains",), where="the file")
    key = parse_key(secret(_text(document, "key", "the file")).reveal())
    domains = _texts(document, "domains", "the file")
    entries = document["source"]
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise AccountsError("source must be a list of tables, each written [[source]]")
    found: dict[str, Configured] = {}
    for number, entry in enumerate(entries, 1):
        where = f"[[source]] number {number}"
        kind = entry.get("kind")
        if kind not in _KINDS:
            raise AccountsError(f"{where}: kind must be one of {', '.join(_KINDS)}")
        needed = ("alias", "kind", *(name for name in _KINDS[kind] if name not in ("timeout_s", "address")))
        _allow(
            entry,
            needed,
            ("definition", "exclude", "timeout_s", "address"),
            where=where,
            known=(*_SHARED, *_KINDS[kind]),
        )
        alias = _text(entry, "alias", where)
        if alias in found:
            raise AccountsError(f"{where}: the alias {alias!r} stands twice")
        source = _sql(entry, where, secret) if kind == "sql" else _dingtalk(entry, where, secret)
        usual = dingtalk.DEFINITION if kind == "dingtalk" else DEFAULT_DEFINITION
        definition = _text(entry, "definition", where) if "definition" in entry else usual
        found[alias] = Configured(
            source,
            Telling(alias, source.origin, definition),
            Hashing(key, domains, _texts(entry, "exclude", where)),
        )
    return found


def _sql(entry: Mapping[str, Any], where: str, secret: ReadSecret) -> SqlAccounts:
    timeout_s = entry.get("timeout_s", DEFAULT_TIMEOUT_S)
    if isinstance(timeout_s, bool) or not isinstance(timeout_s, int) or not 0 < timeout_s <= MOST_TIMEOUT_S:
        raise AccountsError(f"{where}: timeout_s must be an integer from 1 to {MOST_TIMEOUT_S}")
    return SqlAccounts(secret(_text(entry, "url", where)), _text(entry, "query", where), timeout_s=timeout_s)


def _dingtalk(entry: Mapping[str, Any], where: str, secret: ReadSecret) -> DingTalk:
    address = _text(entry, "address", where) if "address" in entry else dingtalk.ADDRESS
    require_private(address, plain_allowed=False)
    return DingTalk(
        Web(real_clocks()),
        _text(entry, "app_key", where),
        secret(_text(entry, "secret", where)),
        address.rstrip("/"),
    )


def _document(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_FILE_BYTES + 1)
        if len(data) > MAX_FILE_BYTES:
            raise AccountsError(f"{path} is larger than {MAX_FILE_BYTES} bytes")
        return tomllib.loads(data.decode())
    except OSError as error:
        raise AccountsError(f"cannot read {path}: {error.strerror}") from None
    except ValueError:
        raise AccountsError(f"{path} is not TOML in UTF-8; see docs/users.md for an example") from None


def _allow(
    table: Mapping[str, Any],
    needed: tuple[str, ...],
    optional: tuple[str, ...],
    *,
    where: str,
    known: tuple[str, ...] | None = None,
) -> None:
    for name in table:
        if name not in (known or (*needed, *optional)):
            raise AccountsError(
                f"{where}: unknown key {name!r}; there are {', '.join(known or (*needed, *optional))}"
            )
    for name in needed:
        if name not in table:
            raise AccountsError(f"{where}: the key {name!r} is missing")


def _text(table: Mapping[str, Any], name: str, where: str) -> str:
    value = table[name]
    if not isinstance(value, str) or not value.strip():
        raise AccountsError(f'{where}: {name} must be a text, such as {name} = "…"')
    return value


def _texts(table: Mapping[str, Any], name: str, where: str) -> tuple[str, ...]:
    value = table.get(name, [])
    if not isinstance(value, list) or not all(isinstance(item, str) and item.strip() for item in value):
        raise AccountsError(f'{where}: {name} must be a list of texts, such as {name} = ["backup"]')
    return tuple(value)
