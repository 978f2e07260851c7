"""``starproof db``: bring a store up to date, look at it, back it up, restore it, copy it elsewhere."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from pathlib import Path

from collector.errors import StoreError
from collector.settings import default_database_url, key_directory
from collector.store import backup, checking, copying
from collector.store.archive import StoreArchive
from collector.store.contents import Contents, contents
from collector.store.engine import (
    HEAD,
    Store,
    open_engine,
    open_engine_as_it_is,
    open_engine_for_reading,
    schema_version,
    sqlite_path,
)
from starproof import session
from starproof.commands import drop_month, move_frames
from starproof.tables import print_audit
from verifier.audit import audit
from verifier.finding import NOTE

EXAMPLE = "starproof db check --db postgresql://starproof@localhost/starproof"
LOG_KEY = "log.key"
KEYS_APART = "密钥不在其中，请另行备份 the keys are not in it, back them up too:"


def main(argv: Sequence[str], *, prog: str = "starproof db") -> int:
    """Run the command and return the exit status: 1 also where a check finds a problem."""
    options = _parser(prog).parse_args(argv)
    work: dict[str, Callable[[argparse.Namespace], int]] = {
        "migrate": _migrate,
        "check": _check,
        "backup": _backup,
        "restore": _restore,
        "copy": _copy,
        "drop-month": drop_month.run,
        "move-frames": move_frames.run,
    }
    return session.guarded(prog, lambda: work[options.command](options))


def _migrate(options: argparse.Namespace) -> int:
    url = _url(options.db)
    path = sqlite_path(url)
    before = None
    if path is None or path.is_file():
        with closing(open_engine_as_it_is(url)) as store:
            before = schema_version(store)
    open_engine(url).close()
    if options.json:
        session.print_json({"schema": "starproof/db-migrated/1", "from": before, "to": HEAD})
    else:
        sys.stdout.write(f"数据库版本 schema version: {before or '无 none'} → {HEAD}\n")
    return 0


def _check(options: argparse.Namespace) -> int:
    with closing(open_engine_for_reading(_url(options.db))) as store:
        found = checking.check(store)
        shown = _shown(store)
    if options.json:
        document = {
            "schema": "starproof/db-check/1",
            "db": shown,
            "server": found.server,
            "version": found.version,
            **_document(found.contents),
            "problems": list(found.problems),
        }
        session.print_json(document)
    else:
        sys.stdout.write(f"{shown}\n{found.server}，数据库版本 schema version {found.version}\n")
        _print_contents(found.contents)
        for problem in found.problems:
            sys.stdout.write(f"问题 problem: {problem}\n")
        if not found.problems:
            sys.stdout.write("未发现问题 no problem found; 复算见 for the figures run: starproof audit\n")
    return 1 if found.problems else 0


def _backup(options: argparse.Namespace) -> int:
    url = _url(options.db)
    backup.backup(url, options.file)
    session.said(options, file=str(options.file), size=options.file.stat().st_size)
    if not options.json:
        sys.stderr.write(f"{KEYS_APART} {key_directory(url)}\n")
    return 0


def _restore(options: argparse.Namespace) -> int:
    url = _url(options.db)
    backup.restore(url, options.file)
    with closing(open_engine_for_reading(url)) as store, store.reading() as connection:
        found = contents(connection)
    if options.json:
        session.print_json({"schema": "starproof/db-restored/1", **_document(found)})
        return 0
    _print_contents(found)
    if not (key_directory(url) / LOG_KEY).is_file():
        sys.stderr.write(
            f"把备份的密钥放到 put the keys of the backup into {key_directory(url)}，否则日志会由另一把密钥签名 "
            "or another key will sign the log\n"
        )
    sys.stderr.write(
        "备份之后收到的数据不在其中 what came after the backup is not in it; "
        "见 see docs/database.md, Restoring\n"
    )
    return 0


def _copy(options: argparse.Namespace) -> int:
    old, new = _url(options.source), options.target
    _require_keys(old, new)
    open_engine_for_reading(old).close()  # a source of an older version is not changed by being copied
    with closing(open_engine_as_it_is(old)) as source, closing(open_engine(new)) as target:
        copied = copying.copy(source, target, progress=lambda name, rows: _tell(options, name, rows))
        archive = StoreArchive(target, damaged=True)
        report = None if options.no_audit else audit(archive, dropped=archive)
    bad = [] if report is None else [found for found in report.findings if found.severity != NOTE]
    if options.json:
        document: dict[str, object] = {"schema": "starproof/db-copied/1", **_document(copied)}
        session.print_json({**document, "audit": None if report is None else report.document()})
    else:
        _print_contents(copied)
        if report is not None:
            print_audit(report)
        sys.stdout.write(
            f"已复制，逐表逐行核对相同 copied, and read back the same; 以后用 from now on use: --db {_hidden(new)}\n"
        )
    return 1 if bad else 0


def _require_keys(old: str, new: str) -> None:
    """A store elsewhere must not get a new log key: nobody could tell its log from a forged one."""
    there, here = key_directory(new) / LOG_KEY, key_directory(old) / LOG_KEY
    if here.is_file() and not there.is_file():
        raise StoreError(
            f"the keys of {_hidden(new)} are looked for in {there.parent} and are not there; copy them first: "
            f"install -d -m 700 {there.parent} && cp -p {here.parent}/*.key {here.parent}/*.pub {there.parent}/"
        )


def _tell(options: argparse.Namespace, name: str, rows: int) -> None:
    if rows and not options.json:
        sys.stderr.write(f"  {name} {rows}\n")


def _print_contents(found: Contents) -> None:
    rows = ", ".join(f"{name} {count}" for name, count in found.rows.items() if count)
    sys.stdout.write(f"行数 rows: {rows or '无 none'}\n")
    sys.stdout.write(f"日志 log: {found.log.size} 条 leaves, 根 root {found.log.root.hex()}\n")


def _document(found: Contents) -> Mapping[str, object]:
    return {"rows": found.rows, "log": {"size": found.log.size, "root": found.log.root.hex()}}


def _url(given: str | None) -> str:
    return given or default_database_url()


def _shown(store: Store) -> str:
    return store.engine.url.render_as_string(hide_password=True)


def _hidden(url: str) -> str:
    with closing(open_engine_as_it_is(url)) as store:
        return _shown(store)


def _parser(prog: str) -> argparse.ArgumentParser:
    parser = session.parser(prog, "The database of the collector 数据库", EXAMPLE)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    migrating = commands.add_parser(
        "migrate",
        help="升级数据库结构 / bring the schema to the newest version",
        epilog=f"example: {prog} migrate",
    )
    checking_ = commands.add_parser(
        "check", help="检查数据库与日志 / look for damage, and at the log", epilog=f"example: {prog} check"
    )
    saving = commands.add_parser(
        "backup",
        help="在线备份到一个文件 / write a running store into one file",
        epilog=f"example: {prog} backup /var/backups/starproof-2026-11-30.db",
    )
    bringing = commands.add_parser(
        "restore",
        help="从备份恢复到空库 / make a store from a backup",
        epilog=f"example: {prog} restore /var/backups/starproof-2026-11-30.db --db sqlite:////srv/starproof/starproof.db",
    )
    for command in (saving, bringing):
        command.add_argument("file", type=Path, metavar="FILE")
    for command in (migrating, checking_, saving, bringing):
        session.add_database(command)
    drop_month.add(commands, prog)
    move_frames.add(commands, prog)
    moving = commands.add_parser(
        "copy",
        help="复制到另一个空数据库 / copy into another, empty database (stop the collector first)",
        epilog=f"example: {prog} copy --to postgresql://starproof@localhost/starproof",
    )
    moving.add_argument("--from", dest="source", metavar="URL", help="default: SQLite in the state directory")
    moving.add_argument("--to", dest="target", required=True, metavar="URL", help="an empty database")
    moving.add_argument("--no-audit", action="store_true", help="do not recompute the day sums afterwards")
    moving.add_argument("--json", action="store_true", help="print one JSON document and nothing else")
    return parser
