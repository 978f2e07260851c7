"""The ledger: listed, imported after a preview, corrected by cancelling."""

from __future__ import annotations

from datetime import date
from fractions import Fraction
from pathlib import PurePath

from starlette.responses import Response

from collector.errors import CollectorError
from console.access.roles import Need
from console.page import Entry, Page
from console.pages.files import data_file
from console.pages.leading import leads
from console.pages.ledger.faults import said_in
from console.pages.ledger.upload import Preview, add, preview, read_upload
from console.reading.archives import EnterpriseAlone
from console.reading.ledger import may_be_cancelled, read_ledger_page
from console.reading.month import span_of
from console.reading.rules import rules_of
from console.visit import REFUSED, NotFoundError, Visit
from declaring.ledger_columns import KINDS_ZH, PURPOSES_ZH
from declaring.ledger_import import LedgerFaultsError, reading
from declaring.ledger_table import Row, TableFile
from declaring.ledger_template import csv_template, xlsx_template
from documents.display import written
from evidence.calendar import LocalCalendar
from verifier.errors import LedgerError, ProfileError
from verifier.ledger import yuan
from verifier.ledger_rules import read_ledger
from verifier.reconciliation import TEXTS

MOST_IMPORT_BYTES = 64 * 1024 * 1024
"""Of a table with its documents."""
MOST_FILES = 100
MOST_NOTE = 500
TEMPLATES = {"台账模板.xlsx": xlsx_template, "台账模板.csv": csv_template}
_ZH = {**{key: zh for zh, key in KINDS_ZH.items()}, **{key: zh for zh, key in PURPOSES_ZH.items()}}


def ledger(visit: Visit) -> Response:
    """Show the entries."""
    return _page(visit)


def template(visit: Visit) -> Response:
    """Answer with an empty table to fill in."""
    ending = str(visit.request.path_params["ending"])
    for name, make in TEMPLATES.items():
        if PurePath(name).suffix == f".{ending}":
            return data_file(make(), name)
    raise NotFoundError


def look(visit: Visit) -> Response:
    """Read the uploaded table and show what it says; nothing is stored."""
    file = visit.files.get("table")
    if file is None or not file.filename:
        return _page(visit, problem="ledger.no_file")
    try:
        name, read = read_upload(file, visit.uploads.get("documents", ()))
        seen = preview(visit.console.store, name, read)
    except (LedgerError, ProfileError) as error:
        return _page(visit, problem="ledger.unreadable", reason=str(error))
    return _preview(visit, seen)


def confirm(visit: Visit) -> Response:
    """Add what was shown."""
    kept: Preview | None = visit.console.drafts.take(visit.form.get("draft", ""), owner=visit.actor)
    if kept is None:
        return _page(visit, problem="ledger.draft_gone")
    try:
        add(visit.console.store, kept.name, kept.reading, actor=visit.actor, now_ms=visit.now_ms)
    except LedgerFaultsError:
        return _preview(visit, preview(visit.console.store, kept.name, kept.reading))
    return visit.back_to("/ledger", said="ledger.added_done")


def cancel(visit: Visit) -> Response:
    """Add an entry that takes back another one."""
    number, note = visit.number("entry"), visit.form.get("note", "").strip()[:MOST_NOTE]
    today = LocalCalendar(visit.console.zone).day_of(visit.now_ms)
    cells = {
        "day": date.fromordinal(today).isoformat(),
        "kind": "冲销",
        "cancels": str(number),
        "note": note,
    }
    table = TableFile("", rows=[Row(1, cells)])

    def nothing(name: str) -> bytes:
        raise ProfileError(name)

    try:
        add(
            visit.console.store,
            "",
            reading(table, find=nothing, sha256=""),
            actor=visit.actor,
            now_ms=visit.now_ms,
        )
    except LedgerFaultsError as error:
        return _page(
            visit,
            problem="ledger.not_cancelled",
            reason=table.wrong[0].message if table.wrong else str(error),
        )
    return visit.back_to("/ledger", said="ledger.cancelled_done")


def document(visit: Visit) -> Response:
    """Answer with the document of an entry."""
    number = visit.number("entry")
    archive = EnterpriseAlone(visit.console.store)
    entries = {entry.number: entry for entry in read_ledger(archive.ledger()).entries}
    entry = entries.get(number)
    data = archive.ledger_document(entry.document) if entry is not None and entry.document else None
    if data is None:
        raise NotFoundError
    return data_file(data, f"{number}-{entry.document[:12]}" if entry else "")


def _money(fen: int | Fraction) -> str | None:
    """Return an amount of hundredths with two decimals, thousands grouped."""
    return written(yuan(Fraction(fen)))


def _preview(visit: Visit, seen: Preview) -> Response:
    draft = visit.console.drafts.keep(seen, owner=visit.actor) if seen.is_right else ""
    return visit.render(
        "ledger/preview.html",
        status=200 if seen.is_right else REFUSED,
        seen=seen,
        draft=draft,
        say_fault=said_in,
    )


def _page(visit: Visit, *, problem: str = "", reason: str = "") -> Response:
    page = visit.query.get("page", "1")
    span = span_of(visit.console.zone, visit.now_ms)
    rules = rules_of(EnterpriseAlone(visit.console.store), span.month if span else "")
    try:
        shown = read_ledger_page(
            visit.console.store,
            rules,
            page=int(page[:6]) if page.isascii() and page.isdigit() else 1,
        )
    except (LedgerError, CollectorError) as error:
        return visit.render("ledger/broken.html", status=503, reason=str(error))
    return visit.render(
        "ledger/ledger.html",
        status=REFUSED if problem else 200,
        problem=problem,
        reason=reason,
        shown=shown,
        zh=_ZH,
        texts=TEXTS,
        money=_money,
        operate=Need.OPERATE,
        say_fault=said_in,
        may_be_cancelled=may_be_cancelled,
    )


PAGES = (
    Page("/ledger", ledger, needs=Need.VIEW, entry=Entry("ledger.title", 50)),
    Page("/ledger/template.{ending}", template, needs=Need.VIEW, is_page=False),
    Page(
        "/ledger/import",
        look,
        needs=Need.OPERATE,
        methods=("POST",),
        most_bytes=MOST_IMPORT_BYTES,
        files=MOST_FILES,
    ),
    Page("/ledger/confirm", confirm, needs=Need.OPERATE, methods=("POST",)),
    Page("/ledger/{entry}/cancel", cancel, needs=Need.OPERATE, methods=("POST",)),
    Page("/ledger/{entry}/document", document, needs=Need.VIEW, is_page=False),
    leads("/ledger/import", "/ledger", Need.VIEW),
    leads("/ledger/confirm", "/ledger", Need.VIEW),
    leads("/ledger/{entry}/cancel", "/ledger", Need.VIEW),
)
