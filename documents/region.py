"""附件3, 企业上云目标任务情况表: packs that passed the check, counted by region and star. Pure.

Rules, numbered as in the code:

1. Only a pack that passes the check counts. An incomplete one counts where that is asked for.
2. Only verdicts of the table's edition and year, over a month that has ended, are counted.
3. An enterprise counts once, with its latest month; of two packs of one month the one made last.
4. It counts in the region of its profile, under the highest star that its pack supports. Without a
   supported star it is listed and stands in no column of the table.
5. Whatever does not count stays in the list, with the reason.

How many enterprises are new on the cloud is no question that packs answer: that column stays blank.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from verifier.check import PARTIAL, PASS, CheckReport
from verifier.edition import Edition
from verifier.finding import NOTE

COUNTED = "COUNTED"
NO_STAR = "NO_STAR"
REASONS: dict[str, tuple[str, str]] = {
    COUNTED: ("计入", "counted"),
    NO_STAR: ("核验通过，但没有可支持的星级，不计入任何一列", "no star is supported; in no column"),
    "FAILED": ("核验不通过，不计入", "the check fails; not counted"),
    "INCOMPLETE": ("核验不完整，不计入", "the check is incomplete; not counted"),
    "NO_VERDICT": ("证据包中没有结论，不计入", "the pack holds no verdict; not counted"),
    "PROVISIONAL": ("统计期尚未结束，不计入", "the window has not ended; not counted"),
    "OTHER_EDITION": ("依据另一评定版本，不计入", "judged by another edition; not counted"),
    "OTHER_YEAR": ("不属于本年度，不计入", "of another year; not counted"),
    "NO_REGION": ("申报资料未写地区，不计入", "the profile names no region; not counted"),
    "REGION_UNKNOWN": ("地区不在本表中，不计入", "the region is not in the table; not counted"),
    "STAR_UNKNOWN": ("星级不在本表中，不计入", "the star is not in the table; not counted"),
    "SAME_FILE": ("同一文件重复给出，只计一次", "the same file again; counted once"),
    "EARLIER": ("同一企业有更晚月份的证据包，以其为准", "the enterprise has a pack of a later month"),
    "REPLACED": ("同一企业同一月份有更晚生成的证据包，以其为准", "a later pack of the same month"),
}
"""Why a pack counts or does not: code → Chinese, English."""
TELLING = frozenset(
    (
        "DAYS_EXCLUDED", "MOSTLY_LEFT_OUT", "WINDOW_SHORT", "SCOPE_NOT_DECLARED", "SCOPE_UNDECLARED",
        "SCOPE_DECLARED_AFTER", "SCOPE_CHANGED", "NOT_ATTESTED", "PROVISIONAL",
    )
)  # fmt: skip
"""Findings that let a pack pass and that who decides on it should still read."""
_IGNORABLE = (
    (0x034F, 0x034F), (0x115F, 0x1160), (0x17B4, 0x17B5), (0x180B, 0x180F), (0x2065, 0x2065),
    (0x3164, 0x3164), (0xFE00, 0xFE0F), (0xFFA0, 0xFFA0), (0xFFF0, 0xFFF8), (0xE0000, 0xE0FFF),
)  # fmt: skip
"""First and last code points that Unicode calls default-ignorable and that are not of category Cf."""


@dataclass(frozen=True)
class CheckedPack:
    """What a check found out about one pack; ``""`` where the pack does not say.

    ``star`` is the highest supported star's id; ``standings`` holds every star's, as the verdict
    orders them; ``codes`` are those of the findings that keep a pack from passing, ``notes`` those of
    ``TELLING`` that do not.
    """

    enterprise: str
    month: str
    region: str
    star: str
    outcome: str
    codes: tuple[str, ...]
    sha256: str
    file: str = ""
    edition: str = ""
    made_ms: int = 0
    provisional: bool = False
    standings: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Listed:
    """A pack in the list, why it counts or not, and which other pack that is about."""

    pack: CheckedPack
    reason: str
    about: str = ""

    @property
    def counted(self) -> bool:
        """Whether the pack stands for its enterprise in the table."""
        return self.reason in (COUNTED, NO_STAR)


@dataclass(frozen=True)
class Layout:
    """What the table is made of: the edition's regions, and its stars (id, Chinese name) from low to high."""

    edition: str
    regions: tuple[str, ...]
    stars: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class RegionTable:
    """The counted table. ``counts`` by region and star id, ``listed`` in the order the packs were given."""

    year: int
    layout: Layout
    counts: Mapping[tuple[str, str], int]
    listed: tuple[Listed, ...]
    counts_incomplete: bool

    def count(self, region: str, star: str) -> int:
        """Return how many enterprises of ``region`` hold ``star`` as their highest."""
        return self.counts.get((region, star), 0)

    def total(self, star: str) -> int:
        """Return how many enterprises of all regions hold ``star`` as their highest."""
        return sum(self.count(region, star) for region in self.layout.regions)


def checked_pack(
    report: CheckReport, verdicts: Mapping[str, Any] | None, *, sha256: str, file: str
) -> CheckedPack:
    """Return what is counted of a checked pack.

    Args:
        report: what the check found.
        verdicts: the recomputed document ``starproof/report/1``; ``None`` if it could not be made.
        sha256: of the pack's bytes, in hex.
        file: the file's name, for the list.
    """
    statement = report.statement
    document = verdicts or {}
    verdict, profile = document.get("verdict") or {}, document.get("profile") or {}
    return CheckedPack(
        enterprise=statement.enterprise if statement else "",
        month=statement.month if statement else "",
        region=profile.get("region") or "",
        star=verdict.get("star") or "",
        outcome=report.outcome,
        codes=tuple(sorted({found.code for found in report.findings if found.severity != NOTE})),
        sha256=sha256,
        file=file,
        edition=(verdict.get("edition") or {}).get("id", ""),
        made_ms=statement.made_ms if statement else 0,
        provisional=verdict.get("provisional") == "yes",
        standings=tuple((star["id"], star["standing"]) for star in verdict.get("stars") or ()),
        notes=tuple(sorted({found.code for found in report.findings if found.severity == NOTE} & TELLING)),
    )


def layout_of(edition: Edition) -> Layout:
    """Return the table's shape as ``edition`` says."""
    return Layout(edition.id, edition.regions, tuple((star.id, star.name_zh) for star in edition.stars))


def latest_year(packs: Iterable[CheckedPack]) -> int | None:
    """Return the year of the latest month of packs that did not fail, ``None`` without any."""
    months = [pack.month for pack in packs if pack.outcome in (PASS, PARTIAL) and pack.month]
    return int(max(months)[:4]) if months else None


def tabulate(
    packs: Sequence[CheckedPack], layout: Layout, *, year: int, count_incomplete: bool = False
) -> RegionTable:
    """Return the table of ``year`` with the list of all packs."""
    judge = _Judge(layout, f"{year:04}", count_incomplete)
    reasons = [judge.reason(pack) for pack in packs]
    candidates = [pack for pack, reason in zip(packs, reasons, strict=True) if not reason]
    best = _latest(candidates)
    listed, counts = [], dict[tuple[str, str], int]()
    for pack, reason in zip(packs, reasons, strict=True):
        entry = Listed(pack, reason) if reason else _placed(pack, best[enterprise_key(pack.enterprise)])
        listed.append(entry)
        if entry.reason == COUNTED:
            place = (pack.region, pack.star)
            counts[place] = counts.get(place, 0) + 1
    return RegionTable(year, layout, counts, tuple(listed), count_incomplete)


def enterprise_key(name: str) -> str:
    """Return by what two names are the same enterprise.

    Width of characters, spaces and characters that nobody sees do not matter: they go before the
    normalization, which they would keep from joining letters, and after it, which makes new ones.
    """
    return "".join(_seen(unicodedata.normalize("NFKC", _seen(name))).split())


def _seen(text: str) -> str:
    return "".join(c for c in text if unicodedata.category(c) != "Cf" and not _ignorable(ord(c)))


def _ignorable(point: int) -> bool:
    return any(first <= point <= last for first, last in _IGNORABLE)


@dataclass
class _Judge:
    """Rules 1, 2 and 4: what speaks against one pack alone."""

    layout: Layout
    year: str
    count_incomplete: bool
    seen: set[str] = field(default_factory=set)

    def reason(self, pack: CheckedPack) -> str:
        known = pack.sha256 in self.seen
        self.seen.add(pack.sha256)
        tests = (
            ("SAME_FILE", known),
            ("FAILED", pack.outcome not in (PASS, PARTIAL)),
            ("INCOMPLETE", pack.outcome == PARTIAL and not self.count_incomplete),
            ("NO_VERDICT", not pack.edition),
            ("OTHER_EDITION", pack.edition != self.layout.edition),
            ("OTHER_YEAR", pack.month[:4] != self.year),
            ("PROVISIONAL", pack.provisional),
            ("NO_REGION", not pack.region),
            ("REGION_UNKNOWN", pack.region not in self.layout.regions),
            ("STAR_UNKNOWN", pack.star not in ("", *(star for star, _ in self.layout.stars))),
        )
        return next((code for code, holds in tests if holds), "")


def _latest(packs: Iterable[CheckedPack]) -> dict[str, CheckedPack]:
    """Rule 3. The hash settles what month and making do not, so that no order of files matters."""
    best: dict[str, CheckedPack] = {}
    for pack in packs:
        key = enterprise_key(pack.enterprise)
        other = best.setdefault(key, pack)
        if (pack.month, pack.made_ms, pack.sha256) > (other.month, other.made_ms, other.sha256):
            best[key] = pack
    return best


def _placed(pack: CheckedPack, best: CheckedPack) -> Listed:
    if pack is best:
        return Listed(pack, COUNTED if pack.star else NO_STAR)
    if pack.month < best.month:
        return Listed(pack, "EARLIER", best.month)
    return Listed(pack, "REPLACED", best.sha256)
