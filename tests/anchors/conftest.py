"""A time-stamping authority for the tests of anchors, made once."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

sys.path.insert(0, str(Path(__file__).parent))

if TYPE_CHECKING:
    from authority import Authority


@pytest.fixture(scope="session")
def tsa(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    from authority import make_authority

    return make_authority(tmp_path_factory.mktemp("tsa"))


@pytest.fixture(scope="session")
def other_tsa(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    from authority import make_authority

    return make_authority(tmp_path_factory.mktemp("other-tsa"))
