"""Rate limits: a token bucket per sender, for a bounded number of senders."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from math import ceil

MAX_SENDERS = 20_000
"""The longest unseen sender is forgotten first; it would have a full bucket again soon anyway."""
SECONDS_PER_MINUTE = 60


@dataclass
class _Bucket:
    tokens: float
    at_s: float


class Buckets:
    """Lets each sender through ``per_minute`` times a minute, bursts up to as many at once."""

    def __init__(self, per_minute: int, monotonic: Callable[[], float]) -> None:
        """Start with no sender known; ``monotonic`` returns seconds that never go back."""
        self._per_minute = per_minute
        self._monotonic = monotonic
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    def wait_s(self, sender: str) -> int:
        """Return 0 and count the request, or the whole seconds after which to come again."""
        now_s = self._monotonic()
        bucket = self._buckets.pop(sender, None) or _Bucket(float(self._per_minute), now_s)
        rate = self._per_minute / SECONDS_PER_MINUTE
        bucket.tokens = min(float(self._per_minute), bucket.tokens + (now_s - bucket.at_s) * rate)
        bucket.at_s = now_s
        self._buckets[sender] = bucket
        if len(self._buckets) > MAX_SENDERS:
            self._buckets.popitem(last=False)
        if bucket.tokens >= 1:
            bucket.tokens -= 1
            return 0
        return max(1, ceil((1 - bucket.tokens) / rate))
