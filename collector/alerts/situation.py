"""How everything stands at one instant: what the rules decide over, and what Prometheus is told. Plain records."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from collector.alerts.coverage import Coverage
from collector.alerts.hosts import State

DEFAULT_COVERAGE_PERCENT = 95


@dataclass(frozen=True)
class HostFacts:
    """One host. Instants in ms since 1970; ``coverage`` ``None``: nobody expects readings of it."""

    name: str
    state: State
    arrived_ms: int | None = None
    read_ms: int | None = None
    lag_ms: int | None = None
    """How long after its last reading the newest chunk arrived: the age of the spool then."""
    clock_offset_ms: int | None = None
    """The collector's clock minus the host's, as its newest chunk tells; ``None``: never measured."""
    coverage: Coverage | None = None
    quiet: tuple[tuple[str, int], ...] = ()
    """Sources that report beside its agent and do so no more, with when each was last heard of."""


@dataclass(frozen=True)
class History:
    """One account of a cloud or monitor. ``left_days``: until it begins to forget what is not read yet, 0: it does."""

    alias: str
    left_days: int | None = None
    metric: str = ""
    problem: str = ""
    failures: int = 0
    unread_ms: int | None = None
    """How long ago the time is until which it was read last; ``None``: it was never read."""
    every_ms: int = 0
    """How often it is to be read."""
    broken: bool = False
    """Not an account: the file of accounts, which cannot be used, or only a part of it."""


@dataclass(frozen=True)
class AnchorFacts:
    """One anchor: how many checkpoints wait, how often the next failed, since when, when it took the last."""

    alias: str
    waiting: int
    attempts: int
    waiting_since_ms: int | None
    taken_ms: int | None


@dataclass(frozen=True)
class Disk:
    """The disk of the store, in bytes."""

    free: int
    size: int


@dataclass(frozen=True)
class Situation:
    """Everything. ``anchors_configured`` ``None``: their settings cannot be read.

    ``days_unmarked``: local days that are over and stand in no checkpoint although they should.
    ``began_ms``: when the log's first leaf arrived, ``None`` for an empty one.
    """

    made_ms: int
    month: str
    percent: int = DEFAULT_COVERAGE_PERCENT
    hosts: tuple[HostFacts, ...] = ()
    histories: tuple[History, ...] = ()
    anchors: tuple[AnchorFacts, ...] = ()
    anchors_configured: int | None = 0
    began_ms: int | None = None
    days_unmarked: int = 0
    findings: Mapping[str, int] = field(default_factory=dict)
    disk: Disk | None = None
    certificate_begins_ms: int | None = None
    """When hosts begin to believe the server's certificate; ``None`` as below."""
    certificate_ends_ms: int | None = None
    """When hosts stop believing the server's certificate; ``None``: there is none, or it is not known."""
    certificate_problem: str = ""
    """Why the certificate and key in the files cannot be used."""
