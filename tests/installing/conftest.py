"""Wheels for this very Python, made from what is installed: no test asks a network."""

from __future__ import annotations

import sys
from importlib.metadata import distribution
from pathlib import Path

import pytest

from starproof.bundling.own_wheel import own_wheel, repack
from starproof.bundling.target import PLATFORMS, Target

NEEDED = ("psutil", "PyNaCl", "cffi", "pycparser", "prometheus-client", "pip")


@pytest.fixture(scope="session")
def here() -> Target:
    import platform

    name = f"{sys.platform}-{platform.machine()}"
    if name not in PLATFORMS:
        pytest.skip(f"no bundle is made for {name}")
    glibc = tuple(int(part) for part in platform.libc_ver()[1].split(".")[:2])
    return Target(name, sys.version_info[:2], glibc)


@pytest.fixture(scope="session")
def wheels(tmp_path_factory) -> Path:
    """A folder as somebody carries it to a collector without internet."""
    folder = tmp_path_factory.mktemp("wheels")
    for name in NEEDED:
        repack(distribution(name), folder)
    own_wheel(folder)
    return folder
