"""Certificates of the company, judged by ``openssl`` against roots that the reviewer brings.

Whether a certificate was revoked cannot be known offline, and is not judged.
"""

from __future__ import annotations

from collections.abc import Sequence

from evidence.errors import MalformedError
from evidence.signers import SM2
from starproof.seals import pem
from starproof.seals.openssl import DISTINGUISHED_ID, Arguments, OpenSSL, reason, written

NO_OTHER_ROOTS = ("-no-CAfile", "-no-CApath", "-no-CAstore")
"""Only what the reviewer gave counts, not what came with the system."""
MS_PER_S = 1000
MAX_SUBJECT = 300


def public_of(tool: OpenSSL, certificate: bytes) -> bytes:
    """Return the public key (SubjectPublicKeyInfo) of a certificate, both DER.

    Raises:
        MalformedError: openssl cannot read it.
    """
    done = tool.run(["x509", "-inform", "DER", "-noout", "-pubkey"], data=certificate)
    if done.returncode:
        raise MalformedError(f"the certificate cannot be read: {reason(done)}")
    converted = tool.run(["pkey", "-pubin", "-outform", "DER"], data=done.stdout)
    if converted.returncode:
        raise MalformedError(f"the key of the certificate cannot be read: {reason(converted)}")
    return converted.stdout


def subject_of(tool: OpenSSL, certificate: bytes) -> str:
    """Return whom a readable certificate names, on one line.

    Raises:
        ToolError: openssl fails.
    """
    asked: Arguments = ["x509", "-inform", "DER", "-noout", "-subject", "-nameopt", "RFC2253,utf8,-esc_msb"]
    told = tool.answer(asked, data=certificate).decode("utf-8", "replace").strip()
    return told.removeprefix("subject=").strip()[:MAX_SUBJECT]


def chain_problem(
    tool: OpenSSL, chain: Sequence[bytes], roots: Sequence[bytes], *, at_ms: int, algorithm: str
) -> str:
    """Return why a chain (the company's own certificate first) does not lead to a root; empty: it does.

    Args:
        tool: judges it.
        chain: DER, from the seal.
        roots: DER, from the reviewer.
        at_ms: when the certificates must have been valid: the time that the seal states.
        algorithm: of the company's key.
    """
    at = ("-attime", str(at_ms // MS_PER_S))
    own, *between = [pem.write(pem.CERTIFICATE, certificate) for certificate in chain]
    known = b"".join(pem.write(pem.CERTIFICATE, root) for root in roots)
    with written({"own": own, "between": b"".join(between), "roots": known}) as place:
        given: Arguments = [*at, "-CAfile", place["roots"]]
        if between:
            given += ["-untrusted", place["between"]]
        done = tool.run(["verify", *NO_OTHER_ROOTS, *given, place["own"]])
    if done.returncode == 0:
        return ""
    steps = zip([own, *between], [*between, known], strict=True)
    if algorithm == SM2 and all(_sm2_link(tool, *step, at=at) for step in steps):
        return ""
    return reason(done) or "openssl verify refuses it"


def _sm2_link(tool: OpenSSL, certificate: bytes, issuers: bytes, *, at: tuple[str, str]) -> bool:
    """Return whether one of the issuers certified ``certificate`` (PEM), with the standard identity.

    SM2 authorities sign with it, and ``openssl verify`` gives it to the last certificate alone: so a chain is
    followed link by link. What concerns a whole chain (the length that an authority allows below it) is not seen.
    """
    identity = f"distid:{DISTINGUISHED_ID}"
    with written({"certificate": certificate, "issuers": issuers}) as place:
        given: Arguments = [
            "-partial_chain",
            "-trusted",
            place["issuers"],
            "-vfyopt",
            identity,
            place["certificate"],
        ]
        return tool.run(["verify", *at, *given]).returncode == 0
