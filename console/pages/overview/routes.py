"""The overview: six figures on one scale, the star so far, coverage, and what needs attention."""

from __future__ import annotations

from starlette.responses import Response

from console.access.roles import Need
from console.page import Entry, Page
from console.pages.overview.months import holds_today, month_asked, month_links, month_of, rows_now, seen_by
from console.reading.attention import attention
from console.reading.fleet import State
from console.reading.scale import gauge
from console.visit import Visit
from verifier.document import coverage_share
from verifier.errors import VerifierError
from verifier.window import TimeClasses

MS_PER_S = 1_000


def overview(visit: Visit) -> Response:
    """Show the month that is asked for, by default this one."""
    span = month_asked(visit)
    try:
        month = month_of(visit, span)
    except VerifierError as error:
        return visit.render("overview/broken.html", span=span, reason=str(error))
    span, seen = month.span, seen_by(visit.console)
    rows = rows_now(visit, month)
    stars = month.rules.edition.stars
    indicators = month.indicators
    projections = {name: one.value for name, one in month.projections.items()}
    gauges = {
        one["id"]: gauge(one, [star.id for star in stars], likely=projections.get(one["id"]))
        for one in indicators
    }
    machines = [row for row in rows if row.is_host]
    states = {state: sum(row.state is state for row in machines) for state in State}
    return visit.render(
        "overview/overview.html",
        month=month,
        span=span,
        rows=rows,
        machines=machines,
        stars=stars,
        gauges=gauges,
        projections=projections,
        states=states,
        alive=states[State.REPORTING],
        imported=states[State.IMPORTED],
        operate=Need.OPERATE,
        share=_share(month.indicators),
        matters=attention(month, seen),
        looked_ms=seen[0].made_ms,
        links=month_links(visit, span),
        fresh=holds_today(visit.console, span),
    )


def _share(indicators: object) -> str | None:
    """Return the coverage of processor time over all hosts."""
    if not isinstance(indicators, list):
        return None
    for one in indicators:
        if one["id"] == "cpu_utilization":
            seconds = {
                name: one["coverage"][name] * MS_PER_S for name in ("observed_s", "bridged_s", "missing_s")
            }
            return coverage_share(
                TimeClasses(
                    observed_ms=seconds["observed_s"],
                    bridged_ms=seconds["bridged_s"],
                    missing_ms=seconds["missing_s"],
                )
            )
    return None


PAGES = (Page("/", overview, needs=Need.VIEW, entry=Entry("overview.title", 10, monthly=True)),)
