"""Opens what the table ``[oidc]`` names; the library is asked for only then."""

from __future__ import annotations

import time

from collector.errors import SettingsError
from collector.settings import Settings
from collector.sources.secrets import read_secret
from collector.store.engine import Store
from console.access.sessions import Sessions
from console.identity.interface import SigningInElsewhere


def open_federation(settings: Settings, store: Store, sessions: Sessions) -> SigningInElsewhere | None:
    """Return the provider of the settings, ``None`` if they name none. Nothing is asked of it yet.

    Raises:
        SettingsError: the extra is not installed, or certificates cannot be used.
        CredentialError: the secret cannot be read.
    """
    found = settings.oidc
    if found is None or settings.public_url is None:
        return None
    try:
        from console.identity.federation import Federation  # noqa: PLC0415 - an extra
        from console.identity.provider import Provider  # noqa: PLC0415 - the same
    except ImportError:
        raise SettingsError("[oidc] needs the extra oidc; run: pip install 'starproof[oidc]'") from None
    secret = None if found.client_secret is None else read_secret(found.client_secret)
    provider = Provider(found, secret, monotonic=time.monotonic)
    return Federation(store, sessions, provider, url=settings.public_url)
