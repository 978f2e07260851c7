"""A clock that only moves when somebody sleeps."""

from __future__ import annotations

from dataclasses import dataclass, field

from collector.sources.calling import Caller, Clocks
from collector.sources.redaction import Redactor


@dataclass
class Time:
    """Time and chance for one test. ``pauses_ms`` is what was slept."""

    monotonic_ms: int = 5_000_000
    wall_ms: int = 1_800_000_000_000
    chance: float = 0.5
    pauses_ms: list = field(default_factory=list)

    def sleep(self, seconds):
        pause_ms = round(seconds * 1000)
        self.pauses_ms.append(pause_ms)
        self.pass_ms(pause_ms)

    def pass_ms(self, ms):
        self.monotonic_ms += ms
        self.wall_ms += ms

    @property
    def clocks(self):
        return Clocks(lambda: self.monotonic_ms, lambda: self.wall_ms, self.sleep, lambda: self.chance)

    def caller(self, *, patience=None, secrets=()):
        return Caller(self.clocks, patience=patience, redactor=Redactor(secrets))
