"""Passwords: from a file, the environment or a systemd credential; never in a log or an error text."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from typing import Optional

from agent.errors import ConfigError

MAX_PASSWORD_BYTES = 4_096
MAX_REASON = 160
HIDDEN = "***"
_OPEN_TO_OTHERS = 0o077
_CREDENTIALS = "CREDENTIALS_DIRECTORY"
"""Set by systemd for a service with LoadCredential=; see systemd.exec(5)."""


def of_file(path: str, *, where: str) -> str:
    """Return the password in a file, without the line feed at its end.

    Raises:
        ConfigError: it cannot be read, is empty, or others may read it.
    """
    try:
        with open(path, "rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            data = file.read(MAX_PASSWORD_BYTES + 1)
    except OSError as error:
        raise ConfigError(f"{where}: the password file {path} cannot be read: {error.strerror}") from None
    if os.name != "nt" and stat.S_IMODE(mode) & _OPEN_TO_OTHERS:
        raise ConfigError(f"{where}: the password file {path} can be read by others; run chmod 600 on it")
    return _text(data, f"{where}: the password file {path}")


def of_environment(name: str, environment: Mapping[str, str], *, where: str) -> str:
    """Return the password in a variable of the environment.

    Raises:
        ConfigError: it is not set, or empty.
    """
    value = environment.get(name, "")
    if not value:
        raise ConfigError(f"{where}: the variable {name} is not set; set it for this process")
    return value


def of_credential(name: str, environment: Mapping[str, str], *, where: str) -> str:
    """Return the password in a credential that systemd handed to the service.

    Raises:
        ConfigError: there is no such credential, or it is empty.
    """
    folder = environment.get(_CREDENTIALS)
    if not folder or "/" in name:
        raise ConfigError(
            f"{where}: there is no credential {name}; write LoadCredential={name}:FILE in the unit's drop-in"
        )
    try:
        with open(os.path.join(folder, name), "rb") as file:
            data = file.read(MAX_PASSWORD_BYTES + 1)
    except OSError as error:
        raise ConfigError(
            f"{where}: the credential {name} cannot be read: {error.strerror}; "
            f"write LoadCredential={name}:FILE in the unit's drop-in"
        ) from None
    return _text(data, f"{where}: the credential {name}")


def reason(error: BaseException, password: Optional[str]) -> str:
    """Return the words of a driver's error in one line, its kind in front, the password hidden."""
    text = " ".join(str(error).split())
    if password:
        text = text.replace(password, HIDDEN)
    return f"{type(error).__name__}: {text[:MAX_REASON]}"


def _text(data: bytes, what: str) -> str:
    if len(data) > MAX_PASSWORD_BYTES:
        raise ConfigError(f"{what} is longer than {MAX_PASSWORD_BYTES} bytes; it is no password")
    try:
        text = data.decode("utf-8").rstrip("\r\n")
    except UnicodeDecodeError:
        raise ConfigError(f"{what} is not UTF-8 text") from None
    if not text:
        raise ConfigError(f"{what} is empty")
    return text
