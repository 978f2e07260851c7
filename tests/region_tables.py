"""Checked packs and tables of 附件3 that tests count and print."""

from __future__ import annotations

import hashlib

from documents.region import CheckedPack, Layout, RegionTable, tabulate
from verifier.check import FAILED, PARTIAL, PASS

REGIONS = (
    "南京", "无锡", "徐州", "常州", "苏州", "南通", "扬州", "镇江", "连云港", "盐城", "淮安", "泰州", "宿迁",
    "昆山", "泰兴", "沭阳",
)  # fmt: skip
EDITION = "jiangsu-2018-trial"
LAYOUT = Layout(EDITION, REGIONS, (("3", "三星"), ("4", "四星"), ("5", "五星")))


def pack(
    enterprise: str, region: str, star: str, *, month: str = "2026-11", made_ms: int = 1_796_054_400_000
) -> CheckedPack:
    digest = hashlib.sha256(repr((enterprise, region, star, month, made_ms)).encode()).hexdigest()
    standings = tuple((s, "SUPPORTED" if star and s <= star else "NOT_REACHED") for s in ("3", "4", "5"))
    return CheckedPack(
        enterprise, month, region, star, PASS, (), digest, file=f"{month}.zip", edition=EDITION,
        made_ms=made_ms, standings=standings,
    )  # fmt: skip


def reasons(table: RegionTable) -> list[str]:
    return [entry.reason for entry in table.listed]


def example_table() -> RegionTable:
    """A table with every kind of line that a reader meets, a hostile one among them."""
    hostile = '=HYPERLINK("http://example.invalid","点我")'
    packs = [
        pack("江苏示例精密机械有限公司", "苏州", "4"),
        pack("江苏示例精密机械有限公司", "苏州", "3", month="2026-09"),
        pack("南京示例软件股份有限公司（信息技术服务）", "南京", "5"),
        pack("昆山示例电子有限公司", "昆山", "3"),
        pack(hostile, "沭阳", "3"),
        pack("+86 12345", "沭阳", ""),
        CheckedPack("连云港示例食品有限公司", "2026-11", "连云港", "4", PARTIAL, ("LOG_KEY_NOT_GIVEN",), "b" * 64,
                    file="连云港.zip", edition=EDITION),
        CheckedPack("", "", "", "", FAILED, ("CONTAINER",), "c" * 64, file="@SUM(A1).zip"),
        CheckedPack("泰州\x07示例", "2026-11", "泰州", "4", FAILED, ("ENTRY_CHANGED", "FIGURES", "STATEMENT_SIGNATURE"),
                    "d" * 64, file="泰州.zip", edition=EDITION),
    ]  # fmt: skip
    return tabulate(packs, LAYOUT, year=2026)
