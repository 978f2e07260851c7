"""``starproof region``: 附件3, checked packs of many enterprises counted by region and star."""

from __future__ import annotations

import argparse
import hashlib
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, BinaryIO

from documents.region import (
    REASONS,
    CheckedPack,
    RegionTable,
    checked_pack,
    latest_year,
    layout_of,
    tabulate,
)
from documents.region_csv import region_csv
from documents.region_docx import region_docx
from documents.region_text import Words, plain, words
from documents.region_xlsx import region_xlsx
from evidence.errors import EvidenceError
from starproof import session
from starproof.log_keys import LogKeys, keys_in_files, keys_in_folder
from starproof.output import write_new
from starproof.outside import add_outside, read_outside
from starproof.rules import read_edition, trusted_editions
from verifier import layout
from verifier.anchors.interface import Outside
from verifier.check import FAILED, check
from verifier.container import Container, ContainerError
from verifier.edition import Edition
from verifier.editions import DEFAULT_EDITION
from verifier.errors import EditionError, PackError
from verifier.finding import CATALOGUE
from verifier.statement import Statement, parse

EXAMPLE = "starproof region packs/*.zip --log-keys keys/ --out 附件3.xlsx"
MIN_YEAR, MAX_YEAR = 2000, 2099
KINDS: dict[str, Callable[[Words], bytes]] = {
    ".xlsx": region_xlsx, ".docx": region_docx, ".csv": region_csv,
}  # fmt: skip


def main(argv: Sequence[str], *, prog: str = "starproof region") -> int:
    """Run the command and return the exit status: 0 written, whatever the packs are worth."""
    options = _parser(prog).parse_args(argv)

    def work() -> int:
        _require_new(options.out)
        edition = _edition(options.edition)
        keys = keys_in_folder(options.log_keys) if options.log_keys else keys_in_files(options.log_key)
        editions = {**trusted_editions(), edition.id: edition.sha256}
        packs = [
            _checked(path, keys, editions, read_outside(options), f"{number}/{len(options.packs)}")
            for number, path in enumerate(options.packs, 1)
        ]
        year = options.year or latest_year(packs)
        if year is None:
            raise PackError("no pack says a month, so the table's year is unknown; give it with --year YYYY")
        table = tabulate(packs, layout_of(edition), year=year, count_incomplete=options.count_incomplete)
        write_new(options.out, KINDS[options.out.suffix.lower()](words(table)))
        if options.json:
            session.print_json(_document(table, options.out))
        else:
            sys.stdout.write(_text(table, options.out))
        return 0

    return session.guarded(prog, work)


def _parser(prog: str) -> argparse.ArgumentParser:
    parser = session.parser(
        prog, "Check packs and count them by region and star 附件3：各地区目标任务情况表", EXAMPLE
    )
    parser.add_argument("packs", type=Path, nargs="+", metavar="FILE.zip", help="evidence packs 证据包")
    parser.add_argument(
        "--out", type=_out, required=True, metavar="FILE", help="what to write: .xlsx, .docx or .csv"
    )
    keys = parser.add_mutually_exclusive_group()
    keys.add_argument(
        "--log-key", type=Path, action="append", default=[], metavar="FILE",
        help="a registered log key; repeat for more; each may sign for any enterprise",
    )  # fmt: skip
    keys.add_argument(
        "--log-keys", type=Path, metavar="DIR",
        help="folder of registered log keys ENTERPRISE.pub, each for its enterprise only",
    )  # fmt: skip
    parser.add_argument(
        "--edition", type=Path, metavar="FILE", help="edition that you trust, with regions and stars (TOML)"
    )
    parser.add_argument(
        "--year", type=_year, metavar="YYYY", help="year of the table (default: that of the latest month)"
    )
    parser.add_argument(
        "--count-incomplete", action="store_true", help="count packs whose check is incomplete, too"
    )
    add_outside(parser, one_log=False)
    parser.add_argument("--json", action="store_true", help="print one JSON document and nothing else")
    return parser


def _out(text: str) -> Path:
    path = Path(text)
    if path.suffix.lower() not in KINDS:
        raise argparse.ArgumentTypeError(f"{text!r} must end with one of {', '.join(KINDS)}")
    return path


def _year(text: str) -> int:
    if not (text.isascii() and text.isdigit() and MIN_YEAR <= int(text) <= MAX_YEAR):
        raise argparse.ArgumentTypeError(f"{text!r} is no year from {MIN_YEAR} to {MAX_YEAR}")
    return int(text)


def _edition(path: Path | None) -> Edition:
    edition, _ = read_edition(path, DEFAULT_EDITION)
    if not edition.regions:
        raise EditionError(
            f"the edition {edition.id!r} lists no regions; add regions = [...] to count by region"
        )
    return edition


def _checked(
    path: Path, keys: LogKeys, editions: dict[str, str], outside: Outside, progress: str
) -> CheckedPack:
    """Hash and check what one opened file holds; ``outside`` is read once, so every pack has its own."""
    if sys.stderr.isatty():
        sys.stderr.write(f"核验 checking {progress} {plain(path.name)}\n")
    try:
        stream = path.open("rb")
    except OSError:
        return CheckedPack("", "", "", "", FAILED, ("UNREADABLE",), "", file=path.name)
    with stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
        report = check(
            stream,
            log_key=keys.for_pack(_statement(stream)),
            editions=editions,
            now_ms=time.time_ns() // 1_000_000,
            outside=outside,
        )
    return checked_pack(report, report.report, sha256=digest, file=path.name)


def _statement(stream: BinaryIO) -> Statement | None:
    """Return what the pack says of itself, to find its key by; the check itself believes none of it."""
    try:
        return parse(Container(stream).read(layout.STATEMENT))
    except (ContainerError, EvidenceError):
        return None


def _document(table: RegionTable, out: Path) -> dict[str, Any]:
    return {
        "schema": "starproof/region/1",
        "file": str(out),
        "year": table.year,
        "edition": table.layout.edition,
        "regions": [
            {
                "region": region,
                "new": None,
                "stars": {star: table.count(region, star) for star, _ in table.layout.stars},
            }
            for region in table.layout.regions
        ],
        "packs": [
            {
                **{key: value for key, value in asdict(entry.pack).items() if key != "standings"},
                "standings": dict(entry.pack.standings),
                "counted": entry.counted,
                "reason": entry.reason,
                "about": entry.about,
                "zh": REASONS[entry.reason][0],
                "en": REASONS[entry.reason][1],
            }
            for entry in table.listed
        ],
    }


def _text(table: RegionTable, out: Path) -> str:
    counted = sum(entry.counted for entry in table.listed)
    lines = [
        f"{out}: {table.year} 证据包 packs {len(table.listed)}, 计入企业 enterprises counted {counted}",
        *(
            f"  {plain(entry.pack.file)}  {plain(entry.pack.enterprise)} {plain(entry.pack.month)}: "
            f"{'  '.join(REASONS[entry.reason])} {' '.join(entry.pack.codes)}".rstrip()
            for entry in table.listed
            if not entry.counted
        ),
        *(
            f"  {plain(entry.pack.file)}  {plain(entry.pack.enterprise)} {plain(entry.pack.month)} "
            f"提示 note {code}: {'  '.join(CATALOGUE[code][1:])}"
            for entry in table.listed
            for code in entry.pack.notes
        ),
    ]
    return "\n".join(lines) + "\n"


def _require_new(path: Path) -> None:
    if path.exists() or path.is_symlink():
        raise PackError(f"{path} is there already and is not overwritten; choose another name")
