"""The profile: facts, rows of the form's table, declared figures, documents. Each form saves its own part."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from pathlib import PurePosixPath
from typing import Any

from starlette.responses import Response

from collector.store import profiles
from console.access.roles import Need
from console.pages.files import data_file
from console.reading.applying import document_sizes, edition_of, read_applicant, what_is_missing
from console.visit import REFUSED, NotFoundError, Visit
from declaring.profile_fields import FIELDS
from declaring.profile_text import profile_text
from declaring.profiles import MAX_DOCUMENT_BYTES
from verifier.edition import CLOUD_FORMS, DECLARED, FIGURE, Edition
from verifier.errors import ProfileError
from verifier.profile import Applicant, Contact, DeclaredFigure, DeclaredRow, Document, Profile
from verifier.profile_file import MAX_ID, MAX_PEOPLE, parse_profile, path_fault

MOST_TEXT = 2_000
Change = Callable[[Profile, Edition], Profile]
_DATES = ("cloud_start", "filled_on")
_COUNTS = ("total", "cloud_users")
_SUMMARIES = ("scope_summary", "performance_summary")
_TOP = ("region", "cloud_partner", "industry", "planned_evaluation")


def facts(visit: Visit) -> Response:
    """Show the form's first part: the enterprise and its application."""
    return _page(visit, "facts")


def save_facts(visit: Visit) -> Response:
    """Save the first part; before there is a profile it makes one, unless nothing was filled in."""
    if not _says_anything(visit):
        with visit.console.store.reading() as connection:
            if profiles.newest(connection) is None:
                return _page(visit, "facts", problem="profile.empty")
    return _saved(
        visit, "facts", "/apply/profile", lambda profile, edition: _with_facts(visit, profile, edition)
    )


def rows(visit: Visit) -> Response:
    """Show the rows of the form's table."""
    return _page(visit, "rows")


def save_rows(visit: Visit) -> Response:
    """Save which rows are ticked, their words and documents."""

    def change(profile: Profile, edition: Edition) -> Profile:
        ticked = set(visit.many.get("tick", ()))
        found = {}
        for row in edition.rows:
            text = _text(visit, f"text-{row.id}")
            if row.kind != FIGURE and (row.id in ticked or text):
                found[row.id] = DeclaredRow(row.id, text, tuple(visit.many.get(f"docs-{row.id}", ())))
        return replace(profile, rows=found)

    return _saved(visit, "rows", "/apply/rows", change)


def figures(visit: Visit) -> Response:
    """Show the figures that are declared."""
    return _page(visit, "figures")


def save_figures(visit: Visit) -> Response:
    """Save the declared figures."""

    def change(profile: Profile, edition: Edition) -> Profile:
        found = {}
        for rule in edition.rules:
            value = visit.form.get(f"value-{rule.id}", "").strip()
            if rule.aggregation == DECLARED and value:
                documents = tuple(visit.many.get(f"docs-{rule.id}", ()))
                found[rule.id] = DeclaredFigure(rule.id, value, _text(visit, f"basis-{rule.id}"), documents)
        return replace(profile, figures=found)

    return _saved(visit, "figures", "/apply/figures", change)


def documents(visit: Visit) -> Response:
    """Show the documents."""
    return _page(visit, "documents")


def add_document(visit: Visit) -> Response:
    """Keep an uploaded document and list it in the profile."""
    file = visit.files.get("file")
    if file is None or not file.filename:
        return _page(visit, "documents", problem="profile.no_file")
    data = file.file.read(MAX_DOCUMENT_BYTES + 1)
    if not 0 < len(data) <= MAX_DOCUMENT_BYTES:
        return _page(visit, "documents", problem="profile.bad_size")
    name = PurePosixPath(file.filename.replace("\\", "/")).name
    place = f"documents/{name}"
    if path_fault(place):
        return _page(visit, "documents", problem="profile.bad_name")
    title = visit.form.get("title", "").strip() or PurePosixPath(name).stem

    def change(profile: Profile, _edition: Edition) -> Profile:
        with visit.console.store.writing() as connection:
            sha256 = profiles.keep_document(connection, data)
        taken = {one.id for one in profile.documents}
        files = {one.file for one in profile.documents if one.sha256 != sha256}
        made = Document(
            id=_free(PurePosixPath(name).stem, taken),
            title=title,
            file=_free_file(place, files),
            sha256=sha256,
            attachment=visit.form.get("attachment", ""),
        )
        return replace(profile, documents=(*profile.documents, made))

    return _saved(visit, "documents", "/apply/documents", change)


def remove_document(visit: Visit) -> Response:
    """Take a document out of the profile, and out of the rows and figures that name it."""
    gone = visit.form.get("id", "")

    def change(profile: Profile, _edition: Edition) -> Profile:
        def without(names: Sequence[str]) -> tuple[str, ...]:
            return tuple(name for name in names if name != gone)

        return replace(
            profile,
            documents=tuple(one for one in profile.documents if one.id != gone),
            rows={k: replace(row, documents=without(row.documents)) for k, row in profile.rows.items()},
            figures={k: replace(one, documents=without(one.documents)) for k, one in profile.figures.items()},
        )

    return _saved(visit, "documents", "/apply/documents", change)


def profile_file(visit: Visit) -> Response:
    """Answer with the profile as its file."""
    with visit.console.store.reading() as connection:
        saved = profiles.newest(connection)
    if saved is None:
        raise NotFoundError
    return data_file(saved.file, "profile.toml")


def _saved(visit: Visit, part: str, path: str, change: Change) -> Response:
    """Change the profile as it is now, and save it if its rules take it."""
    edition = edition_of(visit.console.store)
    with visit.console.store.reading() as connection:
        before = read_applicant(connection, edition)
    if before.profile is None and part != "facts":
        return _page(visit, part, problem="profile.first")
    try:
        changed = change(before.profile or _blank(visit, edition), edition)
        data = profile_text(changed, edition)
        parse_profile(data, edition)
    except ProfileError as error:
        return _page(visit, part, problem="profile.refused", reason=str(error))
    with visit.console.store.writing() as connection:
        now = profiles.newest(connection)
        if (now.version if now else 0) != (before.saved.version if before.saved else 0):
            return _page(visit, part, problem="profile.changed")
        profiles.save(connection, data, by=visit.actor, now_ms=visit.now_ms)
    return visit.back_to(path, said="profile.saved_done")


def _page(visit: Visit, part: str, *, problem: str = "", reason: str = "") -> Response:
    store = visit.console.store
    edition = edition_of(store)
    with store.reading() as connection:
        found = read_applicant(connection, edition)
        sizes = document_sizes(connection, found.profile) if found.profile else {}
    profile = found.profile or _blank(visit, edition)
    return visit.render(
        f"apply/{part}.html",
        status=REFUSED if problem else 200,
        part=part,
        problem=problem,
        reason=reason or found.problem,
        edition=edition,
        profile=profile,
        is_new=found.profile is None,
        missing=what_is_missing(store, profile, edition) if found.profile else [],
        fields=FIELDS,
        cloud_forms=CLOUD_FORMS,
        values=_values(profile),
        sizes=sizes,
        kinds=_KINDS,
        operate=Need.OPERATE,
    )


_KINDS: Mapping[str, str] = {
    **dict.fromkeys(_DATES, "date"),
    "planned_evaluation": "month",
    **dict.fromkeys(_COUNTS, "number"),
    "email": "email",
}
"""Kinds of input by a field's key; text for all others."""


def _values(profile: Profile) -> dict[str, object]:
    """Return what stands in every field, by its place."""
    records = {"": profile, "applicant.contact": profile.applicant.contact}
    return {
        field.place: getattr(records.get(field.table, profile.applicant), field.key) or "" for field in FIELDS
    }


def _blank(visit: Visit, edition: Edition) -> Profile:
    return Profile(
        edition=edition.id,
        applicant=Applicant(visit.console.enterprise),
        star=edition.stars[0].id,
        region="",
        cloud_form=CLOUD_FORMS[0],
        it_service=False,
        cloud_partner="",
        cloud_start="",
        industry="",
        planned_evaluation="",
        filled_on="",
        scope_summary="",
        performance_summary="",
        documents=(),
        rows={},
        figures={},
        sha256="",
    )


def _says_anything(visit: Visit) -> bool:
    """Return whether a field was filled in besides what stands in the empty form already."""
    name = visit.form.get("applicant.name", "").strip()
    given = [visit.form.get(field.place, "").strip() for field in FIELDS]
    given += [_text(visit, key) for key in _SUMMARIES]
    return any(given) or name not in ("", visit.console.enterprise)


def _with_facts(visit: Visit, profile: Profile, edition: Edition) -> Profile:
    said = {field.place: visit.form.get(field.place, "").strip() for field in FIELDS}
    contact = {f.key: said[f.place] for f in FIELDS if f.table == "applicant.contact"}
    applicant: dict[str, Any] = {f.key: said[f.place] for f in FIELDS if f.table == "applicant"}
    applicant |= {key: _count(said[f"applicant.size.{key}"]) for key in _COUNTS}
    top: dict[str, Any] = {key: said[key] for key in _TOP}
    top |= {key: _date(said[key]) for key in _DATES}
    top |= {key: _text(visit, key) for key in _SUMMARIES}
    return replace(
        profile,
        edition=edition.id,
        star=visit.form.get("star", ""),
        cloud_form=visit.form.get("cloud_form", ""),
        it_service=visit.form.get("it_service") == "yes",
        **top,
        applicant=Applicant(
            name=visit.form.get("applicant.name", "").strip() or profile.applicant.name,
            **applicant,
            contact=Contact(**contact),
        ),
    )


def _date(text: str) -> str:
    """Return a day as it is written; the file takes it without quotes, so it must be one."""
    try:
        return date.fromisoformat(text).isoformat() if text else ""
    except ValueError:
        raise ProfileError(f"{text!r} is no day, such as 2026-12-03") from None


def _count(text: str) -> int | None:
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(MAX_PEOPLE))):
        raise ProfileError(f"{text!r} is no number of people")
    return int(text)


def _text(visit: Visit, name: str) -> str:
    """Return words of several lines with the line ends that files have."""
    return visit.form.get(name, "").replace("\r\n", "\n").strip()[:MOST_TEXT]


def _free(stem: str, taken: set[str]) -> str:
    """Return an id that no document has yet."""
    name, number = stem[:MAX_ID], 1
    while name in taken:
        number += 1
        ending = f"-{number}"
        name = stem[: MAX_ID - len(ending)] + ending
    return name


def _free_file(place: str, taken: set[str]) -> str:
    """Return a path that no document of other bytes has yet."""
    path, number = PurePosixPath(place), 1
    while str(path) in taken:
        number += 1
        path = PurePosixPath(place).with_stem(f"{PurePosixPath(place).stem}-{number}")
    return str(path)
