"""Texts of the example month: a fictional enterprise, its scope, its profile and its documents."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

ENTERPRISE = "江苏示例精密机械有限公司"
PLACE = "documents"
MARK = (
    "示例 SAMPLE：本文件是软件示例的占位文件，企业、合同、金额和人员均为虚构，不是真实的证明材料。\n"
    "SAMPLE: a placeholder for the example of this software. Enterprise, contract, amounts and people are\n"
    "fictional; this proves nothing.\n"
)


@dataclass(frozen=True)
class Document:
    """One placeholder: id in the profile, title, file name, attachment of the edition or empty, lines."""

    id: str
    title: str
    file: str
    attachment: str
    lines: tuple[str, ...]


DOCUMENTS = (
    Document(
        "licence", "营业执照副本复印件（示例）", "licence.txt", "business_licence",
        (f"名称：{ENTERPRISE}", "注册号：00000000EXAMPLE（虚构）", "住所：江苏省苏州市示例路1号（虚构）"),
    ),
    Document(
        "cloud", "公有云服务采购合同（示例）", "cloud_contract.txt", "public_cloud_contract",
        (
            f"甲方：{ENTERPRISE}　乙方：示例云服务有限公司", "服务：云服务器6台、云盘、对象存储、云数据库、云安全（内容、业务、网络）",
            "期限：2026年1月1日至2026年12月31日　宽带：20、20、10、10、5、5 Mbit/s",
        ),
    ),
    Document(
        "saas", "云化业务系统服务合同（示例）", "saas_contract.txt", "",
        (
            f"甲方：{ENTERPRISE}　乙方：示例软件有限公司",
            "系统：招聘、薪酬、费用报销、协同办公；制造执行、企业资源规划、采购管理、生产数据平台",
        ),
    ),
    Document(
        "quality", "产品质量管控云平台验收报告（示例）", "quality_report.txt", "",
        ("项目：云端质量数据采集与工艺优化", "结论：通过验收"),
    ),
    Document(
        "costs", "IT运维成本对比表（示例）", "it_costs.txt", "",
        (
            "上云前（2023年3月至2024年2月，12个月）：200.0 万元，月均 16.67 万元",
            "上云后（2026年1月至10月，10个月）：107.5 万元，月均 10.75 万元", "下降率：35.5 %",
        ),
    ),
    Document(
        "logins", "2026年10月登录账号统计（示例）", "logins.txt", "",
        ("当月登录的不同账号：169", "使用云服务人员数量：260", "月用户使用率：169 / 260 = 65 %"),
    ),
    Document(
        "invoices", "2026年云服务发票清单（示例）", "invoices.txt", "",
        ("云服务器与存储：31.0 万元", "云数据库与安全：13.5 万元", "云化业务系统：18.0 万元", "合计：62.5 万元"),
    ),
    Document(
        "payments", "2026年云服务付款回单（示例）", "payments.txt", "",
        ("2026年2月10日：15.5、6.75、9.0 万元", "2026年7月10日：15.5、6.75、9.0 万元", "合计：62.5 万元"),
    ),
)  # fmt: skip

_ROWS = {
    "compute": "cloud", "storage": "cloud", "database": "cloud", "content_security": "cloud",
    "business_security": "cloud", "network_security": "cloud",
    "recruitment": "saas", "payroll": "saas", "expenses": "saas", "office": "saas",
    "portal": "",
    "mes": "saas", "erp": "saas", "purchasing": "saas", "production_data": "saas",
    "quality_control": "quality",
}  # fmt: skip
"""Ticked row → its document; the one without a document shows what a tick alone is worth."""
_FIGURES = (
    ("it_cost_reduction", "35.5", "上云前12个月与上云后10个月的月均IT运维成本对比；以台账为准", "costs"),
    ("monthly_user_rate", "65", "2026年10月登录的不同账号 ÷ 使用云服务人员数量；以账号数据为准", "logins"),
    ("cloud_investment", "62.5", "2026年1月至10月已付云服务费用，万元；以台账为准", "invoices"),
)


def document_bytes(document: Document) -> bytes:
    """Return the placeholder."""
    return "\n".join((MARK, document.title, *document.lines, "")).encode()


def scope_text(hosts: Iterable[tuple[str, int, int]]) -> str:
    """Return the scope of hosts, given as (id, Mbit/s, operations a second)."""
    head = f"""\
# 示例 SAMPLE：虚构企业的申报范围，由 bench/example_month.py 生成。
# The scope of a fictional enterprise, made by bench/example_month.py.

schema = "starproof/scope/1"
enterprise = "{ENTERPRISE}"
timezone = "Asia/Shanghai"
edition = "jiangsu-2018-trial"

[window]
from = 2026-10-01
to = 2026-10-31

[head_counts]
total = 320
cloud_users = 260

[users]
head_count = "cloud_users"
sources = ["portal/accounts"]

[it_cost]
items = ["服务器与机房", "运维人员", "电费"]

[it_cost.before]
from = 2023-03-01
to = 2024-02-29

[it_cost.after]
from = 2026-01-01
to = 2026-10-31

[investment]
counts = ["cloud_service", "private_cloud"]
"""
    return head + "".join(
        f'\n[[hosts]]\nid = "{name}"\nsources = ["import"]\nbandwidth_mbps = {mbps}\niops_limit = {iops}\n'
        for name, mbps, iops in hosts
    )


def profile_text(hashes: Mapping[str, str]) -> str:
    """Return the profile.

    Args:
        hashes: SHA-256 of the documents by their path beside the profile.
    """
    head = f"""\
# 示例 SAMPLE：虚构企业的申报资料，由 bench/example_month.py 生成；格式见 docs/profile-format.md。
# The profile of a fictional enterprise, made by bench/example_month.py; its format: docs/profile-format.md.

schema = "starproof/profile/1"
edition = "jiangsu-2018-trial"
star = "4"
region = "苏州"
cloud_form = "public"
it_service_enterprise = false
cloud_partner = "示例云服务有限公司"
cloud_start = 2024-03-01
industry = "制造业"
planned_evaluation = "2026-12"
filled_on = 2026-11-03
scope_summary = \"\"\"
企业将门户、企业资源规划、制造执行、产品数据管理和数据库部署在公有云上，共6台业务主机；
招聘、薪酬、费用报销和协同办公使用云化系统。（示例，虚构）\"\"\"

[applicant]
name = "{ENTERPRISE}"
unit_nature = "民营企业"
registered_address = "江苏省苏州市示例路1号（虚构）"
registration_number = "00000000EXAMPLE"
legal_representative = "张示例"
website = "https://www.example.com"

[applicant.contact]
name = "李示例"
title = "信息部主任"
office_phone = "0512-00000000"
mobile = "13000000000"
fax = "0512-00000001"
email = "it@example.com"

[applicant.size]
total = 320
cloud_users = 260
"""
    parts = [head, *(_document(document, hashes) for document in DOCUMENTS)]
    parts += [f"[rows.{row}]\ndocuments = {_list(document)}\n" for row, document in _ROWS.items()]
    parts += [
        f'[figures.{name}]\nvalue = "{value}"\nbasis = "{basis}"\ndocuments = {_list(document)}\n'
        for name, value, basis, document in _FIGURES
    ]
    return "\n".join(parts)


def _document(document: Document, hashes: Mapping[str, str]) -> str:
    file = f"{PLACE}/{document.file}"
    attachment = f'attachment = "{document.attachment}"\n' if document.attachment else ""
    return (
        f'[[documents]]\nid = "{document.id}"\ntitle = "{document.title}"\nfile = "{file}"\n'
        f'sha256 = "{hashes[file]}"\n{attachment}'
    )


def _list(document: str) -> str:
    return f'["{document}"]' if document else "[]"
