"""RFC 3161: a time-stamp token over the bytes of a checkpoint, judged by roots that the reviewer brings.

(1) the token can be read and its status is granted;
(2) it is about these bytes: the imprint is their SHA-256, SHA-384 or SHA-512;
(3) its signer is as ``signer.py`` says: names its certificate, which is no CA, and signs over SHA-2;
(4) it is signed by a certificate made for time stamping, whose chain ends in one of the roots, all of
    it valid at genTime: an authority's certificate that has expired since takes nothing back (RFC 3161,
    appendix B).

genTime counts in whole seconds; a fraction is cut off.

Certificates in the token serve to build the chain; only what the reviewer brought is trusted.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from verifier.anchors.signer import read_signer, uses_pss, wrong_with
from verifier.errors import VerifierError

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

EXTRA = "tsa"
MAX_TOKEN_BYTES = 64 * 1024
MAX_ROOTS_BYTES = 1024 * 1024
PANIC = "PanicException"
"""What the library raises for some certificates that it cannot read; no ``Exception``, and it exports no such class."""
MAX_ROOTS = 100
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_HASHES = {
    "2.16.840.1.101.3.4.2.1": hashlib.sha256,
    "2.16.840.1.101.3.4.2.2": hashlib.sha384,
    "2.16.840.1.101.3.4.2.3": hashlib.sha512,
}


class TimestampError(VerifierError):
    """A time-stamp token proves nothing about these bytes under these roots."""

    code: ClassVar[str] = "TIMESTAMP"


class OtherBytesError(TimestampError):
    """A time-stamp token is not about these bytes."""

    code: ClassVar[str] = "TIMESTAMP_OTHER_BYTES"


class MissingReaderError(TimestampError):
    """The extra that reads time-stamp tokens is not installed."""

    code: ClassVar[str] = "TIMESTAMP_EXTRA"


class OtherKindError(TimestampError):
    """A time-stamp token is of a kind that is not judged here, which says nothing for or against it."""

    code: ClassVar[str] = "TIMESTAMP_OTHER_KIND"


@dataclass(frozen=True)
class Stamp:
    """What a token says; nothing is verified but that it is about the bytes asked for."""

    claimed_ms: int
    response: Any


def read_token(token: bytes, message: bytes) -> Stamp:
    """Steps 1 and 2: what a token says about ``message``.

    Raises:
        MissingReaderError: the extra ``tsa`` is not installed.
        OtherBytesError: it is about other bytes.
        TimestampError: it cannot be read, or was not granted.
    """
    client = _client()
    if len(token) > MAX_TOKEN_BYTES:
        raise TimestampError(f"the token has {len(token)} bytes, at most {MAX_TOKEN_BYTES}")
    try:
        response = client.decode_timestamp_response(token)
        granted = client.PKIStatus(response.status) == client.PKIStatus.GRANTED
        if not granted:
            raise TimestampError("the authority did not grant this time stamp")
        info = response.tst_info
        imprint, genuine = info.message_imprint, info.gen_time
        oid = imprint.hash_algorithm.dotted_string
    except ValueError as error:
        raise TimestampError(f"not a time-stamp response: {_line(error)}") from None
    if oid not in _HASHES:
        raise TimestampError(f"the token uses the hash {oid}, which is not SHA-256, SHA-384 or SHA-512")
    if imprint.message != _HASHES[oid](message).digest():
        raise OtherBytesError("the token is about other bytes than the checkpoint")
    return Stamp((genuine - _EPOCH) // timedelta(seconds=1) * 1000, response)


def verify_token(token: bytes, message: bytes, roots: Sequence[Certificate]) -> int:
    """Return genTime in ms since 1970, all steps done.

    Raises:
        OtherKindError: it is signed with RSA-PSS.
        TimestampError: as ``read_token``, or signer or chain do not hold.
    """
    stamp = read_token(token, message)
    _judge_signer(token, stamp)
    client = _client()
    why = "no root was given"
    # All together, for chains whose intermediates the reviewer brings; then each alone, because of two
    # roots of one name (an authority that renewed its key) only one is tried.
    for trusted in (roots, *([root] for root in roots[:MAX_ROOTS])):
        try:
            client.VerifierBuilder(roots=list(trusted)).build().verify_message(stamp.response, message)
        except (ValueError, client.VerificationError) as error:
            why = _line(error)
        except BaseException as error:
            if type(error).__name__ != PANIC:
                raise
            why = f"the library cannot read this: {_line(error)}"
        else:
            return stamp.claimed_ms
    raise TimestampError(f"not signed under the roots that you gave, or not valid at its time: {why}")


def _judge_signer(token: bytes, stamp: Stamp) -> None:
    """Step 3."""
    from cryptography import x509  # noqa: PLC0415 - comes with the extra
    from cryptography.hazmat.primitives.serialization import Encoding  # noqa: PLC0415 - likewise

    try:
        signer, signed = read_signer(token), stamp.response.signed_data
        [named] = signed.signer_infos
        own = [
            one
            for one in map(x509.load_der_x509_certificate, signed.certificates)
            if (one.issuer, one.serial_number) == (named.issuer, named.serial_number)
        ]
        wrong = wrong_with(signer, [one.public_bytes(Encoding.DER) for one in own])
        basic = (
            [one.value for one in own[0].extensions if isinstance(one.value, x509.BasicConstraints)]
            if own
            else []
        )
    except (
        ValueError,
        LookupError,
        x509.DuplicateExtension,
        x509.InvalidVersion,
        x509.UnsupportedGeneralNameType,
    ) as error:
        raise TimestampError(f"its signer cannot be read: {_line(error)}") from None
    if wrong is None and any(one.ca for one in basic):
        wrong = "signed by the certificate of a CA"
    if wrong is not None:
        raise TimestampError(f"not a time stamp of RFC 3161: {wrong}")
    if uses_pss(signer):
        raise OtherKindError("signed with RSA-PSS; ask openssl ts -verify")


def read_roots(data: bytes) -> list[Certificate]:
    """Return the certificates in a file: PEM, one or many, or one in DER.

    Raises:
        MissingReaderError: the extra ``tsa`` is not installed.
        TimestampError: there is no certificate in it.
    """
    _client()
    from cryptography import x509  # noqa: PLC0415 - comes with the extra

    if len(data) > MAX_ROOTS_BYTES:
        raise TimestampError(f"{len(data)} bytes are no file of root certificates")
    try:
        if b"-----BEGIN" in data:
            roots = x509.load_pem_x509_certificates(data)
        else:
            roots = [x509.load_der_x509_certificate(data)]
        for root in roots:
            _ = root.subject, root.issuer  # the library that verifies breaks off at names that cannot be read
    except (ValueError, LookupError, x509.InvalidVersion) as error:
        raise TimestampError(f"no certificate can be read from it: {_line(error)}") from None
    return roots


def _client() -> Any:
    try:
        import rfc3161_client  # noqa: PLC0415 - an extra; packs without time stamps are checked without it
    except ModuleNotFoundError:
        raise MissingReaderError(
            f"time stamps need the extra {EXTRA!r}: pip install 'starproof[{EXTRA}]'"
        ) from None
    return rfc3161_client


def _line(error: BaseException) -> str:
    return " ".join(str(error).split())[:200]
