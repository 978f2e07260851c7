"""The edition: thresholds and rules of one year's guide, as a file with its source and date.

``parse_edition`` is pure; the hash of the file's bytes names the edition in every document.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from verifier import decimals, toml_table
from verifier.errors import EditionError
from verifier.toml_table import Table

SCHEMA = "starproof/edition/1"
INDICATORS = (
    "it_cost_reduction",
    "monthly_user_rate",
    "cpu_utilization",
    "bandwidth_utilization",
    "daily_reads_writes",
    "cloud_investment",
)
"""The six figures of 综合绩效, in the order of the guide's table."""
STARS = ("3", "4", "5")
MEAN_OVER_HOSTS = "mean_over_hosts"
CAPACITY_WEIGHTED = "capacity_weighted"
SUM_OVER_HOSTS = "sum_over_hosts"
DECLARED = "declared"
AGGREGATIONS = (MEAN_OVER_HOSTS, CAPACITY_WEIGHTED, SUM_OVER_HOSTS, DECLARED)
"""How hosts become one figure; ``declared`` figures belong to the enterprise, not to hosts."""
MONTH, YEAR, NOT_STATED = "month", "year", "not-stated"

_TEXTS = ("id", "title_zh", "title_en", "place", "document", "source", "date", "complete")
_RULE_TEXTS = ("name_zh", "name_en", "definition", "unit")


@dataclass(frozen=True)
class Rule:
    """What an edition says about one indicator.

    ``thresholds`` by star are decimals as the guide writes them; every one is inclusive (不低于).
    ``windows`` by star is the period that the guide names: ``month``, ``year`` or ``not-stated``.
    """

    id: str
    name_zh: str
    name_en: str
    definition: str
    unit: str
    aggregation: str
    thresholds: Mapping[str, str]
    windows: Mapping[str, str]
    note_zh: str
    note_en: str

    def threshold(self, star: str) -> Fraction:
        """Return the threshold of ``star`` exactly."""
        return decimals.parse(self.thresholds[star])


@dataclass(frozen=True)
class Edition:
    """One edition. ``sha256`` is over the bytes of the file, ``rules`` in the order of the guide."""

    id: str
    title_zh: str
    title_en: str
    place: str
    document: str
    source: str
    date: str
    complete: str
    rules: tuple[Rule, ...]
    sha256: str


def parse_edition(data: bytes) -> Edition:
    """Return the edition that the TOML file ``data`` describes.

    Raises:
        EditionError: not TOML, an unknown or missing key, a wrong type; the message names the place.
    """
    top = toml_table.load(data, what="edition", error=EditionError)
    top.allow(("schema", *_TEXTS, "indicators"))
    top.choice("schema", (SCHEMA,))
    indicators = top.table("indicators")
    indicators.allow(INDICATORS)
    texts = {name: top.text(name) for name in _TEXTS}
    top.choice("complete", ("yes", "thresholds-only"))
    return Edition(
        **texts,
        rules=tuple(_rule(name, indicators.table(name)) for name in INDICATORS),
        sha256=hashlib.sha256(data).hexdigest(),
    )


def _rule(name: str, table: Table) -> Rule:
    table.allow((*_RULE_TEXTS, "aggregation", "thresholds", "windows"), ("note_zh", "note_en"))
    texts = {key: table.text(key) for key in _RULE_TEXTS}
    thresholds, windows = table.table("thresholds"), table.table("windows")
    thresholds.allow(STARS)
    windows.allow(STARS)
    return Rule(
        id=name,
        **texts,
        aggregation=table.choice("aggregation", AGGREGATIONS),
        thresholds={star: thresholds.decimal(star) for star in STARS},
        windows={star: windows.choice(star, (MONTH, YEAR, NOT_STATED)) for star in STARS},
        note_zh=table.text("note_zh") if "note_zh" in table else "",
        note_en=table.text("note_en") if "note_en" in table else "",
    )
