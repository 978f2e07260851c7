"""Reading a profile: strictly, against its edition, with messages that say what to write.

Nothing is guessed and nothing skipped: an unknown key, row, figure, star or document is refused with
the nearest that exists. A figure that hosts are measured for cannot be declared.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable, Mapping
from fractions import Fraction
from pathlib import PurePosixPath

from verifier import decimals, toml_table
from verifier.edition import CLOUD_FORMS, DECLARED, FIGURE, TEXT, Edition
from verifier.errors import ProfileError
from verifier.profile import Applicant, Contact, DeclaredFigure, DeclaredRow, Document, Profile
from verifier.toml_table import Table, nearest

SCHEMA = "starproof/profile/1"
MAX_DOCUMENTS = 500
MAX_ID = 64
MAX_FILE_NAME = 240
"""Of a path beside the profile, in bytes of UTF-8: what every file system takes."""
MAX_PEOPLE = 100_000_000
MAX_VALUE = 10**12
MAX_PERCENT = 100
PERCENT = "%"

_TEXTS = ("unit_nature", "registered_address", "registration_number", "legal_representative", "website")
_CONTACT = ("name", "title", "office_phone", "mobile", "fax", "email")
_FACTS = ("region", "cloud_partner", "industry", "planned_evaluation")
_SUMMARIES = ("scope_summary", "performance_summary")
_DATES = ("cloud_start", "filled_on")
_HEX = re.compile(r"[0-9a-fA-F]{64}\Z", re.ASCII)
_MONTH = re.compile(r"20[0-9]{2}-(0[1-9]|1[0-2])\Z", re.ASCII)
_UNPRINTABLE = frozenset({"Cc", "Cf", "Cs", "Cn", "Zl", "Zp"})
_INVISIBLE = frozenset("\u034f\u115f\u1160\u180b\u180c\u180d\u180f\u2065\u3164\uffa0") | frozenset(
    map(chr, (*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0)))
)
"""Drawn as nothing though no format characters: fillers and variation selectors (Unicode's
Default_Ignorable_Code_Point). Two names that differ by one of them look alike."""
"""Unicode categories that no form can show, and that XML and terminals may choke on."""


def profile_edition(data: bytes) -> str:
    """Return the id of the edition that a profile is written for, to know which one to read it with.

    Raises:
        ProfileError: not TOML, or it names none.
    """
    top = toml_table.load(data, what="profile", error=ProfileError)
    if "edition" not in top:
        raise top.wrong("the key 'edition' is missing")
    return top.text("edition")


def parse_profile(data: bytes, edition: Edition) -> Profile:
    """Return the profile that the TOML file ``data`` holds.

    Raises:
        ProfileError: not TOML, an unknown or missing key, something that the edition does not have,
            a value that cannot be; the message names the place and what to write.
    """
    top = toml_table.load(data, what="profile", error=ProfileError)
    top.allow(
        ("schema", "edition", "star", "cloud_form", "it_service_enterprise", "applicant"),
        (*_FACTS, *_SUMMARIES, *_DATES, "documents", "rows", "figures"),
    )
    top.choice("schema", (SCHEMA,))
    if top.text("edition") != edition.id:
        raise top.wrong(f"it is written for the edition {top.text('edition')!r}, not for {edition.id!r}")
    documents = _documents(top, edition)
    known = [document.id for document in documents]
    facts = {key: _optional(top, key) for key in _FACTS}
    _check_facts(top, facts, edition)
    return Profile(
        edition=edition.id,
        applicant=_applicant(top.table("applicant")),
        star=top.choice("star", edition.star_ids),
        cloud_form=top.choice("cloud_form", CLOUD_FORMS),
        it_service=top.flag("it_service_enterprise"),
        **facts,
        **{key: _optional(top, key, lines=True) for key in _SUMMARIES},
        **{key: top.day(key).isoformat() if key in top else "" for key in _DATES},
        documents=documents,
        rows=_rows(top.table("rows"), edition, known) if "rows" in top else {},
        figures=_figures(top.table("figures"), edition, known) if "figures" in top else {},
        sha256=hashlib.sha256(data).hexdigest(),
    )


def _check_facts(top: Table, facts: Mapping[str, str], edition: Edition) -> None:
    if facts["region"] and edition.regions:
        top.choice("region", edition.regions)
    month = facts["planned_evaluation"]
    if month and not _MONTH.match(month):
        raise top.wrong(f'planned_evaluation is {month!r}; write a month such as "2026-12"')


def _optional(table: Table, key: str, *, lines: bool = False) -> str:
    """Return a text that may be left out or empty."""
    if key not in table or table.is_blank(key):
        return ""
    return _text(table, key, lines=lines)


def _text(table: Table, key: str, *, lines: bool = False) -> str:
    """Return a text that can be printed; ``lines``: of several lines."""
    text = table.text(key).strip()
    for character in text:
        if _unprintable(character) and not (lines and character == "\n"):
            raise table.wrong(f"{key} holds the character U+{ord(character):04X}, which cannot be printed")
    return text


def _unprintable(character: str) -> bool:
    return unicodedata.category(character) in _UNPRINTABLE or character in _INVISIBLE


def _applicant(table: Table) -> Applicant:
    table.allow(("name",), (*_TEXTS, "contact", "size"))
    contact = Contact()
    if "contact" in table:
        part = table.table("contact")
        part.allow((), _CONTACT)
        contact = Contact(**{key: _optional(part, key) for key in _CONTACT})
    total, cloud_users = _size(table.table("size")) if "size" in table else (None, None)
    return Applicant(
        name=_text(table, "name"),
        **{key: _optional(table, key) for key in _TEXTS},
        contact=contact,
        total=total,
        cloud_users=cloud_users,
    )


def _size(table: Table) -> tuple[int | None, int | None]:
    table.allow((), ("total", "cloud_users"))
    total, cloud_users = (
        table.integer(key, least=1, most=MAX_PEOPLE) if key in table else None
        for key in ("total", "cloud_users")
    )
    if total is not None and cloud_users is not None and cloud_users > total:
        raise table.wrong("cloud_users is above total; people who use cloud services are among all people")
    return total, cloud_users


def _documents(top: Table, edition: Edition) -> tuple[Document, ...]:
    tables = top.tables("documents") if "documents" in top else []
    if len(tables) > MAX_DOCUMENTS:
        raise top.wrong(f"{len(tables)} documents, at most {MAX_DOCUMENTS}; join some into one file")
    found: dict[str, Document] = {}
    files: dict[str, str] = {}
    for table in tables:
        document = _document(table, edition)
        if document.id in found:
            raise table.wrong(f"the document {document.id!r} is listed twice; give every entry its own id")
        if files.setdefault(document.file, document.sha256) != document.sha256:
            raise table.wrong(f"the file {document.file!r} is listed twice with different hashes")
        found[document.id] = document
    return tuple(found.values())


def _document(table: Table, edition: Edition) -> Document:
    table.allow(("id", "title", "file", "sha256"), ("attachment",))
    name = _text(table, "id")
    if len(name) > MAX_ID:
        raise table.wrong(f"id has {len(name)} characters, at most {MAX_ID}")
    sha256 = table.text("sha256")
    if not _HEX.match(sha256):
        raise table.wrong(
            f"sha256 is not 64 hexadecimal digits; `starproof profile hash {table.text('file')}` prints it"
        )
    attachment = _optional(table, "attachment")
    known = [entry.id for entry in edition.attachments]
    if attachment and attachment not in known:
        raise table.wrong(
            f"the edition has no attachment {attachment!r}{nearest(attachment, known)}; "
            f"there are {_list(known)}"
        )
    return Document(
        id=name,
        title=_text(table, "title"),
        file=_file(table),
        sha256=sha256.lower(),
        attachment=attachment,
    )


def _file(table: Table) -> str:
    file = _text(table, "file")
    fault = path_fault(file)
    if fault:
        raise table.wrong(f"file is {file!r}; {fault}")
    return file


def path_fault(file: str) -> str:
    """Return what is wrong with a document's path, empty if nothing is.

    A path stays inside the profile's folder on every system, and has one spelling.
    """
    if len(file.encode()) > MAX_FILE_NAME:
        return f"it is longer than {MAX_FILE_NAME} bytes"
    if any(_unprintable(character) for character in file):
        return "it holds a character that cannot be printed; rename the file"
    path = PurePosixPath(file)
    if "\\" in file or ":" in file or path.is_absolute() or ".." in path.parts:
        return "write a path inside the profile's folder, without : and \\, such as documents/contract.pdf"
    if str(path) != file or file == ".":
        return "write it without empty or '.' parts, such as documents/contract.pdf"
    return ""


def _rows(table: Table, edition: Edition, documents: Iterable[str]) -> dict[str, DeclaredRow]:
    kinds = {row.id: row.kind for row in edition.rows}
    known = [name for name, kind in kinds.items() if kind != FIGURE]
    found = {}
    for name in table:
        if kinds.get(name) == FIGURE:
            figure = edition.row(name).indicator
            raise table.wrong(f"the row {name!r} holds a figure, not a tick; {_how(edition, figure)}")
        if name not in known:
            raise table.wrong(
                f"the edition has no row {name!r}{nearest(name, known)}; there are {_list(known)}"
            )
        entry = table.table(name)
        entry.allow((), ("text", "documents"))
        text = _optional(entry, "text", lines=True)
        if kinds[name] == TEXT and not text:
            raise entry.wrong('this row is answered in words; write text = "…", or leave the row out')
        found[name] = DeclaredRow(name, text, _references(entry, documents))
    return found


def _how(edition: Edition, figure: str) -> str:
    """Return how the enterprise comes to a figure: it declares it, or it is measured."""
    rule = edition.rule(figure)
    if rule.aggregation == DECLARED:
        return f"write it under [figures.{figure}]"
    return f"{figure} is measured from the hosts ({rule.definition}), a declared value cannot replace it"


def _figures(table: Table, edition: Edition, documents: Iterable[str]) -> dict[str, DeclaredFigure]:
    rules = {rule.id: rule for rule in edition.rules}
    known = [rule.id for rule in edition.rules if rule.aggregation == DECLARED]
    found = {}
    for name in table:
        if name not in rules:
            raise table.wrong(
                f"the edition has no figure {name!r}{nearest(name, known)}; to declare are {_list(known)}"
            )
        if name not in known:
            raise table.wrong(_how(edition, name))
        entry = table.table(name)
        entry.allow(("value",), ("basis", "documents"))
        value = entry.decimal("value")
        _check_value(entry, decimals.parse(value), rules[name].unit)
        basis = _optional(entry, "basis", lines=True)
        found[name] = DeclaredFigure(name, value, basis, _references(entry, documents))
    return found


def _check_value(entry: Table, value: Fraction, unit: str) -> None:
    if unit == PERCENT and value > MAX_PERCENT:
        raise entry.wrong('value is above 100 %; write a percentage such as value = "35.5"')
    if value > MAX_VALUE:
        raise entry.wrong(f"value is above {MAX_VALUE}; write it in the unit {unit}")


def _references(table: Table, known: Iterable[str]) -> tuple[str, ...]:
    names = table.texts("documents") if "documents" in table else ()
    ids = list(known)
    for name in names:
        if name not in ids:
            raise table.wrong(
                f"no [[documents]] entry has the id {name!r}{nearest(name, ids)}; there are {_list(ids)}"
            )
    if len(set(names)) < len(names):
        raise table.wrong("documents names one document twice")
    return names


def _list(names: Iterable[str]) -> str:
    return ", ".join(names) or "none"
