"""The profile: what it may say, and what is refused with the place and what to write."""

from __future__ import annotations

from dataclasses import replace

import pytest

from verifier.document import encode_figures
from verifier.editions import load_edition
from verifier.errors import ProfileError
from verifier.profile import Applicant, Contact, DeclaredFigure, DeclaredRow, Document, profile_document
from verifier.profile_file import MAX_DOCUMENTS, parse_profile, path_fault, profile_edition

EDITION = load_edition()
SHA = "ab" * 32
WHOLE = f"""
schema = "starproof/profile/1"
edition = "jiangsu-2018-trial"
star = "4"
region = "苏州"
cloud_form = "public"
it_service_enterprise = false
cloud_partner = "示例云"
cloud_start = 2024-03-01
industry = "制造业"
planned_evaluation = "2026-12"
filled_on = 2026-12-03
scope_summary = '''
企业核心系统上云。
分两期。'''
performance_summary = ""

[applicant]
name = "示例企业"
unit_nature = "有限责任公司"
registered_address = "苏州市"
registration_number = "91320500"
legal_representative = "张三"
website = ""

[applicant.contact]
name = "李四"
email = "li@example.com"

[applicant.size]
total = 320
cloud_users = 260

[[documents]]
id = "contract"
title = "云服务合同"
file = "documents/contract.pdf"
sha256 = "{SHA}"
attachment = "public_cloud_contract"

[[documents]]
id = "invoices"
title = "发票"
file = "documents/发票 2026.pdf"
sha256 = "{"CD" * 32}"

[rows.erp]
documents = ["contract"]

[rows.compute]
documents = ["contract", "invoices"]

[rows.other]
text = "能耗管理"

[figures.cloud_investment]
value = "62.5"
basis = "2026年实际付款"
documents = ["invoices"]
"""
SHORT = """
schema = "starproof/profile/1"
edition = "jiangsu-2018-trial"
star = "3"
cloud_form = "public"
it_service_enterprise = true
{top}
[applicant]
name = "示例企业"
{applicant}
"""
PROOF = f"""
[[documents]]
id = "contract"
title = "合同"
file = "contract.pdf"
sha256 = "{SHA}"
"""


def parsed(text: str, edition=EDITION):
    return parse_profile(text.encode(), edition)


def short(*, top: str = "", applicant: str = "", more: str = "") -> str:
    return SHORT.format(top=top, applicant=applicant) + more


def refusal(text: str, edition=EDITION) -> str:
    with pytest.raises(ProfileError) as caught:
        parsed(text, edition)
    return str(caught.value)


def document_with(**changes: str) -> str:
    entries = {"id": "contract", "title": "合同", "file": "contract.pdf", "sha256": SHA} | changes
    lines = "\n".join(f"{key} = '{value}'" for key, value in entries.items())
    return short(more=f"[[documents]]\n{lines}\n")


def test_everything_that_a_profile_may_say_is_read():
    profile = parsed(WHOLE)
    assert profile.edition == EDITION.id
    assert profile.applicant == Applicant(
        name="示例企业",
        unit_nature="有限责任公司",
        registered_address="苏州市",
        registration_number="91320500",
        legal_representative="张三",
        website="",
        contact=Contact(name="李四", email="li@example.com"),
        total=320,
        cloud_users=260,
    )
    assert (profile.star, profile.region, profile.cloud_form) == ("4", "苏州", "public")
    assert profile.it_service is False
    assert (profile.cloud_partner, profile.cloud_start, profile.industry) == (
        "示例云",
        "2024-03-01",
        "制造业",
    )
    assert (profile.planned_evaluation, profile.filled_on) == ("2026-12", "2026-12-03")
    assert (profile.scope_summary, profile.performance_summary) == ("企业核心系统上云。\n分两期。", "")
    assert profile.documents == (
        Document("contract", "云服务合同", "documents/contract.pdf", SHA, "public_cloud_contract"),
        Document("invoices", "发票", "documents/发票 2026.pdf", "cd" * 32, ""),
    )
    assert profile.rows == {
        "erp": DeclaredRow("erp", "", ("contract",)),
        "compute": DeclaredRow("compute", "", ("contract", "invoices")),
        "other": DeclaredRow("other", "能耗管理", ()),
    }
    assert profile.figures == {
        "cloud_investment": DeclaredFigure("cloud_investment", "62.5", "2026年实际付款", ("invoices",))
    }
    assert len(profile.sha256) == 64


def test_what_is_left_out_is_empty():
    profile = parsed(short())
    assert profile.applicant == Applicant("示例企业")
    assert (profile.region, profile.cloud_start, profile.filled_on, profile.scope_summary) == ("",) * 4
    assert (profile.documents, profile.rows, profile.figures) == ((), {}, {})


def test_the_hash_is_that_of_the_bytes():
    assert parsed(short()).sha256 != parsed(short(top="# a comment")).sha256


def test_a_profile_tells_its_edition_before_it_is_read():
    assert profile_edition(WHOLE.encode()) == "jiangsu-2018-trial"
    with pytest.raises(ProfileError, match="the key 'edition' is missing"):
        profile_edition(b"star = '3'")


def test_documents_are_named_by_hash_each_once():
    profile = parsed(WHOLE)
    assert profile.sums(["invoices", "contract", "invoices"]) == (SHA, "cd" * 32)
    assert profile.attached("public_cloud_contract") == (SHA,)
    assert profile.attached("business_licence") == ()


def test_the_document_of_a_profile_keeps_the_order_of_the_edition():
    document = profile_document(parsed(WHOLE), EDITION)
    assert [(row["id"], row["label_zh"]) for row in document["rows"]] == [
        ("compute", "计算资源"),
        ("erp", "企业资源规划"),
        ("other", "其他"),
    ]
    assert document["rows"][2] == {"id": "other", "label_zh": "其他", "text": "能耗管理", "documents": []}
    assert document["figures"] == [
        {"id": "cloud_investment", "value": "62.5", "basis": "2026年实际付款", "documents": ["invoices"]}
    ]
    assert document["applicant"]["contact"]["email"] == "li@example.com"
    assert document["applicant"]["total"] == 320
    assert document["it_service"] == "no"
    assert document["documents"][0]["attachment"] == "public_cloud_contract"
    assert encode_figures(document)
    assert profile_document(parsed(short()), EDITION)["it_service"] == "yes"


def test_the_label_of_a_row_is_its_smallest_part():
    document = profile_document(parsed(short(more="[rows.content_security]\n")), EDITION)
    assert document["rows"][0]["label_zh"] == "内容安全"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("star = ", "not a TOML file"),
        (short(top='cloud_partners = "x"'), "unknown key 'cloud_partners' (did you mean cloud_partner?)"),
        (short().replace('star = "3"\n', ""), "the key 'star' is missing"),
        (short().replace('star = "3"', 'star = "6"'), "star is '6'; write one of 3, 4, 5"),
        (short().replace("profile/1", "profile/9"), "write one of starproof/profile/1"),
        (
            short().replace("jiangsu-2018-trial", "jiangsu-2031"),
            "it is written for the edition 'jiangsu-2031', not for 'jiangsu-2018-trial'",
        ),
        (short(top='region = "上海"'), "region is '上海'; write one of"),
        (short(top="region = 3"), "region must be a text"),
        (short().replace('"public"', '"open"'), "cloud_form is 'open'; write one of hybrid, private, public"),
        (short().replace("= true", '= "yes"'), "it_service_enterprise must be true or false"),
        (short(top='cloud_start = "2024-03-01"'), "cloud_start must be a date without quotes"),
        (short(top='planned_evaluation = "2026-13"'), 'write a month such as "2026-12"'),
        (short().replace('"示例企业"', '""'), "name must be a text"),
        (short().replace("示例企业", "示例\\u202e企业"), "the character U+202E, which cannot be printed"),
        (short().replace("示例企业", "示例\\u0007企业"), "U+0007"),
        (short(top='industry = "a\\nb"'), "U+000A"),
        (short(top='scope_summary = "a\\tb"'), "U+0009"),
        (short(top=f'industry = "{"长" * 2001}"'), "1 to 2000 characters"),
        (short(applicant='webseite = ""'), "unknown key 'webseite' (did you mean website?)"),
        (short(more="[applicant.contact]\nphone = '1'\n"), "[contact]: unknown key 'phone'"),
        (short(more="[applicant.size]\ntotal = 0\n"), "total must be an integer from 1"),
        (short(more="[applicant.size]\ncloud_users = 0\n"), "cloud_users must be an integer from 1"),
        (short(more="[applicant.size]\ntotal = 5\ncloud_users = 6\n"), "cloud_users is above total"),
        (short(more="[applicant.size]\ntotal = true\n"), "total must be an integer"),
        (short(more="[rows.erb]\n"), "the edition has no row 'erb' (did you mean erp?); there are compute"),
        (
            short(more="[rows.cpu_utilization]\n"),
            "the row 'cpu_utilization' holds a figure, not a tick; cpu_utilization is measured from the hosts",
        ),
        (
            short(more="[rows.cloud_investment]\n"),
            "the row 'cloud_investment' holds a figure, not a tick; write it under [figures.cloud_investment]",
        ),
        (short(more="[rows.other]\n"), "this row is answered in words"),
        (short(more="[rows.other]\ntext = ''\n"), "this row is answered in words"),
        (short(more="[rows.erp]\ntick = true\n"), "unknown key 'tick'"),
        (
            short(more=f"{PROOF}[rows.erp]\ndocuments = ['contrakt']\n"),
            "no [[documents]] entry has the id 'contrakt' (did you mean contract?); there are contract",
        ),
        (
            short(more="[rows.erp]\ndocuments = ['x']\n"),
            "no [[documents]] entry has the id 'x'; there are none",
        ),
        (
            short(more=f"{PROOF}[rows.erp]\ndocuments = ['contract', 'contract']\n"),
            "names one document twice",
        ),
        (short(more="[rows.erp]\ndocuments = 'contract'\n"), "documents must be a list of texts"),
        (
            short(more="[figures.cpu_utilization]\nvalue = '12'\n"),
            "cpu_utilization is measured from the hosts (cpu.busy/1), a declared value cannot replace it",
        ),
        (
            short(more="[figures.cloud_investments]\nvalue = '12'\n"),
            (
                "the edition has no figure 'cloud_investments' (did you mean cloud_investment?); "
                "to declare are it_cost_reduction, monthly_user_rate, cloud_investment"
            ),
        ),
        (short(more="[figures.cloud_investment]\n"), "the key 'value' is missing"),
        (short(more="[figures.cloud_investment]\nvalue = 62.5\n"), "value must be a decimal in quotes"),
        (short(more="[figures.cloud_investment]\nvalue = '-1'\n"), "'-1' is not a plain decimal"),
        (short(more="[figures.cloud_investment]\nvalue = '1e3'\n"), "'1e3' is not a plain decimal"),
        (short(more="[figures.cloud_investment]\nvalue = '1000000000001'\n"), "write it in the unit 万元"),
        (short(more="[figures.monthly_user_rate]\nvalue = '100.1'\n"), "value is above 100 %"),
        (short(more=PROOF + PROOF), "the document 'contract' is listed twice"),
        (
            short(more=PROOF + PROOF.replace('"contract"', '"other"').replace(SHA, "cd" * 32)),
            "the file 'contract.pdf' is listed twice with different hashes",
        ),
        (document_with(sha256="ab" * 31), "sha256 is not 64 hexadecimal digits; `starproof profile hash"),
        (document_with(sha256="xy" * 32), "sha256 is not 64 hexadecimal digits"),
        (document_with(attachment="licence"), "the edition has no attachment 'licence'"),
        (document_with(id="x" * 65), "id has 65 characters, at most 64"),
        (document_with(pages="3"), "unknown key 'pages'"),
        (document_with(file="../contract.pdf"), "write a path inside the profile's folder"),
        (document_with(file="a/../../contract.pdf"), "write a path inside the profile's folder"),
        (document_with(file="/etc/passwd"), "write a path inside the profile's folder"),
        (document_with(file="C:/contract.pdf"), "write a path inside the profile's folder"),
        (document_with(file="contract.pdf:stream"), "write a path inside the profile's folder"),
        (document_with(file="documents\\contract.pdf"), "write a path inside the profile's folder"),
        (document_with(file="./contract.pdf"), "write it without empty or '.' parts"),
        (document_with(file="a//contract.pdf"), "write it without empty or '.' parts"),
        (document_with(file="."), "write it without empty or '.' parts"),
        (document_with(file="documents/"), "write it without empty or '.' parts"),
        (document_with(file="合" * 81), "it is longer than 240 bytes"),
    ],
)
def test_what_cannot_be_is_refused_with_what_to_write(text, message):
    assert message in refusal(text)


def test_a_control_character_in_a_file_name_is_refused():
    text = document_with().replace("'contract.pdf'", '"contract\\u0000.pdf"')
    assert "U+0000" in refusal(text)


def test_a_path_with_an_unprintable_character_is_at_fault_however_it_came():
    assert "rename the file" in path_fault("a\u200bb.pdf")


def test_a_refusal_names_its_place():
    assert refusal(document_with(file="../x")).startswith("profile: [[documents]] number 1: ")
    assert refusal(short(more="[rows.erp]\ntick = true\n")).startswith("profile: [rows]: [erp]: ")


def test_too_many_documents_are_refused():
    entries = "".join(PROOF.replace('"contract"', f'"c{number}"') for number in range(MAX_DOCUMENTS + 1))
    assert f"at most {MAX_DOCUMENTS}" in refusal(short(more=entries))


def test_one_file_may_be_several_documents():
    profile = parsed(short(more=PROOF + PROOF.replace('"contract"', '"manual"')))
    assert profile.sums(["contract", "manual"]) == (SHA,)


def test_a_document_that_nothing_refers_to_is_allowed():
    assert parsed(short(more=PROOF)).documents[0].attachment == ""


def test_an_edition_without_regions_takes_any():
    profile = parsed(short(top='region = "杭州"'), replace(EDITION, regions=()))
    assert profile.region == "杭州"


def test_a_remark_beside_a_tick_is_kept():
    profile = parsed(short(more="[rows.erp]\ntext = '二期'\n"))
    assert profile.rows["erp"] == DeclaredRow("erp", "二期", ())


def test_exactly_one_hundred_percent_is_a_percentage():
    profile = parsed(short(more="[figures.monthly_user_rate]\nvalue = '100'\n"))
    assert profile.figures["monthly_user_rate"].value == "100"
