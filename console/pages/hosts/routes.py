"""The list of hosts and the page of one, with its charts."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any
from urllib.parse import urlencode

from markupsafe import Markup
from starlette.responses import Response

from collector.store import standing
from console.access.roles import Need
from console.language import TAGS, picked
from console.page import Entry, Page
from console.pages.hosts.reasons import reason_in
from console.pages.overview.months import (
    EARLIEST,
    holds_today,
    month_asked,
    month_links,
    month_of,
    rows_now,
    with_today,
)
from console.reading.fleet import SORTS, State, Wanted, listed, state_of
from console.reading.host import HostMonth, read_host
from console.reading.hours import read_hours
from console.reading.month import Span, span_of
from console.visit import NotFoundError, Visit
from documents.charts import daily_charts, draw
from evidence.errors import MalformedError
from verifier.errors import VerifierError

MOST_TEXT = 128
DESCENDING = "desc"


def hosts(visit: Visit) -> Response:
    """Show one page of the list that the query asks for."""
    span = month_asked(visit)
    try:
        month = month_of(visit, span)
    except VerifierError as error:
        return visit.render("overview/broken.html", span=span, reason=str(error))
    wanted = _wanted(visit)
    found = listed(rows_now(visit, month), wanted)

    def link(**changes: object) -> str:
        parts = {
            "q": wanted.text,
            "state": wanted.state,
            "source": wanted.source,
            "sort": wanted.sort,
            "order": DESCENDING if wanted.descending else "",
            "month": visit.query.get("month", ""),
            **changes,
        }
        return "/hosts?" + urlencode({name: value for name, value in parts.items() if value})

    return visit.render(
        "hosts/list.html",
        found=found,
        wanted=wanted,
        span=span,
        link=link,
        states=list(State),
        month=month,
        sorts=SORTS,
        links=month_links(visit, span),
        operate=Need.OPERATE,
    )


def host(visit: Visit) -> Response:
    """Show one host over the month that is asked for."""
    found = _read(visit, month_asked(visit))
    span = found.span
    return visit.render(
        "hosts/host.html",
        host=found,
        span=span,
        state=state_of(found.standing, visit.now_ms),
        links=month_links(visit, span),
        fresh=holds_today(visit.console, span),
        charts=_charts(visit, found),
        why=lambda reason: reason_in(reason, visit.language),
    )


def _charts(visit: Visit, found: HostMonth) -> dict[str, Markup]:
    """Return the daily charts by indicator, made by the function that makes the report's."""
    return charts_of(visit, found, found.series)


def charts_of(
    visit: Visit, found: HostMonth, of: Mapping[str, Mapping[str, Any]], *, label: str = "host.chart"
) -> dict[str, Markup]:
    """Return a chart of each indicator of which there is a series."""
    charts = {}
    for one in found.indicators:
        series = of.get(one["id"])
        if series is None or one["value"] is None:
            continue
        specs = daily_charts(series, one, stars=found.stars, language=TAGS[visit.language])
        words = visit.t(label, name=picked(one, "name", visit.language))
        # Made of escaped text by documents.charts.plain.
        charts[one["id"]] = Markup("").join(Markup(draw(spec, label=words)) for spec in specs)  # noqa: S704 - see above
    return charts


def host_day(visit: Visit) -> Response:
    """Show one day of a host hour by hour."""
    name = visit.request.path_params["day"]
    span, day = _span_of_day(visit, name)
    found = _read(visit, span)
    span = found.span
    if day > span.last_day:
        raise NotFoundError
    sources = {one["id"]: one["hosts"][0]["source"] for one in found.indicators if one["hosts"][0]["source"]}
    console, host = visit.console, found.standing
    until_ms = console.opened.identity.calendar.day_start(day + 1)
    try:
        hours = console.snapshots.soon(
            ("hours", host.id, day, tuple(sorted(sources.items()))),
            lambda: read_hours(console.store, host.name, day, sources),
            revision=lambda: console.changes.before(until_ms),
        )
    except VerifierError as error:
        return visit.render("overview/broken.html", span=span, reason=str(error))
    seen = {
        key: series
        for key, series in hours.series.items()
        if any(one["value"] is not None for one in series["days"])
    }
    return visit.render(
        "hosts/day.html",
        host=found,
        day=name,
        hours=hours,
        shown=[one for one in found.indicators if one["id"] in seen],
        charts=charts_of(visit, found, seen, label="host.hours_chart"),
        today=day == console.opened.identity.calendar.day_of(console.clock()),
        before=date.fromordinal(day - 1).isoformat() if day > span.first_day else None,
        after=date.fromordinal(day + 1).isoformat() if day < span.last_day else None,
    )


def _span_of_day(visit: Visit, name: str) -> tuple[Span, int]:
    """Return the month of a day with it, and the ordinal of the day."""
    try:
        day = date.fromisoformat(name)
        span = span_of(visit.console.zone, visit.now_ms, name[:7])
    except (ValueError, MalformedError):
        raise NotFoundError from None
    if span is None or span.month < EARLIEST or day.isoformat() != name:
        raise NotFoundError
    return span, day.toordinal()


def _read(visit: Visit, span: Span) -> HostMonth:
    number = visit.number("host")
    store = visit.console.store
    with store.reading() as connection:
        name = standing.host_name(connection, number)
    if name is None:
        raise NotFoundError
    span = with_today(visit.console, span, host_id=number)
    return visit.console.snapshots.get(("host", number, span), lambda: read_host(store, number, name, span))


def _wanted(visit: Visit) -> Wanted:
    query = visit.query
    page = query.get("page", "1")
    states = [state.value for state in State]
    return Wanted(
        text=query.get("q", "")[:MOST_TEXT].strip(),
        state=query.get("state", "") if query.get("state") in states else "",
        source=query.get("source", "")[:MOST_TEXT],
        sort=query.get("sort", "name") if query.get("sort") in SORTS else "name",
        descending=query.get("order") == DESCENDING,
        page=int(page[:6]) if page.isascii() and page.isdigit() else 1,
    )


PAGES = (
    Page("/hosts", hosts, needs=Need.VIEW, entry=Entry("hosts.title", 20, monthly=True)),
    Page("/hosts/{host}", host, needs=Need.VIEW),
    Page("/hosts/{host}/{day}", host_day, needs=Need.VIEW),
)
