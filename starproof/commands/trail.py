"""``starproof trail``: the audit trail, who did what and when."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from contextlib import closing
from datetime import date, datetime
from zoneinfo import ZoneInfo

from collector.settings import default_database_url
from collector.store import registry, trail
from collector.store.engine import open_engine_for_reading
from collector.store.registry import Identity
from collector.store.trail import Entry, Sought
from starproof import session
from starproof.tables import printable

EXAMPLE = "starproof trail --since 2026-11-01 --action SCOPE_DECLARED"
DEFAULT_SHOWN = 50
MOST_SHOWN = 100_000
_MS_PER_S = 1_000


def main(argv: Sequence[str], *, prog: str = "starproof trail") -> int:
    """Run the command and return the exit status."""
    options = _parser(prog).parse_args(argv)
    return session.guarded(prog, lambda: _show(options))


def _show(options: argparse.Namespace) -> int:
    with (
        closing(open_engine_for_reading(options.db or default_database_url())) as store,
        store.reading() as connection,
    ):
        identity = registry.identity(connection)
        sought = _sought(options, identity)
        count = trail.count(connection, sought)
        entries = trail.entries(connection, sought, most=options.last)
    if options.json:
        session.print_json(
            {
                "schema": "starproof/trail/1",
                "enterprise": identity.enterprise,
                "timezone": identity.timezone,
                "count": count,
                "entries": [
                    {**vars(entry), "kind": entry.kind, "time": _time(entry, identity)} for entry in entries
                ],
            }
        )
        return 0
    for entry in reversed(entries):  # the newest last, where the terminal stops
        line = f"{_time(entry, identity)}  {entry.actor} ({entry.kind})  {entry.action}  {entry.detail}"
        sys.stdout.write(printable(line.rstrip()) + "\n")
    if count > len(entries):
        sys.stderr.write(
            f"共 {count} 条，显示最新 {len(entries)} 条 of {count} the newest {len(entries)}: --last N\n"
        )
    return 0


def _sought(options: argparse.Namespace, identity: Identity) -> Sought:
    def start(day: date | None, after: int) -> int | None:
        return None if day is None else identity.calendar.day_start(day.toordinal() + after)

    return Sought(
        action=options.action or "",
        actor=options.actor or "",
        text=options.text or "",
        since_ms=start(options.since, 0),
        before_ms=start(options.until, 1),
    )


def _time(entry: Entry, identity: Identity) -> str:
    moment = datetime.fromtimestamp(entry.time_ms / _MS_PER_S, ZoneInfo(identity.timezone))
    return moment.isoformat(timespec="seconds")


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a day; write YYYY-MM-DD") from None


def _shown(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 0 < int(text[:7]) <= MOST_SHOWN):
        raise argparse.ArgumentTypeError(f"a number from 1 to {MOST_SHOWN}")
    return int(text)


def _parser(prog: str) -> argparse.ArgumentParser:
    parser = session.parser(prog, "The audit trail: who did what and when 操作记录", EXAMPLE)
    parser.add_argument("--since", type=_day, metavar="DAY", help="from this local day on, YYYY-MM-DD")
    parser.add_argument("--until", type=_day, metavar="DAY", help="until this local day, included")
    parser.add_argument("--action", metavar="CODE", help="only this action, for example SCOPE_DECLARED")
    parser.add_argument("--actor", metavar="NAME", help="only this account, host or part of the collector")
    parser.add_argument("--text", help="only rows whose actor or detail holds this")
    parser.add_argument(
        "--last", type=_shown, default=DEFAULT_SHOWN, metavar="N", help=f"how many (default: {DEFAULT_SHOWN})"
    )
    session.add_database(parser)
    return parser
