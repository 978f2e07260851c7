"""The command line ``starproof import``: csv."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import NoReturn

from collector.errors import CollectorError, SettingsError
from collector.importing import numbers
from collector.importing.rows import Progress
from collector.importing.run import Imported, Order, checked_file, import_file, store_file
from collector.names import shown
from collector.opening import OpenStore, open_store, placeholder_warning, wall_clock_ms
from collector.settings import default_database_url, enterprise_name
from collector.store.engine import sqlite_path
from collector.store.registry import DEFAULT_ENTERPRISE, DEFAULT_TIMEZONE
from evidence.errors import EvidenceError

SCHEMA = "starproof/import/1"
_PROGRESS_BYTES = 1024 * 1024
_PROGRESS_ROWS = 10_000


def main(argv: Sequence[str] | None = None, *, prog: str = "starproof import") -> int:
    """Run the command; return the exit status: 0 done, 1 error, 2 wrong usage."""
    parser = _parser(prog)
    options = parser.parse_args(argv)
    try:
        order = Order(options.file, options.timezone or DEFAULT_TIMEZONE, options.period)
        imported = _import(order, db=options.db, enterprise=options.enterprise)
    except (CollectorError, EvidenceError) as error:
        print(f"{prog}: {error}", file=sys.stderr)  # noqa: T201 - the one line an error has
        return 1
    if options.json:
        print(json.dumps(_document(imported), ensure_ascii=False))  # noqa: T201 - the command's answer
    else:
        print(_text(imported))  # noqa: T201 - the command's answer
    return 0


def _import(order: Order, *, db: str | None, enterprise: str | None) -> Imported:
    url = db or default_database_url()
    path = sqlite_path(url)
    now_ms = wall_clock_ms()
    with _progress(order.path) as (reading, storing):
        if path is None or path.exists():
            with _opened(url, enterprise) as opened:
                return import_file(opened, order, now_ms=now_ms, reading=reading, storing=storing)
        # A file that is missing or wrong must not leave a new database behind: check it first.
        with checked_file(order, now_ms=now_ms, reading=reading) as file, _opened(url, enterprise) as opened:
            return store_file(opened, file, now_ms=now_ms, storing=storing)


@contextmanager
def _opened(url: str, enterprise: str | None) -> Iterator[OpenStore]:
    opened = open_store(url, enterprise=enterprise)
    try:
        if opened.is_new and enterprise is None:
            remedy = "to set it, import into a new database with --enterprise NAME"
            print(f"starproof: {placeholder_warning(remedy)}", file=sys.stderr)  # noqa: T201 - stdout is the answer's
        yield opened
    finally:
        opened.store.close()


@contextmanager
def _progress(path: Path) -> Iterator[tuple[Progress, Progress]]:
    """Give what to call with bytes read and rows stored; a bar is shown on terminals only."""
    if not sys.stderr.isatty():
        yield int, int
        return
    from rich.console import Console  # noqa: PLC0415 - only where there is somebody to look
    from rich.progress import Progress as Bars  # noqa: PLC0415 - the same

    with Bars(console=Console(stderr=True), transient=True) as bars:
        size = path.stat().st_size if path.is_file() else None
        read = bars.add_task("读取 / reading", total=size)
        stored = bars.add_task("存储 / storing", total=None)
        rows = _Steps(lambda count: bars.advance(stored, count), _PROGRESS_ROWS)
        yield _Steps(lambda count: bars.advance(read, count), _PROGRESS_BYTES), rows


class _Steps:
    """Passes progress on in larger steps: drawing a bar costs more than reading a line."""

    def __init__(self, advance: Progress, step: int) -> None:
        self._advance = advance
        self._step = step
        self._waiting = 0

    def __call__(self, count: int) -> None:
        self._waiting += count
        if self._waiting >= self._step:
            self._advance(self._waiting)
            self._waiting = 0


def _document(imported: Imported) -> dict[str, object]:
    return {
        "schema": SCHEMA,
        "file": imported.name,
        "sha256": imported.sha256,
        "already_imported": imported.already,
        "attested": False,
        **asdict(imported.tally),
    }


def _text(imported: Imported) -> str:
    tally = imported.tally
    if imported.already:
        head = f"{imported.name}：此文件已导入过，未做改动 / imported before, nothing done"
    else:
        head = f"{imported.name}：已导入 / imported"
    lines = [
        head,
        "  未经证明 / not attested：数据来自文件，其真实性未被证明 / the numbers are the file's own",
        f"  行 / rows                        {tally.rows}",
        f"  保留样本 / samples kept          {tally.samples}",
        f"  其中截短的 / of these trimmed    {tally.trimmed}",
        f"  重复 / duplicates                {tally.duplicates}",
        f"  冲突 / conflicts                 {tally.conflicts}",
        f"  CPU 高于 100 按 100 计 / above 100 {tally.above_100}",
        f"  拒收的值 / values refused        {tally.refused}",
        f"  主机 / hosts                     {tally.hosts}",
    ]
    if tally.first_ms is not None and tally.last_ms is not None:
        lines.append(
            f"  时段 / period (UTC)              {_instant(tally.first_ms)} – {_instant(tally.last_ms)}"
        )
    if tally.parts_lost:
        lines.append(
            f"  截短时舍去的较后空闲时段 / later free parts left out, the earliest is kept: {tally.parts_lost}"
        )
    if tally.unsure_times:
        lines.append(
            f"  时钟调整处的本地时间 / local times at a clock change, read with the offset before it: "
            f"{tally.unsure_times}"
        )
    lines += [f"  冲突示例 / conflict: {shown(example)}" for example in tally.examples]
    return "\n".join(lines)


def _instant(instant_ms: int) -> str:
    return f"{datetime.fromtimestamp(instant_ms // numbers.MS_PER_S, UTC):%Y-%m-%d %H:%M:%S}"


def _period(text: str) -> int:
    try:
        return numbers.period_ms(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _enterprise(text: str) -> str:
    try:
        return enterprise_name(text)
    except SettingsError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


class _Parser(argparse.ArgumentParser):
    """Ends with one line and status 2 on wrong usage."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}; see {self.prog} --help\n")


def _parser(prog: str) -> argparse.ArgumentParser:
    parser = _Parser(
        prog=prog,
        description="导入其他监控系统导出的平均值 / import averages that another monitor exported",
        epilog=f"example: {prog} csv cpu.csv --period 300 --timezone Asia/Shanghai",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="FORMAT")
    csv = commands.add_parser(
        "csv",
        help="CSV 文件 / a CSV file",
        description="Columns host,timestamp,metric,value[,period_s]; metrics cpu.utilization (%), "
        "net.rx, net.tx (bytes/s), disk.reads, disk.writes (operations/s).",
        epilog=f"example: {prog} csv cpu.csv --period 300 --timezone UTC",
    )
    csv.add_argument("file", metavar="FILE", type=Path, help="the file, UTF-8")
    csv.add_argument(
        "--db", metavar="URL", help="database URL, default an SQLite file in the state directory"
    )
    csv.add_argument(
        "--period", metavar="S", type=_period, help="seconds that a sample without period_s lasts"
    )
    csv.add_argument(
        "--timezone", metavar="TZ", help=f"of timestamps without an offset, default {DEFAULT_TIMEZONE}"
    )
    csv.add_argument(
        "--enterprise",
        metavar="NAME",
        type=_enterprise,
        help=f"name of the enterprise, when the database is new; without it {DEFAULT_ENTERPRISE}",
    )
    csv.add_argument("--json", action="store_true", help="print one JSON document")
    return parser


if __name__ == "__main__":
    sys.exit(main())
