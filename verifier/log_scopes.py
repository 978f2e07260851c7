"""Step 5 of the check, fourth part: the scope that the log named as the newest, day after day.

15. Every day mark in the stretch names the newest of the pack's declared versions that was logged before it, or
    none if there was none. A later version in the stretch accounts for a change.
16. The scope in use was the newest at a mark of one of the window's days, unless it was logged after all of them.
17. Marks of before format 1.1 name no scope, which is said. Where no mark of the window's days names the scope in
    use, its leaf must stand in the stretch: then rule 11 asks for every one that came later.

A mark is in the checkpoint that leaves on the same night: whoever declares several scopes commits to one of
them every day, before the month is known. That every scope's leaf in the stretch has its version in the pack is
rule 11 of ``verifier.log_accounts``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date

from evidence.log_entry import SCOPE
from verifier import layout, slots
from verifier.declaration import declared_as, record_sha256
from verifier.derivation import Declared
from verifier.finding import Finding
from verifier.log_reading import PackedLog
from verifier.window import Window

NONE = "no scope"


def scope_findings(
    log: PackedLog, declared: Declared, records: Sequence[bytes], window: Window
) -> Iterator[Finding]:
    """Yield what rules 15 to 17 find.

    Args:
        log: the pack's.
        declared: what the pack declares.
        records: the records of its declared versions, in order.
        window: the days of the figures.
    """
    hashes = [record_sha256(record) for record in records]
    found = ((log.find(SCOPE, hash_), hash_) for hash_ in hashes)
    logged = sorted((place.leaf, hash_) for place, hash_ in found if place is not None)

    def newest(leaf: int) -> str:
        return next((hash_ for at, hash_ in reversed(logged) if at < leaf), "")

    other = [
        (mark, newest(at.leaf))
        for at, mark in log.day_marks
        if mark.scope is not None and mark.scope != newest(at.leaf)
    ]
    if other:
        mark, expected = other[0]
        days = [one.day for one, _ in other]
        yield Finding(
            "SCOPE_OTHER",
            f"{layout.LOG_DAY_MARKS} {date.fromordinal(mark.day).isoformat()}",
            expected=expected or NONE,
            got=f"{mark.scope or NONE}, {len(other)} days",
            slot=slots.days(min(days), max(days)),
        )
    within = [(at, mark) for at, mark in log.day_marks if window.first_day <= mark.day < window.after_day]
    silent = [mark.day for _, mark in within if mark.scope is None]
    if silent:
        yield Finding(
            "MARKS_WITHOUT_SCOPE",
            f"{layout.LOG_DAY_MARKS} {date.fromordinal(silent[0]).isoformat()}",
            got=f"{len(silent)} days",
            slot=slots.days(min(silent), max(silent)),
        )
    mine = None if declared.scope is None else declared_as(declared.scope, declared.scopes)
    used = None if mine is None else log.find(SCOPE, hashes[mine.version - 1])
    if mine is None or used is None:
        return
    own = hashes[mine.version - 1]
    inside = [newest(at.leaf) for at, _ in within if at.leaf > used.leaf]
    if inside and own not in inside:
        yield Finding("SCOPE_OTHER", layout.SCOPE, expected=inside[-1], got=own)
    if silent and used.leaf < log.base and not any(mark.scope == own for _, mark in within):
        expected = f"its leaf among those of {layout.LOG_LEAVES}"
        yield Finding(
            "SCOPE_NOT_BOUND", layout.SCOPE, expected=expected, got=f"leaf {used.leaf}, before them"
        )
