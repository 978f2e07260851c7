"""The edition that ships, cell by cell against the tables of the guide as it prints them."""

from __future__ import annotations

from fractions import Fraction

import pytest

from verifier.editions import load_edition

EDITION = load_edition("jiangsu-2018-trial")

# 附表 as printed: 大类|类|子类|域|子域; an empty cell is merged with the one above, "-" with the one
# to its left. The figures and 其他 stand at the end.
ANNEX = """
compute                 |上云内容|基础业务上云|IT基础设施|计算资源|-
storage                 |||            |存储资源|-
database                |||            |数据库|-
content_security        |||            |安全|内容安全
business_security       |||            |    |业务安全
network_security        |||            |    |网络安全
recruitment             |||基础业务     |人力资源管理|招聘管理
performance             |||            |    |绩效管理
training                |||            |    |培训管理
payroll                 |||            |    |薪酬管理
tax                     |||            |财务管理|税务管理
expenses                |||            |    |费用管理
portal                  |||            |行政管理|企业门户
office                  |||            |    |办公软件
site_security           |||            |    |安保管理
it_development          ||核心业务上云|信息技术服务|IT开发1|-
it_testing              |||            |IT测试1|-
it_operations           |||            |IT运维1|-
design_applications     |||研发设计管理 |研发设计应用|-
design_library          |||            |研发设计案例库|-
design_collaboration    |||            |研发设计协同|-
production_scheduling   |||生产排产管理 |生产排产管理|-
mes                     |||制造执行系统 |制造执行系统|-
erp                     |||企业资源规划 |企业资源规划|-
purchasing              |||供应链管理   |采购管理|-
logistics               |||            |物流管理|-
customers               |||客户资源管理 |客户资源管理|-
customer_service        |||客户服务     |客户服务|-
e_commerce              |||电商系统     |电商系统|-
production_data         |||生产数据     |生产数据|-
market_analysis         |创新应用|云计算大数据深度应用|市场交易分析和预测|市场交易分析和预测|-
fault_diagnosis         |||产品故障诊断和处理|产品故障诊断和处理|-
quality_control         |||产品质量管控及工艺优化|产品质量管控及工艺优化|-
customization           |||基于云计算的创新应用模式|个性化定制|-
networked_manufacturing |||            |网络协同制造|-
service_manufacturing   |||            |服务型制造|-
other                   |||其他         |其他|-
it_cost_reduction       |综合绩效|综合绩效|IT运维成本下降率|IT运维成本下降率|-
monthly_user_rate       |||月用户使用率  |月用户使用率|-
cpu_utilization         |||业务主机平均CPU利用率|业务主机平均CPU利用率|-
bandwidth_utilization   |||业务主机宽带使用率|业务主机宽带使用率|-
daily_reads_writes      |||日平均数据读写次数|日平均数据读写次数|-
cloud_investment        |||上云投入      |上云投入|-
"""


def printed_rows():
    """(id, the five cells) of every row, merged cells filled in."""
    above = [""] * 4
    for line in ANNEX.strip().splitlines():
        name, *cells = [cell.strip() for cell in line.split("|")]
        assert len(cells) == 5, line
        above = [cell or last for cell, last in zip(cells, above, strict=False)]
        yield name, (*above, cells[4].removeprefix("-"))


PRINTED = list(printed_rows())


@pytest.mark.parametrize(("number", "name", "cells"), [(n, *row) for n, row in enumerate(PRINTED)])
def test_a_row_of_the_annex_stands_where_the_guide_prints_it(number, name, cells):
    row = EDITION.rows[number]
    assert row.id == name
    assert (row.part, row.category, row.subcategory, row.domain + row.footnote, row.item) == cells


def test_the_annex_has_36_ticks_one_text_and_six_figures():
    assert len(EDITION.rows) == len(PRINTED) == 43
    assert [row.kind for row in EDITION.rows] == ["tick"] * 36 + ["text"] + ["figure"] * 6
    assert [row.indicator for row in EDITION.rows[37:]] == [rule.id for rule in EDITION.rules]
    assert [row.id for row in EDITION.rows if row.footnote] == [
        "it_development",
        "it_testing",
        "it_operations",
    ]


@pytest.mark.parametrize(
    ("name", "unit", "three", "four", "five", "periods"),
    [
        ("IT运维成本下降率", "%", 30, 30, 30, ["not-stated"] * 3),
        ("月用户使用率", "%", 30, 50, 80, ["month"] * 3),
        ("业务主机平均CPU利用率", "%", 5, 10, 25, ["not-stated"] * 3),
        ("业务主机宽带使用率", "%", 30, 40, 50, ["not-stated"] * 3),
        ("日平均数据读写次数", "次/day", 1000, 10000, 50000, ["not-stated"] * 3),
        ("上云投入", "万元", 5, 50, 400, ["year", "year", "not-stated"]),
    ],
)
def test_a_figure_has_the_name_the_thresholds_and_the_period_of_the_guide(
    *, name, unit, three, four, five, periods
):
    [rule] = [rule for rule in EDITION.rules if rule.name_zh == name]
    assert [rule.threshold(star) for star in "345"] == [Fraction(n) for n in (three, four, five)]
    assert [rule.periods[star] for star in "345"] == periods
    assert rule.unit == unit
    assert rule.note_zh
    assert rule.note_en


def test_what_the_guide_leaves_open_is_chosen_alike_for_every_figure():
    assert {(r.months, r.combine, r.missing, r.coverage_gate) for r in EDITION.rules} == {
        (1, "pooled", "bounds/1", "0.9")
    }
    measured = {r.id: (r.definition, r.aggregation) for r in EDITION.rules if r.substitution == "scope"}
    assert measured == {
        "cpu_utilization": ("cpu.busy/1", "mean_over_hosts"),
        "bandwidth_utilization": ("bandwidth.max_direction/1", "capacity_weighted"),
        "daily_reads_writes": ("reads_writes.block_io/1", "sum_over_hosts"),
    }
    for rule in EDITION.rules:
        assert (rule.id in measured) == (rule.aggregation != "declared") == ("星证的选择" in rule.note_zh)


@pytest.mark.parametrize(
    ("name", "first", "last", "rows", "count", "of", "needed", "only"),
    [
        ("it_infrastructure", "compute", "network_security", 6, "rows", 6, [6, 6, 6], ""),
        ("basic_business", "recruitment", "site_security", 9, "rows", 9, [3, 4, 5], ""),
        ("it_services", "it_development", "it_operations", 3, "rows", 3, [1, 2, 3], "it_service"),
        ("core_business", "design_applications", "production_data", 12, "subcategories", 9, [1, 3, 5], ""),
        (
            "deep_application",
            "market_analysis",
            "service_manufacturing",
            6,
            "subcategories",
            4,
            [0, 0, 2],
            "",
        ),
    ],
)
def test_a_counting_rule_takes_the_rows_and_numbers_of_the_guide(
    *, name, first, last, rows, count, of, needed, only
):
    [criterion] = [criterion for criterion in EDITION.criteria if criterion.id == name]
    ids = [row.id for row in EDITION.rows]
    assert list(criterion.rows) == ids[ids.index(first) : ids.index(last) + 1]
    assert len(criterion.rows) == rows
    assert (criterion.count, criterion.only) == (count, only)
    assert EDITION.countable(criterion) == of
    assert [criterion.needed[star] for star in "345"] == needed


def test_every_tick_row_is_counted_by_exactly_one_rule():
    counted = [row for criterion in EDITION.criteria for row in criterion.rows]
    assert counted == [row.id for row in EDITION.rows if row.kind == "tick"]


def test_three_stars_are_for_the_public_cloud_and_decided_by_the_city():
    everything = ("public", "private", "hybrid")
    assert [(s.id, s.name_zh, s.cloud_forms) for s in EDITION.stars] == [
        ("3", "三星", ("public",)),
        ("4", "四星", everything),
        ("5", "五星", everything),
    ]
    assert "各设区市经信委及昆山市、泰兴市、沭阳县经信委（局）组织评定" in EDITION.star("3").decided_by_zh
    for star in "45":
        assert EDITION.star(star).decided_by_zh.endswith("组织推荐，省经信委组织评定")


def test_applications_are_taken_in_april_and_september_of_three_years():
    application = EDITION.application
    assert (application.months, application.first_year, application.last_year) == ((4, 9), 2018, 2020)
    assert application.text_zh == "2018-2020年，每年4月和9月各组织一批星级上云企业申报工作。"


def test_the_regions_stand_in_the_order_of_annex_3():
    assert " ".join(EDITION.regions) == (
        "南京 无锡 徐州 常州 苏州 南通 扬州 镇江 连云港 盐城 淮安 泰州 宿迁 昆山 泰兴 沭阳"
    )


def test_the_attachments_are_those_of_the_form():
    assert [(a.id, a.name_zh, a.cloud_forms) for a in EDITION.attachments] == [
        ("business_licence", "营业执照副本复印件", ()),
        ("public_cloud_contract", "云服务采购合同（公有云）", ("public", "hybrid")),
        ("private_platform_contract", "云平台采购合同（私有云）", ("private", "hybrid")),
        ("private_platform_documents", "云平台建设方案、用户手册等（私有云）", ("private", "hybrid")),
    ]


def test_the_form_has_the_words_of_the_guide():
    form = EDITION.form
    assert (form.title, form.subtitle, form.issuer) == (
        "星级上云企业评定申请表",
        "（试行）",
        "江苏省经信委编制",
    )
    assert form.instructions[:4] == (
        "1、本申请表由江苏省经信委统一编制。",
        "2、填写本申请表时，一律用宋体、小四号字体填写。",
        "3、申请企业需要准备提交的材料包括两份申请表及配套证明材料。请按要求在申请表上统一加盖公章。",
        "4、如有任何疑问，可致电或发送电子邮件咨询。",
    )
    assert [line.replace(" ", "") for line in form.instructions[4:]] == [
        "联系方式：",
        "联系人：",
        "电话：",
        "电子邮件：",
        "通信地址：",
    ]
    assert form.attachments_intro == "请随本申请表提供以下配套证明材料："
    assert form.attachments_note == (
        "注：上述文件可以是一份完整的文件包括多项内容，也可以是每项内容均是独立的文件。"
    )
    assert form.appendix_title == "附表：企业上云业务及绩效表"
    assert form.footnotes == ("注1：只适用于信息技术服务企业。",)


def test_the_edition_is_complete_and_says_where_it_is_from():
    assert EDITION.complete
    assert EDITION.unknown == ()
    assert (EDITION.title_zh, EDITION.place) == ("江苏省星级上云企业评定工作指南（试行）", "江苏省")
    assert "苏经信企信〔2017〕923号" in EDITION.document
    assert EDITION.applies_to_zh == "在江苏省注册且具有独立法人地位的企业"
    assert EDITION.star_ids == ("3", "4", "5")
    assert EDITION.rule("cpu_utilization") is EDITION.rules[2]
    assert EDITION.row("compute") is EDITION.rows[0]
