"""``starproof code-hash``: the hash that the code of a release should tell of itself."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

import evidence
from evidence.code_hash import AGENT_PACKAGES, COLLECTOR_PACKAGES
from evidence.errors import EvidenceError
from starproof.code_files import CodeFilesError, code_of

PROGRAMS = {"agent": AGENT_PACKAGES, "collector": COLLECTOR_PACKAGES}
EXAMPLE = "starproof code-hash starproof-0.1.0-py3-none-any.whl"


def main(argv: Sequence[str], *, prog: str = "starproof code-hash") -> int:
    """Run the command; the exit status is 0, or 1 where there is no such code."""
    parser = argparse.ArgumentParser(
        prog=prog,
        description="代码哈希：安装包应自报的值 the hash that the code of a wheel or folder tells of itself. "
        "Compare it with the one that check prints.",
        epilog=f"example: {EXAMPLE}",
    )
    parser.add_argument(
        "place",
        type=Path,
        nargs="?",
        default=installed(),
        metavar="WHEEL_OR_FOLDER",
        help="a released wheel, or the folder that holds the packages (default: this installation)",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON document and nothing else")
    options = parser.parse_args(argv)
    try:
        found = {name: code_of(options.place, packages) for name, packages in PROGRAMS.items()}
    except (CodeFilesError, EvidenceError) as error:
        sys.stderr.write(f"{prog}: {error}\n")
        return 1
    except OSError as error:
        sys.stderr.write(f"{prog}: cannot read {error.filename}: {error.strerror}\n")
        return 1
    sys.stdout.write(json.dumps(found, sort_keys=True, indent=2) + "\n" if options.json else text(found))
    return 0


def installed() -> Path:
    """Return the folder that holds the packages of this installation."""
    return Path(evidence.__file__).parent.parent


def text(found: dict[str, str]) -> str:
    """Return one line for each program."""
    return "".join(f"{name:<10} {code}\n" for name, code in found.items())
