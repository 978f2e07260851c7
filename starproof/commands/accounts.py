"""The command line ``starproof accounts``: read sources of accounts, or import a CSV file of them."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import NoReturn

from collector.accounts.counting import Counted, Hashing, count, distinct_accounts
from collector.accounts.csv_file import CsvFile
from collector.accounts.errors import AccountsError
from collector.accounts.settings import DEFAULT_DEFINITION, Configured, read_settings
from collector.accounts.storing import Stored, Telling, store
from collector.errors import CollectorError
from collector.opening import open_store, wall_clock_ms
from collector.settings import default_database_url
from collector.sources.secrets import read_secret
from evidence.accounts import key_id, parse_key
from evidence.errors import EvidenceError

SCHEMA = "starproof/accounts/1"


def main(argv: Sequence[str] | None = None, *, prog: str = "starproof accounts") -> int:
    """Run the command; return the exit status: 0 done, 1 error, 2 wrong usage."""
    options = _parser(prog).parse_args(argv)
    try:
        if options.last < options.first:
            raise AccountsError(f"--to {options.last} lies before --from {options.first}")
        answers = [
            _stored(configured, options)
            for configured in (_chosen(options) if options.command == "read" else [_file(options)])
        ]
    except (CollectorError, EvidenceError) as error:
        print(f"{prog}: {error}", file=sys.stderr)  # noqa: T201 - the one line an error has
        return 1
    if options.json:
        print(json.dumps({"schema": SCHEMA, "sources": answers}, ensure_ascii=False))  # noqa: T201 - the answer
    else:
        for answer in answers:
            print(_text(answer))  # noqa: T201 - the command's answer
    return 0


def _chosen(options: argparse.Namespace) -> list[Configured]:
    found = read_settings(options.config)
    wanted = options.alias or list(found)
    for alias in wanted:
        if alias not in found:
            raise AccountsError(f"there is no source {alias!r} in the file; there are {', '.join(found)}")
    return [found[alias] for alias in wanted]


def _file(options: argparse.Namespace) -> Configured:
    key = parse_key(read_secret(options.key).reveal())
    source = CsvFile(options.file)
    return Configured(
        source,
        Telling(options.alias, source.origin, options.definition),
        Hashing(key, tuple(options.domain), tuple(options.exclude)),
    )


def _stored(configured: Configured, options: argparse.Namespace) -> dict[str, object]:
    counted = count(configured.source, configured.hashing, options.first, options.last)
    opened = open_store(options.db or default_database_url())
    try:
        days = (options.first, options.last)
        stored = store(
            opened, counted, configured.telling, configured.hashing, days=days, now_ms=wall_clock_ms()
        )
    finally:
        opened.store.close()
    return _answer(configured, counted, stored, options)


def _answer(
    configured: Configured, counted: Counted, stored: Stored, options: argparse.Namespace
) -> dict[str, object]:
    return {
        "alias": configured.telling.alias,
        "origin": configured.telling.origin,
        "definition": configured.telling.definition,
        "account_key": key_id(configured.hashing.key),
        "from": options.first.isoformat(),
        "to": options.last.isoformat(),
        "vouched_until": stored.until,
        "accounts": distinct_accounts(counted),
        "excluded_records": counted.excluded,
        "nameless_records": counted.nameless,
        "chunks": stored.chunks,
        "attested": "no",
    }


def _text(answer: dict[str, object]) -> str:
    return "\n".join(
        (
            f"{answer['alias']}：{answer['from']} – {str(answer['vouched_until'])[:16]}，{answer['origin']}，{answer['definition']}",
            "  账号仅以密钥哈希保存 / accounts are kept as keyed hashes only",
            f"  不同账号 / distinct accounts      {answer['accounts']}",
            f"  按名单排除的记录 / excluded records {answer['excluded_records']}",
            f"  没有账号名的记录 / without a name   {answer['nameless_records']}",
            f"  密钥编号 / account key            {answer['account_key']}",
        )
    )


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a day, such as 2026-11-01") from None


class _Parser(argparse.ArgumentParser):
    """Ends with one line and status 2 on wrong usage."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}; see {self.prog} --help\n")


def _parser(prog: str) -> argparse.ArgumentParser:
    parser = _Parser(
        prog=prog, description="月用户使用率的账号来源 / sources of accounts for the monthly user rate"
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    read = commands.add_parser("read", help="read the sources of a file 读取数据库或钉钉")
    read.add_argument("config", metavar="CONFIG", type=Path, help="TOML file, see docs/users.md")
    read.add_argument("--alias", action="append", help="only this source; may be repeated")
    load = commands.add_parser("import", help="import a CSV file account,day[,count] 导入CSV")
    load.add_argument("file", metavar="FILE", type=Path, help="the file, UTF-8")
    load.add_argument("--key", required=True, help="account key: file:PATH, env:NAME or systemd:NAME")
    load.add_argument("--alias", required=True, help="name under which the accounts are told, such as oa")
    load.add_argument(
        "--definition", default=DEFAULT_DEFINITION, help="which events count, such as success/1"
    )
    load.add_argument("--exclude", action="append", default=[], help="a robot's account; may be repeated")
    load.add_argument("--domain", action="append", default=[], help="a domain of the enterprise's own")
    for command in (read, load):
        command.add_argument(
            "--from", dest="first", type=_day, required=True, help="first day, all of it read"
        )
        command.add_argument("--to", dest="last", type=_day, required=True, help="last day, all of it read")
        command.add_argument(
            "--db", metavar="URL", help="database URL, default an SQLite file in the state directory"
        )
        command.add_argument("--json", action="store_true", help="print one JSON document")
    return parser
