"""What a source offers, within bounds: its machines, and the metrics that an account wants of it."""

from __future__ import annotations

from collector.polling.accounts import Account
from collector.sources.errors import AnswerError, RangeError
from collector.sources.interface import Instance, Source

MAX_INSTANCES = 100_000
"""In one account; more need several collectors."""


def instances(source: Source) -> list[Instance]:
    """Return the machines that a source knows.

    Raises:
        AnswerError: one stands twice.
        RangeError: there are too many.
        SourceError: what the source says.
    """
    found: dict[str, Instance] = {}
    for instance in source.inventory():
        if instance.id in found:
            raise AnswerError(f"the inventory has the instance {instance.id} twice")
        found[instance.id] = instance
        if len(found) > MAX_INSTANCES:
            raise RangeError(f"more than {MAX_INSTANCES} instances; poll fewer regions with one account")
    return list(found.values())


def metrics(account: Account, source: Source) -> tuple[str, ...]:
    """Return the metrics to poll.

    Raises:
        RangeError: the account wants one that the source does not have.
    """
    offered = tuple(source.metrics())
    unknown = [metric for metric in account.metrics if metric not in offered]
    if unknown:
        raise RangeError(
            f"{account.provider} does not measure {', '.join(unknown)}; it has {', '.join(offered)}"
        )
    return account.metrics or offered
