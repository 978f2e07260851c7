"""The source ``aliyun``: one account, several regions."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from collector.sources.aliyun import averages, bandwidth, billing, inventory
from collector.sources.aliyun.averages import Question, require_kept
from collector.sources.aliyun.client import Client
from collector.sources.aliyun.connection import Connection
from collector.sources.aliyun.endpoints import SERVICES, endpoints
from collector.sources.aliyun.metrics import INSTANCE, METRIC_OF_PROBE, RETENTION, metric_of
from collector.sources.calling import Clocks
from collector.sources.cloud_account import AccountTable
from collector.sources.interface import METRICS, Bill, Instance, Probe, Retention, Series, Span
from collector.sources.places import Places
from collector.sources.probing import tried
from collector.sources.registry import Tools

NAME = "aliyun"
KEYS = ("key_id", "secret", "token", "regions", "site", "classic", "endpoints", "ca_file", "proxy")
_PROBE_MS = 600_000
_PERMISSIONS = (
    averages.ACTION.permission,
    inventory.ACTION.permission,
    bandwidth.ADDRESSES.permission,
    bandwidth.SHARED.permission,
    billing.ACTION.permission,
    "bssapi:QueryBillOverview",
)
"""The documents name the bills' permission in two ways, of which accounts know one or the other."""


class AliyunSource:
    """Machines, averages and bills of one account.

    ``classic`` names the machines in the classic network, whose public traffic is another metric.
    """

    name = NAME
    experimental = False

    def __init__(
        self, client: Client, clocks: Clocks, regions: Sequence[str], *, classic: Collection[str] = ()
    ) -> None:
        self._client = client
        self._clocks = clocks
        self._regions = tuple(regions)
        self._classic = frozenset(classic)
        self._places = Places(regions, lambda region, ids: inventory.present(client, region, ids))

    def metrics(self) -> Sequence[str]:
        """Return the names of the metrics it answers."""
        return tuple(name for name in METRICS if name in INSTANCE.metrics)

    def retention(self) -> Sequence[Retention]:
        """Return how far back each period can be read."""
        return RETENTION

    def inventory(self) -> Iterator[Instance]:
        """Yield the machines of all regions with their addresses and bandwidth.

        Raises:
            SourceError: the provider refuses or answers something else.
        """
        for region in self._regions:
            bought = bandwidth.bought(self._client, region)
            for machine in inventory.machines(self._client, region, bought):
                self._places.remember(machine.id, region)
                yield machine

    def averages(self, metric: str, instances: Sequence[str], span: Span, period_ms: int) -> Iterator[Series]:
        """Yield one series for each machine, elastic address (``eip-``) or shared bandwidth (``cbwp-``).

        Raises:
            RangeError: the metric, period or span cannot be answered.
            SourceError: the provider refuses or answers something else.
        """
        found = {
            resource: metric_of(metric, resource, period_ms=period_ms, classic=self._classic)
            for resource in instances
        }
        if found:
            require_kept(span, period_ms, now_ms=self._clocks.wall_ms())
        for region, resources in self._places.by_region(tuple(found)).items():
            for asked in dict.fromkeys(found[resource] for resource in resources):
                question = Question(metric, asked, span, period_ms)
                same = [resource for resource in resources if found[resource] == asked]
                yield from averages.averages(self._client, region, question, same)

    def bills(self, months: Sequence[str]) -> Iterator[Bill]:
        """Yield the account's bills by product.

        Raises:
            RangeError: a month is not written ``YYYY-MM`` or no longer kept.
            SourceError: the provider refuses or answers something else.
        """
        return billing.bills(self._client, self._regions[0], months, now_ms=self._clocks.wall_ms())

    def calls_for(self, metric: str, instances: int, span: Span, period_ms: int) -> int:
        """Return how many calls of the monitor ``averages`` makes, one public address a machine.

        Those of the monitor are counted against the month's free million; looking for the region of
        a machine is not.

        Raises:
            RangeError: the metric or period cannot be answered.
        """
        metric_of(metric, "", period_ms=period_ms)
        groups = len(self._regions) * (2 if self._classic else 1)
        return averages.calls(instances, span, period_ms, groups=groups)

    def policy(self) -> str:
        """Return the RAM policy to paste."""
        statement = {"Effect": "Allow", "Action": list(_PERMISSIONS), "Resource": "*"}
        return json.dumps({"Version": "1", "Statement": [statement]}, indent=2)

    def probe(self) -> Iterator[Probe]:
        """Try each permission with the smallest question there is."""
        now_ms = self._clocks.wall_ms()
        for region in self._regions:
            yield tried(f"machines in {region}", partial(inventory.first, self._client, region))
            yield tried(f"addresses in {region}", partial(bandwidth.bought, self._client, region))
            yield tried(f"averages in {region}", partial(self._newest, region, now_ms))
        month = billing.last_month(now_ms)
        yield tried(f"bills of {month}", lambda: list(self.bills((month,))))

    def _newest(self, region: str, now_ms: int) -> None:
        end_ms = now_ms // _PROBE_MS * _PROBE_MS
        averages.newest(self._client, region, METRIC_OF_PROBE, Span(end_ms - _PROBE_MS, end_ms))


def open_source(settings: Mapping[str, Any], tools: Tools) -> AliyunSource:
    """Return the source of one account from its settings, whose secrets are references.

    Raises:
        SettingsError: a setting is missing, unknown or wrong.
        CredentialError: a secret cannot be read.
    """
    table = AccountTable(settings, source=NAME, known=KEYS)
    regions = table.regions()
    where = endpoints(
        regions, site=table.optional_text("site") or "china", overrides=table.endpoints(SERVICES)
    )
    secret = tools.secret(table.text("secret"))
    reference = table.optional_text("token")
    token = tools.secret(reference) if reference else None
    connection = Connection(
        table.text("key_id"),
        secret,
        token,
        ca_file=table.optional_text("ca_file"),
        proxy=table.optional_text("proxy"),
    )
    caller = tools.caller(*(secret, token) if token else (secret,))
    client = Client(connection, caller, where)
    return AliyunSource(client, tools.clocks, regions, classic=table.texts("classic"))
