"""What a pack itself holds of anchors: which receipts for which day, and which days have none.

This is the part that a report can say, because it can be recomputed from the pack alone. It confirms
nothing: receipts, and the times at which they were logged, come from the applicant's hands. What the
reviewer confirms from outside (a time-stamping authority's root, a mailbox, codes, objects) is the
answer of a check (``verifier.anchors.judge``) and never stands in the report.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from evidence import log_records
from evidence.calendar import LocalCalendar
from evidence.errors import EvidenceError
from evidence.log_entry import ANCHOR, CHUNK, DAY_MARK, EDITION, ENTRY_BYTES, SCOPE, decode
from verifier import layout
from verifier.anchors.days import ON_TIME_MS
from verifier.anchors.interface import parse_name
from verifier.declaration import ScopeVersion, declared_as, read_scopes, record_sha256
from verifier.errors import VerifierError
from verifier.log_entries import read_base, read_day_marks
from verifier.scope import Scope
from verifier.window import Window

IN_TIME, LATE, UNDATED, NONE, NOT_OVER = "in_time", "late", "undated", "none", "not_over"
"""How a day stands: a receipt that covers it was logged within a day after it, or later, or its leaf lies
after the pack's log; there is no receipt; the day was not over when the report was made."""
BEFORE, NOT_BEFORE, NOT_DECLARED = "before", "not_before", "not_declared"
"""How the rules of the window stand: a receipt that covers them was logged before it, none was, or no
version of the scope in use was declared."""


@dataclass(frozen=True, order=True)
class HeldReceipt:
    """A receipt in the pack; ``logged_ms`` is the arrival of its leaf, ``None`` where the pack has none."""

    size: int
    alias: str
    kind: str
    logged_ms: int | None

    def document(self) -> dict[str, Any]:
        """Return the receipt as it stands in a report."""
        return {"size": self.size, "alias": self.alias, "kind": self.kind, "logged_ms": self.logged_ms}


@dataclass(frozen=True)
class Held:
    """What a pack holds: leaves of rules and marks, and receipts, nothing of it verified.

    ``leaves`` are the indexes of what is neither chunk nor receipt, by kind and hash; ``marks`` those of the
    marks of days, by the day's ordinal; ``records`` the hashes of the declared versions of the scope.
    """

    leaves: Mapping[tuple[int, str], int]
    marks: Mapping[int, int]
    receipts: Sequence[HeldReceipt]
    records: Sequence[str]


def read_held(names: Collection[str], read: Callable[[str], bytes]) -> Held | None:
    """Return what a pack holds, ``None`` if it has no log or one that cannot be read.

    Args:
        names: of the pack's entries.
        read: returns an entry.
    """
    if layout.LOG_LEAVES not in names:
        return None
    try:
        base = read_base(read(layout.LOG_BASE))
        packed = read(layout.LOG_LEAVES)
        marks = [
            (log_records.sha256(record), log_records.parse_day_mark(record))
            for record in read_day_marks(read(layout.LOG_DAY_MARKS))
        ]
        records = read_scopes(read(layout.SCOPES)) if layout.SCOPES in names else []
        found = [(leaf.index, leaf.entry) for leaf in base.earlier]
        # One chunk in a thousand leaves is something else: only those are taken apart.
        for at, kind in enumerate(packed[::ENTRY_BYTES]):
            if kind != CHUNK:
                entry = decode(packed[at * ENTRY_BYTES : (at + 1) * ENTRY_BYTES])
                found.append((base.frontier.size + at, entry))
    except (EvidenceError, VerifierError):
        return None  # the check reports it as a fault of the log
    leaves: dict[tuple[int, str], int] = {}
    arrivals: dict[str, int] = {}
    for index, entry in found:
        leaves.setdefault((entry.kind, entry.hash), index)
        if entry.kind == ANCHOR:
            arrivals.setdefault(entry.hash, entry.arrival_ms)
    receipts = [
        HeldReceipt(*parsed, arrivals.get(layout.sha256(read(name))))
        for name in names
        if (parsed := parse_name(name)) is not None
    ]
    return Held(
        leaves=leaves,
        marks={mark.day: leaves[DAY_MARK, hash_] for hash_, mark in marks if (DAY_MARK, hash_) in leaves},
        receipts=sorted(receipts, key=lambda r: (r.size, r.alias, r.kind)),
        records=[record_sha256(record) for record, _ in records],
    )


def anchors_document(
    held: Held,
    *,
    window: Window,
    calendar: LocalCalendar,
    scope: Scope | None,
    scopes: Sequence[ScopeVersion],
    edition: str,
    made_ms: int,
) -> dict[str, Any]:
    """Return what a report says of anchors.

    Args:
        held: what the pack holds.
        window: the days that are asked for, and the beginning before which the rules must be fixed.
        calendar: the zone of the days.
        scope: the scope in use.
        scopes: its declared versions.
        edition: SHA-256 of the edition in use.
        made_ms: when the pack was made.
    """
    return {
        "rules": _rules(held, window, scope, scopes, edition),
        "days": [_day(held, calendar, day, made_ms) for day in sorted(window.starts)],
    }


def rules_anchored(document: Mapping[str, Any]) -> bool:
    """Return whether a receipt from before the window covers its rules."""
    return bool(document["rules"]["state"] == BEFORE)


def _rules(
    held: Held, window: Window, scope: Scope | None, scopes: Sequence[ScopeVersion], edition: str
) -> dict[str, Any]:
    mine = None if scope is None else declared_as(scope, scopes)
    if mine is None or mine.version > len(held.records):
        return {"state": NOT_DECLARED, "size": None, "receipts": []}
    leaves = [held.leaves.get((SCOPE, held.records[mine.version - 1])), held.leaves.get((EDITION, edition))]
    known = [leaf for leaf in leaves if leaf is not None]
    size = max(known) + 1 if len(known) == len(leaves) else None
    early = [r for r in _dated(held.receipts, size) if r[0] < window.start_ms]
    return {
        "state": BEFORE if early else NOT_BEFORE,
        "size": size,
        "receipts": _documents(receipt for _, receipt in early),
    }


def _day(held: Held, calendar: LocalCalendar, day: int, made_ms: int) -> dict[str, Any]:
    ends_ms = calendar.day_start(day + 1)
    later = [leaf for marked, leaf in held.marks.items() if marked >= day]
    size = min(later) + 1 if later else None
    dated = _dated(held.receipts, size)
    in_time = [receipt for logged_ms, receipt in dated if logged_ms <= ends_ms + ON_TIME_MS]
    undated = [r for r in held.receipts if size is not None and r.size >= size and r.logged_ms is None]
    if ends_ms > made_ms:
        state, shown = NOT_OVER, []
    elif in_time:
        state, shown = IN_TIME, in_time
    elif dated:
        first_ms = min(logged_ms for logged_ms, _ in dated)
        state, shown = LATE, [receipt for logged_ms, receipt in dated if logged_ms == first_ms]
    elif undated:
        state, shown = UNDATED, [r for r in undated if r.size == undated[0].size]
    else:
        state, shown = NONE, []
    return {
        "day": date.fromordinal(day).isoformat(),
        "size": size,
        "state": state,
        "receipts": _documents(shown),
    }


def _dated(receipts: Iterable[HeldReceipt], size: int | None) -> list[tuple[int, HeldReceipt]]:
    """Return when each receipt that covers ``size`` leaves was logged; those without a leaf are left out."""
    return [
        (receipt.logged_ms, receipt)
        for receipt in receipts
        if size is not None and receipt.size >= size and receipt.logged_ms is not None
    ]


def _documents(receipts: Iterable[HeldReceipt]) -> list[dict[str, Any]]:
    """Return the first receipt of each anchor: where one would do, months of them may be there."""
    firsts: dict[tuple[str, str], HeldReceipt] = {}
    for receipt in sorted(receipts, key=lambda r: (r.logged_ms or 0, r.size)):
        firsts.setdefault((receipt.kind, receipt.alias), receipt)
    return [
        receipt.document() for receipt in sorted(firsts.values(), key=lambda r: (r.size, r.alias, r.kind))
    ]
