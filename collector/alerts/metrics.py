"""What Prometheus is told of the situation: the same matters, and the numbers behind them.

Nothing is read here: a scrape shows what the last look found (at most about a minute old), so that
scraping a large fleet costs the store nothing. An unknown number is left out, never zero.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from collector.alerts.matters import CODES, Matter, Seen
from collector.alerts.situation import HostFacts, Situation

MS_PER_S = 1000
WHOLE_PERCENT = 100

_HOSTS: dict[str, tuple[str, Callable[[HostFacts], float | None]]] = {
    "last_arrival_timestamp_seconds": (
        "When something of the host was last stored",
        lambda host: None if host.arrived_ms is None else host.arrived_ms / MS_PER_S,
    ),
    "last_reading_timestamp_seconds": (
        "Wall clock of the newest reading that is stored",
        lambda host: None if host.read_ms is None else host.read_ms / MS_PER_S,
    ),
    "delivery_lag_seconds": (
        "How old the newest chunk was when it arrived: the age of the host's spool",
        lambda host: None if host.lag_ms is None else host.lag_ms / MS_PER_S,
    ),
    "clock_offset_seconds": (
        "The collector's clock minus the host's",
        lambda host: None if host.clock_offset_ms is None else host.clock_offset_ms / MS_PER_S,
    ),
    "coverage_best_ratio": (
        "The best coverage of this month that is left if all that is outstanding comes",
        lambda host: _ratio(host, 0),
    ),
    "coverage_worst_ratio": (
        "The best coverage of this month that is left if nothing that is outstanding comes",
        lambda host: _ratio(host, 1),
    ),
    "lost_seconds": (
        "Time of this month that is lost for good",
        lambda host: None if host.coverage is None else host.coverage.lost_ms / MS_PER_S,
    ),
    "outstanding_seconds": (
        "Time of this month that may still come",
        lambda host: None if host.coverage is None else host.coverage.outstanding_ms / MS_PER_S,
    ),
}


class AlertMetrics(Collector):
    """Families of gauges over what ``seen`` returns; it is ``None`` before the first look."""

    def __init__(self, seen: Callable[[], Seen | None]) -> None:
        self._seen = seen

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield the families."""
        found = self._seen()
        if found is None:
            return
        situation, matters = found
        yield from _attention(situation, matters)
        for name, (text, value) in _HOSTS.items():
            family = GaugeMetricFamily(f"starproof_host_{name}", text, labels=("host",))
            for host in situation.hosts:
                number = value(host)
                if number is not None:
                    family.add_metric((host.name,), number)
            yield family
        yield from _evidence(situation)


def _attention(situation: Situation, matters: Sequence[Matter]) -> Iterator[GaugeMetricFamily]:
    yield GaugeMetricFamily(
        "starproof_situation_timestamp_seconds",
        "When the situation was last looked at",
        situation.made_ms / MS_PER_S,
    )
    counts = Counter(one.code for one in matters)
    family = GaugeMetricFamily("starproof_attention", "Matters to look at", labels=("code", "kind"))
    for code, kind in CODES.items():
        family.add_metric((code, kind), counts[code])
    yield family
    each = GaugeMetricFamily(
        "starproof_attention_subject", "1 for every matter to look at", labels=("code", "kind", "subject")
    )
    for code, kind, subject in sorted({(one.code, one.kind, one.subject) for one in matters}):
        each.add_metric((code, kind, subject), 1)
    yield each
    yield GaugeMetricFamily(
        "starproof_coverage_wanted_ratio",
        "The coverage that is wanted of a month",
        situation.percent / WHOLE_PERCENT,
    )


def _evidence(situation: Situation) -> Iterator[GaugeMetricFamily]:
    left = GaugeMetricFamily(
        "starproof_source_history_left_seconds",
        "Time until the provider begins to forget what is not read yet",
        labels=("alias",),
    )
    for one in situation.histories:
        if one.left_days is not None:
            left.add_metric((one.alias,), one.left_days * 86_400)
    yield left
    waiting = GaugeMetricFamily(
        "starproof_anchor_waiting", "Checkpoints an anchor has not taken", labels=("alias",)
    )
    taken = GaugeMetricFamily(
        "starproof_anchor_last_taken_timestamp_seconds",
        "When an anchor last took a checkpoint",
        labels=("alias",),
    )
    for anchor in situation.anchors:
        waiting.add_metric((anchor.alias,), anchor.waiting)
        if anchor.taken_ms is not None:
            taken.add_metric((anchor.alias,), anchor.taken_ms / MS_PER_S)
    yield waiting
    yield taken
    yield GaugeMetricFamily(
        "starproof_log_days_unmarked", "Days that are over without a checkpoint", situation.days_unmarked
    )
    if situation.disk is not None:
        yield GaugeMetricFamily(
            "starproof_store_disk_free_bytes", "Free space on the store's disk", situation.disk.free
        )
        yield GaugeMetricFamily("starproof_store_disk_bytes", "Size of the store's disk", situation.disk.size)


def _ratio(host: HostFacts, which: int) -> float | None:
    one = host.coverage
    if one is None or not one.possible_ms:
        return None
    known = one.possible_ms - one.lost_ms - (one.outstanding_ms if which else 0)
    return max(0, known) / one.possible_ms
