"""The application as a whole: what is ready, what is missing, and what was made of a month."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from starlette.responses import Response

from collector.errors import CollectorError
from collector.store import profiles
from console.access.roles import Need
from console.language import LANGUAGES, TAGS
from console.page import Endpoint, Entry, Page
from console.pages.apply import profile, scope
from console.pages.files import data_file, job_file
from console.pages.leading import leads
from console.reading.applying import (
    Applicant,
    edition_of,
    months_of,
    read_applicant,
    versions_of,
    what_is_missing,
)
from console.reading.editions import file_of
from console.reading.month import span_of
from console.visit import REFUSED, Visit
from console.work import packing
from console.work.jobs import TooManyJobsError
from declaring.profiles import MAX_DOCUMENT_BYTES
from evidence.calendar import LocalCalendar
from evidence.errors import MalformedError
from verifier.errors import VerifierError

MOST_FACTS_BYTES = 256 * 1024
MOST_ROWS_BYTES = 1024 * 1024
MOST_SCOPE_BYTES = 4 * 1024 * 1024


def application(visit: Visit) -> Response:
    """Show what is ready and what is missing, and the jobs."""
    return _page(visit)


def build(visit: Visit) -> Response:
    """Begin to make form, report and pack of a month."""
    month, language = visit.form.get("month", ""), visit.form.get("language", "")
    try:
        asked = span_of(visit.console.zone, visit.now_ms, month) if month else None
    except MalformedError:
        asked = None
    if asked is None or language not in LANGUAGES:
        return _page(visit, problem="apply.no_month")
    store = visit.console.store
    edition = edition_of(store)
    with store.reading() as connection:
        found = read_applicant(connection, edition)
    if found.saved is not None and found.profile is None:
        return _page(visit, problem="apply.profile_broken")
    wanted = packing.Wanted(
        month=asked.month,
        language=TAGS[language],
        profile=found.saved.file if found.saved else b"",
        documents=_documents(visit, found),
        database_url=store.engine.url.render_as_string(hide_password=False),
        edition=file_of(store, edition.id) or b"",
    )

    try:
        job = visit.console.jobs.begin(
            packing.KIND, asked.month, actor=visit.actor, task=partial(packing.make, wanted)
        )
    except TooManyJobsError:
        return _page(visit, problem="work.too_many")
    with store.writing() as connection:
        visit.note(connection, "PACK_BEGUN", f"{asked.month} job {job.number}")
    return visit.back_to("/apply", said="apply.begun_done")


def download(visit: Visit) -> Response:
    """Answer with a file that was made."""
    return job_file(visit, packing.KIND)


def log_key(visit: Visit) -> Response:
    """Answer with the public half of the log's key."""
    return data_file(f"{visit.console.opened.keyring.log_key().public.raw.hex()}\n".encode(), "log.pub")


def _documents(visit: Visit, found: Applicant) -> Sequence[tuple[str, Callable[[], bytes | None]]]:
    """Return the profile's documents by their paths, each with what reads it."""

    def read(sha256: str) -> bytes | None:
        with visit.console.store.reading() as connection:
            return profiles.document(connection, sha256)

    return [
        (one.file, partial(read, one.sha256)) for one in (found.profile.documents if found.profile else ())
    ]


def _page(visit: Visit, *, problem: str = "") -> Response:
    console = visit.console
    try:
        versions = versions_of(console.store)
        edition = edition_of(console.store)
        with console.store.reading() as connection:
            found = read_applicant(connection, edition)
        missing = what_is_missing(console.store, found.profile, edition) if found.profile else []
    except (VerifierError, CollectorError) as error:
        return visit.render("apply/broken.html", status=503, reason=str(error))
    newest = versions[-1] if versions else None
    begins_ms = LocalCalendar(newest.scope.timezone).day_start(newest.scope.first_day) if newest else 0
    months = months_of(console.store, console.zone, visit.now_ms)
    this = span_of(console.zone, visit.now_ms)
    return visit.render(
        "apply/apply.html",
        status=REFUSED if problem else 200,
        problem=problem,
        edition=edition,
        found=found,
        saved=found.saved,
        missing=missing,
        newest=newest,
        late=newest is not None and newest.declared_ms >= begins_ms,
        months=months,
        this_month=this.month if this else "",
        chosen=next((month for month in months if this is None or month < this.month), ""),
        jobs=console.jobs.of(packing.KIND),
        operate=Need.OPERATE,
    )


def _form(path: str, endpoint: Endpoint, *, most: int = MOST_FACTS_BYTES, files: int = 0) -> Page:
    return Page(path, endpoint, needs=Need.OPERATE, methods=("POST",), most_bytes=most, files=files)


PAGES = (
    Page("/apply", application, needs=Need.VIEW, entry=Entry("apply.title", 60)),
    Page("/apply/profile", profile.facts, needs=Need.VIEW),
    _form("/apply/profile", profile.save_facts),
    Page("/apply/rows", profile.rows, needs=Need.VIEW),
    _form("/apply/rows", profile.save_rows, most=MOST_ROWS_BYTES),
    Page("/apply/figures", profile.figures, needs=Need.VIEW),
    _form("/apply/figures", profile.save_figures),
    Page("/apply/documents", profile.documents, needs=Need.VIEW),
    _form("/apply/documents", profile.add_document, most=MAX_DOCUMENT_BYTES + MOST_ROWS_BYTES, files=1),
    _form("/apply/documents/remove", profile.remove_document),
    Page("/apply/profile.toml", profile.profile_file, needs=Need.VIEW, is_page=False),
    Page("/apply/scope", scope.scope, needs=Need.VIEW),
    Page("/apply/scope/text", scope.text, needs=Need.VIEW),
    _form("/apply/scope/look", scope.look, most=MOST_SCOPE_BYTES),
    _form("/apply/scope", scope.declare, most=MOST_SCOPE_BYTES),
    _form("/apply/editions", scope.add_edition, most=2 * scope.MOST_EDITION_BYTES, files=1),
    _form("/apply/build", build),
    Page("/apply/log.pub", log_key, needs=Need.VIEW, is_page=False),
    Page("/apply/files/{job}/{file}", download, needs=Need.VIEW, is_page=False),
    leads("/apply/build", "/apply", Need.VIEW),
    leads("/apply/documents/remove", "/apply/documents", Need.VIEW),
    leads("/apply/editions", "/apply/scope", Need.OPERATE),
    leads("/apply/scope/look", "/apply/scope", Need.OPERATE),
)
