"""``starproof seal``: the company's detached seal on a report or a pack, made and verified."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import NoReturn

from evidence.errors import EvidenceError
from evidence.seal import MAX_SEAL_BYTES
from evidence.signers import ALGORITHMS, ED25519
from starproof.seal_text import print_seal
from starproof.seals import openssl, pem
from starproof.seals.errors import SealError
from starproof.seals.judging import Judgement, judge, read_trust
from starproof.seals.keys import new_key, signer_of
from starproof.seals.making import make
from starproof.tables import json_text
from verifier.check import EXIT_CODES

SUFFIX = ".seal"
NOT_DONE = 3
"""Exit status where nothing was sealed or judged; no outcome of a seal has it."""
EXAMPLE = "starproof seal report.pdf --key company.key --who 江苏示例有限公司"


def main(argv: Sequence[str], *, prog: str = "starproof seal") -> int:
    """Run the command; the exit status is 0 done or holds, 1 does not hold, 2 incomplete, 3 nothing was done or judged."""
    parser = _parser(prog)
    options = parser.parse_args(argv)
    if not options.new_key and options.file is None:
        parser.error("name the file to seal or to verify")
    if not options.new_key and not options.verify and options.key is None:
        parser.error("name the key that seals: --key FILE (or --verify)")
    try:
        if options.new_key:
            return _new_key(options)
        if options.verify:
            found = judged(options.file, seal=options.seal, trust=options.seal_cert)
            if options.json:
                sys.stdout.write(json_text(found.document()))
            else:
                print_seal(found)
            return EXIT_CODES[found.outcome]
        return _seal(options)
    except (SealError, EvidenceError) as error:
        sys.stderr.write(f"{prog}: {error}\n")
    except OSError as error:
        sys.stderr.write(f"{prog}: cannot open {error.filename}: {error.strerror}\n")
    return NOT_DONE


class _Parser(argparse.ArgumentParser):
    """Wrong usage is no outcome: argparse's own status for it is that of a seal that is incomplete."""

    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(NOT_DONE, f"{self.prog}: error: {message}\n")


def judged(file: Path, *, seal: Path | None, trust: Path | None) -> Judgement:
    """Return what is found about the seal of a file; it stands beside it unless named.

    Raises:
        SealError: what the reviewer gave is neither key nor certificates.
        OSError: a file cannot be read.
    """
    place = seal or beside(file)
    with place.open("rb") as stream:
        data = stream.read(MAX_SEAL_BYTES + 1)
    given = None if trust is None else read_trust(trust)
    return judge(file, data, trust=given, now_ms=time.time_ns() // 1_000_000, tool=cache(openssl.find))


def beside(file: Path) -> Path:
    """Return where the seal of a file stands."""
    return file.with_name(file.name + SUFFIX)


def _new_key(options: argparse.Namespace) -> int:
    public = new_key(options.new_key, algorithm=options.algorithm, tool=cache(openssl.find))
    sys.stdout.write(public.decode("ascii"))
    return 0


def _seal(options: argparse.Namespace) -> int:
    signer = signer_of(options.key, passphrase=options.passphrase_file, tool=cache(openssl.find))
    certificates = pem.certificates(options.cert) if options.cert else ()
    data = make(
        options.file,
        signer,
        certificates=certificates,
        who=options.who,
        now_ms=time.time_ns() // 1_000_000,
        tool=cache(openssl.find),
    )
    place = options.seal or beside(options.file)
    try:
        with place.open("xb") as stream:
            stream.write(data)
    except FileExistsError:
        raise SealError(f"{place} is there already; remove it, or name another with --seal") from None
    sys.stdout.write(f"{place}\n")
    return 0


def _parser(prog: str) -> argparse.ArgumentParser:
    parser = _Parser(
        prog=prog,
        description=(
            "单位印章：对报告或证据包的分离签名 the company's detached seal on a report or a pack. docs/seal.md. "
            "Exit status 退出码: 0 done or holds 完成、相符, 1 does not hold 不符, 2 incomplete 不完整, "
            "3 nothing was sealed or judged 未盖章、未核验."
        ),
        epilog=f"example: {EXAMPLE}",
    )
    parser.add_argument(
        "file", type=Path, nargs="?", metavar="FILE", help="报告或证据包 report.pdf or pack.zip"
    )
    parser.add_argument("--seal", type=Path, metavar="FILE", help="印章文件 the seal (default: FILE.seal)")
    make_group = parser.add_argument_group("盖章 sealing")
    make_group.add_argument("--key", type=Path, metavar="FILE", help="私钥 private key (PEM; Ed25519 or SM2)")
    make_group.add_argument(
        "--passphrase-file", type=Path, metavar="FILE", help="私钥口令文件 its first line opens the key"
    )
    make_group.add_argument(
        "--cert",
        type=Path,
        metavar="FILE",
        help="单位证书及证书链 the company's certificate, then its chain (PEM)",
    )
    make_group.add_argument("--who", default="", metavar="NAME", help="盖章单位 who seals, as stated")
    verify_group = parser.add_argument_group("核验 verifying")
    verify_group.add_argument("--verify", action="store_true", help="核验印章 verify the seal")
    verify_group.add_argument(
        "--seal-cert",
        type=Path,
        metavar="FILE",
        help="单位公钥、证书或根证书，由评审人员自备 the company's public key or certificate, or roots (PEM), not from the pack",
    )
    verify_group.add_argument("--json", action="store_true", help="print one JSON document and nothing else")
    key_group = parser.add_argument_group("密钥 keys")
    key_group.add_argument(
        "--new-key", type=Path, metavar="FILE", help="生成私钥并输出公钥 make a key, print its public half"
    )
    key_group.add_argument(
        "--algorithm", choices=ALGORITHMS, default=ED25519, help="of the new key (%(default)s)"
    )
    return parser
