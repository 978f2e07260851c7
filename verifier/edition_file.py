"""Reading an edition file: every key known, every type right; what must fit together is checked after.

Pure: bytes in, an ``Edition`` or an ``EditionError`` out that names the place and what to write.
The format in words: docs/edition-format.md.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence

from verifier import decimals, edition_checks, toml_table
from verifier.edition import (
    AGGREGATIONS,
    CLOUD_FORMS,
    COMBINATIONS,
    COUNTS,
    DECLARED,
    EVERYBODY,
    FIGURE,
    IT_SERVICE,
    KINDS,
    MISSING_RULES,
    PERIODS,
    SUBSTITUTIONS,
    Application,
    Attachment,
    CountRule,
    Edition,
    FormTexts,
    Row,
    Rule,
    Star,
    Unknown,
)
from verifier.errors import EditionError
from verifier.toml_table import Table

SCHEMA = "starproof/edition/2"
STAR_IDS = tuple("123456789")
MAX_MONTHS = 12
"""Longest window: a year, the longest period that the guide names."""
MAX_NEEDED = 1_000
FIRST_YEAR, LAST_YEAR = 2000, 2099
PERCENT = "%"
PERCENT_LOOKALIKES = ("％", "﹪", "percent", "pct", "百分比", "百分之")
"""A percentage has one spelling, because percentages have a most."""
MAX_PERCENT = 100

_TEXTS = (
    "id", "title_zh", "title_en", "place", "document", "source", "date", "applies_to_zh", "applies_to_en",
)  # fmt: skip
_ROW_TEXTS = ("part", "category", "subcategory", "domain")
_RULE_TEXTS = ("name_zh", "name_en", "definition", "unit")
_FORM_TEXTS = ("title", "subtitle", "issuer", "attachments_intro", "attachments_note", "appendix_title")
_NOTES = ("note_zh", "note_en")
_EDITION_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,63}\Z")
_ID = re.compile(r"[a-z][a-z0-9_]{0,63}\Z")


def parse_edition(data: bytes) -> Edition:
    """Return the edition that the TOML file ``data`` describes.

    Raises:
        EditionError: not TOML, an unknown or missing key, a wrong type, parts that do not fit
            together; the message names the place and what to write.
    """
    top = toml_table.load(data, what="edition", error=EditionError)
    # The schema first: in a file of another version every key would seem to be wrong.
    if "schema" in top:
        top.choice("schema", (SCHEMA,))
    top.allow(
        ("schema", *_TEXTS, "complete", "stars", "rows", "criteria", "indicators"),
        ("unknown", "attachments", "application", "regions", "form"),
    )
    stars = tuple(_star(table) for table in top.tables("stars"))
    ids = tuple(star.id for star in stars)
    edition_checks.require_stars(top, ids)
    indicators = top.table("indicators")
    edition = Edition(
        **{name: top.text(name) for name in _TEXTS},
        complete=top.flag("complete"),
        unknown=tuple(_unknown(table) for table in _optional_tables(top, "unknown")),
        stars=stars,
        rows=tuple(_row(table) for table in top.tables("rows")),
        criteria=tuple(_criterion(table, ids) for table in top.tables("criteria")),
        rules=tuple(_rule(_identifier(indicators, name), indicators.table(name), ids) for name in indicators),
        attachments=tuple(_attachment(table) for table in _optional_tables(top, "attachments")),
        application=_application(top.table("application")) if "application" in top else None,
        regions=top.texts("regions") if "regions" in top else (),
        form=_form(top.table("form")) if "form" in top else None,
        sha256=hashlib.sha256(data).hexdigest(),
    )
    if not _EDITION_ID.match(edition.id):
        raise top.wrong(
            f"id is {edition.id!r}; write small letters, digits and -, such as jiangsu-2018-trial"
        )
    edition_checks.require_sound(top, edition)
    return edition


def _optional_tables(top: Table, key: str) -> Sequence[Table]:
    return top.tables(key) if key in top else ()


def _optional_text(table: Table, key: str) -> str:
    return table.text(key) if key in table else ""


def _id(table: Table) -> str:
    return _identifier(table, table.text("id"))


def _identifier(table: Table, name: str) -> str:
    if not _ID.match(name):
        raise table.wrong(f"{name!r} is no id; write a small letter, then small letters, digits and _")
    return name


def _star(table: Table) -> Star:
    table.allow(("id", "name_zh", "name_en", "cloud_forms", "decided_by_zh", "decided_by_en"))
    return Star(
        id=table.choice("id", STAR_IDS),
        name_zh=table.text("name_zh"),
        name_en=table.text("name_en"),
        cloud_forms=table.choices("cloud_forms", CLOUD_FORMS),
        decided_by_zh=table.text("decided_by_zh"),
        decided_by_en=table.text("decided_by_en"),
    )


def _row(table: Table) -> Row:
    table.allow(("id", *_ROW_TEXTS, "kind"), ("item", "indicator", "footnote"))
    kind = table.choice("kind", KINDS)
    if kind == FIGURE and "indicator" not in table:
        raise table.wrong('a figure needs its indicator, such as indicator = "cpu_utilization"')
    if kind != FIGURE and "indicator" in table:
        raise table.wrong(f'a {kind} has no indicator; leave it out, or write kind = "{FIGURE}"')
    return Row(
        id=_id(table),
        **{name: table.text(name) for name in _ROW_TEXTS},
        item=_optional_text(table, "item"),
        kind=kind,
        indicator=_optional_text(table, "indicator"),
        footnote=_optional_text(table, "footnote"),
    )


def _criterion(table: Table, stars: Sequence[str]) -> CountRule:
    table.allow(("id", "name_zh", "name_en", "rows", "count", "needed"), ("only", *_NOTES))
    needed = _by_star(table, "needed", stars, may_be_empty=True)
    return CountRule(
        id=_id(table),
        name_zh=table.text("name_zh"),
        name_en=table.text("name_en"),
        rows=table.texts("rows"),
        count=table.choice("count", COUNTS),
        needed={star: needed.integer(star, most=MAX_NEEDED) for star in stars if star in needed},
        only=table.choice("only", (IT_SERVICE,)) if "only" in table else EVERYBODY,
        **{name: _optional_text(table, name) for name in _NOTES},
    )


def _rule(name: str, table: Table, stars: Sequence[str]) -> Rule:
    table.allow(
        (*_RULE_TEXTS, "aggregation", "thresholds", "periods", "months", "combine", "missing", "coverage_gate",
         "substitution"),
        (*_NOTES, "window"),
    )  # fmt: skip
    unit = table.text("unit")
    if unit in PERCENT_LOOKALIKES:
        raise table.wrong(f'unit is {unit!r}; write unit = "%"')
    thresholds = _by_star(table, "thresholds", stars, may_be_empty=True)
    periods = _by_star(table, "periods", stars)
    return Rule(
        id=name,
        **{key: table.text(key) for key in _RULE_TEXTS},
        aggregation=table.choice("aggregation", AGGREGATIONS),
        thresholds={star: _threshold(thresholds, star, unit) for star in stars if star in thresholds},
        periods={star: periods.choice(star, PERIODS) for star in stars},
        months=table.integer("months", least=1, most=MAX_MONTHS),
        combine=table.choice("combine", COMBINATIONS),
        missing=table.choice("missing", MISSING_RULES),
        coverage_gate=_gate(table),
        substitution=table.choice("substitution", SUBSTITUTIONS),
        **{key: _optional_text(table, key) for key in _NOTES},
        days=_days(table) if "window" in table else None,
    )


def _days(table: Table) -> tuple[int, int]:
    """Return the days whose payments count; only a figure of the enterprise has such days."""
    if table.text("aggregation") != DECLARED:
        raise table.wrong('window says which payments count; leave it out, or write aggregation = "declared"')
    window = table.table("window")
    window.allow(("from", "to"))
    first, last = window.day("from"), window.day("to")
    if last < first:
        raise window.wrong(f"it ends on {last}, before it begins on {first}; both days are included")
    return first.toordinal(), last.toordinal()


def _by_star(table: Table, key: str, stars: Sequence[str], *, may_be_empty: bool = False) -> Table:
    """Return the table under ``key``, with an entry for every star, or none at all if that may be."""
    by_star = table.table(key)
    if may_be_empty and not list(by_star):
        return by_star
    by_star.allow(stars)
    return by_star


def _threshold(thresholds: Table, star: str, unit: str) -> str:
    text = thresholds.decimal(star)
    if unit == PERCENT and decimals.parse(text) > MAX_PERCENT:
        raise thresholds.wrong(f"{star} is {text} %; a share is at most {MAX_PERCENT} %")
    return text


def _gate(table: Table) -> str:
    text = table.decimal("coverage_gate")
    if not 0 < decimals.parse(text) <= 1:
        raise table.wrong(f'coverage_gate is {text}; write a share above 0 and at most 1, such as "0.9"')
    return text


def _attachment(table: Table) -> Attachment:
    table.allow(("id", "name_zh", "name_en"), ("cloud_forms",))
    return Attachment(
        id=_id(table),
        name_zh=table.text("name_zh"),
        name_en=table.text("name_en"),
        cloud_forms=table.choices("cloud_forms", CLOUD_FORMS) if "cloud_forms" in table else (),
    )


def _application(table: Table) -> Application:
    table.allow(("months", "first_year", "last_year", "text_zh", "text_en"))
    first = table.integer("first_year", least=FIRST_YEAR, most=LAST_YEAR)
    last = table.integer("last_year", least=FIRST_YEAR, most=LAST_YEAR)
    if last < first:
        raise table.wrong(f"last_year {last} is before first_year {first}; both are included")
    return Application(
        months=table.integers("months", least=1, most=12),
        first_year=first,
        last_year=last,
        text_zh=table.text("text_zh"),
        text_en=table.text("text_en"),
    )


def _unknown(table: Table) -> Unknown:
    table.allow(("about", "zh", "en"))
    return Unknown(about=table.text("about"), zh=table.text("zh"), en=table.text("en"))


def _form(table: Table) -> FormTexts:
    table.allow((*_FORM_TEXTS, "instructions", "footnotes"))
    return FormTexts(
        **{name: table.text(name) for name in _FORM_TEXTS},
        instructions=table.texts("instructions"),
        footnotes=table.texts("footnotes"),
    )
