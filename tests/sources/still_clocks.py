"""Clocks for tests: real time of day or a fixed one, pauses that are noted and not waited for."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from collector.sources.calling import Clocks, Patience
from collector.sources.registry import Tools
from collector.sources.secrets import Secret


@dataclass
class StillClocks:
    """``now_ms`` None: the real time of day."""

    now_ms: int | None = None
    pauses_s: list[float] = field(default_factory=list)

    def clocks(self) -> Clocks:
        return Clocks(
            monotonic_ms=lambda: int(sum(self.pauses_s) * 1000),
            wall_ms=lambda: int(time.time() * 1000) if self.now_ms is None else self.now_ms,
            sleep=self.pauses_s.append,
            chance=lambda: 0.5,
        )

    def tools(self, secrets: dict[str, str], *, patience: Patience | None = None) -> Tools:
        return Tools(
            clocks=self.clocks(),
            secret=lambda reference: Secret(secrets[reference]),
            patience=patience or Patience(),
        )
