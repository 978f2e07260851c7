"""Disks: full and freed again, files of a spool and pages of a store damaged, and the power cut."""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from adversity.accounts import Outcome, aside, columns_of
from adversity.kills import SPEED
from adversity.scene import Scene, minute_ago
from collector.errors import CollectorError
from collector.store.archive import StoreArchive
from collector.store.checking import check
from collector.store.engine import open_engine_for_reading
from evidence.errors import EvidenceError
from verifier.audit import audit
from verifier.finding import NOTE

SMALL_DISK = "size=6m"
FILL_BYTES = 64 * 1024
FILLED_SHARE = 4
"""Pages are damaged of which at least this part holds something: the others would show nothing."""


class NoSmallDiskError(Exception):
    """A small disk cannot be made here; be root on Linux."""


@contextmanager
def small_disk(folder: Path, size: str = SMALL_DISK) -> Iterator[Path]:
    """Mount a small file system in memory.

    Raises:
        NoSmallDiskError: this user may not, or the machine cannot.
    """
    folder.mkdir(parents=True, exist_ok=True)
    mount = shutil.which("mount")
    if os.geteuid() != 0 or mount is None:
        raise NoSmallDiskError("mounting a small file system takes root")
    done = subprocess.run(
        [mount, "-t", "tmpfs", "-o", f"{size},mode=700", "tmpfs", folder], capture_output=True, check=False
    )
    if done.returncode:
        raise NoSmallDiskError(f"a tmpfs cannot be mounted: {done.stderr.decode(errors='replace').strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=False, capture_output=True)


def fill(path: Path) -> None:
    """Write until the disk takes no more byte."""
    with path.open("wb", buffering=0) as file, suppress(OSError):
        for size in (FILL_BYTES, 512, 1):
            with suppress(OSError):
                while file.write(b"x" * size):
                    pass


def full_below_the_spool(scene: Scene, trials: int) -> Outcome:
    """The agent's disk is full for a while, again and again."""
    with small_disk(scene.folder / "host-0"):
        server = scene.serve(scene.server())
        scene.enrol("host-0")
        state = scene.state("host-0")
        agent = _fast(scene, "host-0")
        agent.start()
        agent.wait_for("event=sealed")
        for _ in range(trials):
            start = len(agent.text())
            fill(state / "filler")
            agent.wait_for("event=seal_failed", start=start)
            time.sleep(0.3)
            (state / "filler").unlink()
            agent.wait_for("event=sealed", start=len(agent.text()))
        agent.wait_for("event=delivered", start=len(agent.text()))
        agent.stop()
        failures = agent.text().count("event=seal_failed")
        outcome = _counted(scene, trials, {"refused sealings": failures})
        server.stop()
        return outcome


def full_below_the_store(scene: Scene, trials: int) -> Outcome:
    """The collector's disk is full for a while, again and again."""
    with small_disk(scene.folder / "db"):
        server = scene.serve(scene.server())
        scene.enrol("host-0")
        agent = _fast(scene, "host-0", jitter=0.005)
        agent.start()
        agent.wait_for("event=delivered")
        for _ in range(trials):
            start = len(agent.text())
            fill(scene.folder / "db" / "filler")
            agent.wait_for("event=delivery_waits", start=start, seconds=60)
            time.sleep(0.3)
            (scene.folder / "db" / "filler").unlink()
            agent.wait_for("event=delivered", start=len(agent.text()), seconds=60)
        agent.stop()
        waits = agent.text().count("event=delivery_waits")
        server.stop()
        return _counted(scene, trials, {"refused deliveries": waits})


def _fast(scene: Scene, host: str, **options: object):
    return scene.simulated(host, begin=minute_ago(20), origin=time.time(), speed=SPEED, seal_s=120, **options)


def _counted(scene: Scene, trials: int, figures: dict[str, object]) -> Outcome:
    account = scene.account()
    lost, doubled = scene.lost_and_doubled(account)
    return Outcome(
        trials=trials,
        lost=lost,
        doubled=doubled,
        unseen_ms=max(found.unseen_ms() for found in account.hosts.values()),
        figures={"chunks": sum(len(found.seqs) for found in account.hosts.values()), **figures},
        problems=account.wrong,
    )


# Damaged files of a spool


def _flip(data: bytearray, dice: random.Random) -> bytes:
    data[dice.randrange(len(data))] ^= 1 << dice.randrange(8)
    return bytes(data)


def _cut(data: bytearray, dice: random.Random) -> bytes:
    return bytes(data[: dice.randrange(len(data))])


def _zero(data: bytearray, dice: random.Random) -> bytes:
    begin = dice.randrange(len(data))
    data[begin:] = bytes(len(data) - begin)
    return bytes(data)


def _noise(data: bytearray, dice: random.Random) -> bytes:
    begin = dice.randrange(len(data))
    end = min(len(data), begin + 64)
    data[begin:end] = dice.randbytes(end - begin)
    return bytes(data)


DAMAGES: tuple[Callable[[bytearray, random.Random], bytes], ...] = (_flip, _cut, _zero, _noise)


def damaged_spool(scene: Scene, trials: int, *, chunks: int = 12, seed: int = 6) -> Outcome:
    """One of the files of a spool is damaged, anywhere in any way; everything else arrives."""
    server = scene.serve(scene.server())
    dice = random.Random(seed)
    lost, said, unseen = 0, 0, []
    quiet: list[str] = []
    script = f'[["tick", {chunks * 2}]]'
    for trial in range(trials):
        name = f"host-{trial}"
        scene.enrol(name)
        begin = minute_ago(2)
        builder = scene.simulated(name, begin=begin, seal_s=120, silent=True, script=script)
        builder.start()
        builder.wait()
        spool = scene.state(name) / "spool"
        files = sorted(path for path in spool.iterdir() if path.is_file() and path.name != "chain")
        victim = dice.choice(files)
        before = victim.read_bytes()
        damage = dice.choice(DAMAGES)
        after = damage(bytearray(before), dice)
        victim.write_bytes(after)
        courier = scene.simulated(
            name, begin=begin + (chunks * 2 + 5) * 60_000, seal_s=120,
            script='[["booted", 1, 120000], ["tick", 6], ["delivered"]]',
        )  # fmt: skip
        courier.start()
        courier.wait()
        account = scene.account()
        missing = scene.lost(account, name)
        if victim.suffix == ".chunk":
            hurt = {int(victim.stem)} if after != before else set()
            lost += len(missing - hurt)
            said += bool(aside(scene.state(name)))
            if hurt and not aside(scene.state(name)) and missing:
                quiet.append(f"{victim.name}: {damage.__name__} was not noticed")
        else:
            lost += len(missing)
        unseen.append(account.hosts[name].unseen_ms())
    server.stop()
    account = scene.account()
    _, doubled = scene.lost_and_doubled(account)
    gaps = [text for text in account.wrong if text.startswith(("SEQ_MISSING", "CHAIN"))]
    return Outcome(
        trials=trials,
        lost=lost,
        doubled=doubled,
        unseen_ms=max(unseen),
        unavoidable_ms=4 * 60_000,  # the damaged chunk's own rows, and the break after it
        figures={"damaged chunks said": said, "findings of the audit": len(account.wrong)},
        problems=(*quiet, *(text for text in account.wrong if text not in gaps)),
    )


# Damaged pages of a store


def filled_store(scene: Scene, *, hosts: int = 3, ticks: int = 60) -> Path:
    """Fill a store with a few hosts' chunks, stop everything, and return its file."""
    server = scene.serve(scene.server())
    names = [f"host-{number}" for number in range(hosts)]
    scene.enrol(*names)
    for name in names:
        agent = scene.simulated(
            name, begin=minute_ago(2), seal_s=240, script=f'[["tick", {ticks}], ["delivered"]]'
        )
        agent.start()
        agent.wait()
    server.stop()
    path = scene.folder / "db" / "starproof.db"
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return path


def damaged_store(scene: Scene, trials: int, *, ticks: int = 300, seed: int = 7) -> Outcome:
    """A page of the store is damaged: found by ``db check`` or ``audit``, or it changed no row."""
    path = filled_store(scene, ticks=ticks)
    sound = path.read_bytes()
    dice = random.Random(seed)
    found, harmless, problems = 0, 0, set()
    missed: list[str] = []
    with closing(sqlite3.connect(path)) as database:
        tables = [row[0] for row in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        page = database.execute("PRAGMA page_size").fetchone()[0]
    kept = {table: columns_of(path, table) for table in tables}
    used = [
        at
        for at in range(0, len(sound), page)
        if sound[at : at + page].count(0) < page - page // FILLED_SHARE
    ]
    for _ in range(trials):
        at = dice.choice(used)
        damaged = bytearray(sound[at : at + page])
        data = dice.choice(DAMAGES)(damaged, dice).ljust(page, b"\0")
        for ending in ("-wal", "-shm"):
            path.with_name(path.name + ending).unlink(missing_ok=True)
        path.write_bytes(sound[:at] + data + sound[at + page :])
        wrong, crashed = said_of(scene.url)
        problems |= crashed
        if wrong:
            found += 1
            continue
        changed = [
            name
            for table in tables
            for name, values in columns_of(path, table).items()
            if values != kept[table][name]
        ]
        harmless += not changed
        missed += changed
    path.write_bytes(sound)
    return Outcome(
        trials=trials,
        figures={"pages with content": len(used), "found": found, "changed no row": harmless,
                 "changed unnoticed": ", ".join(sorted(set(missed))) or "nothing"},
        problems=(*sorted(problems), *(f"damage of {name} is noticed by nobody" for name in sorted(set(missed))
                                       if name.partition(".")[0] in COMPUTED and name not in TOLD)),
    )  # fmt: skip


def said_of(url: str) -> tuple[bool, set[str]]:
    """Return whether ``db check`` or ``audit`` says that a store is wrong, and how they ended unexpectedly."""
    said, crashed = False, set()

    def checked() -> bool:
        with closing(open_engine_for_reading(url)) as store:
            return bool(check(store).problems)

    def audited() -> bool:
        with closing(open_engine_for_reading(url)) as store:
            archive = StoreArchive(store, damaged=True)
            return any(one.severity != NOTE for one in audit(archive, log=archive.log).findings)

    for look in (checked, audited):
        try:
            said |= look()
        except (CollectorError, EvidenceError):
            said = True
        except Exception as error:  # noqa: BLE001 - a command would end with a traceback: that is what is looked for
            said = True
            crashed.add(f"{look.__name__}: {type(error).__name__}: {error}"[:300])
    return said, crashed


COMPUTED = frozenset(
    {"chunk", "day_sum", "log_leaf", "log_head", "checkpoint", "enrolment", "host", "activity_day"}
)
"""Tables that the figures and the proofs rest on."""
TOLD = frozenset({"chunk.received_ms", "host.created_ms"})
"""Values in them on which nothing rests: they are shown. The time of arrival that is proved is the log's."""
