"""The edition: what one year's guide of one place says, as data. Nothing in code knows a star or a row.

An edition is a file with its source and date; ``verifier.edition_file.parse_edition`` reads it, and
docs/edition-format.md says how to write one. The hash of its bytes names it in every document.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from verifier import decimals

MEAN_OVER_HOSTS = "mean_over_hosts"
CAPACITY_WEIGHTED = "capacity_weighted"
SUM_OVER_HOSTS = "sum_over_hosts"
DECLARED = "declared"
AGGREGATIONS = (MEAN_OVER_HOSTS, CAPACITY_WEIGHTED, SUM_OVER_HOSTS, DECLARED)
"""How hosts become one figure; ``declared`` figures belong to the enterprise, not to hosts."""
MONTH, YEAR, NOT_STATED = "month", "year", "not-stated"
PERIODS = (MONTH, YEAR, NOT_STATED)
"""The period that the wording of a guide names."""
POOLED, EVERY_MONTH = "pooled", "every_month"
COMBINATIONS = (POOLED, EVERY_MONTH)
"""How several months become one answer: one long window, or the least of the months."""
BOUNDS = "bounds/1"
MISSING_RULES = (BOUNDS,)
"""What missing time means; bounds/1 stands in docs/definitions.md."""
NO_SUBSTITUTION, SUBSTITUTION_OF_SCOPE = "none", "scope"
SUBSTITUTIONS = (NO_SUBSTITUTION, SUBSTITUTION_OF_SCOPE)
"""Whether a rule may stand in for missing time: never, or one that the scope declares beforehand."""
PUBLIC, PRIVATE, HYBRID = "public", "private", "hybrid"
CLOUD_FORMS = (PUBLIC, PRIVATE, HYBRID)
"""上云形式: 公有云, 私有云, 混合云."""
TICK, TEXT, FIGURE = "tick", "text", "figure"
KINDS = (TICK, TEXT, FIGURE)
"""What the applicant writes into a row: a tick, words, or a figure of 综合绩效."""
COUNT_ROWS, COUNT_SUBCATEGORIES = "rows", "subcategories"
COUNTS = (COUNT_ROWS, COUNT_SUBCATEGORIES)
"""What a counting rule counts: ticked rows, or 子类 with at least one ticked row."""
EVERYBODY, IT_SERVICE = "", "it_service"
"""Whom a counting rule is for: every enterprise, or only those of IT services."""
WHOLE_TABLE = "table"
"""What an ``Unknown`` is about when it is about no single criterion."""
CLOUD_FORM = "cloud_form"
"""Id of the criterion 上云形式, which every edition has through its stars."""


@dataclass(frozen=True)
class Star:
    """One star. ``id`` is a digit; ``cloud_forms`` are those allowed at this star."""

    id: str
    name_zh: str
    name_en: str
    cloud_forms: tuple[str, ...]
    decided_by_zh: str
    decided_by_en: str


@dataclass(frozen=True)
class Row:
    """One row of the form's table, in the words of the guide: 大类, 类, 子类, 域, 子域.

    ``item`` is empty where the form merges 域 and 子域. ``kind`` is one of ``KINDS``; ``indicator``
    is the figure's id for ``FIGURE``, else empty. ``footnote`` is its number, or empty.
    """

    id: str
    part: str
    category: str
    subcategory: str
    domain: str
    item: str
    kind: str
    indicator: str
    footnote: str


@dataclass(frozen=True)
class CountRule:
    """How many of the tick rows ``rows`` every star needs.

    ``needed`` by star id; 0 asks nothing; empty when the edition does not know (an ``Unknown`` then
    names this criterion).
    """

    id: str
    name_zh: str
    name_en: str
    rows: tuple[str, ...]
    count: str
    needed: Mapping[str, int]
    only: str
    note_zh: str
    note_en: str


@dataclass(frozen=True)
class Rule:
    """What an edition says about one figure of 综合绩效.

    ``thresholds`` by star id are decimals in ``unit``, every one inclusive (不低于); empty when the
    edition does not know them (an ``Unknown`` then names this figure). ``periods`` by star id is
    what the guide's wording names. ``months`` is the window in whole calendar months that ends with
    the month asked for. ``coverage_gate`` is the least coverage, as a decimal share, at which a
    substitution rule may decide. ``days`` are the ordinals of the first and last day whose payments
    count, where the guide names them.
    """

    id: str
    name_zh: str
    name_en: str
    definition: str
    unit: str
    aggregation: str
    thresholds: Mapping[str, str]
    periods: Mapping[str, str]
    months: int
    combine: str
    missing: str
    coverage_gate: str
    substitution: str
    note_zh: str
    note_en: str
    days: tuple[int, int] | None = None

    def threshold(self, star: str) -> Fraction | None:
        """Return the threshold of ``star`` exactly; ``None``: the edition does not know it."""
        text = self.thresholds.get(star)
        return None if text is None else decimals.parse(text)


@dataclass(frozen=True)
class Attachment:
    """One of 配套证明材料; asked for with these ``cloud_forms``, empty: with every one."""

    id: str
    name_zh: str
    name_en: str
    cloud_forms: tuple[str, ...]


@dataclass(frozen=True)
class Application:
    """When applications are taken: these ``months`` of the years, both ends included."""

    months: tuple[int, ...]
    first_year: int
    last_year: int
    text_zh: str
    text_en: str


@dataclass(frozen=True)
class Unknown:
    """What an incomplete edition does not say. ``about``: a criterion, a figure, or the table."""

    about: str
    zh: str
    en: str


@dataclass(frozen=True)
class FormTexts:
    """The fixed words of the application form, as the guide prints them."""

    title: str
    subtitle: str
    issuer: str
    instructions: tuple[str, ...]
    attachments_intro: str
    attachments_note: str
    appendix_title: str
    footnotes: tuple[str, ...]


@dataclass(frozen=True)
class Edition:
    """One edition: ``stars`` from low to high, ``rows`` as printed, ``rules`` in the guide's order.

    ``sha256`` is over the bytes of the file. An edition that is not ``complete`` supports no star,
    and ``unknown`` says what it lacks.
    """

    id: str
    title_zh: str
    title_en: str
    place: str
    document: str
    source: str
    date: str
    complete: bool
    unknown: tuple[Unknown, ...]
    applies_to_zh: str
    applies_to_en: str
    stars: tuple[Star, ...]
    rows: tuple[Row, ...]
    criteria: tuple[CountRule, ...]
    rules: tuple[Rule, ...]
    attachments: tuple[Attachment, ...]
    application: Application | None
    regions: tuple[str, ...]
    form: FormTexts | None
    sha256: str

    @property
    def star_ids(self) -> tuple[str, ...]:
        """The ids of the stars, from low to high."""
        return tuple(star.id for star in self.stars)

    def star(self, star_id: str) -> Star:
        """Return the star with this id; ``KeyError`` if the edition has none."""
        return {star.id: star for star in self.stars}[star_id]

    def row(self, row_id: str) -> Row:
        """Return the row with this id; ``KeyError`` if the edition has none."""
        return {row.id: row for row in self.rows}[row_id]

    def countable(self, criterion: CountRule) -> int:
        """Return the most that ``criterion`` can count: its rows, or the 子类 they belong to."""
        rows = [self.row(row_id) for row_id in criterion.rows]
        if criterion.count == COUNT_ROWS:
            return len(rows)
        return len({(row.part, row.category, row.subcategory) for row in rows})

    def rule(self, indicator: str) -> Rule:
        """Return what is said about this figure; ``KeyError`` if the edition does not ask for it."""
        return {rule.id: rule for rule in self.rules}[indicator]
