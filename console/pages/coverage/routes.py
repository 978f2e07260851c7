"""The calendar of coverage: hosts down, days across; and one day with all hosts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from urllib.parse import urlencode

from starlette.responses import Response

from console.access.roles import Need
from console.page import Entry, Page
from console.pages.overview.days import days_of
from console.pages.overview.months import EARLIEST, fleet_of, month_asked, month_links, with_today
from console.reading.days import KINDS, FleetDays, HostCover
from console.reading.month import span_of
from console.visit import NotFoundError, Visit
from evidence.errors import MalformedError
from verifier.errors import VerifierError

PAGE_ROWS = 25
"""Hosts of one page of the calendar: with 31 days some 800 boxes."""
DAY_ROWS = 100
MOST_TEXT = 128
SORTS = ("worst", "name")
SIGNS: Mapping[str, str] = {"none": "–", "downtime": "○", "out": "×"}
"""In place of the number, for who does not see colours."""
_NEVER = 1_001
"""Behind every share in thousandths."""


@dataclass(frozen=True)
class Wanted:
    """What part of the hosts is asked for."""

    text: str
    sort: str
    gaps: bool
    page: int


def coverage(visit: Visit) -> Response:
    """Show one page of the calendar of the month that is asked for."""
    span = month_asked(visit)
    try:
        days = days_of(visit.console, span)
    except VerifierError as error:
        return visit.render("overview/broken.html", span=span, reason=str(error))
    wanted = _wanted(visit)
    fitting = chosen(days.hosts, wanted)
    pages = max(1, -(-len(fitting) // PAGE_ROWS))
    page = min(wanted.page, pages)
    month = visit.query.get("month", "")
    return visit.render(
        "coverage/coverage.html",
        span=days.span,
        days=days,
        counts=days.counts(),
        rows=fitting[(page - 1) * PAGE_ROWS : page * PAGE_ROWS],
        count=len(fitting),
        page=page,
        pages=pages,
        wanted=wanted,
        ids=_ids(visit),
        kinds=KINDS,
        signs=SIGNS,
        sorts=SORTS,
        links=month_links(visit, span),
        link=lambda number: _link("/coverage", wanted, month=month, page=number),
    )


def day(visit: Visit) -> Response:
    """Show all hosts on one day, the least covered first."""
    name = visit.request.path_params["day"]
    days = _month_of_day(visit, name)
    if name not in days.days:
        raise NotFoundError
    at = list(days.days).index(name)
    wanted = _wanted(visit)
    fitting = [host for host in chosen(days.hosts, wanted) if not wanted.gaps or not _fine(host, at)]
    if wanted.sort == "worst":
        fitting = sorted(fitting, key=lambda host: (_rank(host.shares[at]), host.host))
    pages = max(1, -(-len(fitting) // DAY_ROWS))
    page = min(wanted.page, pages)
    return visit.render(
        "coverage/day.html",
        day=name,
        at=at,
        days=days,
        counts=days.counts()[at],
        rows=fitting[(page - 1) * DAY_ROWS : page * DAY_ROWS],
        count=len(fitting),
        page=page,
        pages=pages,
        wanted=wanted,
        ids=_ids(visit),
        kinds=KINDS,
        signs=SIGNS,
        sorts=SORTS,
        before=days.days[at - 1] if at else None,
        after=days.days[at + 1] if at + 1 < len(days.days) else None,
        link=lambda number: _link(f"/coverage/{name}", wanted, month="", page=number),
    )


def chosen(hosts: Sequence[HostCover], wanted: Wanted) -> list[HostCover]:
    """Return the hosts that fit, the least covered first or by name."""
    text = wanted.text.casefold()
    fitting = [host for host in hosts if text in host.host.casefold() and not (wanted.gaps and host.whole)]
    if wanted.sort == "worst":
        fitting.sort(key=lambda host: (_rank(host.mean), host.host))
    return fitting


def _rank(share: int | None) -> int:
    return _NEVER if share is None else share


def _fine(host: HostCover, at: int) -> bool:
    return host.kind(at) in ("complete", "downtime", "out")


def _month_of_day(visit: Visit, name: str) -> FleetDays:
    try:
        date.fromisoformat(name)
        span = span_of(visit.console.zone, visit.now_ms, name[:7])
    except (ValueError, MalformedError):
        raise NotFoundError from None
    if span is None or span.month < EARLIEST:
        raise NotFoundError
    try:
        # As the calendar does, so that no day of the calendar leads nowhere.
        return days_of(visit.console, with_today(visit.console, span))
    except VerifierError:
        raise NotFoundError from None


def _ids(visit: Visit) -> Mapping[str, int]:
    return {one.name: one.id for one in fleet_of(visit).standings}


def _wanted(visit: Visit) -> Wanted:
    query = visit.query
    page = query.get("page", "1")[:6]
    return Wanted(
        text=query.get("q", "")[:MOST_TEXT].strip(),
        sort=query.get("sort", "") if query.get("sort") in SORTS else SORTS[0],
        gaps=query.get("gaps") == "yes",
        page=max(1, int(page)) if page.isascii() and page.isdigit() else 1,
    )


def _link(path: str, wanted: Wanted, *, month: str, page: int) -> str:
    parts = {
        "q": wanted.text,
        "sort": wanted.sort if wanted.sort != SORTS[0] else "",
        "gaps": "yes" if wanted.gaps else "",
        "month": month,
        "page": str(page) if page > 1 else "",
    }
    asked = urlencode({key: value for key, value in parts.items() if value})
    return f"{path}?{asked}" if asked else path


PAGES = (
    Page("/coverage", coverage, needs=Need.VIEW, entry=Entry("coverage.title", 25, monthly=True)),
    Page("/coverage/{day}", day, needs=Need.VIEW),
)
