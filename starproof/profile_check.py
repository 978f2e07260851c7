"""What a profile still lacks for the form: empty fields, ticks without documents, attachments, files."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from evidence.manifest import ACTIVITY
from evidence.sources import carried_kind
from starproof.profile_fields import FIELDS
from starproof.profiles import MAX_ALL_BYTES, document_data
from verifier.edition import DECLARED, TICK, Edition
from verifier.errors import ProfileError
from verifier.indicators import investment, it_cost, users
from verifier.ledger import INVESTMENT, OPERATIONS, PAID
from verifier.ledger_rules import read_ledger
from verifier.ports import Archive
from verifier.profile import Profile, row_label


@dataclass(frozen=True)
class Missing:
    """One thing that is missing: ``kind`` is field, row, figure, attachment or document."""

    kind: str
    id: str
    zh: str
    en: str


def missing(
    profile: Profile, edition: Edition, folder: Path, *, computed: Collection[str] = ()
) -> tuple[Missing, ...]:
    """Return all that is missing, in the order of the form.

    ``folder`` holds the documents; ``computed`` are the ids of the figures that the store's ledger and
    accounts give, which nobody need declare.
    """
    return (
        *_fields(profile, edition),
        *_rows(profile, edition),
        *_figures(profile, edition, computed),
        *_attachments(profile, edition),
        *_files(profile, folder),
    )


def _fields(profile: Profile, edition: Edition) -> Iterator[Missing]:
    for field in FIELDS:
        if field.key == "region" and not edition.regions:
            continue
        if not field.filled(profile):
            yield Missing("field", field.place, f"未填写：{field.zh}", f"empty: {field.en}")


def _rows(profile: Profile, edition: Edition) -> Iterator[Missing]:
    ticks = [row for row in edition.rows if row.kind == TICK]
    if ticks and not any(row.id in profile.rows for row in ticks):
        yield Missing("row", "", "附表一项也未勾选", "no row of the table is ticked")
    for row in ticks:
        if row.id in profile.rows and not profile.rows[row.id].documents:
            zh = f"已勾选但无证明材料：{row_label(row)}"
            yield Missing("row", row.id, zh, f"ticked, but no document proves it: {row.id}")


def computed_figures(archive: Archive, edition: Edition) -> frozenset[str]:
    """Return the ids of the enterprise's figures for which a store holds anything.

    Whether it is enough of the right months is the figures' own to say: ``starproof verify``.

    Raises:
        LedgerError: the ledger breaks a rule.
    """
    entries = read_ledger(archive.ledger()).standing()
    costs = any(entry.kind in PAID and entry.purpose in OPERATIONS for entry in entries)
    told = any(carried_kind(signed.enrolment.source) == ACTIVITY for signed in archive.enrolments())
    found = {
        investment.ID: any(entry.purpose in INVESTMENT for entry in entries),
        it_cost.ID: costs,
        users.ID: told,
    }
    return frozenset(rule.id for rule in edition.rules if found.get(rule.definition))


def _figures(profile: Profile, edition: Edition, computed: Collection[str]) -> Iterator[Missing]:
    for rule in edition.rules:
        if rule.aggregation != DECLARED or rule.id in computed:
            continue
        figure = profile.figures.get(rule.id)
        if figure is None:
            yield Missing("figure", rule.id, f"未填写数值：{rule.name_zh}", f"no value: {rule.name_en}")
        elif not figure.documents:
            zh = f"数值无证明材料：{rule.name_zh}"
            yield Missing("figure", rule.id, zh, f"no document proves: {rule.name_en}")


def _attachments(profile: Profile, edition: Edition) -> Iterator[Missing]:
    for entry in edition.attachments:
        asked = not entry.cloud_forms or profile.cloud_form in entry.cloud_forms
        if asked and not profile.attached(entry.id):
            zh = f"缺少配套证明材料：{entry.name_zh}"
            yield Missing("attachment", entry.id, zh, f"attachment: {entry.name_en}")


def _files(profile: Profile, folder: Path) -> Iterator[Missing]:
    size = 0
    for document in profile.documents:
        try:
            size += len(document_data(document, folder))
        except ProfileError as error:
            yield Missing("document", document.id, f"文件不可用：{document.title}", str(error))
    if size > MAX_ALL_BYTES:
        mebibytes = MAX_ALL_BYTES // (1024 * 1024)
        yield Missing(
            "document", "", "全部文件过大", f"the documents are larger than {mebibytes} MiB together"
        )
