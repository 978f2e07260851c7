"""Certificates and tokens of every kind: the second verifier confirms only what the first confirms.

Where it refuses, the first refuses; what it cannot judge it says not to be judged, whatever the first says.
"""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("rfc3161_client", reason="reading time stamps needs the extra tsa")
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.x509.name import _ASN1Type
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from standalone import alone

from verifier.anchors.timestamp import OtherKindError, TimestampError, read_roots, verify_token

MESSAGE = b"a checkpoint\n"
STAMPED_MS = 1_795_176_000_000
NOW = datetime.fromtimestamp(STAMPED_MS / 1000, UTC)
REFUSED, NOT_JUDGED = "refused", "not judged"
Extensions = Sequence[tuple[x509.ExtensionType, bool]]


def usage(**bits: bool) -> tuple[x509.KeyUsage, bool]:
    names = (
        "digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
        "key_cert_sign", "crl_sign", "encipher_only", "decipher_only",
    )  # fmt: skip
    return x509.KeyUsage(**{name: bits.get(name, False) for name in names}), True


CA: Extensions = [
    (x509.BasicConstraints(ca=True, path_length=None), True),
    usage(key_cert_sign=True, crl_sign=True),
]
PLAIN = (x509.BasicConstraints(ca=False, path_length=None), True)
STAMPS = (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING]), True)
SIGNS = usage(digital_signature=True)
LEAF: Extensions = [PLAIN, SIGNS, STAMPS]
POLICIES = x509.CertificatePolicies([x509.PolicyInformation(x509.ObjectIdentifier("1.2.3.4"), None)])


def name(text: str, kind: _ASN1Type | None = None) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text, kind)])


@cache
def key(which: str) -> Any:
    return {
        "P-521": lambda: ec.generate_private_key(ec.SECP521R1()),
        "Ed25519": ed25519.Ed25519PrivateKey.generate,
        "RSA": lambda: rsa.generate_private_key(65537, 2048),
        "RSA-1024": lambda: rsa.generate_private_key(65537, 1024),
    }.get(which, lambda: ec.generate_private_key(ec.SECP256R1()))()


def certificate(
    subject: x509.Name, own: str, issuer: x509.Name, signed_by: str, extensions: Extensions, **how: Any
) -> x509.Certificate:
    begun = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key(own).public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW - timedelta(days=900))
        .not_valid_after(NOW + timedelta(days=900))
    )
    for extension, critical in extensions:
        begun = begun.add_extension(extension, critical)
    return begun.sign(key(signed_by), None if signed_by == "Ed25519" else hashes.SHA256(), **how)


def pem(made: x509.Certificate) -> bytes:
    return made.public_bytes(serialization.Encoding.PEM)


def der(tag: int, *parts: bytes) -> bytes:
    body = b"".join(parts)
    length = len(body).to_bytes(2, "big")
    return bytes([tag]) + (b"\x82" + length if len(body) > 127 else length[1:]) + body


def token(  # noqa: PLR0917 - the certificates of a chain
    folder: Path,
    leaf: x509.Certificate,
    own: str,
    between: Sequence[x509.Certificate] = (),
    when: str = "20261120120000Z",
    options: Sequence[str] = ("-cades", "-md", "sha256"),
) -> bytes:
    """A granted response, signed by openssl."""
    (folder / "tsa.pem").write_bytes(pem(leaf))
    (folder / "tsa.key").write_bytes(
        key(own).private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    (folder / "more.pem").write_bytes(b"".join(map(pem, between)))
    sha256 = der(0x30, der(6, bytes.fromhex("608648016503040201")), b"\5\0")
    imprint = der(0x30, sha256, der(4, hashlib.sha256(MESSAGE).digest()))
    said = der(0x30, b"\2\1\1", der(6, b"\x2a\3\4\1"), imprint, b"\2\1\x10", der(0x18, when.encode()))
    signed = subprocess.run(
        ["openssl", "cms", "-sign", "-binary", "-nodetach", "-nosmimecap",
         "-econtent_type", "1.2.840.113549.1.9.16.1.4", "-signer", "tsa.pem", "-inkey", "tsa.key", *options,
         *(["-certfile", "more.pem"] if between else []), "-outform", "DER"],
        cwd=folder, input=said, check=True, capture_output=True, timeout=60,
    )  # fmt: skip
    return der(0x30, der(0x30, b"\2\1\0"), signed.stdout)


def asked(response: bytes, root: bytes) -> tuple[object, object]:
    """What either verifier says: a time in ms, refused, or not judged."""
    ours: object
    theirs: object
    try:
        ours = verify_token(response, MESSAGE, read_roots(root))
    except OtherKindError:
        ours = NOT_JUDGED
    except TimestampError:
        ours = REFUSED
    try:
        theirs = alone.verify_token(response, MESSAGE, alone.read_roots(root))
    except alone.NotHere:
        theirs = NOT_JUDGED
    except alone.Bad:
        theirs = REFUSED
    return ours, theirs


def short(
    folder: Path,
    *,
    leaf: Extensions = LEAF,
    root: Extensions = CA,
    own: str = "leaf",
    top: str = "root",
    stamp: dict[str, Any] | None = None,
    **how: Any,
) -> tuple[object, object]:
    """Of a root and what it signed."""
    first = certificate(name("root"), top, name("root"), top, root)
    made = certificate(name("leaf"), own, name("root"), top, leaf, **how)
    return asked(token(folder, made, own, **(stamp or {})), pem(first))


def long(
    folder: Path, *, middle: Extensions = CA, written: x509.Name | None = None, leaf: Extensions = LEAF
) -> tuple[object, object]:
    """Of a root, a CA below it, and what that signed."""
    first = certificate(name("root"), "root", name("root"), "root", CA)
    between = certificate(written or name("between"), "between", name("root"), "root", middle)
    made = certificate(name("leaf"), "leaf", name("between"), "between", leaf)
    return asked(token(folder, made, "leaf", [between]), pem(first))


@pytest.mark.parametrize(
    "how",
    [
        {"own": "P-521", "stamp": {"options": ("-cades", "-md", "sha512")}},
        {"top": "P-521"},
        {"top": "Ed25519"},
        {"own": "RSA-1024"},
        {"top": "RSA", "rsa_padding": padding.PSS(padding.MGF1(hashes.SHA256()), 32)},
        {"leaf": [*LEAF, (POLICIES, True)]},
        {"leaf": [*LEAF, (x509.SubjectAlternativeName([x509.DNSName("a")]), True)]},
    ],
    ids=["P-521", "P-521 root", "Ed25519 root", "RSA-1024", "RSA-PSS", "critical policies", "critical names"],
)
def test_what_the_second_verifier_cannot_judge_it_does_not_refuse(
    tmp_path: Path, how: dict[str, Any]
) -> None:
    assert short(tmp_path, **how) == (STAMPED_MS, NOT_JUDGED)


def test_a_token_that_is_signed_with_pss_is_judged_by_neither(tmp_path: Path) -> None:
    options = ("-cades", "-md", "sha256", "-keyopt", "rsa_padding_mode:pss")
    assert short(tmp_path, own="RSA", stamp={"options": options}) == (NOT_JUDGED, NOT_JUDGED)


@pytest.mark.parametrize(
    "how",
    [
        {"written": name("between", _ASN1Type.PrintableString)},
        {"written": name("BETWEEN")},
        {"middle": [*CA, (POLICIES, True)]},
        {"middle": [*CA, (x509.PolicyConstraints(0, None), True)]},
        {"middle": [*CA, (x509.NameConstraints([x509.DirectoryName(name("leaf"))], None), True)]},
        {"middle": [*CA, (x509.NameConstraints([x509.DirectoryName(name("leaf"))], None), False)]},
    ],
    ids=["string type", "case", "policies", "policy constraints", "name constraints", "not critical"],
)
def test_chains_that_the_second_verifier_cannot_judge_it_does_not_refuse(
    tmp_path: Path, how: dict[str, Any]
) -> None:
    assert long(tmp_path, **how) == (STAMPED_MS, NOT_JUDGED)


def test_what_constraints_of_names_exclude_is_confirmed_by_neither(tmp_path: Path) -> None:
    excluded = x509.NameConstraints(None, [x509.DirectoryName(name("leaf"))])
    for critical in (True, False):
        assert long(tmp_path, middle=[*CA, (excluded, critical)]) == (REFUSED, NOT_JUDGED)


def test_a_longer_chain_and_a_key_identifier_that_is_right_hold_for_both(tmp_path: Path) -> None:
    middle = [*CA, (x509.SubjectKeyIdentifier(b"y" * 20), False)]
    leaf = [*LEAF, (x509.AuthorityKeyIdentifier(b"y" * 20, None, None), False)]
    assert long(tmp_path, middle=middle, leaf=leaf) == (STAMPED_MS, STAMPED_MS)


@pytest.mark.parametrize(
    "how",
    [
        {"leaf": [(x509.BasicConstraints(ca=True, path_length=None), True), STAMPS]},
        {"leaf": [CA[0], usage(digital_signature=True, key_cert_sign=True), STAMPS]},
        {"leaf": [PLAIN, usage(digital_signature=True, key_encipherment=True), STAMPS]},
        {
            "leaf": [*LEAF, (x509.AuthorityKeyIdentifier(b"x" * 20, None, None), False)],
            "root": [*CA, (x509.SubjectKeyIdentifier(b"y" * 20), False)],
        },
        {"leaf": [*LEAF, (x509.AuthorityKeyIdentifier(None, [x509.DirectoryName(name("z"))], 77), False)]},
        {"leaf": [*LEAF, (x509.AuthorityKeyIdentifier(None, [x509.DirectoryName(name("root"))], 7), False)]},
        {"leaf": [*LEAF, (x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.9"), b"\5\0"), True)]},
        {"stamp": {"options": ("-md", "sha256")}},
        {"stamp": {"options": ("-cades", "-md", "sha1")}},
        {"stamp": {"options": ("-cades", "-md", "sha224")}},
        {"stamp": {"options": ("-cades", "-md", "sha256", "-nocerts")}},
        {"stamp": {"options": ("-md", "sha256", "-noattr")}},
        {"stamp": {"when": "20261120120000.50Z"}},
        {"stamp": {"when": "20261120120000.1234567891Z"}},
    ],
    ids=[
        "CA", "CA with usage", "another usage too", "key identifier", "name in it", "number in it", "unknown critical",
        "names no certificate", "SHA-1", "SHA-224", "no certificate", "no attributes", "zero at the end", "ten digits",
    ],
)  # fmt: skip
def test_what_no_rule_allows_both_refuse(tmp_path: Path, how: dict[str, Any]) -> None:
    assert short(tmp_path, **how) == (REFUSED, REFUSED)


@pytest.mark.parametrize("fraction", ["", ".5", ".999999999"])
def test_a_fraction_of_a_second_is_cut_off_by_both(tmp_path: Path, fraction: str) -> None:
    assert short(tmp_path, stamp={"when": f"20261120120000{fraction}Z"}) == (STAMPED_MS, STAMPED_MS)
