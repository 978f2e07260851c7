"""The fields of the application form that a profile fills, with the form's own labels."""

from __future__ import annotations

from dataclasses import dataclass

from verifier.profile import Profile


@dataclass(frozen=True)
class Field:
    """One field: the TOML table and key that it stands under, its label, and an example of a value.

    ``quoted`` fields can be left empty; others (dates, numbers) are left out until they are known.
    """

    table: str
    key: str
    zh: str
    en: str
    example: str
    quoted: bool = True

    @property
    def place(self) -> str:
        """Where the field stands, such as ``applicant.contact.name``."""
        return f"{self.table}.{self.key}" if self.table else self.key

    def filled(self, profile: Profile) -> bool:
        """Return whether the profile says something here."""
        applicant = profile.applicant
        record = {"": profile, "applicant.contact": applicant.contact}.get(self.table, applicant)
        return getattr(record, self.key) not in ("", None)


FIELDS = (
    Field("", "region", "所在地区（附件3）", "region", ""),
    Field(
        "", "cloud_partner", "上云合作机构（公有云、私有云等服务提供商）", "partner for the cloud", "某某云"
    ),
    Field("", "cloud_start", "上云开始时间", "first day in the cloud", "2024-03-01", quoted=False),
    Field(
        "",
        "industry",
        "所处行业（信息技术服务业、制造业、建筑业、交通运输业等等）",
        "industry",
        "制造业",
    ),
    Field("", "planned_evaluation", "计划接受评定时间（年-月）", "month planned for the rating", "2026-12"),
    Field("", "filled_on", "填报日期", "day on which the form is filled in", "2026-12-03", quoted=False),
    Field("applicant", "unit_nature", "单位性质", "nature of the unit", "有限责任公司"),
    Field("applicant", "registered_address", "注册地址", "registered address", "江苏省苏州市"),
    Field("applicant", "registration_number", "注册号", "registration number", "91320500XXXXXXXXXX"),
    Field("applicant", "legal_representative", "法人代表", "legal representative", "张三"),
    Field("applicant", "website", "公司网址", "website", "https://www.example.com"),
    Field("applicant.contact", "name", "联系人姓名", "contact: name", "李四"),
    Field("applicant.contact", "title", "联系人职务", "contact: title", "信息部经理"),
    Field("applicant.contact", "office_phone", "联系人办公电话", "contact: office phone", "0512-00000000"),
    Field("applicant.contact", "mobile", "联系人手机", "contact: mobile", "13800000000"),
    Field("applicant.contact", "fax", "联系人传真", "contact: fax", "0512-00000001"),
    Field("applicant.contact", "email", "联系人电子邮箱", "contact: e-mail", "li@example.com"),
    Field("applicant.size", "total", "企业规模：总人数（人）", "number of people", "320", quoted=False),
    Field(
        "applicant.size",
        "cloud_users",
        "企业规模：使用云服务人员数量（人）",
        "number of people who use cloud services",
        "260",
        quoted=False,
    ),
)
"""In the order of the file. 中文名称 (``applicant.name``) and 申请评定星级 (``star``) are never missing."""


def fields_of(table: str) -> tuple[Field, ...]:
    """Return the fields that stand under one TOML table."""
    return tuple(field for field in FIELDS if field.table == table)
