"""The accounts of clouds and monitors."""

from __future__ import annotations

from functools import partial

from starlette.responses import Response

from console.access.roles import Need
from console.page import Entry, Page
from console.pages.leading import leads
from console.reading.sources import read_sources
from console.visit import REFUSED, NotFoundError, Visit
from console.work.jobs import Job, TooManyJobsError
from console.work.polling import BACKFILL, TEST, Asked, ask


def sources(visit: Visit) -> Response:
    """Show all accounts, and what was tried or read lately."""
    return _page(visit)


def test(visit: Visit) -> Response:
    """Begin to try an account out."""
    return _begin(visit, TEST)


def backfill(visit: Visit) -> Response:
    """Begin to read an account's history."""
    return _begin(visit, BACKFILL)


def _begin(visit: Visit, kind: str) -> Response:
    alias, console = str(visit.request.path_params["alias"]), visit.console
    file = console.settings.sources_file
    found = read_sources(console.store, file, now_ms=visit.now_ms)
    if alias not in {row.account.alias for row in found.rows}:
        raise NotFoundError
    if any(job.open and job.about == alias for job in console.jobs.of(kind)):
        return _page(visit, problem="sources.running")
    url = console.store.engine.url.render_as_string(hide_password=False)
    try:
        console.jobs.begin(kind, alias, actor=visit.actor, task=partial(ask, Asked(kind, alias, file, url)))
    except TooManyJobsError:
        return _page(visit, problem="work.too_many")
    with console.store.writing() as connection:
        visit.note(connection, "SOURCE_TEST" if kind == TEST else "SOURCE_BACKFILL", alias)
    return visit.back_to("/sources", said="sources.begun_done")


def _page(visit: Visit, *, problem: str = "") -> Response:
    console = visit.console
    jobs: dict[str, list[Job]] = {}
    for job in console.jobs.of(TEST, BACKFILL):
        newest = jobs.setdefault(job.about, [])
        if job.kind not in {one.kind for one in newest}:
            newest.append(job)
    return visit.render(
        "sources/sources.html",
        status=REFUSED if problem else 200,
        problem=problem,
        found=read_sources(console.store, console.settings.sources_file, now_ms=visit.now_ms),
        jobs=jobs,
        file=console.settings.sources_file,
        operate=Need.OPERATE,
    )


PAGES = (
    Page("/sources", sources, needs=Need.VIEW, entry=Entry("sources.title", 35)),
    Page("/sources/{alias}/test", test, needs=Need.OPERATE, methods=("POST",)),
    Page("/sources/{alias}/backfill", backfill, needs=Need.OPERATE, methods=("POST",)),
    leads("/sources/{alias}/test", "/sources", Need.VIEW),
    leads("/sources/{alias}/backfill", "/sources", Need.VIEW),
)
