"""Which host an instance is. Pure.

An instance has the host name that the settings map it to, else its own name, else its id. No host
is two instances of one provider: neither of those would be told apart in what was sealed, so none
of them is polled until the settings say which is which.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from collector.names import is_host_name, shown
from collector.polling.accounts import Account
from collector.store.inventories import Seen
from evidence.chunk import MAX_NAME


@dataclass(frozen=True)
class Target:
    """An instance that is polled, and the host that it is.

    ``gone``: the newest inventory does not have it any more; its past may still be there until
    ``last_seen_ms``.
    """

    instance: str
    host: str
    region: str
    last_seen_ms: int = 0
    gone: bool = False


@dataclass(frozen=True)
class Assigned:
    """Targets sorted by instance, and why other instances are not polled."""

    targets: tuple[Target, ...]
    refused: tuple[str, ...]


def assign(account: Account, seen: Sequence[Seen], *, taken: Mapping[str, tuple[str, str]]) -> Assigned:
    """Return what is polled of an account.

    Args:
        account: its settings.
        seen: every instance that the account ever had.
        taken: (alias, instance) of the hosts that other accounts of this provider have now.
    """
    known = {one.instance: one for one in seen}
    now = {one.instance for one in current(account, seen)}
    targets = [
        Target(one.instance, host_of(account, one), one.region, one.last_seen_ms, gone=True)
        for one in known.values()
        if one.instance not in now and _wanted(account, one.instance)
    ]
    owners: dict[str, list[Target]] = {}
    for instance in now | set(account.hosts):
        one = known.get(instance, Seen(account.alias, instance, "", "", "", "[]", 0))
        owners.setdefault(host_of(account, one), []).append(
            Target(instance, host_of(account, one), one.region, one.last_seen_ms)
        )
    refused = []
    for host, rivals in sorted(owners.items()):
        names = sorted(rival.instance for rival in rivals)
        if host in taken:
            names.append(f"{taken[host][1]} of {taken[host][0]}")
        if len(names) > 1:
            refused.append(
                f"{shown(', '.join(names))} would all be the host {host!r}; "
                "name a host for each under [sources.hosts]"
            )
        else:
            targets.extend(rivals)
    return Assigned(tuple(sorted(targets, key=lambda one: one.instance)), tuple(refused))


def current(account: Account, seen: Sequence[Seen]) -> list[Seen]:
    """Return the instances that the newest inventory has, as far as they are wanted."""
    latest_ms = max((one.last_seen_ms for one in seen), default=0)
    return [one for one in seen if one.last_seen_ms >= latest_ms and _wanted(account, one.instance)]


def host_of(account: Account, one: Seen) -> str:
    """Return the host name of an instance."""
    if one.instance in account.hosts:
        return account.hosts[one.instance]
    name = one.name.strip()
    return name if is_host_name(name) else shown(one.instance)[:MAX_NAME]


def _wanted(account: Account, instance: str) -> bool:
    return not account.only_mapped or instance in account.hosts
