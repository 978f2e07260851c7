"""A store in a temporary file with a bench over it."""

from __future__ import annotations

import pytest
from polling_bench import T0, bench_of

from collector.opening import open_store


@pytest.fixture
def bench(url, tmp_path):
    opened = open_store(url, enterprise="甲公司", now_ms=T0)
    yield bench_of(opened, tmp_path / "state")
    opened.store.close()
