"""A minute of this machine: what stands in the store is what the kernel said, and sysstat agrees."""

from __future__ import annotations

import json
import logging
import os
import shutil
import subprocess
import sys
import time
import urllib.request
from datetime import datetime
from fractions import Fraction
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from processes import collector, starproof, starproof_json

from agent.enrol import AGENT
from agent.linux.host import LinuxHost
from agent.sealing import ClockEstimate, Identity, Place, Sealer
from collector.store.archive import StoreArchive
from collector.store.engine import open_engine
from evidence.chunk import open_chunk, read_frame
from evidence.keys import PrivateKey

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads the Linux kernel's own files"),
]
SECONDS = 60
STATES = ("user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal", "guest", "guest_nice")
TICKS_CUT_A_CPU = 4
"""A tick at either end of idle and of iowait."""
MPSTAT_ROUNDING = Fraction(1, 100)
"""mpstat prints hundredths of a percent; idle and iowait are rounded each."""


def copy_instant(target: Path) -> None:
    """Copy the kernel's files of one instant to where the agent is told to look."""
    shutil.rmtree(target, ignore_errors=True)
    for name in ("stat", "uptime", "sys/kernel/random/boot_id"):
        place = target / "proc" / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(Path("/proc", name).read_text())
    for kind in ("block", "net"):
        for device in Path("/sys/class", kind).iterdir():
            copy_device(device, target / "sys/class" / kind / device.name, kind, target)


def copy_device(source: Path, target: Path, kind: str, root: Path) -> None:
    """Copy a device's folder to its real place and link it, as /sys does."""
    real = root / source.resolve().relative_to("/")
    names = {
        "block": ("stat", "dev", "hidden", "removable", "ro", "size", "partition", "wwid", "serial", "dm/uuid"),
        "net": ("address", "ifindex", "iflink", "speed", "operstate", "type", "flags", "uevent",
                "statistics/rx_bytes", "statistics/tx_bytes"),
    }[kind]  # fmt: skip
    for name in names:
        try:
            text = (source / name).read_text()
        except OSError:
            continue
        place = real / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
    real.mkdir(parents=True, exist_ok=True)
    for link in ("device", "slaves", "subsystem"):
        if (source / link).exists() and not (real / link).exists():
            (real / link).mkdir()
    target.parent.mkdir(parents=True, exist_ok=True)
    target.symlink_to(os.path.relpath(real, target.parent))
    if kind == "block":
        (root / "sys/block").mkdir(parents=True, exist_ok=True)
        (root / "sys/block" / source.name).symlink_to(os.path.relpath(real, root / "sys/block"))


def kernel(root: Path) -> dict[tuple[str, str], int]:
    """Read the copied files with the plainest code there is."""
    fields = (root / "proc/stat").read_text().splitlines()[0].split()[1:]
    found = {(f"cpu.{state}", ""): int(value) for state, value in zip(STATES, fields, strict=True)}
    for device in (root / "sys/class/net").iterdir():
        for name, file in (("net.rx", "rx_bytes"), ("net.tx", "tx_bytes")):
            found[name, device.name] = int((device / "statistics" / file).read_text())
    for device in (root / "sys/class/block").iterdir():
        numbers = (device / "stat").read_text().split()
        found["disk.reads", device.name], found["disk.writes", device.name] = int(numbers[0]), int(numbers[4])
        found["disk.read_sectors", device.name] = int(numbers[2])
    return found


def stored_rows(db: str) -> dict[tuple[str, str], list[int]]:
    """Every column of the store in one list, repeated readings left out."""
    store = open_engine(db)
    archive = StoreArchive(store)
    keys = {signed.hash: signed.public for signed in archive.enrolments()}
    columns: dict[tuple[str, str], list[int]] = {}
    for stored in archive.chunks("truth-1", 0, 2**42):
        chunk = open_chunk(read_frame(stored.frame), keys[stored.enrolment])
        skip = 1 if chunk.header.first == "repeat" else 0
        for column, values in zip(chunk.manifest.columns, chunk.values, strict=True):
            columns.setdefault((column.name, column.device), []).extend(values[skip:])
    store.close()
    return columns


def mpstat_between(first: str, last: str, folder: Path) -> Fraction:
    """What mpstat makes of exactly our two instants: /proc/stat is ours in a mount namespace of its own."""
    shown = folder / "stat"
    shown.write_text(first)
    command = f"mount --bind {shown} /proc/stat && exec mpstat -o JSON 3 1"
    with subprocess.Popen(
        ["unshare", "--mount", "sh", "-c", command], stdout=subprocess.PIPE, text=True
    ) as mpstat:
        time.sleep(1.5)
        with shown.open("r+") as file:
            file.write(last)
            file.truncate()
        answer, _ = mpstat.communicate(timeout=30)
    host = json.loads(answer)["sysstat"]["hosts"][0]
    [load] = [row for row in host["statistics"][-1]["cpu-load"] if row["cpu"] == "all"]
    return 100 - Fraction(str(load["idle"])) - Fraction(str(load["iowait"]))


@pytest.mark.skipif(shutil.which("mpstat") is None, reason="mpstat (Debian's sysstat) is not installed")
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can show mpstat another /proc/stat")
def test_every_counter_difference_in_the_store_is_the_kernels_own(tmp_path: Path) -> None:
    with collector(tmp_path) as (_, url, db):
        token = starproof_json("collector", "token", "--db", db)["token"]
        state = tmp_path / "truth-1"
        starproof(
            "agent",
            "enroll",
            "--collector",
            url,
            "--name",
            "truth-1",
            "--state",
            state,
            STARPROOF_TOKEN=token,
        )
        root = tmp_path / "instant"
        copy_instant(root)
        host = LinuxHost(
            interval_ms=5_000,
            proc=str(root / "proc"),
            sys=str(root / "sys"),
            run=str(root / "run"),
            root=str(root),
        )
        truth: list[dict[tuple[str, str], int]] = []
        stats: list[str] = []
        sealer = sealer_of(state)
        for _ in range(SECONDS // 5 + 1):
            copy_instant(root)
            truth.append(kernel(root))
            stats.append((root / "proc/stat").read_text())
            sealer.add(host.read())
            if len(truth) <= SECONDS // 5:
                burn(1.0)
                time.sleep(4.0)
        deliver(url, state, sealer)
    columns = stored_rows(db)
    compared = 0
    for slot, values in columns.items():
        if slot[0].startswith("time."):
            continue
        assert values == [instant[slot] for instant in truth], slot
        compared += len(values)
    assert compared >= 13 * 12
    report = starproof_json("verify", "--db", db, "--month", month_of(columns))["figures"]
    [cpu] = [i for i in report["indicators"] if i["id"] == "cpu_utilization"]
    ours, theirs = Fraction(cpu["hosts"][0]["running"]), mpstat_between(stats[0], stats[-1], tmp_path)
    first, last = truth[0], truth[-1]
    steps = {state: last[f"cpu.{state}", ""] - first[f"cpu.{state}", ""] for state in STATES[:8]}
    whole = sum(steps.values())
    exact = Fraction(100 * (whole - steps["idle"] - steps["iowait"]), whole)
    assert abs(ours - exact) < Fraction(1, 10**9)
    logging.getLogger(__name__).info("verify %.4f %%, mpstat %.2f %%, %d counters", ours, theirs, compared)
    # mpstat adds up the processors, whose ticks the kernel cuts one by one; we read the line of all.
    cut = Fraction(100 * TICKS_CUT_A_CPU * len(cpu_lines(stats[0])), whole)
    assert abs(ours - theirs) <= MPSTAT_ROUNDING + cut, (float(ours), float(theirs))
    assert abs(summed_over_cpus(stats[0], stats[-1]) - theirs) <= MPSTAT_ROUNDING


def cpu_lines(stat: str) -> list[list[int]]:
    lines = (line.split() for line in stat.splitlines())
    return [[int(n) for n in line[1:9]] for line in lines if line[0].startswith("cpu") and line[0] != "cpu"]


def summed_over_cpus(first: str, last: str) -> Fraction:
    """The same percentage from the lines of the single processors."""
    ends = [[sum(column) for column in zip(*cpu_lines(stat), strict=True)] for stat in (first, last)]
    steps = [after - before for before, after in zip(*ends, strict=True)]
    idle = steps[STATES.index("idle")] + steps[STATES.index("iowait")]
    return Fraction(100 * (sum(steps) - idle), sum(steps))


def sealer_of(state: Path) -> Sealer:
    key = PrivateKey.from_seed(bytes.fromhex((state / "key").read_text().strip()))
    return Sealer(identity=Identity("示例企业", "truth-1", AGENT), key=key)


def deliver(url: str, state: Path, sealer: Sealer) -> None:
    """Seal the minute and hand it to the collector over HTTP."""
    enrolled = json.loads((state / "enrolment.json").read_text())
    sealer.finish()
    frame = sealer.draft(Place(0, enrolled["hash"], 0), ClockEstimate())
    assert frame is not None
    request = urllib.request.Request(
        f"{url}/v1/chunks",
        data=frame,
        headers={
            "Content-Type": "application/vnd.starproof.chunks",
            "X-StarProof-Key": read_frame(frame).key,
        },
    )
    with urllib.request.urlopen(request, timeout=10) as response:
        [result] = json.loads(response.read())["results"]
    assert result["status"] == "stored", result


def burn(seconds: float) -> None:
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        sum(range(1000))


def month_of(columns: dict[tuple[str, str], list[int]]) -> str:
    instant = columns["time.wall_ms", ""][0] / 1000
    return datetime.fromtimestamp(instant, ZoneInfo("Asia/Shanghai")).strftime("%Y-%m")
