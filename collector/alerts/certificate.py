"""Until when hosts can believe the server's certificate, and whether the next start can use it.

What is served is what counts: the service hands in what it serves. A file that cannot be used is told as
well, because the service goes on with the certificate before it, until it is started again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cryptography import x509

from collector.errors import CollectorError, SettingsError
from collector.settings import Settings, key_directory
from collector.tls.interface import Served
from collector.tls.opening import source_of
from collector.tls.settings import OFF, OWN
from collector.tls.sources import CA, SERVER

MS_PER_S = 1000


@dataclass(frozen=True)
class Standing:
    """``ends_ms``: when hosts stop believing it, ms since 1970; ``None`` without TLS, or if that is not known."""

    ends_ms: int | None = None
    problem: str = ""


def certificate_of(settings: Settings, served: Callable[[], Served] | None = None) -> Standing:
    """Return how the certificate stands: of what is served, the files, and what hosts pin, the first to end.

    Args:
        settings: of the collector.
        served: asks the service in this process; without it only the files are looked at.
    """
    if settings.tls.mode == OFF:
        return Standing()
    ends, problem = [], ""
    if served is not None:
        now = served()
        ends, problem = [now.until], now.problem
    try:
        ends += _in_files(settings)
    except CollectorError as error:
        problem = str(error)
    return Standing(int(min(ends).timestamp()) * MS_PER_S if ends else None, problem)


def _in_files(settings: Settings) -> list[datetime]:
    """Return when the certificates in the files end; with an authority of our own nothing is made here."""
    if settings.tls.mode == OWN:
        directory = key_directory(settings.database_url)
        return [_end(path) for path in (directory / SERVER, directory / CA) if path.exists()]
    source = source_of(settings)
    if source is None:
        return []
    pinned = x509.load_pem_x509_certificate(source.ca_pem())
    return [source.load().until, pinned.not_valid_after_utc]


def _end(path: Path) -> datetime:
    try:
        return x509.load_pem_x509_certificates(path.read_bytes())[0].not_valid_after_utc
    except OSError as error:
        raise SettingsError(f"cannot read {path}: {error.strerror}") from None
    except ValueError as error:
        raise SettingsError(f"{path} holds no certificate in PEM form: {error}") from None
