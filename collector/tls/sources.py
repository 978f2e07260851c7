"""Where the server's certificate comes from: an authority of the collector's own, or given files.

Own files lie beside the collector's keys: ``ca.key`` (never leaves the server) and ``ca.pem`` (hosts pin
it), made once; ``server.pem`` with key and chain in one file, replaced whole, made anew when it has
used up two thirds of its time or the names have changed.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import ssl
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from collector.errors import KeyFileError, SettingsError
from collector.keyring import place
from collector.ownership import adopt, remedy
from collector.tls import authority
from collector.tls.authority import Authority
from collector.tls.interface import Loaded, Now

CA_KEY, CA, SERVER = "ca.key", "ca.pem", "server.pem"
_PRIVATE, _PUBLIC, _DIRECTORY, _OTHERS = 0o600, 0o644, 0o700, 0o077


@dataclass(frozen=True)
class ClientTrust:
    """Whose certificates clients may show: the own authority's, and those of ``ca``."""

    ca: Path | None = None

    def pem(self, own: bytes) -> str:
        """Return all of them. Raises SettingsError."""
        given = (
            b""
            if self.ca is None
            else b"".join(one.public_bytes(serialization.Encoding.PEM) for one in _certificates(self.ca))
        )
        return (own + given).decode()


class OwnAuthority:
    """Certificates that the collector makes itself, in ``directory``."""

    def __init__(
        self, directory: Path, names: Sequence[str], *, now: Now, clients: ClientTrust | None = None
    ) -> None:
        """Speak for ``names``; nothing is made yet. ``clients``: ask them for certificates."""
        self._clients = clients
        self._directory = directory
        self._names = tuple(dict.fromkeys(names))
        self._now = now

    def version(self) -> object:
        """Return the state of ``server.pem``, after making it anew if its time has come."""
        self._renew()
        return _stamp(self._directory / SERVER)

    def load(self) -> Loaded:
        """Return the server's certificate, made if it is not there.

        Raises:
            KeyFileError: a file cannot be made or read, or does not fit the others.
        """
        self._renew()
        path = self._directory / SERVER
        own = self.authority()
        trusted = None if self._clients is None else self._clients.pem(own.pem)
        return _loaded(path, path, pin=authority.fingerprint(own.certificate), clients=trusted)

    def ca_pem(self) -> bytes:
        """Return the authority's certificate, made if it is not there. Raises as ``load``."""
        return self.authority().pem

    def authority(self) -> Authority:
        """Return the authority with its key, made if it is not there. Raises as ``load``."""
        key_path, path = self._directory / CA_KEY, self._directory / CA
        try:
            if not key_path.exists():
                self._require_new()
                self._directory.mkdir(mode=_DIRECTORY, parents=True, exist_ok=True)
                place(key_path, authority.key_pem(authority.new_key()).decode(), _PRIVATE)
            if stat.S_IMODE(key_path.stat().st_mode) & _OTHERS:
                raise KeyFileError(f"others may read {key_path}; run: chmod 600 {key_path}")
            key = serialization.load_pem_private_key(key_path.read_bytes(), None)
            if not isinstance(key, ec.EllipticCurvePrivateKey):
                raise KeyFileError(f"{key_path} is no key that this collector made; restore it from a backup")
            if not path.exists():
                place(path, authority.authority_pem(key, now=self._now()).decode(), _PUBLIC)
            certificate = x509.load_pem_x509_certificate(path.read_bytes())
        except OSError as error:
            raise KeyFileError(
                f"cannot use {error.filename or path}: {error.strerror}{remedy(path, error)}"
            ) from None
        except (ValueError, TypeError) as error:
            raise KeyFileError(
                f"{key_path} or {path} is damaged ({error}); restore both from a backup"
            ) from None
        if certificate.public_key() != key.public_key():
            raise KeyFileError(f"{path} is not the certificate of {key_path}; restore both from a backup")
        return Authority(certificate, key)

    def _require_new(self) -> None:
        """Hosts have pinned an authority that was ever here: it is not replaced because its key is gone."""
        left = [name for name in (CA, SERVER) if (self._directory / name).exists()]
        if left:
            raise KeyFileError(
                f"{self._directory / CA_KEY} is gone; restore it from a backup, or remove {' and '.join(left)} "
                "beside it to begin a new authority, which every host must then be told"
            )

    def _renew(self) -> None:
        """Make ``server.pem`` if it is not there, or no longer what it should be."""
        issuer = self.authority()
        if self._is_good(issuer):
            return
        data = authority.server_pem(issuer, self._names, now=self._now())
        path = self._directory / SERVER
        try:
            _replace(path, data)
        except OSError as error:
            raise KeyFileError(f"cannot write {path}: {error.strerror}{remedy(path, error)}") from None

    def _is_good(self, issuer: Authority) -> bool:
        try:
            found = x509.load_pem_x509_certificates((self._directory / SERVER).read_bytes())[0]
            found.verify_directly_issued_by(issuer.certificate)
        except (OSError, ValueError, TypeError, IndexError, InvalidSignature):  # not there, or another's
            return False
        now = self._now()
        timely = found.not_valid_before_utc <= now < found.not_valid_after_utc - authority.RENEW_BEFORE
        return timely and set(authority.names_of(found)) == set(self._names)


class GivenFiles:
    """Certificates that somebody else makes and replaces."""

    def __init__(
        self, certificate: Path, key: Path, *, ca: Path | None, clients: ClientTrust | None = None
    ) -> None:
        """Use the chain in ``certificate`` with its key; ``ca`` is what hosts pin; ``clients`` as before."""
        self._clients = clients
        self._certificate = certificate
        self._key = key
        self._ca = ca

    def version(self) -> object:
        """Return the state of both files."""
        return _stamp(self._certificate), _stamp(self._key)

    def load(self) -> Loaded:
        """Return the server's certificate.

        Raises:
            SettingsError: the files cannot be used.
        """
        pin = authority.fingerprint(_certificates(self._pinned)[-1])
        trusted = None if self._clients is None else self._clients.pem(b"")
        return _loaded(self._certificate, self._key, pin=pin, clients=trusted)

    def ca_pem(self) -> bytes:
        """Return the certificate that hosts pin: the last one of the file. Raises as ``load``."""
        return _certificates(self._pinned)[-1].public_bytes(serialization.Encoding.PEM)

    @property
    def _pinned(self) -> Path:
        return self._ca or self._certificate


def utc_now() -> datetime:
    """Return the wall clock."""
    return datetime.now(UTC)


def _loaded(certificate: Path, key: Path, *, pin: str, clients: str | None = None) -> Loaded:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    found = _certificates(certificate)[0]
    try:
        # A password that is never right: without it OpenSSL would ask at the terminal.
        context.load_cert_chain(certificate, key, password=lambda: b"-")
    except OSError as error:  # ssl.SSLError among them
        reason = "key and certificate do not belong together" if "MISMATCH" in str(error) else str(error)
        raise SettingsError(f"{certificate} with the key {key} cannot be used: {reason}") from None
    if clients is not None:
        try:
            context.load_verify_locations(cadata=clients)
        except OSError as error:
            raise SettingsError(f"tls.client_ca cannot be used: {error}") from None
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        # Asked for and verified, but who has none still enrols and asks for one (collector.tls.clients).
        context.verify_mode = ssl.CERT_OPTIONAL
    since, until = found.not_valid_before_utc, found.not_valid_after_utc
    return Loaded(context, tuple(authority.names_of(found)), since, until, pin)


def _certificates(path: Path) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(path.read_bytes())
    except OSError as error:
        raise SettingsError(f"cannot read {path}: {error.strerror}{remedy(path, error)}") from None
    except ValueError as error:
        raise SettingsError(f"{path} holds no certificate in PEM form: {error}") from None


def _stamp(path: Path) -> object:
    with contextlib.suppress(OSError):
        found = path.stat()
        return found.st_mtime_ns, found.st_size, found.st_ino
    return None


def _replace(path: Path, data: bytes) -> None:
    """Put ``data`` under ``path``, readable by its owner alone, whole or not at all."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _PRIVATE)
    try:
        with os.fdopen(handle, "wb") as file:
            adopt(file.fileno(), path.parent)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
