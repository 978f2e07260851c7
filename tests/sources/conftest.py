"""Time that tests move."""

from __future__ import annotations

import pytest
from slow_time import Time


@pytest.fixture
def time():
    return Time()
