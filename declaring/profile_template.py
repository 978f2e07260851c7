"""A profile to fill in: every field and every row of an edition's form, as commented TOML.

Lines that begin with ``# `` are explanations; lines that begin with ``#`` and no blank are entries
to take the ``#`` from. What can be empty stands there empty.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

from declaring.profile_fields import Field, fields_of
from verifier.edition import DECLARED, FIGURE, TEXT, Edition, Row
from verifier.margins import FORMS, UNITS
from verifier.profile import row_label
from verifier.profile_file import SCHEMA

DELETE = "\x7f"
"""The one character that JSON leaves as it is and TOML does not allow."""


def template(edition: Edition) -> str:
    """Return the text of a profile for ``edition`` that is still to be filled in."""
    parts = (
        _head(edition),
        _applicant(),
        _documents(edition),
        _rows(edition),
        _figures(edition),
    )
    return "\n\n".join("\n".join(part) for part in parts) + "\n"


def quoted(text: str) -> str:
    """Return ``text`` as a TOML string on one line."""
    return json.dumps(text, ensure_ascii=False).replace(DELETE, "\\u007f")


def _head(edition: Edition) -> Iterator[str]:
    stars = "，".join(f"{quoted(star.id)} {star.name_zh}" for star in edition.stars)
    forms = "，".join(f"{quoted(form)} {zh}" for form, (zh, _) in FORMS.items())
    yield f"# 申报资料：{_line(edition.title_zh)}"
    yield f"# Profile: {_line(edition.title_en)}"
    yield "#"
    yield "# 以“#”加空格开头的行是说明；以“#”直接开头的行是可选条目，去掉“#”即可填写。没有的内容请写“无”。"
    yield "# Lines with # and a blank explain; lines with # and no blank are entries: take the # away."
    yield "# 填好后运行 / then run: starproof profile check profile.toml"
    yield ""
    yield f"schema = {quoted(SCHEMA)}"
    yield f"edition = {quoted(edition.id)}"
    yield f"# 申请评定星级 star applied for: {stars}"
    yield 'star = ""'
    yield f"# 上云形式 form of cloud: {forms}"
    for star in edition.stars:
        yield f"#   {star.name_zh}: {'、'.join(FORMS[form][0] for form in star.cloud_forms)}"
    yield 'cloud_form = ""'
    yield "# 是否信息技术服务企业 IT-service enterprise: true, false"
    yield "it_service_enterprise = false"
    for field in fields_of(""):
        if field.key == "region" and edition.regions:
            yield f"# {_line('、'.join(edition.regions))}"
        yield from _field(field)
    yield "# 上云范围及内容简介 scope of the move to the cloud; 留空则自动生成 left empty it is generated"
    yield 'scope_summary = """'
    yield '"""'
    yield "# 上云综合绩效说明 summary of the performance; 留空则自动生成 left empty it is generated"
    yield 'performance_summary = """'
    yield '"""'


def _applicant() -> Iterator[str]:
    yield "# ---- 申请单位基本情况 the applicant"
    yield "[applicant]"
    yield "# 中文名称 name"
    yield 'name = ""'
    for field in fields_of("applicant"):
        yield from _field(field)
    for table in ("applicant.contact", "applicant.size"):
        yield ""
        yield f"[{table}]"
        for field in fields_of(table):
            yield from _field(field)


def _field(field: Field) -> Iterator[str]:
    example = f" ({field.example})" if field.example and field.quoted else ""
    yield f"# {field.zh} {field.en}{example}"
    yield f'{field.key} = ""' if field.quoted else f"#{field.key} = {field.example}"


def _documents(edition: Edition) -> Iterator[str]:
    yield "# ---- 证明材料 documents"
    yield "# 文件放在本文件旁边；`starproof profile hash 文件…` 打印填好哈希的条目。"
    yield "# The files lie beside this one; `starproof profile hash FILE…` prints entries with their hash."
    for attachment in edition.attachments:
        forms = "、".join(FORMS[form][0] for form in attachment.cloud_forms) or "各种形式"
        yield ""
        yield f"# {_line(attachment.name_zh)} {_line(attachment.name_en)}"
        yield f"# 上云形式为{forms}时提供"
        yield "#[[documents]]"
        yield f"#id = {quoted(attachment.id)}"
        yield f"#title = {quoted(attachment.name_zh)}"
        yield f"#file = {quoted(f'documents/{attachment.id}.pdf')}"
        yield '#sha256 = ""'
        yield f"#attachment = {quoted(attachment.id)}"


def _rows(edition: Edition) -> Iterator[str]:
    yield "# ---- 附表 the table: 勾选一行即去掉其“#”，documents 写证明材料的 id"
    yield "# To tick a row take its # away; documents holds the ids of what proves it."
    above: tuple[str, str] | None = None
    for row in edition.rows:
        if row.kind == FIGURE:
            continue
        if (row.category, row.subcategory) != above:
            above = (row.category, row.subcategory)
            yield ""
            yield f"# {_line(row.category)} / {_line(row.subcategory)}"
        yield f"# {_path(row)}{_footnote(edition, row)}"
        yield f"#[rows.{row.id}]"
        if row.kind == TEXT:
            yield '#text = ""'
        yield "#documents = []"


def _figures(edition: Edition) -> Iterator[str]:
    yield "# ---- 综合绩效 figures: 只填不由主机测量的指标 only those that are not measured from the hosts"
    for rule in edition.rules:
        if rule.aggregation != DECLARED:
            yield f"# {_line(rule.name_zh)} {_line(rule.name_en)}: 由主机测量 measured"
    for rule in edition.rules:
        if rule.aggregation == DECLARED:
            unit = UNITS.get(rule.unit, (rule.unit, rule.unit))[0]
            yield ""
            yield f"# {_line(rule.name_zh)}（{unit}） {_line(rule.name_en)}"
            yield f"#[figures.{rule.id}]"
            yield '#value = ""'
            yield '#basis = ""'
            yield "#documents = []"


def _path(row: Row) -> str:
    label = row_label(row)
    return _line(label if label == row.domain else f"{row.domain} / {label}")


def _footnote(edition: Edition, row: Row) -> str:
    notes = edition.form.footnotes if edition.form else ()
    found: Iterable[str] = (note for note in notes if row.footnote and f"注{row.footnote}" in note)
    return "".join(f"（{_line(note)}）" for note in found)


def _line(text: str) -> str:
    """Return words of an edition on one line of printable characters: a comment must not end early."""
    return "".join(character if character.isprintable() else " " for character in text)
