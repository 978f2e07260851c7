"""The shared calling layer: every question to a source goes through ``Caller.call``.

Rules:

1. What is worth asking again (``SourceError.retryable``) is asked again: after a pause that
   doubles, with jitter in its upper half, so that many pollers do not come back together.
2. A source that says how long to wait (Retry-After) is left alone for at least so long.
3. A question with all its retries ends at its deadline: a pause that would reach beyond it is not
   begun, and the last error is raised as it is, with its ``retry_after_s`` for the poller.
4. Whatever is raised, ours or another's, has passed the redactor and drags no chained error along.

The providers' SDKs do not retry throttling by themselves (boto3 does; its retries are turned off).
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timezone
from email.utils import parsedate_to_datetime
from typing import TypeVar

from collector.sources.errors import (
    AnswerError,
    AuthError,
    PermissionMissing,
    QuotaExhaustedError,
    SourceError,
    ThrottledError,
    UnreachableError,
    UntrustedError,
)
from collector.sources.redaction import Redactor

Answer = TypeVar("Answer")

MS_PER_S = 1000
MAX_RETRY_AFTER_S = 86_400
"""A longer wait is taken for this; the poller comes back in a day anyway."""
_MAX_DIGITS = 9
_MAX_QUOTED = 300
"""Characters of a provider's own words in an error text."""


@dataclass(frozen=True)
class Patience:
    """How long and how often a question is repeated."""

    attempts: int = 6
    first_pause_ms: int = 500
    longest_pause_ms: int = 30_000
    deadline_ms: int = 180_000


@dataclass(frozen=True)
class Clocks:
    """What time does here. ``monotonic_ms`` and ``wall_ms`` in ms, ``chance`` in [0, 1)."""

    monotonic_ms: Callable[[], int]
    wall_ms: Callable[[], int]
    sleep: Callable[[float], None]
    chance: Callable[[], float]


def real_clocks() -> Clocks:
    """Return this machine's clocks and chance."""
    nanoseconds = 1_000_000
    return Clocks(
        monotonic_ms=lambda: time.monotonic_ns() // nanoseconds,
        wall_ms=lambda: time.time_ns() // nanoseconds,
        sleep=time.sleep,
        chance=random.SystemRandom().random,
    )


class Caller:
    """Asks questions with patience, and lets no secret out in an error."""

    def __init__(
        self, clocks: Clocks, *, patience: Patience | None = None, redactor: Redactor | None = None
    ) -> None:
        self.clocks = clocks
        self.patience = patience or Patience()
        self.redactor = redactor or Redactor()

    def call(self, ask: Callable[[], Answer]) -> Answer:
        """Return what ``ask`` returns, asking again as long as it helps and the deadline allows.

        Raises:
            SourceError: the last attempt's error, redacted. Anything else that ``ask`` raises is
                redacted and raised at once.
        """
        give_up_ms = self.clocks.monotonic_ms() + self.patience.deadline_ms
        attempt = 1
        while True:
            try:
                return ask()
            except SourceError as error:
                self.redactor.scrub(error)
                pause_ms = self._pause_ms(error, attempt)
                if pause_ms is None or self.clocks.monotonic_ms() + pause_ms > give_up_ms:
                    raise
            except Exception as error:
                self.redactor.scrub(error)
                raise
            self.clocks.sleep(pause_ms / MS_PER_S)
            attempt += 1

    def _pause_ms(self, error: SourceError, attempt: int) -> int | None:
        if not error.retryable or attempt >= self.patience.attempts:
            return None
        whole = min(self.patience.first_pause_ms << (attempt - 1), self.patience.longest_pause_ms)
        jittered = whole // 2 + int(self.clocks.chance() * (whole - whole // 2))
        wanted_s = error.retry_after_s if isinstance(error, ThrottledError) else None
        return jittered if wanted_s is None else wanted_s * MS_PER_S + jittered


def retry_after_s(text: str | None, *, wall_ms: int) -> int | None:
    """Return the seconds of a Retry-After header (RFC 9110, 10.2.3): a number or an HTTP date.

    A date in the past is 0; more than a day is a day; what cannot be read is ``None``.
    """
    if text is None:
        return None
    text = text.strip()
    if text.isascii() and text.isdigit() and len(text) <= _MAX_DIGITS:
        return min(int(text), MAX_RETRY_AFTER_S)
    try:
        date = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    if date.tzinfo is None:  # "-0000": RFC 5322 leaves the zone open, HTTP dates are in UTC
        date = date.replace(tzinfo=timezone.utc)
    left_ms = int(date.timestamp()) * MS_PER_S - wall_ms
    return min(max(-(-left_ms // MS_PER_S), 0), MAX_RETRY_AFTER_S)


@dataclass(frozen=True)
class Codes:
    """A provider's error codes by what they mean. One that ends with a dot stands for all that begin so.

    The longest entry that fits decides, so that ``Throttling.`` may be retried while
    ``Throttling.Quota`` may not.
    """

    throttled: tuple[str, ...] = ()
    exhausted: tuple[str, ...] = ()
    auth: tuple[str, ...] = ()
    forbidden: tuple[str, ...] = ()
    unavailable: tuple[str, ...] = ()

    def error(
        self,
        code: str,
        message: str,
        *,
        where: str,
        permission: str = "",
        retry_after_s: int | None = None,
        request_id: str = "",
    ) -> SourceError:
        """Return the error that a provider's code stands for; an unknown code is an ``AnswerError``.

        ``permission`` is what the call needs, in the provider's words.
        """
        text = _joined(where, code, message)
        kinds = ("throttled", "exhausted", "auth", "forbidden", "unavailable")
        fitting = [
            (len(entry), kind) for kind in kinds for entry in getattr(self, kind) if _fits(code, entry)
        ]
        kind = max(fitting)[1] if fitting else ""
        if kind == "throttled":
            return ThrottledError(text, retry_after_s=retry_after_s, request_id=request_id)
        if kind == "forbidden":
            return PermissionMissing(
                f"{text}; grant {permission or 'the permission it names'}",
                permission=permission,
                request_id=request_id,
            )
        if kind == "exhausted":
            return QuotaExhaustedError(f"{text}; wait for the new month or buy more", request_id=request_id)
        if kind == "auth":
            return AuthError(f"{text}; check the key and that it is enabled", request_id=request_id)
        if kind == "unavailable":
            return UnreachableError(text, request_id=request_id)
        return AnswerError(text, request_id=request_id)


def _fits(code: str, entry: str) -> bool:
    return code.startswith(entry) if entry.endswith(".") else code == entry


def status_error(
    status: int, headers: Mapping[str, str], message: str, *, where: str, wall_ms: int, request_id: str = ""
) -> SourceError:
    """Return the error that an HTTP status of 300 and above stands for.

    ``headers`` have lower-case names or are looked up without regard to case.
    """
    text = _joined(where, f"HTTP {status}", message)
    wait_s = retry_after_s(headers.get("retry-after"), wall_ms=wall_ms)
    if status in _THROTTLED or (status == _BUSY and wait_s is not None):
        return ThrottledError(text, retry_after_s=wait_s, request_id=request_id)
    if status in _REFUSED:
        return AuthError(f"{text}; check the credential and what it may read", request_id=request_id)
    if status in _TOO_SLOW or status >= _SERVER_FAULT:
        return UnreachableError(text, request_id=request_id)
    if status < _CLIENT_FAULT:
        return UntrustedError(
            f"{where}: HTTP {status}: sent to another address, which is not followed; set the final one",
            request_id=request_id,
        )
    return AnswerError(text, request_id=request_id)


def _joined(where: str, what: str, message: str) -> str:
    """Not every refusal comes with words."""
    return ": ".join(filter(None, (where, what, quoted(message))))


_THROTTLED = (429,)
_BUSY = 503
_REFUSED = (401, 403, 407)
_TOO_SLOW = (408, 425)
_CLIENT_FAULT = 400
_SERVER_FAULT = 500


def quoted(text: str) -> str:
    """Return a provider's own words fit for one line of an error: printable and not too long."""
    line = " ".join(text.split())
    line = "".join(character if character.isprintable() else "?" for character in line)
    return line if len(line) <= _MAX_QUOTED else line[: _MAX_QUOTED - 1] + "…"
