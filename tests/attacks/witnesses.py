"""Who is outside the applicant's hands: the authority's mailbox and a time-stamping authority.

The mailbox is a real SMTP server, the tokens are real CMS made and signed by openssl. Both live in simulated time,
which is why the token's content is written here: ``openssl ts`` stamps with the machine's own clock only.
"""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from fleet import instant
from processes import free_port

from collector.anchors.interface import Got, Head

if TYPE_CHECKING:
    from authority import Authority

RECEIVED_AFTER_MS = 20_000
_TST_INFO = "1.2.840.113549.1.9.16.1.4"
_INTEGER, _OCTETS, _OID, _TIME, _SEQUENCE = b"\x02", b"\x04", b"\x06", b"\x18", b"\x30"
_POLICY = bytes.fromhex("2a030401")  # 1.2.3.4.1, the one of tests/anchors/authority.py
_SHA256 = bytes.fromhex("608648016503040201")
_FIRST_SERIAL = 0x10000000


@dataclass
class PostOffice:
    """The mail server of all simulated authorities: puts what comes into ``mailbox``, with its own time of arrival."""

    mailbox: list[tuple[str, bytes]] = field(default_factory=list)
    now_ms: int = 0
    port: int = 0

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        when = datetime.fromtimestamp((self.now_ms + RECEIVED_AFTER_MS) / 1000, UTC)
        line = f"Received: from a.example.com by mx.example.gov.cn\r\n\twith ESMTP id 1; {when:%d %b %Y %H:%M:%S +0000}\r\n"
        self.mailbox.append((f"{len(self.mailbox)}.eml", line.encode() + envelope.content))
        return "250 taken"


@contextmanager
def post_office() -> Iterator[PostOffice]:
    """A real SMTP server on a free port."""
    controller = pytest.importorskip("aiosmtpd.controller", reason="the mail server is aiosmtpd")
    office = PostOffice(port=free_port())
    server = controller.Controller(office, hostname="127.0.0.1", port=office.port)
    server.start()
    try:
        yield office
    finally:
        server.stop()


@dataclass
class StampingAuthority:
    """An anchor that stamps at ``now_ms``; ``root`` is what a reviewer trusts."""

    authority: Authority
    now_ms: int = 0
    stamped: int = 0

    @property
    def root(self) -> bytes:
        return self.authority.root

    def send(self, head: Head) -> Got:
        return Got(self.stamp(head.note), self.now_ms)

    def probe(self) -> str:
        return "here"

    def stamp(self, message: bytes) -> bytes:
        """A granted response with a token over ``message``, signed by openssl."""
        self.stamped += 1
        time = datetime.fromtimestamp(self.now_ms / 1000, UTC)
        info = _der(
            _SEQUENCE,
            _der(_INTEGER, b"\x01"),
            _der(_OID, _POLICY),
            _der(
                _SEQUENCE,
                _der(_SEQUENCE, _der(_OID, _SHA256), b"\x05\x00"),
                _der(_OCTETS, hashlib.sha256(message).digest()),
            ),
            _der(_INTEGER, (_FIRST_SERIAL + self.stamped).to_bytes(4, "big")),
            _der(_TIME, f"{time:%Y%m%d%H%M%SZ}".encode()),
        )
        signed = subprocess.run(
            ["openssl", "cms", "-sign", "-binary", "-nodetach", "-nosmimecap", "-cades", "-md", "sha256",
             "-econtent_type", _TST_INFO, "-signer", "tsa.pem", "-inkey", "tsa.key", "-outform", "DER"],
            cwd=self.authority.folder, input=info, check=True, capture_output=True, timeout=60,
        )  # fmt: skip
        return _der(_SEQUENCE, _der(_SEQUENCE, _der(_INTEGER, b"\x00")), signed.stdout)


def make_stamping_authority(folder: Path) -> StampingAuthority:
    """One whose certificate is valid in the simulated autumn."""
    pytest.importorskip("rfc3161_client", reason="reading time stamps needs the extra tsa")
    from authority import make_authority

    begins = datetime.fromtimestamp(instant("2026-10-01") / 1000, UTC) - datetime.now(UTC)
    return StampingAuthority(make_authority(folder, valid_from=begins, valid_for=timedelta(days=120)))


def _der(tag: bytes, *parts: bytes) -> bytes:
    body = b"".join(parts)
    size = len(body)
    if size < 0x80:
        return tag + bytes([size]) + body
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return tag + bytes([0x80 | len(length)]) + length + body
