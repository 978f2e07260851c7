"""The certificate source that the settings name, and the names that an own certificate speaks for."""

from __future__ import annotations

import ipaddress
import socket
from urllib.parse import urlsplit

from collector.errors import SettingsError
from collector.names import is_host_name
from collector.settings import Settings, key_directory, parse_listen
from collector.tls.authority import gate_pem
from collector.tls.clients import Clients
from collector.tls.interface import Source
from collector.tls.settings import FILES, OFF, OWN, REQUIRED, Tls
from collector.tls.sources import ClientTrust, GivenFiles, OwnAuthority, utc_now
from evidence.fields import is_hash

MAX_COMMON_NAME = 64
"""Of a certificate (RFC 5280, ub-common-name)."""
LOCAL_NAMES = ("localhost", "127.0.0.1", "::1")


def source_of(settings: Settings) -> Source | None:
    """Return where the certificate comes from, ``None`` without TLS."""
    tls = settings.tls
    if tls.mode == OFF:
        return None
    if tls.mode == FILES:
        if tls.certificate is None or tls.key is None:
            raise SettingsError('tls.mode "files" needs tls.certificate and tls.key')
        return GivenFiles(tls.certificate, tls.key, ca=tls.ca, clients=_trust(tls))
    return _own(settings)


def clients_of(settings: Settings) -> Clients | None:
    """Return what issues and judges certificates of clients, ``None`` if they need none."""
    if settings.tls.clients != REQUIRED:
        return None
    own = settings.tls.mode == OWN
    return Clients(_own(settings).authority if own else None, now=utc_now)


def gate_certificate(settings: Settings, name: str) -> bytes:
    """Return key and certificate for a relay or another gate, as PEM.

    Raises:
        CollectorError: this collector has no authority of its own, or the name is a host's.
    """
    if settings.tls.mode != OWN:
        raise SettingsError('certificates are issued by an own authority only: tls.mode "own"')
    if is_hash(name) or not is_host_name(name) or len(name) > MAX_COMMON_NAME:
        raise SettingsError(f"{name!r}: a gate has a name of 1 to {MAX_COMMON_NAME} printable characters")
    return gate_pem(_own(settings).authority(), name, now=utc_now())


def _own(settings: Settings) -> OwnAuthority:
    trust = _trust(settings.tls)
    return OwnAuthority(key_directory(settings.database_url), names_for(settings), now=utc_now, clients=trust)


def _trust(tls: Tls) -> ClientTrust | None:
    return ClientTrust(tls.client_ca) if tls.clients == REQUIRED else None


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
