"""Judging a seal. All that is found is reported; what could not be judged is never called right.

1. The seal can be read, and its parts name one key and one algorithm.
2. The file has the size and the hashes that the statement names.
3. The statement is signed by the seal's key.
4. Where there is a certificate, it is for that key.
5. The reviewer's key or certificate says that the key is the company's: the same key, the same
   certificate, or a chain that led to it at the stated time. Without one, nobody says whose key it is.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from evidence.errors import EvidenceError
from evidence.seal import Seal, parse
from evidence.signers import SM2
from starproof.seals import pem
from starproof.seals.certificates import chain_problem, public_of, subject_of
from starproof.seals.errors import SealError, ToolError
from starproof.seals.keys import Tool, verifier_of
from starproof.seals.making import hashes_of
from verifier.check import FAILED, PARTIAL, PASS

TOLERANCE_MS = 600_000
"""Clocks may differ by ten minutes (docs/wire.md)."""
CODES = {
    "SEAL_FORMAT": (FAILED, "印章文件无法读取", "the seal cannot be read"),
    "SEAL_FILE": (FAILED, "文件与盖章时不同", "the file is not the one that was sealed"),
    "SEAL_SIGNATURE": (FAILED, "签名不成立", "the signature does not hold"),
    "SEAL_CERTIFICATE": (
        FAILED,
        "证书与密钥或根证书不符",
        "the certificate is for another key, or leads to no given root",
    ),
    "SEAL_KEY": (FAILED, "不是所给的密钥", "sealed with another key than the one given"),
    "SEAL_TIME": (PARTIAL, "所述时间在未来", "the stated time is in the future"),
    "SEAL_UNTRUSTED": (
        PARTIAL,
        "未给出单位的公钥或证书：无法判定由谁盖章",
        "no key or certificate was given (--seal-cert), so nobody says whose seal it is",
    ),
    "SEAL_NOT_CHECKED": (PARTIAL, "本机无法核验", "cannot be judged on this computer"),
}
"""Code → outcome, and what it means."""


@dataclass(frozen=True)
class Trust:
    """What the reviewer brings: one public key, or certificates (the company's own, or roots). DER."""

    key: bytes = b""
    certificates: tuple[bytes, ...] = ()


@dataclass
class Judgement:
    """What is found about a seal. ``seal`` is ``None`` if it cannot be read; ``by`` says who vouches for the key."""

    findings: list[tuple[str, str]] = field(default_factory=list)
    seal: Seal | None = None
    subject: str = ""
    by: str = ""

    @property
    def outcome(self) -> str:
        """``pass``, ``fail`` or ``incomplete``."""
        outcomes = {CODES[code][0] for code, _ in self.findings}
        return next((worse for worse in (FAILED, PARTIAL) if worse in outcomes), PASS)

    def document(self) -> dict[str, Any]:
        """Return it as JSON's values."""
        statement = self.seal.statement if self.seal else None
        return {
            "outcome": self.outcome,
            "findings": [
                {"code": code, "zh": CODES[code][1], "en": CODES[code][2], "got": got}
                for code, got in self.findings
            ],
            "algorithm": statement.algorithm if statement else None,
            "key": statement.key if statement else None,
            "file": statement.file if statement else None,
            "sha256": statement.sha256 if statement else None,
            "sm3": (statement.sm3 or None) if statement else None,
            "who": statement.who if statement else None,
            "time_ms": statement.time_ms if statement else None,
            "subject": self.subject or None,
            "vouched_by": self.by or None,
        }


def read_trust(path: Path) -> Trust:
    """Return what a reviewer's PEM file says.

    Raises:
        SealError: neither one public key nor certificates.
        OSError: the file cannot be read.
    """
    blocks = pem.read(path)
    keys = [data for label, data in blocks if label == pem.PUBLIC_KEY]
    certificates = tuple(data for label, data in blocks if label == pem.CERTIFICATE)
    if len(keys) + bool(certificates) != 1:
        raise SealError(f"{path} must hold one public key, or certificates (PEM), and not both")
    return Trust(keys[0] if keys else b"", certificates)


def judge(file: Path, data: bytes, *, trust: Trust | None, now_ms: int, tool: Tool) -> Judgement:
    """Return what is found about the seal ``data`` on ``file``.

    Raises:
        OSError: the file cannot be read.
    """
    found = Judgement()
    # (1)
    try:
        seal = found.seal = parse(data)
    except EvidenceError as error:
        found.findings.append(("SEAL_FORMAT", str(error)))
        return found
    steps = (_file, _signature, _certificate, _trusted)
    for step in steps:
        try:
            step(found, seal, file, trust, tool)
        except ToolError as error:
            found.findings.append(("SEAL_NOT_CHECKED", str(error)))
            break
    if seal.statement.time_ms > now_ms + TOLERANCE_MS:
        found.findings.append(("SEAL_TIME", f"{seal.statement.time_ms} ms"))
    return found


def _file(found: Judgement, seal: Seal, file: Path, _trust: Trust | None, tool: Tool) -> None:
    """(2)."""
    statement = seal.statement
    plain = hashes_of(file, tool=None)
    if (plain.size, plain.sha256) != (statement.size, statement.sha256):
        found.findings.append(("SEAL_FILE", f"{plain.size} bytes, SHA-256 {plain.sha256}"))
    elif statement.algorithm == SM2 and (digest := tool().sm3(file)) != statement.sm3:
        found.findings.append(("SEAL_FILE", f"SM3 {digest}"))


def _signature(found: Judgement, seal: Seal, _file: Path, _trust: Trust | None, tool: Tool) -> None:
    """(3)."""
    try:
        seal.verify(verifier_of(seal.public, tool=tool))
    except EvidenceError as error:
        found.findings.append(("SEAL_SIGNATURE", str(error)))


def _certificate(found: Judgement, seal: Seal, _file: Path, _trust: Trust | None, tool: Tool) -> None:
    """(4)."""
    if not seal.certificates:
        return
    openssl = tool()
    try:
        if public_of(openssl, seal.certificates[0]) != seal.public:
            found.findings.append(("SEAL_CERTIFICATE", "the certificate is for another key"))
            return
    except EvidenceError as error:
        found.findings.append(("SEAL_CERTIFICATE", str(error)))
        return
    found.subject = subject_of(openssl, seal.certificates[0])


def _trusted(found: Judgement, seal: Seal, _file: Path, trust: Trust | None, tool: Tool) -> None:
    """(5)."""
    if trust is None:
        found.findings.append(("SEAL_UNTRUSTED", ""))
    elif trust.key:
        if trust.key == seal.public:
            found.by = "key"
        else:
            found.findings.append(("SEAL_KEY", seal.statement.key))
    else:
        _vouched(found, seal, trust, tool)


def _vouched(found: Judgement, seal: Seal, trust: Trust, tool: Tool) -> None:
    """Certificates: the company's own, whether the seal carries it or not, or roots of its chain."""
    if any(code == "SEAL_CERTIFICATE" for code, _ in found.findings):
        return
    own = seal.certificates[0] if seal.certificates else b""
    if own in trust.certificates or (not own and _names(trust, seal, tool)):
        found.by = "certificate"
        return
    if not own:
        found.findings.append(
            ("SEAL_KEY", "the given certificates are for other keys, and the seal carries none")
        )
        return
    problem = chain_problem(
        tool(),
        seal.certificates,
        trust.certificates,
        at_ms=seal.statement.time_ms,
        algorithm=seal.statement.algorithm,
    )
    if problem:
        found.findings.append(("SEAL_CERTIFICATE", problem))
    else:
        found.by = "chain"


def _names(trust: Trust, seal: Seal, tool: Tool) -> bool:
    try:
        return any(public_of(tool(), certificate) == seal.public for certificate in trust.certificates)
    except EvidenceError as error:
        raise ToolError(f"a given certificate cannot be read: {error}") from None
