"""A real Zabbix as Debian packages it: PostgreSQL, server and front end in a temporary folder.

Server and front end listen on free loopback ports, the database on a socket in the folder; each is
ended by its own process handle. The packages may be installed, or unpacked (``dpkg -x``) into a
folder named by STARPROOF_ZABBIX_ROOT, which changes nothing on the machine.
"""

from __future__ import annotations

import gzip
import itertools
import json
import os
import random
import re
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
from processes import free_port

PACKAGES = "zabbix-server-pgsql zabbix-frontend-php php-cli php-pgsql php-mbstring php-bcmath php-gd php-xml"
READY_S = 90
_ROOT = Path(os.environ.get("STARPROOF_ZABBIX_ROOT", "/"))
_EXTENSIONS = ("bcmath", "ctype", "dom", "gd", "gettext", "mbstring", "pgsql", "simplexml", "sockets", "xml",
               "xmlreader", "xmlwriter")  # fmt: skip
_SERVER = """\
ListenIP=127.0.0.1
ListenPort={port}
LogType=file
LogFile={folder}/server.log
PidFile={folder}/server.pid
SocketDir={folder}
DBHost={folder}
DBName=zabbix
DBUser=zabbix
AllowRoot=1
CacheUpdateFrequency=1
HousekeepingFrequency=0
StartPollers=1
StartPollersUnreachable=1
StartTrappers=1
StartPreprocessors=1
StartLLDProcessors=1
StartDBSyncers=1
StartTimers=1
StartEscalators=1
StartAlerters=1
StartPingers=0
StartDiscoverers=0
StartHTTPPollers=0
StartHistoryPollers=0
"""
_FRONT_END = """\
<?php
$DB['TYPE'] = 'POSTGRESQL';
$DB['SERVER'] = '{folder}';
$DB['PORT'] = '0';
$DB['DATABASE'] = 'zabbix';
$DB['USER'] = 'zabbix';
$DB['PASSWORD'] = '';
$DB['SCHEMA'] = '';
$DB['ENCRYPTION'] = false;
$DB['DOUBLE_IEEE754'] = true;
$ZBX_SERVER_NAME = '';
$IMAGE_FORMAT_DEFAULT = IMAGE_FORMAT_PNG;
"""


@dataclass
class RealZabbix:
    """``url`` of the front end, ``port`` of the server, ``sql`` runs a statement in its database."""

    url: str
    port: int
    sql: Callable[[str], str]
    _admin: str = field(default="", repr=False)
    # A number that came before is taken for a value that was sent again.
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def call(self, method: str, **params: object):
        """Call the API as administrator."""
        return self._post(method, params, {"auth": self.admin()})

    def admin(self) -> str:
        if not self._admin:
            self._admin = self._post("user.login", {"username": "Admin", "password": "zabbix"}, {})
        return self._admin

    def _post(self, method: str, params: object, more: dict):
        request = {"jsonrpc": "2.0", "method": method, "params": params, "id": 1, **more}
        headers = {"Content-Type": "application/json-rpc"}
        with httpx.Client(trust_env=False, timeout=60) as client:
            answer = client.post(f"{self.url}/api_jsonrpc.php", json=request, headers=headers).json()
        assert "error" not in answer, answer
        return answer["result"]

    def send(self, host: str, values: list[tuple[str, str, int]]) -> None:
        """Send values (key, value, second) as an active agent does."""
        data = [
            {"host": host, "key": key, "value": value, "id": next(self._numbers), "clock": clock, "ns": 0}
            for key, value, clock in values
        ]
        now = int(time.time())
        body = json.dumps({"request": "agent data", "session": "5" * 32, "data": data, "clock": now, "ns": 0})
        with socket.create_connection(("127.0.0.1", self.port), timeout=30) as agent:
            agent.sendall(b"ZBXD\x01" + struct.pack("<II", len(body), 0) + body.encode())
            answer = b"".join(iter(lambda: agent.recv(4096), b""))
        assert f"processed: {len(values)}; failed: 0".encode() in answer, answer


def until(what: str, ready: Callable[[], object], *, seconds: int = READY_S) -> None:
    deadline = time.monotonic() + seconds
    while not ready():
        assert time.monotonic() < deadline, f"{what} did not happen in {seconds} s"
        time.sleep(0.2)


@contextmanager
def running(*, keep_clear: bool = True) -> Iterator[RealZabbix]:
    """Start everything; skip where a part is not there."""
    found = _found()
    folder = Path(tempfile.mkdtemp(prefix="zbx-"))  # short: the path of a socket has at most 107 bytes
    with ExitStack() as stack:
        if keep_clear:
            stack.callback(shutil.rmtree, folder, ignore_errors=True)
        stack.enter_context(_database(folder, found))
        stack.enter_context(_server(folder, found, port := _low_port()))
        url = stack.enter_context(_front_end(folder, found))
        yield RealZabbix(url, port, lambda statement: _sql(folder, found, statement))


@dataclass(frozen=True)
class _Found:
    postgres: Path
    server: Path
    php: Path
    front_end: Path
    schema: Path
    environment: dict[str, str]


def _found() -> _Found:
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    initdb = programs[-1] if programs else Path(shutil.which("initdb") or "initdb").resolve()
    phps = sorted(_ROOT.glob("usr/bin/php[0-9].[0-9]"))
    parts = {
        "postgresql": initdb,
        "zabbix-server-pgsql": _ROOT / "usr/sbin/zabbix_server",
        "php-cli": phps[-1] if phps else _ROOT / "usr/bin/php",
        "zabbix-frontend-php": _ROOT / "usr/share/zabbix/api_jsonrpc.php",
        "the schema of zabbix-server-pgsql": _ROOT / "usr/share/zabbix-server-pgsql/schema.sql.gz",
    }
    missing = [name for name, path in parts.items() if not path.is_file()]
    if missing:
        pytest.skip(f"no real Zabbix here, not found: {', '.join(missing)}; apt-get install {PACKAGES}")
    libraries = ":".join(map(str, _ROOT.glob("usr/lib/*-linux-gnu*")))
    environment = {**os.environ, **({"LD_LIBRARY_PATH": libraries} if Path("/") != _ROOT else {})}
    server, php, script, schema = list(parts.values())[1:]
    return _Found(initdb.parent, server, php, script.parent, schema.parent, environment)


def _account() -> str | None:
    """PostgreSQL refuses to run as root."""
    return "postgres" if os.geteuid() == 0 else None


@contextmanager
def _database(folder: Path, found: _Found) -> Iterator[None]:
    account = _account()
    if account:
        shutil.chown(folder, account)
    data = folder / "data"
    command = [
        found.postgres / "initdb",
        "-D",
        data,
        "-A",
        "trust",
        "-U",
        "zabbix",
        "--no-sync",
        "-E",
        "UTF8",
    ]
    subprocess.run(
        [*command, "--locale=C.UTF-8"], check=True, capture_output=True, user=account, timeout=60, cwd="/"
    )
    fast = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "listen_addresses=")
    options = [part for setting in (*fast, f"unix_socket_directories={folder}") for part in ("-c", setting)]
    with _process(
        [found.postgres / "postgres", "-D", data, *options],
        folder / "postgres.log",
        user=account,
        end=signal.SIGINT,
    ):
        until("PostgreSQL", lambda: _psql(folder, found, "postgres", "select 1").returncode == 0)
        _sql(folder, found, "create database zabbix", database="postgres")
        for name in ("schema", "images", "data"):
            with gzip.open(found.schema / f"{name}.sql.gz", "rt", encoding="utf-8") as script:
                _sql(folder, found, script.read())
        # The demonstration host would be polled; without statistics linking a template takes minutes.
        _sql(folder, found, "update hosts set status = 1 where host = 'Zabbix server'; analyze")
        yield


def _psql(folder: Path, found: _Found, database: str, script: str) -> subprocess.CompletedProcess[str]:
    command = [
        found.postgres / "psql",
        "-h",
        folder,
        "-U",
        "zabbix",
        "-qAtX",
        "-v",
        "ON_ERROR_STOP=1",
        database,
    ]
    return subprocess.run(command, input=script, capture_output=True, text=True, check=False, timeout=120)


def _sql(folder: Path, found: _Found, script: str, *, database: str = "zabbix") -> str:
    done = _psql(folder, found, database, script)
    assert done.returncode == 0, done.stderr
    return done.stdout


@contextmanager
def _server(folder: Path, found: _Found, port: int) -> Iterator[None]:
    settings = folder / "server.conf"
    settings.write_text(_SERVER.format(folder=folder, port=port))
    log = folder / "server.out"
    with _process([found.server, "-f", "-c", settings], log, environment=found.environment) as process:
        until("the trapper of the server", lambda: _listens(port) or _ended(process, log))
        yield


@contextmanager
def _front_end(folder: Path, found: _Found) -> Iterator[str]:
    """Serve a copy, because where its settings are is written in its code."""
    copy = folder / "front-end"
    unneeded = shutil.ignore_patterns("assets", "audio", "fonts", "js", "locale", "images")
    shutil.copytree(found.front_end, copy, symlinks=True, ignore=unneeded)
    settings = folder / "zabbix.conf.php"
    settings.write_text(_FRONT_END.format(folder=folder))
    place = copy / "include/classes/core/CConfigFile.php"
    code, count = re.subn(r"(CONFIG_FILE_PATH = )'[^']*'", rf"\1'{settings}'", place.read_text())
    assert count == 1
    place.write_text(code)
    port = free_port()
    command = [found.php, *_extensions(folder, found), "-S", f"127.0.0.1:{port}", "-t", copy]
    log = folder / "php.log"
    with _process(command, log, environment=found.environment) as process:
        until("the front end", lambda: _listens(port) or _ended(process, log))
        yield f"http://127.0.0.1:{port}"


def _extensions(folder: Path, found: _Found) -> list[object]:
    """Name the extensions where an unpacked PHP does not find them by itself."""
    listed = subprocess.run(
        [found.php, "-m"], capture_output=True, text=True, check=True, env=found.environment, timeout=30
    ).stdout.lower()
    if "pgsql" in listed.split():
        return []
    (place,) = {path.parent for path in _ROOT.glob("usr/lib/php/*/pgsql.so")}
    missing = [name for name in _EXTENSIONS if name not in listed.split()]
    settings = folder / "php.ini"
    settings.write_text(f"extension_dir={place}\n" + "".join(f"extension={name}.so\n" for name in missing))
    return ["-c", settings]


def _low_port() -> int:
    """Give a free port that Zabbix takes for its server: below 32768."""
    for port in random.sample(range(20_000, 32_768), 200):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) != 0:
                return port
    pytest.fail("no free port below 32768")


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _ended(process: subprocess.Popen[bytes], log: Path) -> bool:
    """Fail if a process ended by itself."""
    assert process.poll() is None, f"ended early: {log.read_text()[-2000:]}"
    return False


@contextmanager
def _process(
    command: list[object],
    log: Path,
    *,
    user: str | None = None,
    end: int = signal.SIGTERM,
    environment: dict[str, str] | None = None,
) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("wb") as out:
        process = subprocess.Popen(
            list(map(str, command)), stdout=out, stderr=out, stdin=subprocess.DEVNULL, user=user, cwd="/",
            env=environment,
        )  # fmt: skip
    try:
        yield process
        _ended(process, log)
    finally:
        process.send_signal(end)
        try:
            process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
