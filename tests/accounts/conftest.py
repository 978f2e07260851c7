"""A real PostgreSQL where it is installed, an account key, and an open store."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path

import pytest

from collector.accounts.counting import Hashing
from collector.opening import open_store
from collector.sources.secrets import Secret

NOW_MS = 1_797_000_000_000  # 2026-12-11


@pytest.fixture(scope="session")
def postgres():
    """The URL of a throw-away PostgreSQL server."""
    binaries = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not binaries:
        pytest.skip("PostgreSQL is not installed (no /usr/lib/postgresql/*/bin/initdb)")
    pytest.importorskip("psycopg", reason="psycopg, the driver of PostgreSQL, is not installed")
    folder = binaries[-1].parent
    directory = Path(tempfile.mkdtemp(prefix="starproof-accounts-"))
    user = ["-u", "nobody"] if os.getuid() == 0 else []
    if user:
        if shutil.which("runuser") is None:
            pytest.skip("PostgreSQL does not run as root, and there is no runuser")
        shutil.chown(directory, "nobody")
    run = ["runuser", *user, "--"] if user else []
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    data = directory / "data"
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": directory}
    subprocess.run(
        [*run, folder / "initdb", "-D", data, "-U", "starproof", "-A", "trust"], **quiet, check=True
    )
    options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=off"
    control = [*run, folder / "pg_ctl", "-D", data]
    subprocess.run([*control, "-w", "-o", options, "-l", data / "log", "start"], **quiet, check=True)
    yield f"postgresql+psycopg://starproof@127.0.0.1:{port}/postgres"
    subprocess.run([*control, "-m", "immediate", "stop"], **quiet, check=True)
    shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture
def hashing():
    return Hashing(bytes(range(32)), excluded=("backup", "Probe"))


@pytest.fixture
def key_file(tmp_path):
    path = tmp_path / "account.key"
    path.write_text(bytes(range(32)).hex() + "\n")
    path.chmod(0o600)
    return path


@pytest.fixture
def opened(url):
    opened = open_store(url, enterprise="甲公司", now_ms=NOW_MS)
    yield opened
    opened.store.close()


@pytest.fixture
def secret():
    return Secret
