"""The six figures as a list, and the page of one: its days, its hosts, what it means, its worst days."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from markupsafe import Markup
from starlette.responses import Response

from console.access.roles import Need
from console.language import CHINESE, TAGS, picked
from console.page import Entry, Page
from console.pages.overview.days import days_of
from console.pages.overview.months import month_asked, month_links, month_of, rows_now
from console.reading.scale import gauge
from console.reading.shares import SORTS, host_parts, page_of
from console.visit import NotFoundError, Visit
from documents.charts import daily_charts, draw
from verifier.definitions import DEFINITIONS
from verifier.errors import VerifierError

MOST_TEXT = 128
CLASSES = ("observed_s", "bridged_s", "downtime_s", "missing_s", "excluded_s")


def figures(visit: Visit) -> Response:
    """List the figures of the month that is asked for."""
    span = month_asked(visit)
    try:
        month = month_of(visit, span)
    except VerifierError as error:
        return visit.render("overview/broken.html", span=span, reason=str(error))
    stars = month.rules.edition.stars
    return visit.render(
        "figures/list.html",
        month=month,
        span=month.span,
        stars=stars,
        gauges={one["id"]: gauge(one, [star.id for star in stars], likely=None) for one in month.indicators},
        links=month_links(visit, span),
    )


def figure(visit: Visit) -> Response:
    """Show one figure of the month that is asked for."""
    span, name = month_asked(visit), visit.request.path_params["figure"]
    try:
        month = month_of(visit, span)
        days = days_of(visit.console, span)
    except VerifierError as error:
        return visit.render("overview/broken.html", span=span, reason=str(error))
    one = next((found for found in month.indicators if found["id"] == name), None)
    if one is None:
        raise NotFoundError
    stars = month.rules.edition.stars
    ids = {row.name: row.id for row in rows_now(visit, month)}
    wanted = {
        "q": visit.query.get("q", "")[:MOST_TEXT].strip(),
        "sort": visit.query.get("sort", "") if visit.query.get("sort") in SORTS else "part",
    }
    page = visit.query.get("page", "1")[:6]
    found = page_of(
        host_parts(one, ids),
        text=wanted["q"],
        sort=wanted["sort"],
        page=int(page) if page.isascii() and page.isdigit() else 1,
    )

    def link(**changes: object) -> str:
        parts = {**wanted, "month": visit.query.get("month", ""), **changes}
        asked = urlencode({key: value for key, value in parts.items() if value})
        return f"/figures/{name}?{asked}" if asked else f"/figures/{name}"

    series = days.series.get(name)
    return visit.render(
        "figures/figure.html",
        month=month,
        span=month.span,
        one=one,
        stars=stars,
        gauge=gauge(one, [star.id for star in stars], likely=None),
        definition=_words(visit, one["definition"]),
        series=series,
        worst=[day for day in series["days"] if day["day"] in series["worst"]] if series else [],
        charts=_charts(visit, one, series, stars),
        classes=[(key, one["coverage"][key]) for key in CLASSES if one["coverage"][key]],
        counted=sum(one["coverage"][key] for key in CLASSES) or 1,
        found=found,
        wanted=wanted,
        link=link,
        links=month_links(visit, span),
    )


def _words(visit: Visit, name: str) -> str:
    """Return what a definition says in words."""
    definition = DEFINITIONS.get(name)
    if definition is None:
        return visit.t("figures.declared")
    return definition.zh if visit.language == CHINESE else definition.en


def _charts(
    visit: Visit, one: Mapping[str, Any], series: Mapping[str, Any] | None, stars: Any
) -> list[Markup]:
    """Return the daily charts, made by the function that makes the report's."""
    if series is None or one["value"] is None:
        return []
    names = [{"id": star.id, "name_zh": star.name_zh, "name_en": star.name_en} for star in stars]
    label = visit.t("host.chart", name=picked(one, "name", visit.language))
    specs = daily_charts(series, one, stars=names, language=TAGS[visit.language])
    return [Markup(draw(spec, label=label)) for spec in specs]  # noqa: S704 - made of escaped text


PAGES = (
    Page("/figures", figures, needs=Need.VIEW, entry=Entry("figures.title", 15, monthly=True)),
    Page("/figures/{figure}", figure, needs=Need.VIEW),
)
