"""Makes the servers of this folder importable for its tests."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import servers


@pytest.fixture(scope="module")
def mariadb():
    with servers.mariadb() as server:
        yield server


@pytest.fixture(scope="module")
def postgresql():
    with servers.postgresql() as server:
        yield server


@pytest.fixture(scope="module")
def redis_server():
    with servers.redis_server() as server:
        yield server
