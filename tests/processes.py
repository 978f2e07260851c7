"""Real StarProof processes in temporary folders on free loopback ports, stopped by their own pid."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
START_S = 30
STOP_S = 40


def environment(**more: str) -> dict[str, str]:
    places = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(places), "NO_COLOR": "1", **more}


def starproof(*arguments: object, code: int | None = 0, **more: str) -> subprocess.CompletedProcess[str]:
    """Run a command to its end and insist on its exit status, unless ``code`` is ``None``."""
    done = subprocess.run(
        [sys.executable, "-m", "starproof", *map(str, arguments)],
        env=environment(**more), capture_output=True, text=True, check=False, timeout=300, cwd=ROOT,
    )  # fmt: skip
    assert code in (None, done.returncode), f"{arguments}: {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done


def starproof_json(*arguments: object, code: int | None = 0, **more: str) -> dict:
    return json.loads(starproof(*arguments, "--json", code=code, **more).stdout)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Running:
    """A process of ours that writes its log to a file."""

    def __init__(self, log: Path, *arguments: object) -> None:
        self.log = log
        self._arguments = [sys.executable, "-m", *map(str, arguments)]
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self.log.open("ab") as out:
            self.process = subprocess.Popen(
                self._arguments, stdout=out, stderr=out, stdin=subprocess.DEVNULL, env=environment(), cwd=ROOT
            )

    def alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def kill(self) -> None:
        """kill -9, and reap."""
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(STOP_S)

    def stop(self) -> int:
        """SIGTERM, and the exit status."""
        if not self.alive():
            return -1
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self.kill()
            raise

    def text(self) -> str:
        return self.log.read_text("utf-8", errors="replace") if self.log.exists() else ""

    def wait_for(self, pattern: str, *, seconds: float = START_S, start: int = 0) -> re.Match[str]:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            found = re.search(pattern, self.text()[start:])
            if found:
                return found
            time.sleep(0.05)
        raise AssertionError(f"{pattern!r} did not appear in {self.log}:\n{self.text()[-4000:]}")


@contextmanager
def collector(
    folder: Path, *, enterprise: str = "示例企业", port: int = 0, more: str = ""
) -> Iterator[tuple[Running, str, str]]:
    """Give (process, URL, database URL) of a running collector; ``more`` is added to its settings."""
    settings = folder / "collector.toml"
    settings.write_text(
        f'enterprise = "{enterprise}"\n[limits]\nrequests_per_minute = 100000\nenrolments_per_minute = 1000\n{more}',
        encoding="utf-8",
    )
    db = f"sqlite:///{folder / 'starproof.db'}"
    listen = f"127.0.0.1:{port or free_port()}"
    running = Running(
        folder / "collector.log", "starproof", "collector", "serve", "--db", db, "--listen", listen,
        "--config", settings,
    )  # fmt: skip
    running.start()
    try:
        running.wait_for('"listening"')
        yield running, f"{'https' if '[tls]' in more else 'http'}://{listen}", db
    finally:
        running.stop()


def enrolled_agent(folder: Path, url: str, db: str, name: str, *, interval: int, seal: int) -> Running:
    """Enrol a host and return its agent, not yet started."""
    token = starproof_json("collector", "token", "--db", db)["token"]
    state = folder / name
    starproof("agent", "enroll", "--collector", url, "--name", name, "--state", state, STARPROOF_TOKEN=token)
    return Running(
        folder / f"{name}.log", "agent", "run", "--state", state, "--interval", interval, "--seal", seal
    )
