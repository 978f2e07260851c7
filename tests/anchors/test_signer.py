"""What the signer of a time stamp must have signed, bent in every way by hand."""

from __future__ import annotations

import hashlib

import pytest

from verifier.anchors.signer import read_signer, uses_pss, wrong_with

SHA256, SHA384, SHA1 = (
    bytes.fromhex(one) for one in ("608648016503040201", "608648016503040202", "2b0e03021a")
)
RSA_PSS, RSA = bytes.fromhex("2a864886f70d01010a"), bytes.fromhex("2a864886f70d010101")
ESS, ESS_2 = bytes.fromhex("2a864886f70d010910020c"), bytes.fromhex("2a864886f70d010910022f")
OWN = b"a certificate"


def der(tag: int, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return bytes([tag, 0x82]) + len(body).to_bytes(2, "big") + body


def named(by: bytes, *certificate: bytes) -> bytes:
    return der(0x30, der(6, by), der(0x31, der(0x30, der(0x30, der(0x30, *certificate)))))


def response(*attributes: bytes, digest: bytes = SHA256, algorithm: bytes = RSA, tag: int = 0xA0) -> bytes:
    signer = der(
        0x30,
        b"\2\1\1",
        der(0x30),
        der(0x30, der(6, digest)),
        der(tag, *attributes),
        der(0x30, der(6, algorithm)),
        der(4, b"s"),
    )
    signed = der(0x30, b"\2\1\3", der(0x31), der(0x30), der(0x31, signer))
    return der(0x30, der(0x30, b"\2\1\0"), der(0x30, der(6, b"\x2a"), der(0xA0, signed)))


RIGHT = named(ESS_2, der(4, hashlib.sha256(OWN).digest()))


@pytest.mark.parametrize(
    "attribute",
    [
        RIGHT,
        named(ESS_2, der(0x30, der(6, SHA384)), der(4, hashlib.sha384(OWN).digest())),
        named(ESS, der(4, hashlib.sha1(OWN, usedforsecurity=False).digest())),
    ],
    ids=["by default", "by a named hash", "by SHA-1, as RFC 3161 first had it"],
)
def test_a_signer_that_names_its_certificate_is_right(attribute: bytes) -> None:
    signer = read_signer(response(attribute))
    assert (wrong_with(signer, [OWN, OWN]), uses_pss(signer)) == (None, False)


def test_pss_is_seen() -> None:
    assert uses_pss(read_signer(response(RIGHT, algorithm=RSA_PSS)))


@pytest.mark.parametrize(
    ("token", "own", "why"),
    [
        (response(RIGHT, digest=SHA1), [OWN], "not SHA-256"),
        (response(RIGHT), [], "not one certificate"),
        (response(RIGHT), [OWN, b"another"], "not one certificate"),
        (response(RIGHT), [b"another"], "another certificate"),
        (response(), [OWN], "does not name"),
        (response(named(ESS_2, der(0x30, der(6, SHA1)), der(4, b""))), [OWN], "by a hash"),
        (response(named(ESS, der(4, b"another"))), [OWN], "another certificate"),
    ],
)
def test_a_signer_that_says_too_little_is_wrong(token: bytes, own: list[bytes], why: str) -> None:
    assert why in str(wrong_with(read_signer(token), own))


@pytest.mark.parametrize(
    ("token", "why"),
    [
        (response(RIGHT, tag=0xA1), "no signed attributes"),
        (response(RIGHT, RIGHT), "stands twice"),
        (response(der(0x30, der(6, ESS), der(0x31))), "stands twice"),
        (response(RIGHT)[:-1], "cut off"),
        (b"\x30", "cut off"),
        (b"\x30\x80", "another form"),
        (b"\x30\x85" + b"\0" * 5, "another form"),
    ],
)
def test_what_is_no_signer_is_an_error(token: bytes, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        read_signer(token)
