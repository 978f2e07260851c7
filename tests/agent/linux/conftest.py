"""Recorded trees as directories, and hosts that are read from them."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.linux.clock import Instant
from agent.linux.host import LinuxHost
from agent.reading import Reading
from agent.selection import Selection

TREES = Path(__file__).parent.parent / "trees"


def plant(name: str, top: Path) -> Path:
    """Make the tree ``name`` below ``top``; its README says what the lines mean."""
    texts: dict[str, list[str]] = {}
    links: dict[str, str] = {}
    for line in (TREES / f"{name}.tree").read_text(encoding="utf-8").splitlines():
        if not line or line.startswith("#"):
            continue
        if " = " in line or line.endswith(" ="):
            path, _, text = line.partition(" =")
            texts.setdefault(path, []).append(text[1:].replace("\\0", "\0"))
        elif " -> " in line:
            path, _, target = line.partition(" -> ")
            links[path] = target
        else:
            assert line.endswith(("/", " !")), line
            (top / line[:-1].strip()).mkdir(parents=True, exist_ok=True)
    for path, lines in texts.items():
        (top / path).parent.mkdir(parents=True, exist_ok=True)
        (top / path).write_text("\n".join(lines) + "\n", encoding="utf-8")
    for path, target in links.items():
        (top / path).parent.mkdir(parents=True, exist_ok=True)
        (top / path).symlink_to(target)
    return top


class StillClocks:
    """Clocks that go one second forward with every look."""

    def __init__(self) -> None:
        self.looks = 0

    def now(self) -> Instant:
        self.looks += 1
        return Instant(1_790_000_000_000 + self.looks * 1_000, 90_000 + self.looks * 1_000, 80_000)

    def state(self) -> str:
        return "synchronized"


def host_of(top: Path, **options) -> LinuxHost:
    kinds = ("nics", "disks")
    nics, disks = (Selection(*(options.pop(f"{k}_{v}", ()) for v in ("include", "exclude"))) for k in kinds)
    return LinuxHost(
        **{
            "interval_ms": 60_000,
            "nic_selection": nics,
            "disk_selection": disks,
            "proc": top / "proc",
            "sys": top / "sys",
            "run": top / "run",
            "root": top,
            "clocks": StillClocks(),
            "ticks_per_s": 100,
            "users": lambda: pytest.fail("utmp was asked"),
            **options,
        }
    )


class Seen:
    """A reading, with its devices by name."""

    def __init__(self, reading: Reading) -> None:
        self.reading = reading
        self.values = reading.values
        self.devices = {device.name: device for device in reading.manifest.devices}
        self.absent = dict(reading.manifest.absent)
        self.facts = reading.manifest.host

    def counted(self, kind: str) -> list[str]:
        return [d.name for d in self.reading.manifest.devices if d.counts and d.kind == kind]

    def total(self, column: str) -> int:
        return sum(value for (name, _), value in self.values.items() if name == column)


@pytest.fixture
def top(tmp_path):
    """Plant a tree: top("name") returns the directory that stands for "/"."""
    return lambda name: plant(name, tmp_path / name)


@pytest.fixture
def see(top):
    """Read a tree once: see("name", nics_include=..., disks_exclude=...)."""
    return lambda name, **options: Seen(host_of(top(name), **options).read())


@pytest.fixture
def host():
    """Make a host of a planted tree: host(top)."""
    return host_of


@pytest.fixture
def seen():
    """Wrap a reading: seen(host.read())."""
    return Seen
