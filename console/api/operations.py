"""The operations: what each asks of the read models, and what it answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

from collector.store import standing
from console.access.tokens import Scope
from console.api.shapes import (
    BOUNDS,
    DAY,
    FIGURE,
    FIGURE_DAY,
    FIGURE_FIELDS,
    HOST_FIELDS,
    HOST_PART,
    INSTANT,
    KIND,
    MOST_TEXT,
    NUMBER,
    OF_MONTH,
    OF_PAGE,
    OF_TEXT,
    PAGED,
    SHARE,
    SPAN,
    TEXT,
    Parameter,
    Shape,
    maybe,
    one_of,
    some,
    table,
    thing,
)
from console.pages.evidence.routes import evidence_of
from console.pages.overview.days import days_of
from console.pages.overview.months import figures_of, standing_of
from console.reading.days import HostCover
from console.reading.evidence import DayState
from console.reading.fleet import SORTS, State, Wanted, listed, rows_of
from console.reading.host import read_host
from console.reading.month import MonthFigures, Span
from console.reading.shares import SORTS as PART_SORTS
from console.reading.shares import host_parts, page_of
from console.services import Console
from verifier.definitions import DEFINITIONS

COVER_ROWS = 100


class NotThereError(Exception):
    """What was asked for does not exist."""


@dataclass(frozen=True)
class Question:
    """What a program asks, its parameters read and within bounds; those left out have their defaults."""

    console: Console
    span: Span
    values: Mapping[str, Any]

    def text(self, name: str) -> str:
        """Return a text, empty if it was left out."""
        return str(self.values.get(name, ""))

    @property
    def page(self) -> int:
        """Which page of a list."""
        return int(self.values.get("page", 1))


@dataclass(frozen=True)
class Operation:
    """One operation: ``GET`` of a path below ``/api/v1``."""

    path: str
    name: str
    scope: Scope
    summary: str
    parameters: tuple[Parameter, ...]
    shape: Shape
    answer: Callable[[Question], dict[str, Any]]


def _span(span: Span) -> dict[str, Any]:
    return {
        "month": span.month,
        "first_day": date.fromordinal(span.first_day).isoformat(),
        "last_day": date.fromordinal(span.last_day).isoformat(),
        "over": span.over,
    }


def _figure(month: MonthFigures, one: Mapping[str, Any]) -> dict[str, Any]:
    likely = month.projections.get(one["id"])
    return {
        **{name: one[name] for name in FIGURE_FIELDS if name not in ("share", "projection")},
        "share": one["coverage"]["share"],
        "projection": likely.value if likely else None,
    }


def _one(month: MonthFigures, name: str) -> Mapping[str, Any]:
    for one in month.indicators:
        if one["id"] == name:
            return one
    raise NotThereError


def figures(question: Question) -> dict[str, Any]:
    """Return the six figures."""
    month = figures_of(question.console, question.span)
    return {
        "span": _span(month.span),
        "made_ms": month.made_ms,
        "enterprise": question.console.enterprise,
        "timezone": question.console.zone,
        "edition": month.rules.edition.id,
        "scope_declared": "yes" if month.rules.scope else "no",
        "stars": [
            {
                "id": star.id,
                "name_zh": star.name_zh,
                "name_en": star.name_en,
                "reached": month.reached(star.id),
            }
            for star in month.rules.edition.stars
        ],
        "figures": [_figure(month, one) for one in month.indicators],
    }


def figure(question: Question) -> dict[str, Any]:
    """Return one figure with its days."""
    month = figures_of(question.console, question.span)
    one = _one(month, question.text("figure"))
    series = days_of(question.console, question.span).series.get(one["id"])
    definition = DEFINITIONS.get(one["definition"])
    return {
        "span": _span(month.span),
        "made_ms": month.made_ms,
        "figure": _figure(month, one),
        "definition_zh": definition.zh if definition else "",
        "definition_en": definition.en if definition else "",
        "coverage": {name: one["coverage"][name] for name in _CLASSES},
        "days": [{**day, "excluded": day["excluded"] == "yes"} for day in series["days"]] if series else [],
        "worst": list(series["worst"]) if series else [],
    }


def figure_hosts(question: Question) -> dict[str, Any]:
    """Return what every host contributes to a figure."""
    month = figures_of(question.console, question.span)
    one = _one(month, question.text("figure"))
    ids = {known.name: known.id for known in standing_of(question.console).standings}
    found = page_of(
        host_parts(one, ids),
        text=question.text("q"),
        sort=question.text("sort") or PART_SORTS[0],
        page=question.page,
    )
    return {
        "span": _span(month.span),
        "count": found.count,
        "page": found.page,
        "pages": found.pages,
        "hosts": [asdict(row) for row in found.rows],
    }


def hosts(question: Question) -> dict[str, Any]:
    """Return the hosts with their states."""
    console = question.console
    month = figures_of(console, question.span)
    found = listed(
        rows_of(month, standing_of(console), console.clock()),
        Wanted(
            text=question.text("q"),
            state=question.text("state"),
            source=question.text("source"),
            sort=question.text("sort") or SORTS[0],
            descending=question.text("order") == "desc",
            page=question.page,
        ),
    )
    return {
        "span": _span(month.span),
        "count": found.count,
        "page": found.page,
        "pages": found.pages,
        "hosts": [
            {**asdict(row), "state": row.state.value, "sources": list(row.sources)} for row in found.rows
        ],
    }


def host(question: Question) -> dict[str, Any]:
    """Return one host over the month."""
    console, span, number = question.console, question.span, int(question.values["host"])
    with console.store.reading() as connection:
        name = standing.host_name(connection, number)
    if name is None:
        raise NotThereError
    found = console.snapshots.get(
        ("host", number, span), lambda: read_host(console.store, number, name, span)
    )
    return {
        "span": _span(span),
        "id": number,
        "name": name,
        "sources": dict(found.standing.sources),
        "declared": found.declared,
        "figures": [
            {"id": one["id"], "unit": one["unit"], **{end: one["hosts"][0][end] for end in BOUNDS}, "share": one["hosts"][0]["coverage"]["share"]}
            for one in found.indicators
        ],
        "days": [
            {"day": day.day, "share": day.share, "restarts": day.restarts, "seconds": {name: day.seconds[name] for name in _SECONDS}}
            for day in found.days
        ],
    }  # fmt: skip


def coverage(question: Question) -> dict[str, Any]:
    """Return how hosts were covered day by day."""
    days = days_of(question.console, question.span)
    text = question.text("q").casefold()
    fitting = [host for host in days.hosts if text in host.host.casefold()]
    pages = max(1, -(-len(fitting) // COVER_ROWS))
    page = min(question.page, pages)
    return {
        "span": _span(days.span),
        "count": len(fitting),
        "page": page,
        "pages": pages,
        "days": list(days.days),
        "fleet": [dict(counts) for counts in days.counts()],
        "hosts": [_cover(host) for host in fitting[(page - 1) * COVER_ROWS : page * COVER_ROWS]],
    }


def _cover(host: HostCover) -> dict[str, Any]:
    return {
        "host": host.host,
        "kinds": [host.kind(at) for at in range(len(host.kinds))],
        "per_mille": list(host.shares),
        "restarts": list(host.restarts),
    }


def evidence(question: Question) -> dict[str, Any]:
    """Return the evidence of the month."""
    console = question.console
    found = evidence_of(console, question.span, now_ms=console.clock())
    return {
        "span": _span(found.span),
        "log_key": console.opened.keyring.log_key().public.raw.hex(),
        "size": found.size,
        "root": found.root,
        "arrival_ms": found.arrival_ms,
        "checkpoints": found.checkpoints,
        "days": [
            {
                "day": day.day,
                "state": day.state.value,
                "size": day.size,
                "leaves": day.leaves,
                "signed_ms": day.made_ms,
                "code": day.code,
                "covered_ms": day.covered_ms,
                "anchors": [
                    {
                        "alias": one.alias,
                        "kind": one.kind,
                        "got_ms": one.got_ms,
                        "sha256": one.sha256,
                        "attempts": one.attempts,
                    }
                    for one in day.anchors
                ],
            }
            for day in found.days
        ],
        "notes": [{"size": one.size, "signed_ms": one.made_ms, "note": one.note} for one in found.points],
        "closes": [asdict(one) for one in found.closes],
        "findings": dict(found.findings),
    }


_CLASSES = ("observed_s", "bridged_s", "downtime_s", "excluded_s", "missing_s")
_SECONDS = _CLASSES
_SECONDS_SHAPE = thing(**dict.fromkeys(_CLASSES, NUMBER))
_OF_FIGURE = Parameter(
    "figure", {"type": "string", "maxLength": 64}, "Id of a figure, such as cpu_utilization.", "path"
)
_OF_HOST = Parameter(
    "host", {"type": "integer", "minimum": 1, "maximum": 2**53 - 1}, "Number of a host.", "path"
)

OPERATIONS: tuple[Operation, ...] = (
    Operation(
        "/figures", "figures", Scope.FIGURES, "六项指标 The six figures of a month", (OF_MONTH,),
        thing(
            span=SPAN, made_ms=INSTANT, enterprise=TEXT, timezone=TEXT, edition=TEXT, scope_declared=one_of("yes", "no"),
            stars=some(thing(id=TEXT, name_zh=TEXT, name_en=TEXT, reached=NUMBER)), figures=some(FIGURE),
        ),
        figures,
    ),
    Operation(
        "/figures/{figure}", "figure", Scope.FIGURES, "一项指标及逐日数值 One figure with its days",
        (_OF_FIGURE, OF_MONTH),
        thing(
            span=SPAN, made_ms=INSTANT, figure=FIGURE, definition_zh=TEXT, definition_en=TEXT, coverage=_SECONDS_SHAPE,
            days=some(FIGURE_DAY), worst=some(DAY),
        ),
        figure,
    ),
    Operation(
        "/figures/{figure}/hosts", "figure_hosts", Scope.HOSTS, "各主机的贡献 What every host contributes to a figure",
        (_OF_FIGURE, OF_MONTH, OF_TEXT, Parameter("sort", one_of(*PART_SORTS), "By default the greatest part first."), OF_PAGE),
        thing(span=SPAN, **PAGED, hosts=some(HOST_PART)),
        figure_hosts,
    ),
    Operation(
        "/hosts", "hosts", Scope.HOSTS, "主机列表 The hosts with their states",
        (
            OF_MONTH, OF_TEXT, Parameter("state", one_of(*(state.value for state in State)), "Only hosts in this state."),
            Parameter("source", {"type": "string", "maxLength": MOST_TEXT}, "Only hosts with this source."),
            Parameter("sort", one_of(*SORTS), "By default by name."),
            Parameter("order", one_of("asc", "desc"), "By default upwards."), OF_PAGE,
        ),
        thing(span=SPAN, **PAGED, hosts=some(thing(**HOST_FIELDS))),
        hosts,
    ),
    Operation(
        "/hosts/{host}", "host", Scope.HOSTS, "一台主机 One host over a month", (_OF_HOST, OF_MONTH),
        thing(
            span=SPAN, id=NUMBER, name=TEXT, sources=table(TEXT), declared={"type": "boolean"},
            figures=some(thing(id=TEXT, unit=TEXT, **BOUNDS, share=maybe(SHARE))),
            days=some(thing(day=DAY, share=maybe(SHARE), restarts=NUMBER, seconds=_SECONDS_SHAPE)),
        ),
        host,
    ),
    Operation(
        "/coverage", "coverage", Scope.HOSTS, "覆盖率日历 How hosts were covered day by day", (OF_MONTH, OF_TEXT, OF_PAGE),
        thing(
            span=SPAN, **PAGED, days=some(DAY), fleet=some(table(NUMBER)),
            hosts=some(thing(host=TEXT, kinds=some(KIND), per_mille=some(maybe(NUMBER)), restarts=some(NUMBER))),
        ),
        coverage,
    ),
    Operation(
        "/evidence", "evidence", Scope.EVIDENCE, "证据 The log, its days and checkpoints, what left the house", (OF_MONTH,),
        thing(
            span=SPAN, log_key=TEXT, size=NUMBER, root=TEXT, arrival_ms=maybe(INSTANT), checkpoints=NUMBER,
            days=some(
                thing(
                    day=DAY, state=one_of(*(state.value for state in DayState)), size=maybe(NUMBER), leaves=maybe(NUMBER),
                    signed_ms=maybe(INSTANT), code=TEXT, covered_ms=maybe(INSTANT),
                    anchors=some(thing(alias=TEXT, kind=TEXT, got_ms=maybe(INSTANT), sha256=TEXT, attempts=NUMBER)),
                )
            ),
            notes=some(thing(size=NUMBER, signed_ms=INSTANT, note=TEXT)),
            closes=some(thing(leaf=NUMBER)), findings=table(NUMBER),
        ),
        evidence,
    ),
)  # fmt: skip
"""All there is; the routes and the OpenAPI document are made of it."""
