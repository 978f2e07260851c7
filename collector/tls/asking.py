"""Asking the service on this machine which certificate it shows: commands are another process than it."""

from __future__ import annotations

import ssl

from cryptography import x509

from collector.settings import Settings, parse_listen
from collector.tls.settings import OFF

TIMEOUT_S = 5.0
_ANY = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - what is listened on, and where to ask then


def here(settings: Settings) -> tuple[str, int]:
    """Return address and port at which the service of this machine is asked.

    Raises:
        SettingsError: ``listen`` names none.
    """
    host, port = parse_listen(settings.listen)
    return _ANY.get(host, host), port


def shown(settings: Settings) -> x509.Certificate | None:
    """Return the certificate that the service on this machine shows, ``None`` if it shows none.

    Nothing is believed and nothing secret is said: it is only looked at.

    Raises:
        SettingsError: ``listen`` names no address.
    """
    if settings.tls.mode == OFF:
        return None
    try:
        pem = ssl.get_server_certificate(here(settings), timeout=TIMEOUT_S)
        return x509.load_pem_x509_certificate(pem.encode("ascii"))
    except (OSError, ValueError):
        return None
