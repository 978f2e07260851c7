"""A folder with a collector and agents: started quickly, told apart by their logs, stopped by pid."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from processes import Running, free_port

from adversity.accounts import StoreAccount, pending, sealed, store_account, twice
from adversity.nursery import Child, Nursery, path_environment
from collector import tokens
from collector.opening import open_store

DAY_MS = 86_400_000
SETTINGS = """enterprise = "示例企业"
[limits]
requests_per_minute = 1000000
enrolments_per_minute = 10000
"""
WAIT_S = 180


@dataclass
class Scene:
    """One collector, its store, and agents."""

    folder: Path
    nursery: Nursery
    url: str
    listen: str
    hosts: list[str] = field(default_factory=list)
    logs: dict[str, list[Path]] = field(default_factory=dict)

    @property
    def address(self) -> str:
        return f"http://{self.listen}"

    def state(self, host: str) -> Path:
        return self.folder / host

    def log_of(self, host: str) -> Path:
        """Return the one log of a host's agents, for all lives."""
        return self.folder / f"{host}.log"

    def server(self, *, name: str = "collector", listen: str = "", url: str = "") -> Child:
        """Return a collector, not yet started."""
        settings = self.folder / "collector.toml"
        settings.write_text(SETTINGS, encoding="utf-8")
        return self.nursery.child(
            self.folder / f"{name}.log", "starproof.cli", "collector", "serve", "--db", url or self.url,
            "--listen", listen or self.listen, "--config", settings,
        )  # fmt: skip

    def serve(self, child: Child) -> Child:
        """Start a collector and wait until it listens."""
        start = len(child.text())
        child.start()
        child.wait_for('"listening"', start=start)
        return child

    def enrol(self, *names: str, collector: str = "") -> None:
        """Enrol hosts; the collector runs."""
        with closing(open_store(self.url).store) as store:
            issued = [tokens.issue(store, host=None, now_ms=wall_ms()).text for _ in names]
        for name, token in zip(names, issued, strict=True):
            secret = self.folder / f"{name}.token"
            secret.write_text(token, encoding="utf-8")
            status = self.nursery.run(
                self.folder / "enrol.log", "starproof.cli", "agent", "enroll", "--collector",
                collector or self.address, "--name", name, "--state", self.state(name), "--token-file", secret,
            )  # fmt: skip
            assert status == 0, (self.folder / "enrol.log").read_text("utf-8")
            self.hosts.append(name)

    def agent(self, host: str, *, interval: int = 1, seal: int = 1, config: Path | None = None) -> Child:
        """Return a host's real agent, not yet started."""
        more = ["--config", config] if config else []
        return self.nursery.child(
            self.log_of(host), "starproof.cli", "agent", "run", "--state", self.state(host),
            "--interval", interval, "--seal", seal, *more,
        )  # fmt: skip

    def simulated(self, host: str, **options: object) -> Child:
        """Return a host's agent on a simulated machine, not yet started."""
        return self.nursery.child(
            self.log_of(host), "adversity.simulated", *simulated_words(self.state(host), options)
        )

    def text(self, host: str) -> str:
        log = self.log_of(host)
        return log.read_text("utf-8", errors="replace") if log.exists() else ""

    def wait_delivered(self, *hosts: str, left: int = 0, seconds: float = WAIT_S) -> None:
        """Wait until at most ``left`` chunks wait in each spool."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if all(len(pending(self.state(host))) <= left for host in hosts or self.hosts):
                return
            time.sleep(0.05)

    def account(self) -> StoreAccount:
        return store_account(self.url)

    def lost(self, account: StoreAccount, host: str) -> set[int]:
        """Return what was sealed and is neither stored nor waiting."""
        return sealed(self.text(host)) - set(account.seqs(host)) - pending(self.state(host))

    def lost_and_doubled(self, account: StoreAccount) -> tuple[int, int]:
        """Return how many sealed chunks are nowhere, and how many are there twice, of all hosts."""
        lost = sum(len(self.lost(account, host)) for host in self.hosts)
        doubled = sum(twice(account.seqs(host)) + found.overlaps() for host, found in account.hosts.items())
        return lost, doubled


def simulated_words(state: Path, options: dict[str, object]) -> list[str]:
    words = ["--state", str(state)]
    for name, value in options.items():
        words += [f"--{name.replace('_', '-')}", *([] if value is True else [str(value)])]
    return words


class Fresh(Running):
    """A process with an interpreter of its own, for weighing, with a changed environment or a prefix."""

    def __init__(
        self, log: Path, *arguments: object, prefix: tuple[str, ...] = (), **environment: str
    ) -> None:
        super().__init__(log, *arguments)
        self._arguments = [*prefix, *self._arguments]
        self._environment = environment

    def start(self) -> None:
        import subprocess

        with self.log.open("ab") as out:
            self.process = subprocess.Popen(
                self._arguments, stdout=out, stderr=out, stdin=subprocess.DEVNULL,
                env=path_environment(**self._environment), cwd=self.log.parent,
            )  # fmt: skip

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    def peak_kib(self) -> int:
        """Return the greatest resident memory so far."""
        text = Path(f"/proc/{self.pid}/status").read_text("ascii")
        return int(next(line for line in text.splitlines() if line.startswith("VmHWM")).split()[1])


@contextmanager
def scene(folder: Path, *, url: str = "", nursery: Nursery | None = None) -> Iterator[Scene]:
    """Give a scene whose collector is not started; its processes are the caller's to stop."""
    folder.mkdir(parents=True, exist_ok=True)
    own = nursery or Nursery(folder / "nursery.log")
    try:
        with surroundings(STARPROOF_STATE=str(folder / "state")):
            yield Scene(
                folder, own, url or f"sqlite:///{folder / 'db' / 'starproof.db'}", f"127.0.0.1:{free_port()}"
            )
    finally:
        if nursery is None:
            own.close()


@contextmanager
def surroundings(**values: str) -> Iterator[None]:
    """Set environment variables for a while."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def wall_ms() -> int:
    return time.time_ns() // 1_000_000


def minute_ago(days: float, *, step_ms: int = 60_000) -> int:
    """Return a whole step of the clock so many days ago."""
    return int(wall_ms() - days * DAY_MS) // step_ms * step_ms


def megabytes(count: int) -> str:
    return f"{count / 1e6:.1f} MB"
