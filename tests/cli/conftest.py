"""Commands read the wall clock; the packs of tests were made on 2026-12-01."""

from __future__ import annotations

import time

import pytest
from fleet import instant

NOW_MS = instant("2026-12-02")


@pytest.fixture(autouse=True)
def the_day_after_the_packs_were_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time_ns", lambda: NOW_MS * 1_000_000)
