"""Which metric of CloudMonitor is which of ours, and which resources have it.

Rates of networks are bit/s there and byte/s here: a multiplication by 0.125, which is exact.
A metric is always asked for its average; resources whose only statistic is called ``Value``
(elastic addresses, shared bandwidths) write one value a minute, so they are asked by the minute.

``DiskReadIOPS`` is described once as the system disk's, once as all disks': what it counts is the
provider's word, and the agent's counters are the better source where both exist.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType

from collector.sources.errors import RangeError
from collector.sources.interface import (
    CPU,
    DISK_READS,
    DISK_WRITES,
    METRICS,
    NET_RX,
    NET_TX,
    NO_SCOPE,
    PUBLIC,
    Retention,
)

BYTES_PER_BIT = Decimal("0.125")
ONE = Decimal(1)
_MINUTE_MS = 60_000
_FIVE_MINUTES_MS = 300_000
_HOUR_MS = 3_600_000
_DAY_MS = 86_400_000
PERIODS_MS = (_MINUTE_MS, _FIVE_MINUTES_MS, _HOUR_MS)
"""The documents' lists conflict; these are what the basic metrics of machines are kept at."""
RETENTION = (Retention(_MINUTE_MS, 31 * _DAY_MS), Retention(_FIVE_MINUTES_MS, 91 * _DAY_MS))
"""DescribeMetricList: 31 days by the minute, 91 days from five minutes on."""


@dataclass(frozen=True)
class Metric:
    """One metric of the monitor: ``field`` of a point times ``factor`` is ours.

    ``part`` names the extra dimension over which the values of one resource are summed.
    """

    namespace: str
    name: str
    field: str = "Average"
    factor: Decimal = ONE
    scope: str = NO_SCOPE
    part: str = ""
    periods_ms: tuple[int, ...] = PERIODS_MS


@dataclass(frozen=True)
class Kind:
    """A kind of resource, known by how its ids begin."""

    prefix: str
    metrics: Mapping[str, Metric]


def _public(namespace: str, name: str, *, part: str = "") -> Metric:
    return Metric(namespace, name, factor=BYTES_PER_BIT, scope=PUBLIC, part=part)


def _by_minute(namespace: str, name: str) -> Metric:
    return Metric(namespace, name, "Value", BYTES_PER_BIT, PUBLIC, periods_ms=(_MINUTE_MS,))


_ECS = "acs_ecs_dashboard"
_COMMON = {
    CPU: Metric(_ECS, "CPUUtilization"),
    DISK_READS: Metric(_ECS, "DiskReadIOPS"),
    DISK_WRITES: Metric(_ECS, "DiskWriteIOPS"),
}
INSTANCE = Kind(
    "",
    MappingProxyType(
        {
            **_COMMON,
            NET_RX: _public(_ECS, "VPC_PublicIP_InternetInRate", part="ip"),
            NET_TX: _public(_ECS, "VPC_PublicIP_InternetOutRate", part="ip"),
        }
    ),
)
CLASSIC_INSTANCE = Kind(
    "",
    MappingProxyType(
        {
            **_COMMON,
            NET_RX: _public(_ECS, "InternetInRate"),
            NET_TX: _public(_ECS, "InternetOutRate"),
        }
    ),
)
ADDRESS = Kind(
    "eip-",
    MappingProxyType(
        {
            NET_RX: _by_minute("acs_vpc_eip", "net_rx.rate"),
            NET_TX: _by_minute("acs_vpc_eip", "net_tx.rate"),
        }
    ),
)
SHARED_BANDWIDTH = Kind(
    "cbwp-",
    MappingProxyType(
        {
            NET_RX: _by_minute("acs_bandwidth_package", "net_rx.rate"),
            NET_TX: _by_minute("acs_bandwidth_package", "net_tx.rate"),
        }
    ),
)
METRIC_OF_PROBE = INSTANCE.metrics[CPU]


def metric_of(metric: str, resource: str, *, period_ms: int, classic: Collection[str] = ()) -> Metric:
    """Return the monitor's metric that is ``metric`` of ``resource``.

    Raises:
        RangeError: there is none, or none of this period.
    """
    for kind in (ADDRESS, SHARED_BANDWIDTH):
        if resource.startswith(kind.prefix):
            break
    else:
        kind = CLASSIC_INSTANCE if resource in classic else INSTANCE
    found = kind.metrics.get(metric)
    if found is None:
        have = ", ".join(name for name in METRICS if name in kind.metrics)
        raise RangeError(f"aliyun: {resource} has no {metric}; it has {have}")
    if period_ms not in found.periods_ms:
        have = ", ".join(str(period // 1000) for period in found.periods_ms)
        raise RangeError(f"aliyun: {metric} of {resource} is read by {have} s, not by {period_ms // 1000} s")
    return found


def keeps_ms(period_ms: int) -> int:
    """Return how long averages over ``period_ms`` are kept."""
    return max(kept.keeps_ms for kept in RETENTION if kept.period_ms <= period_ms)
