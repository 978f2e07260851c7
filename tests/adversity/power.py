"""Power cuts: what a real agent and a real collector asked of the disk, replayed up to any moment.

``recorder.c`` is preloaded into both processes and writes down every write, truncation, renaming,
removal and synchronization below the scene's folder, and what goes out over sockets. The replay knows
what the disk must keep: content that was synchronized, names of folders that were synchronized. Of
everything else a power cut keeps nothing, all, or any part: some of the pages written, the last of them
torn at any sector, some of the names.

At every cut must hold: whatever the collector had acknowledged by then is in the store once and the
store is sound; whatever the agent had sealed by then is in the spool, whole, or was acknowledged.
"""

from __future__ import annotations

import copy
import random
import re
import shutil
import sqlite3
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path

from adversity.accounts import SEALED, Outcome
from adversity.scene import Fresh, Scene, minute_ago, simulated_words
from evidence.chunk import open_chunk, read_frame
from evidence.keys import PublicKey

SECTOR_BYTES = 512
HEAD = struct.Struct("<IIIIQQQ")
ACKNOWLEDGED = re.compile(rb'"hash": ?"([0-9a-f]{64})"[^{}]*"status": ?"(?:stored|known)"')
ACKNOWLEDGED_BEFORE = re.compile(rb'"status": ?"(?:stored|known)"[^{}]*"hash": ?"([0-9a-f]{64})"')


class NoRecorderError(Exception):
    """The recorder cannot be built here; install a C compiler (cc)."""


@dataclass(frozen=True)
class Step:
    """One call: W write, T truncate, C create, R rename, U unlink, F sync, S send."""

    kind: str
    path: str
    more: str
    at: int
    data: bytes
    time_ns: int


def build(folder: Path) -> Path:
    """Return the recorder as a library.

    Raises:
        NoRecorderError: there is no compiler, or it fails.
    """
    import subprocess

    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        raise NoRecorderError("no C compiler")
    library = folder / "recorder.so"
    source = Path(__file__).with_name("recorder.c")
    done = subprocess.run(
        [compiler, "-shared", "-fPIC", "-O1", "-o", library, source, "-ldl", "-lpthread"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise NoRecorderError(done.stderr[-500:])
    return library


def steps(trace: Path) -> Iterator[Step]:
    """Yield what a trace holds."""
    data = trace.read_bytes()
    offset = 0
    while offset + HEAD.size <= len(data):
        kind, path, more, _, at, length, time_ns = HEAD.unpack_from(data, offset)
        offset += HEAD.size
        names = [data[offset : offset + path].decode(), data[offset + path : offset + path + more].decode()]
        offset += path + more
        yield Step(chr(kind), names[0], names[1], at, data[offset : offset + length], time_ns)
        offset += length


@dataclass
class Content:
    """A file: what it is now, what the disk must keep, and what it may keep of the rest."""

    now: bytearray = field(default_factory=bytearray)
    safe: bytes = b""
    loose: list[tuple[int, bytes | None]] = field(default_factory=list)

    def write(self, at: int, data: bytes) -> None:
        _put(self.now, at, data)
        self.loose.append((at, data))

    def cut(self, length: int) -> None:
        _cut(self.now, length)
        self.loose.append((length, None))

    def sync(self) -> None:
        self.safe = bytes(self.now)
        self.loose.clear()

    def after_cut(self, keep: Callable[[], float], share: float) -> bytes:
        """Return what may be there after a power cut that keeps about this share of what was loose."""
        kept = bytearray(self.safe)
        for at, data in self.loose:
            if keep() >= share:
                continue
            if data is None:
                _cut(kept, at)
            elif share < 1 and keep() < 0.3:  # torn: only some of its sectors
                for begin in range(0, len(data), SECTOR_BYTES):
                    if keep() < 0.5:
                        _put(kept, at + begin, data[begin : begin + SECTOR_BYTES])
            else:
                _put(kept, at, data)
        return bytes(kept)


def _put(content: bytearray, at: int, data: bytes) -> None:
    if len(content) < at:
        content.extend(bytes(at - len(content)))
    content[at : at + len(data)] = data


def _cut(content: bytearray, length: int) -> None:
    if length < len(content):
        del content[length:]
    else:
        content.extend(bytes(length - len(content)))


class Disk:
    """A folder tree that is replayed, from what it was when the recording began."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self.names: dict[str, Content] = {}
        self._safe_names: dict[str, Content] = {}
        self._loose: list[tuple[frozenset[str], str, str]] = []
        self._inodes: dict[tuple[str, int], Content] = {}
        for path in root.rglob("*"):
            if path.is_file():
                content = Content()
                content.write(0, path.read_bytes())
                content.sync()
                self.names[str(path)] = self._safe_names[str(path)] = content

    def follow(self, step: Step) -> None:
        """Do what the process did."""
        path = step.path.removesuffix(" (deleted)")
        if not f"{path}/".startswith(f"{self._root}/"):
            return
        if step.kind == "C":
            self._rename_now(path, Content())
        elif step.kind in "WT" and path in self.names:
            content = self.names[path]
            content.write(step.at, step.data) if step.kind == "W" else content.cut(step.at)
        elif step.kind == "R" and path in self.names:
            content = self.names.pop(path)
            self.names[step.more] = content
            self._changes.append((_folders(path, step.more), ((path, None), (step.more, content))))
        elif step.kind == "U" and path in self.names:
            del self.names[path]
            self._changes.append((_folders(path), ((path, None),)))
        elif step.kind == "F":
            self._sync(path)

    @property
    def _changes(self) -> list:
        return self._loose

    def _rename_now(self, path: str, content: Content) -> None:
        self.names[path] = content
        self._changes.append((_folders(path), ((path, content),)))

    def _sync(self, path: str) -> None:
        if path in self.names:
            self.names[path].sync()
            return
        rest = []
        for folders, changes in self._changes:
            if path in folders:
                _apply(self._safe_names, changes)
            else:
                rest.append((folders, changes))
        self._loose = rest

    def after_cut(self, target: Path, dice: random.Random, share: float) -> None:
        """Write into ``target`` what may be there after a power cut now."""
        names = dict(self._safe_names)
        for _, changes in self._changes:
            if dice.random() < share:
                _apply(names, changes)
        for path, content in names.items():
            if path.endswith("-shm"):
                continue  # mapped memory, which nobody synchronizes and SQLite makes anew
            place = target / Path(path).relative_to(self._root)
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content.after_cut(dice.random, share))


def _folders(*paths: str) -> frozenset[str]:
    return frozenset(path.rpartition("/")[0] for path in paths)


def _apply(names: dict[str, Content], changes) -> None:
    for path, content in changes:
        if content is None:
            names.pop(path, None)
        else:
            names[path] = content


@dataclass(frozen=True)
class Recorded:
    store: Path
    spool: Path
    key: PublicKey
    chain: str
    disks: tuple[Disk, Disk]
    steps: list[Step]


def record(scene: Scene, *, ticks: int) -> Recorded:
    """Let a recorded agent seal and deliver to a recorded collector; return what both asked of the disk."""
    library = build(scene.folder)
    server = scene.serve(scene.server())
    scene.enrol("host-0")
    server.stop()
    state, db = scene.state("host-0"), scene.folder / "db"
    with closing(sqlite3.connect(db / "starproof.db")) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    disks = (Disk(db), Disk(state))
    traces = [scene.folder / name for name in ("collector.trace", "agent.trace")]
    environments = [
        {"LD_PRELOAD": str(library), "RECORD_TRACE": str(trace), "RECORD_BELOW": str(below)}
        for trace, below in zip(traces, (db, state), strict=True)
    ]
    collector = Fresh(
        scene.folder / "recorded.log", "starproof", "collector", "serve", "--db", scene.url, "--listen", scene.listen,
        "--config", scene.folder / "collector.toml", **environments[0],
    )  # fmt: skip
    collector.start()
    collector.wait_for('"listening"', seconds=60)
    agent = Fresh(
        state / "log", "adversity.simulated",
        *simulated_words(state, {
            "begin": minute_ago(2), "seal_s": 120, "script": f'[["tick", {ticks}], ["delivered"]]',
        }),
        **environments[1],
    )  # fmt: skip
    agent.start()
    agent.wait_for("event=ended", seconds=120)
    assert agent.process is not None
    agent.process.wait(30)
    collector.stop()
    merged = sorted((step for trace in traces for step in steps(trace)), key=lambda step: step.time_ns)
    from agent.state import State

    enrolled = State(str(state)).require_enrolled()
    return Recorded(
        db / "starproof.db", state / "spool", enrolled.key.public, enrolled.signed.hash, disks, merged
    )


SHARES = (0.0, 0.5, 1.0)


def power_cuts(scene: Scene, trials: int, *, ticks: int = 60) -> Outcome:
    """The power fails at ``trials`` moments of a recorded run; agent and store come back from what is left."""
    return replayed(scene, record(scene, ticks=ticks), trials)


def replayed(scene: Scene, recorded: Recorded, trials: int, *, syncs: bool = True, seed: int = 8) -> Outcome:
    """Cut the power at ``trials`` moments of a recording; ``syncs``: whether the disk does what it is told."""
    recorded = replace(recorded, disks=copy.deepcopy(recorded.disks))
    dice = random.Random(seed)
    moments = set(dice.sample(range(len(recorded.steps)), min(trials, len(recorded.steps))))
    acknowledged: set[str] = set()
    sealed: set[int] = set()
    hashes: dict[int, str] = {}
    lost, doubled, cuts, torn = 0, 0, 0, 0
    problems: list[str] = []
    place = scene.folder / "cut"
    begun = time.monotonic()
    for number, step in enumerate(recorded.steps):
        if number in moments:
            cuts += 1
            share = SHARES[cuts % len(SHARES)]
            missing, twice, wrong = _store_after(recorded, place, dice, share, acknowledged)
            lost, doubled = lost + missing, doubled + twice
            problems += wrong
            missing, aside, wrong = _spool_after(
                recorded, place, dice, share, sealed=sealed, acknowledged=acknowledged, hashes=hashes
            )
            lost, torn = lost + missing, torn + aside
            problems += wrong
        if step.kind == "S":
            for pattern in (ACKNOWLEDGED, ACKNOWLEDGED_BEFORE):
                acknowledged |= {found.decode() for found in pattern.findall(step.data)}
        elif step.kind == "W" and step.path.endswith("/log"):
            sealed |= {int(seq) for seq in SEALED.findall(step.data.decode(errors="replace"))}
        for disk in recorded.disks if syncs or step.kind != "F" else ():
            disk.follow(step)
    if not acknowledged or not sealed:
        problems.append(
            f"the recording shows {len(sealed)} sealings and {len(acknowledged)} acknowledgements"
        )
    kinds = {kind: sum(step.kind == kind for step in recorded.steps) for kind in "WTCRUF"}
    return Outcome(
        trials=2 * cuts,
        lost=lost,
        doubled=doubled,
        figures={
            "recorded": f"{len(recorded.steps)} calls, {kinds['W']} writes, {kinds['F']} synchronizations",
            "sealed": len(sealed), "acknowledged": len(acknowledged),
            "cuts a second": f"{2 * cuts / (time.monotonic() - begun):.0f}",
            "files moved aside": torn,
        },
        problems=tuple(problems[:10]),
    )  # fmt: skip


def _store_after(
    recorded: Recorded, place: Path, dice: random.Random, share: float, acknowledged: set[str]
) -> tuple[int, int, list[str]]:
    shutil.rmtree(place, ignore_errors=True)
    recorded.disks[0].after_cut(place, dice, share)
    try:
        with closing(sqlite3.connect(place / recorded.store.name)) as database:
            damage = database.execute("PRAGMA integrity_check(1)").fetchone()[0]
            stored = [row[0] for row in database.execute("SELECT hash FROM chunk")]
            leaves = [row[0] for row in database.execute("SELECT hash FROM log_leaf")]
    except sqlite3.Error as error:
        return len(acknowledged), 0, [f"the store cannot be opened after a power cut: {error}"]
    problems = [] if damage == "ok" else [f"the store is damaged after a power cut: {damage}"]
    if set(stored) - set(leaves):
        problems.append("the log does not name a stored chunk")
    return len(acknowledged - set(stored)), len(stored) - len(set(stored)), problems


def _spool_after(
    recorded: Recorded, place: Path, dice: random.Random, share: float, *,
    sealed: set[int], acknowledged: set[str], hashes: dict[int, str],
) -> tuple[int, int, list[str]]:  # fmt: skip
    """Open the real spool on what is left; a number never stands for two contents that were acknowledged."""
    from agent.spool import Spool

    shutil.rmtree(place, ignore_errors=True)
    recorded.disks[1].after_cut(place, dice, share)
    spool = Spool(
        str(place / "spool"), chain=recorded.chain, key=recorded.key, note=lambda _event, _fields: None
    )
    there: dict[int, str] = {}
    for seq in spool.pending():
        found = spool.read(seq)
        if found is not None:
            there[seq] = open_chunk(read_frame(found[1]), recorded.key).hash
    problems = [
        f"number {seq} stands for two contents"
        for seq, digest in there.items()
        if hashes.setdefault(seq, digest) != digest
    ]
    gone = {seq for seq in sealed - there.keys() if hashes.get(seq) not in acknowledged}
    return len(gone), spool.damaged, problems
