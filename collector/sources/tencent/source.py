"""腾讯云 (Tencent Cloud) as a source."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from collector.sources import months as calendar
from collector.sources.cloud_account import AccountTable
from collector.sources.interface import (
    CPU,
    DISK_READS,
    DISK_WRITES,
    Bill,
    Instance,
    Probe,
    Retention,
    Series,
    Span,
)
from collector.sources.parts import groups, summed
from collector.sources.places import Places
from collector.sources.probing import tried
from collector.sources.questions import Question, require_known
from collector.sources.registry import Tools
from collector.sources.slices import batches, require_range
from collector.sources.tencent import billing, inventory
from collector.sources.tencent import metrics as catalogue
from collector.sources.tencent.client import VERSIONS, Credential, TencentClient
from collector.sources.tencent.metrics import MAX_INSTANCES, MEASURES, OFFERED, RETENTION, Measure, Monitor
from collector.sources.tencent.policy import POLICY
from collector.sources.web import Reach, Web

NAME = "tencent"
KEYS = ("key_id", "secret", "token", "regions", "currency", "endpoints", "ca_file", "proxy")
_DISKS = (DISK_READS, DISK_WRITES)
MAX_DISKS = 21
"""Of one machine: 20 data disks and the system disk."""
LISTS = (("cvm", "DescribeInstances"), ("vpc", "DescribeAddresses"), ("cbs", "DescribeDisks"))
_MINUTE_MS = 60_000
_NOBODY = "ins-00000000"


class Tencent:
    """One account. ``currency`` is that of its bills, which do not say it."""

    name = NAME
    experimental = False

    def __init__(self, client: TencentClient, regions: Sequence[str], *, currency: str = "CNY") -> None:
        self._client = client
        self._regions = tuple(regions)
        self._currency = currency
        self._monitor = Monitor(client, region=self._regions[0])
        self._places = Places(regions, self._present)

    def metrics(self) -> Sequence[str]:
        """Return the metrics it can answer."""
        return tuple(MEASURES)

    def retention(self) -> Sequence[Retention]:
        """Return the one period that has averages of all metrics, and how long they are kept."""
        return OFFERED

    def inventory(self) -> Iterator[Instance]:
        """Yield the machines of all regions."""
        for region in self._regions:
            for machine in inventory.instances(self._client, region):
                self._places.remember(machine.id, region)
                yield machine

    def averages(self, metric: str, instances: Sequence[str], span: Span, period_ms: int) -> Iterator[Series]:
        """Yield one series for each instance.

        Raises:
            RangeError: the metric or span cannot be answered, or the period has only maxima.
        """
        require_known(metric, MEASURES, where=self.name)
        where = f"{self.name} {metric}"
        require_range(span, period_ms, retention=RETENTION, now_ms=self._client.now_ms, where=where)
        measure = self._monitor.measure(metric, period_ms)
        question = Question(metric, measure.statistic, measure.scope, span, period_ms)
        read = self._of_disks if metric in _DISKS else self._of_machines
        for region, here in self._places.by_region(tuple(dict.fromkeys(instances))).items():
            yield from read(question, measure, here, region)

    def _of_machines(
        self, question: Question, measure: Measure, instances: Sequence[str], region: str
    ) -> Iterator[Series]:
        for batch in batches(instances, MAX_INSTANCES):
            found = self._monitor.read(measure, batch, question.span, question.period_ms, region)
            for name in batch:
                yield question.series(name, found[name].points, found[name].request_ids)

    def _of_disks(
        self, question: Question, measure: Measure, instances: Sequence[str], region: str
    ) -> Iterator[Series]:
        disks = inventory.disks(self._client, region, instances)
        for group in groups(disks, MAX_INSTANCES):
            asked = [disk.id for name in group for disk in disks[name]]
            found = self._monitor.read(measure, asked, question.span, question.period_ms, region)
            points = {disk: found[disk].points for disk in asked}
            for name in group:
                request_ids = [number for disk in disks[name] for number in found[disk.id].request_ids]
                sums = summed(disks[name], points, where=f"{name} {question.metric}")
                yield question.series(name, sums, request_ids)

    def bills(self, months: Sequence[str]) -> Iterator[Bill]:
        """Yield the account's bills."""
        for month in months:
            yield from billing.bills(self._client, month, currency=self._currency)

    def calls_for(self, metric: str, instances: int, span: Span, period_ms: int) -> int:
        """Return how many calls of GetMonitorData ``averages`` makes at most.

        Only those count against the free million a month. Of the disks only the limit is known.

        Raises:
            RangeError: the metric cannot be answered.
        """
        require_known(metric, MEASURES, where=self.name)
        if metric in _DISKS:
            return instances * catalogue.calls_for(MAX_DISKS, span, period_ms)
        # Instances of several regions may not fill the batches.
        return catalogue.calls_for(instances, span, period_ms) * min(len(self._regions), max(instances, 1))

    def policy(self) -> str:
        """Return the CAM policy to paste."""
        return POLICY

    def probe(self) -> Iterator[Probe]:
        """Try each permission with the smallest question there is."""
        page = {"Offset": 0, "Limit": 1}
        for region in self._regions:
            for service, action in LISTS:
                yield tried(
                    f"{service} {action} {region}",
                    partial(self._client.call, service, action, page, region=region),
                )
        yield tried("monitor DescribeBaseMetrics", partial(self._monitor.usable, CPU))
        yield tried("monitor GetMonitorData", self._newest)
        month = calendar.before(self._client.now_ms)
        yield tried(f"bills of {month}", partial(billing.asked, self._client, month))

    def _newest(self) -> None:
        end_ms = self._client.now_ms - self._client.now_ms % _MINUTE_MS
        span = Span(end_ms - _MINUTE_MS, end_ms)
        region = self._regions[0]
        # Of a machine that does not exist there are no points, but the permission shows.
        name = next(inventory.identifiers(self._client, region), _NOBODY)
        self._monitor.read(MEASURES[CPU][0], (name,), span, _MINUTE_MS, region)

    def _present(self, region: str, wanted: Sequence[str]) -> Collection[str]:
        return set(wanted).intersection(inventory.identifiers(self._client, region))


def open_source(settings: Mapping[str, Any], tools: Tools) -> Tencent:
    """Return the source of one account from its settings, whose secrets are references.

    Raises:
        SettingsError: a setting is missing, unknown or wrong.
        CredentialError: a secret cannot be read.
    """
    table = AccountTable(settings, source=NAME, known=KEYS)
    secret = tools.secret(table.text("secret"))
    reference = table.optional_text("token")
    token = tools.secret(reference) if reference else None
    ca_file = table.optional_text("ca_file")
    reach = Reach(ca_file=Path(ca_file) if ca_file else None, proxy=table.optional_text("proxy"))
    client = TencentClient(
        Credential(table.text("key_id"), secret, token),
        caller=tools.caller(*(secret, token) if token else (secret,)),
        web=Web(tools.clocks, reach),
        endpoints=table.endpoints(tuple(VERSIONS)),
    )
    return Tencent(client, table.regions(), currency=table.optional_text("currency") or "CNY")
