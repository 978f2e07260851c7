"""kill -9: storms on both sides, and reboots in the middle of sealing."""

from __future__ import annotations

import json
import random
import re
import threading
import time

from adversity.accounts import Outcome, sealed
from adversity.nursery import Child
from adversity.scene import Scene, minute_ago

SPEED = 600.0
"""Simulated seconds a second: ten readings a second."""
MARK = re.compile(r"event=mark .*wall_ms=(\d+) mono_ms=(\d+)")
LONGEST_WAIT_S = 3.0
SEALED_ROWS = 3
"""Readings between two sealings when the machine restarts in the middle of one."""


def storm(scene: Scene, trials: int, *, agents: int = 3, seed: int = 1) -> Outcome:
    """Kill agents and collector ``trials`` times each, at random moments under load."""
    server = scene.serve(scene.server())
    names = [f"host-{number}" for number in range(agents)]
    scene.enrol(*names)
    begin, origin = minute_ago(20), time.time()
    processes = [scene.simulated(name, begin=begin, origin=origin, speed=SPEED, seal_s=120) for name in names]
    begun = time.monotonic()
    for process in processes:
        process.start()
    share = -(-trials // agents)
    threads = [
        threading.Thread(
            target=_kill,
            args=(process, share, random.Random(seed + number)),
            kwargs={"longest_s": 0.7, "working": "event=sealed", "working_share": 0.1},
        )
        for number, process in enumerate(processes)
    ]
    threads.append(
        threading.Thread(
            target=_kill,
            args=(server, trials, random.Random(seed - 1)),
            kwargs={"longest_s": 0.6, "working": '"listening"', "working_share": 0.5},
        )
    )
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds = time.monotonic() - begun
    if not server.alive():
        scene.serve(server)
    for process in processes:
        process.wait_for("event=delivered", start=len(process.text()), seconds=60)
    scene.wait_delivered(left=2)
    for process in processes:
        process.stop()
    server.stop()
    served = server.text().count('"listening"') - 1
    account = scene.account()
    lost, doubled = scene.lost_and_doubled(account)
    chunks = sum(len(found.seqs) for found in account.hosts.values())
    return Outcome(
        trials=share * agents + trials,
        lost=lost,
        doubled=doubled,
        unseen_ms=max(found.unseen_ms() for found in account.hosts.values()),
        figures={"kills of agents": share * agents, "of the collector": f"{trials}, of which {served} while it served", "chunks": chunks,
                 "kills a second": f"{(share * agents + trials) / seconds:.1f}"},
        problems=account.wrong,
    )  # fmt: skip


def _kill(
    process: Child, times: int, dice: random.Random, *, longest_s: float, working: str, working_share: float
) -> None:
    """Kill a process again and again: a share of its lives not before it works, the others at any moment."""
    for _ in range(times):
        start = process.log.stat().st_size
        if dice.random() < working_share:
            deadline = time.monotonic() + LONGEST_WAIT_S
            while time.monotonic() < deadline and working not in tail_of(process, start):
                time.sleep(0.02)
        time.sleep(dice.uniform(0.0, longest_s))
        process.kill()
        process.start()


def tail_of(process: Child, start: int) -> str:
    """Return what a process has logged since its log was so long (bytes)."""
    with process.log.open("rb") as log:
        log.seek(start)
        return log.read().decode("utf-8", "replace")


def reboot_while_sealing(scene: Scene, trials: int, *, seed: int = 2) -> Outcome:
    """The machine restarts before any one change of a file on the way from rows to an acknowledged chunk.

    What no chunk can tell is what the machine did after the last reading that was sealed.
    """
    server = scene.serve(scene.server())
    scene.enrol("host-0")
    dice = random.Random(seed)
    wall = minute_ago(60)
    seen: dict[str, int] = {}
    for boot in range(trials):
        process = scene.simulated(
            "host-0", begin=wall, die_at=dice.randrange(2, 60), seal_s=SEALED_ROWS * 60,
            script=json.dumps([["booted", boot, 30_000], *[["tick", 1], ["say"]] * 30]),
        )  # fmt: skip
        start = len(process.text())
        process.start()
        process.wait()
        marks = MARK.findall(process.text()[start:])
        seen[f"boot-{boot}"] = int(marks[-1][1]) if marks else 0
        wall = (int(marks[-1][0]) if marks else wall) + 600_000
    last = scene.simulated(
        "host-0", begin=wall, script=json.dumps([["booted", trials, 30_000], ["tick", 12], ["delivered"]])
    )
    last.start()
    last.wait()
    server.stop()
    account = scene.account()
    lost, doubled = scene.lost_and_doubled(account)
    host = account.hosts["host-0"]
    tails = [
        ran - max((end for _, end in host.spans.get(boot, ())), default=0)
        for boot, ran in seen.items()
        if ran
    ]
    return Outcome(
        trials=trials,
        lost=lost,
        doubled=doubled,
        unseen_ms=max(0, host.unseen_ms(), *tails),
        unavoidable_ms=(SEALED_ROWS + 1) * 60_000,
        figures={"chunks": len(sealed(scene.text("host-0")))},
        problems=account.wrong,
    )
