"""A real process, killed again and again while its log is rotated fifty times under load.

The writer stops writing between copy and truncation: what a program writes in that moment ``copytruncate``
itself throws away, and no reader can have it.
"""

from __future__ import annotations

import gzip
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from collector_double import CollectorDouble
from login_logs import KEY, chunk_rows, hashed

ROOT = Path(__file__).resolve().parents[3]
ROTATIONS = 50
LINES = 60
PATIENCE_S = 60


def now_ms() -> int:
    return time.time_ns() // 1_000_000


class Writer(threading.Thread):
    """Writes lines as a server does, and rotates its own log."""

    def __init__(self, path: Path) -> None:
        super().__init__(daemon=True)
        self.path = path
        self.written: Counter = Counter()
        self.dice = random.Random(7)
        path.write_bytes(b"")

    def run(self) -> None:
        for rotation in range(ROTATIONS):
            for _ in range(self.dice.randrange(2, 6)):
                self.write()
                time.sleep(0.04)
            self.shift()
            (self.rename if rotation % 2 else self.copytruncate)()
            if rotation % 3 == 0:
                self.pack()
            self.write()

    def write(self) -> None:
        stamp = datetime.now(timezone.utc).strftime("%d/%b/%Y:%H:%M:%S +0000")
        with open(self.path, "ab", buffering=0) as file:
            for _ in range(self.dice.randrange(1, LINES)):
                user = f"user{self.dice.randrange(300)}"
                text = f'10.0.0.1 - {user} [{stamp}] "GET / HTTP/1.1" 200 1 "-" "-"\n'.encode()
                cut = self.dice.randrange(len(text))
                file.write(text[:cut])
                file.write(text[cut:])
                self.written[user] += 1

    def shift(self) -> None:
        paths = sorted(self.path.parent.glob("access.log.*"), key=lambda path: -int(path.name.split(".")[2]))
        for path in paths:
            parts = path.name.split(".")
            path.rename(path.with_name(".".join((*parts[:2], str(int(parts[2]) + 1), *parts[3:]))))

    def rename(self) -> None:
        self.path.rename(f"{self.path}.1")

    def copytruncate(self) -> None:
        shutil.copy(self.path, f"{self.path}.1")
        os.truncate(self.path, 0)

    def pack(self) -> None:
        for path in sorted(self.path.parent.glob("access.log.*[0-9]")):
            with open(path, "rb") as plain, gzip.open(f"{path}.gz", "wb") as packed:
                shutil.copyfileobj(plain, packed)
            path.unlink()


class Reader:
    """The real command, started and killed."""

    def __init__(self, folder: Path, url: str) -> None:
        self.config = folder / "logins.toml"
        self.state = folder / "state"
        key = folder / "account.key"
        key.write_text(KEY.hex())
        key.chmod(0o600)
        self.log = folder / "log"
        since = (datetime.now(timezone.utc) - timedelta(days=2)).date()
        self.config.write_text(
            f'state = "{self.state}"\naccount_key = "{key}"\ntimezone = "UTC"\nsince = "{since}"\n'
            "poll_s = 1\nseal_s = 1\nlag_s = 0\n"
            f'[[logs]]\nname = "web"\nformat = "combined"\ndefinition = "authenticated-request/1"\n'
            f'paths = ["{folder}/web/access.log"]\n'
        )
        self.command("enroll", "--collector", url, "--token", "t", "--name", "web-1")

    def command(self, name: str, *more: str) -> str:
        done = subprocess.run(self.line(name, *more), cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def line(self, name: str, *more: str) -> list[str]:
        return [sys.executable, "-m", "agent", "logins", name, "--config", str(self.config), *more]

    def start(self) -> subprocess.Popen:
        with open(self.log, "ab") as log:
            return subprocess.Popen(self.line("run"), cwd=ROOT, stdout=log, stderr=log)


@pytest.mark.slow
@pytest.mark.no_cover
def test_fifty_rotations_and_kill_9_lose_and_double_nothing(tmp_path):
    double = CollectorDouble(wall_ms=now_ms)
    double.tokens["t"] = ""
    try:
        (tmp_path / "web").mkdir()
        reader = Reader(tmp_path, double.url)
        writer = Writer(tmp_path / "web" / "access.log")
        writer.start()
        dice, kills = random.Random(3), 0
        while writer.is_alive():
            process = reader.start()
            try:
                process.wait(dice.uniform(0.5, 2.0))
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGKILL)
                kills += process.wait() == -signal.SIGKILL
            else:
                raise AssertionError(reader.log.read_text())
        assert kills > 5, "it was hardly ever killed"
        process = reader.start()
        wanted = hashed(writer.written)
        until = time.monotonic() + PATIENCE_S
        started = f"pid={process.pid}"
        while (
            counted(double) != wanted or started not in reader.log.read_text()
        ) and time.monotonic() < until:
            time.sleep(0.2)
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
    finally:
        double.close()
    assert counted(double) == wanted, reader.log.read_text()[-2000:]
    assert "lost" not in reader.log.read_text()
    names = [name.encode() for name in writer.written]
    for path in [reader.log, *reader.state.rglob("*")]:
        if path.is_file():
            assert not any(name in path.read_bytes() for name in names), f"a name stands in {path}"
    slots = [
        (c.header.start_ms, c.header.end_ms) for c in double.stored() if c.header.start_ms < c.header.end_ms
    ]
    assert all(before[1] == after[0] for before, after in zip(slots, slots[1:])), (
        "the time has a gap or is told twice"
    )
    assert '"not_understood": 0' in reader.command("show", "--json")


def counted(double) -> Counter:
    found: Counter = Counter()
    for chunk in double.stored():
        for _, digest, count in chunk_rows(chunk):
            found[digest] += count
    return found
