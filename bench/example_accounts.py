"""The accounts of the example month: who was active on which day, from a real access log.

The log has ten thousand lines of a web server in May 2015, a Sunday to a Wednesday (elastic/examples,
Apache-2.0). Of its client addresses, in the order in which they appear, every ``EVERY``th becomes a made-up
account, until there are ``PEOPLE``; no address is kept. Each is active on the weekdays of the log, in every week of October 2026, as often as it
asked on that day.
"""

from __future__ import annotations

import lzma
import re
from collections import Counter
from datetime import date, datetime, timedelta
from pathlib import Path

LOG = "apache_logs.xz"
PEOPLE, EVERY = 169, 10
FIRST, DAYS = date(2026, 10, 1), 31
_LINE = re.compile(r"(\S+) \S+ \S+ \[([^:\]]+):")


def accounts_text(log: Path) -> str:
    """Return the table of accounts as CSV."""
    asked = _asked(log)
    chosen = list(dict.fromkeys(client for client, _ in asked))[::EVERY][:PEOPLE]
    names = {client: f"user-{number:03}" for number, client in enumerate(chosen, 1)}
    counts = {(names[who], weekday): count for (who, weekday), count in asked.items() if who in names}
    rows = sorted(
        (day.isoformat(), name, count)
        for day in (FIRST + timedelta(days=number) for number in range(DAYS))
        for (name, weekday), count in counts.items()
        if day.weekday() == weekday
    )
    return "account,day,count\n" + "".join(f"{name},{day},{count}\n" for day, name, count in rows)


def _asked(log: Path) -> Counter[tuple[str, int]]:
    """Return how often every client asked, by weekday, in the order of the log."""
    found: Counter[tuple[str, int]] = Counter()
    with lzma.open(log, "rt", encoding="utf-8", errors="replace") as lines:
        for line in lines:
            client, stamp = _LINE.match(line).groups()
            found[client, datetime.strptime(stamp, "%d/%b/%Y").weekday()] += 1  # noqa: DTZ007 - a day alone
    return found
