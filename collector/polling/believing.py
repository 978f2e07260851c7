"""Which marks are believed. One that is not is forgotten, and its time is asked for again.

1. Marks were made under settings that decide what is read: device filters, profiles, matchers. If
   these change, what was read before says nothing of what is there now: all marks are forgotten.
2. An instance that is mapped to another host is read again for that host.
3. Marks say nothing of what lies before the first of them: if ``backfill_days`` now goes further
   back, or is gone, all marks are forgotten and the older part is read too.
4. A mark later than now was made by a clock that was ahead: it is forgotten.
5. Whoever asks for it reads everything again, of all metrics or of one.

That costs calls and nothing else: a point that is sealed is known and never sealed again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection

from collector.polling.accounts import MS_PER_S, Account
from collector.polling.plan import UNKNOWN_DAYS
from collector.polling.references import names_secret
from collector.store import polls, readings
from collector.store.readings import EVERY_METRIC, REACH_UNKNOWN, Reading

_INSTANCES_AT_ONCE = 500
"""In one statement: databases bound the number of values."""
_ONLY_THE_WAY = ("key_id", "user", "header", "ca_file", "proxy", "allow_plain_http")
"""Settings that say how a source is reached and logged in to, not what it is asked."""


DEEPER = (
    "backfill_days 已加大或取消，重新读取更早的历史 / backfill_days goes further back or was removed: "
    "the older history is asked for too"
)


def fingerprint(account: Account) -> str:
    """Return the SHA-256 of the settings that decide what is read."""
    what = {"provider": account.provider, "settings": _deciding(account.settings)}
    text = json.dumps(what, sort_keys=True, ensure_ascii=False, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def settle(
    connection: Connection, account: Account, *, now_ms: int, again: Sequence[str] | None = None
) -> tuple[str, ...]:
    """Forget the marks that are not believed, keep what the others are about, and return why.

    Args:
        connection: a writing one.
        account: whose marks, as it is configured now.
        now_ms: wall clock.
        again: metrics to read again whatever the marks say, empty for all; ``None`` for none.
    """
    alias = account.alias
    newest = readings.last_question(connection, alias)
    before = readings.read(connection, alias)
    mine = fingerprint(account)
    since = {} if before is None else dict(before.since)
    notes = []
    if before is not None and before.fingerprint != mine:
        readings.forget(connection, alias)
        since = {EVERY_METRIC: newest}
        notes.append(
            "设置已变，重新读取全部历史 / the settings that decide what is read have changed: "
            "everything is asked for again"
        )
    elif _deeper(before, account):
        readings.forget(connection, alias)
        since = {EVERY_METRIC: newest}
        notes.append(DEEPER)
    moved = [] if before is None else _moved(before.hosts, account.hosts)
    if moved:
        for first in range(0, len(moved), _INSTANCES_AT_ONCE):
            readings.forget(connection, alias, instances=moved[first : first + _INSTANCES_AT_ONCE])
        notes.append(
            f"{len(moved)} 个实例的主机映射已变，重新读取 / {len(moved)} instances are mapped to other hosts: "
            "they are asked for again"
        )
    if readings.forget(connection, alias, later_than_ms=now_ms):
        notes.append(ahead(now_ms))
    if again is not None:
        readings.forget(connection, alias, metrics=again or None)
        since.update(dict.fromkeys(again or (EVERY_METRIC,), newest))
        notes.append("按要求重新读取 / everything is asked for again, as you wish")
    reading = Reading(mine, dict(account.hosts), since, account.backfill_days)
    if reading != before:
        readings.keep(connection, alias, reading)
    return tuple(notes)


def doubts(connection: Connection, account: Account, *, now_ms: int) -> tuple[str, ...]:
    """Return why marks of an account will be forgotten at its next run; nothing is changed."""
    before = readings.read(connection, account.alias)
    found = []
    if before is not None and (
        before.fingerprint != fingerprint(account) or _moved(before.hosts, account.hosts)
    ):
        found.append(
            "设置或主机映射已变，下次采集时重新读取 / settings or hosts have changed: "
            "what they are about is asked for again at the next run"
        )
    elif _deeper(before, account):
        found.append(DEEPER)
    if any(
        mark_ms > now_ms
        for (alias, _), mark_ms in polls.newest_marks(connection).items()
        if alias == account.alias
    ):
        found.append(ahead(now_ms))
    return tuple(found)


def barren(
    connection: Connection, account: Account, marks: Mapping[str, Sequence[int | None]]
) -> tuple[str, ...]:
    """Return the metrics that were read whole without a point of any instance.

    ``marks``: by metric those of all instances that are polled, ``None`` for one that was not read.
    """
    reading = readings.read(connection, account.alias)
    found = []
    for metric, ones in marks.items():
        since = 0 if reading is None else reading.since_of(metric)
        whole = bool(ones) and None not in ones
        if whole and not readings.points_since(connection, account.alias, metric, question=since):
            found.append(metric)
    return tuple(found)


def ahead(now_ms: int) -> str:
    """Return what is said of marks that are later than now."""
    now = f"{datetime.fromtimestamp(now_ms // MS_PER_S, UTC):%Y-%m-%d %H:%M} UTC"
    return (
        f"进度晚于现在（{now}），时钟曾经快了，不予采信，重新读取 / marks are later than now ({now}), "
        "the clock was ahead: they are not believed, that history is asked for again"
    )


def _deeper(before: Reading | None, account: Account) -> bool:
    """Return whether an account goes further back than when its marks were made (rule 3)."""
    if before is None or before.backfill_days == REACH_UNKNOWN:
        return False
    now = account.backfill_days
    if now is None:
        return before.backfill_days is not None
    # A source that does not say what it keeps was read so far where nothing was set.
    return now > (UNKNOWN_DAYS if before.backfill_days is None else before.backfill_days)


def _moved(before: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    return sorted(one for one in {*before, *now} if before.get(one) != now.get(one))


def _deciding(settings: Mapping[str, Any]) -> dict[str, Any]:
    return {
        key: _deciding(value) if isinstance(value, Mapping) else value
        for key, value in settings.items()
        if key not in _ONLY_THE_WAY and not names_secret(key)
    }
