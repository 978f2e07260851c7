"""Trying an account out before it is polled: what works, which permission is missing, what it will cost."""

from __future__ import annotations

from dataclasses import dataclass

from collector.errors import CollectorError
from collector.polling import budget
from collector.polling.accounts import Account
from collector.polling.budget import Budget
from collector.polling.opening import Keys, explained, open_source
from collector.sources.calling import Clocks
from collector.sources.errors import PermissionMissing
from collector.sources.interface import Probe
from collector.sources.registry import Plugins

MAX_PROBES = 100


@dataclass(frozen=True)
class Tried:
    """What became of trying an account. ``policy`` is empty unless a permission is missing."""

    alias: str
    provider: str
    experimental: bool
    probes: tuple[Probe, ...]
    policy: str = ""
    budget: Budget | None = None

    @property
    def ok(self) -> bool:
        """Whether everything worked."""
        return all(probe.ok for probe in self.probes)

    @property
    def missing(self) -> tuple[str, ...]:
        """The permissions that are missing, in the provider's words."""
        return tuple(dict.fromkeys(p.permission_missing for p in self.probes if p.permission_missing))


def try_out(account: Account, plugins: Plugins, *, clocks: Clocks, keys: Keys) -> Tried:
    """Return what works of an account. A refusal is an answer, not an error.

    The budget is that of an account nothing was read of yet.

    Raises:
        SourceError: the source cannot be opened.
    """
    source = open_source(account, plugins, clocks=clocks, keys=keys)
    probes: list[Probe] = []
    try:
        with explained(keys, f"source {account.alias}"):
            for probe in source.probe():
                probes.append(_redacted(probe, keys))
                if len(probes) == MAX_PROBES:
                    break
    except CollectorError as error:
        probes.append(_failed("probe", error))
    planned = None
    if not probes or any(probe.ok for probe in probes):  # else there is nobody to ask what there is
        try:
            with explained(keys, f"source {account.alias}"):
                wanted = [
                    one.id for one in source.inventory() if not account.only_mapped or one.id in account.hosts
                ]
                metrics = account.metrics or tuple(source.metrics())
                marks = {metric: [None] * len(wanted) for metric in metrics}
                planned = budget.budget(account, source, marks, now_ms=clocks.wall_ms())
        except CollectorError as error:
            if all(probe.ok for probe in probes):  # what failed before says more
                probes.append(_failed("budget", error))
    missing = any(probe.permission_missing for probe in probes)
    return Tried(
        account.alias,
        account.provider,
        source.experimental,
        tuple(probes),
        source.policy() if missing else "",
        planned,
    )


def _failed(what: str, error: CollectorError) -> Probe:
    permission = error.permission if isinstance(error, PermissionMissing) else ""
    return Probe(what, False, str(error), permission)


def _redacted(probe: Probe, keys: Keys) -> Probe:
    return Probe(probe.what, probe.ok, keys.redactor.text(probe.detail), probe.permission_missing)
