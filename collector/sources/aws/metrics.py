"""Which metric of CloudWatch is which of ours.

- Traffic and operations are counts: their statistic is ``Sum``, divided by the period. Under basic
  monitoring one sample holds five minutes, and a minute's sum would hold them all: sums are never
  asked for by less than five minutes.
- ``NetworkIn`` and ``NetworkOut`` are of all interfaces, private traffic included.
- ``EBSReadOps`` exists on Nitro machines; the others are answered from their volumes
  (``VolumeReadOps``). ``DiskReadOps`` is of instance stores only and is not asked for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from collector.sources.errors import RangeError
from collector.sources.interface import (
    ALL_INTERFACES,
    AVERAGE,
    CPU,
    DISK_READS,
    DISK_WRITES,
    METRICS,
    NET_RX,
    NET_TX,
    NO_SCOPE,
    SUM,
    Retention,
    Span,
)

_MINUTE_MS = 60_000
FIVE_MINUTES_MS = 300_000
_HOUR_MS = 3_600_000
_DAY_MS = 86_400_000
RETENTION = (
    Retention(_MINUTE_MS, 15 * _DAY_MS),
    Retention(FIVE_MINUTES_MS, 63 * _DAY_MS),
    Retention(_HOUR_MS, 455 * _DAY_MS),
)
"""CloudWatch keeps points so long, and answers a question that is too fine for its age with silence."""
MAX_PERIOD_MS = _DAY_MS
MACHINE = "InstanceId"
VOLUME = "VolumeId"


@dataclass(frozen=True)
class Metric:
    """One metric of CloudWatch; ``volumes`` is the one that its volumes have instead."""

    namespace: str
    name: str
    dimension: str = MACHINE
    statistic: str = AVERAGE
    scope: str = NO_SCOPE
    volumes: Metric | None = None


def _operations(name: str, of_volumes: str) -> Metric:
    volumes = Metric("AWS/EBS", of_volumes, VOLUME, SUM)
    return Metric("AWS/EC2", name, statistic=SUM, volumes=volumes)


TABLE: Mapping[str, Metric] = MappingProxyType(
    {
        CPU: Metric("AWS/EC2", "CPUUtilization"),
        NET_RX: Metric("AWS/EC2", "NetworkIn", statistic=SUM, scope=ALL_INTERFACES),
        NET_TX: Metric("AWS/EC2", "NetworkOut", statistic=SUM, scope=ALL_INTERFACES),
        DISK_READS: _operations("EBSReadOps", "VolumeReadOps"),
        DISK_WRITES: _operations("EBSWriteOps", "VolumeWriteOps"),
    }
)


def metric_of(metric: str) -> Metric:
    """Return the metric of CloudWatch.

    Raises:
        RangeError: there is none.
    """
    found = TABLE.get(metric)
    if found is None:
        raise RangeError(
            f"aws has no metric {metric}; it has {', '.join(name for name in METRICS if name in TABLE)}"
        )
    return found


def finest_period_ms(start_ms: int, *, now_ms: int) -> int:
    """Return the finest period at which what began at ``start_ms`` can still be read.

    Raises:
        RangeError: nothing so old is kept.
    """
    for kept in RETENTION:
        # One period more: time goes on while the question is on its way.
        if start_ms >= now_ms - kept.keeps_ms - kept.period_ms:
            return kept.period_ms
    oldest_ms = now_ms - RETENTION[-1].keeps_ms
    raise RangeError(f"aws keeps averages since {oldest_ms} ms only; the span begins at {start_ms} ms")


def period_asked(metric: Metric, span: Span, period_ms: int, *, now_ms: int) -> int:
    """Return the period to ask CloudWatch for, in ms: ``period_ms``, or five minutes for a sum.

    Raises:
        RangeError: CloudWatch has no such period, not so far back, or the span is not on it.
    """
    if not 0 < period_ms <= MAX_PERIOD_MS or period_ms % _MINUTE_MS:
        raise RangeError(f"aws: a period is a multiple of 60 s up to a day, not {period_ms} ms")
    finest_ms = finest_period_ms(span.start_ms, now_ms=now_ms)
    if period_ms % finest_ms:
        raise RangeError(
            f"aws keeps what is so old by {finest_ms // 1000} s; ask for a multiple of it, not {period_ms} ms"
        )
    asked_ms = FIVE_MINUTES_MS if metric.statistic == SUM and period_ms < FIVE_MINUTES_MS else period_ms
    if span.start_ms % asked_ms or span.end_ms % asked_ms:
        raise RangeError(f"aws: a span begins and ends on multiples of its period of {asked_ms} ms")
    return asked_ms
