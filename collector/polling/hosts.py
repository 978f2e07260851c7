"""Which host an instance is. Pure.

An instance has the host name that the settings map it to, else its own name, else its id. No host
is two instances of one provider: neither of those would be told apart in what was sealed, so none
of them is polled until the settings say which is which.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from collector.names import is_host_name, shown
from collector.polling.accounts import Account
from collector.store.inventories import Seen


@dataclass(frozen=True)
class Target:
    """An instance that is polled, and the host that it is."""

    instance: str
    host: str
    region: str
    last_seen_ms: int
    """When the inventory had it last; 0: never, only the settings name it."""


@dataclass(frozen=True)
class Assigned:
    """Targets sorted by instance, and why other instances are not polled."""

    targets: tuple[Target, ...]
    refused: tuple[str, ...]


def assign(
    account: Account, seen: Iterable[Seen], *, latest_ms: int, taken: Mapping[str, tuple[str, str]]
) -> Assigned:
    """Return what is polled of an account.

    Args:
        account: its settings.
        seen: every instance that the account ever had.
        latest_ms: time of the newest inventory; what it did not have is gone.
        taken: (alias, instance) of the hosts that other accounts of this provider have now.
    """
    targets = []
    refused = []
    owners: dict[str, list[Target]] = {}
    known = {one.instance: one for one in seen}
    for instance in account.hosts.keys() - known.keys():
        known[instance] = Seen(account.alias, instance, "", "", "", "[]", 0)
    for instance in sorted(known):
        one = known[instance]
        if account.only_mapped and instance not in account.hosts:
            continue
        target = Target(instance, host_of(account, one), one.region, one.last_seen_ms)
        if one.last_seen_ms >= latest_ms or instance in account.hosts:
            owners.setdefault(target.host, []).append(target)
        else:
            targets.append(target)  # gone, but its past may still be there
    for host, rivals in owners.items():
        other = taken.get(host)
        names = [rival.instance for rival in rivals]
        if len(rivals) > 1 or other is not None:
            others = names if other is None else [*names, f"{other[1]} of {other[0]}"]
            refused.append(
                f"{shown(', '.join(others))} would all be the host {host!r}; "
                "name one host for each under [sources.hosts]"
            )
        else:
            targets.extend(rivals)
    return Assigned(tuple(sorted(targets, key=lambda one: one.instance)), tuple(refused))


def host_of(account: Account, one: Seen) -> str:
    """Return the host name of an instance."""
    if one.instance in account.hosts:
        return account.hosts[one.instance]
    name = one.name.strip()
    return name if is_host_name(name) else shown(one.instance)[:128]
