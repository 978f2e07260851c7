"""Until when the server's certificate holds: read from its file, as the service and the doctor do."""

from __future__ import annotations

from cryptography import x509

from collector.settings import Settings, key_directory
from collector.tls.settings import FILES, OFF
from collector.tls.sources import SERVER

MS_PER_S = 1000


def certificate_ends_ms(settings: Settings) -> int | None:
    """Return when it ends, in ms since 1970; ``None`` without TLS, or if it cannot be read (the doctor says why)."""
    tls = settings.tls
    if tls.mode == OFF:
        return None
    path = tls.certificate if tls.mode == FILES else key_directory(settings.database_url) / SERVER
    if path is None:
        return None
    try:
        found = x509.load_pem_x509_certificates(path.read_bytes())[0]
    except (OSError, ValueError):
        return None
    return int(found.not_valid_after_utc.timestamp()) * MS_PER_S
