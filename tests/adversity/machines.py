"""Machines: two with one identity, devices that come and go, and a long life."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import time
from collections import Counter
from contextlib import closing

from adversity.accounts import Outcome, aside, sealed
from adversity.clocks import MINUTE_MS, covered_ms
from adversity.scene import Fresh, Scene, megabytes, minute_ago, simulated_words
from collector.store.archive import StoreArchive
from collector.store.engine import open_engine_for_reading
from evidence.chunk import open_chunk, read_frame
from evidence.enrolment import parse
from evidence.keys import PublicKey

SOAK = re.compile(r"event=soak readings=(\d+) rss_kib=(\d+)")
PER_READINGS = 10_000


def cloned(scene: Scene, trials: int) -> Outcome:
    """A machine is copied with its identity and both run: the collector must say so."""
    server = scene.serve(scene.server())
    said = 0
    problems: list[str] = []
    lost = doubled = 0
    codes: Counter[str] = Counter()
    for trial in range(trials):
        name, copy = f"host-{trial}", f"copy-{trial}"
        scene.enrol(name)
        begin = minute_ago(3)
        _live(scene, name, [["tick", 30], ["delivered"]], begin)
        shutil.copytree(scene.state(name), scene.state(copy))
        later = begin + 40 * MINUTE_MS
        # Both go on from the same chunk, one after the other as chance has it, each with work of its own.
        _live(
            scene,
            name,
            [["booted", 6, 120_000], ["tick", 20], ["delivered"], ["tick", 20], ["delivered"]],
            later,
        )
        _live(
            scene,
            copy,
            [["booted", 7, 120_000], ["tick", 20], ["delivered"], ["tick", 20], ["delivered"]],
            later,
        )
        account = scene.account()
        recorded = [
            text
            for text in account.recorded
            if text.split(":")[0] in {f"CONFLICT {name}", f"BAD_CHAIN {name}"}
        ]
        codes.update(text.split()[0] for text in recorded)
        said += bool(recorded)
        if len(recorded) == 0:
            problems.append(f"{name}: nobody noticed the copy")
        if not aside(scene.state(copy)):
            problems.append(f"{copy}: its chunks were taken as {name}'s")
        lost += len(scene.lost(account, name))
    server.stop()
    account = scene.account()
    doubled = sum(found.overlaps() for found in account.hosts.values())
    refused = sum(len(aside(scene.state(f"copy-{trial}"))) for trial in range(trials))
    return Outcome(
        trials=trials,
        lost=lost,
        doubled=doubled,
        figures={"noticed": said, "chunks of the copies refused and kept by them": refused,
                 "the collector's findings": ", ".join(f"{code} {count}" for code, count in codes.items())},
        problems=(*problems, *account.wrong),
    )  # fmt: skip


def _live(scene: Scene, name: str, script: list, begin: int) -> None:
    agent = scene.simulated(name, begin=begin, seal_s=600, script=json.dumps(script))
    agent.start()
    agent.wait()


def hotplug(scene: Scene, trials: int) -> Outcome:
    """NICs and disks come, go, and come back as others, between two readings; what stays is counted throughout."""
    server = scene.serve(scene.server())
    scene.enrol("host-0")
    script: list[list[object]] = [["tick", 5]]
    for trial in range(trials):
        script += [
            ["nic", "eth1", f"mac-{trial}"], ["tick", 4], ["disk", "sdb", f"wwn-{trial}"], ["tick", 4],
            ["nic", "eth1", None], ["tick", 3], ["disk", "sdb", None], ["tick", 3],
        ]  # fmt: skip
    _live(scene, "host-0", [*script, ["delivered"]], minute_ago(5))
    server.stop()
    account = scene.account()
    lost, doubled = scene.lost_and_doubled(account)
    ran_ms = (sum(words[1] for words in script if words[0] == "tick") - 1) * MINUTE_MS  # type: ignore[misc]
    missing_ms = ran_ms - covered_ms(account.hosts["host-0"])
    return Outcome(
        trials=4 * trials,
        lost=lost,
        doubled=doubled,
        unseen_ms=missing_ms,
        figures={"chunks": len(account.seqs("host-0"))},
        problems=account.wrong,
    )


def veth(scene: Scene, trials: int) -> Outcome:
    """A real NIC (one end of a veth pair) comes and goes below a real agent that was told to count it.

    Raises:
        NoLinksError: this user may not make links.
    """
    name = f"sp{os.getpid()}"
    _ip("link", "add", name, "type", "veth", "peer", "name", f"{name}-peer")
    _ip("link", "del", name)
    server = scene.serve(scene.server())
    scene.enrol("host-0")
    settings = scene.folder / "agent.toml"
    settings.write_text(f'[devices]\nnics_include = ["{name}"]\n', encoding="utf-8")
    agent = scene.agent("host-0", config=settings)
    agent.start()
    agent.wait_for("event=sealed")
    try:
        for _ in range(trials):
            _ip("link", "add", name, "type", "veth", "peer", "name", f"{name}-peer")
            _more(agent, 2)
            _ip("link", "del", name)
            _more(agent, 2)
    finally:
        agent.stop()
        server.stop()
    account = scene.account()
    lost, doubled = scene.lost_and_doubled(account)
    seen = sum(name in names for names in _nics(scene, "host-0"))
    problems = [] if seen else [f"{name} was never counted"]
    return Outcome(
        trials=2 * trials,
        lost=lost,
        doubled=doubled,
        unseen_ms=account.hosts["host-0"].unseen_ms(),
        figures={"chunks": len(account.seqs("host-0")), "of these with the NIC": seen},
        problems=(*problems, *account.wrong),
    )


class NoLinksError(Exception):
    """Network links cannot be made here; be root and have iproute2."""


def _ip(*words: str) -> None:
    ip = shutil.which("ip")
    if ip is None:
        raise NoLinksError("iproute2 is not installed")
    done = subprocess.run([ip, *words], capture_output=True, text=True, check=False)
    if done.returncode:
        raise NoLinksError(f"ip {' '.join(words)}: {done.stderr.strip()}")


def _more(agent, chunks: int) -> None:
    for _ in range(chunks):
        agent.wait_for("event=sealed", start=len(agent.text()))


def _nics(scene: Scene, host: str) -> list[set[str]]:
    """Return the counted NICs of every stored chunk."""
    with closing(open_engine_for_reading(scene.url)) as store:
        archive = StoreArchive(store)
        keys = {signed.hash: PublicKey.from_hex(parse(signed.record).key) for signed in archive.enrolments()}
        chunks = [
            open_chunk(read_frame(stored.frame), keys[stored.enrolment])
            for stored in archive.chunks(host, 0, 2**53)
        ]
    return [
        {column.device for column in chunk.manifest.columns if column.name == "net.rx"} for chunk in chunks
    ]


def soak(scene: Scene, trials: int) -> Outcome:
    """``trials`` readings of this very machine at made instants, one a simulated minute, delivered as they go."""
    server = scene.serve(scene.server())
    scene.enrol("host-0")
    agent = Fresh(
        scene.log_of("host-0"), "adversity.simulated",
        *simulated_words(scene.state("host-0"), {
            "begin": minute_ago(trials / 1440 + 1), "soak": trials, "every": max(20, trials // 200),
        }),
    )  # fmt: skip
    begun = time.monotonic()
    agent.start()
    agent.wait_for("event=ended", seconds=1_200)
    seconds = time.monotonic() - begun
    assert agent.process is not None
    agent.process.wait(60)
    server_kib = server.peak_kib()
    server.stop()
    account = scene.account()
    lost, doubled = scene.lost_and_doubled(account)
    points = [(int(count), int(kib)) for count, kib in SOAK.findall(agent.text())]
    steady = points[len(points) // 4 :]
    slope = least_squares_slope(steady) * PER_READINGS
    return Outcome(
        trials=trials,
        lost=lost,
        doubled=doubled,
        unseen_ms=account.hosts["host-0"].unseen_ms(),
        figures={
            "slope of resident memory": f"{slope:+.0f} KiB per 10,000 readings over the last {steady[-1][0] - steady[0][0]}",
            "KiB at the beginning and the end": (steady[0][1], steady[-1][1]),
            "simulated": f"{trials / 1440:.1f} days in {seconds:.0f} s",
            "chunks": len(sealed(scene.text("host-0"))),
            "collector at most": megabytes(server_kib * 1024),
        },
        problems=account.wrong,
    )


def least_squares_slope(points: list[tuple[int, int]]) -> float:
    """Return the slope of the straight line that fits best."""
    if len(points) < 2:
        return 0.0
    mean_x = sum(x for x, _ in points) / len(points)
    mean_y = sum(y for _, y in points) / len(points)
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    return sum((x - mean_x) * (y - mean_y) for x, y in points) / spread
