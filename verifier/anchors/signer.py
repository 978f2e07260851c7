"""What RFC 3161 (2.3, 2.4.2) and RFC 5816 demand of the signer of a time-stamp token, beside a chain that holds.

(1) the attributes that it signed are there, and their digest is SHA-256, SHA-384 or SHA-512;
(2) one certificate in the token is its own, and the attributes name that very certificate by its hash;
(3) that certificate is no CA.

The library that verifies the signature asks for none of these. RSA-PSS it cannot read at all.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

_SHA_2 = {
    bytes.fromhex("608648016503040201"): hashlib.sha256,
    bytes.fromhex("608648016503040202"): hashlib.sha384,
    bytes.fromhex("608648016503040203"): hashlib.sha512,
}
_ESS_CERTIFICATE = bytes.fromhex("2a864886f70d010910020c")
_ESS_CERTIFICATE_V2 = bytes.fromhex("2a864886f70d010910022f")
_RSA_PSS = bytes.fromhex("2a864886f70d01010a")
_SEQUENCE, _ATTRIBUTES = 0x30, 0xA0
_LONG = 0x80
_MAX_LENGTH_BYTES = 4


@dataclass(frozen=True)
class Element:
    """One element of DER."""

    tag: int
    body: bytes

    def parts(self) -> list[Element]:
        """Return the elements inside; ``ValueError`` if they are not whole."""
        return _elements(self.body)


@dataclass(frozen=True)
class Signer:
    """The one signer of a token: its attributes by object identifier, and how it signed."""

    digest: bytes
    algorithm: bytes
    attributes: Mapping[bytes, Element]


def read_signer(token: bytes) -> Signer:
    """Return the signer of a response that the library has read.

    Raises:
        ValueError: it has not one signer with signed attributes.
    """
    [response] = _elements(token)
    [_, content] = response.parts()
    [_, wrapped] = content.parts()
    [signed] = wrapped.parts()
    [signer] = signed.parts()[-1].parts()
    [_, _, digest, said, algorithm, *_] = signer.parts()
    if said.tag != _ATTRIBUTES:
        raise ValueError("it has no signed attributes")
    pairs = [one.parts() for one in said.parts()]
    attributes = {kind.body: values.parts() for kind, values in pairs}
    if len(attributes) != len(pairs) or any(len(values) != 1 for values in attributes.values()):
        raise ValueError("a signed attribute stands twice")
    return Signer(
        digest.parts()[0].body,
        algorithm.parts()[0].body,
        {kind: value for kind, [value] in attributes.items()},
    )


def uses_pss(signer: Signer) -> bool:
    """Return whether it signed with RSA-PSS, which the library does not read."""
    return signer.algorithm == _RSA_PSS


def wrong_with(signer: Signer, own: Iterable[bytes]) -> str | None:
    """Return what is wrong with a signer (1, 2), ``None`` if nothing is.

    Args:
        signer: of the token.
        own: the certificates in the token, in DER, that bear the signer's issuer and serial number.

    Raises:
        ValueError: the attribute that names a certificate cannot be read.
    """
    certificates = set(own)
    if signer.digest not in _SHA_2:
        return "signed over a digest that is not SHA-256, SHA-384 or SHA-512"
    if len(certificates) != 1:
        return "not one certificate in it is the signer's"
    [certificate] = certificates
    if _ESS_CERTIFICATE_V2 in signer.attributes:
        [first, *rest] = _first_named(signer.attributes[_ESS_CERTIFICATE_V2])
        name = hashlib.sha256
        if first.tag == _SEQUENCE:
            named = _SHA_2.get(first.parts()[0].body)
            if named is None:
                return "it names its certificate by a hash that is not SHA-256, SHA-384 or SHA-512"
            name, first = named, rest[0]
    elif _ESS_CERTIFICATE in signer.attributes:
        name, first = hashlib.sha1, _first_named(signer.attributes[_ESS_CERTIFICATE])[0]
    else:
        return "it does not name the certificate that signed it (RFC 3161, 2.4.2)"
    if first.body != name(certificate).digest():
        return "it names another certificate than the one that signed it"
    return None


def _first_named(value: Element) -> list[Element]:
    return value.parts()[0].parts()[0].parts()


def _elements(data: bytes) -> list[Element]:
    found, at = [], 0
    while at < len(data):
        head = data[at : at + 2]
        if len(head) < 2:  # noqa: PLR2004 - tag and length
            raise ValueError("DER that is cut off")
        length, at = head[1], at + 2
        if length >= _LONG:
            count = length - _LONG
            if not 0 < count <= _MAX_LENGTH_BYTES:
                raise ValueError("a length of DER in another form")
            length, at = int.from_bytes(data[at : at + count], "big"), at + count
        if at + length > len(data):
            raise ValueError("DER that is cut off")
        found.append(Element(head[0], data[at : at + length]))
        at += length
    return found
