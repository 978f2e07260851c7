"""``starproof check``: check a pack offline. Needs no store and no network."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from evidence.errors import EvidenceError
from starproof.check_progress import Progress
from starproof.check_text import print_check
from starproof.commands.seal import judged
from starproof.extras import require_page
from starproof.keys import NamedPrivateError, read_log_key
from starproof.output import refuse_existing, write_new
from starproof.outside import add_outside, read_outside
from starproof.rules import trusted_editions
from starproof.seal_text import print_seal
from starproof.seals.errors import SealError
from starproof.seals.judging import Judgement
from starproof.tables import json_text
from verifier.check import EXIT_CODES, FAILED, PARTIAL, PASS, How, check
from verifier.errors import VerifierError
from verifier.workers import rare_collections

PAGE_LANGUAGES = ("both", "zh", "en")
EXAMPLE = "starproof check 2026-11.zip --log-key log.pub"
NOT_CHECKED = 3
"""Exit status where nothing was judged: wrong usage, a file that is not there. No outcome of a pack has it."""
MOST_WORKERS = 64
SMALL_BYTES = 4_000_000
"""A pack of this size is read sooner than a worker is started."""


def main(argv: Sequence[str], *, prog: str = "starproof check") -> int:
    """Run the command; the exit status is 0 pass, 1 fail, 2 incomplete, 3 not checked."""
    parser = _Parser(
        prog=prog,
        description=(
            "Check an evidence pack offline 离线核验证据包. Exit status 退出码: 0 pass 通过, 1 fail 不通过, "
            "2 incomplete 不完整, 3 not checked, wrong usage or no such file 未核验（用法有误或文件无法读取）."
        ),
        epilog=f"example: {EXAMPLE}",
    )
    parser.add_argument("pack", type=Path, metavar="FILE.zip")
    parser.add_argument(
        "--log-key", type=Path, metavar="FILE",
        help="the log key registered before the window (64 hex digits); without it the best outcome is incomplete",
    )  # fmt: skip
    parser.add_argument(
        "--edition",
        type=Path,
        metavar="FILE",
        help="an edition that you trust beside those that ship 评定版本",
    )
    parser.add_argument(
        "--every-signature",
        action="store_true",
        help="verify every signature in the pack, also of chunks that the chain proves 逐一验签",
    )
    parser.add_argument(
        "--workers",
        type=_workers,
        default=min(MOST_WORKERS, os.cpu_count() or 1),
        metavar="N",
        help=f"processes that read chunks, 1 to {MOST_WORKERS} (default: one for each processor) 进程数",
    )
    parser.add_argument(
        "--progress", action="store_true", help="show progress even if nobody watches 显示进度"
    )
    add_outside(parser)
    parser.add_argument(
        "--seal", type=Path, metavar="FILE", help="the company's seal on this pack 单位印章 (docs/seal.md)"
    )
    parser.add_argument(
        "--seal-cert",
        type=Path,
        metavar="FILE",
        help="the company's public key or certificate, or roots (PEM), from outside the pack 单位公钥或证书",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON document and nothing else")
    parser.add_argument(
        "--html",
        type=Path,
        metavar="FILE",
        help="write a page for reading and printing too 供评审人员阅读、打印的网页",
    )
    parser.add_argument(
        "--lang",
        choices=PAGE_LANGUAGES,
        default=PAGE_LANGUAGES[0],
        help="of the page 网页的语言 (default both)",
    )
    options = parser.parse_args(argv)
    try:
        if options.html is not None:
            require_page()
            refuse_existing(options.html)  # now, not after a check that takes minutes
        key = read_log_key(options.log_key) if options.log_key else None
        with rare_collections(), options.pack.open("rb") as stream:
            report = check(
                stream,
                log_key=key,
                editions=trusted_editions(options.edition),
                now_ms=time.time_ns() // 1_000_000,
                outside=read_outside(options),
                how=How(
                    every_signature=options.every_signature,
                    workers=options.workers if options.pack.stat().st_size > SMALL_BYTES else 1,
                    path=options.pack,
                    progress=Progress(sys.stderr, always=options.progress).show,
                ),
            )
        seal = sealed(options.pack, seal=options.seal, trust=options.seal_cert)
        if options.html is not None:
            from documents.check_page import check_html  # noqa: PLC0415 - the plain check does without it

            write_new(options.html, check_html(report, language=options.lang).encode())
    except OSError as error:
        sys.stderr.write(f"{prog}: cannot read {error.filename}: {error.strerror}\n")
        return NOT_CHECKED
    except (VerifierError, SealError) as error:
        sys.stderr.write(f"{prog}: {error}\n")
        return NOT_CHECKED
    except NamedPrivateError as error:
        sys.stderr.write(f"{prog}: {error}: give the public key, log.pub\n")
        return NOT_CHECKED
    except EvidenceError:
        # Not the error's own words: somebody may have given the private key, and they would show it.
        sys.stderr.write(f"{prog}: {options.log_key} does not hold a public log key; give the file log.pub\n")
        return NOT_CHECKED
    try:
        if options.json:
            told = {"seal": seal.document()} if seal else {}
            sys.stdout.write(json_text({**report.document(), **told}))
        else:
            print_check(report)
            if seal:
                print_seal(seal)
        sys.stdout.flush()
    except BrokenPipeError:
        # The outcome stands, however much of it somebody read.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return exit_status(report.outcome, seal.outcome if seal else PASS)


class _Parser(argparse.ArgumentParser):
    """Wrong usage is no outcome: argparse's own status for it is that of an incomplete pack."""

    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(NOT_CHECKED, f"{self.prog}: error: {message}\n")


def exit_status(*outcomes: str) -> int:
    """Return the exit status of the worst outcome: of the pack, and of the seal on it."""
    return next(EXIT_CODES[worse] for worse in (FAILED, PARTIAL, PASS) if worse in outcomes)


def sealed(pack: Path, *, seal: Path | None, trust: Path | None) -> Judgement | None:
    """Return what is found about the company's seal, ``None`` if nobody asks for it.

    A certificate without a seal asks for the one beside the pack.

    Raises:
        SealError: what the reviewer gave is neither key nor certificates.
        OSError: a file cannot be read.
    """
    return judged(pack, seal=seal, trust=trust) if seal or trust else None


def _workers(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= MOST_WORKERS:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1 to {MOST_WORKERS}")
    return int(text)
