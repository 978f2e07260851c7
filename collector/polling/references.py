"""Settings say where a secret is, never what it is: a text that is no reference is refused unrepeated."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from collector.errors import SettingsError

_REFERENCE = re.compile(r"(?:file:/|env:|systemd:).+\Z", re.DOTALL)
_USER_INFO = re.compile(r"://\S*@")
"""Passwords hold slashes, too; no address of ours needs an @ elsewhere."""
_SECRET_KEY = re.compile(r"secret|passw|token|credential|private|api_?key|bearer|^value\Z", re.IGNORECASE)
"""Settings of the providers that hold a secret; ``value`` is that of a header to log in with."""


def names_secret(key: str) -> bool:
    """Return whether a setting is called like one that holds a secret."""
    return bool(_SECRET_KEY.search(key))


def require_reference(text: object, where: str) -> str:
    """Return ``text`` if it says where a secret is.

    Raises:
        SettingsError: it does not. It is not repeated: it may be the secret.
    """
    if not isinstance(text, str) or not _REFERENCE.match(text):
        raise SettingsError(
            f"{where} says where the secret is: file:/PATH, env:NAME or systemd:NAME; "
            "the secret itself is not written here"
        )
    return text


def require_references(table: Mapping[str, Any], where: str) -> None:
    """Check that whatever is called like a secret is a reference, however deep it stands.

    Raises:
        SettingsError: something is none, or an address has a password in it.
    """
    for key, value in table.items():
        if isinstance(value, dict):
            require_references(value, f"{where}.{key}")
        elif names_secret(key):
            require_reference(value, f"{where}.{key}")
        elif any(_USER_INFO.search(text) for text in _texts_in(value)):
            raise SettingsError(
                f"{where}.{key} is an address with a user or password in it; name them as credentials"
            )


def _texts_in(value: object) -> list[str]:
    values = value if isinstance(value, list) else [value]
    return [text for text in values if isinstance(text, str)]
