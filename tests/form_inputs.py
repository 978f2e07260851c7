"""What a form is made of, for the tests: a full and a bare profile, a figures document, a verdict."""

from __future__ import annotations

from typing import Any

from verifier.edition import Edition
from verifier.editions import load_edition
from verifier.profile import Profile
from verifier.profile_file import parse_profile

EDITION = load_edition("jiangsu-2018-trial")

FULL = """
schema = "starproof/profile/1"
edition = "jiangsu-2018-trial"
star = "4"
region = "苏州"
cloud_form = "hybrid"
it_service_enterprise = false
cloud_partner = "阿里云计算有限公司、天翼云科技有限公司"
cloud_start = 2024-03-01
industry = "制造业"
planned_evaluation = "2026-12"
filled_on = 2026-12-03
scope_summary = '''
公司于2024年3月起将ERP、MES和客户服务系统迁移到公有云，历史数据保存在自建私有云。
全部业务主机共12台。
'''

[applicant]
name = "苏州样例精密制造有限公司"
unit_nature = "有限责任公司"
registered_address = "江苏省苏州市工业园区样例路100号"
registration_number = "91320594MA00000000"
legal_representative = "王样例"
website = "https://www.example.com"
[applicant.contact]
name = "李样例"
title = "信息部经理"
office_phone = "0512-00000000"
mobile = "13800000000"
fax = "0512-00000001"
email = "li.yangli@example.com"
[applicant.size]
total = 320
cloud_users = 260

[[documents]]
id = "contract"
title = "云服务采购合同"
file = "documents/contract.pdf"
sha256 = "1111111111111111111111111111111111111111111111111111111111111111"
attachment = "public_cloud_contract"

[rows.compute]
documents = ["contract"]
[rows.content_security]
[rows.it_development]
[rows.erp]
documents = ["contract"]
[rows.other]
text = "设备远程监测"

[figures.cloud_investment]
value = "62.509"
basis = "2026年实际付款，见发票。"
documents = ["contract"]
"""

BARE = """
schema = "starproof/profile/1"
edition = "jiangsu-2018-trial"
star = "3"
cloud_form = "public"
it_service_enterprise = true
[applicant]
name = "某公司"
"""

VALUES = {
    "cpu_utilization": "8.2399999999999",
    "bandwidth_utilization": "30.0000000000000",
    "daily_reads_writes": "12345.9999999999",
}


def full_profile() -> Profile:
    return parse_profile(FULL.encode(), EDITION)


def bare_profile() -> Profile:
    return parse_profile(BARE.encode(), EDITION)


def figures_document(edition: Edition = EDITION, values: dict[str, str] | None = None) -> dict[str, Any]:
    """Return a figures document of November 2026; figures without a value have no data."""
    chosen = VALUES if values is None else values
    return {
        "schema": "starproof/figures/1",
        "enterprise": "sample",
        "month": "2026-11",
        "months": ["2026-11"],
        "timezone": "Asia/Shanghai",
        "edition": {"id": edition.id, "sha256": edition.sha256},
        "window": {
            "start_ms": 1_793_462_400_000,
            "end_ms": 1_796_054_400_000,
            "first_day": "2026-11-01",
            "last_day": "2026-11-30",
        },
        "exclusions": [],
        "indicators": [
            {
                "id": rule.id,
                "name_zh": rule.name_zh,
                "definition": rule.definition,
                "unit": rule.unit,
                "value": chosen.get(rule.id),
                "coverage": {"share": "0.999379999999999" if rule.id in chosen else None},
            }
            for rule in edition.rules
        ],
    }


def verdict_document(edition: Edition = EDITION, *, provisional: str = "no") -> dict[str, Any]:
    return {
        "schema": "starproof/verdict/1",
        "edition": {"id": edition.id, "sha256": edition.sha256},
        "star": None,
        "provisional": provisional,
    }
