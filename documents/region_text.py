"""The words of 附件3: title, columns, cells and footnotes, the same in every kind of file."""

from __future__ import annotations

from dataclasses import dataclass

from documents.region import COUNTED, NO_STAR, REASONS, Listed, RegionTable, enterprise_key
from verifier.check import FAILED, PARTIAL, PASS
from verifier.stars import Standing

ATTACHMENT = "附件3"
REGION, NEW = "地区", "新增企业上云数量"
TOTAL = "合计"
LIST_TITLE = "证据包清单"
LIST_COLUMNS = (
    "序号", "企业", "月份", "地区", "星级", "各星级", "核验", "提示", "是否计入", "理由", "证据包 SHA-256", "文件",
)  # fmt: skip
LIST_COLUMNS_EN = (
    "no.", "enterprise", "month", "region", "star", "standing", "outcome", "notes", "counted", "reason", "pack", "file",
)  # fmt: skip
OUTCOMES = {PASS: ("通过", "pass"), FAILED: ("不通过", "fail"), PARTIAL: ("不完整", "incomplete")}
STANDINGS = {standing.name: standing.value for standing in Standing}
YES_NO = {COUNTED: "是", NO_STAR: "无星级"}
MAX_TEXT = 300
"""Longest text of a pack that is printed; packs may be hostile."""
STEERING = ("=", "+", "-", "@", "＝", "＋", "－", "＠")
"""A text that begins so would be a formula in a spreadsheet."""

Cell = str | int
"""An integer is a count; ``""`` is a blank."""


@dataclass(frozen=True)
class Words:
    """All that is printed. Every row of ``rows`` has as many cells as ``columns``, likewise the list."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    total: tuple[Cell, ...]
    footnotes: tuple[str, ...]
    listed: tuple[tuple[Cell, ...], ...]


def words(table: RegionTable) -> Words:
    """Return the words of a table: stars from high to low, as the form prints them."""
    stars = tuple(reversed(table.layout.stars))
    return Words(
        title=f"{table.year}年度“企业上云”目标任务情况表",
        columns=(REGION, NEW, *(f"{name}级上云企业数量" for _, name in stars)),
        rows=tuple(
            (region, "", *(table.count(region, star) for star, _ in stars)) for region in table.layout.regions
        ),
        total=(TOTAL, "", *(table.total(star) for star, _ in stars)),
        footnotes=tuple(_footnotes(table)),
        listed=tuple(_listed(number, entry, table) for number, entry in enumerate(table.listed, 1)),
    )


def _footnotes(table: RegionTable) -> list[str]:
    passing = {enterprise_key(entry.pack.enterprise) for entry in table.listed if entry.pack.outcome == PASS}
    counted = sum(entry.counted for entry in table.listed)
    starless = sum(entry.reason == NO_STAR for entry in table.listed)
    notes = [
        (
            f"给出证据包{len(table.listed)}个，其中核验通过的企业{len(passing)}家；计入的企业{counted}家，"
            f"其中{starless}家没有可支持的星级，不在任何一列；逐个结果见“{LIST_TITLE}”。"
            f" Packs given: {len(table.listed)}; enterprises with a pack that passes: {len(passing)}; "
            f"enterprises counted: {counted}, of them without a supported star and in no column: {starless}."
        ),
        (
            f"“{NEW}”一栏由主管部门填写：证据包只覆盖申报评定的企业，不能说明当年新增多少上云企业。"
            " The column of new enterprises is left blank: packs cover applicants only."
        ),
        (
            f"星级为按评定版本 {table.layout.edition} 由证据包复算所支持的最高星级，不等于主管部门的认定。"
            " A star is the highest that the pack supports by this edition; it is not an award."
        ),
        "同一企业只计一次，以最晚月份的证据包为准。 An enterprise counts once, with its latest month.",
    ]
    partial = sum(entry.counted and entry.pack.outcome == PARTIAL for entry in table.listed)
    if table.counts_incomplete:
        notes.append(
            f"按要求计入核验不完整的证据包{partial}个。 {partial} packs with an incomplete check are counted, as asked."
        )
    else:
        notes.append("核验不通过或不完整的证据包不计入。 Packs that fail or are incomplete do not count.")
    return notes


def _listed(number: int, entry: Listed, table: RegionTable) -> tuple[Cell, ...]:
    pack, names = entry.pack, dict(table.layout.stars)
    reason = "；".join(filter(None, (REASONS[entry.reason][0], entry.about, " ".join(pack.codes))))
    return (
        number,
        plain(pack.enterprise),
        plain(pack.month),
        plain(pack.region),
        names.get(pack.star, plain(pack.star)),
        "；".join(
            f"{names.get(star, plain(star))}{STANDINGS.get(standing, plain(standing))}"
            for star, standing in pack.standings
        ),
        OUTCOMES[pack.outcome][0],
        " ".join(pack.notes),
        YES_NO.get(entry.reason, "否"),
        reason,
        pack.sha256,
        plain(pack.file),
    )


def plain(text: str) -> str:
    """Return ``text`` on one line of bounded length, control characters shown as escapes."""
    shown = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text[:MAX_TEXT])
    return shown + "…" if len(text) > MAX_TEXT else shown


def steers(text: str) -> bool:
    """Return whether a spreadsheet would take ``text`` for a formula."""
    return text.lstrip().startswith(STEERING)
