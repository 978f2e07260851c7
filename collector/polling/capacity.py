"""Purchased bandwidth becomes averages of the source: over the time between two looks that agree.

1. Two looks at the inventory that say the same of an instance say it of the time between them; if
   they differ nobody knows when it changed, and that time is left out.
2. Only bandwidth of the public line counts. Several lines of one instance add up. If any of them is
   only a cap (its traffic is paid for), the sum is a cap: nothing is called bought that was not.
3. No bandwidth in the inventory is no value. Zero is one: there is no line.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy import Connection

from collector.importing import numbers
from collector.importing.samples import Sample
from collector.polling.chain import Chain, Teller
from collector.polling.hosts import Target
from collector.polling.sealing import Answered
from collector.sources.interface import AVERAGE, COMMITTED, PUBLIC, Instance
from collector.store import polls, registry
from evidence.manifest import MAX_INTERVAL_MS, NET_CAP, NET_COMMITTED

BITS_PER_MEGABIT = 10**6


@dataclass(frozen=True)
class Look:
    """One look at the inventory: when, what there was, and since when each has the same bandwidths."""

    number: int
    time_ms: int
    instances: Mapping[str, Instance]
    same_since_ms: Mapping[str, int]


def store(
    connection: Connection, teller: Teller, targets: Sequence[Target], look: Look, *, now_ms: int
) -> int:
    """Seal the capacities of some targets since the look before; return of how many.

    Raises:
        RefusedChunkError: undo the transaction.
        StoreError: the same.
    """
    connection.execute(registry.identity_lock())
    count = 0
    for target in targets:
        since_ms = look.same_since_ms.get(target.instance)
        found = bought(look.instances[target.instance]) if target.instance in look.instances else None
        if since_ms is None or found is None or not 0 < look.time_ms - since_ms <= MAX_INTERVAL_MS:
            continue
        metric, value = found
        length_ms = look.time_ms - since_ms
        sample = Sample(0, since_ms, length_ms, value, length_ms)
        chain = Chain(connection, teller, target, now_ms=now_ms)
        if chain.sealed(metric, since_ms, look.time_ms).covers(sample):
            continue
        ids = polls.keep_requests(connection, look.number, look.instances[target.instance].request_ids)
        chain.add([sample], Answered(metric, AVERAGE, PUBLIC, length_ms, ids))
        count += 1
    return count


def bought(instance: Instance) -> tuple[str, int] | None:
    """Return the metric and the bandwidth in units of 10^-9 bit/s, ``None`` if there is no usable one."""
    public = [one for one in instance.bandwidths if one.scope == PUBLIC]
    if not public:
        return None
    total = sum((one.mbps for one in public), start=Decimal(0))
    try:
        value = numbers.value(str(total * BITS_PER_MEGABIT))
    except ValueError:
        return None
    if value is None:
        return None
    return (NET_COMMITTED if all(one.kind == COMMITTED for one in public) else NET_CAP), value
