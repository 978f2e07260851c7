"""What stands where on the form: the words the guide prints and what the applicant enters.

The labels of 申请单位基本情况 are those of the guide's form, spelling and spacing included
(「上云的后的」 is its own). Where nothing was entered, its hints stay.
"""

from __future__ import annotations

from dataclasses import dataclass

from documents.form.grid import Cell, Grid, Join, Line, Row, below, entry, label
from documents.form.values import day_text, month_text
from verifier.edition import Attachment, Edition, FormTexts
from verifier.profile import Applicant, Profile

APPLICANT_LABEL = "申　报　企　业："
SEAL = "(盖章)"
DATE_LABEL = "填　报　日　期："
BLANK_DATE = "　　　　年　　　月　　　日"
INSTRUCTIONS_TITLE = "填表说明"
SECTION = "申请单位\n基本情况"
PARTNER_HINT = "指公有云、私有云等服务提供商"
INDUSTRY_HINT = "信息技术服务业、制造业、建筑业、交通运输业等等"
BLANK_MONTH = "20  年   月"
PEOPLE = "人"
SCOPE_LABEL = "上云范围及内容简介"
SCOPE_HINT = "*简要说明企业上云的范围和内容，并勾选附表中的上云内容。"
PERFORMANCE_LABEL = "上云综合绩效说明"
PERFORMANCE_HINT = "*简要说明企业上云的后的综合绩效，并在附表中综合绩效部分填写具体数值。"
OPINION = "申请单位意见："
SIGNATURE = "法人代表（签字）：                         年   月   日（公章）"

WIDTHS_MM = (19, 20, 19, 38, 19, 55)
"""Labels of four letters stand on one line; what is left goes to telephone numbers and the e-mail address."""
MARGIN_MM = 0.85
"""Of the cells: telephone numbers and e-mail addresses need the room."""
ROW_HEIGHT_MM = 9
SUMMARY_HEIGHT_MM = 45
OPINION_HEIGHT_MM = 55
SEAL_LINES = 4
"""Empty lines between the opinion and the signature: room for writing and for the seal."""


@dataclass(frozen=True)
class Cover:
    """The words of the cover."""

    title: str
    subtitle: str
    applicant: str
    date: str
    issuer: str


def cover(texts: FormTexts, profile: Profile) -> Cover:
    """Return what stands on the cover; a date that was not given is left for the hand."""
    return Cover(
        title=texts.title,
        subtitle=texts.subtitle,
        applicant=profile.applicant.name,
        date=day_text(profile.filled_on) if profile.filled_on else BLANK_DATE,
        issuer=texts.issuer,
    )


def attachment_lines(texts: FormTexts, attachments: tuple[Attachment, ...]) -> tuple[str, ...]:
    """Return the list of 配套证明材料, numbered as the guide numbers it."""
    last = len(attachments)
    listed = (
        f"{number}. {attachment.name_zh}{'。' if number == last else '；'}"
        for number, attachment in enumerate(attachments, 1)
    )
    return (texts.attachments_intro, *listed, texts.attachments_note)


def basics(edition: Edition, profile: Profile, *, scope: str, performance: str) -> Grid:
    """Return 申请单位基本情况 with the summaries and 申请单位意见: one table, as the guide prints it.

    Args:
        edition: names the star.
        profile: what the applicant entered.
        scope: the text of 上云范围及内容简介.
        performance: the text of 上云综合绩效说明.
    """
    whole = len(WIDTHS_MM)
    entered = [*_unit(profile.applicant), *_contact(profile.applicant), *_application(edition, profile)]
    first, *others = entered
    rows = [Row((label(SECTION, join=Join.START), *first), height_mm=ROW_HEIGHT_MM)]
    rows += [Row((below(), *cells), height_mm=ROW_HEIGHT_MM) for cells in others]
    rows += [
        _summary(SCOPE_LABEL, SCOPE_HINT, scope),
        _summary(PERFORMANCE_LABEL, PERFORMANCE_HINT, performance),
        Row(
            (Cell((Line(OPINION), *[Line("")] * SEAL_LINES, Line(SIGNATURE)), span=whole, high=True),),
            height_mm=OPINION_HEIGHT_MM,
        ),
    ]
    return Grid(WIDTHS_MM, tuple(rows), MARGIN_MM)


def _unit(applicant: Applicant) -> list[tuple[Cell, ...]]:
    return [
        _wide("中文名称", applicant.name),
        _wide("单位性质", applicant.unit_nature),
        _wide("注册地址", applicant.registered_address),
        (
            label("注册号"),
            entry(applicant.registration_number, span=2),
            label("法人代表"),
            entry(applicant.legal_representative),
        ),
        _wide("公司网址", applicant.website),
    ]


def _contact(applicant: Applicant) -> list[tuple[Cell, ...]]:
    contact = applicant.contact
    pairs = (
        (("姓名", contact.name), ("职务", contact.title)),
        (("办公电话", contact.office_phone), ("手机", contact.mobile)),
        (("传真", contact.fax), ("电子邮箱", contact.email)),
    )
    rows: list[tuple[Cell, ...]] = []
    for number, ((left, left_text), (right, right_text)) in enumerate(pairs):
        leader = below() if number else label("联 系 人", join=Join.START)
        rows.append((leader, label(left), entry(left_text), label(right), entry(right_text)))
    return rows


def _application(edition: Edition, profile: Profile) -> list[tuple[Cell, ...]]:
    planned = profile.planned_evaluation
    return [
        (
            label("企业规模"),
            label("总人数"),
            entry(_people(profile.applicant.total)),
            label("使用云服务人员数量"),
            entry(_people(profile.applicant.cloud_users)),
        ),
        _wide("申请评定星级", edition.star(profile.star).name_zh),
        _wide("上云合作机构", profile.cloud_partner or PARTNER_HINT),
        _wide("上云开始时间", day_text(profile.cloud_start) if profile.cloud_start else ""),
        _wide("所处行业", profile.industry or INDUSTRY_HINT),
        _wide("计划接受评定时间", month_text(planned) if planned else BLANK_MONTH),
    ]


def _wide(name: str, text: str) -> tuple[Cell, ...]:
    return (label(name), entry(text, span=4))


def _people(number: int | None) -> str:
    return PEOPLE if number is None else f"{number} {PEOPLE}"


def _summary(name: str, hint: str, text: str) -> Row:
    """Return a row of free text: the guide's request stays above what the applicant wrote."""
    written = Cell((Line(hint), *entry(text).lines), span=len(WIDTHS_MM) - 1, high=True)
    return Row((label(name), written), splits=True, height_mm=SUMMARY_HEIGHT_MM)
