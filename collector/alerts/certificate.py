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
_Span = tuple[datetime, datetime]


@dataclass(frozen=True)
class Standing:
    """From when until when hosts believe it, in ms since 1970; ``None`` without TLS, or if that is not known."""

    begins_ms: int | None = None
    ends_ms: int | None = None
    problem: str = ""


def certificate_of(settings: Settings, served: Callable[[], Served] | None = None) -> Standing:
    """Return how the certificate stands: of what is served, the files, and what hosts pin, what is shortest.

    Args:
        settings: of the collector.
        served: asks the service; without it only the files are looked at.
    """
    if settings.tls.mode == OFF:
        return Standing()
    spans, problem = list[_Span](), ""
    if served is not None:
        now = served()
        spans, problem = [(now.since, now.until)], now.problem
    try:
        spans += _in_files(settings)
    except CollectorError as error:
        problem = str(error)
    if not spans:
        return Standing(problem=problem)
    return Standing(_ms(max(since for since, _ in spans)), _ms(min(until for _, until in spans)), problem)


def _in_files(settings: Settings) -> list[_Span]:
    """Return when the certificates in the files hold; with an authority of our own nothing is made here."""
    if settings.tls.mode == OWN:
        directory = key_directory(settings.database_url)
        return [_span(_read(path)) for path in (directory / SERVER, directory / CA) if path.exists()]
    source = source_of(settings)
    if source is None:
        return []
    found, pinned = source.load(), x509.load_pem_x509_certificate(source.ca_pem())
    return [(found.since, found.until), _span(pinned)]


def _read(path: Path) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificates(path.read_bytes())[0]
    except OSError as error:
        raise SettingsError(f"cannot read {path}: {error.strerror}") from None
    except ValueError as error:
        raise SettingsError(f"{path} holds no certificate in PEM form: {error}") from None


def _span(found: x509.Certificate) -> _Span:
    return found.not_valid_before_utc, found.not_valid_after_utc


def _ms(moment: datetime) -> int:
    return int(moment.timestamp()) * MS_PER_S
