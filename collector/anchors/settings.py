"""Which anchors there are: the file ``anchors.toml``, read strictly (docs/anchors.md).

As in ``sources.toml`` the file says where a secret is, never what it is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import tomllib

from collector.anchors.interface import SUFFIXES
from collector.errors import SettingsError
from collector.names import nearest
from collector.polling.accounts import read_text
from collector.polling.references import require_reference

MAX_ANCHORS = 16
_ALIAS = re.compile(r"[a-z0-9][a-z0-9-]{0,31}\Z")
_EXAMPLE = 'write every anchor as a table [[anchors]] with alias and kind, such as kind = "mail"'


@dataclass(frozen=True)
class AnchorSettings:
    """One table of the file; ``values`` is what the kind asks for and checks itself."""

    alias: str
    kind: str
    where: str
    values: Mapping[str, Any] = field(default_factory=dict)


def read_anchors(path: Path) -> tuple[AnchorSettings, ...]:
    """Return the anchors in a file; none if there is no such file.

    Raises:
        SettingsError: the file cannot be read, or names the key that is wrong.
    """
    return parse_anchors(read_text(path), where=str(path))


def parse_anchors(text: str, *, where: str) -> tuple[AnchorSettings, ...]:
    """Return the anchors in the text of a file; their own keys are checked when they are opened.

    Raises:
        SettingsError: not TOML, an unknown key or kind, or an alias stands twice.
    """
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{where} is not a TOML file: {error}") from None
    for key in document:
        if key != "anchors":
            raise SettingsError(f"{where}: unknown key {key!r}; {_EXAMPLE}")
    entries = document.get("anchors", [])
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise SettingsError(f"{where}: {_EXAMPLE}")
    if len(entries) > MAX_ANCHORS:
        raise SettingsError(f"{where}: {len(entries)} anchors, at most {MAX_ANCHORS}")
    found = tuple(_anchor(entry, f"{where}: anchor {place}") for place, entry in enumerate(entries, 1))
    seen: set[str] = set()
    for one in found:
        if one.alias in seen:
            raise SettingsError(f"{where}: the alias {one.alias!r} stands twice; choose another one")
        seen.add(one.alias)
    return found


def find(anchors: tuple[AnchorSettings, ...], alias: str) -> AnchorSettings:
    """Return the anchor with this alias.

    Raises:
        SettingsError: there is none.
    """
    by_alias = {one.alias: one for one in anchors}
    if alias not in by_alias:
        hint = nearest(alias, by_alias) if by_alias else "; none is configured, see docs/anchors.md"
        raise SettingsError(f"there is no anchor {alias!r}{hint}")
    return by_alias[alias]


class Values:
    """Typed access to the keys of one anchor; refuses those that its kind does not know."""

    def __init__(self, settings: AnchorSettings, known: tuple[str, ...]) -> None:
        self._values, self.where = settings.values, settings.where
        for key in self._values:
            if key not in known:
                raise SettingsError(f"{self.where}: unknown key {key!r}{nearest(key, known)}")

    def text(self, key: str, default: str | None = None) -> str:
        """Return a text. ``default`` ``None``: it is needed.

        Raises:
            SettingsError: missing or no text.
        """
        value = self._values.get(key, default)
        if not isinstance(value, str) or (default is None and not value) or not value.isprintable():
            raise SettingsError(f"{self.where}: {key} is needed, a text of printable characters")
        return value

    def number(self, key: str, default: int, *, least: int, most: int) -> int:
        """Return a whole number in [least, most].

        Raises:
            SettingsError: anything else.
        """
        value = self._values.get(key, default)
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            raise SettingsError(f"{self.where}: {key} is a whole number from {least} to {most}")
        return value

    def choice(self, key: str, allowed: tuple[str, ...]) -> str:
        """Return one of ``allowed``, by default the first.

        Raises:
            SettingsError: anything else.
        """
        value = self._values.get(key, allowed[0])
        if value not in allowed:
            raise SettingsError(f"{self.where}: {key} is one of {', '.join(allowed)}")
        return str(value)

    def reference(self, key: str) -> str:
        """Return where a secret is, empty if none is named.

        Raises:
            SettingsError: it is no reference.
        """
        value = self._values.get(key, "")
        return require_reference(value, f"{self.where}: {key}") if value else ""


def _anchor(entry: Mapping[str, Any], where: str) -> AnchorSettings:
    alias = entry.get("alias")
    if not isinstance(alias, str) or not _ALIAS.match(alias):
        raise SettingsError(f"{where}: alias is needed: at most 32 lower-case letters, digits and hyphens")
    kind = entry.get("kind")
    if not isinstance(kind, str) or kind not in SUFFIXES:
        raise SettingsError(f"{where} ({alias}): kind is one of {', '.join(SUFFIXES)}")
    values = {key: value for key, value in entry.items() if key not in ("alias", "kind")}
    return AnchorSettings(alias, kind, f"{where} ({alias})", values)
