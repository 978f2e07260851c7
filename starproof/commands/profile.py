"""``starproof profile``: a profile to fill in, what one still lacks, the hashes of its documents."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from starproof import session
from starproof.profile_check import Missing, computed_figures, missing
from starproof.profile_hash import entries
from starproof.profile_template import template
from starproof.profiles import profile_data
from starproof.rules import read_edition
from starproof.tables import json_text, printable
from verifier.edition import Edition
from verifier.editions import DEFAULT_EDITION
from verifier.profile import Profile
from verifier.profile_file import parse_profile, profile_edition

EXAMPLE = "starproof profile template > profile.toml"
SCHEMA = "starproof/profile-check/1"
EDITION_FILE: dict[str, Any] = {"type": Path, "metavar": "FILE", "help": "an edition of your own (TOML)"}


def main(argv: Sequence[str], *, prog: str = "starproof profile") -> int:
    """Run the command; the exit status of ``check`` is 0 if nothing is missing, else 1."""
    options = _parser(prog).parse_args(argv)
    work: Callable[[argparse.Namespace], int] = options.work
    try:
        return work(options)
    except BrokenPipeError:
        return 1
    except session.EXPECTED_ERRORS as error:
        # A file may come from anywhere: what it says must not steer the terminal.
        sys.stderr.write(f"{prog}: {printable(' '.join(str(error).split()))}\n")
        return 1


def _parser(prog: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=prog,
        description="What the enterprise declares for its application 申报资料",
        epilog=f"example: {EXAMPLE}",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    blank = commands.add_parser("template", help="print a profile to fill in 空白申报资料")
    which = blank.add_mutually_exclusive_group()
    which.add_argument("--edition", default=DEFAULT_EDITION, metavar="ID", help="default: %(default)s")
    which.add_argument("--edition-file", **EDITION_FILE)
    blank.set_defaults(work=_template)
    check = commands.add_parser("check", help="what a profile still lacks; exit status 0: nothing 检查")
    check.add_argument("file", type=Path, metavar="FILE")
    check.add_argument("--json", action="store_true", help="print one JSON document and nothing else")
    check.add_argument("--edition-file", **EDITION_FILE)
    check.add_argument(
        "--db",
        metavar="URL",
        help="store whose ledger and accounts give figures, which then need not be declared",
    )
    check.set_defaults(work=_check)
    hashes = commands.add_parser("hash", help="print [[documents]] entries for files 文件哈希")
    hashes.add_argument("files", type=Path, nargs="+", metavar="FILE")
    hashes.add_argument(
        "--folder",
        type=Path,
        default=Path(),
        metavar="DIR",
        help="the folder of profile.toml (default: the current one)",
    )
    hashes.set_defaults(work=_hash)
    return parser


def _template(options: argparse.Namespace) -> int:
    edition, _ = read_edition(options.edition_file, options.edition)
    sys.stdout.write(template(edition))
    return 0


def _check(options: argparse.Namespace) -> int:
    data = profile_data(options.file)
    edition, _ = read_edition(options.edition_file, profile_edition(data))
    profile = parse_profile(data, edition)
    computed = _computed(options.db, edition)
    found = missing(profile, edition, options.file.parent, computed=computed)
    if options.json:
        sys.stdout.write(
            json_text(
                {
                    "schema": SCHEMA,
                    "profile": profile.sha256,
                    "edition": edition.id,
                    "computed": sorted(computed),
                    "missing": [asdict(entry) for entry in found],
                }
            )
        )
    else:
        _print(
            profile, found, edition.star(profile.star).name_zh, None if options.db is None else len(computed)
        )
    return 1 if found else 0


def _computed(url: str | None, edition: Edition) -> frozenset[str]:
    """Return the figures that the store at ``url`` gives; none without one."""
    if url is None:
        return frozenset()
    with session.archive(url) as kept:
        return computed_figures(kept, edition)


def _print(profile: Profile, found: Sequence[Missing], star: str, computed: int | None) -> None:
    lines = [
        f"{profile.applicant.name}  申报 applies for {star}  评定版本 edition {profile.edition}",
        (
            f"勾选 rows {len(profile.rows)}  数值 figures {len(profile.figures)}  "
            f"证明材料 documents {len(profile.documents)}"
        ),
        *([f"由台账和账号数据计算 computed from ledger and accounts: {computed}"] if computed else []),
        *(f"• {entry.zh}  {entry.en}{f'  [{entry.id}]' if entry.id else ''}" for entry in found),
        f"缺 {len(found)} 项 missing: {len(found)}" if found else "申报资料齐全 nothing is missing",
    ]
    if computed is None and any(entry.kind == "figure" for entry in found):
        lines.append(
            "有台账或账号数据的，加 --db 数据库 with a ledger or accounts in a store, name it: --db URL"
        )
    sys.stdout.write("".join(f"{printable(line)}\n" for line in lines))


def _hash(options: argparse.Namespace) -> int:
    sys.stdout.write(entries(options.files, options.folder))
    return 0
