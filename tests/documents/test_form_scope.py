"""The generated text of 上云范围及内容简介: what is ticked, where it runs, since when; never invented."""

from __future__ import annotations

from dataclasses import replace

import form_inputs
import word_files
from form_inputs import EDITION

from documents.form import form_docx
from documents.form.scope import GENERATED, scope_text
from verifier.profile import DeclaredRow, Profile


def on_the_form(profile: Profile) -> list[str]:
    data = form_docx(edition=EDITION, profile=profile, figures=form_inputs.figures_document(), verdict=None)
    table, _ = word_files.tables(data)
    return next(row[1].text.splitlines() for row in table if row[0].text == "上云范围及内容简介")


def test_an_empty_summary_is_generated_from_the_ticked_rows_and_marked() -> None:
    rows = {
        row: DeclaredRow(row) for row in ("erp", "compute", "content_security", "network_security", "payroll")
    }
    rows["other"] = DeclaredRow("other", text="设备远程监测。")
    profile = replace(form_inputs.full_profile(), scope_summary=" \n", rows=rows)
    assert on_the_form(profile)[1:] == [
        GENERATED,
        "上云形式：混合云；上云合作机构：阿里云计算有限公司、天翼云科技有限公司；上云开始时间：2024年3月1日。",
        "上云内容（附表勾选5项）：",
        "1. IT基础设施：计算资源；安全（内容安全、网络安全）。",
        "2. 基础业务：人力资源管理（薪酬管理）。",
        "3. 企业资源规划。",
        "其他：设备远程监测。",
    ]


def test_what_was_not_declared_is_not_spoken_of() -> None:
    assert scope_text(EDITION, form_inputs.bare_profile()).splitlines() == [
        GENERATED,
        "上云形式：公有云。",
        "附表中没有勾选上云内容。",
    ]


def test_the_applicant_s_own_words_stand_instead() -> None:
    lines = on_the_form(form_inputs.full_profile())
    assert GENERATED not in lines
    assert lines[-1] == "全部业务主机共12台。"
