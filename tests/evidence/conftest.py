from __future__ import annotations

import pytest
from drafts import Draft, steady


@pytest.fixture
def draft() -> Draft:
    return steady()
