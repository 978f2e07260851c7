"""A cloud that does not exist: deterministic truth, and every way to misbehave that a cloud has.

In a test it is held in the hand (``Fake``). A process of its own finds it by an entry point
(``installed``) and is told what to do by its settings.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from hashlib import sha256
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

from collector.sources.errors import AnswerError
from collector.sources.interface import (
    ALL_INTERFACES,
    AVERAGE,
    CPU,
    METRICS,
    NO_SCOPE,
    Bandwidth,
    Bill,
    Instance,
    Point,
    Probe,
    Retention,
    Series,
    Source,
    Span,
)
from collector.sources.registry import Plugins, Tools, load

MINUTE = 60_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR
RETENTION = (Retention(5 * MINUTE, 10 * DAY), Retention(HOUR, 40 * DAY))


def truth(instance: str, metric: str, start_ms: int, period_ms: int) -> Decimal:
    """What is really so: the same for ever, two decimals, below 100."""
    digest = sha256(f"{instance} {metric} {start_ms} {period_ms}".encode()).digest()
    return Decimal(int.from_bytes(digest[:4], "big") % 10_000) / 100


def machine(name: str, **changes: Any) -> Instance:
    values: dict[str, Any] = {
        "id": f"i-{name}",
        "name": name,
        "region": "east",
        "state": "running",
        "addresses": ("192.0.2.1",),
        "bandwidths": (Bandwidth(Decimal(5), "committed", "public", "eip-1"),),
        "cpus": 2,
        "request_ids": ("inventory-1",),
    }
    return Instance(**{**values, **changes})


@dataclass
class Fake:
    """What it has and how it behaves; tests change the fields while it is being polled."""

    instances: list[Instance] = field(default_factory=lambda: [machine("web-1"), machine("web-2")])
    keeps: tuple[Retention, ...] = RETENTION
    offers: tuple[str, ...] = (CPU,)
    billed: list[Bill] = field(default_factory=list)
    clock: Any = None
    gaps: set[tuple[str, int]] = field(default_factory=set)
    late: dict[tuple[str, int], int] = field(default_factory=dict)
    """(instance, start) → when the point appears."""
    changed: dict[tuple[str, int], Decimal] = field(default_factory=dict)
    faults: list[BaseException | None] = field(default_factory=list)
    """Raised one after another by calls for averages, instead of an answer; ``None``: answers."""
    inventory_faults: list[BaseException] = field(default_factory=list)
    bill_faults: list[BaseException] = field(default_factory=list)
    longest_ms: int | None = None
    """A longer span has its beginning moved, as Huawei does."""
    ends_early_ms: int = 0
    statistic: str = AVERAGE
    fault_after: int | None = None
    """How many series of an answer come before the fault does."""
    pause_s: float = 0
    name: str = "fake"
    experimental: bool = False
    asked: list[tuple[str, tuple[str, ...], Span, int]] = field(default_factory=list)
    months: list[tuple[str, ...]] = field(default_factory=list)
    probes: list[Probe] = field(default_factory=lambda: [Probe("inventory", True, "2 instances")])
    spoil: Any = None
    """Changes the series of an answer before they are given out."""

    def metrics(self) -> Sequence[str]:
        return self.offers

    def retention(self) -> Sequence[Retention]:
        return self.keeps

    def inventory(self) -> Iterator[Instance]:
        if self.inventory_faults:
            raise self.inventory_faults.pop(0)
        yield from self.instances

    def averages(self, metric: str, instances: Sequence[str], span: Span, period_ms: int) -> Iterator[Series]:
        assert span.start_ms % period_ms == 0, "the caller aligns the span"
        assert span.end_ms % period_ms == 0, "the caller aligns the span"
        self.asked.append((metric, tuple(instances), span, period_ms))
        time.sleep(self.pause_s)
        fault = self.faults.pop(0) if self.faults else None
        kept = {one.period_ms: one.keeps_ms for one in self.keeps}
        if self.clock is not None and kept and span.start_ms < self.clock() - kept[period_ms]:
            raise AnswerError("asked for what is forgotten")
        series = [self._series(metric, one, span, period_ms) for one in instances]
        if self.spoil is not None:
            series = self.spoil(series)
        if fault is not None:
            yield from series[: self.fault_after or 0]
            raise fault
        yield from series

    def _series(self, metric: str, instance: str, span: Span, period_ms: int) -> Series:
        start_ms = span.start_ms
        if self.longest_ms is not None and span.length_ms > self.longest_ms:
            start_ms = span.end_ms - self.longest_ms
        answered = Span(start_ms, span.end_ms - self.ends_early_ms)
        now_ms = self.clock() if self.clock is not None else span.end_ms
        points = tuple(
            Point(at, period_ms, self.changed.get((instance, at), truth(instance, metric, at, period_ms)))
            for at in range(answered.start_ms, answered.end_ms, period_ms)
            if (instance, at) not in self.gaps and self.late.get((instance, at), 0) <= now_ms
        )
        scope = ALL_INTERFACES if metric.startswith("net.") else NO_SCOPE
        ids = (f"request-{len(self.asked)}-b", f"request-{len(self.asked)}-a")
        return Series(instance, metric, self.statistic, scope, period_ms, points, ids, span, answered)

    def bills(self, months: Sequence[str]) -> Iterator[Bill]:
        self.months.append(tuple(months))
        if self.bill_faults:
            raise self.bill_faults.pop(0)
        yield from (bill for bill in self.billed if bill.month in months)

    def calls_for(self, metric: str, instances: int, span: Span, period_ms: int) -> int:
        assert metric in METRICS
        points = instances * (span.length_ms // period_ms)
        return -(-points // 1440)

    def policy(self) -> str:
        return '{"Version":"1","Statement":[{"Effect":"Allow","Action":["fake:Read"]}]}'

    def probe(self) -> Iterator[Probe]:
        yield from self.probes


def plugins(fake: Source) -> Plugins:
    """Return plug-ins that open the one at hand, and read its credential if it has one."""

    def opening(settings: Mapping[str, Any], tools: Tools) -> Source:
        if "secret" in settings:
            tools.secret(settings["secret"])
        return fake

    return Plugins({"fake": opening}, ())


def open_source(settings: Mapping[str, Any], tools: Tools) -> Source:
    """What the entry point names: a fake that is told what to do by its settings."""
    secret = tools.secret(settings["secret"]).reveal() if "secret" in settings else ""
    fake = Fake(
        instances=[machine(f"web-{number}") for number in range(int(settings.get("count", 2)))],
        offers=tuple(settings.get("offers", (CPU,))),
        pause_s=float(settings.get("pause_s", 0)),
        clock=tools.clocks.wall_ms,
    )
    if settings.get("leaks"):
        for name in ("uvicorn", "uvicorn.error", "somebody.sdk"):
            logging.getLogger(name).warning("the key is %s", secret)
        fake.faults = [RuntimeError(f"GET https://fake.example/?Signature={secret}&AccessKeySecret={secret}")]
        fake.probes = [Probe("averages", False, f"refused with {secret}", "fake:Read")]
    return fake


def found() -> Plugins:
    """Return the plug-ins as the registry finds them by an entry point."""
    return load([EntryPoint("fake", "sources.fake:open_source", "starproof.sources")])


def installed(directory: Path) -> Path:
    """Make a directory which, on PYTHONPATH, makes the fake an installed plug-in; return it."""
    info = directory / "fakecloud-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: fakecloud\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[starproof.sources]\nfake = sources.fake:open_source\n")
    return directory
