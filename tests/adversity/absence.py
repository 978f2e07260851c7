"""The collector is away, comes and goes, is hard to reach, or is two of which one dies."""

from __future__ import annotations

import json
import random
import re
import time
from pathlib import Path

from adversity.accounts import Outcome, sealed
from adversity.kills import SPEED
from adversity.lossy import Line, Proxy
from adversity.scene import Fresh, Scene, megabytes, minute_ago, simulated_words

DAYS = 7
BAD_LINE = Line(delay_s=0.02, bytes_per_s=200_000, refused=0.1, broken=0.02, stalled=0.05)


def away(scene: Scene, trials: int, *, days: float = DAYS) -> Outcome:
    """``trials`` hosts read once a minute for seven days without a collector; then it is back."""
    server = scene.serve(scene.server())
    names = [f"host-{number}" for number in range(trials)]
    scene.enrol(*names)
    server.stop()
    readings = int(days * 1440)
    script = [["say"], ["tick", readings], ["say"], ["delivered"]]
    peaks, disks, seconds, worked_s, backlog = [], [], 0.0, 0.0, 0
    for name in names:
        process = Fresh(
            scene.log_of(name), "adversity.simulated",
            *simulated_words(scene.state(name), {
                "begin": minute_ago(days + 1), "script": json.dumps(script), "jitter": 0.002,
            }),
        )  # fmt: skip
        process.start()
        process.wait_for(r"event=mark[^\n]*\n(?:.*\n)*.*event=mark", seconds=600)
        waiting = list((scene.state(name) / "spool").glob("*.chunk"))
        disks.append(sum(-(-path.stat().st_size // 4096) * 4096 for path in waiting))
        begun = time.monotonic()
        scene.serve(server)
        process.wait_for("event=ended", seconds=600)
        worked_s += server.processor_s()
        seconds += time.monotonic() - begun
        backlog += len(waiting)
        peaks.append(max(int(kib) for kib in re.findall(r"rss_kib=(\d+)", process.text())))
        assert process.process is not None
        assert process.process.wait(30) == 0
        server.stop()
    account = scene.account()
    lost, doubled = scene.lost_and_doubled(account)
    return Outcome(
        trials=trials,
        lost=lost,
        doubled=doubled,
        unseen_ms=max(found.unseen_ms() for found in account.hosts.values()),
        figures={
            "chunks waiting": backlog,
            "catch-up": f"{backlog / seconds:.0f} chunks/s = {readings * trials / seconds / 1440:.1f} host-days/s, the collector's start included",
            "processor of the collector": f"{backlog / worked_s:.0f} chunks = {readings * trials / 1440 / worked_s:.1f} host-days a second of it",
            "most memory of an agent": megabytes(max(peaks) * 1024),
            "most disk of a spool": megabytes(max(disks)),
        },
        problems=account.wrong,
    )


def restarts(scene: Scene, trials: int, *, seed: int = 3) -> Outcome:
    """The collector is stopped and started again every few seconds while three agents deliver."""
    server = scene.serve(scene.server())
    names = [f"host-{number}" for number in range(3)]
    scene.enrol(*names)
    agents = _running(scene, names)
    dice = random.Random(seed)
    for _ in range(trials):
        time.sleep(dice.uniform(0.2, 1.5))
        server.stop()
        time.sleep(dice.uniform(0.0, 0.5))
        scene.serve(server)
    outcome = _ended(scene, agents, trials)
    server.stop()
    return outcome


def slow_and_lossy(scene: Scene, trials: int, *, seed: int = 4) -> Outcome:
    """``trials`` connections over a slow line that refuses, stalls and breaks off at any byte."""
    server = scene.serve(scene.server())
    names = [f"host-{number}" for number in range(3)]
    scene.enrol(*names)
    host, _, port = scene.listen.partition(":")
    proxy = Proxy([(host, int(port))], BAD_LINE, seed=seed)
    try:
        agents = _running(scene, names, collector=f"http://{proxy.listen}")
        deadline = time.monotonic() + trials
        while proxy.connections < trials and time.monotonic() < deadline:
            time.sleep(0.1)
        outcome = _ended(scene, agents, proxy.connections)
    finally:
        proxy.close()
    server.stop()
    return _with(outcome, **{"connections cut off": proxy.cut})


def one_of_two(scene: Scene, trials: int, *, seed: int = 5) -> Outcome:
    """Two collectors on one PostgreSQL behind a balancer; one or the other is killed ``trials`` times."""
    listens = [scene.listen, f"127.0.0.1:{int(scene.listen.partition(':')[2]) + 1}"]
    pair = [scene.server(name=f"collector-{number}", listen=listen) for number, listen in enumerate(listens)]
    for server in pair:
        scene.serve(server)
    names = [f"host-{number}" for number in range(3)]
    scene.enrol(*names)
    proxy = Proxy([("127.0.0.1", int(listen.partition(":")[2])) for listen in listens], Line())
    dice = random.Random(seed)
    try:
        agents = _running(scene, names, collector=f"http://{proxy.listen}")
        for _ in range(trials):
            time.sleep(dice.uniform(0.1, 0.8))
            victim = dice.choice(pair)
            victim.kill()
            time.sleep(dice.uniform(0.0, 0.3))
            victim.start()
        for server in pair:
            server.wait_for(r'"listening"[^\n]*\n(?!(.*\n)*.*"listening")', seconds=30)
        outcome = _ended(scene, agents, trials)
    finally:
        proxy.close()
    for server in pair:
        server.stop()
    return outcome


def _running(scene: Scene, names: list[str], **options: object) -> list:
    begin, origin = minute_ago(20), time.time()
    agents = [
        scene.simulated(name, begin=begin, origin=origin, speed=SPEED, seal_s=120, **options)
        for name in names
    ]
    for agent in agents:
        agent.start()
    return agents


def _ended(scene: Scene, agents: list, trials: int) -> Outcome:
    """Let the agents deliver the rest, stop them, and count."""
    for agent in agents:
        agent.wait_for("event=delivered", start=len(agent.text()), seconds=60)
    scene.wait_delivered(left=3)
    for agent in agents:
        agent.stop()
    account = scene.account()
    lost, doubled = scene.lost_and_doubled(account)
    undelivered = sum(len(list((scene.state(name) / "spool").glob("*.chunk"))) for name in scene.hosts)
    chunks = sum(len(sealed(scene.text(name))) for name in scene.hosts)
    return Outcome(
        trials=trials,
        lost=lost,
        doubled=doubled,
        unseen_ms=max(found.unseen_ms() for found in account.hosts.values()),
        figures={"chunks": chunks, "left in spools": undelivered},
        problems=account.wrong,
    )


def _with(outcome: Outcome, **figures: object) -> Outcome:
    from dataclasses import replace

    return replace(outcome, figures={**outcome.figures, **figures})


def folder_bytes(folder: Path) -> int:
    """Return how much a folder takes on the disk."""
    return sum(path.stat().st_blocks * 512 for path in folder.rglob("*") if path.is_file())
