"""The certificate source that the settings name, and the names that an own certificate speaks for."""

from __future__ import annotations

import ipaddress
import socket
from urllib.parse import urlsplit

from collector.errors import SettingsError
from collector.settings import Settings, key_directory, parse_listen
from collector.tls.interface import Source
from collector.tls.settings import FILES, OFF
from collector.tls.sources import GivenFiles, OwnAuthority, utc_now

LOCAL_NAMES = ("localhost", "127.0.0.1", "::1")


def source_of(settings: Settings) -> Source | None:
    """Return where the certificate comes from, ``None`` without TLS."""
    tls = settings.tls
    if tls.mode == OFF:
        return None
    if tls.mode == FILES:
        if tls.certificate is None or tls.key is None:
            raise SettingsError('tls.mode "files" needs tls.certificate and tls.key')
        return GivenFiles(tls.certificate, tls.key, ca=tls.ca)
    return OwnAuthority(key_directory(settings.database_url), names_for(settings), now=utc_now)


def names_for(settings: Settings) -> list[str]:
    """Return the names and addresses at which hosts may reach this collector, as far as it knows."""
    address, _ = parse_listen(settings.listen)
    public = urlsplit(settings.public_url or "").hostname
    known = (*settings.tls.names, public, address, socket.gethostname(), *LOCAL_NAMES)
    return list(dict.fromkeys(_canonical(name) for name in known if name and not _is_any(name)))


def _is_any(name: str) -> bool:
    try:
        return ipaddress.ip_address(name).is_unspecified
    except ValueError:
        return not name.isascii()


def _canonical(name: str) -> str:
    try:
        return str(ipaddress.ip_address(name))
    except ValueError:
        return name.lower()
