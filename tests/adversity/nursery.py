"""Starts programs of ours quickly: one process imports everything once and forks a child for each start.

A child is a process like any other, with its own memory, files and death; only the importing is spared,
which is what makes a thousand kills affordable. Run as ``python -m adversity.nursery``.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

from processes import ROOT, STOP_S, Running

IMPORTED = (
    "agent.run", "agent.courier", "agent.this_host", "agent.linux.host", "agent.cli", "agent.enrol", "psutil",
    "alembic.command", "collector.anchors.serving", "collector.cli", "collector.http.app",
    "collector.http.log", "collector.http.server", "collector.log.keeping", "collector.log.serving",
    "collector.polling.opening", "collector.polling.serving", "collector.tls.command", "collector.tls.opening",
    "console.app", "sqlalchemy.dialects.sqlite", "starproof.commands.collector",
    "starproof.cli", "uvicorn.lifespan.on", "adversity.simulated",
)  # fmt: skip
INHERITED = ("STARPROOF_STATE", "TZ")
"""What a child takes from the surroundings of whoever starts it, not from the nursery."""
PAUSE_S = 0.005


class Nursery:
    """The forking process, and what it is asked."""

    def __init__(self, log: Path, **environment: str) -> None:
        with log.open("ab") as out:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "adversity.nursery"],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=out, cwd=ROOT, text=True,
                env=path_environment(**environment),
            )  # fmt: skip
        self._lock = threading.Lock()

    def ask(self, **question: object) -> int | None:
        """Return the answer to one question: a pid, or an exit status (``None``: it runs)."""
        with self._lock:
            assert self._process.stdin is not None
            assert self._process.stdout is not None
            self._process.stdin.write(json.dumps(question) + "\n")
            self._process.stdin.flush()
            return json.loads(self._process.stdout.readline())

    def child(self, log: Path, module: str, *arguments: object) -> Child:
        return Child(self, log, module, *arguments)

    def run(self, log: Path, module: str, *arguments: object) -> int:
        """Run a program to its end and return its exit status."""
        child = self.child(log, module, *arguments)
        child.start()
        return child.wait()

    def close(self) -> None:
        for stream in (self._process.stdin, self._process.stdout):
            assert stream is not None
            stream.close()
        self._process.wait(STOP_S)


class Child(Running):
    """A process that was forked; used as ``Running`` is."""

    def __init__(self, nursery: Nursery, log: Path, module: str, *arguments: object) -> None:
        super().__init__(log, module, *arguments)
        self._nursery = nursery
        self._module = module
        self._words = [str(argument) for argument in arguments]
        self.pid = 0

    def start(self) -> None:
        place = {name: os.environ[name] for name in INHERITED if name in os.environ}
        found = self._nursery.ask(
            start=self._module, arguments=self._words, log=str(self.log), environment=place
        )
        assert found
        self.pid = found

    def status(self) -> int | None:
        return self._nursery.ask(status=self.pid)

    def alive(self) -> bool:
        return self.pid != 0 and self.status() is None

    def wait(self, seconds: float = 120) -> int:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            status = self.status()
            if status is not None:
                self.pid = 0
                return status
            time.sleep(PAUSE_S)
        raise AssertionError(f"{self._module} still runs after {seconds} s:\n{self.text()[-2000:]}")

    def signal(self, number: int) -> None:
        os.kill(self.pid, number)  # nobody else has this pid while the nursery has not reaped it

    def processor_s(self) -> float:
        """Return the processor time used so far."""
        fields = Path(f"/proc/{self.pid}/stat").read_text("ascii").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def peak_kib(self) -> int:
        """Return the greatest resident memory so far, with what was inherited."""
        text = Path(f"/proc/{self.pid}/status").read_text("ascii")
        return int(next(line for line in text.splitlines() if line.startswith("VmHWM")).split()[1])

    def kill(self) -> None:
        self.signal(signal.SIGKILL)
        self.wait()

    def stop(self) -> int:
        if self.pid == 0:
            return -1
        self.signal(signal.SIGTERM)
        return self.wait(STOP_S)


def path_environment(**more: str) -> dict[str, str]:
    """Return the environment in which our modules and these are found."""
    places = [ROOT, ROOT / "tests", ROOT / "tests" / "agent", *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, places)), "NO_COLOR": "1", **more}


def _start(module: str, arguments: list[str], log: str, environment: dict[str, str]) -> int:
    pid = os.fork()
    if pid:
        return pid
    status = 70
    try:
        out = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        nothing = os.open(os.devnull, os.O_RDONLY)
        for source, target in ((nothing, 0), (out, 1), (out, 2)):
            os.dup2(source, target)
        sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 - lives as long as the process
        sys.argv = [module, *arguments]
        os.environ.update(environment)
        time.tzset()
        status = importlib.import_module(module).main(arguments)
        sys.stdout.flush()
        sys.stderr.flush()
    except BaseException as error:  # noqa: BLE001 - the end of a process: told by its log and status
        import traceback

        traceback.print_exc()
        status = error.code if isinstance(error, SystemExit) and isinstance(error.code, int) else 70
    finally:
        os._exit(status)


def _status(pid: int) -> int | None:
    found, status = os.waitpid(pid, os.WNOHANG)
    return os.waitstatus_to_exitcode(status) if found else None


def main() -> int:
    """Answer questions until there are no more."""
    for name in IMPORTED:
        importlib.import_module(name)
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    for line in sys.stdin:
        question = json.loads(line)
        if "start" in question:
            answer = _start(
                question["start"], question["arguments"], question["log"], question["environment"]
            )
        else:
            answer = _status(question["status"])
        answers.write(json.dumps(answer) + "\n")
        answers.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
