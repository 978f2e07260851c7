"""From names to keyed hashes, in memory: what leaves this module holds no name."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

from collector.accounts.errors import AccountsError
from collector.accounts.interface import AccountSource
from evidence.accounts import account_hash, excluded_fact, normalised
from evidence.columns import MAX_ROWS
from evidence.errors import MalformedError

MOST_PAIRS = 100 * MAX_ROWS
"""Pairs of account and day in one reading: ten million."""
INT64_MOST = 2**63 - 1


@dataclass(frozen=True)
class Hashing:
    """How accounts are hashed and which are left out.

    ``key`` is the enterprise's and is not shown; ``domains`` are its own; ``excluded`` are robots and service
    accounts, whose names are shown in the report.
    """

    key: bytes = field(repr=False)
    domains: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()


@dataclass(frozen=True)
class Counted:
    """How often a hash was active on a day (ordinal), and what was left out on the way."""

    counts: dict[tuple[int, bytes], int]
    excluded: int
    nameless: int


def count(source: AccountSource, hashing: Hashing, first: date, last: date) -> Counted:
    """Return who was active from ``first`` to ``last`` as hashes.

    Raises:
        AccountsError: the source cannot be read, tells of other days or too many accounts, or names nobody in
            any record.
        MalformedError: the exclusion list cannot stand in a manifest.
    """
    excluded_fact(hashing.excluded)
    out = {normalised(name, domains=hashing.domains) for name in hashing.excluded}
    counts: dict[tuple[int, bytes], int] = {}
    left_out = nameless = 0
    for active in source.active(first, last):
        if not first <= active.day <= last:
            raise AccountsError("the source tells of days that were not asked for; correct its query or file")
        if normalised(active.account, domains=hashing.domains) in out:
            left_out += 1
            continue
        try:
            pair = (
                active.day.toordinal(),
                account_hash(hashing.key, active.account, domains=hashing.domains),
            )
        except MalformedError:
            nameless += 1
            continue
        counts[pair] = min(INT64_MOST, counts.get(pair, 0) + active.count)
        if len(counts) > MOST_PAIRS:
            raise AccountsError(f"more than {MOST_PAIRS} pairs of account and day; read fewer days at once")
    if nameless and not counts and not left_out:
        raise AccountsError(
            f"not one of {nameless} records names an account, so nothing is vouched for; correct what is read "
            "as account"
        )
    return Counted(counts, left_out, nameless)


def distinct_accounts(counted: Counted) -> int:
    """Return how many different hashes there are."""
    return len({digest for _, digest in counted.counts})
