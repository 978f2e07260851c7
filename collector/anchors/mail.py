"""Mail to the authority: the whole checkpoint, readable and attached, by SMTP.

The receipt is the message as it was sent. It proves nothing by itself; the copy in the authority's
mailbox does, because the applicant does not keep that mailbox.
"""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email import policy
from email.message import EmailMessage
from email.utils import format_datetime

from collector.anchors.interface import Got, Head
from collector.anchors.page import page_text
from collector.anchors.settings import AnchorSettings, Values
from collector.errors import AnchorRefusedError, AnchorUnreachableError, SettingsError
from collector.sources.secrets import Secret

KEYS = ("server", "port", "security", "from", "to", "user", "password", "ca", "timeout_s")
PORTS = {"tls": 465, "starttls": 587, "none": 25}
DEFAULT_TIMEOUT_S = 30
_PERMANENT = 500
MS_PER_S = 1000


@dataclass(frozen=True)
class MailAnchor:
    """Sends checkpoints from one address to one address. ``password`` reads the secret when it is needed."""

    server: str
    port: int
    security: str
    sender: str
    recipient: str
    user: str
    password: Callable[[], Secret] | None
    ca: str
    timeout_s: int
    wall_ms: Callable[[], int]

    def send(self, head: Head) -> Got:
        """Send the checkpoint; the server's acceptance is what counts as taken.

        Raises:
            AnchorUnreachableError: no connection, no answer in time, or "not now" (4xx).
            AnchorRefusedError: refused for good (5xx).
            CredentialError: the password cannot be read.
        """
        message = self.message(head)
        with self._connected() as smtp:
            smtp.sendmail(self.sender, [self.recipient], message)
        return Got(message)

    def probe(self) -> str:
        """Log in and ask whether the server takes mail for the recipient; send nothing.

        Raises:
            AnchorError: it does not.
        """
        with self._connected() as smtp:
            for code, answer in (smtp.mail(self.sender), smtp.rcpt(self.recipient)):
                if code >= 400:  # noqa: PLR2004 - RFC 5321, 4.2.1: replies that refuse
                    raise smtplib.SMTPResponseException(code, answer)
            smtp.rset()
        return f"{self.server}:{self.port} 接受发往此地址的邮件 takes mail for {self.recipient}"

    def message(self, head: Head) -> bytes:
        """Return the message about a checkpoint; only its date depends on when it is asked for."""
        message = EmailMessage(policy=policy.SMTP)
        about = head.day or f"size {head.size}"
        message["Subject"] = f"星证检查点 StarProof checkpoint {about} {head.enterprise}"
        message["From"], message["To"] = self.sender, self.recipient
        message["Date"] = format_datetime(datetime.fromtimestamp(self.wall_ms() // MS_PER_S, UTC))
        # The same checkpoint sent again is the same message to a mailbox that folds doubles.
        message["Message-ID"] = f"<{head.sha256[:32]}@starproof.invalid>"
        message.set_content(page_text(head), cte="quoted-printable")
        message.add_attachment(
            head.note, maintype="application", subtype="octet-stream", filename=f"checkpoint-{head.size}.txt"
        )
        return message.as_bytes()

    @contextmanager
    def _connected(self) -> Iterator[smtplib.SMTP]:
        place = f"{self.server}:{self.port}"
        try:
            with self._opened() as smtp:
                if self.user and self.password is not None:
                    smtp.login(self.user, self.password().reveal())
                smtp.ehlo_or_helo_if_needed()
                yield smtp
        except smtplib.SMTPRecipientsRefused as error:
            code, answer = next(iter(error.recipients.values()))
            raise _refusal(place, code, answer) from None
        except smtplib.SMTPResponseException as error:
            raise _refusal(place, error.smtp_code, error.smtp_error) from None
        except smtplib.SMTPNotSupportedError as error:
            raise AnchorRefusedError(f"{place}: {error}; set security or user otherwise") from None
        except ssl.SSLError as error:
            raise AnchorRefusedError(f"{place}: its certificate does not hold: {error.reason}") from None
        except (smtplib.SMTPException, OSError) as error:
            raise AnchorUnreachableError(f"{place}: {type(error).__name__}: {error}") from None

    @contextmanager
    def _opened(self) -> Iterator[smtplib.SMTP]:
        if self.security == "tls":
            with smtplib.SMTP_SSL(
                self.server, self.port, timeout=self.timeout_s, context=self._context()
            ) as smtp:
                yield smtp
            return
        with smtplib.SMTP(self.server, self.port, timeout=self.timeout_s) as smtp:
            if self.security == "starttls":
                smtp.starttls(context=self._context())
            yield smtp

    def _context(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=self.ca or None)


def open_anchor(
    settings: AnchorSettings, *, secret: Callable[[str], Secret], wall_ms: Callable[[], int]
) -> MailAnchor:
    """Return the anchor that a table of the file describes.

    Raises:
        SettingsError: a key is unknown, missing or wrong.
    """
    values = Values(settings, KEYS)
    security = values.choice("security", ("tls", "starttls", "none"))
    user, password = values.text("user", ""), values.reference("password")
    if bool(user) != bool(password):
        raise SettingsError(f"{values.where}: user and password belong together; give both or none")
    return MailAnchor(
        server=values.text("server"),
        port=values.number("port", PORTS[security], least=1, most=65_535),
        security=security,
        sender=_address(values, "from"),
        recipient=_address(values, "to"),
        user=user,
        password=(lambda: secret(password)) if password else None,
        ca=values.text("ca", ""),
        timeout_s=values.number("timeout_s", DEFAULT_TIMEOUT_S, least=1, most=600),
        wall_ms=wall_ms,
    )


def _address(values: Values, key: str) -> str:
    text = values.text(key)
    name, at, domain = text.partition("@")
    if not (name and at and domain) or set(text) & set(' <>,;"\\()') or "@" in domain or not text.isascii():
        raise SettingsError(f"{values.where}: {key} is one plain address, such as office@example.gov.cn")
    return text


def _refusal(place: str, code: int, answer: bytes | str) -> AnchorRefusedError | AnchorUnreachableError:
    said = answer.decode("utf-8", "replace") if isinstance(answer, bytes) else answer
    text = f"{place} answered {code}: {' '.join(said.split())[:200]}"
    return AnchorRefusedError(text) if code >= _PERMANENT else AnchorUnreachableError(text)
