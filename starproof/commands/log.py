"""``starproof log``: sign checkpoints, show and prove what is logged, compare notes, close a month."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from collector.errors import LogError
from collector.log import keeping
from collector.log.proving import Compared, Proof, compare, prove
from collector.opening import OpenStore, open_store, wall_clock_ms
from collector.store import checkpoints, log
from evidence import checkpoint
from evidence.keys import PublicKey
from evidence.log_entry import KIND_NAMES
from starproof import session
from verifier.anchors.mailbox import notes_in, notes_of

EXAMPLE = "starproof log checkpoint"
MAX_NOTES_BYTES = 64 * 1024 * 1024
DEFAULT_SHOWN = 10
MOST_SHOWN = 100_000
_MS_PER_S = 1_000
_PART_OF_NOTE = re.compile(rb"(?m)starproof/[0-9a-f]{16}$|^\xe2\x80\x94 \S+ \S+$")
"""Its first line, or a signature."""

Clock = Callable[[], int]


def main(argv: Sequence[str], *, prog: str = "starproof log", clock: Clock = wall_clock_ms) -> int:
    """Run the command and return the exit status; ``clock`` tells ms since 1970."""
    options = _parser(prog).parse_args(argv)
    work: dict[str, Callable[[OpenStore], int]] = {
        "checkpoint": lambda opened: _checkpoint(opened, options, clock),
        "show": lambda opened: _show(opened, options),
        "prove": lambda opened: _prove(opened, options),
        "verify": lambda opened: _verify(opened, options),
        "close": lambda opened: _close(opened, options, clock),
    }

    def run() -> int:
        opened = open_store(options.db)
        with closing(opened.store):
            return work[options.command](opened)

    return session.guarded(prog, run)


def _checkpoint(opened: OpenStore, options: argparse.Namespace, clock: Clock) -> int:
    kept = keeping.keep(opened.store, key=opened.keyring.log_key(), now_ms=clock())
    note = kept.checkpoint.note.decode()
    days = [date.fromordinal(day).isoformat() for day in kept.days]
    if options.json:
        session.print_json(
            {
                "schema": "starproof/log-checkpoint/1",
                "size": kept.checkpoint.size,
                "root": kept.checkpoint.root.hex(),
                "days_marked": days,
                "note": note,
            }
        )
        return 0
    if days:
        sys.stderr.write(f"已补日终标记 days marked: {', '.join(days)}\n")
    sys.stdout.write(note)
    return 0


def _show(opened: OpenStore, options: argparse.Namespace) -> int:
    with opened.store.reading() as connection:
        head = log.head(connection)
        size = head.frontier.size
        leaves = list(log.leaves(connection, max(0, size - options.last), size))
        newest = checkpoints.newest(connection)
        last_day = checkpoints.last_marked_day(connection)
    document: dict[str, Any] = {
        "schema": "starproof/log/1",
        "log_key": opened.keyring.log_key().public.raw.hex(),
        "size": size,
        "root": head.frontier.root.hex(),
        "checkpoint_size": newest.size if newest else None,
        "last_marked_day": date.fromordinal(last_day).isoformat() if last_day else None,
        "leaves": [
            {
                "index": leaf.index,
                "kind": KIND_NAMES[leaf.entry.kind],
                "hash": leaf.entry.hash,
                "arrival_ms": leaf.entry.arrival_ms,
            }
            for leaf in leaves
        ],
    }
    if options.json:
        session.print_json(document)
        return 0
    lines = [
        f"日志 log: {size} 条 leaves, 根 root {document['root']}",
        f"最新检查点 newest checkpoint: {_or_none(document['checkpoint_size'])}",
        f"最近标记的日子 last marked day: {_or_none(document['last_marked_day'])}",
        *(
            f"{leaf['index']:>10}  {_instant(leaf['arrival_ms'])}  {leaf['kind']:<9}  {leaf['hash']}"
            for leaf in document["leaves"]
        ),
    ]
    sys.stdout.write("\n".join(lines) + "\n")
    return 0


def _prove(opened: OpenStore, options: argparse.Namespace) -> int:
    found: Proof = prove(opened.store, options.hash, key=opened.keyring.log_key())
    session.print_json(found.document())
    return 0


def _verify(opened: OpenStore, options: argparse.Namespace) -> int:
    key = opened.keyring.log_key().public
    results = []
    for path in options.files:
        results += [{"file": str(path), **found.document()} for found in _compared(opened, path, key)]
    bad = [result for result in results if result["problem"]]
    if options.json:
        session.print_json({"schema": "starproof/log-verify/1", "notes": results})
    else:
        for result in results:
            said = result["problem"] or "是本日志的前段 is how this log began"
            sys.stdout.write(f"{result['file']}  {_or_none(result['size'])}  {said}\n")
    return 1 if bad else 0


def _compared(opened: OpenStore, path: Path, key: PublicKey) -> list[Compared]:
    """Return what the log says of the notes in a file: of nothing else, or with text about them.

    Raises:
        LogError: it cannot be read, holds no note, or one that is damaged beside others.
    """
    data = _read(path)
    inside = [*notes_of(data), *(found.note for found in notes_in(str(path), data))]
    if not inside:
        raise LogError(
            f"{path} holds no note of a checkpoint: give the note, the page of the log book (.txt) or the mail (.eml)"
        )
    rest = data.replace(b"\r\n", b"\n")
    for note in notes_of(data):
        rest = rest.replace(note, b"")
    if notes_of(data) and _PART_OF_NOTE.search(rest):
        raise LogError(f"{path} holds a damaged note beside others: compare each in a file of its own")
    return compare(opened.store, checkpoint.join(dict.fromkeys(inside)), key=key)


def _close(opened: OpenStore, options: argparse.Namespace, clock: Clock) -> int:
    closed = keeping.close_month(opened.store, options.month, key=opened.keyring.log_key(), now_ms=clock())
    if options.json:
        session.print_json(
            {
                "schema": "starproof/log-closed/1",
                "month": options.month,
                "leaf": closed.leaf,
                "size": closed.checkpoint.size,
                "note": closed.checkpoint.note.decode(),
            }
        )
        return 0
    sys.stderr.write(f"{options.month} 已关账 closed: 第 {closed.leaf} 条 leaf {closed.leaf}\n")
    sys.stdout.write(closed.checkpoint.note.decode())
    return 0


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_NOTES_BYTES + 1)
    except OSError as error:
        raise LogError(f"cannot read {path}: {error.strerror}") from None
    if len(data) > MAX_NOTES_BYTES:
        raise LogError(f"{path} is larger than {MAX_NOTES_BYTES} bytes; it holds no notes")
    return data


def _instant(ms: int) -> str:
    return datetime.fromtimestamp(ms // _MS_PER_S, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _or_none(value: object) -> str:
    return "无 none" if value is None else str(value)


def _count(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or not 0 < int(text[:9]) <= MOST_SHOWN:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1 to {MOST_SHOWN}")
    return int(text)


def _parser(prog: str) -> argparse.ArgumentParser:
    parser = session.parser(prog, "The log of everything that arrived 日志", EXAMPLE)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    signing = commands.add_parser(
        "checkpoint",
        help="签发检查点，补齐日终标记 / sign a checkpoint, marking the days that are over",
        epilog=f"example: {prog} checkpoint",
    )
    showing = commands.add_parser(
        "show", help="显示日志末尾 / show the end of the log", epilog=f"example: {prog} show --last 20"
    )
    showing.add_argument(
        "--last", type=_count, default=DEFAULT_SHOWN, metavar="N", help="leaves (default 10)"
    )
    proving = commands.add_parser(
        "prove",
        help="证明一个数据块在日志中 / prove that a chunk stands in the log",
        epilog=f"example: {prog} prove HASH",
    )
    proving.add_argument("hash", metavar="HASH", help="of a chunk, enrolment, … (64 hex digits)")
    comparing = commands.add_parser(
        "verify",
        help="核对外部保存的检查点 / compare checkpoints kept elsewhere with this log",
        description="Exit status 1 if a note is not signed by this log's key or is not how this log began, or a file holds none.",
        epilog=f"example: {prog} verify checkpoint.txt",
    )
    comparing.add_argument(
        "files", nargs="+", type=Path, metavar="FILE", help="notes, pages of the log book, mail"
    )
    ending = commands.add_parser(
        "close", help="关账一个月份 / close a month", epilog=f"example: {prog} close --month 2026-11"
    )
    ending.add_argument("--month", required=True, type=session.month, metavar="YYYY-MM")
    for command in (signing, showing, proving, comparing, ending):
        session.add_database(command)
    return parser
