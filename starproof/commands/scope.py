"""``starproof scope``: declare the scope before the window, list and show what was declared."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from collector.opening import OpenStore, open_store, wall_clock_ms
from collector.settings import enterprise_name
from collector.store.registry import Identity
from collector.store.scopes import Declared, declare
from starproof import session
from starproof.rules import read_edition, read_scope_file
from starproof.scope_text import version_documents, version_lines
from starproof.tables import printable
from verifier.declaration import declared_versions, next_record
from verifier.definitions import chosen
from verifier.edition import Edition
from verifier.editions import edition_ids
from verifier.errors import EditionError, ScopeError
from verifier.scope import Scope, parse_scope

EXAMPLE = "starproof scope declare scope.toml"
LIST_EXAMPLE = "starproof scope list"
SHOW_EXAMPLE = "starproof scope show 2 --file > scope-2.toml"
WHAT_TO_DO = """\
今天就把上面的 SHA-256 写进公司日志本，并发给评审部门：
它离开申报方之手以前，什么也证明不了。
Write the SHA-256 above into the company's log book and send it to the
authority today: until it has left the applicant's hands, it proves nothing."""
NONE_DECLARED = (
    "还没有声明过申报范围；运行 / no scope has been declared yet; run: starproof scope declare FILE"
)

_NUMBER = re.compile(r"[1-9]\d{0,8}\Z", re.ASCII)


def main(
    argv: Sequence[str], *, prog: str = "starproof scope", clock: Callable[[], int] = wall_clock_ms
) -> int:
    """Run the command and return the exit status; ``clock`` tells ms since 1970."""
    options = _parser(prog).parse_args(argv)
    work: dict[str, Callable[[], int]] = {
        "declare": lambda: _declare(options, clock),
        "list": lambda: _list(options),
        "show": lambda: _show(options),
    }
    return session.guarded(prog, work[options.command])


def _declare(options: argparse.Namespace, clock: Callable[[], int]) -> int:
    # The file is checked first: a wrong one must not leave a new database behind.
    data = read_scope_file(options.file)
    scope = parse_scope(data)
    shipped = scope.edition in edition_ids()
    edition = None
    if shipped or options.edition is not None:
        edition, _ = read_edition(options.edition, scope.edition)
        _require_definitions(scope, edition)
    opened = _opened(options.db, scope)
    try:
        added = declare(
            opened.store,
            data,
            record=_recorder(data),
            clock=clock,
            edition=None if edition is None else edition.sha256,
        )
    finally:
        opened.store.close()
    document = version_documents(added.versions, declared_versions(added.versions))[-1]
    if options.json:
        session.print_json(
            {
                "schema": "starproof/scope-declared/1",
                "enterprise": scope.enterprise,
                "edition_shipped": "yes" if shipped else "no",
                "edition_sha256": None if edition is None else edition.sha256,
                "added": "yes" if added.added else "no",
                "new_database": "yes" if opened.is_new else "no",
                **document,
            }
        )
        return 0
    head = (
        "已声明 declared" if added.added else "此前已声明，现补记评定版本 declared before; its edition is new"
    )
    lines = [head, *version_lines(document)]
    if edition is None:
        lines.append(
            f"  评定版本 {printable(scope.edition)} 不随软件提供：口径未核对，文件也未记入日志，请加 --edition FILE "
            "再声明一次 / this edition is not shipped: the definitions were not compared with it and its file is not "
            "in the log; declare again with --edition FILE"
        )
    else:
        lines += ["  评定版本也在日志中 its edition is in the log too", f"  SHA-256 {edition.sha256}"]
    if opened.is_new:
        lines.append(
            "  新建了数据库，企业名称和时区取自本文件 / a new database, which takes its enterprise and "
            f"time zone from this file: {opened.store.engine.url.render_as_string(hide_password=True)}"
        )
    _print([*lines, "", WHAT_TO_DO])
    return 0


def _recorder(data: bytes) -> Callable[[str, Sequence[Declared], int], bytes]:
    def record(enterprise: str, before: Sequence[Declared], now_ms: int) -> bytes:
        return next_record(before, data, enterprise=enterprise, declared_ms=now_ms)

    return record


def _opened(url: str | None, scope: Scope) -> OpenStore:
    return open_store(url, first=Identity(enterprise_name(scope.enterprise), scope.timezone))


def _require_definitions(scope: Scope, edition: Edition) -> None:
    """Look the scope's definitions up: a misspelt one is better found now than after the window."""
    if edition.id != scope.edition:
        raise EditionError(f"the scope asks for {scope.edition!r}, and --edition holds {edition.id!r}")
    chosen(edition, scope)


def _list(options: argparse.Namespace) -> int:
    enterprise, declared = _declared(options.db)
    documents = version_documents(declared, declared_versions(declared))
    if options.json:
        session.print_json(
            {"schema": "starproof/scope-versions/1", "enterprise": enterprise, "versions": documents}
        )
        return 0
    lines = [printable(enterprise)]
    for document in documents:
        lines += ["", *version_lines(document)]
    _print(lines if documents else [*lines, NONE_DECLARED])
    return 0


def _show(options: argparse.Namespace) -> int:
    enterprise, declared = _declared(options.db)
    versions = declared_versions(declared)
    if not versions:
        raise ScopeError(NONE_DECLARED)
    number = options.version or len(versions)
    if number > len(versions):
        raise ScopeError(f"there is no version {number}, the newest is {len(versions)}; see {LIST_EXAMPLE}")
    version, document = versions[number - 1], version_documents(declared, versions)[number - 1]
    text = version.data.decode("utf-8")
    if options.json:
        session.print_json(
            {"schema": "starproof/scope-version/1", "enterprise": enterprise, **document, "file": text}
        )
    elif options.raw:
        sys.stdout.buffer.write(version.data)
        sys.stdout.buffer.flush()
    else:
        _print([printable(enterprise), *version_lines(document), "", *_shown(text)])
    return 0


def _declared(url: str | None) -> tuple[str, Sequence[Declared]]:
    with session.archive(url) as archive:
        return archive.enterprise, archive.scope_versions()


def _shown(text: str) -> list[str]:
    return [printable(line.expandtabs()) for line in text.splitlines()]


def _print(lines: Sequence[str]) -> None:
    sys.stdout.write("\n".join(lines) + "\n")


def _number(text: str) -> int:
    if not _NUMBER.match(text):
        raise argparse.ArgumentTypeError(f"{text!r} is not the number of a version, such as 2")
    return int(text)


def _parser(prog: str) -> argparse.ArgumentParser:
    parser = session.parser(prog, "Declare the scope before the window begins 声明申报范围", EXAMPLE)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    declaring = commands.add_parser(
        "declare",
        help="声明一个版本 / declare a version",
        description="Keep the scope file with its SHA-256 and the time, as the next version.",
        epilog=f"example: {EXAMPLE}",
    )
    declaring.add_argument("file", type=Path, metavar="FILE", help="the scope 申报范围 (TOML)")
    declaring.add_argument(
        "--edition",
        type=Path,
        metavar="FILE",
        help="its edition, where that does not ship 评定版本 (TOML); its hash goes into the log too",
    )
    listing = commands.add_parser(
        "list",
        help="列出各版本和差别 / list the versions and what each changed",
        epilog=f"example: {LIST_EXAMPLE}",
    )
    showing = commands.add_parser(
        "show", help="显示一个版本 / show one version", epilog=f"example: {SHOW_EXAMPLE}"
    )
    showing.add_argument(
        "version", nargs="?", type=_number, metavar="N", help="number of the version (default: the newest)"
    )
    showing.add_argument(
        "--file", dest="raw", action="store_true", help="print the declared file, byte for byte"
    )
    for command in (declaring, listing, showing):
        session.add_database(command)
    return parser
