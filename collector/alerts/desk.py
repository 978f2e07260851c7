"""The desk: which matters become alerts, and when one is over.

1. A matter becomes an alert when it was there for the time of its code without a break (``HOLD_MS``). What was
   seen of that is kept through restarts of the collector; of the time in which nobody looked no more than
   ``UNSEEN_MS`` counts, so that after a long absence of the collector its hosts have time to come back.
2. An alert is over when its matter was not there for ``CLEAR_MS``, which is kept through restarts in the same way.
3. What is open is told once to every webhook that asks for it; also to one that is added later.
4. Who was told is told when it is over; who was not, is told neither. What is about a month ends with it
   without a word, as does what can only grow (``findings``) or cannot come back (``coverage_lost``).
5. All that is in the store: a restart repeats nothing and forgets nothing.
"""

from __future__ import annotations

from collections.abc import Container, Sequence
from itertools import islice

from sqlalchemy import Connection

from collector.alerts.matters import Matter
from collector.alerts.settings import Webhook
from collector.store import alerts
from collector.store.engine import Store

MINUTE_MS = 60_000
HOLD_MS = {
    "silent": 15 * MINUTE_MS,
    "behind": 30 * MINUTE_MS,
    "never": 60 * MINUTE_MS,
    "unknown": 60 * MINUTE_MS,
    "clock": 15 * MINUTE_MS,
    "coverage_lost": 15 * MINUTE_MS,
    "coverage_risk": 60 * MINUTE_MS,
    "unanchored": 60 * MINUTE_MS,
    "disk": 5 * MINUTE_MS,
}
"""Codes that are not named become alerts at once."""
CLEAR_MS = 5 * MINUTE_MS
UNSEEN_MS = 5 * MINUTE_MS
MAX_OPEN = 20_000
KEPT_MS = 90 * 86_400_000
_SILENTLY = ("findings", "coverage_lost")
_MONTHLY = ("coverage_lost", "coverage_risk")


class Desk:
    """Keeps the alerts of one store; what it remembers itself is since when it sees what, on its own clock."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._since: dict[tuple[str, str], int] = {}
        self._gone: dict[tuple[str, str], int] = {}
        self._written_ms: int | None = None
        """When this desk wrote down what is no alert yet, on the wall clock; ``None``: nothing is written."""

    def note(
        self,
        matters: Sequence[Matter],
        hooks: Sequence[Webhook],
        *,
        month: str,
        now_ms: int,
        mono_ms: int,
    ) -> None:
        """Open, close and queue what has become due.

        Args:
            matters: all that there are.
            hooks: who is told.
            month: the local month.
            now_ms: wall clock.
            mono_ms: a clock that never goes back.

        Raises:
            StoreError: the store cannot be used; nothing was changed.
        """
        present = {(one.code, one.subject): one for one in matters}
        with self._store.reading() as connection:
            standing = alerts.opened(connection)
            self._remember(connection, standing, now_ms=now_ms, mono_ms=mono_ms)
            unqueued = any(alerts.unqueued(connection, hook.alias, hook.codes) for hook in hooks)
        self._since = {key: self._since.get(key, mono_ms) for key in present}
        self._gone = {key: self._gone.get(key, mono_ms) for key in standing if key not in present}
        lasting = (
            one
            for key, one in present.items()
            if key not in standing and mono_ms - self._since[key] >= HOLD_MS.get(one.code, 0)
        )
        new = list(islice(lasting, max(0, MAX_OPEN - len(standing))))
        over = [standing[key] for key, since in self._gone.items() if mono_ms - since >= CLEAR_MS]
        begun = {(one.code, one.subject) for one in new}
        held = {
            key: mono_ms - since
            for key, since in islice(self._since.items(), MAX_OPEN)
            if key not in standing and key not in begun
        }
        ended = {(one.code, one.subject) for one in over}
        held.update(
            {key: mono_ms - since for key, since in islice(self._gone.items(), MAX_OPEN) if key not in ended}
        )
        if not (new or over or unqueued or held or self._written_ms is not None):
            return
        with self._store.writing() as connection:
            for one in new:
                alerts.open_new(
                    connection,
                    one.code,
                    one.subject,
                    month=month,
                    zh=one.zh,
                    en=one.en,
                    now_ms=now_ms,
                )
            for hook in hooks:
                alerts.queue_opened(connection, hook.alias, hook.codes, now_ms=now_ms)
            for alert in over:
                past = alert.code in _MONTHLY and alert.month != month
                telling = alert.code not in _SILENTLY and not past
                alerts.close(connection, alert, now_ms=now_ms, telling=telling)
            alerts.forget(connection, now_ms - KEPT_MS)
            alerts.keep_pending(connection, held, now_ms=now_ms)
        self._written_ms = now_ms if held else None

    def lasting(self, matters: Sequence[Matter], *, mono_ms: int) -> list[Matter]:
        """Return those that have lasted as long as their codes say, by what was noted last, also in vain."""
        return [
            one
            for one in matters
            if mono_ms - self._since.get((one.code, one.subject), mono_ms) >= HOLD_MS.get(one.code, 0)
        ]

    def _remember(
        self, connection: Connection, standing: Container[tuple[str, str]], *, now_ms: int, mono_ms: int
    ) -> None:
        """Take over what was seen before by a process that is gone, or by another one that looked meanwhile."""
        known = alerts.pending(connection)
        written_ms = max((seen_ms for _, seen_ms in known.values()), default=None)
        if written_ms == self._written_ms:
            return
        self._written_ms = written_ms
        since = {
            key: mono_ms - held_ms - min(max(0, now_ms - seen_ms), UNSEEN_MS)
            for key, (held_ms, seen_ms) in known.items()
        }
        # Of an alert that stands it was noted since when its matter is gone, of others since when it is there.
        self._gone = {key: began for key, began in since.items() if key in standing}
        self._since = {key: began for key, began in since.items() if key not in standing}
