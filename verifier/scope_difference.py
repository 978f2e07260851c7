"""What changed between two versions of the scope: structured, complete, in one order.

Both scopes are laid out flat, one text at every place, in the words of the scope file; what differs
at a place is a difference. So a field is either laid out or invisible, and a test lays out all of
them. Not a difference: the order of hosts and exclusions, which decides nothing, comments, and the
hash of the file, which stands beside every version anyway.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from fractions import Fraction

from verifier import decimals
from verifier.scope import BITS_PER_MEGABIT, DeclaredHost, Exclusion, Scope

Place = tuple[str, ...]


def differences(before: Scope, after: Scope) -> list[dict[str, str]]:
    """Return ``place``, ``before`` and ``after`` of everything that differs, sorted by place.

    All are texts; an empty one says that there was, or is, nothing at that place. A host that came
    or went also has a difference at its own place, ``hosts NAME``, with the text ``declared``.
    Days are ISO dates, bandwidths Mbit/s (10^6 bit/s), rates operations per second.
    """
    old, new = dict(_flat(before)), dict(_flat(after))
    return [
        {"place": " ".join(place), "before": old.get(place, ""), "after": new.get(place, "")}
        for place in sorted(old.keys() | new.keys())
        if old.get(place) != new.get(place)
    ]


def _flat(scope: Scope) -> Iterator[tuple[Place, str]]:
    yield ("enterprise",), scope.enterprise
    yield ("timezone",), scope.timezone
    yield ("edition",), scope.edition
    yield ("window", "from"), _day(scope.first_day)
    yield ("window", "to"), _day(scope.last_day)
    for key, definition in scope.definitions.items():
        yield ("definitions", key), definition
    for key, rule in scope.substitution.items():
        yield ("substitution", key), rule
    for key, count in scope.head_counts.items():
        yield ("head_counts", key), str(count)
    if scope.users is not None:
        yield ("users", "head_count"), scope.users.head_count
        if scope.users.sources:
            yield ("users", "sources"), ", ".join(f"{host}/{source}" for host, source in scope.users.sources)
    yield from _money(scope)
    for host in scope.hosts:
        yield from _host(host, window_first=scope.first_day)
    yield from _exclusions(scope.exclusions)


def _money(scope: Scope) -> Iterator[tuple[Place, str]]:
    if scope.it_cost is not None:
        yield ("it_cost", "items"), ", ".join(scope.it_cost.items)
        for side, period in (("before", scope.it_cost.before), ("after", scope.it_cost.after)):
            if period is not None:
                yield ("it_cost", side), " to ".join(period)
    if scope.investment is not None:
        yield ("investment",), "declared"
        if scope.investment.days is not None:
            yield ("investment", "from"), _day(scope.investment.days[0])
            yield ("investment", "to"), _day(scope.investment.days[1])
        if scope.investment.counts:
            yield ("investment", "counts"), ", ".join(scope.investment.counts)


def _host(host: DeclaredHost, *, window_first: int) -> Iterator[tuple[Place, str]]:
    place = ("hosts", host.id)
    yield place, "declared"
    if host.sources:
        yield (*place, "sources"), ", ".join(host.sources)
    if host.iops_limit is not None:
        yield (*place, "iops_limit"), decimals.plain(host.iops_limit)
    if len(host.capacities) == 1 and host.capacities[0].first_day == window_first:
        # It holds all through: a window that moved has not changed the bandwidth.
        yield (*place, "bandwidth_mbps"), _mbps(host.capacities[0].bps)
        return
    for capacity in host.capacities:
        yield (*place, "capacity", _day(capacity.first_day)), _mbps(capacity.bps)


def _exclusions(exclusions: tuple[Exclusion, ...]) -> Iterator[tuple[Place, str]]:
    counts: dict[Place, int] = {}
    for exclusion in sorted(exclusions, key=lambda e: (e.first_day, e.last_day, e.reason, e.person)):
        place: Place = ("exclusions", _day(exclusion.first_day), "to", _day(exclusion.last_day))
        counts[place] = counts.get(place, 0) + 1
        if counts[place] > 1:  # the same days once more, with another reason or person
            place = (*place, f"({counts[place]})")
        yield (*place, "reason"), exclusion.reason
        yield (*place, "person"), exclusion.person


def _day(ordinal: int) -> str:
    return date.fromordinal(ordinal).isoformat()


def _mbps(bps: Fraction) -> str:
    return decimals.plain(bps / BITS_PER_MEGABIT)
