"""Telling webhooks what waits for them: one message each, again after a failure.

Rules:

1. That something began is tried again for as long as it lasts, however long the webhook takes nothing or the
   collector is off. That it is over is given up after ``MAX_TRIALS``.
2. A message counts as sent only for what it told: a document holds ``MAX_DOCUMENT_ALERTS``, the urgent
   first, and the others wait for the next look. A text names every code with its count.
3. A pause is believed only as far as a pause can be long: a clock that was ahead for a while does not
   silence a webhook.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from collector.alerts.formats import MAX_DOCUMENT_ALERTS, Bulletin, outgoing
from collector.alerts.matters import BAD, CODES
from collector.alerts.settings import JSON, Webhook
from collector.errors import CollectorError, SettingsError
from collector.polling.opening import Keys
from collector.sources.calling import Clocks
from collector.sources.web import Reach, Reply, Web
from collector.store import alerts
from collector.store.alerts import GIVEN_UP, SENT, Alert, Waiting
from collector.store.engine import Store

REACH = {"connect_s": 10, "read_s": 20, "total_s": 30, "most_bytes": 64 * 1024}
FIRST_PAUSE_MS = 60_000
LONGEST_PAUSE_MS = 3_600_000
MAX_TRIALS = 100
"""With the pauses between them: about three days."""
MAX_ERROR = 300
_MAX_DOUBLINGS = 6
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


class NotToldError(CollectorError):
    """A webhook did not take a message; it is sent again."""

    code = "NOT_TOLD"


@dataclass(frozen=True)
class Told:
    """What became of one message: how much it told, or the error."""

    alias: str
    count: int
    error: str = ""


@dataclass(frozen=True)
class Messenger:
    """Tells the webhooks of one store.

    Args:
        store: where the messages wait.
        enterprise: its owner.
        keys: reads the addresses and secrets, and knows then what must not be shown.
        clocks: wall clock, and chance for the pauses.
        percent: the coverage that is wanted, for the words.
    """

    store: Store
    enterprise: str
    keys: Keys
    clocks: Clocks
    percent: int

    def tell(self, hooks: Sequence[Webhook], *, stopping: Callable[[], bool] = bool) -> list[Told]:
        """Send what is due, one message for each webhook, and return what became of it.

        Raises:
            StoreError: the store cannot be used.
        """
        done = []
        for hook in hooks:
            now_ms = self.clocks.wall_ms()
            with self.store.reading() as connection:
                rows = alerts.waiting(connection, hook.alias)
            old = [one.id for one in rows if one.closing and one.attempts >= MAX_TRIALS]
            if old:
                with self.store.writing() as connection:
                    alerts.finish(connection, old, now_ms=now_ms, outcome=GIVEN_UP)
                rows = [one for one in rows if one.id not in set(old)]
            if rows and not stopping() and not any(_rests(one, now_ms) for one in rows):
                done.append(self._one(hook, rows, now_ms))
        return done

    def test(self, hook: Webhook) -> None:
        """Send a message that tells nothing.

        Raises:
            CollectorError: it was not taken.
        """
        bulletin = Bulletin(self.enterprise, self.clocks.wall_ms(), (), (), self.percent, is_test=True)
        self._send(hook, bulletin)

    def tell_unkept(self, hook: Webhook, *ones: Alert) -> None:
        """Tell of alerts that are kept nowhere, because the store cannot.

        Raises:
            CollectorError: it was not taken.
        """
        self._send(hook, Bulletin(self.enterprise, self.clocks.wall_ms(), ones, (), self.percent))

    def _one(self, hook: Webhook, waiting: Sequence[Waiting], now_ms: int) -> Told:
        rows = sorted(waiting, key=lambda one: (one.closing, CODES.get(one.alert.code) != BAD))
        if hook.kind == JSON:
            rows = rows[:MAX_DOCUMENT_ALERTS]
        bulletin = Bulletin(
            self.enterprise,
            now_ms,
            [one.alert for one in rows if not one.closing],
            [one.alert for one in rows if one.closing],
            self.percent,
            more=len(waiting) - len(rows),
        )
        ids = [one.id for one in rows]
        try:
            self._send(hook, bulletin)
        except CollectorError as error:
            words = self.keys.redacted(" ".join(str(error).split()))[:MAX_ERROR]
            failures = max(one.attempts for one in rows)
            whole = min(FIRST_PAUSE_MS << min(failures, _MAX_DOUBLINGS), LONGEST_PAUSE_MS)
            pause_ms = whole // 2 + int(self.clocks.chance() * (whole - whole // 2))
            with self.store.writing() as connection:
                alerts.postpone(connection, ids, next_ms=now_ms + pause_ms, error=words)
            return Told(hook.alias, len(rows), words)
        with self.store.writing() as connection:
            alerts.finish(connection, ids, now_ms=self.clocks.wall_ms(), outcome=SENT)
        return Told(hook.alias, len(rows))

    def _send(self, hook: Webhook, bulletin: Bulletin) -> None:
        where = f"webhook {hook.alias}"
        url = self.keys.read(hook.url).reveal()
        secret = self.keys.read(hook.secret).reveal() if hook.secret else ""
        _require_address(url, where)
        request = outgoing(bulletin, hook, url=url, secret=secret)
        reach = Reach(**REACH, ca_file=Path(hook.ca_file) if hook.ca_file else None, proxy=hook.proxy or None)
        reply = Web(self.clocks, reach).send(
            "POST", request.url, headers=request.headers, content=request.body, where=where
        )
        _require_taken(reply, hook, where)


def _rests(one: Waiting, now_ms: int) -> bool:
    """Return whether a pause after a failure is not over. None is longer than ``LONGEST_PAUSE_MS``."""
    return now_ms < one.next_ms <= now_ms + LONGEST_PAUSE_MS


def _require_address(url: str, where: str) -> None:
    """Refuse an address over which the robot's key would travel in the clear."""
    parts = urlsplit(url)
    if parts.scheme == "https" and parts.hostname:
        return
    if parts.scheme == "http" and parts.hostname in _LOOPBACK:
        return
    raise SettingsError(f"{where}: its address begins with https:// (http:// only on this machine)")


def _require_taken(reply: Reply, hook: Webhook, where: str) -> None:
    """Raise unless a message was taken: robots answer 200 also when they refuse."""
    if not 200 <= reply.status < 300:  # noqa: PLR2004 - the statuses of success
        raise NotToldError(f"{where} answers HTTP {reply.status}")
    if hook.kind == JSON:
        return
    try:
        said = json.loads(reply.body)
        number = said["errcode"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise NotToldError(f"{where} answers something else than a robot does; check its address") from None
    if number != 0:
        raise NotToldError(f"{where} refuses: {number} {str(said.get('errmsg', ''))[:MAX_ERROR]}")
