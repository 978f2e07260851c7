"""``starproof ledger``: the template, importing a table, adding one entry, listing them all."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import asdict
from datetime import date
from pathlib import Path

from collector.opening import open_store, wall_clock_ms
from collector.settings import default_database_url
from collector.store import ledger as store_ledger
from collector.store.engine import sqlite_path
from collector.store.ledger import Fields
from evidence.calendar import LocalCalendar
from starproof import session
from starproof.ledger_columns import COLUMNS, FEN, YUAN
from starproof.ledger_import import LedgerFaultsError, Reading, read_file_of, reading
from starproof.ledger_table import Row, TableFile
from starproof.ledger_template import csv_template, xlsx_template
from starproof.ledger_text import print_ledger
from starproof.output import new_file
from starproof.rules import read_rules
from verifier.errors import LedgerError
from verifier.indicators.investment import counting
from verifier.ledger import PAID
from verifier.ledger_rules import read_ledger

EXAMPLE = "starproof ledger import ledger.xlsx"
SUFFIXES = (".csv", ".xlsx")
MAX_NUMBERS = 20
"""Entries that are named in one line."""


def main(
    argv: Sequence[str], *, prog: str = "starproof ledger", clock: Callable[[], int] = wall_clock_ms
) -> int:
    """Run the command and return the exit status; ``clock`` tells ms since 1970."""
    options = _parser(prog).parse_args(argv)
    work: dict[str, Callable[[], int]] = {
        "template": lambda: _template(options),
        "import": lambda: _import(options, clock),
        "add": lambda: _add(options, clock),
        "list": lambda: _list(options),
    }

    def guarded() -> int:
        try:
            return work[options.command]()
        except LedgerFaultsError as error:
            for fault in error.faults:
                sys.stderr.write(f"{prog}: {fault}\n")
            sys.stderr.write(
                f"{prog}: 未登记任何记录 nothing was added; faults named above 上列错误: {len(error.faults)}; "
                "correct them and try again\n"
            )
            return 1

    return session.guarded(prog, guarded)


def _template(options: argparse.Namespace) -> int:
    path: Path = options.out
    if path.suffix.lower() not in SUFFIXES:
        raise LedgerError(f"{path.name}: write a name that ends in .xlsx or .csv")
    data = xlsx_template() if path.suffix.lower() == ".xlsx" else csv_template()
    with new_file(path) as stream:
        stream.write(data)
    session.said(options, file=str(path), size=len(data))
    return 0


def _import(options: argparse.Namespace, clock: Callable[[], int]) -> int:
    # The file is read first: a wrong one must not leave a new database behind.
    found = read_file_of(options.file, sheet=options.sheet)
    return _keep(found, options, clock, file=options.file.name)


def _add(options: argparse.Namespace, clock: Callable[[], int]) -> int:
    cells = {column.key: getattr(options, column.key).strip() for column in COLUMNS}
    table = _Options("", rows=[Row(1, cells)])
    return _keep(reading(table, folder=Path.cwd(), sha256=""), options, clock, file="")


class _Options(TableFile):
    """One entry that was written as options: a fault names the option."""

    def place(self, row: int, column: str) -> str:  # noqa: ARG002 - there is one row
        """Return the option of a column."""
        return f"--{_option(column)}"


def _option(key: str) -> str:
    return {YUAN: "amount", FEN: "fen"}.get(key, key.replace("_", "-"))


def _keep(found: Reading, options: argparse.Namespace, clock: Callable[[], int], *, file: str) -> int:
    url = options.db or default_database_url()
    path = sqlite_path(url)
    if path is not None and not path.exists():
        found.entries(b"")
    opened = open_store(url)
    with closing(opened.store) as store:
        made = store_ledger.add(
            store,
            found.entries,
            documents=found.documents,
            file=file,
            file_sha256=found.sha256,
            clock=clock,
        )
    numbers = [entry["number"] for entry in made]
    ahead = _ahead(made, LocalCalendar(opened.identity.timezone).day_of(clock()))
    if options.json:
        session.print_json(
            {
                "schema": "starproof/ledger-added/1",
                "file": file,
                "sha256": found.sha256,
                "entries": numbers,
                "ahead": ahead,
                "documents": sorted(found.documents),
            }
        )
    else:
        sys.stdout.write(
            f"已登记 added {len(numbers)} 条 entries: {numbers[0]} … {numbers[-1]}，"
            f"凭证 documents {len(found.documents)}\n"
        )
        if ahead:
            sys.stdout.write(
                f"注意 note: {_first(ahead)} 的日期在今天之后，到那一天才计入 are dated after today and count "
                "from their day on (PAYMENTS_AHEAD); correct a wrong date with cancels\n"
            )
    return 0


def _ahead(made: Sequence[Fields], today: int) -> list[int]:
    """Return the numbers of the payments and refunds among new entries that are of days to come."""
    return [
        entry["number"]
        for entry in made
        if entry["kind"] in PAID and date.fromisoformat(entry["day"]).toordinal() > today
    ]


def _first(numbers: Sequence[int]) -> str:
    more = len(numbers) - MAX_NUMBERS
    return ", ".join(map(str, numbers[:MAX_NUMBERS])) + (f" … (+{more})" if more > 0 else "")


def _list(options: argparse.Namespace) -> int:
    with session.archive(options.db) as archive:
        ledger = read_ledger(archive.ledger())
        recorded = archive.ledger_recorded()
        counts = counting(read_rules(archive.scope_versions()).declared.scope)
    if options.json:
        session.print_json(
            {
                "schema": "starproof/ledger-entries/1",
                "entries": [
                    {
                        **asdict(entry),
                        "recorded_ms": recorded[entry.number][0],
                        "file": recorded[entry.number][1],
                    }
                    for entry in ledger.entries
                ],
            }
        )
    else:
        print_ledger(ledger, {number: file for number, (_, file) in recorded.items()}, counts=counts)
    return 0


def _parser(prog: str) -> argparse.ArgumentParser:
    parser = session.parser(prog, "The ledger of payments and costs 付款与成本台账", EXAMPLE)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    template = commands.add_parser("template", help="an empty table to fill in 模板")
    template.add_argument("--out", type=Path, required=True, metavar="FILE", help=".xlsx or .csv")
    template.add_argument("--json", action="store_true", help="machine-readable output")
    table = commands.add_parser("import", help="add a whole table, or nothing of it 导入")
    table.add_argument("file", type=Path, metavar="FILE", help=".xlsx or .csv, as the template")
    table.add_argument("--sheet", metavar="NAME", help="of a workbook 工作表")
    session.add_database(table)
    entry = commands.add_parser("add", help="add one entry 登记一条")
    for column in COLUMNS:
        entry.add_argument(
            f"--{_option(column.key)}",
            dest=column.key,
            default="",
            metavar="TEXT",
            help=f"{column.zh}: {column.hint_en}".replace("%", "%%"),
        )
    session.add_database(entry)
    listed = commands.add_parser("list", help="all entries, and what does not reconcile 列出")
    session.add_database(listed)
    return parser
