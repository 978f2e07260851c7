"""``starproof restore``: put what ``starproof backup`` wrote back in place, as a whole.

1. The folder must be as it was written (``SHA256SUMS``), and nobody may use the store that is to be replaced.
2. The store is made and looked through in a folder beside the old one first; a backup that is damaged changes nothing.
3. Then everything of the old store is moved aside, with its write-ahead log: SQLite would write that into the new one.
   Nothing is deleted, and what is not the collector's stays where it is.
4. What is put in place belongs to the owner of its directory, mode 0600. Settings that lie elsewhere are put back
   where they are missing, and never replaced.
"""

from __future__ import annotations

import argparse
import fcntl
import os
import shutil
import sqlite3
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from collector.errors import SettingsError, StoreError
from collector.ownership import ROOT
from collector.settings import Settings, key_directory, read_settings
from collector.store import backup, checking
from collector.store.checking import Checked
from collector.store.engine import open_engine_for_reading, sqlite_path
from starproof import session
from starproof.commands.backup import CONFIGURED, DUMP, KEPT, SUMS, sha256_of

EXAMPLE = "starproof restore /backup/starproof-2026-11-30 --config /etc/starproof/collector.toml"
ASIDE, STAGED = "replaced-", "restoring-"
TOLD = "store-damaged.json"
"""Who was told of damage (``collector.alerts.damage``): of the old store."""
BESIDE = ("", "-wal", "-shm", "-journal")
"""What SQLite keeps of one store."""
_LOCKED_FROM, _LOCKED = 0x40000000, 512
"""The bytes of a file that SQLite locks while a connection is open (its file format, "Locking")."""
_DIRECTORY, _PRIVATE = 0o700, 0o600


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
    lines = [f"已恢复 {len(done.files)} 个文件 / {len(done.files)} files restored; 日志 log: {leaves} 条 leaves"]
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
    directory.mkdir(mode=_DIRECTORY, parents=True, exist_ok=True)
    path = sqlite_path(settings.database_url)
    if (path is None) != (_store_of(names) == DUMP):
        raise StoreError("this is a backup of another kind of database; give its URL with --db")
    if path is not None:
        _require_unused(path)
    stamp = f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    staged = directory / f"{STAGED}{stamp}"
    staged.mkdir(mode=_DIRECTORY)
    try:
        found = _make(settings.database_url, folder / _store_of(names), staged)  # rule 2
        places = dict(_places(names, settings, config, directory))
        home = directory.resolve()
        left = tuple(one for one in places.values() if one.parent.resolve() != home and one.exists())
        for name, place in places.items():
            if place not in left:
                _copy(folder / name, staged / name)
        moved = _aside(directory, path, directory / f"{ASIDE}{stamp}")  # rule 3
        put = tuple(_put(staged / name, place) for name, place in places.items() if place not in left)
        if path is not None:
            put = (_put(staged / path.name, path), *put)
    finally:
        shutil.rmtree(staged)
    return Restored(put, left, moved, found)


def _require_unused(path: Path) -> None:
    """Rule 1: an open connection holds a lock as long as it is open, whatever it does."""
    if not path.exists():
        return
    with path.open("r+b") as file:
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, _LOCKED, _LOCKED_FROM)
        except (BlockingIOError, PermissionError):
            raise StoreError(
                f"{path} is in use; stop the collector first: systemctl stop starproof-collector"
            ) from None


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
    """Yield where each file that is no store belongs."""
    configured: Mapping[str, Callable[[Settings], Path]] = CONFIGURED
    for name in names:
        if name == _store_of(names):
            continue
        if name in configured:
            yield name, configured[name](settings)
        elif config is not None and name == config.name:
            yield name, config.absolute()
        else:
            yield name, directory / name


def _aside(directory: Path, path: Path | None, aside: Path) -> Path | None:
    """Move everything of the old store into a folder, and return it; ``None`` if there was nothing."""
    store = set() if path is None else {path.with_name(path.name + end) for end in BESIDE}
    mine = {one for one in directory.iterdir() if one.is_file() and one.suffix in KEPT}
    old = sorted(one for one in {*store, *mine, directory / TOLD} if one.exists())
    if not old:
        return None
    aside.mkdir(mode=_DIRECTORY)
    _own(aside)
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


def _put(staged: Path, place: Path) -> Path:
    """Put a file in place (rule 4): on the disk, and its directory's owner's."""
    if not place.parent.is_dir():
        raise SettingsError(f"there is no folder {place.parent} for {place.name}; make it, and restore again")
    moved = place.with_name(f".{place.name}.restoring")
    shutil.move(staged, moved)
    moved.chmod(_PRIVATE)
    _own(moved)
    moved.rename(place)
    handle = os.open(place.parent, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
    return place


def _own(path: Path) -> None:
    owner = path.parent.stat()  # of the directory itself, also behind a link
    if os.geteuid() == ROOT:
        os.chown(path, owner.st_uid, owner.st_gid)
