"""``starproof pack``: write the evidence pack of a month."""

from __future__ import annotations

import os
import secrets
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from collector.keyring import Keyring
from collector.settings import default_database_url, key_directory
from starproof import session
from starproof.rules import read_rules
from verifier.errors import PackError
from verifier.pack import PackSummary, Rules, write_pack
from verifier.ports import Archive

EXAMPLE = "starproof pack --month 2026-11 --scope scope.toml --out 2026-11.zip"


def main(argv: Sequence[str], *, prog: str = "starproof pack") -> int:
    """Run the command and return the exit status."""
    parser = session.parser(prog, "Write the evidence pack of one month 生成证据包", EXAMPLE)
    parser.add_argument(
        "--month", required=True, type=session.month, metavar="YYYY-MM", help="local calendar month"
    )
    parser.add_argument("--scope", type=Path, metavar="FILE", help="declared scope 申报范围 (TOML)")
    parser.add_argument(
        "--timezone",
        type=session.zone,
        metavar="TZ",
        help="IANA zone (default: the scope's, else Asia/Shanghai)",
    )
    parser.add_argument("--out", type=Path, required=True, metavar="FILE.zip", help="where to write the pack")
    session.add_database(parser)
    options = parser.parse_args(argv)

    def work() -> int:
        rules = read_rules(options.scope)
        keys = Keyring(key_directory(options.db or default_database_url()))
        with session.archive(options.db) as archive:
            summary = write_file(
                options.out, archive, month=options.month, rules=rules, zone=options.timezone, keys=keys
            )
        answer = {
            "schema": "starproof/packed/1",
            "file": str(options.out),
            "bytes": options.out.stat().st_size,
            "hosts": summary.hosts,
            "chunks": summary.chunks,
            "log_key": summary.statement.log_key,
        }
        if options.json:
            session.print_json(answer)
        else:
            sys.stdout.write(
                f"{options.out}: {answer['bytes']} bytes, {summary.hosts} hosts, {summary.chunks} chunks\n"
                f"核验 check it with: starproof check {options.out} --log-key {keys.directory / 'log.pub'}\n"
            )
        return 0

    return session.guarded(prog, work)


def write_file(
    path: Path, archive: Archive, *, month: str, rules: Rules, zone: str | None, keys: Keyring
) -> PackSummary:
    """Write the pack beside ``path`` and move it there when it is whole.

    Raises:
        PackError: the file cannot be written, or the pack cannot be made.
    """
    if path.exists() or path.is_symlink():
        raise PackError(f"{path} is there already; evidence is not overwritten: choose another name")
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with temporary.open("xb") as stream:
            summary = write_pack(
                stream, archive, month=month, rules=rules, zone=zone, log_key=keys.log_key(),
                made_ms=time.time_ns() // 1_000_000,
            )  # fmt: skip
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(path)
    except OSError as error:
        raise PackError(f"cannot write {path}: {error.strerror}") from None
    finally:
        temporary.unlink(missing_ok=True)
    return summary
