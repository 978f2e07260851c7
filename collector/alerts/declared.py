"""What the declared scope says of hosts and days, as far as an alert needs it.

Whether a file is a scope, and what follows from it, is the verifier's to decide; this reads the
three tables that say who counts and when. A file that does not have them as they should be counts
as not declared: then all hosts and the whole month count.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import tomllib


@dataclass(frozen=True)
class Declared:
    """Hosts with their sources in order (empty: any), first and last day, days that do not count. Ordinals."""

    hosts: Mapping[str, Sequence[str]]
    first_day: int
    last_day: int
    excluded: frozenset[int] = field(default_factory=frozenset)


def declared(file: bytes) -> Declared | None:
    """Return what a scope file says, ``None`` if it is none."""
    try:
        document = tomllib.loads(file.decode("utf-8-sig"))
        first, last = _days(document["window"])
        excluded = [_days(one) for one in document.get("exclusions", ())]
        hosts = {str(one["id"]): tuple(map(str, one.get("sources", ()))) for one in document["hosts"]}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    out = {day for low, high in excluded for day in range(max(first, low), min(last, high) + 1)}
    return Declared(hosts, first, last, frozenset(out)) if hosts and first <= last else None


def _days(table: Mapping[str, Any]) -> tuple[int, int]:
    first, last = table["from"], table["to"]
    if type(first) is not date or type(last) is not date:
        raise TypeError
    return first.toordinal(), last.toordinal()
