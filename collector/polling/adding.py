"""Adding an account to ``sources.toml`` and taking one out: the text of all others stays as it is."""

from __future__ import annotations

import json
import os
import re
import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from collector.errors import SettingsError
from collector.ownership import adopt, owner_like, remedy
from collector.polling.accounts import MS_PER_S, Account, find, parse_accounts, read_text

_MODE = 0o600
_HEADER = re.compile(r"[ \t]*\[\[[ \t]*sources[ \t]*\]\]")


def add(path: Path, account: Account) -> None:
    """Write an account to the file, which is made if there is none. All of it or nothing.

    Raises:
        SettingsError: with it the file would be wrong, or it cannot be written.
    """
    before = read_text(path)
    joint = "" if not before else "\n" if before.endswith("\n") else "\n\n"
    text = before + joint + entry(account)
    parse_accounts(text, where=str(path))
    _write(path, text)


def remove(path: Path, alias: str) -> None:
    """Take an account out of the file; the text of all others stays as it is. All of it or nothing.

    Raises:
        SettingsError: there is no such account, it is not written as a table of its own, or the
            file cannot be written.
    """
    before = read_text(path)
    accounts = parse_accounts(before, where=str(path))
    find(accounts, alias)
    lines = before.splitlines(keepends=True)
    begins = [number for number, line in enumerate(lines) if _HEADER.match(line)]
    place = [account.alias for account in accounts].index(alias)
    left = [account for account in accounts if account.alias != alias]
    if len(begins) == len(accounts):
        end = begins[place + 1] if place + 1 < len(begins) else len(lines)
        text = "".join([*lines[: begins[place]], *lines[end:]])
        if _reads_as(text, left):
            _write(path, text)
            return
    raise SettingsError(f"{path}: {alias} is not written as a table of its own; take it out with an editor")


def _reads_as(text: str, accounts: Sequence[Account]) -> bool:
    try:
        return list(parse_accounts(text, where="the file")) == list(accounts)
    except SettingsError:
        return False


def _write(path: Path, text: str) -> None:
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        mode = path.stat().st_mode & 0o777 if path.exists() else _MODE
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                adopt(file.fileno(), owner_like(path))
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise SettingsError(f"cannot write {path}: {error.strerror}{remedy(path, error)}") from None


def entry(account: Account) -> str:
    """Return the account as a table of the file; what is left to its default is left out."""
    plain: dict[str, Any] = {
        "alias": account.alias,
        "provider": account.provider,
        "regions": list(account.regions),
        "credential": account.credential,
        "metrics": list(account.metrics),
        "period_s": None if account.period_ms is None else account.period_ms // MS_PER_S,
        "every_s": account.every_ms // MS_PER_S,
        "backfill_days": account.backfill_days,
        "instances": "mapped" if account.only_mapped else None,
        "bills": None if account.bills else False,
    }
    lines = ["[[sources]]"]
    lines += [f"{key} = {_value(value)}" for key, value in plain.items() if value not in (None, "", [])]
    for name, table in (("hosts", account.hosts), ("settings", account.settings)):
        if table:
            lines += [f"[sources.{name}]"]
            lines += [f"{_value(key)} = {_value(value)}" for key, value in table.items()]
    return "\n".join(lines) + "\n"


def _value(value: object) -> str:
    """A JSON text, number or truth value is a TOML one; tables are written on one line."""
    if isinstance(value, dict):
        inside = ", ".join(f"{_value(key)} = {_value(one)}" for key, one in value.items())
        return f"{{ {inside} }}"
    if isinstance(value, list):
        return f"[{', '.join(map(_value, value))}]"
    return json.dumps(value, ensure_ascii=False)
