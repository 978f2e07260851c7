"""When a question may be asked, and when again after it failed. Pure.

1. An answered question is asked again after the account's ``every_s``.
2. A failed one after a minute, and each further failure in a row doubles that, up to
   ``LONGEST_PAUSE_MS``, with jitter in the upper half; at least as long as the source said.
3. A used-up quota is tried once a day: the month may end, or somebody may buy more.
4. What concerns the account as a whole (a wrong key, throttling, no answer) stops all its questions.
5. Looks are a minute apart and a question is not asked at the very beginning of one: it is due a
   little early (``SLACK_MS``, at most a quarter of ``every_s``), else a look would be left out.
6. A time later than now was told by a clock that was ahead, and keeps nothing waiting.
"""

from __future__ import annotations

from collections.abc import Callable

from collector.sources.errors import (
    AuthError,
    CredentialError,
    PermissionMissing,
    PluginError,
    QuotaExhaustedError,
    SourceError,
    ThrottledError,
    UnreachableError,
)
from collector.store.polls import OK, Latest

FIRST_PAUSE_MS = 60_000
LONGEST_PAUSE_MS = 6 * 3_600_000
QUOTA_PAUSE_MS = 24 * 3_600_000
SLACK_MS = 30_000
_SLACK_PARTS = 4
MS_PER_S = 1000
_MAX_DOUBLINGS = 16


def due_ms(latest: Latest | None, *, every_ms: int, now_ms: int) -> int:
    """Return from when a question may be asked (0: at once)."""
    if latest is None or latest.time_ms > now_ms:
        return 0
    if latest.outcome == OK:
        return latest.time_ms + every_ms - min(SLACK_MS, every_ms // _SLACK_PARTS)
    return latest.retry_ms or latest.time_ms + FIRST_PAUSE_MS


def pause_ms(error: Exception, failures: int, chance: Callable[[], float]) -> int:
    """Return how long to leave a question alone that failed ``failures`` times in a row before."""
    whole = min(FIRST_PAUSE_MS << min(failures, _MAX_DOUBLINGS), LONGEST_PAUSE_MS)
    pause = whole // 2 + int(chance() * (whole - whole // 2))
    if isinstance(error, QuotaExhaustedError):
        return max(pause, QUOTA_PAUSE_MS)
    if isinstance(error, ThrottledError) and error.retry_after_s is not None:
        return max(pause, error.retry_after_s * MS_PER_S)
    return pause


def concerns_account(error: SourceError) -> bool:
    """Return whether an error means that nothing else of the account can be asked now either."""
    if isinstance(error, PermissionMissing):
        return False
    account_wide = (
        AuthError,
        CredentialError,
        PluginError,
        QuotaExhaustedError,
        ThrottledError,
        UnreachableError,
    )
    return isinstance(error, account_wide)
