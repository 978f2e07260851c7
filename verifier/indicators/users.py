"""``users.distinct_month/1``: distinct accounts that were active in the month / declared head count.

1. Which sources must be read: those that the scope names, else all that have data.
2. A day is complete when every one of them was read from its beginning to its end; only the window's
   counted days are looked at.
3. Distinct accounts over all sources and days, united by keyed hash. Hashes under different keys cannot be
   compared, so they are never added up: of several keys the greatest number alone is certain.
4. low = distinct / people. high is the same if every day is complete and there is one key, else 100 %:
   everybody may have been active where nobody looked. A sketch widens both ends by its error.
5. Of a month of which nothing was read there is no rate: nobody looked, which is not nobody.
6. More accounts than people: the number is printed as it is, the rate is 100 %, and a note says so.

The head count is the one that the scope chooses; without a choice the greater of those declared, which
is the harder one. Without any there is a number of accounts and no rate.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from fractions import Fraction
from typing import Any

from evidence.accounts import CLIENT_ADDRESS, excluded_names
from evidence.activity import ActivityRow
from evidence.manifest import ACTIVITY
from evidence.sources import SIGNED_BY_HOSTS
from verifier import decimals
from verifier.bounds import NOTHING_KNOWN, Bounds
from verifier.indicators.distinct import Distinct, distinct
from verifier.indicators.enterprise import EnterpriseFigure, EnterpriseMonth
from verifier.notes import Note
from verifier.scope import HEAD_COUNTS
from verifier.window import TimeClasses

ID = "users.distinct_month/1"
KIND = "users"
"""How printed details say what they are about."""
WHOLE = Fraction(100)
"""The figure is in percent."""

Place = tuple[str, str]
"""Host and source."""


def figure(given: EnterpriseMonth) -> EnterpriseFigure | None:
    """Return the monthly user rate in percent, ``None`` if nobody told of accounts and none were declared.

    Raises:
        VerifierError: more accounts than are counted exactly, and the sketch is not installed.
    """
    users = given.scope.users if given.scope else None
    read = _read(given)
    rows = [row for row in given.materials.activity if row.key.day in given.window.lengths]
    wanted = users.sources if users and users.sources else tuple(sorted(read))
    if not wanted and users is None:
        return None
    rows = [row for row in rows if (row.host, row.source) in wanted]
    if any(row.key.zone != given.calendar.zone for row in rows):
        return _undecided(given)
    complete = _complete(given, wanted, read)
    by_key = {
        key: distinct(_blobs(rows, account_key=key)) for key in sorted({r.key.account_key for r in rows})
    }
    counted = max(by_key.values(), key=lambda found: found.low, default=Distinct(0, 0, 0))
    whole = len(complete) == len(given.window.lengths) and len(by_key) <= 1 and bool(wanted)
    which, people = _head_count(given)
    notes = tuple(
        _notes(given, wanted, read, rows, keys=len(by_key), whole=whole, counted=counted, people=people)
    )
    seen = bool(rows) or any(length > 0 for place in wanted for length in read.get(place, {}).values())
    return EnterpriseFigure(
        bounds=_bounds(counted, people, whole=whole) if seen else NOTHING_KNOWN,
        times=_times(given, complete),
        detail={
            **_counts(given, counted, which, people),
            "complete_days": len(complete),
            "counted_days": len(given.window.lengths),
            "account_keys": sorted(by_key),
            "sources": [_source(place, rows, read, given) for place in wanted],
            "days": _days(rows, given, complete),
        },
        notes=notes,
    )


def _read(given: EnterpriseMonth) -> dict[Place, dict[int, int]]:
    """Return the time that was read, in ms by day, of every source of activity."""
    found = {}
    for host, amounts in given.materials.read.items():
        for (source, metric), month in amounts.items():
            if metric == ACTIVITY:
                found[host, source] = {
                    day: sums.observed_ms for day, sums in month.days.items() if day in given.window.lengths
                }
    return {place: days for place, days in found.items() if days}


def _complete(
    given: EnterpriseMonth, wanted: Iterable[Place], read: Mapping[Place, dict[int, int]]
) -> set[int]:
    """Step 2."""
    return {
        day
        for day, length in given.window.lengths.items()
        if all(read.get(place, {}).get(day, 0) == length for place in wanted)
    }


def _blobs(rows: Iterable[ActivityRow], *, account_key: str) -> list[bytes]:
    return [row.hashes for row in rows if row.key.account_key == account_key]


def _head_count(given: EnterpriseMonth) -> tuple[str, int]:
    """Return the name and the size of the head count, 0 if none is declared."""
    counts = given.scope.head_counts if given.scope else {}
    if given.scope and given.scope.users:
        which = given.scope.users.head_count
        return which, counts[which]
    return max(((name, counts[name]) for name in HEAD_COUNTS if name in counts), key=_people, default=("", 0))


def _people(entry: tuple[str, int]) -> int:
    return entry[1]


def _bounds(counted: Distinct, people: int, *, whole: bool) -> Bounds:
    """Steps 4 and 6."""
    if people == 0:
        return Bounds()
    rate = _rate(counted.count, people)
    return Bounds(
        low=_rate(counted.low, people),
        value=rate,
        high=_rate(counted.high, people) if whole else WHOLE,
    )


def _rate(accounts: int, people: int) -> Fraction:
    return min(WHOLE, WHOLE * accounts / people)


def _times(given: EnterpriseMonth, complete: set[int]) -> TimeClasses:
    observed = sum(given.window.lengths[day] for day in complete)
    return TimeClasses(
        observed_ms=observed,
        excluded_ms=given.window.excluded_ms,
        missing_ms=given.window.counted_ms - observed,
    )


def _undecided(given: EnterpriseMonth) -> EnterpriseFigure:
    """Sets by days of another zone cannot be put together again as days of this one."""
    return EnterpriseFigure(
        bounds=Bounds(),
        times=TimeClasses(excluded_ms=given.window.excluded_ms, missing_ms=given.window.counted_ms),
        undecided=frozenset(given.rule.thresholds),
        notes=(Note("USERS_OTHER_ZONE"),),
    )


def _notes(
    given: EnterpriseMonth,
    wanted: Iterable[Place],
    read: Mapping[Place, dict[int, int]],
    rows: Iterable[ActivityRow],
    *,
    keys: int,
    whole: bool,
    counted: Distinct,
    people: int,
) -> Iterable[Note]:
    if people == 0:
        yield Note("HEAD_COUNT_UNKNOWN")
    elif given.scope is None or given.scope.users is None:
        yield Note("HEAD_COUNT_NOT_CHOSEN")
    if 0 < people < counted.low:
        yield Note("USERS_ABOVE_HEAD_COUNT")
    if keys > 1:
        yield Note("ACCOUNT_KEYS_DIFFER")
    if counted.sketch:
        yield Note("USERS_SKETCHED")
    missing: dict[str, set[int]] = {}
    for host, source in wanted:
        days = read.get((host, source), {})
        gone = {day for day, length in given.window.lengths.items() if days.get(day, 0) != length}
        if gone:
            missing.setdefault(host, set()).update(gone)
    if missing and not whole:
        yield Note(
            "USERS_NOT_READ", tuple((host, tuple(sorted(days))) for host, days in sorted(missing.items()))
        )
    addresses = sorted({row.host for row in rows if row.key.definition == CLIENT_ADDRESS and row.hashes})
    if addresses:
        yield Note("USERS_ARE_ADDRESSES", tuple((host, ()) for host in addresses))
    unsigned = sorted({host for host, source in wanted if source not in SIGNED_BY_HOSTS})
    if unsigned:
        yield Note("USERS_NOT_ATTESTED", tuple((host, ()) for host in unsigned))


def _counts(given: EnterpriseMonth, counted: Distinct, which: str, people: int) -> dict[str, Any]:
    declared = given.scope.head_counts if given.scope else {}
    return {
        "kind": KIND,
        "accounts": counted.count,
        "accounts_low": counted.low,
        "accounts_high": counted.high,
        "counted": counted.sketch or "exact",
        "head_count": which,
        "people": people,
        "head_counts": [
            {
                "name": name,
                "people": declared[name],
                "rate": decimals.floor(WHOLE * counted.count / declared[name]),
            }
            for name in HEAD_COUNTS
            if name in declared
        ],
    }


def _source(
    place: Place, rows: Iterable[ActivityRow], read: Mapping[Place, dict[int, int]], given: EnterpriseMonth
) -> dict[str, Any]:
    host, source = place
    mine = [row for row in rows if (row.host, row.source) == place]
    days = read.get(place, {})
    return {
        "host": host,
        "source": source,
        "attested": "yes" if source in SIGNED_BY_HOSTS else "no",
        "origins": sorted({row.key.origin for row in mine if row.key.origin}),
        "definitions": sorted({row.key.definition for row in mine}),
        "account_keys": sorted({row.key.account_key for row in mine}),
        "excluded": sorted({name for row in mine for name in excluded_names(row.key.excluded)}),
        "complete_days": sum(days.get(day, 0) == length for day, length in given.window.lengths.items()),
        "accounts": distinct(row.hashes for row in mine).count,
    }


def _days(rows: Iterable[ActivityRow], given: EnterpriseMonth, complete: set[int]) -> list[dict[str, Any]]:
    """Return the distinct accounts of every day; of several keys the greatest number."""
    found: dict[int, dict[str, list[bytes]]] = {}
    for row in rows:
        found.setdefault(row.key.day, {}).setdefault(row.key.account_key, []).append(row.hashes)
    return [
        {
            "day": date.fromordinal(day).isoformat(),
            "accounts": max((distinct(blobs).count for blobs in found.get(day, {}).values()), default=0),
            "complete": "yes" if day in complete else "no",
        }
        for day in sorted(given.window.lengths)
    ]
