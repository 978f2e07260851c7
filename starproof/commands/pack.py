"""``starproof pack``: write the evidence pack of a month."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from collector.keyring import Keyring
from collector.settings import default_database_url, key_directory
from starproof import session
from starproof.copies import LANGUAGES, ReadingCopies
from starproof.output import new_file
from starproof.rules import add_declared, read_rules
from starproof.watched import COPIES, RULES, Tell, Watched
from verifier.derivation import Documents
from verifier.pack import PackSummary, Renderer, Rules, no_copies, write_pack
from verifier.ports import Archive, Log, PackedReceipt

EXAMPLE = "starproof pack --month 2026-11 --profile profile.toml --out 2026-11.zip"


def main(argv: Sequence[str], *, prog: str = "starproof pack") -> int:
    """Run the command and return the exit status."""
    parser = session.parser(prog, "Write the evidence pack of one month 生成证据包", EXAMPLE)
    session.add_month(parser)
    add_declared(parser, profile=True)
    parser.add_argument(
        "--language", choices=LANGUAGES, default=LANGUAGES[0], help="of the report 报告语言 (default zh-CN)"
    )
    parser.add_argument("--font", metavar="FILE", help="Chinese font for the PDF 中文字体 (default: found)")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE.zip", help="where to write the pack")
    session.add_database(parser)
    session.add_progress(parser)
    options = parser.parse_args(argv)
    tell = session.progress(options)

    def work() -> int:
        keys = Keyring(key_directory(options.db or default_database_url()))
        with session.archive(options.db) as archive:
            rules = read_rules(
                archive.scope_versions(),
                scope_file=options.scope,
                edition_file=options.edition,
                profile_file=options.profile,
                documents=True,
            )
            copies = ReadingCopies(rules.declared, language=options.language, font=options.font)
            tell(RULES, 1, 1)
            summary = write_file(
                options.out,
                Watched(archive, tell),
                month=options.month,
                rules=rules,
                zone=options.timezone,
                keys=keys,
                render=_told(copies, tell),
                log=archive.log,
                receipts=archive.receipts(),
            )
        answer = {
            "schema": "starproof/packed/1",
            "file": str(options.out),
            "bytes": options.out.stat().st_size,
            "hosts": summary.hosts,
            "chunks": summary.chunks,
            "log_key": summary.statement.log_key,
            "star": summary.derived.report["verdict"]["star"],
            "copies": copies.made,
            "without": copies.without,
        }
        if options.json:
            session.print_json(answer)
        else:
            for reason in copies.without:
                sys.stderr.write(f"{prog}: {reason}\n")
            sys.stdout.write(
                f"{options.out}: {answer['bytes']} bytes, {summary.hosts} hosts, {summary.chunks} chunks\n"
                f"核验 check it with: starproof check {options.out} --log-key {keys.directory / 'log.pub'}\n"
            )
        return 0

    return session.guarded(prog, work)


def _told(render: Renderer, tell: Tell) -> Renderer:
    """Return ``render`` that says when it begins and when it is done."""

    def run(derived: Documents) -> Mapping[str, bytes]:
        tell(COPIES, 0, 1)
        made = render(derived)
        tell(COPIES, 1, 1)
        return made

    return run


def write_file(
    path: Path,
    archive: Archive,
    *,
    month: str,
    rules: Rules,
    zone: str | None,
    keys: Keyring,
    render: Renderer = no_copies,
    log: Log | None = None,
    receipts: Sequence[PackedReceipt] = (),
) -> PackSummary:
    """Write the pack beside ``path`` and move it there when it is whole.

    Raises:
        OutputError: the file cannot be written.
        PackError: the pack cannot be made.
    """
    with new_file(path) as stream:
        return write_pack(
            stream,
            archive,
            month=month,
            rules=rules,
            zone=zone,
            log_key=keys.log_key(),
            made_ms=time.time_ns() // 1_000_000,
            render=render,
            log=log,
            receipts=receipts,
        )
