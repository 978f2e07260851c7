"""The sentences of the margins, word for word in both languages, and how their numbers are rounded."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from verdicts import (
    BASIC,
    EDITION,
    FIVE_STAR_FIGURES,
    FIVE_STAR_ROWS,
    between,
    exactly,
    profile_of,
    verdict_of,
)

from verifier.bounds import Bounds
from verifier.edition import Unknown
from verifier.margins import scale
from verifier.stars import StarVerdict


def sentence(verdict: StarVerdict, criterion: str, star: str) -> tuple[str, str]:
    found = next(entry for entry in verdict.criteria if entry.id == criterion).answers[star].sentence
    return found.zh, found.en


def measured(name: str, bounds: Bounds) -> StarVerdict:
    given = {key: exactly(number) for key, number in FIVE_STAR_FIGURES.items()} | {name: bounds}
    return verdict_of(profile_of(), given)


def basic(ticked: int, documented: int) -> StarVerdict:
    rows = (*(row for row in FIVE_STAR_ROWS if row not in BASIC), *BASIC[:ticked])
    return verdict_of(profile_of(rows=rows, undocumented=BASIC[documented:ticked]))


def test_a_percentage_is_short_by_percentage_points():
    assert sentence(measured("cpu_utilization", exactly("8.2")), "cpu_utilization", "4") == (
        "业务主机平均CPU利用率 8.2 %，四星需 10 %，差 1.8 个百分点",
        "Mean CPU utilization of the business hosts 8.2 %, four stars need 10 %, short by 1.8 percentage points",
    )


def test_a_number_a_day_is_short_by_its_own_unit():
    assert sentence(measured("daily_reads_writes", exactly("9999.9")), "daily_reads_writes", "4") == (
        "日平均数据读写次数 9999 次/日，四星需 10000 次/日，差 1 次/日",
        (
            "Mean data reads and writes per day 9999 operations/day, four stars need 10000 operations/day, "
            "short by 1 operations/day"
        ),
    )


def test_an_investment_is_short_by_ten_thousands_of_yuan():
    verdict = verdict_of(profile_of(figures={"cloud_investment": "42.5"}))
    assert sentence(verdict, "cloud_investment", "4") == (
        "上云投入 42.5 万元，四星需 50 万元，差 7.5 万元",
        "Investment in the cloud 42.5 × 10,000 yuan, four stars need 50 × 10,000 yuan, short by 7.5 × 10,000 yuan",
    )


def test_a_unit_of_another_edition_is_printed_as_it_stands():
    rules = tuple(
        replace(rule, unit="GB") if rule.id == "cloud_investment" else rule for rule in EDITION.rules
    )
    edition = replace(EDITION, rules=rules)
    verdict = verdict_of(profile_of(figures={"cloud_investment": "42.5"}), edition=edition)
    assert sentence(verdict, "cloud_investment", "4")[0] == "上云投入 42.5 GB，四星需 50 GB，差 7.5 GB"


def test_missing_time_says_the_low_end_and_what_it_lacks():
    verdict = measured("cpu_utilization", between("9.51234", "10.4", "14.00001"))
    assert sentence(verdict, "cpu_utilization", "4") == (
        (
            "业务主机平均CPU利用率 数据有缺失，无法判定：观测到的部分为 10.4 %，"
            "计入缺失时段后至少 9.5123 %、至多 14.0001 %，四星需 10 %，下限差 0.4877 个百分点"
        ),
        (
            "Mean CPU utilization of the business hosts cannot be decided because data are missing: "
            "10.4 % over what was seen, with the missing time at least 9.5123 %, at most 14.0001 %; "
            "four stars need 10 %, the low end is short by 0.4877 percentage points"
        ),
    )


def test_missing_time_without_an_upper_bound_says_so():
    zh, en = sentence(
        measured("daily_reads_writes", between("9000", "12000", None)), "daily_reads_writes", "4"
    )
    assert zh == (
        "日平均数据读写次数 数据有缺失，无法判定：观测到的部分为 12000 次/日，"
        "计入缺失时段后至少 9000 次/日、上限未知，四星需 10000 次/日，下限差 1000 次/日"
    )
    assert "no upper bound is known" in en


def test_no_data_says_no_number():
    verdict = verdict_of(profile_of(), {})
    assert sentence(verdict, "cpu_utilization", "4") == (
        "业务主机平均CPU利用率 无数据，四星需 10 %",
        "Mean CPU utilization of the business hosts: no data, four stars need 10 %",
    )


def test_a_figure_to_declare_says_where_to_write_it():
    assert sentence(verdict_of(None), "cloud_investment", "3") == (
        "上云投入 无数据，三星需 5 万元，请在申报资料中填写数值并附证明材料",
        (
            "Investment in the cloud: no data, three stars need 5 × 10,000 yuan; "
            "write the value into the profile, with the documents that prove it"
        ),
    )


def test_a_declared_figure_without_documents_says_so():
    verdict = verdict_of(profile_of(figures={"cloud_investment": "62.5"}, proved=False))
    assert sentence(verdict, "cloud_investment", "4") == (
        "上云投入 申报 62.5 万元，四星需 50 万元，未附证明材料",
        (
            "Investment in the cloud declared as 62.5 × 10,000 yuan, four stars need 50 × 10,000 yuan, "
            "but no document proves it"
        ),
    )


def test_counts_say_what_is_there_and_what_is_short():
    assert sentence(basic(3, 3), "basic_business", "4") == (
        "基础业务 已实现 3 项，四星需 4 项，差 1 项",
        "Basic business: 3 items in place, four stars need 4, short by 1",
    )
    assert sentence(basic(1, 1), "basic_business", "3")[1] == (
        "Basic business: 1 item in place, three stars need 3, short by 2"
    )


def test_counts_that_also_lack_documents_say_both():
    assert sentence(basic(3, 2), "basic_business", "4") == (
        "基础业务 已实现 3 项（其中 2 项有证明材料），四星需 4 项，差 2 项",
        "Basic business: 3 items in place (2 with documents), four stars need 4, short by 2",
    )


def test_ticks_without_documents_are_called_so():
    assert sentence(basic(5, 3), "basic_business", "4") == (
        "基础业务 已勾选 5 项，其中 3 项有证明材料，四星需 4 项，还差 1 项的证明材料",
        "Basic business: 5 items ticked, 3 with documents, four stars need 4, documents are missing for 1",
    )


def test_counts_without_a_profile_say_what_is_asked():
    assert sentence(verdict_of(None), "it_services", "3") == (
        "信息技术服务 无申报资料，三星需 1 项",
        "IT services: no profile, three stars need 1 item",
    )


def test_the_form_of_cloud_says_what_the_star_takes():
    assert sentence(verdict_of(profile_of(cloud_form="private")), "cloud_form", "3") == (
        "上云形式 为私有云，三星要求公有云",
        "Form of cloud: private cloud, three stars need public cloud",
    )
    assert sentence(verdict_of(None), "cloud_form", "4") == (
        "上云形式 无申报资料，四星要求公有云或私有云或混合云",
        "Form of cloud: no profile, four stars need public cloud or private cloud or hybrid cloud",
    )


def test_what_the_edition_does_not_state_is_called_so():
    about = Unknown("cloud_investment", "原文缺页", "a page is missing")
    edition = replace(EDITION, complete=False, unknown=(about,))
    assert sentence(verdict_of(None, edition=edition), "cloud_investment", "4") == (
        "上云投入 无法判定：本评定版本未载明四星的要求（原文缺页）",
        (
            "Investment in the cloud cannot be decided: this edition does not state what four stars need "
            "(a page is missing)"
        ),
    )


def test_a_star_without_a_threshold_of_its_own_is_not_stated():
    rules = tuple(
        replace(rule, thresholds={"3": "5"}) if rule.id == "cloud_investment" else rule
        for rule in EDITION.rules
    )
    verdict = verdict_of(None, edition=replace(EDITION, rules=rules))
    assert sentence(verdict, "cloud_investment", "4") == (
        "上云投入 无法判定：本评定版本未载明四星的要求",
        "Investment in the cloud cannot be decided: this edition does not state what four stars need",
    )


def test_where_the_star_stands_nothing_is_said():
    verdict = verdict_of(profile_of())
    assert {answer.sentence.zh for entry in verdict.criteria for answer in entry.answers.values()} == {""}


@pytest.mark.parametrize(
    ("value", "thresholds", "printed"),
    [
        ("8.2", ("10",), "8.2"),
        ("8.23456", ("10",), "8.2345"),
        ("9.99999", ("10",), "9.9999"),
        ("10", ("10",), "10"),
        ("0", ("10",), "0"),
        ("999.99999", ("1000",), "999.9999"),
        ("1000.75", ("1000",), "1000"),
        ("9999.99", ("10000",), "9999"),
        ("1000.75", ("1000.5",), "1000.7"),
        ("2.123456", ("2.12345",), "2.12345"),
        ("0.00001234", ("10",), "0.00001"),
        ("0.00000000000000000001", ("10",), "0"),
    ],
)
def test_values_are_rounded_down_to_the_digits_that_matter(value, thresholds, printed):
    number = Fraction(value)
    assert scale("%", number, thresholds).down(number) == printed


def test_shortfalls_are_rounded_up():
    by = scale("%", Fraction("9.99999"), ("10",))
    assert by.up(Fraction("0.00001")) == "0.0001"
    assert by.up(Fraction("1.8")) == "1.8"
    assert scale("%", None, ("10",)).up(Fraction(1, 3)) == "0.3334"


@given(
    value=st.fractions(min_value=0, max_value=100_000, max_denominator=10**12),
    threshold=st.decimals(min_value=0, max_value=100_000, places=3),
)
def test_what_failed_never_looks_as_if_it_had_passed_and_the_numbers_add_up(value, threshold):
    least = Fraction(threshold)
    by = scale("%", value, (f"{threshold:f}",))
    shown = Fraction(by.down(value))
    assert shown <= value
    assert (shown < least) == (value < least)
    if value < least:
        assert Fraction(by.up(least - value)) > 0
        assert shown + Fraction(by.up(least - value)) == least
