"""华为云 (Huawei Cloud) as a source."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from collector.errors import SettingsError
from collector.sources import months as calendar
from collector.sources.cloud_account import AccountTable
from collector.sources.huawei import billing, inventory, metrics
from collector.sources.huawei.client import SERVICES, Credential, HuaweiClient, Request
from collector.sources.huawei.metrics import (
    MAX_METRICS,
    OF_ADDRESSES,
    OF_MACHINES,
    RETENTION,
    Measure,
    Reader,
)
from collector.sources.huawei.policy import POLICY
from collector.sources.interface import (
    ALL_INTERFACES,
    AVERAGE,
    CPU,
    PUBLIC,
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
from collector.sources.slices import require_range
from collector.sources.web import Reach, Web

NAME = "huawei"
KEYS = ("key_id", "secret", "token", "regions", "network", "endpoints", "ca_file", "proxy")
NETWORKS = (PUBLIC, ALL_INTERFACES)
MAX_ADDRESSES = 16
"""Elastic addresses of one machine, one for each of its network interfaces."""
_PERIOD_MS = 300_000
_NOBODY = "00000000-0000-0000-0000-000000000000"


class Huawei:
    """One account.

    ``network``: ``public`` reads the traffic of the elastic addresses, which is what bandwidth is
    bought for; ``all_interfaces`` what the hypervisor sees, private traffic included.
    """

    name = NAME
    experimental = False

    def __init__(self, client: HuaweiClient, regions: Sequence[str], *, network: str = PUBLIC) -> None:
        self._client = client
        self._regions = tuple(regions)
        self._by_address = OF_ADDRESSES if network == PUBLIC else {}
        self._places = Places(regions, self._present)

    def metrics(self) -> Sequence[str]:
        """Return the metrics it can answer."""
        return tuple(OF_MACHINES)

    def retention(self) -> Sequence[Retention]:
        """Return what the monitor keeps, finest first."""
        return RETENTION

    def inventory(self) -> Iterator[Instance]:
        """Yield the machines of all regions."""
        for region in self._regions:
            for machine in inventory.instances(self._client, region):
                self._places.remember(machine.id, region)
                yield machine

    def averages(self, metric: str, instances: Sequence[str], span: Span, period_ms: int) -> Iterator[Series]:
        """Yield one series for each instance; ``answered`` tells where the provider shortened it.

        Raises:
            RangeError: the metric, period or span cannot be answered.
        """
        require_known(metric, OF_MACHINES, where=self.name)
        where = f"{self.name} {metric}"
        require_range(span, period_ms, retention=RETENTION, now_ms=self._client.now_ms, where=where)
        measure = self._measure(metric)
        question = Question(metric, AVERAGE, measure.scope, span, period_ms)
        read = self._of_addresses if metric in self._by_address else self._of_machines
        for region, here in self._places.by_region(tuple(dict.fromkeys(instances))).items():
            yield from read(question, measure, here, region)

    def _measure(self, metric: str) -> Measure:
        return self._by_address.get(metric, OF_MACHINES[metric])

    def _of_machines(
        self, question: Question, measure: Measure, instances: Sequence[str], region: str
    ) -> Iterator[Series]:
        reader = Reader(self._client, region, measure, question.period_ms)
        for name, found in reader.read(instances, question.span):
            yield question.series(name, found.points, found.request_ids, answered=found.answered)

    def _of_addresses(
        self, question: Question, measure: Measure, instances: Sequence[str], region: str
    ) -> Iterator[Series]:
        addresses = inventory.addresses(self._client, region, instances)
        reader = Reader(self._client, region, measure, question.period_ms)
        for group in groups(addresses, MAX_METRICS):
            asked = [address.id for name in group for address in addresses[name]]
            found = dict(reader.read(asked, question.span))
            for name in group:
                own = {address.id: found[address.id] for address in addresses[name]}
                since_ms = max(
                    (part.answered.start_ms for part in own.values()), default=question.span.start_ms
                )
                points = {id_: part.points for id_, part in own.items()}
                yield question.series(
                    name,
                    summed(addresses[name], points, where=f"{name} {question.metric}"),
                    (id_ for part in own.values() for id_ in part.request_ids),
                    answered=Span(since_ms, question.span.end_ms),
                )

    def bills(self, months: Sequence[str]) -> Iterator[Bill]:
        """Yield the account's own bills."""
        for month in months:
            yield from billing.bills(self._client, self._regions[0], month)

    def calls_for(self, metric: str, instances: int, span: Span, period_ms: int) -> int:
        """Return how many calls of the monitor ``averages`` makes at most.

        Raises:
            RangeError: the metric or period cannot be answered.
        """
        require_known(metric, OF_MACHINES, where=self.name)
        require_range(span, period_ms, retention=RETENTION, now_ms=span.start_ms, where=f"{NAME} {metric}")
        each = MAX_ADDRESSES if metric in self._by_address else 1
        regions = min(len(self._regions), max(instances, 1))  # each may have a batch that is not full
        return metrics.calls_for(instances * each, span, period_ms) + (regions - 1) * metrics.calls_for(
            1, span, period_ms
        )

    def policy(self) -> str:
        """Return the two IAM policies to paste."""
        return POLICY

    def probe(self) -> Iterator[Probe]:
        """Try each permission with the smallest question there is."""
        lists = (
            ("ecs", "/v1/{project}/cloudservers/detail", inventory.SERVERS),
            ("vpc", "/v1/{project}/publicips", inventory.ADDRESSES),
            ("vpc", "/v1/{project}/bandwidths", inventory.BANDWIDTHS),
        )
        for region in self._regions:
            for service, path, permission in lists:
                request = Request(service, "GET", path, permission, (("limit", "1"),))
                yield tried(
                    f"{path.rpartition('/')[2]} {region}", partial(self._client.in_region, region, request)
                )
            yield tried(f"averages {region}", partial(self._newest, region))
        month = calendar.before(self._client.now_ms)
        first = partial(billing.page, self._client, self._regions[0], month, first=0, rows=1)
        yield tried(f"bills of {month}", first)

    def _newest(self, region: str) -> None:
        end_ms = self._client.now_ms - self._client.now_ms % _PERIOD_MS
        span = Span(end_ms - _PERIOD_MS, end_ms)
        name = next(inventory.identifiers(self._client, region), _NOBODY)
        list(Reader(self._client, region, OF_MACHINES[CPU], _PERIOD_MS).read((name,), span))

    def _present(self, region: str, wanted: Sequence[str]) -> Collection[str]:
        return set(wanted).intersection(inventory.identifiers(self._client, region))


def open_source(settings: Mapping[str, Any], tools: Tools) -> Huawei:
    """Return the source of one account from its settings, whose secrets are references.

    Raises:
        SettingsError: a setting is missing, unknown or wrong.
        CredentialError: a secret cannot be read.
    """
    table = AccountTable(settings, source=NAME, known=KEYS)
    network = table.optional_text("network") or PUBLIC
    if network not in NETWORKS:
        raise SettingsError(f"{NAME}: network is {' or '.join(NETWORKS)}, not {network!r}")
    secret = tools.secret(table.text("secret"))
    reference = table.optional_text("token")
    token = tools.secret(reference) if reference else None
    ca_file = table.optional_text("ca_file")
    reach = Reach(ca_file=Path(ca_file) if ca_file else None, proxy=table.optional_text("proxy"))
    client = HuaweiClient(
        Credential(table.text("key_id"), secret, token),
        caller=tools.caller(*(secret, token) if token else (secret,)),
        web=Web(tools.clocks, reach),
        endpoints=table.endpoints(SERVICES),
    )
    return Huawei(client, table.regions(), network=network)
