"""Settings of a cloud account: a table of the collector's settings, checked.

Unknown keys are refused with the nearest name. Secrets stand there as references only.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from collector.errors import SettingsError
from collector.names import nearest

MAX_REGIONS = 64
_REGION = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?")


class AccountTable:
    """One account's settings under the name of its source, such as ``aliyun``."""

    def __init__(self, settings: Mapping[str, Any], *, source: str, known: Sequence[str]) -> None:
        """Take the settings.

        Raises:
            SettingsError: a key is unknown.
        """
        for key in settings:
            if key not in known:
                raise SettingsError(f"{source}: unknown key {key!r}{nearest(key, known)}")
        self._settings = settings
        self._source = source

    def text(self, key: str) -> str:
        """Return a text that must be there.

        Raises:
            SettingsError: it is missing or not a text.
        """
        found = self.optional_text(key)
        if found is None:
            raise SettingsError(f"{self._source}: {key} is missing")
        return found

    def optional_text(self, key: str) -> str | None:
        """Return a text, ``None`` where the key is missing.

        Raises:
            SettingsError: it is empty or not a text.
        """
        found = self._settings.get(key)
        if found is None:
            return None
        if not isinstance(found, str) or not found or not found.isprintable():
            raise SettingsError(f"{self._source}: {key} is a text between quotes")
        return found

    def texts(self, key: str) -> tuple[str, ...]:
        """Return a list of texts, empty where the key is missing.

        Raises:
            SettingsError: not a list of texts.
        """
        found = self._settings.get(key, [])
        if not isinstance(found, list) or not all(isinstance(item, str) and item for item in found):
            raise SettingsError(f"{self._source}: {key} is a list of texts")
        return tuple(found)

    def regions(self) -> tuple[str, ...]:
        """Return the regions, each once.

        Raises:
            SettingsError: there is none, or one is not written as a region's id.
        """
        found = tuple(dict.fromkeys(self.texts("regions")))
        if not 0 < len(found) <= MAX_REGIONS:
            raise SettingsError(f"{self._source}: regions names 1 to {MAX_REGIONS} regions")
        for region in found:
            if not _REGION.fullmatch(region):
                raise SettingsError(
                    f"{self._source}: {region!r} is not the id of a region such as cn-hangzhou"
                )
        return found

    def endpoints(self, services: Sequence[str]) -> Mapping[str, str]:
        """Return other addresses of services by their name, as ``https://HOST[:PORT]``.

        Raises:
            SettingsError: an unknown service, not an address, or plain HTTP to another machine.
        """
        found = self._settings.get("endpoints", {})
        if not isinstance(found, Mapping):
            raise SettingsError(f"{self._source}: endpoints is a table")
        for service, address in found.items():
            if service not in services:
                raise SettingsError(
                    f"{self._source}: unknown service {service!r}{nearest(service, services)}"
                )
            self._require_private(address, f"endpoints.{service}")
        return dict(found)

    def _require_private(self, address: object, key: str) -> None:
        try:
            parts = urlsplit(address) if isinstance(address, str) else None
            host = parts.hostname if parts else None
        except ValueError:
            parts, host = None, None
        if parts is None or host is None or parts.scheme not in ("http", "https"):
            raise SettingsError(f"{self._source}: {key} is an address such as https://host:port")
        if "@" in parts.netloc or parts.path.strip("/") or parts.query or parts.fragment:
            raise SettingsError(f"{self._source}: {key} names scheme, host and port only")
        if parts.scheme == "http" and not (is_address(host) and ipaddress.ip_address(host).is_loopback):
            raise SettingsError(f"{self._source}: {key}: signed calls travel over https:// only")


def is_address(host: str) -> bool:
    """Return whether a host is written as an IP address."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
