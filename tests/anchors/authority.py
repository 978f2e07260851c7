"""A real time-stamping authority: openssl's, with a root made here."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

pytest.importorskip("rfc3161_client", reason="reading time stamps needs the extra tsa")

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

CONFIGURATION = """
[tsa]
default_tsa = stamping
[stamping]
serial = serial
crypto_device = builtin
signer_cert = tsa.pem
signer_key = tsa.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256, sha384, sha512
accuracy = secs:1
ess_cert_id_chain = no
ess_cert_id_alg = sha256
"""


@dataclass
class Authority:
    """Stamps what it is asked to; ``root`` is what a reviewer trusts."""

    folder: Path
    root: bytes

    def stamp(self, message: bytes, *, digest: str = "sha256") -> bytes:
        """A token over ``message``, as an honest client gets it."""
        data, query = self.folder / "message", self.folder / "query"
        data.write_bytes(message)
        self._openssl("ts", "-query", "-data", data, f"-{digest}", "-cert", "-out", query)
        return self.answer(query.read_bytes())

    def answer(self, query: bytes) -> bytes:
        """The answer to a query's bytes."""
        asked, given = self.folder / "asked.tsq", self.folder / "given.tsr"
        asked.write_bytes(query)
        self._openssl(
            "ts", "-reply", "-config", "tsa.cnf", "-section", "stamping", "-queryfile", asked, "-out", given
        )
        return given.read_bytes()

    def _openssl(self, *arguments: object) -> None:
        subprocess.run(
            ["openssl", *map(str, arguments)], cwd=self.folder, check=True, capture_output=True, timeout=60
        )


def make_authority(
    folder: Path,
    *,
    valid_from: timedelta = timedelta(days=-1),
    valid_for: timedelta = timedelta(days=30),
    for_stamping: bool = True,
) -> Authority:
    """An authority whose certificate is valid from so long after now, for so long."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl, which is the time-stamping authority, is not installed")
    now = datetime.now(timezone.utc).replace(microsecond=0)
    root_key, key = (rsa.generate_private_key(public_exponent=65537, key_size=2048) for _ in range(2))
    root_name, name = (
        x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)]) for text in ("test root", "test stamping")
    )
    # Wide enough that only the stamping certificate's own time is what a test is about.
    root = _signed(
        _begun(root_name, root_name, root_key, now - timedelta(days=3000), now + timedelta(days=3000))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True),
        root_key,
    )
    usage = ExtendedKeyUsageOID.TIME_STAMPING if for_stamping else ExtendedKeyUsageOID.CODE_SIGNING
    start = now + valid_from
    leaf = _signed(
        _begun(name, root_name, key, start, start + valid_for)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([usage]), critical=True),
        root_key,
    )
    (folder / "tsa.cnf").write_text(CONFIGURATION)
    (folder / "serial").write_text("01\n")
    (folder / "tsa.pem").write_bytes(leaf.public_bytes(serialization.Encoding.PEM))
    (folder / "tsa.key").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return Authority(folder, root.public_bytes(serialization.Encoding.PEM))


def _begun(
    name: x509.Name, issuer: x509.Name, key: rsa.RSAPrivateKey, start: datetime, end: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(end)
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _signed(builder: x509.CertificateBuilder, key: rsa.RSAPrivateKey) -> x509.Certificate:
    return builder.sign(key, hashes.SHA256())
