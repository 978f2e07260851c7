"""What this host measured in the current month, for ``agent status``: an overview, no evidence.

Counted while reading, by the days of this host's own time zone, and carried from one life of the agent to
the next in ``status.json``. What counts in the end is computed from the chunks.

1. Time between two readings of one boot is measured, however long it is: the counters ran on. A step of
   more than ``LATE_INTERVALS`` intervals is told as bridged.
2. Time between two boots is a gap: the machine was off, or nobody read it.
3. Time before the month's first reading is a gap, too, but for the part that a life before has read.
4. After the clock was set back nothing is counted until it has caught up: that time was counted already.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, Callable, Optional

LATE_INTERVALS = 3
MAX_GAPS = 5
"""Gaps that are remembered one by one: the last ones."""
NOTED_MS = 180_000
"""A first reading so shortly after the month's begin is not noted."""
OFF, BRIDGED = "off", "bridged"
MS_PER_S = 1_000
_NUMBERS = ("start_ms", "first_ms", "last_ms", "covered_ms", "bridged_ms", "gap_ms", "gaps")

Document = dict[str, Any]


def local_month(wall_ms: int) -> tuple[str, int]:
    """Return the name of the local month that holds an instant, and the instant at which it begins."""
    now = time.localtime(wall_ms // MS_PER_S)
    start = time.mktime((now.tm_year, now.tm_mon, 1, 0, 0, 0, 0, 0, -1))
    return f"{now.tm_year:04}-{now.tm_mon:02}", int(start) * MS_PER_S


class Month:
    """The sums of the current month."""

    def __init__(
        self,
        before: Optional[Mapping[str, Any]] = None,
        *,
        month_of: Callable[[int], tuple[str, int]] = local_month,
    ) -> None:
        """Go on from what an earlier life wrote, if that is usable."""
        self._month_of = month_of
        self._fields: Document = {}
        self._after_ms = 0
        if before is not None and _is_usable(before):
            self._fields = {**before, "last_gaps": [dict(gap) for gap in before["last_gaps"]]}

    def read(self, wall_ms: int, boot_id: str, *, interval_ms: int) -> None:
        """Count the time since the reading before."""
        fields = self._fields
        if not fields or wall_ms >= self._after_ms or wall_ms < fields["start_ms"]:
            self._turn(wall_ms)
            fields = self._fields
        last_ms, last_boot = fields["last_ms"], fields["boot"]
        if last_ms is not None and wall_ms <= last_ms:
            return
        fields["last_ms"], fields["boot"] = wall_ms, boot_id
        if last_ms is None:
            return
        step_ms = wall_ms - max(last_ms, fields["start_ms"])
        if last_boot != boot_id:
            fields["gap_ms"] += step_ms
            fields["gaps"] += 1
            self._remember(wall_ms - step_ms, wall_ms, OFF)
            return
        fields["covered_ms"] += step_ms
        if wall_ms - last_ms > LATE_INTERVALS * interval_ms:
            fields["bridged_ms"] += step_ms
            self._remember(wall_ms - step_ms, wall_ms, BRIDGED)

    def document(self) -> Optional[Document]:
        """Return the sums, ``None`` before the first reading."""
        if not self._fields:
            return None
        return {**self._fields, "last_gaps": list(self._fields["last_gaps"])}

    def _turn(self, wall_ms: int) -> None:
        """Begin the month of ``wall_ms``, unless it goes on."""
        before = self._fields
        name, start_ms = self._month_of(wall_ms)
        # Any instant of the next month: 32 days after the begin of this one.
        self._after_ms = self._month_of(start_ms + 32 * 86_400_000)[1]
        if before and before["month"] == name:
            return
        goes_on = bool(before) and before["last_ms"] is not None and before["last_ms"] <= wall_ms
        self._fields = {
            "month": name,
            "start_ms": start_ms,
            "first_ms": max(start_ms, before["last_ms"]) if goes_on else wall_ms,
            "last_ms": before["last_ms"] if goes_on else None,
            "boot": before["boot"] if goes_on else "",
            "covered_ms": 0,
            "bridged_ms": 0,
            "gap_ms": 0,
            "gaps": 0,
            "last_gaps": [],
        }

    def _remember(self, start_ms: int, end_ms: int, kind: str) -> None:
        gaps = self._fields["last_gaps"]
        gaps.append({"start_ms": start_ms, "end_ms": end_ms, "kind": kind})
        del gaps[:-MAX_GAPS]


def lines(document: Optional[Mapping[str, Any]], *, now_ms: int) -> tuple[str, str]:
    """Return coverage and gaps of the month for people."""
    if not isinstance(document, Mapping) or not _is_usable(document):
        return "-", "-"
    before_ms = document["first_ms"] - document["start_ms"]
    whole = _percent(document["covered_ms"], now_ms - document["start_ms"])
    coverage = f"{document['month']}: {whole} % 自月初起 since the 1st"
    if before_ms > NOTED_MS:
        since = _percent(document["covered_ms"], now_ms - document["first_ms"])
        coverage += f", {since} % 自首次读数起 since the first reading"
    coverage += " (本机估算 by this host's own count)"
    gaps = f"{document['gaps']}"
    if document["gaps"]:
        gaps += f", 共 in all {duration(document['gap_ms'])}"
    if before_ms > NOTED_MS:
        gaps += f"; 首次读数之前 before the first reading {duration(before_ms)}"
    if document["bridged_ms"]:
        gaps += f"; 由累计计数补上 bridged {duration(document['bridged_ms'])}"
    for gap in reversed(document["last_gaps"]):
        if gap["kind"] == OFF:
            when = time.strftime("%m-%d %H:%M", time.localtime(gap["start_ms"] // MS_PER_S))
            gaps += f"; 最近一次 the last {when} ({duration(gap['end_ms'] - gap['start_ms'])})"
            break
    return coverage, gaps


def _percent(part_ms: int, whole_ms: int) -> str:
    whole_ms = max(1, whole_ms)
    hundredths = min(max(0, part_ms), whole_ms) * 10_000 // whole_ms
    return f"{hundredths // 100}.{hundredths % 100:02}"


def duration(length_ms: int) -> str:
    """Return a length of time for people, in the largest units that say something."""
    minutes, seconds = divmod(max(0, length_ms) // MS_PER_S, 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} 小时 h {minutes} 分 min"
    return f"{minutes} 分 min" if minutes else f"{seconds} 秒 s"


def length(length_ms: int) -> tuple[str, str]:
    """Return a length of time in Chinese and in English."""
    minutes, seconds = divmod(max(0, length_ms) // MS_PER_S, 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} 小时 {minutes} 分", f"{hours} h {minutes} min"
    return (f"{minutes} 分", f"{minutes} min") if minutes else (f"{seconds} 秒", f"{seconds} s")


def _is_usable(document: Mapping[str, Any]) -> bool:
    """Return whether what a file holds can be gone on from."""
    numbers = all(type(document.get(name)) is int for name in _NUMBERS)
    texts = all(isinstance(document.get(name), str) for name in ("month", "boot"))
    gaps = document.get("last_gaps")
    return (
        numbers
        and texts
        and isinstance(gaps, list)
        and all(
            isinstance(gap, Mapping)
            and type(gap.get("start_ms")) is int
            and type(gap.get("end_ms")) is int
            and gap.get("kind") in (OFF, BRIDGED)
            for gap in gaps
        )
    )
