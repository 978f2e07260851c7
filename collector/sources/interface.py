"""What every source answers: typed values with units, statistic, period, scope and request ids.

Rules that hold for all of them:

1. Times are integers, ms since 1970 in UTC. Values are ``Decimal`` as the provider wrote them.
2. A point that the provider does not have is missing: never zero, never filled in.
3. Only averages become points: the provider's average, or its sum divided by the period
   (``collector.sources.points.per_second``). A maximum or a last value is never averaged.
4. Metrics and units are those of ``evidence.manifest.UNITS``: ``cpu.utilization`` (percent),
   ``net.rx.rate``, ``net.tx.rate`` (byte/s), ``disk.reads.rate``, ``disk.writes.rate`` (operation/s).
5. Every instance that was asked for is answered with a series; one without data has no points.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol, runtime_checkable

from collector.sources.errors import ConflictingPoints, RangeError
from evidence.manifest import UNITS

CPU = "cpu.utilization"
NET_RX = "net.rx.rate"
NET_TX = "net.tx.rate"
DISK_READS = "disk.reads.rate"
DISK_WRITES = "disk.writes.rate"
METRICS = (CPU, NET_RX, NET_TX, DISK_READS, DISK_WRITES)

AVERAGE = "average"
SUM = "sum"
LAST = "last"
STATISTICS = (AVERAGE, SUM, LAST)

PUBLIC = "public"
ALL_INTERFACES = "all_interfaces"
NO_SCOPE = ""
SCOPES = (PUBLIC, ALL_INTERFACES, NO_SCOPE)

COMMITTED = "committed"
"""Bandwidth that was bought."""
TRAFFIC_CAP = "traffic_cap"
"""Only an upper limit: what is paid for is the traffic (PayByTraffic)."""

CHARGE = "charge"
REFUND = "refund"
ADJUSTMENT = "adjustment"
CASH = "cash"
"""Booked in the month it was paid."""
AMORTISED = "amortised"
"""Spread over the months it was paid for."""


@dataclass(frozen=True)
class Span:
    """The time [``start_ms``, ``end_ms``), aligned to the period by whoever asks."""

    start_ms: int
    end_ms: int

    def __post_init__(self) -> None:
        """Refuse a span without time.

        Raises:
            RangeError: it ends before or where it starts.
        """
        if self.start_ms >= self.end_ms:
            raise RangeError(f"a span ends after it starts; this one is {self.start_ms} to {self.end_ms} ms")

    @property
    def length_ms(self) -> int:
        """How long it is, in ms."""
        return self.end_ms - self.start_ms


@dataclass(frozen=True)
class Point:
    """The average over [``start_ms``, ``start_ms + length_ms``), in the unit of the metric."""

    start_ms: int
    length_ms: int
    value: Decimal

    @property
    def end_ms(self) -> int:
        """The first instant that is not covered, ms since 1970."""
        return self.start_ms + self.length_ms


@dataclass(frozen=True)
class Series:
    """One metric of one instance over a span.

    ``points`` ascend and do not overlap. ``answered`` is shorter than ``asked`` where the provider
    moved an end of the range by itself; what lies between is unknown, not missing.
    """

    instance: str
    metric: str
    statistic: str
    scope: str
    period_ms: int
    points: tuple[Point, ...]
    request_ids: tuple[str, ...]
    asked: Span
    answered: Span

    def __post_init__(self) -> None:
        """Check the words and the order of the points.

        Raises:
            ValueError: a word that is not in this module's lists (a fault of the source's code).
            ConflictingPoints: points are not ascending, overlap, or cover no time.
        """
        if self.metric not in METRICS or self.statistic not in STATISTICS or self.scope not in SCOPES:
            raise ValueError(f"not words of a series: {self.metric!r}, {self.statistic!r}, {self.scope!r}")
        free_ms = None
        for point in self.points:
            if point.length_ms <= 0 or (free_ms is not None and point.start_ms < free_ms):
                raise ConflictingPoints(
                    f"{self.instance} {self.metric}: the point at {point.start_ms} ms covers no time"
                    " or time that another one covers"
                )
            free_ms = point.end_ms

    @property
    def unit(self) -> str:
        """The unit of the values, from the manifest's list."""
        return UNITS[self.metric][1]


@dataclass(frozen=True)
class Bandwidth:
    """Bandwidth of one network resource in Mbit/s (10^6 bit/s). ``kind``: committed or traffic_cap."""

    mbps: Decimal
    kind: str
    scope: str
    resource: str


@dataclass(frozen=True)
class Instance:
    """One machine as its provider describes it. ``cpus`` ``None``: the provider does not say."""

    id: str
    name: str
    region: str
    state: str
    addresses: tuple[str, ...]
    bandwidths: tuple[Bandwidth, ...]
    cpus: int | None
    request_ids: tuple[str, ...]


@dataclass(frozen=True)
class Bill:
    """What one product cost in one month (``YYYY-MM``). ``final``: the month is closed."""

    month: str
    product: str
    amount: Decimal
    currency: str
    kind: str
    basis: str
    final: bool
    request_ids: tuple[str, ...]


@dataclass(frozen=True)
class Retention:
    """Averages over ``period_ms`` can be read back for ``keeps_ms``."""

    period_ms: int
    keeps_ms: int


@dataclass(frozen=True)
class Probe:
    """One thing that was tried. ``permission_missing`` names the permission to add, "" if none is."""

    what: str
    ok: bool
    detail: str
    permission_missing: str = ""


@runtime_checkable
class Source(Protocol):
    """A cloud account or a monitor. Every method that asks raises ``SourceError``s."""

    @property
    def name(self) -> str:
        """``aliyun``, ``aws``, ``tencent``, ``huawei``, ``ctyun``, ``prometheus``, ``zabbix``, or another one's."""
        ...

    @property
    def experimental(self) -> bool:
        """Whether it was written from documentation alone, with no SDK of the provider to compare with."""
        ...

    def metrics(self) -> Sequence[str]:
        """Return the names from ``METRICS`` that it can answer."""
        ...

    def retention(self) -> Sequence[Retention]:
        """Return how far back each period can be read, finest first; empty if the system does not say."""
        ...

    def inventory(self) -> Iterator[Instance]:
        """Yield the machines it knows, each once."""
        ...

    def averages(self, metric: str, instances: Sequence[str], span: Span, period_ms: int) -> Iterator[Series]:
        """Yield one series for each instance.

        Raises:
            RangeError: the metric, period or span cannot be answered.
        """
        ...

    def bills(self, months: Sequence[str]) -> Iterator[Bill]:
        """Yield the bills of months written ``YYYY-MM``; nothing where a source has no bills."""
        ...

    def calls_for(self, metric: str, instances: int, span: Span, period_ms: int) -> int:
        """Return how many calls ``averages`` makes at most, without retries."""
        ...

    def policy(self) -> str:
        """Return the least-privilege policy to paste, JSON; "" where there is none."""
        ...

    def probe(self) -> Iterator[Probe]:
        """Try what is needed, one thing after another; a refusal is an answer, not an error."""
        ...
