"""``starproof demo``: the whole way on this machine, with real processes and real readings."""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from agent.sample import sample_document, sample_text
from agent.this_host import this_host
from collector.keyring import Keyring
from evidence.keys import PublicKey
from starproof import example_month, session
from starproof.check_text import print_check
from starproof.commands.pack import write_file
from starproof.rules import read_rules, trusted_editions
from starproof.tables import print_audit, print_figures
from starproof.tamper import with_raised_cpu
from verifier.audit import audit
from verifier.check import FAILED, PARTIAL, PASS, check
from verifier.errors import VerifierError
from verifier.figures import figures

ZONE = "Asia/Shanghai"
DEFAULT_SECONDS = 30
MIN_SECONDS = 5
MAX_SECONDS = 3_600
INTERVAL_S = 1
SEAL_S = 5
START_TIMEOUT_S = 30
STOP_TIMEOUT_S = 30
HOST = "this-host"
ENTERPRISE = "示例企业 (demo)"
BANDWIDTH_MBPS = 100


class DemoError(VerifierError):
    """A step of the demonstration did not work."""

    code = "DEMO"


def main(argv: Sequence[str], *, prog: str = "starproof demo") -> int:
    """Run the demonstration; 0 when every step did what it must."""
    parser = argparse.ArgumentParser(
        prog=prog,
        description="Measure this machine, make a pack, check it, tamper with a copy 在本机走完全程",
        epilog="example: starproof demo --seconds 60",
    )
    parser.add_argument("--dir", type=Path, metavar="DIR", help="where to work (default: demo-output/TIME)")
    parser.add_argument(
        "--seconds",
        type=int,
        default=DEFAULT_SECONDS,
        metavar="N",
        help=f"how long to measure (default {DEFAULT_SECONDS})",
    )
    options = parser.parse_args(argv)
    if not MIN_SECONDS <= options.seconds <= MAX_SECONDS:
        parser.error(f"--seconds is a number from {MIN_SECONDS} to {MAX_SECONDS}")
    folder = options.dir or Path("demo-output") / time.strftime("%Y%m%d-%H%M%S")
    return session.guarded(prog, lambda: _Demo(folder, options.seconds).run())


class _Demo:
    """One demonstration in one folder."""

    def __init__(self, folder: Path, seconds: int) -> None:
        self._folder = folder.resolve()
        self._seconds = seconds
        self._db = f"sqlite:///{self._folder / 'starproof.db'}"
        self._out = Console(highlight=False)

    def run(self) -> int:
        self._folder.mkdir(parents=True, exist_ok=True)
        if any(self._folder.iterdir()):
            raise DemoError(f"{self._folder} is not empty; give another --dir")
        self._say(1, "本机有什么会计入", "what counts on this machine")
        self._show_devices()
        self._say(2, f"采集服务与采集代理运行 {self._seconds} 秒", "collector and agent at work")
        self._measure()
        month = datetime.now(ZoneInfo(ZONE)).strftime("%Y-%m")
        scope = self._write_scope(month)
        self._starproof("scope", "declare", str(scope), "--db", self._db)
        with session.archive(self._db) as archive:
            rules = read_rules(archive.scope_versions())
            self._say(3, "截至目前的指标", "the figures so far (one month, of which this was the beginning)")
            print_figures(
                figures(archive, month=month, edition=rules.declared.edition, scope=rules.declared.scope),
                self._out,
            )
            self._say(4, "由数据块复算全部日合计", "every day sum recomputed from the chunks")
            print_audit(audit(archive, month=None), self._out)
            self._say(5, "证据包与离线核验", "the evidence pack and its offline check")
            pack = self._folder / f"{month}.zip"
            keys = Keyring(self._folder)
            write_file(
                pack,
                archive,
                month=month,
                rules=rules,
                zone=None,
                keys=keys,
                log=archive.log,
                receipts=archive.receipts(),
            )
        key = keys.log_key().public
        self._out.print(f"{_shown(pack)} ({pack.stat().st_size:,} bytes)")
        passed = self._check(pack, key)
        self._say(6, "改动一条读数并重算全部清单", "one reading changed, every manifest recomputed")
        tampered = self._folder / f"{month}-tampered.zip"
        tampered.write_bytes(with_raised_cpu(pack.read_bytes()))
        refused = self._check(tampered, key)
        # On the first day of a month it passes; later the log began after the month, which is incomplete.
        if passed == FAILED or refused != FAILED:
            raise DemoError(f"expected {PASS} or {PARTIAL}, then {FAILED}; got {passed} and {refused}")
        self._say(7, "示例企业的一个月：星级、申请表、报告", "an example month: star, form, report")
        example = self._folder / "example"
        example.mkdir()
        example_month.show(example, self._starproof, self._out)
        self._out.print(f"\n[bold]一切都在 everything is in[/] {_shown(self._folder)}")
        log_key = _shown(self._folder / "log.pub")
        self._out.print(f".venv/bin/starproof check {_shown(pack)} --log-key {log_key}", soft_wrap=True)
        self._out.print(
            "\n[bold]在网页上看 see it in a browser[/]（打印的链接创建管理员 the link it prints makes the administrator）:\n"
            f".venv/bin/starproof serve --db sqlite:///{_shown(self._folder / 'starproof.db')}",
            soft_wrap=True,
        )
        return 0

    def _say(self, step: int, zh: str, en: str) -> None:
        self._out.rule(f"[bold]{step}[/] {zh} [dim]{en}[/]", align="left")

    def _show_devices(self) -> None:
        document = sample_document(this_host(interval_ms=INTERVAL_S * 1_000))
        self._out.print(sample_text(document), markup=False)

    def _measure(self) -> None:
        with self._collector() as url:
            token = json.loads(self._starproof("collector", "token", "--db", self._db, "--json"))["token"]
            state = str(self._folder / "agent")
            arguments = ("agent", "enroll", "--collector", url, "--name", HOST, "--state", state)
            self._starproof(*arguments, token=token)
            agent = self._start(
                "agent", "run", "--state", state, "--interval", str(INTERVAL_S), "--seal", str(SEAL_S)
            )
            try:
                self._wait(agent)
            finally:
                _stop(agent)

    def _wait(self, agent: subprocess.Popen[bytes]) -> None:
        columns = (
            TextColumn("读数 readings"),
            BarColumn(),
            TextColumn("{task.completed} s"),
            TimeRemainingColumn(),
        )
        with Progress(*columns, console=self._out) as progress:
            task = progress.add_task("", total=self._seconds)
            for _ in range(self._seconds):
                time.sleep(1)
                progress.advance(task)
                if agent.poll() is not None:
                    raise DemoError(f"the agent ended early; see {self._folder / 'agent.log'}")

    @contextmanager
    def _collector(self) -> Iterator[str]:
        settings = self._folder / "collector.toml"
        settings.write_text(f'enterprise = "{ENTERPRISE}"\ntimezone = "{ZONE}"\n', encoding="utf-8")
        process = self._start(
            "collector", "serve", "--db", self._db, "--listen", "127.0.0.1:0", "--config", str(settings)
        )
        try:
            yield self._listening(process)
        finally:
            _stop(process)

    def _listening(self, process: subprocess.Popen[bytes]) -> str:
        """Return the URL from the collector's log once it listens."""
        log = self._folder / "collector.log"
        deadline = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline and process.poll() is None:
            for line in log.read_text("utf-8").splitlines():
                if '"listening"' in line:
                    return str(json.loads(line)["url"])
            time.sleep(0.1)
        raise DemoError(f"the collector did not start; see {log}")

    def _start(self, *arguments: str) -> subprocess.Popen[bytes]:
        with (self._folder / f"{arguments[0]}.log").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "starproof", *arguments],
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
            )

    def _starproof(self, *arguments: str | Path, token: str | None = None) -> str:
        environment = {**os.environ, **({"STARPROOF_TOKEN": token} if token else {})}
        done = subprocess.run(
            [sys.executable, "-m", "starproof", *map(str, arguments)],
            env=environment, capture_output=True, check=False, text=True, timeout=START_TIMEOUT_S,
        )  # fmt: skip
        if done.returncode:
            raise DemoError(f"starproof {arguments[0]} {arguments[1]}: {done.stderr.strip()}")
        return done.stdout

    def _write_scope(self, month: str) -> Path:
        year, number = (int(part) for part in month.split("-"))
        first_after = datetime(year + number // 12, number % 12 + 1, 1, tzinfo=ZoneInfo(ZONE))
        last = datetime.fromordinal(first_after.toordinal() - 1).date()
        path = self._folder / "scope.toml"
        path.write_text(
            f'schema = "starproof/scope/1"\nenterprise = "{ENTERPRISE}"\ntimezone = "{ZONE}"\n'
            f'edition = "jiangsu-2018-trial"\n\n[window]\nfrom = {month}-01\nto = {last}\n\n'
            f'[[hosts]]\nid = "{HOST}"\n'
            f"bandwidth_mbps = {BANDWIDTH_MBPS} # an example: write what the contract says\n",
            encoding="utf-8",
        )
        return path

    def _check(self, pack: Path, key: PublicKey) -> str:
        with pack.open("rb") as stream:
            report = check(stream, log_key=key, editions=trusted_editions())
        print_check(report, self._out, figures=False)
        return report.outcome


def _shown(path: Path) -> str:
    """Return the path as a person would type it here."""
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Ask a process of ours to end, and wait; it seals and delivers what it has."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
