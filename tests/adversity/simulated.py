"""An agent on a simulated machine: everything is the real agent's but the machine and how fast time goes.

Either it follows a script (a JSON list of actions, one after another), or its clock goes ``--speed``
times as fast as the world's until it is stopped. Killed with -9 wherever wanted: at any moment from
outside, or by its own hand before the ``--die-at``-th change of a file.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Iterable, Sequence

from agent.board import Board
from agent.code import running_code
from agent.courier import chance
from agent.delivery import Delivery, Surroundings
from agent.events import Events
from agent.files import RealFiles
from agent.receipts import Receipts
from agent.run import last_of
from agent.runner import Runner, wall_ms
from agent.schedule import MS_PER_S, Schedule
from agent.sealing import Identity, Sealer
from agent.spool import Spool
from agent.state import SPOOL, STATUS, State
from agent.transport import HttpTransport
from evidence.sources import AGENT

PATIENCE_S = 240
_MIB = 1024 * 1024


class DyingFiles(RealFiles):
    """The operating system's files, until the process dies before a change of them."""

    def __init__(self, left: int) -> None:
        self._left = left

    def _change(self) -> None:
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        self._left -= 1

    def write(self, path: str, parts: Iterable[bytes]) -> None:
        self._change()
        super().write(path, parts)

    def rename(self, old: str, new: str) -> None:
        self._change()
        super().rename(old, new)

    def remove(self, path: str) -> None:
        self._change()
        super().remove(path)

    def sync_folder(self, folder: str) -> None:
        self._change()
        super().sync_folder(folder)


class KernelClocks:
    """Clocks of a real host whose time is made: a tick is as long as the interval."""

    def __init__(self, begin_ms: int) -> None:
        self.wall_ms = begin_ms
        self.boot_ms = 1_000_000_000

    def tick(self, ms: int) -> None:
        self.wall_ms += ms
        self.boot_ms += ms

    def now(self):
        from agent.linux.clock import Instant

        return Instant(self.wall_ms, self.boot_ms, self.boot_ms)

    def state(self) -> str:
        return "synchronized"


class KernelMachine:
    """This very machine, read by the real code, at simulated instants."""

    def __init__(self, begin_ms: int, interval_ms: int) -> None:
        from agent.linux.host import LinuxHost

        self._clocks = KernelClocks(begin_ms)
        self._interval_ms = interval_ms
        self.read = LinuxHost(interval_ms=interval_ms, clocks=self._clocks).read

    def tick(self) -> None:
        self._clocks.tick(self._interval_ms)


class Life:
    """One life of the process."""

    def __init__(self, options: argparse.Namespace, machine) -> None:
        self.machine = machine
        self.options = options
        self.events = Events(sys.stderr, wall_ms)
        self.state = State(options.state)
        enrolled = self.state.require_enrolled()
        schedule = Schedule(options.interval_ms, options.seal_s * MS_PER_S)
        board = Board(wall_ms, interval_ms=options.interval_ms, code=running_code())
        self.spool = Spool(
            self.state.path(SPOOL),
            chain=enrolled.signed.hash,
            key=enrolled.key.public,
            note=lambda event, fields: self.events.error(event, **fields),
            max_bytes=options.spool_mib * _MIB,
            files=RealFiles() if options.die_at < 0 else DyingFiles(options.die_at),
        )
        record = enrolled.signed.enrolment
        identity = Identity(record.enterprise, record.host, "agent", AGENT, running_code())
        self.sealer = Sealer(identity=identity, key=enrolled.key, last=last_of(self.spool.head))
        self.delivery = Delivery(
            spool=self.spool,
            key=enrolled.key,
            transport=HttpTransport(
                options.collector or enrolled.collector, wall_ms=wall_ms, mono_s=time.monotonic, proxy=""
            ),
            around=Surroundings(mono_s=time.monotonic, random=lambda: chance() * options.jitter),
            board=board,
            events=self.events,
            timeout_s=options.timeout_s,
            receipts=Receipts(self.state, enrolled.log_key),
        )
        self.runner = Runner(
            host=machine,
            sealer=self.sealer,
            spool=self.spool,
            delivery=self.delivery,
            schedule=schedule,
            board=board,
            events=self.events,
            status_path=self.state.path(STATUS),
        )
        self._thread = threading.Thread(target=self.delivery.run, daemon=True)

    def begin(self) -> None:
        if not self.options.silent:
            self._thread.start()

    def end(self) -> None:
        self.runner.finish()
        if self._thread.ident is not None:
            self.delivery.stop()
            self._thread.join(30)
        say("ended", pending=self.spool.count, rss_kib=resident_kib())

    def follow(self, script: Sequence[Sequence[object]]) -> None:
        """Do one action after another."""
        for name, *values in script:
            getattr(self, f"do_{name}")(*values)

    def do_tick(self, count: int, ms: int | None = None) -> None:
        for _ in range(count):
            self.machine.tick(ms) if ms else self.machine.tick()
            self.runner.step()

    def do_slew(self, count: int, ppm: int) -> None:
        """The wall clock goes faster or slower than the clocks since boot."""
        ahead = 0
        for number in range(count):
            self.machine.tick()
            due = (number + 1) * self.options.interval_ms * ppm // 1_000_000
            self.machine.wall_ms += due - ahead
            ahead = due
            self.runner.step()

    def do_step(self, ms: int) -> None:
        self.machine.wall_ms += ms

    def do_suspend(self, ms: int) -> None:
        self.machine.suspend(ms)

    def do_reboot(self, off_ms: int, up_ms: int) -> None:
        self.machine.reboot(off_ms, up_ms)

    def do_booted(self, number: int, up_ms: int) -> None:
        """It is the machine's so-many-th life, and it runs for so long."""
        self.machine.boot_id = f"boot-{number}"
        self.machine.boot_ms = self.machine.mono_ms = up_ms

    def do_nic(self, name: str, identity: str | None) -> None:
        self.machine.nics.pop(name, None)
        if identity:
            self.machine.nics[name] = identity

    def do_disk(self, name: str, identity: str | None) -> None:
        self.machine.disks.pop(name, None)
        if identity:
            self.machine.disks[name] = identity

    def do_say(self, **_: object) -> None:
        say("mark", rss_kib=resident_kib(), wall_ms=self.machine.wall_ms, mono_ms=self.machine.mono_ms)

    def do_delivered(self, left: int = 0) -> None:
        """Wait until the collector has everything but ``left`` chunks."""
        deadline = time.monotonic() + PATIENCE_S
        while self.spool.count > left and time.monotonic() < deadline:
            time.sleep(0.01)

    def soak(self, readings: int, every: int) -> None:
        """Read as fast as it goes, and say now and then how much memory is in use."""
        for number in range(readings):
            self.machine.tick()
            self.runner.step()
            if number % every == 0:
                self.do_delivered(8)
                say("soak", readings=number, rss_kib=resident_kib())

    def storm(self, speed: float, boot: int) -> None:
        """Let time pass fast until SIGTERM. The machine booted when this life began, or never before."""
        stop = threading.Event()
        signal.signal(signal.SIGTERM, lambda *_: stop.set())
        machine, step_ms = self.machine, self.options.interval_ms
        begin_ms = self.options.begin
        now_ms = lambda: begin_ms + int((time.time() - self.options.origin) * MS_PER_S * speed)  # noqa: E731 - one expression
        booted_ms = begin_ms - 3_600_000
        if boot:
            booted_ms = max(now_ms() // step_ms * step_ms, (self.sealer.last_wall_ms or 0)) + 1_000
        machine.boot_id = f"boot-{boot}"
        while not stop.is_set():
            due_ms = (max(now_ms(), booted_ms) // step_ms + 1) * step_ms
            if stop.wait(max(0.0, (due_ms - now_ms()) / MS_PER_S / speed)):
                break
            machine.wall_ms = due_ms
            machine.boot_ms = machine.mono_ms = due_ms - booted_ms
            self.runner.step()
            say("read", boot=boot, mono_ms=machine.mono_ms)


def say(event: str, **fields: object) -> None:
    """Tell whoever started this, in one line of the log."""
    words = " ".join(f"{name}={value}" for name, value in fields.items())
    os.write(2, f"event={event} {words}\n".encode())


def resident_kib() -> int:
    """Return the resident memory that is this process's own."""
    with open("/proc/self/status", encoding="ascii") as file:
        return int(next(line for line in file if line.startswith("VmRSS")).split()[1])


def main(argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--state", required=True)
    parser.add_argument("--collector", default="")
    parser.add_argument("--interval-ms", type=int, default=60_000)
    parser.add_argument("--seal-s", type=int, default=600)
    parser.add_argument("--begin", type=int, required=True, help="wall clock of the machine, ms since 1970")
    parser.add_argument("--spool-mib", type=int, default=1024)
    parser.add_argument("--timeout-s", type=float, default=10)
    parser.add_argument("--jitter", type=float, default=0.02, help="share of the real waits after failures")
    parser.add_argument("--silent", action="store_true", help="deliver nothing")
    parser.add_argument("--die-at", type=int, default=-1)
    parser.add_argument("--script", default="")
    parser.add_argument("--soak", type=int, default=0)
    parser.add_argument("--every", type=int, default=200)
    parser.add_argument("--speed", type=float, default=0)
    parser.add_argument(
        "--origin", type=float, default=0, help="when, in the world, the machine's time began"
    )
    parser.add_argument("--boot", type=int, default=0)
    options = parser.parse_args(argv)
    if options.soak:
        machine = KernelMachine(options.begin, options.interval_ms)
    else:
        from machine_double import Machine

        machine = Machine(wall_ms=options.begin, interval_ms=options.interval_ms)
    with State(options.state).lock():
        life = Life(options, machine)
        say("started", pid=os.getpid())
        life.begin()
        if options.soak:
            life.soak(options.soak, options.every)
        elif options.script:
            life.follow(json.loads(options.script))
        else:
            life.storm(options.speed, options.boot)
        life.end()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
