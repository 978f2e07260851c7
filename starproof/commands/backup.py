"""``starproof backup``: store, keys and settings of a running collector in one new folder."""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from collector.settings import Settings, key_directory, read_settings
from collector.store import backup
from collector.store.engine import open_engine_for_reading, sqlite_path
from starproof import session

EXAMPLE = "starproof backup --out /backup/starproof-2026-11-30 --config /etc/starproof/collector.toml"
SUMS = "SHA256SUMS"
DUMP = "starproof.dump"
"""Of a store on PostgreSQL, as ``starproof db backup`` writes it."""
KEPT = (".key", ".pub", ".pem", ".toml")
"""Beside the store: keys, certificates, and who is asked, anchored and told."""
CONFIGURED: Mapping[str, Callable[[Settings], Path]] = {
    "alerts.toml": lambda settings: settings.alerts_file,
    "anchors.toml": lambda settings: settings.anchors_file,
    "sources.toml": lambda settings: settings.sources_file,
}
"""Files that the settings may place elsewhere; the name in the backup, whatever theirs is."""
_DIRECTORY, _PRIVATE = 0o700, 0o600
_BLOCK = 1024 * 1024


def main(argv: Sequence[str], *, prog: str = "starproof backup") -> int:
    """Run the command and return the exit status."""
    parser = session.parser(prog, "Copy store, keys and settings of a running collector 备份", EXAMPLE)
    parser.add_argument("--out", metavar="DIR", type=Path, required=True, help="新目录 / a new folder")
    parser.add_argument("--config", metavar="FILE", type=Path, help="the collector's settings")
    session.add_database(parser)
    options = parser.parse_args(argv)
    return session.guarded(prog, lambda: _backup(options))


def _backup(options: argparse.Namespace) -> int:
    settings = read_settings(options.config) if options.config else Settings()
    settings = replace(settings, db=options.db) if options.db else settings
    source = sqlite_path(settings.database_url)
    open_engine_for_reading(settings.database_url).close()  # before a folder is made
    options.out.mkdir(mode=_DIRECTORY)
    backup.backup(settings.database_url, options.out / (source.name if source else DUMP))
    for path, name in _beside(settings, options.config):
        _copy(path, options.out / name)
    names = sorted(one.name for one in options.out.iterdir())
    sums = {name: sha256_of(options.out / name) for name in names}
    lines = "".join(f"{sha256}  {name}\n" for name, sha256 in sums.items())
    _write(options.out / SUMS, lines.encode())
    if options.json:
        session.print_json({"schema": "starproof/backup/1", "folder": str(options.out), "files": sums})
    else:
        sys.stdout.write(f"已备份 {len(names)} 个文件 / {len(names)} files → {options.out}\n")
        sys.stdout.write("含私钥，请离机、加密存放 / it holds private keys: keep it elsewhere, encrypted\n")
    return 0


def _beside(settings: Settings, config: Path | None) -> Iterator[tuple[Path, str]]:
    """Yield each file that is kept, and its name in the backup."""
    directory = key_directory(settings.database_url)
    for one in sorted(directory.iterdir()):
        if one.suffix in KEPT and one.is_file() and one.name not in CONFIGURED:
            yield one, one.name
    for name, place in CONFIGURED.items():
        if place(settings).is_file():
            yield place(settings), name
    if config is not None and config.absolute().parent != directory.absolute():
        yield config, config.name


def _copy(source: Path, target: Path) -> None:
    with source.open("rb") as reading:
        handle = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _PRIVATE)
        with os.fdopen(handle, "wb") as writing:
            shutil.copyfileobj(reading, writing)


def _write(path: Path, data: bytes) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _PRIVATE), "wb") as file:
        file.write(data)


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file, as ``SUMS`` writes it."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()
