"""The list of hosts and the page of one, with its charts."""

from __future__ import annotations

from urllib.parse import urlencode

from markupsafe import Markup
from starlette.responses import Response

from collector.store import standing
from console.access.roles import Need
from console.language import TAGS, picked
from console.page import Entry, Page
from console.pages.overview.months import (
    holds_today,
    month_asked,
    month_links,
    month_of,
    rows_now,
    with_today,
)
from console.reading.fleet import SORTS, State, Wanted, listed, state_of
from console.reading.host import HostMonth, read_host
from console.visit import NotFoundError, Visit
from documents.charts import daily_charts, draw
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
    found = _read(visit)
    span = found.span
    return visit.render(
        "hosts/host.html",
        host=found,
        span=span,
        state=state_of(found.standing, visit.now_ms),
        links=month_links(visit, span),
        fresh=holds_today(visit.console, span),
        charts=_charts(visit, found),
    )


def _charts(visit: Visit, found: HostMonth) -> dict[str, Markup]:
    """Return the daily charts by indicator, made by the function that makes the report's."""
    charts = {}
    for one in found.indicators:
        series = found.series.get(one["id"])
        if series is None or one["value"] is None:
            continue
        specs = daily_charts(series, one, stars=found.stars, language=TAGS[visit.language])
        label = visit.t("host.chart", name=picked(one, "name", visit.language))
        # Made of escaped text by documents.charts.plain.
        charts[one["id"]] = Markup("").join(Markup(draw(spec, label=label)) for spec in specs)  # noqa: S704 - see above
    return charts


def _read(visit: Visit) -> HostMonth:
    span, number = month_asked(visit), visit.number("host")
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
)
