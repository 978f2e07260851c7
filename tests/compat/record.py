"""Records what one version says and keeps, for the versions after it.

``PYTHONPATH=TREE:TREE/tests python tests/compat/record.py tests/compat/VERSION``, TREE being that version's; OUT gets

``store.db.xz``     a store with an enrolled host, chunks, day sums, a declared scope, a log with a checkpoint
``keys.json``       the collector's key files
``state.tar.xz``    the state directory of an agent with chunks that nobody has taken
``host.spool``      the same chunks as a file for a stick
``requests.json``   every request of that agent with its answer
``tables.json``     of every table: columns, rows, and a digest of its content
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import lzma
import os
import shutil
import sqlite3
import subprocess
import sys
import tarfile
import tempfile
import warnings
from pathlib import Path

from scripted_server import scripted_server

from collector import tokens
from collector.http.app import create_app
from collector.log import keeping
from collector.opening import open_store, wall_clock_ms
from collector.store import scopes

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from starlette.testclient import TestClient

ENTERPRISE = "兼容性样本公司"
HOST = "compat-1"
DAY_MS = 86_400_000
_HEADERS = ("content-type", "x-starproof-key", "x-starproof-log-size")


def digest_of(connection: sqlite3.Connection, table: str, columns: list[str]) -> tuple[int, str]:
    """Return how many rows a table has, and a digest of these columns of all of them."""
    names = ", ".join(f'"{name}"' for name in columns)
    rows = [repr(row) for row in connection.execute(f'SELECT {names} FROM "{table}"')]
    return len(rows), hashlib.sha256("\n".join(sorted(rows)).encode()).hexdigest()


def tables_of(path: Path) -> dict[str, dict[str, object]]:
    """Return columns, number of rows and digest of every table of a store."""
    with contextlib.closing(sqlite3.connect(path)) as connection:
        names = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        found = {}
        for name in sorted(names):
            columns = [row[1] for row in connection.execute(f'PRAGMA table_info("{name}")')]
            count, digest = digest_of(connection, name, columns)
            found[name] = {"columns": columns, "rows": count, "digest": digest}
    return found


def main(out: Path) -> None:
    """Record into a new folder."""
    out.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as place:
        work = Path(place)
        opened = open_store(
            f"sqlite:///{work}/c/starproof.db", enterprise=ENTERPRISE, timezone="Asia/Shanghai"
        )
        requests: list[dict[str, object]] = []
        app = create_app(opened, clock=wall_clock_ms, log=lambda *_, **__: None)
        with TestClient(app) as client:
            answering = [True]

            def answer(asked):
                if not answering[0]:
                    return 503, {"Retry-After": "1"}, b"{}"
                headers = {name: asked.headers[name] for name in _HEADERS if name in asked.headers}
                reply = client.request(asked.method, asked.path, content=asked.body, headers=headers)
                requests.append(
                    {
                        "method": asked.method,
                        "path": asked.path,
                        "headers": headers,
                        "body": base64.b64encode(asked.body).decode(),
                        "status": reply.status_code,
                        "answer": reply.json(),
                    }
                )
                return reply.status_code, {}, reply.content

            with scripted_server(answer) as server:
                token = tokens.issue(opened.store, host=HOST, now_ms=wall_clock_ms()).text
                agent = [sys.executable, "-m", "agent"]
                state = ["--state", str(work / "state")]
                environment = {**os.environ, "STARPROOF_TOKEN": token}
                subprocess.run(
                    [*agent, "enroll", "--collector", server.url, "--name", HOST, *state],
                    check=True,
                    env=environment,
                    stdout=subprocess.DEVNULL,
                )
                run = [*agent, "run", "--interval", "1", "--seal", "1", *state]
                for answering[0] in (True, False):
                    with contextlib.suppress(subprocess.TimeoutExpired):
                        subprocess.run(["timeout", "6", *run], check=False, stderr=subprocess.DEVNULL)
                subprocess.run(
                    [*agent, "export", "--out", str(out / "host.spool"), *state],
                    check=True,
                    stdout=subprocess.DEVNULL,
                )
        scopes.declare(opened.store, b"[window]\n", record=lambda *_: b"record", clock=wall_clock_ms)
        keeping.keep(opened.store, key=opened.keyring.log_key(), now_ms=wall_clock_ms() + DAY_MS)
        opened.store.close()
        copy = work / "copy.db"
        with contextlib.closing(sqlite3.connect(work / "c" / "starproof.db")) as connection:
            connection.execute("VACUUM INTO ?", (str(copy),))
        (out / "store.db.xz").write_bytes(lzma.compress(copy.read_bytes(), preset=9))
        keys = {one.name: one.read_text() for one in (work / "c").iterdir() if one.suffix in (".key", ".pub")}
        _write(out / "keys.json", keys)
        _write(out / "requests.json", requests)
        _write(out / "tables.json", tables_of(copy))
        for name in ("lock", "export.lock"):
            (work / "state" / name).unlink(missing_ok=True)
        with tarfile.open(out / "state.tar.xz", "w:xz") as archive:
            archive.add(work / "state", arcname="state", filter=_nobodys)
        shutil.rmtree(work / "state")


def _nobodys(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    return member


def _write(path: Path, document: object) -> None:
    path.write_text(json.dumps(document, ensure_ascii=False, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
