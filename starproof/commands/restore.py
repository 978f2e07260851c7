"""``starproof restore``: put what ``starproof backup`` wrote back in place, as a whole.

1. The folder must be as it was written (``SHA256SUMS``), and nobody may use the store that is to be replaced.
2. The store is made and looked through in a folder beside the old one first; a backup that is damaged changes nothing.
3. Then everything of the old store is moved aside, with its write-ahead log: SQLite would write that into the new one.
   Nothing is deleted, and what is not the collector's stays where it is.
4. What is put in place belongs to the owner of its directory, and only the owner may read it. Settings that lie
   elsewhere are put back where they are missing, as readable as their directory, and never replaced.
"""

from __future__ import annotations

import argparse
import fcntl
import os
import shutil
import sqlite3
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from collector.alerts.damage import TOLD
from collector.errors import SettingsError, StoreError
from collector.ownership import ROOT, adopt
from collector.settings import Settings, key_directory, read_settings
from collector.store import backup, checking
from collector.store.checking import Checked
from collector.store.engine import open_engine_for_reading, sqlite_path
from starproof import session
from starproof.commands.backup import CONFIGURED, DUMP, KEPT, SUMS, sha256_of

EXAMPLE = "starproof restore /backup/starproof-2026-11-30 --config /etc/starproof/collector.toml"
ASIDE, STAGED = "replaced-", "restoring-"
BESIDE = ("", "-wal", "-shm", "-journal")
"""What SQLite keeps of one store."""
_MOST_IN_A_SECOND = 100
_LOCKED_FROM, _LOCKED = 0x40000000, 512
"""The bytes of a file that SQLite locks while a connection is open (its file format, "Locking")."""
_DIRECTORY, _PRIVATE, _READABLE = 0o700, 0o600, 0o644


@dataclass(frozen=True)
class Restored:
    """``moved``: where the old store lies now, if there was one; ``left``: settings that were there already."""

    files: tuple[Path, ...]
    left: tuple[Path, ...]
    moved: Path | None
    found: Checked


def main(argv: Sequence[str], *, prog: str = "starproof restore") -> int:
    """Run the command and return the exit status: 1 also where the restored store has a problem."""
    parser = session.parser(prog, "Put a backup in place: store, keys, settings 恢复备份", EXAMPLE)
    parser.add_argument(
        "folder", metavar="DIR", type=Path, help="备份目录 / a folder that starproof backup wrote"
    )
    parser.add_argument("--config", metavar="FILE", type=Path, help="the collector's settings")
    session.add_database(parser)
    options = parser.parse_args(argv)
    return session.guarded(prog, lambda: _run(options))


def _run(options: argparse.Namespace) -> int:
    folder: Path = options.folder
    names = _whole(folder)
    settings = _settings(folder, names, options.config)
    settings = replace(settings, db=options.db) if options.db else settings
    done = _restored(folder, names, settings, options.config)
    problems = done.found.problems
    if options.json:
        document: Mapping[str, object] = {
            "schema": "starproof/restored/1",
            "files": [str(path) for path in done.files],
            "left": [str(path) for path in done.left],
            "replaced": None if done.moved is None else str(done.moved),
            "rows": done.found.contents.rows,
            "log_size": done.found.contents.log.size,
            "problems": list(problems),
        }
        session.print_json(document)
    else:
        sys.stdout.write(_text(done))
    return 1 if problems else 0


def _text(done: Restored) -> str:
    leaves = done.found.contents.log.size
    lines = [
        f"已恢复 {len(done.files)} 个文件 / {len(done.files)} files restored; 日志 log: {leaves} 条 leaves"
    ]
    lines += [f"  {path}" for path in done.files]
    lines += [f"已有，未改动 was there, left as it is: {path}" for path in done.left]
    if done.moved is not None:
        lines.append(f"原来的文件在 what was there before lies in: {done.moved}")
    lines += [f"问题 problem: {problem}" for problem in done.found.problems]
    lines.append(
        "备份之后收到的数据不在其中 what came after the backup is not in it; 然后 then: start the collector, "
        "starproof doctor, starproof audit"
    )
    return "\n".join(lines) + "\n"


def _whole(folder: Path) -> tuple[str, ...]:
    """Rule 1: return the names of the files, each as it was written."""
    try:
        lines = (folder / SUMS).read_text("utf-8").splitlines()
        for line in lines:
            sha256, _, name = line.partition("  ")
            if not name or Path(name).name != name:
                raise StoreError(f"{folder / SUMS} is not one that starproof backup wrote")
            if sha256_of(folder / name) != sha256:
                raise StoreError(f"{folder / name} is not as it was backed up; take another backup")
    except (OSError, UnicodeDecodeError) as error:
        raise StoreError(f"{folder} is no backup, or not a whole one: {error}") from None
    return tuple(line.partition("  ")[2] for line in lines)


def _settings(folder: Path, names: Sequence[str], config: Path | None) -> Settings:
    """Return the settings in force; where the file is lost, those of the backup."""
    if config is None:
        return Settings()
    if config.exists() or config.name not in names:
        return read_settings(config)
    return read_settings(folder / config.name)


def _store_of(names: Sequence[str]) -> str:
    stores = [name for name in names if Path(name).suffix not in KEPT]
    if len(stores) != 1:
        raise StoreError("a backup holds one store; this folder is not one that starproof backup wrote")
    return stores[0]


def _restored(folder: Path, names: Sequence[str], settings: Settings, config: Path | None) -> Restored:
    directory = key_directory(settings.database_url)
    path = sqlite_path(settings.database_url)
    if (path is None) != (_store_of(names) == DUMP):
        raise StoreError("this is a backup of another kind of database; give its URL with --db")
    directory.mkdir(mode=_DIRECTORY, parents=True, exist_ok=True)
    places = dict(_places(names, settings, config, directory))
    left = tuple(place for place in places.values() if place.parent != directory and place.exists())
    wanted = {name: place for name, place in places.items() if place not in left}
    for place in wanted.values():
        if not place.parent.is_dir():
            raise SettingsError(f"there is no folder {place.parent} for {place.name}; make it, restore again")
    with _unused(path):
        stamp, staged = _stamped(directory)
        try:
            found = _make(settings.database_url, folder / _store_of(names), staged)  # rule 2
            for name in wanted:
                _copy(folder / name, staged / name)
            moved = _aside(directory, path, directory / f"{ASIDE}{stamp}")  # rule 3
            put = [_put(staged / name, place, directory) for name, place in wanted.items()]
            if path is not None:  # the store last: with it the restore is whole
                put.insert(0, _put(staged / path.name, path, directory))
        finally:
            shutil.rmtree(staged)
    return Restored(tuple(put), left, moved, found)


def _stamped(directory: Path) -> tuple[str, Path]:
    """Make the folder in which everything is made ready; return its stamp, which no other restore had."""
    begun = f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    for stamp in (begun, *(f"{begun}-{number}" for number in range(2, _MOST_IN_A_SECOND))):
        staged = directory / f"{STAGED}{stamp}"
        if not (directory / f"{ASIDE}{stamp}").exists() and not staged.exists():
            staged.mkdir(mode=_DIRECTORY)
            return stamp, staged
    raise StoreError(f"too many restores at once in {directory}; try again")


@contextmanager
def _unused(path: Path | None) -> Iterator[None]:
    """Rule 1: an open connection holds a lock as long as it is open; nobody opens one while we hold ours."""
    if path is None or not path.exists():
        yield
        return
    with path.open("r+b") as file:
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, _LOCKED, _LOCKED_FROM)
        except (BlockingIOError, PermissionError):
            raise StoreError(
                f"{path} is in use; stop the collector first: systemctl stop starproof-collector"
            ) from None
        yield


def _make(url: str, source: Path, staged: Path) -> Checked:
    """Make the store and return what it is; an SQLite file is made in the folder ``staged``."""
    path = sqlite_path(url)
    place = url if path is None else f"sqlite:///{staged / path.name}"
    backup.restore(place, source)
    with closing(open_engine_for_reading(place)) as store:
        found = checking.check(store)
    if path is not None:
        with closing(sqlite3.connect(staged / path.name)) as connection:  # the file alone is moved
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").close()
    return found


def _places(
    names: Sequence[str], settings: Settings, config: Path | None, directory: Path
) -> Iterator[tuple[str, Path]]:
    """Yield where each file that is no store belongs; what lies beside the store is named by ``directory``."""
    for name in names:
        if name == _store_of(names):
            continue
        place = directory / name
        if name in CONFIGURED:
            place = CONFIGURED[name](settings)
        elif config is not None and name == config.name:
            place = config.absolute()
        is_beside = place.parent.resolve() == directory.resolve()
        yield name, directory / place.name if is_beside else place


def _aside(directory: Path, path: Path | None, aside: Path) -> Path | None:
    """Move everything of the old store into a folder, and return it; ``None`` if there was nothing."""
    store = set() if path is None else {path.with_name(path.name + end) for end in BESIDE}
    mine = {one for one in directory.iterdir() if one.is_file() and one.suffix in KEPT}
    old = sorted(one for one in {*store, *mine, directory / TOLD} if one.exists())
    if not old:
        return None
    aside.mkdir(mode=_DIRECTORY)
    owner = directory.stat()  # of the directory itself, also behind a link
    if os.geteuid() == ROOT:
        os.chown(aside, owner.st_uid, owner.st_gid, follow_symlinks=False)
    for one in old:
        one.rename(aside / one.name)
    return aside


def _copy(source: Path, target: Path) -> None:
    with (
        source.open("rb") as reading,
        os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _PRIVATE), "wb") as writing,
    ):
        shutil.copyfileobj(reading, writing)
        writing.flush()
        os.fsync(writing.fileno())


def _put(staged: Path, place: Path, directory: Path) -> Path:
    """Put a file in place (rule 4), on the disk before it has its name."""
    parent = place.parent
    moved = parent / f".{place.name}.restoring"
    moved.unlink(missing_ok=True)
    shutil.move(staged, moved)
    mode = _PRIVATE if parent == directory else parent.stat().st_mode & _READABLE
    handle = os.open(moved, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        os.fchmod(handle, mode)
        adopt(handle, parent)
        os.fsync(handle)
    finally:
        os.close(handle)
    moved.rename(place)
    handle = os.open(parent, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
    return place
