"""A real PostgreSQL server for the tests, and a database of its own for each that asks."""

from __future__ import annotations

import itertools
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from processes import free_port
from sqlalchemy import Connection

from evidence.merkle import Frontier

START_S = 60
BY_CODE_POINT = "ENCODING 'UTF8' LC_COLLATE 'C.UTF-8' LC_CTYPE 'C.UTF-8' TEMPLATE template0"


@dataclass
class Postgres:
    """A running server. ``binaries`` is the folder of its programs."""

    port: int
    binaries: Path
    process: subprocess.Popen[bytes]
    numbers: Iterator[int] = field(default_factory=itertools.count)

    def url(self, database: str) -> str:
        return f"postgresql+psycopg://starproof:secret@127.0.0.1:{self.port}/{database}"

    def execute(self, *statements: str, database: str = "postgres") -> None:
        import psycopg

        with psycopg.connect(
            host="127.0.0.1", port=self.port, user="starproof", password="secret", dbname=database,
            autocommit=True,
        ) as admin:  # fmt: skip
            for statement in statements:
                admin.execute(statement)

    @contextmanager
    def database(self, made: str = BY_CODE_POINT) -> Iterator[str]:
        """Give the URL of a new, empty database."""
        name = f"store_{next(self.numbers)}"
        self.execute(f"CREATE DATABASE {name} {made}")
        try:
            yield self.url(name)
        finally:
            self.execute(f"DROP DATABASE {name} WITH (FORCE)")


@contextmanager
def postgres(*extra: str) -> Iterator[Postgres]:
    """Run a server on a free port of the loopback, its files in a folder of their own; skip if there is none.

    ``extra`` are settings (``name=value``) that overrule those of the tests, which wait for no disk.
    """
    psycopg = pytest.importorskip("psycopg", reason="the PostgreSQL driver psycopg is not installed")
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    found = programs[-1] if programs else shutil.which("initdb")
    if not found:
        pytest.skip("PostgreSQL's initdb is not installed; apt-get install postgresql")
    binaries = Path(found).resolve().parent
    user = "nobody" if os.geteuid() == 0 else None  # the server refuses to run as root
    # Not below pytest's own directory, which nobody but its user may enter.
    folder = Path(tempfile.mkdtemp(prefix="starproof-postgres-"))
    server = None
    try:
        password = folder / "password"
        password.write_text("secret\n", encoding="utf-8")
        if user:
            shutil.chown(folder, user)
            shutil.chown(password, user)
        subprocess.run(
            [binaries / "initdb", "-D", folder / "data", "-U", "starproof", "-A", "scram-sha-256",
             f"--pwfile={password}", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"],
            check=True, capture_output=True, user=user, cwd="/", timeout=START_S,
        )  # fmt: skip
        port = free_port()
        settings = (f"port={port}", "listen_addresses=127.0.0.1", f"unix_socket_directories={folder}",
                    "fsync=off", "full_page_writes=off", "max_connections=60", *extra)  # fmt: skip
        with (folder / "log").open("wb") as out:
            process = subprocess.Popen(
                [binaries / "postgres", "-D", folder / "data",
                 *(part for setting in settings for part in ("-c", setting))],
                stdout=out, stderr=out, stdin=subprocess.DEVNULL, user=user, cwd="/",
            )  # fmt: skip
        server = Postgres(port, binaries, process)
        deadline = time.monotonic() + START_S
        while True:
            try:
                server.execute("SELECT 1")
                break
            except psycopg.OperationalError:
                said = (folder / "log").read_text(errors="replace")[-2000:]
                assert process.poll() is None, f"the server ended early: {said}"
                assert time.monotonic() < deadline, f"no answer in {START_S} s: {said}"
                time.sleep(0.05)
        yield server
    finally:
        if server is not None:
            server.process.send_signal(signal.SIGINT)
            server.process.wait(START_S)
        shutil.rmtree(folder, ignore_errors=True)


def empty(url: str) -> None:
    """Bring a database back to what migrating it made."""
    from sqlalchemy import create_engine, text

    from collector.store import schema
    from collector.store.engine import HEAD

    engine = create_engine(url, connect_args={"options": "-c lock_timeout=5s"})
    with engine.begin() as connection:
        tables = [f'"{table.name}"' for table in reversed(schema.metadata.sorted_tables)]
        for table in tables:
            connection.execute(text(f"DELETE FROM {table}"))
        connection.execute(text("DELETE FROM alembic_version"))
        connection.execute(text("INSERT INTO alembic_version VALUES (:head)"), {"head": HEAD})
        connection.execute(
            schema.log_head.insert().values(id=0, frontier=Frontier().to_bytes(), arrival_ms=0, anchor="")
        )
    engine.dispose()


def as_before_months(connection: Connection) -> None:
    """Bring a store with its content back to schema version 0009: frames beside what is known of them, no partitions."""
    run = connection.exec_driver_sql
    postgresql = connection.dialect.name == "postgresql"
    run(f"ALTER TABLE chunk ADD COLUMN frame {'BYTEA' if postgresql else 'BLOB'}")
    run("UPDATE chunk SET frame = (SELECT frame FROM chunk_frame WHERE chunk_id = chunk.id)")
    run("ALTER TABLE chunk DROP COLUMN month")
    run("DROP TABLE chunk_frame")
    later = ("alert_pending", "alert_message", "alert", "person_identity", "sign_in_attempt", "edition_file")
    for name in ("dropped_month", "kept_header", "moved_sum", *later):
        run(f"DROP TABLE {name}")
    if postgresql:
        run("CREATE TABLE whole (LIKE day_sum INCLUDING ALL)")
        run("INSERT INTO whole SELECT * FROM day_sum")
        run("DROP TABLE day_sum")
        run("ALTER TABLE whole RENAME TO day_sum")
        run("ALTER TABLE day_sum RENAME CONSTRAINT whole_pkey TO pk_day_sum")
        run(
            "ALTER TABLE day_sum ADD CONSTRAINT fk_day_sum_host_id_host FOREIGN KEY (host_id) REFERENCES host (id)"
        )
    run("UPDATE alembic_version SET version_num = '0009'")
