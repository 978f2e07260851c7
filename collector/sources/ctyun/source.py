"""天翼云 (CTyun) as a source. Experimental: nobody has run it against the real service yet."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from collector.sources.cloud_account import AccountTable
from collector.sources.ctyun import inventory, metrics
from collector.sources.ctyun.client import ENDPOINTS, Credential, CtyunClient
from collector.sources.ctyun.metrics import MEASURES, RETENTION, Reader
from collector.sources.interface import AVERAGE, CPU, Bill, Instance, Probe, Retention, Series, Span
from collector.sources.places import Places
from collector.sources.probing import tried
from collector.sources.questions import Question, require_known
from collector.sources.registry import Tools
from collector.sources.slices import require_range
from collector.sources.web import Reach, Web

NAME = "ctyun"
KEYS = ("key_id", "secret", "regions", "endpoints", "ca_file", "proxy")
_PERIOD_MS = 300_000
_NOBODY = "00000000-0000-0000-0000-000000000000"


class CtyunSource:
    """One account in some regions (资源池 ID)."""

    name = NAME
    experimental = True

    def __init__(self, client: CtyunClient, regions: Sequence[str]) -> None:
        self._client = client
        self._regions = tuple(regions)
        self._places = Places(regions, self._present)

    def metrics(self) -> Sequence[str]:
        """Return the metrics it can answer."""
        return tuple(MEASURES)

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
        """Yield one series for each instance.

        Raises:
            RangeError: the metric, period or span cannot be answered.
        """
        require_known(metric, MEASURES, where=self.name)
        where = f"{self.name} {metric}"
        require_range(span, period_ms, retention=RETENTION, now_ms=self._client.now_ms, where=where)
        measure = MEASURES[metric]
        question = Question(metric, AVERAGE, measure.scope, span, period_ms)
        for region, here in self._places.by_region(tuple(dict.fromkeys(instances))).items():
            reader = Reader(self._client, region, measure, period_ms)
            for name, points, request_ids in reader.read(here, span):
                yield question.series(name, points, request_ids)

    def bills(self, months: Sequence[str]) -> Iterator[Bill]:
        """Yield nothing: the shape of the bills is not documented; ``probe`` says so."""
        del months
        return iter(())

    def calls_for(self, metric: str, instances: int, span: Span, period_ms: int) -> int:
        """Return how many calls of the monitor ``averages`` makes at most.

        Raises:
            RangeError: the metric or period cannot be answered.
        """
        require_known(metric, MEASURES, where=self.name)
        require_range(span, period_ms, retention=RETENTION, now_ms=span.start_ms, where=f"{NAME} {metric}")
        regions = min(len(self._regions), max(instances, 1))  # each may have a batch that is not full
        return metrics.calls_for(instances, span) + (regions - 1) * metrics.calls_for(1, span)

    def policy(self) -> str:
        """Return "": which permissions there are is not documented."""
        return ""

    def probe(self) -> Iterator[Probe]:
        """Try each kind of question once in every region."""
        for region in self._regions:
            lists = {"machines": inventory.machines, "addresses": inventory.addresses}
            for what, rows in lists.items():
                yield tried(f"{what} {region}", partial(self._first, rows(self._client, region)))
            yield tried(f"averages {region}", partial(self._newest, region))
        yield Probe(
            "bills",
            ok=False,
            detail="天翼云的账单接口没有公开格式，请手工录入费用 / not documented: enter costs by hand",
        )

    @staticmethod
    def _first(rows: Iterator[object]) -> None:
        next(rows, None)

    def _newest(self, region: str) -> None:
        end_ms = self._client.now_ms - self._client.now_ms % _PERIOD_MS
        span = Span(end_ms - _PERIOD_MS, end_ms)
        name = next(inventory.identifiers(self._client, region), _NOBODY)
        list(Reader(self._client, region, MEASURES[CPU], _PERIOD_MS).read((name,), span))

    def _present(self, region: str, wanted: Sequence[str]) -> Collection[str]:
        return set(wanted).intersection(inventory.identifiers(self._client, region))


def open_source(settings: Mapping[str, Any], tools: Tools) -> CtyunSource:
    """Return the source of one account from its settings, whose secret is a reference.

    Raises:
        SettingsError: a setting is missing, unknown or wrong.
        CredentialError: the secret cannot be read.
    """
    table = AccountTable(settings, source=NAME, known=KEYS)
    secret = tools.secret(table.text("secret"))
    ca_file = table.optional_text("ca_file")
    reach = Reach(ca_file=Path(ca_file) if ca_file else None, proxy=table.optional_text("proxy"))
    client = CtyunClient(
        Credential(table.text("key_id"), secret),
        caller=tools.caller(secret),
        web=Web(tools.clocks, reach),
        endpoints=table.endpoints(tuple(ENDPOINTS)),
    )
    return CtyunSource(client, table.regions())
