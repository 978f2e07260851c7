"""The text of 上云范围及内容简介, made from what the profile declares when the applicant wrote none."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from documents.form.values import day_text
from verifier.edition import TICK, Edition, Row
from verifier.profile import Profile

GENERATED = "（以下说明由星证（StarProof）根据申报资料自动生成，申报企业可以修改。）"
CLOUD_FORMS = {"public": "公有云", "private": "私有云", "hybrid": "混合云"}
NOTHING_TICKED = "附表中没有勾选上云内容。"


def scope_text(edition: Edition, profile: Profile) -> str:
    """Return the generated text, one paragraph a line, marked as generated.

    Args:
        edition: the labels of the rows, in the order of the form.
        profile: which rows are ticked, the form of cloud, the provider and the first day.
    """
    ticked = [row for row in edition.rows if row.kind == TICK and row.id in profile.rows]
    lines = [GENERATED, _how(profile)]
    if ticked:
        lines.append(f"上云内容（附表勾选{len(ticked)}项）：")
        lines += [f"{number}. {line}" for number, line in enumerate(_by_subcategory(ticked), 1)]
    else:
        lines.append(NOTHING_TICKED)
    for row in edition.rows:
        declared = profile.rows.get(row.id)
        if row.kind != TICK and declared and declared.text.strip():
            lines.append(f"{row.item or row.domain or row.subcategory}：{_ended(declared.text)}")
    return "\n".join(lines)


def _how(profile: Profile) -> str:
    parts = [f"上云形式：{CLOUD_FORMS.get(profile.cloud_form, profile.cloud_form)}"]
    if profile.cloud_partner.strip():
        parts.append(f"上云合作机构：{profile.cloud_partner.strip().rstrip('。')}")
    if profile.cloud_start:
        parts.append(f"上云开始时间：{day_text(profile.cloud_start)}")
    return _ended("；".join(parts))


def _ended(text: str) -> str:
    return text.strip().rstrip("。") + "。"


def _by_subcategory(rows: Iterable[Row]) -> list[str]:
    """Return a sentence for every 子类: its 域, each with its ticked 子域 where the form has some."""
    found: dict[tuple[str, str, str], dict[str, list[str]]] = {}
    for row in rows:
        domains = found.setdefault((row.part, row.category, row.subcategory), {})
        items = domains.setdefault(row.domain, [])
        if row.item:
            items.append(row.item)
    return [_sentence(subcategory, domains) for (_, _, subcategory), domains in found.items()]


def _sentence(subcategory: str, domains: Mapping[str, list[str]]) -> str:
    """Return a 子类 with its 域; one that the form prints under the same name is not said twice."""
    if domains == {subcategory: []}:
        return f"{subcategory}。"
    return f"{subcategory}：{'；'.join(_domain(name, items) for name, items in domains.items())}。"


def _domain(name: str, items: list[str]) -> str:
    return f"{name}（{'、'.join(items)}）" if items else name
