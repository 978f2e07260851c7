"""What the report says, before it is laid out: every section, number and verdict of each variant."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import asdict
from typing import Any

import pytest
from report_reading import SECTIONS, texts
from report_sample import DECLARED_VALUES, HOSTS, large, named, report

from documents.errors import RenderError
from documents.report import figures as figures_module
from documents.report import hosts as hosts_module
from documents.report.blocks import Bar, Facts, Measure, Picture, Points, Section, Subhead, Table, Text, View
from documents.report.view import view
from verifier.document import encode_figures


def section(shown: View, name: str) -> Section:
    return next(entry for entry in shown.sections if entry.id == name)


def first(entry: Section, kind: type) -> Any:
    return next(block for block in entry.blocks if isinstance(block, kind))


def blocks(entry: Section, kind: type) -> list[Any]:
    return [block for block in entry.blocks if isinstance(block, kind)]


def all_texts(entry: object) -> str:
    return "\n".join(texts(asdict(entry)))  # type: ignore[call-overload]


def test_every_section_stands_once_in_order_and_is_numbered():
    shown = view(report(), language="zh-CN")
    assert tuple(entry.id for entry in shown.sections) == SECTIONS
    assert [entry.number for entry in shown.sections] == [
        str(number) for number in range(1, len(SECTIONS) + 1)
    ]


@pytest.mark.parametrize("language", ["zh-CN", "en"])
@pytest.mark.parametrize(
    "given",
    [
        {},
        {"scope": False},
        {"profile": False},
        {"provisional": True},
        {"complete": False},
        {"pass_all": True},
        {"months": ("2026-10", "2026-11")},
        {"scope": False, "profile": False, "provisional": True, "complete": False},
    ],
)
def test_every_variant_has_all_sections_and_full_tables(language, given):
    shown = view(report(**given), language=language)
    assert tuple(entry.id for entry in shown.sections) == SECTIONS
    for entry in shown.sections:
        assert entry.title
        assert entry.blocks
        for table in blocks(entry, Table):
            assert all(len(row) == len(table.columns) for row in table.rows)
            assert all(column.share > 0 and column.head for column in table.columns)
    assert "None" not in all_texts(shown).split()


@pytest.mark.parametrize(
    ("given", "headline", "tone"),
    [
        ({}, "支持四星（含企业申报项）", "pass"),
        ({"pass_all": True}, "支持五星（含企业申报项）", "pass"),
        ({"profile": False}, "未支持任何星级", "none"),
        ({"provisional": True}, "暂定：支持四星（含企业申报项）", "unsure"),
        ({"complete": False}, "评定版本不完整，不判定星级", "unsure"),
        ({"complete": False, "provisional": True}, "暂定：评定版本不完整，不判定星级", "unsure"),
    ],
)
def test_the_first_page_says_the_verdict(given, headline, tone):
    cover = view(report(**given), language="zh-CN").cover
    assert (cover.headline, cover.tone) == (headline, tone)
    assert cover.caution == "本报告为计算结果，不是星级认定；认定由主管部门作出。"


def test_a_star_without_declared_items_does_not_speak_of_them():
    document = report()
    document["verdict"]["rests_on_declared"] = "no"
    cover = view(document, language="zh-CN").cover
    assert cover.headline == "支持四星"
    assert "申报" not in cover.under.replace("无企业申报项", "")
    assert view(document, language="en").cover.headline == "Supports four stars"


def test_the_first_page_says_what_is_proved_what_is_not_and_what_is_in_the_way():
    document = report()
    cover = view(document, language="zh-CN").cover
    assert list(cover.proved) == [point["zh"] for point in document["proved"]]
    assert list(cover.not_proved) == [point["zh"] for point in document["not_proved"]]
    assert cover.blockers_title == "距五星尚缺"
    assert [text for _, text in cover.blockers] == [
        entry["zh"] for entry in document["verdict"]["next"]["blockers"]
    ]
    assert [rung.standing.text for rung in cover.rungs] == ["支持", "支持", "未达到"]
    assert "四星" in all_texts(cover.facts)


def test_above_the_highest_star_nothing_is_in_the_way():
    cover = view(report(pass_all=True), language="zh-CN").cover
    assert cover.blockers == ()
    assert "没有更高星级" in cover.blockers_title


def test_warnings_stand_on_the_first_page():
    assert view(report(), language="zh-CN").cover.banners == ()
    banners = view(report(provisional=True, complete=False, scope=False), language="zh-CN").cover.banners
    assert [banner[:4] for banner in banners] == ["暂定报告", "评定版本", "统计期前"]
    late = report()
    late["scope"]["declared_before_window"] = "no"
    assert "之后才声明" in view(late, language="zh-CN").cover.banners[0]


def test_one_month_and_several_are_said_so():
    assert "2026-11-01 至 2026-11-30（2026-11，" in view(report(), language="zh-CN").cover.period
    assert "2 个月" in view(report(months=("2026-10", "2026-11")), language="zh-CN").cover.period


def test_every_measured_figure_shows_value_interval_threshold_and_verdict():
    shown = view(report(), language="zh-CN")
    measure = first(section(shown, "figure-cpu_utilization"), Measure)
    assert (measure.value, measure.unit, measure.interval) == ("24.31", "%", "区间 17.90 – 43.21")
    assert [(mark.star, mark.verdict.sub, mark.verdict.text) for mark in measure.marks] == [
        ("三星", "≥ 5", "达标"),
        ("四星", "≥ 10", "达标"),
        ("五星", "≥ 25", "无法判定"),
    ]
    reads = first(section(shown, "figure-daily_reads_writes"), Measure)
    assert (reads.value, reads.unit, reads.interval) == ("28,417", "次/日", "区间 27,966 起，无上限")


def test_a_figure_without_data_says_so_and_is_never_zero():
    shown = view(report(profile=False), language="zh-CN")
    measure = first(section(shown, "figure-cloud_investment"), Measure)
    assert (measure.value, measure.unit, measure.interval, measure.remark) == ("无数据", "", "", "")
    assert {mark.verdict.text for mark in measure.marks} == {"无数据"}
    row = first(section(shown, "overview"), Table).rows[5]
    assert [cell.text for cell in row] == ["上云投入", *["无数据"] * 6]
    assert blocks(section(shown, "figure-cloud_investment"), Picture) == []


def test_a_declared_figure_is_shown_as_declared_and_as_it_was_written():
    shown = view(report(), language="zh-CN")
    for name, value in DECLARED_VALUES.items():
        measure = first(section(shown, f"figure-{name}"), Measure)
        assert (measure.value, measure.remark) == (value, "企业申报值，未经测量")
    row = first(section(shown, "overview"), Table).rows[5]
    assert [cell.text for cell in row[:4]] == ["上云投入", "62.5 万元", "未测量", "未测量"]
    assert [cell.text for cell in row[4:]] == ["已申报", "已申报", "不达标"]


def test_a_figure_shows_definition_coverage_chart_worst_days_hosts_and_notes():
    document = report()
    entry = section(view(document, language="zh-CN"), "figure-cpu_utilization")
    facts = all_texts(first(entry, Facts))
    assert "忙时钟周期" in facts
    assert "cpu.busy/1" in facts
    assert "各主机算术平均" in facts
    assert "0.41 %" in facts
    bar = first(entry, Bar)
    coverage = document["figures"]["indicators"][2]["coverage"]
    assert [part.name for part in bar.parts] == ["observed", "bridged", "downtime", "excluded", "missing"]
    assert bar.parts[1].amount == f"{coverage['bridged_s'] // 3600} 小时"
    assert sum(part.permille for part in bar.parts) in range(996, 1006)
    assert len(blocks(entry, Picture)) == 1
    worst, hosts = blocks(entry, Table)
    assert [row[0].text for row in worst.rows] == document["series"][0]["worst"]
    assert [row[0].text for row in hosts.rows] == list(HOSTS)
    assert hosts.rows[3][1].text == "无数据"
    assert any("mes-1" in item for item in first(entry, Points).items)
    assert any("2026-11-09、2026-11-10" in item for item in first(entry, Points).items)


def test_capacities_stand_beside_the_figure_that_uses_them():
    shown = view(report(), language="zh-CN")
    hosts = blocks(section(shown, "figure-bandwidth_utilization"), Table)[1]
    assert hosts.columns[-1].head == "带宽"
    assert hosts.rows[0][-1].text == "100.00 Mbit/s"
    assert blocks(section(shown, "figure-cpu_utilization"), Table)[1].columns[-1].head == "数据源"


def test_several_months_are_listed_one_by_one():
    document = report(months=("2026-10", "2026-11"))
    document["figures"]["indicators"][2]["by_month"][0]["verdicts"] = {"3": "FAIL"}
    document["figures"]["indicators"][2]["combine"] = "every_month"
    entry = section(view(document, language="zh-CN"), "figure-cpu_utilization")
    months = blocks(entry, Table)[1]
    assert [row[0].text for row in months.rows] == ["2026-10", "2026-11"]
    assert months.rows[0][4].text == "不达标"
    assert months.rows[0][5].text == "无法判定", "a verdict that is not there is no pass"
    assert "以最低月为准" in all_texts(first(entry, Facts))


def test_the_criteria_show_every_star_with_need_and_shortfall():
    table = first(section(view(report(), language="zh-CN"), "criteria"), Table)
    assert len(table.rows) == 5 + 1 + 6
    core = table.rows[3]
    assert [cell.text for cell in core] == ["核心业务", "4 项", "已申报", "已申报", "不达标", "1 份"]
    assert core[4].sub == "需 5 · 差 1"
    services = table.rows[2]
    assert (services[2].text, services[2].sub) == ("达标", "不适用")
    rows = {row[0].text: row for row in table.rows}
    assert rows["上云形式"][1].text == "公有云"
    assert rows["月用户使用率"][4].sub == "需 80 · 差 17.9"
    assert rows["业务主机平均CPU利用率"][1].text == "24.31 %"
    assert rows["上云投入"][1].text == "62.5 万元"


def test_what_the_edition_does_not_say_is_inconclusive_and_says_why():
    document = report(complete=False)
    del document["verdict"]["criteria"][0]["answers"]["5"]
    document["figures"]["indicators"][5]["thresholds"] = {}
    shown = view(document, language="zh-CN")
    rows = {row[0].text: row for row in first(section(shown, "criteria"), Table).rows}
    assert rows["深度应用"][2].sub == "版本未载明"
    assert (rows["IT基础设施"][4].text, rows["IT基础设施"][4].sub) == ("无法判定", "版本未载明")
    marks = first(section(shown, "figure-cloud_investment"), Measure).marks
    assert {(mark.verdict.text, mark.verdict.sub) for mark in marks} == {("无法判定", "版本未载明")}
    assert "上云投入的阈值未见公开文本。" in all_texts(section(shown, "origin"))


def test_a_figure_that_is_no_criterion_keeps_its_own_verdicts():
    document = report()
    document["figures"]["indicators"][2]["thresholds"] = {"3": "5", "4": "10"}
    document["verdict"]["criteria"] = [
        entry for entry in document["verdict"]["criteria"] if entry["id"] != "cpu_utilization"
    ]
    marks = first(section(view(document, language="zh-CN"), "figure-cpu_utilization"), Measure).marks
    assert [mark.verdict.text for mark in marks] == ["达标", "达标", "无法判定"]
    assert [mark.verdict.sub for mark in marks] == ["≥ 5", "≥ 10", "未载明"]


def test_a_definition_without_words_is_named():
    document = report()
    document["definitions"] = []
    facts = first(section(view(document, language="zh-CN"), "figure-cpu_utilization"), Facts)
    assert facts.pairs[0][1].text == "cpu.busy/1"


def test_the_hosts_show_sources_versions_restarts_gaps_clocks_and_capacities():
    entry = section(view(report(), language="zh-CN"), "hosts")
    rows = {row[0].text: [cell.text for cell in row] for row in first(entry, Table).rows}
    assert rows["erp-2"] == [
        "erp-2",
        "agent、import",
        "0.0.9、0.1.0",
        "720",
        "2",
        "3 处，共 27 小时",
        "−3 – 12 ms",
        "100.00 Mbit/s",
    ]
    assert rows["mes-1"] == ["mes-1", *["无数据"] * 6, "未知"]
    gaps = blocks(entry, Table)[1]
    assert [cell.text for cell in gaps.rows[0]] == [
        "db-1",
        "2026-11-07 03:10:00",
        "2026-11-07 04:40:00",
        "1 小时 30 分",
    ]
    assert len(gaps.rows) == 9


def test_a_host_without_gaps_and_with_an_unknown_clock_says_so():
    document = report()
    for host in document["hosts"]:
        host["gaps"] = {"count": 0, "seconds": 0, "longest": []}
    document["hosts"][0]["clock"] = {"states": ["unsynchronized"], "least_ms": None, "most_ms": None}
    entry = section(view(document, language="zh-CN"), "hosts")
    row = first(entry, Table).rows[0]
    assert (row[5].text, row[6].text, row[6].sub) == ("无", "未知", "未同步")
    assert len(blocks(entry, Table)) == 1


def test_an_unknown_clock_is_said_once_and_in_the_reader_s_language():
    document = report()
    document["hosts"][0]["clock"] = {"states": ["unknown"], "least_ms": None, "most_ms": None}
    row = first(section(view(document, language="zh-CN"), "hosts"), Table).rows[0]
    assert (row[6].text, row[6].sub) == ("未知", "")
    document["hosts"][0]["clock"] = {"states": ["synchronized", "unknown"], "least_ms": 1, "most_ms": 2}
    for language, words in (("zh-CN", "已同步、未知"), ("en", "synchronized, unknown")):
        row = first(section(view(document, language=language), "hosts"), Table).rows[0]
        assert row[6].sub == words


def test_a_capacity_is_cut_down_wherever_it_stands():
    document = report()
    document["hosts"][0]["capacity"]["mbps"] = "35.3399999999999"
    row = first(section(view(document, language="zh-CN"), "hosts"), Table).rows[0]
    assert row[7].text == "35.33 Mbit/s"


def test_an_interval_of_equal_ends_is_one_number():
    document = report()
    indicator = next(f for f in document["figures"]["indicators"] if f["id"] == "cpu_utilization")
    indicator.update(value="10.3999999999999", low="10.3999999999999", high="10.4000000000000")
    for host in indicator["hosts"]:
        host.update(value="10.3999999999999", low="10.3999999999999", high="10.4000000000000")
    shown = view(document, language="zh-CN")
    entry = section(shown, "figure-cpu_utilization")
    assert first(entry, Measure).interval == "区间 10.39（上下限相同）"
    assert {row[2].text for row in blocks(entry, Table)[1].rows} == {"10.39"}
    assert first(section(shown, "overview"), Table).rows[2][2].text == "10.39"


def test_the_first_page_promises_only_what_a_check_would_show():
    for language, titles in (
        ("zh-CN", ("证据包通过核验后证明", "不能证明")),
        ("en", ("A pack that passes its check proves", "It does not prove")),
    ):
        cover = view(report(), language=language).cover
        assert (cover.proved_title, cover.not_proved_title) == titles


def test_days_are_named_after_the_low_end_that_chose_them():
    for language, title in (("zh-CN", "下限最低的日子"), ("en", "Days with the lowest low end")):
        entry = section(view(report(), language=language), "figure-cpu_utilization")
        assert title in [block.text for block in blocks(entry, Subhead)]
        assert title.lower() in first(entry, Picture).svg.lower()


def test_units_are_said_in_english():
    document = report()
    shown = view(document, language="en")
    rows = {row[0].text: row[1].text for row in first(section(shown, "criteria"), Table).rows}
    assert rows["Deep application"] == "1 item"
    assert rows["Core business"] == "4 items"
    assert rows["Investment in the cloud"] == "62.5 × 10,000 yuan"


def test_the_profile_bears_the_labels_of_the_form():
    entry = section(view(report(), language="zh-CN"), "profile")
    labels = {label for label, _ in first(entry, Facts).pairs}
    assert labels >= {
        "中文名称",
        "注册号",
        "法人代表",
        "公司网址",
        "上云合作机构",
        "上云开始时间",
        "所处行业",
    }


def test_number_definition_and_chart_of_a_figure_stay_together_and_no_figure_begins_a_page():
    shown = view(report(), language="zh-CN")
    for figure in (entry for entry in shown.sections if entry.id.startswith("figure-")):
        kinds = [block.kind for block in figure.blocks]
        assert not figure.turn
        assert figure.together == (kinds.index("picture") + 1 if "picture" in kinds else 0)
        assert figure.keep == (figure.together == 0)


def test_exclusions_have_a_reason_and_a_person_and_no_exclusion_is_said():
    document = report()
    row = first(section(view(document, language="zh-CN"), "exclusions"), Table).rows[0]
    assert [cell.text for cell in row] == [
        "2026-11-14 – 2026-11-15",
        "机房供电检修，全部主机停机",
        "王芳（信息部）",
    ]
    document["exclusions"][0]["to"] = document["exclusions"][0]["from"]
    assert (
        first(section(view(document, language="zh-CN"), "exclusions"), Table).rows[0][0].text == "2026-11-14"
    )
    document["exclusions"] = []
    assert first(section(view(document, language="zh-CN"), "exclusions"), Text).text == "没有排除任何时段。"


def test_the_scope_shows_its_versions_their_dates_and_what_changed():
    document = report()
    entry = section(view(document, language="zh-CN"), "scope")
    versions, hosts = blocks(entry, Table)
    assert [row[1].text for row in versions.rows] == ["2026-10-20 09:05:00", "2026-10-28 16:20:00"]
    assert versions.rows[0][2].text == "初次声明"
    assert versions.rows[1][2].text == "hosts erp-1 bandwidth_mbps：100 → 200\nhosts mes-1：无 → agent"
    assert versions.rows[1][3].text == document["scope"]["sha256"]
    assert [row[0].text for row in hosts.rows] == list(HOSTS)
    assert hosts.rows[0][3].text == "3,000"
    facts = all_texts(first(entry, Facts))
    assert "总人数 320，使用云服务人员 260" in facts
    assert "cpu_utilization: extreme_hour/1" in facts


def test_a_scope_that_was_not_declared_in_time_or_says_little_is_shown_as_it_is():
    document = report()
    document["scope"].update(
        version=None, declared_ms=None, declared_before_window="no", head_counts={}, substitution={}
    )
    document["scope"]["versions"].append({**document["scope"]["versions"][1], "differences": []})
    document["scope"]["hosts"][0]["capacity"] = []
    entry = section(view(document, language="zh-CN"), "scope")
    values = dict(first(entry, Facts).pairs)
    assert values["声明时间"].text == "无"
    assert (values["在统计期开始之前声明"].text, values["在统计期开始之前声明"].tone) == ("否", "unsure")
    assert values["人数"].text == "总人数 未知，使用云服务人员 未知"
    assert blocks(entry, Table)[0].rows[2][2].text == "内容与上一版本相同"
    assert blocks(entry, Table)[1].rows[0][2].text == "无"
    document["scope"]["hosts"] = []
    assert len(blocks(section(view(document, language="zh-CN"), "scope"), Table)) == 1


def test_without_scope_or_profile_the_report_says_what_that_means():
    shown = view(report(scope=False, profile=False), language="zh-CN")
    assert "挑选" in first(section(shown, "scope"), Text).text
    assert "只判定测量" in first(section(shown, "profile"), Text).text
    assert "未声明申报范围：统计库中的全部主机。" in all_texts(section(shown, "overview"))


def test_the_profile_shows_the_applicant_items_figures_and_documents_with_hashes():
    document = report()
    entry = section(view(document, language="zh-CN"), "profile")
    shown = all_texts(entry)
    for value in (
        "李建国",
        "91320506MA1XXXXX0X",
        "示例云计算有限公司",
        "公有云",
        "2024-03-01",
        "四星",
        "320",
    ):
        assert value in shown
    for given in document["profile"]["documents"]:
        assert given["sha256"] in shown
        assert given["title"] in shown
    assert "0512-6500 0000" in shown
    assert "62.5 万元" in shown
    assert "数据库为云数据库" in shown


def test_an_almost_empty_profile_is_shown_without_empty_tables():
    document = report()
    given = document["profile"]
    given.update(rows=[], figures=[], documents=[], scope_summary="", it_service="yes")
    given["applicant"].update(total=None, cloud_users=None)
    given["applicant"]["contact"] = dict.fromkeys(given["applicant"]["contact"], "")
    given["star"] = "7"
    entry = section(view(document, language="zh-CN"), "profile")
    assert blocks(entry, Table) == []
    values = {label: cell.text for label, cell in first(entry, Facts).pairs}
    assert (values["联系人"], values["总人数"], values["IT服务企业"], values["申请评定星级"]) == (
        "无",
        "无",
        "是",
        "7",
    )


def test_a_declared_figure_that_the_edition_does_not_know_is_named_by_its_id():
    document = report()
    document["profile"]["figures"].append({"id": "novelty", "value": "1200", "basis": "", "documents": []})
    tables = blocks(section(view(document, language="zh-CN"), "profile"), Table)
    assert [cell.text for cell in tables[1].rows[3]] == ["novelty", "1,200", "无", "无"]


def test_all_hashes_versions_and_the_edition_stand_at_the_end():
    document = report()
    shown = view(document, language="zh-CN")
    text = all_texts(section(shown, "origin"))
    for digest in document["hashes"].values():
        assert digest in text
    assert shown.hash in text
    for value in (
        "starproof 0.1.0",
        "0.0.9、0.1.0",
        "2026-12-03 08:00:00 (Asia/Shanghai)",
        "苏经信企信〔2017〕923号 附件2",
    ):
        assert value in text


def test_the_report_hash_covers_every_field():
    document = report()
    assert view(document, language="zh-CN").hash == view(report(), language="en").hash
    document["hosts"][0]["restarts"] += 1
    assert view(document, language="zh-CN").hash != view(report(), language="zh-CN").hash


def test_a_report_without_series_attachments_or_application_is_whole():
    document = report()
    document["series"] = []
    document["verdict"].update(attachments=[], application=None, applied_for=None)
    shown = view(document, language="zh-CN")
    assert blocks(section(shown, "figure-cpu_utilization"), Picture) == []
    assert len(blocks(section(shown, "criteria"), Table)) == 1
    assert [label for label, _ in shown.cover.facts.pairs] == ["评定版本", "统计期前的锚定"]


def test_a_series_without_worst_days_has_a_chart_and_no_table_of_them():
    document = report()
    document["series"][0]["worst"] = []
    entry = section(view(document, language="zh-CN"), "figure-cpu_utilization")
    assert len(blocks(entry, Picture)) == 1
    assert len(blocks(entry, Table)) == 1


def test_more_hosts_than_fit_are_cut_to_the_least_covered_and_the_report_says_so(monkeypatch):
    monkeypatch.setattr(figures_module, "HOSTS_SHOWN", 2)
    monkeypatch.setattr(hosts_module, "HOSTS_SHOWN", 2)
    shown = view(report(), language="zh-CN")
    hosts = blocks(section(shown, "figure-cpu_utilization"), Table)[1]
    assert [row[0].text for row in hosts.rows] == ["erp-2", "mes-1"]
    assert "共 4 台" in all_texts(section(shown, "figure-cpu_utilization"))
    assert "共 4 台主机" in all_texts(section(shown, "calendar"))
    assert len(first(section(shown, "hosts"), Table).rows) == 4, "the table of hosts has all"


def test_a_large_fleet_begins_its_calendar_on_a_new_page():
    assert section(view(large(9), language="zh-CN"), "calendar").turn
    assert not section(view(report(), language="zh-CN"), "calendar").turn


def test_english_says_the_same_with_english_words():
    shown = view(report(), language="en")
    assert shown.cover.headline == "Supports four stars (declared items included)"
    measure = first(section(shown, "figure-daily_reads_writes"), Measure)
    assert (measure.value, measure.unit, measure.interval) == (
        "28,417",
        "per day",
        "Interval from 27,966, no upper bound",
    )
    assert [mark.verdict.text for mark in measure.marks] == ["pass", "pass", "inconclusive"]


def test_another_schema_and_a_float_are_refused():
    with pytest.raises(RenderError, match="not starproof/report/1"):
        view({"schema": "starproof/report/2"}, language="zh-CN")
    with pytest.raises(RenderError, match="None"):
        view({}, language="zh-CN")
    broken = report()
    broken["enterprise"] = "half \ud800"
    with pytest.raises(RenderError, match="half a character"):
        view(broken, language="zh-CN")


def test_the_sample_is_deterministic_and_its_variants_do_not_share_parts():
    assert encode_figures(report()) == encode_figures(report())
    assert named("x")["figures"] == report(enterprise="x")["figures"]


def test_the_view_does_not_change_the_report():
    document = report()
    before = deepcopy(document)
    view(document, language="zh-CN")
    assert document == before


@pytest.mark.parametrize(
    ("language", "label", "value"),
    [
        ("zh-CN", "另一口径", "reads_writes.database/1：2,400 次/日（区间 1,200 – 无上限）"),
        ("en", "Beside", "reads_writes.database/1: 2,400 per day (interval 1,200 – no upper bound)"),
    ],
)
def test_the_same_figure_under_another_definition_stands_beside_it(language, label, value):
    given = deepcopy(report())
    reads = given["figures"]["indicators"][4]
    reads["beside"] = [
        {
            "definition": "reads_writes.database/1", "zh": "语句数。", "en": "Statements.", "value": "2400",
            "low": "1200", "high": None, "running": "2400", "share": "0.5",
        }
    ]  # fmt: skip
    facts = first(section(view(given, language=language), "figure-daily_reads_writes"), Facts)
    [cell] = [found for name, found in facts.pairs if name == label]
    assert cell.text == value
    assert "50" in cell.sub


def test_every_day_stands_in_the_table_of_anchors_and_one_without_is_incomplete():
    shown = section(view(report(), language="zh-CN"), "anchors")
    rows = first(shown, Table).rows
    assert [row[0].text for row in rows] == [f"2026-11-{day:02}" for day in range(1, 31)]
    by_day = {row[0].text: row for row in rows}
    assert (by_day["2026-11-13"][-1].text, by_day["2026-11-13"][-1].tone) == ("不完整：没有", "fail")
    assert [cell.text for cell in by_day["2026-11-13"][2:6]] == ["–"] * 4
    assert [cell.text for cell in by_day["2026-11-05"][2:6]] == [
        "11-06 00:05",
        "11-06 00:05",
        "11-06 08:25",
        "11-06 00:05",
    ]
    assert by_day["2026-11-18"][2].text == "有"
    assert {row[-1].tone for row in rows} == {
        "declared",
        "unsure",
        "fail",
        "none",
    }  # never that of a verdict that holds
    counts = first(shown, Facts).pairs[1][1].text
    assert (
        counts
        == "次日内收到 26 天，不完整：迟到 1 天，不完整：时间不明 1 天，不完整：没有 1 天，当日未结束 1 天"
    )


def test_anchors_of_a_long_window_share_rows_where_days_stand_alike_and_hide_none():
    shown = section(view(report(months=("2026-09", "2026-10", "2026-11")), language="zh-CN"), "anchors")
    rows = first(shown, Table).rows
    assert len(rows) < 40
    assert "2026-09-13" in [row[0].text for row in rows if row[-1].text == "不完整：没有"]
    assert any("天" in row[0].sub for row in rows)


@pytest.mark.parametrize(
    ("state", "words"), [("not_before", "没有统计期前的回执"), ("not_declared", "没有声明记录")]
)
def test_rules_without_a_receipt_are_said_on_the_first_page(state, words):
    document = report()
    document["anchors"]["rules"] = {"state": state, "size": None, "receipts": []}
    cell = dict(view(document, language="zh-CN").cover.facts.pairs)["统计期前的锚定"]
    assert words in cell.text
    assert cell.sub.startswith("不完整")
    document["anchors"]["days"][0]["size"] = None
    assert first(section(view(document, language="en"), "anchors"), Table).rows[0][1].text == "–"


def test_a_report_without_a_pack_says_that_it_does_not_tell_of_anchors():
    document = report()
    del document["anchors"]
    shown = view(document, language="zh-CN")
    assert "starproof report --pack" in all_texts(section(shown, "anchors"))
    assert dict(shown.cover.facts.pairs)["统计期前的锚定"].tone == "quiet"
