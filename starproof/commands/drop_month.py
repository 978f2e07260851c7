"""``starproof db drop-month``: the bytes of a month leave the store once its pack is checked and holds them.

1. The pack passes our own check under this store's log key, and what it may lack is not evidence.
2. It is of this enterprise, zone and month, and its log is how this store's log began.
3. Every chunk of the month is in it (``collector.store.dropping``).
"""

from __future__ import annotations

import argparse
import hashlib
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from collector.errors import DroppingError
from collector.settings import default_database_url, key_directory
from collector.store import checkpoints, dropping, months, registry
from collector.store.dropping import Absent, Exported, Plan
from collector.store.engine import open_engine, open_engine_for_reading
from collector.store.log_archive import StoreLog
from collector.store.registry import Identity
from evidence.errors import EvidenceError
from starproof import session
from starproof.keys import read_log_key
from starproof.rules import trusted_editions
from verifier.check import FAILED, CheckReport, check
from verifier.finding import INCOMPLETE, NOTE
from verifier.packed_hashes import begins, packed_hashes

if TYPE_CHECKING:
    from evidence.keys import PublicKey

UNLOGGED = frozenset({"LOG_ABSENT", "LOG_NOT_CLOSED", "LOG_AFTER_CLOSE", "LOG_CUT", "EMPTY"})
"""What a pack must not lack to take the store's place; what else is incomplete (an anchor, say) stays so."""
NO_HOST, NO_DAY, NOT_HELD = "outside_scope", "outside_window", "not_in_pack"
REASONS = {
    NO_HOST: "主机不在申报范围内 the host is not in the scope",
    NO_DAY: "不在申报的统计期内 outside the declared window",
    NOT_HELD: "不在证据包中 not in the pack",
}
MOST_SHOWN = 5


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser], prog: str) -> None:
    """Add the command's arguments."""
    parser = commands.add_parser(
        "drop-month",
        help="证据包导出后移出该月的数据块 / drop a month's chunks once its pack is exported",
        epilog=f"example: {prog} drop-month 2026-11 --pack /srv/packs/2026-11.zip --dry-run",
    )
    parser.add_argument("month", type=session.month, metavar="YYYY-MM")
    parser.add_argument(
        "--pack", type=Path, required=True, metavar="FILE.zip", help="the month's pack; it is checked"
    )
    parser.add_argument(
        "--outside-scope",
        action="store_true",
        help="drop what no pack of this scope can hold too 不在申报范围内的数据也移出",
    )
    parser.add_argument("--dry-run", action="store_true", help="say what would be done and change nothing")
    session.add_database(parser)


def run(options: argparse.Namespace) -> int:
    """Run the command and return the exit status."""
    url = options.db or default_database_url()
    now_ms = time.time_ns() // 1_000_000
    month = months.number(options.month)
    if not options.dry_run:
        with closing(open_engine(url)) as store:
            dropping.finish(store)  # of a month whose dropping was interrupted
    with closing(open_engine_for_reading(url)) as store:
        with store.reading() as connection:
            identity = registry.identity(connection)
            dropping.require_closed(connection, month, now_ms=now_ms)
        report = _checked(options.pack, _log_key(url), now_ms=now_ms)
        _require_ours(report, identity, StoreLog(store), options.month)
        with store.reading() as connection:
            _require_unneeded(report, month, closed=lambda name: bool(checkpoints.closes(connection, name)))
        with options.pack.open("rb") as stream:
            pack = Exported(options.pack.name, hashlib.file_digest(stream, "sha256").hexdigest())
            stream.seek(0)
            held = frozenset(packed_hashes(stream))
        with store.reading() as connection:
            plan = dropping.plan(connection, month, held)
        absent = _reasons(plan, report)
    _require_held(plan, absent, outside_scope=options.outside_scope)
    if not options.dry_run:
        with closing(open_engine(url)) as store:
            dropping.drop(store, plan, pack, now_ms=now_ms)
    _say(options, plan, pack, absent)
    return 0


def _log_key(url: str) -> PublicKey:
    path = key_directory(url) / "log.pub"
    try:
        return read_log_key(path)
    except (OSError, EvidenceError):
        raise DroppingError(
            f"{path} cannot be read; the pack must be checked with the log key of this store, put its keys there"
        ) from None


def _checked(path: Path, key: PublicKey, *, now_ms: int) -> CheckReport:
    """Return the report of the check of a pack that may take the store's place (rule 1)."""
    with path.open("rb") as stream:
        report = check(stream, log_key=key, editions=trusted_editions(), now_ms=now_ms)
    grave = {found.code for found in report.findings if found.severity not in (NOTE, INCOMPLETE)}
    if report.outcome == FAILED:
        raise DroppingError(
            f"the pack does not pass the check: {', '.join(sorted(grave)) or 'nothing follows'}"
        )
    lacking = sorted({found.code for found in report.findings} & UNLOGGED)
    if lacking:
        raise DroppingError(
            f"the pack lacks what the store has ({', '.join(lacking)}); run: starproof log close, then pack again"
        )
    return report


def _require_ours(report: CheckReport, identity: Identity, log: StoreLog, month: str) -> None:
    """Refuse a pack of somebody or something else (rule 2)."""
    said, packed = report.statement, report.log
    if said is None or packed is None:
        raise DroppingError("the pack has no statement or no log")
    ours = (identity.enterprise, identity.timezone, month)
    theirs = (said.enterprise, said.timezone, said.month)
    if theirs != ours:
        raise DroppingError(f"the pack is of {' '.join(theirs)}, not of {' '.join(ours)}")
    if not begins(packed, log):
        raise DroppingError(
            "the log in the pack is not how this store's log began; is this store a restored backup?"
        )


def _require_unneeded(report: CheckReport, month: int, *, closed: Callable[[str], bool]) -> None:
    """Refuse a month that figures of a later one go back to, until that one is closed too."""
    rules = report.declared.edition.rules if report.declared else ()
    later = month
    for _ in range(1, max((rule.months for rule in rules), default=1)):
        later = months.after(later)
        if not closed(months.name(later)):
            raise DroppingError(
                f"figures of {months.name(later)} go back to {months.name(month)}; close and pack that month first"
            )


def _reasons(plan: Plan, report: CheckReport) -> Mapping[str, list[Absent]]:
    """Return the chunks that are not in the pack, by reason."""
    scope = report.declared.scope if report.declared else None
    window = report.derived.figures.window if report.derived else None
    found: dict[str, list[Absent]] = {}
    for one in plan.absent:
        reason = NOT_HELD
        if scope is not None and one.host not in scope.host_names:
            reason = NO_HOST
        elif window is not None and (one.end_ms < window.start_ms or one.start_ms > window.end_ms):
            reason = NO_DAY
        found.setdefault(reason, []).append(one)
    return found


def _require_held(plan: Plan, absent: Mapping[str, list[Absent]], *, outside_scope: bool) -> None:
    """Rule 3."""
    refused = [reason for reason in absent if reason == NOT_HELD or not outside_scope]
    if not refused:
        return
    said = "; ".join(f"{REASONS[reason]}: {_named(absent[reason])}" for reason in refused)
    hint = "" if NOT_HELD in refused else "; give --outside-scope to drop them all the same"
    raise DroppingError(
        f"{sum(len(absent[reason]) for reason in refused)} of {plan.chunks} chunks of {months.name(plan.month)} are "
        f"nowhere else: {said}{hint}"
    )


def _named(chunks: list[Absent]) -> str:
    counts = Counter(one.host for one in chunks)
    shown = ", ".join(f"{host} ({count})" for host, count in sorted(counts.items())[:MOST_SHOWN])
    return shown + (f" … +{len(counts) - MOST_SHOWN}" if len(counts) > MOST_SHOWN else "")


def _say(options: argparse.Namespace, plan: Plan, pack: Exported, absent: Mapping[str, list[Absent]]) -> None:
    kept = {months.name(month): len(ids) for month, ids in plan.kept.items() if ids}
    if options.json:
        session.print_json(
            {
                "schema": "starproof/month-dropped/1",
                "month": options.month,
                "dropped": not options.dry_run,
                "chunks": plan.chunks,
                "bytes": plan.bytes,
                "kept": kept,
                "pack": {"name": pack.name, "sha256": pack.sha256},
                "nowhere_else": {reason: len(found) for reason, found in absent.items()},
            }
        )
        return
    done = "可移出 would be dropped" if options.dry_run else "已移出 dropped"
    sys.stdout.write(f"{options.month}: {done}: {plan.chunks} 数据块 chunks, {plan.bytes} bytes\n")
    for month, count in kept.items():
        sys.stdout.write(f"  跨月保留 kept at the edge, for {month}: {count}\n")
    for reason, found in absent.items():
        sys.stdout.write(f"  {REASONS[reason]}: {_named(found)}\n")
    sys.stdout.write(f"证据包 pack {pack.name}, SHA-256 {pack.sha256}\n")
    if not options.dry_run:
        sys.stdout.write(
            "请妥善保存该文件：这些数据块只在其中 keep that file: these chunks are nowhere else\n"
        )
