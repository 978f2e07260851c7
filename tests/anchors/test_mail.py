"""Mail to the authority through a real SMTP server: taken, refused, slow, down for a while."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("aiosmtpd", reason="the SMTP server of these tests is aiosmtpd")

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword
from anchor_world import HEAD, SENT_MS
from processes import free_port

from collector.anchors.mail import open_anchor
from collector.anchors.settings import parse_anchors
from collector.errors import AnchorRefusedError, AnchorUnreachableError, SettingsError
from collector.sources.errors import CredentialError
from collector.sources.secrets import Secret, read_secret
from verifier.anchors.mailbox import notes_in


class Mailbox:
    """Keeps what comes in; ``answer`` is what it says to a recipient."""

    def __init__(self, answer: str = "250 OK") -> None:
        self.answer = answer
        self.taken: list[tuple[str, bytes]] = []

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:  # noqa: N802 - aiosmtpd's name
        if self.answer.startswith("250"):
            envelope.rcpt_tos.append(address)
        return self.answer

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        self.taken.append((envelope.rcpt_tos[0], envelope.content))
        return "250 taken as 4711"


@contextmanager
def serving(mailbox: Mailbox, port: int = 0, **options: Any) -> Iterator[int]:
    controller = Controller(mailbox, hostname="127.0.0.1", port=port or free_port(), **options)
    controller.start()
    try:
        yield controller.port
    finally:
        controller.stop()


def anchor(port: int, *, security: str = "none", wall_ms: int = SENT_MS, **more: Any) -> Any:
    lines = {"server": "127.0.0.1", "port": port, "security": security, "timeout_s": 2} | more
    text = "\n".join(f"{key} = {value!r}" for key, value in lines.items())
    text = f'[[anchors]]\nalias = "authority"\nkind = "mail"\nfrom = "starproof@example.com"\nto = "office@example.gov.cn"\n{text}'
    return open_anchor(
        parse_anchors(text, where="anchors.toml")[0], secret=read_secret, wall_ms=lambda: wall_ms
    )


def test_the_mail_that_arrives_holds_the_checkpoint_byte_for_byte() -> None:
    mailbox = Mailbox()
    with serving(mailbox) as port:
        got = anchor(port).send(HEAD)
    [(recipient, raw)] = mailbox.taken
    assert recipient == "office@example.gov.cn"
    assert [found.note for found in notes_in("mail", raw)] == [HEAD.note]
    assert [found.note for found in notes_in("receipt", got.receipt)] == [HEAD.note]


def test_text_and_attachment_hold_the_note_each() -> None:
    parts = list(message_from_bytes(anchor(1).message(HEAD)).walk())[1:]
    assert [part.get_content_type() for part in parts] == ["text/plain", "application/octet-stream"]
    assert parts[1].get_payload(decode=True) == HEAD.note
    assert HEAD.note in parts[0].get_payload(decode=True).replace(b"\r\n", b"\n")


def test_the_same_checkpoint_sent_again_is_the_same_message() -> None:
    first, again = (anchor(1).message(HEAD), anchor(1).message(HEAD))
    assert message_from_bytes(first)["Message-ID"] == message_from_bytes(again)["Message-ID"]
    assert message_from_bytes(first)["Date"] == "Tue, 03 Nov 2026 16:05:00 +0000"


@pytest.mark.parametrize(
    ("answer", "error"),
    [("550 no such user", AnchorRefusedError), ("450 greylisted, come back", AnchorUnreachableError)],
)
def test_what_the_server_says_tells_whether_waiting_helps(answer: str, error: type[Exception]) -> None:
    with serving(Mailbox(answer)) as port, pytest.raises(error, match=answer[4:]):
        anchor(port).send(HEAD)


def test_a_server_that_is_down_is_unreachable() -> None:
    with pytest.raises(AnchorUnreachableError, match="ConnectionRefused"):
        anchor(free_port()).send(HEAD)


def test_a_server_that_never_greets_is_left_after_the_timeout() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(AnchorUnreachableError):
        anchor(silent.getsockname()[1], timeout_s=1).send(HEAD)


def test_a_server_that_hangs_up_in_the_middle_is_unreachable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def hang_up() -> None:
            peer, _ = server.accept()
            with peer:
                peer.sendall(b"220 hello\r\n")
                peer.recv(100)

        thread = threading.Thread(target=hang_up)
        thread.start()
        with pytest.raises(AnchorUnreachableError):
            anchor(server.getsockname()[1]).send(HEAD)
        thread.join()


def test_trying_out_sends_nothing() -> None:
    mailbox = Mailbox()
    with serving(mailbox) as port:
        assert "office@example.gov.cn" in anchor(port).probe()
    assert mailbox.taken == []


def test_trying_out_tells_that_a_recipient_is_refused() -> None:
    with (
        serving(Mailbox("550 no such user")) as port,
        pytest.raises(AnchorRefusedError, match="no such user"),
    ):
        anchor(port).probe()


def certificate(folder: Path, name: str = "127.0.0.1") -> tuple[Path, Path, ssl.SSLContext]:
    from ipaddress import ip_address

    from cryptography import x509
    from tls_certificate import issued

    names = [x509.IPAddress(ip_address(name))]
    public, private = issued(folder, names)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(public, private)
    return public, private, context


def logins(password: bytes) -> Any:
    def authenticator(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        right = isinstance(data, LoginPassword) and data.password == password
        return AuthResult(success=right, handled=right)

    return authenticator


def test_starttls_and_login_with_a_secret_from_a_file(tmp_path: Path) -> None:
    public, _, context = certificate(tmp_path)
    secret = tmp_path / "password"
    secret.write_text("right horse")
    secret.chmod(0o600)
    mailbox = Mailbox()
    options = {"tls_context": context, "require_starttls": True, "auth_required": True}
    account = {"user": "star", "password": f"file:{secret}", "ca": str(public), "security": "starttls"}
    with serving(mailbox, authenticator=logins(b"right horse"), **options) as port:
        anchor(port, **account).send(HEAD)
    assert len(mailbox.taken) == 1
    with (
        serving(mailbox, authenticator=logins(b"another"), **options) as port,
        pytest.raises(AnchorRefusedError, match="535") as refused,
    ):
        anchor(port, **account).send(HEAD)
    assert "right horse" not in str(refused.value)


def test_a_certificate_that_nobody_vouches_for_is_refused(tmp_path: Path) -> None:
    _, _, context = certificate(tmp_path)
    with (
        serving(Mailbox(), tls_context=context) as port,
        pytest.raises(AnchorRefusedError, match="certificate"),
    ):
        anchor(port, security="starttls").send(HEAD)


def test_a_server_without_starttls_gets_no_mail_in_the_clear() -> None:
    mailbox = Mailbox()
    with serving(mailbox) as port, pytest.raises(AnchorRefusedError, match="set security"):
        anchor(port, security="starttls").send(HEAD)
    assert mailbox.taken == []


def test_tls_from_the_first_byte(tmp_path: Path) -> None:
    public, _, context = certificate(tmp_path)
    mailbox = Mailbox()
    with serving(mailbox, ssl_context=context) as port:
        anchor(port, security="tls", ca=str(public)).send(HEAD)
    assert len(mailbox.taken) == 1


def test_a_secret_that_cannot_be_read_is_told() -> None:
    with serving(Mailbox(), auth_require_tls=False) as port, pytest.raises(CredentialError):
        anchor(port, user="star", password="env:STARPROOF_NO_SUCH_VARIABLE").send(HEAD)


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"to": "a@b, c@d"}, "plain address"),
        ({"from": "Star <a@b>"}, "plain address"),
        ({"user": "star"}, "belong together"),
        ({"user": "star", "password": "right horse"}, "says where the secret is"),
        ({"port": 0}, "1 to 65535"),
        ({"security": "ssl3"}, "one of tls"),
        ({"colour": "red"}, "unknown key 'colour'"),
        ({"server": ""}, "server is needed"),
    ],
)
def test_wrong_settings_name_the_key(more: dict[str, Any], why: str) -> None:
    base: dict[str, Any] = {"server": "s", "from": "a@b", "to": "c@d"}
    text = "\n".join(f"{key} = {value!r}" for key, value in (base | more).items())
    found = parse_anchors(f'[[anchors]]\nalias = "m"\nkind = "mail"\n{text}', where="f")[0]
    with pytest.raises(SettingsError, match=why) as wrong:
        open_anchor(found, secret=lambda _: Secret("x"), wall_ms=lambda: 0)
    assert "right horse" not in str(wrong.value)
