"""The source ``aws``: one account of one partition (AWS or AWS in China), several regions."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from collector.errors import SettingsError
from collector.sources.aws import billing, inventory, series, volumes
from collector.sources.aws.client import SERVICES, Client, Key, boto_clients
from collector.sources.aws.metrics import RETENTION, TABLE, metric_of, period_asked
from collector.sources.aws.series import Question, Read
from collector.sources.calling import Clocks
from collector.sources.cloud_account import AccountTable
from collector.sources.interface import (
    CASH,
    CPU,
    METRICS,
    Bill,
    Instance,
    Probe,
    Retention,
    Series,
    Span,
)
from collector.sources.places import Places
from collector.sources.probing import tried
from collector.sources.registry import Tools

NAME = "aws"
KEYS = ("key_id", "secret", "token", "regions", "basis", "endpoints", "ca_file", "proxy")
_PERMISSIONS = (
    series.OPERATION.permission,
    inventory.OPERATION.permission,
    volumes.OPERATION.permission,
    billing.OPERATION.permission,
)
_PROBE_MS = 600_000
_CHINA = "cn-"


class AwsSource:
    """Machines, averages and bills of one account. ``basis``: how bills book prepayments."""

    name = NAME
    experimental = False

    def __init__(self, client: Client, clocks: Clocks, regions: Sequence[str], *, basis: str = CASH) -> None:
        self._client = client
        self._clocks = clocks
        self._regions = tuple(regions)
        self._basis = basis
        self._places = Places(regions, lambda region, ids: inventory.present(client, region, ids))

    def metrics(self) -> Sequence[str]:
        """Return the names of the metrics it answers."""
        return tuple(name for name in METRICS if name in TABLE)

    def retention(self) -> Sequence[Retention]:
        """Return how far back each period can be read."""
        return RETENTION

    def inventory(self) -> Iterator[Instance]:
        """Yield the machines of all regions.

        Raises:
            SourceError: AWS refuses or answers something else.
        """
        for region in self._regions:
            for machine in inventory.machines(self._client, region):
                self._places.remember(machine.id, region)
                yield machine

    def averages(self, metric: str, instances: Sequence[str], span: Span, period_ms: int) -> Iterator[Series]:
        """Yield one series for each machine; sums come by five minutes at the finest.

        Raises:
            RangeError: the metric, period or span cannot be answered.
            SourceError: AWS refuses or answers something else.
        """
        found = metric_of(metric)
        machines = tuple(dict.fromkeys(instances))
        if not machines:
            return
        asked_ms = period_asked(found, span, period_ms, now_ms=self._clocks.wall_ms())
        question = Question(found, span, asked_ms)
        for region, placed in self._places.by_region(machines).items():
            for first in range(0, len(placed), question.batch):
                batch = placed[first : first + question.batch]
                for machine, answered in self._read(region, question, batch):
                    yield Series(
                        instance=machine,
                        metric=metric,
                        statistic=found.statistic,
                        scope=found.scope,
                        period_ms=asked_ms,
                        points=answered.points,
                        request_ids=answered.request_ids,
                        asked=span,
                        answered=span,
                    )

    def _read(self, region: str, question: Question, machines: Sequence[str]) -> Iterator[tuple[str, Read]]:
        answered = dict(series.read(self._client, region, question, machines))
        if question.metric.volumes is not None:
            silent = [machine for machine, one in answered.items() if not one.points]
            for machine, summed in volumes.summed(self._client, region, question, silent) if silent else ():
                answered[machine] = Read(summed.points, (*answered[machine].request_ids, *summed.request_ids))
        yield from answered.items()

    def bills(self, months: Sequence[str]) -> Iterator[Bill]:
        """Yield the account's bills by service.

        Raises:
            RangeError: a month is not written ``YYYY-MM`` or Cost Explorer does not have it.
            SourceError: AWS refuses or answers something else.
        """
        return billing.bills(self._client, self._regions[0], months, basis=self._basis)

    def calls_for(self, metric: str, instances: int, span: Span, period_ms: int) -> int:
        """Return how many calls of GetMetricData ``averages`` makes, one volume a machine.

        AWS bills them by the metric: ``instances`` metrics, twice as many for machines whose
        operations are those of their volumes.

        Raises:
            RangeError: the metric, period or span cannot be answered.
        """
        found = metric_of(metric)
        asked_ms = period_asked(found, span, period_ms, now_ms=self._clocks.wall_ms())
        once = series.calls(instances, Question(found, span, asked_ms))
        once += min(len(self._regions), instances) - 1 if instances else 0
        return once * (2 if found.volumes else 1)

    def policy(self) -> str:
        """Return the IAM policy to paste."""
        statement = {"Effect": "Allow", "Action": list(_PERMISSIONS), "Resource": "*"}
        return json.dumps({"Version": "2012-10-17", "Statement": [statement]}, indent=2)

    def probe(self) -> Iterator[Probe]:
        """Try each permission with the smallest question there is; that for bills costs a cent."""
        now_ms = self._clocks.wall_ms()
        end_ms = now_ms // _PROBE_MS * _PROBE_MS
        question = Question(TABLE[CPU], Span(end_ms - _PROBE_MS, end_ms), _PROBE_MS)
        for region in self._regions:
            yield tried(f"machines in {region}", partial(inventory.first, self._client, region))
            yield tried(f"volumes in {region}", partial(volumes.first, self._client, region))
            yield tried(f"averages in {region}", partial(_newest, self._client, region, question))
        month = billing.last_month(now_ms)
        yield tried(f"bills of {month}", lambda: list(self.bills((month,))))


def _newest(client: Client, region: str, question: Question) -> None:
    list(series.read(client, region, question, ("i-00000000000000000",)))


def open_source(settings: Mapping[str, Any], tools: Tools) -> AwsSource:
    """Return the source of one account from its settings, whose secrets are references.

    Raises:
        SettingsError: a setting is missing, unknown or wrong.
        CredentialError: a secret cannot be read.
    """
    table = AccountTable(settings, source=NAME, known=KEYS)
    regions = table.regions()
    if len({region.startswith(_CHINA) for region in regions}) > 1:
        raise SettingsError("aws: an account in China is not one elsewhere; make two sources of them")
    basis = table.optional_text("basis") or CASH
    if basis not in billing.METRICS:
        raise SettingsError(f"aws: basis is one of {', '.join(billing.METRICS)}, not {basis!r}")
    secret = tools.secret(table.text("secret"))
    reference = table.optional_text("token")
    token = tools.secret(reference) if reference else None
    clients = boto_clients(
        Key(table.text("key_id"), secret, token),
        endpoints=table.endpoints(SERVICES),
        ca_file=table.optional_text("ca_file"),
        proxy=table.optional_text("proxy"),
    )
    caller = tools.caller(*(secret, token) if token else (secret,))
    return AwsSource(Client(clients, caller), tools.clocks, regions, basis=basis)
