"""Real database servers on free loopback ports in temporary folders, each ended by its own process handle."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from processes import free_port

READY_S = 60
PASSWORD = "correct horse 密码"


@dataclass
class Server:
    """``restart`` ends the server and starts it anew on the same data; ``stop`` and ``start`` are its halves."""

    command: list[object]
    folder: Path
    port: int
    answers: Callable[[], bool]
    end: int = signal.SIGTERM
    user: str | None = None
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    def start(self) -> None:
        with (self.folder / "server.log").open("ab") as out:
            self.process = subprocess.Popen(
                list(map(str, self.command)), stdout=out, stderr=out, stdin=subprocess.DEVNULL, cwd="/",
                user=self.user,
            )  # fmt: skip
        deadline = time.monotonic() + READY_S
        while not self.answers():
            log = (self.folder / "server.log").read_text(errors="replace")[-2000:]
            assert self.process.poll() is None, f"the server ended early: {log}"
            assert time.monotonic() < deadline, f"the server did not answer in {READY_S} s: {log}"
            time.sleep(0.1)

    def stop(self) -> None:
        if self.process is None:
            return
        self.process.send_signal(self.end)
        try:
            self.process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = None

    def restart(self) -> None:
        self.stop()
        self.start()


def require(package: str, *names: str) -> Path:
    """Return the first program of ``names``; skip, saying which package has it, where there is none."""
    for name in names:
        found = shutil.which(name, path=os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin")))
        if found:
            return Path(found)
    pytest.skip(f"no real server here, not found: {' or '.join(names)}; apt-get install {package}")


def driver(name: str):
    """Return a driver; skip where it is not installed."""
    return pytest.importorskip(name, reason=f"the driver {name} is not installed; see the group dev")


@contextmanager
def _folder(user: str | None) -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="spdb-"))
    try:
        if user:
            shutil.chown(folder, user)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _account(name: str) -> str | None:
    """Servers refuse to run as root."""
    return name if os.geteuid() == 0 else None


@contextmanager
def mariadb() -> Iterator[Server]:
    """MariaDB with the users ``root`` (no password, by the socket), ``shop`` and ``starproof``."""
    pymysql = driver("pymysql")
    program = require("mariadb-server", "mariadbd", "mysqld")
    install = require("mariadb-server", "mariadb-install-db", "mysql_install_db")
    user = _account("mysql")
    with _folder(user) as folder:
        subprocess.run(
            [install, "--no-defaults", f"--datadir={folder}/data", "--auth-root-authentication-method=normal",
             "--skip-test-db"],
            check=True, capture_output=True, user=user, timeout=120, cwd="/",
        )  # fmt: skip
        port = free_port()
        command = [
            program, "--no-defaults", f"--datadir={folder}/data", f"--socket={folder}/s", f"--port={port}",
            "--bind-address=127.0.0.1", f"--pid-file={folder}/pid", "--innodb-flush-log-at-trx-commit=0",
            "--innodb-buffer-pool-size=16M", "--skip-name-resolve", "--query-cache-type=1",
            "--query-cache-size=1M",
        ]  # fmt: skip

        def answers() -> bool:
            with socket.socket(socket.AF_UNIX) as probe:
                return probe.connect_ex(f"{folder}/s") == 0

        server = Server(command, folder, port, answers, user=user)
        try:
            server.start()
            with pymysql.connect(unix_socket=f"{folder}/s", user="root") as root, root.cursor() as cursor:
                cursor.execute("CREATE DATABASE shop")
                cursor.execute(f"CREATE USER shop@'%' IDENTIFIED BY '{PASSWORD}'")
                cursor.execute("GRANT ALL ON shop.* TO shop@'%'")
                cursor.execute(f"CREATE USER starproof@'%' IDENTIFIED BY '{PASSWORD}'")
            yield server
        finally:
            server.stop()


@contextmanager
def postgresql() -> Iterator[Server]:
    """PostgreSQL with ``pg_stat_statements`` in ``postgres``, the database ``shop``, and a reader's role."""
    psycopg = driver("psycopg")
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    bin_folder = (programs[-1] if programs else require("postgresql", "initdb").resolve()).parent
    user = _account("postgres")
    with _folder(user) as folder:
        subprocess.run(
            [bin_folder / "initdb", "-D", folder / "data", "-A", "scram-sha-256", "-U", "postgres", "--no-sync",
             "--locale=C.UTF-8", "-E", "UTF8", f"--pwfile={_password_file(folder, user)}"],
            check=True, capture_output=True, user=user, timeout=120, cwd="/",
        )  # fmt: skip
        port = free_port()
        settings = (
            "fsync=off", "synchronous_commit=off", "full_page_writes=off", "listen_addresses=127.0.0.1",
            f"port={port}", f"unix_socket_directories={folder}", "shared_preload_libraries=pg_stat_statements",
            "autovacuum_naptime=1s",
        )  # fmt: skip
        options = [part for setting in settings for part in ("-c", setting)]

        def connect(database: str = "postgres"):
            return psycopg.connect(
                host="127.0.0.1", port=port, user="postgres", password=PASSWORD, dbname=database,
                autocommit=True,
            )  # fmt: skip

        def answers() -> bool:
            try:
                connect().close()
            except psycopg.Error:
                return False
            return True

        server = Server(
            [bin_folder / "postgres", "-D", folder / "data", *options],
            folder,
            port,
            answers,
            signal.SIGINT,
            user,
        )
        try:
            server.start()
            with connect() as admin:
                admin.execute("CREATE EXTENSION pg_stat_statements")
                admin.execute(f"CREATE ROLE starproof LOGIN PASSWORD '{PASSWORD}'")
                admin.execute("GRANT pg_read_all_stats TO starproof")
                admin.execute(f"CREATE ROLE shop LOGIN PASSWORD '{PASSWORD}'")
                admin.execute("CREATE DATABASE shop OWNER shop")
            yield server
        finally:
            server.stop()


def _password_file(folder: Path, user: str | None) -> Path:
    path = folder / "password"
    path.write_text(PASSWORD + "\n", encoding="utf-8")
    if user:
        shutil.chown(path, user)
    return path


@contextmanager
def redis_server() -> Iterator[Server]:
    """Redis with a password for everybody."""
    driver("redis")
    program = require("redis-server", "redis-server", "valkey-server")
    with _folder(None) as folder:
        port = free_port()
        command = [
            program, "--port", port, "--bind", "127.0.0.1", "--dir", folder, "--save", "", "--requirepass",
            "secret-word",
        ]  # fmt: skip

        def answers() -> bool:
            with socket.socket() as probe:
                return probe.connect_ex(("127.0.0.1", port)) == 0

        server = Server(command, folder, port, answers)
        try:
            server.start()
            yield server
        finally:
            server.stop()
