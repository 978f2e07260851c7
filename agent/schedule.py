"""When to read and when to seal: wall-clock multiples, counted from 1970-01-01T00:00Z.

A step that divides an hour therefore falls on every full hour of every zone with a whole-hour
offset, so midnight in Asia/Shanghai is a reading. The interval never adapts to load or to the
network. When the wall clock steps, the next multiple is computed anew from what it says now.
"""

from __future__ import annotations

from dataclasses import dataclass

from agent.errors import ConfigError

MS_PER_S = 1_000
LEAST_STEP_S = 1
GREATEST_STEP_S = 86_400
DEFAULT_INTERVAL_S = 60
DEFAULT_SEAL_S = 600
LONGEST_WAIT_MS = 10_000
"""Waiting is cut into slices of this length, so that a stepped clock is noticed soon."""


@dataclass(frozen=True)
class Schedule:
    """The interval of readings and the period of sealing, both in ms.

    Raises:
        ConfigError: out of 1 s to 1 day, or sealing more often than reading.
    """

    interval_ms: int
    seal_ms: int

    def __post_init__(self) -> None:
        """Refuse steps outside their limits."""
        for name, step_ms in (("interval", self.interval_ms), ("seal", self.seal_ms)):
            if not LEAST_STEP_S * MS_PER_S <= step_ms <= GREATEST_STEP_S * MS_PER_S:
                raise ConfigError(
                    f"{name} of {step_ms / MS_PER_S:g} s is out of range; "
                    f"write {LEAST_STEP_S} to {GREATEST_STEP_S} seconds"
                )
            if step_ms % MS_PER_S:
                raise ConfigError(f"{name} of {step_ms} ms is not a whole number of seconds")
        if self.seal_ms < self.interval_ms:
            raise ConfigError(
                f"seal of {self.seal_ms // MS_PER_S} s is shorter than the interval of "
                f"{self.interval_ms // MS_PER_S} s; make it at least as long"
            )

    def seals_between(self, before_ms: int, after_ms: int) -> bool:
        """Return whether a sealing time lies in (before, after]."""
        return before_ms // self.seal_ms != after_ms // self.seal_ms


def next_multiple(now_ms: int, step_ms: int) -> int:
    """Return the first multiple of ``step_ms`` after ``now_ms``."""
    return (now_ms // step_ms + 1) * step_ms


class Ticker:
    """Says how long to wait for the next multiple; follows the wall clock wherever it steps."""

    def __init__(self, step_ms: int, now_ms: int) -> None:
        """Start at ``now_ms``; the first tick is the first multiple after it."""
        self._step_ms = step_ms
        self._target_ms = next_multiple(now_ms, step_ms)

    def wait_ms(self, now_ms: int) -> int:
        """Return the ms to wait before asking again; 0 when a tick is due (and then consumed)."""
        if now_ms >= self._target_ms:
            self._target_ms = next_multiple(now_ms, self._step_ms)
            return 0
        if self._target_ms - now_ms > self._step_ms:
            self._target_ms = next_multiple(now_ms, self._step_ms)
        return min(self._target_ms - now_ms, LONGEST_WAIT_MS)
