"""``starproof edition``: which editions ship, what one says, whether a file is one."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from starproof.edition_text import edition_document, edition_summary, print_edition, print_editions
from starproof.rules import read_edition
from starproof.tables import json_text, printable
from verifier.definitions import chosen
from verifier.editions import DEFAULT_EDITION, edition_ids, load_edition
from verifier.errors import VerifierError

EXAMPLE = "starproof edition validate suzhou-2026.toml"


def main(argv: Sequence[str], *, prog: str = "starproof edition") -> int:
    """Run the command; the exit status of ``validate`` is 0 for an edition, 1 for anything else."""
    options = _parser(prog).parse_args(argv)
    work: Callable[[argparse.Namespace], None] = options.work
    try:
        work(options)
    except BrokenPipeError:
        return 1
    except VerifierError as error:
        # A file may come from anywhere: what it says must not steer the terminal.
        sys.stderr.write(f"{prog}: {printable(' '.join(str(error).split()))}\n")
        return 1
    return 0


def _parser(prog: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=prog,
        description="Editions of the guide: stars, table, thresholds 评定版本",
        epilog=f"example: {EXAMPLE}",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    listing = commands.add_parser("list", help="the editions that ship 随附的评定版本")
    listing.set_defaults(work=_list)
    show = commands.add_parser("show", help="the whole of one edition 全文")
    which = show.add_mutually_exclusive_group()
    which.add_argument("id", nargs="?", default=DEFAULT_EDITION, metavar="ID", help="default: %(default)s")
    which.add_argument("--file", type=Path, metavar="FILE", help="an edition of your own (TOML)")
    show.set_defaults(work=_show)
    validate = commands.add_parser("validate", help="whether a file is an edition 校验")
    validate.add_argument("file", type=Path, metavar="FILE")
    validate.set_defaults(work=_validate)
    for command in (listing, show, validate):
        command.add_argument("--json", action="store_true", help="print one JSON document and nothing else")
    return parser


def _list(options: argparse.Namespace) -> None:
    found = [load_edition(name) for name in edition_ids()]
    if options.json:
        sys.stdout.write(json_text({"editions": [edition_summary(edition) for edition in found]}))
    else:
        print_editions(found)


def _show(options: argparse.Namespace) -> None:
    edition, _ = read_edition(options.file, options.id)
    if options.json:
        sys.stdout.write(json_text(edition_document(edition)))
    else:
        print_edition(edition)


def _validate(options: argparse.Namespace) -> None:
    edition, _ = read_edition(options.file, DEFAULT_EDITION)
    # Files with definitions that nothing here knows would fail only when a month is computed.
    chosen(edition, None)
    if options.json:
        sys.stdout.write(json_text(edition_summary(edition)))
    else:
        print_editions([edition])
