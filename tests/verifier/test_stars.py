"""The star: every threshold and every counting rule at its edge, by the numbers of the guide."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from verdicts import (
    BASIC,
    CORE,
    DEEP,
    EDITION,
    FIVE_STAR_FIGURES,
    FIVE_STAR_ROWS,
    INFRASTRUCTURE,
    IT_SERVICES,
    PROOF,
    answer,
    between,
    exactly,
    figures_of,
    profile_of,
    star_of,
    verdict_of,
)

from verifier.bounds import Bounds
from verifier.document import encode_figures
from verifier.edition import Unknown
from verifier.profile import Document
from verifier.result import Substituted
from verifier.stars import SCHEMA, Standing, StarVerdict, star_verdict, verdict_document
from verifier.verdict import Verdict

# The table of the guide (附件2, 四、评定标准): figure, star, the least number that reaches it.
GUIDE = [
    ("it_cost_reduction", "3", "30"),
    ("it_cost_reduction", "4", "30"),
    ("it_cost_reduction", "5", "30"),
    ("monthly_user_rate", "3", "30"),
    ("monthly_user_rate", "4", "50"),
    ("monthly_user_rate", "5", "80"),
    ("cpu_utilization", "3", "5"),
    ("cpu_utilization", "4", "10"),
    ("cpu_utilization", "5", "25"),
    ("bandwidth_utilization", "3", "30"),
    ("bandwidth_utilization", "4", "40"),
    ("bandwidth_utilization", "5", "50"),
    ("daily_reads_writes", "3", "1000"),
    ("daily_reads_writes", "4", "10000"),
    ("daily_reads_writes", "5", "50000"),
    ("cloud_investment", "3", "5"),
    ("cloud_investment", "4", "50"),
    ("cloud_investment", "5", "400"),
]
MEASURED = ("cpu_utilization", "bandwidth_utilization", "daily_reads_writes")
HAIR = Fraction(1, 10**15)


def with_figure(name: str, value: Fraction) -> StarVerdict:
    """The verdict of an enterprise that has everything for five stars but this one figure."""
    if name in MEASURED:
        bounds = {key: exactly(number) for key, number in FIVE_STAR_FIGURES.items()} | {name: exactly(value)}
        return verdict_of(profile_of(), bounds)
    scaled = value.numerator * 10**15 // value.denominator
    text = f"{scaled // 10**15}.{scaled % 10**15:015}"
    return verdict_of(profile_of(figures={name: text}))


def test_the_table_above_is_whole():
    assert {(name, star) for name, star, _ in GUIDE} == {
        (name, star) for name in FIVE_STAR_FIGURES for star in EDITION.star_ids
    }


@pytest.mark.parametrize(("name", "star", "least"), GUIDE)
def test_a_hair_below_a_threshold_fails(name, star, least):
    verdict = with_figure(name, Fraction(least) - HAIR)
    found, short = answer(verdict, name, star)
    assert found == "FAIL"
    assert short is not None
    assert Fraction(short) > 0
    assert verdict.standings[star] is Standing.NOT_REACHED
    assert star_of(verdict) != star


@pytest.mark.parametrize(("name", "star", "least"), GUIDE)
def test_a_threshold_itself_is_reached(name, star, least):
    verdict = with_figure(name, Fraction(least))
    assert answer(verdict, name, star) == ("PASS" if name in MEASURED else "DECLARED", None)
    assert verdict.standings[star] is Standing.SUPPORTED


@pytest.mark.parametrize(("name", "star", "least"), GUIDE)
def test_a_hair_above_a_threshold_is_reached(name, star, least):
    verdict = with_figure(name, Fraction(least) + HAIR)
    assert answer(verdict, name, star) == ("PASS" if name in MEASURED else "DECLARED", None)
    assert verdict.standings[star] is Standing.SUPPORTED


def without(rows: tuple[str, ...], kept: int) -> tuple[str, ...]:
    """Five-star rows, of these only the first ``kept``."""
    return (*(row for row in FIVE_STAR_ROWS if row not in rows), *rows[:kept])


# Counting rules of the guide: criterion, its rows, star, how many are needed.
COUNTS = [
    ("it_infrastructure", INFRASTRUCTURE, "3", 6),
    ("it_infrastructure", INFRASTRUCTURE, "4", 6),
    ("it_infrastructure", INFRASTRUCTURE, "5", 6),
    ("basic_business", BASIC, "3", 3),
    ("basic_business", BASIC, "4", 4),
    ("basic_business", BASIC, "5", 5),
    ("it_services", IT_SERVICES, "3", 1),
    ("it_services", IT_SERVICES, "4", 2),
    ("it_services", IT_SERVICES, "5", 3),
    ("core_business", CORE, "3", 1),
    ("core_business", CORE, "4", 3),
    ("core_business", CORE, "5", 5),
    ("deep_application", DEEP, "5", 2),
]


@pytest.mark.parametrize(("criterion", "rows", "star", "needed"), COUNTS)
def test_one_row_too_few_fails_by_one(criterion, rows, star, needed):
    verdict = verdict_of(profile_of(rows=without(rows, needed - 1)))
    assert answer(verdict, criterion, star) == ("FAIL", "1")
    assert verdict.standings[star] is Standing.NOT_REACHED


@pytest.mark.parametrize(("criterion", "rows", "star", "needed"), COUNTS)
def test_just_enough_rows_are_enough(criterion, rows, star, needed):
    verdict = verdict_of(profile_of(rows=without(rows, needed)))
    assert answer(verdict, criterion, star) == ("DECLARED", None)
    assert verdict.standings[star] is Standing.SUPPORTED


@pytest.mark.parametrize(("criterion", "rows", "star", "needed"), COUNTS)
def test_more_rows_than_needed_are_enough(criterion, rows, star, needed):
    verdict = verdict_of(profile_of(rows=without(rows, len(rows))))
    assert answer(verdict, criterion, star) == ("DECLARED", None)


@pytest.mark.parametrize(("criterion", "rows", "star", "needed"), COUNTS)
def test_enough_ticks_with_one_document_too_few_decide_nothing(criterion, rows, star, needed):
    verdict = verdict_of(profile_of(rows=without(rows, needed), undocumented=rows[:1]))
    assert answer(verdict, criterion, star) == ("INCONCLUSIVE", "1")
    assert verdict.standings[star] is Standing.UNDECIDED


def test_which_basic_rows_are_ticked_does_not_matter():
    others = (*(row for row in FIVE_STAR_ROWS if row not in BASIC), "tax", "office", "site_security")
    assert answer(verdict_of(profile_of(rows=others)), "basic_business", "3") == ("DECLARED", None)


def test_three_rows_of_one_subcategory_count_once():
    design = ("design_applications", "design_library", "design_collaboration")
    verdict = verdict_of(profile_of(rows=(*without(CORE, 0), *design)))
    assert answer(verdict, "core_business", "3") == ("DECLARED", None)
    assert answer(verdict, "core_business", "4") == ("FAIL", "2")


def test_one_documented_row_documents_its_subcategory():
    rows = (*without(CORE, 0), "purchasing", "logistics")
    verdict = verdict_of(profile_of(rows=rows, undocumented=["purchasing"]))
    assert answer(verdict, "core_business", "3") == ("DECLARED", None)


def test_the_row_for_other_things_counts_nowhere():
    verdict = verdict_of(profile_of(rows=(*without(DEEP, 1), "other")))
    assert answer(verdict, "deep_application", "5") == ("FAIL", "1")


def test_three_and_four_stars_ask_for_no_deep_application():
    verdict = verdict_of(profile_of(rows=without(DEEP, 0)))
    assert answer(verdict, "deep_application", "3") == ("PASS", None)
    assert answer(verdict, "deep_application", "4") == ("PASS", None)
    assert star_of(verdict) == "4"


def test_it_services_are_asked_of_it_service_enterprises_only():
    rows = without(IT_SERVICES, 0)
    asked = verdict_of(profile_of(rows=rows, it_service=True))
    assert [answer(asked, "it_services", star)[0] for star in "345"] == ["FAIL"] * 3
    assert star_of(asked) is None
    spared = verdict_of(profile_of(rows=rows, it_service=False))
    criterion = next(entry for entry in spared.criteria if entry.id == "it_services")
    assert {entry.reason.value for entry in criterion.answers.values()} == {"NOT_APPLICABLE"}
    assert star_of(spared) == "5"


@pytest.mark.parametrize("form", ["private", "hybrid"])
def test_other_forms_than_the_public_cloud_can_reach_four_stars_but_not_three(form):
    bounds = {name: exactly(value) for name, value in FIVE_STAR_FIGURES.items()}
    bounds["cpu_utilization"] = exactly("10")
    verdict = verdict_of(profile_of(cloud_form=form), bounds)
    assert answer(verdict, "cloud_form", "3") == ("FAIL", None)
    assert answer(verdict, "cloud_form", "4") == ("DECLARED", None)
    assert verdict.standings == {
        "3": Standing.NOT_REACHED,
        "4": Standing.SUPPORTED,
        "5": Standing.NOT_REACHED,
    }
    assert star_of(verdict) == "4"


@pytest.mark.parametrize("form", ["public", "private", "hybrid"])
def test_a_form_of_cloud_without_any_of_its_contracts_is_undecided(form):
    verdict = verdict_of(profile_of(cloud_form=form, documents=(PROOF,)))
    assert answer(verdict, "cloud_form", "4") == ("INCONCLUSIVE", None)
    cloud = next(entry for entry in verdict.criteria if entry.id == "cloud_form").answers["4"]
    assert "没有证明材料" in cloud.sentence.zh
    assert "without documents" in cloud.sentence.en
    assert star_of(verdict) is None


def test_an_edition_that_asks_no_contract_takes_the_word_for_the_form_of_cloud():
    edition = replace(EDITION, attachments=())
    profile = profile_of(documents=(PROOF,))
    assert answer(verdict_of(profile, edition=edition), "cloud_form", "4") == ("DECLARED", None)


def test_a_star_of_another_form_of_cloud_is_not_the_next_one():
    bounds = {name: exactly(value) for name, value in FIVE_STAR_FIGURES.items()}
    figures = {"monthly_user_rate": "49"}
    verdict = verdict_of(profile_of(cloud_form="private", figures=figures), bounds)
    assert star_of(verdict) is None
    assert verdict.next is not None
    assert (verdict.next.star.id, [entry.criterion for entry in verdict.next.blockers]) == (
        "4",
        ["monthly_user_rate"],
    )


def test_where_no_star_takes_the_form_of_cloud_the_lowest_is_next():
    stars = tuple(replace(star, cloud_forms=("public",)) for star in EDITION.stars)
    verdict = verdict_of(profile_of(cloud_form="private"), edition=replace(EDITION, stars=stars))
    assert verdict.next is not None
    assert verdict.next.star.id == "3"


def test_a_month_that_fails_names_its_upper_bound_where_another_has_no_data():
    figures = figures_of({name: exactly(value) for name, value in FIVE_STAR_FIGURES.items()})
    bounds = Bounds(low=Fraction(0), value=None, high=Fraction(1), running=None)
    changed = tuple(
        replace(entry, bounds=bounds, verdicts=dict.fromkeys(entry.verdicts, Verdict.FAIL))
        if entry.rule.id == "cpu_utilization"
        else entry
        for entry in figures.indicators
    )
    verdict = star_verdict(
        figures=replace(figures, indicators=changed), profile=profile_of(), provisional=False, now_day=None
    )
    cpu = next(entry for entry in verdict.criteria if entry.id == "cpu_utilization").answers["3"]
    assert (cpu.verdict, cpu.short) == (Verdict.FAIL, "4")
    assert "1 %" in cpu.sentence.zh


def test_the_highest_supported_star_has_nothing_next():
    verdict = verdict_of(profile_of())
    assert star_of(verdict) == "5"
    assert verdict.next is None
    assert verdict.rests_on_declared


def test_the_next_star_is_the_lowest_above():
    bounds = {name: exactly(value) for name, value in FIVE_STAR_FIGURES.items()}
    bounds["cpu_utilization"] = exactly("8.2")
    verdict = verdict_of(profile_of(rows=without(BASIC, 3)), bounds)
    assert star_of(verdict) == "3"
    assert verdict.next is not None
    assert verdict.next.star.id == "4"
    assert [(entry.criterion, entry.short, entry.unit) for entry in verdict.next.blockers] == [
        ("basic_business", "1", "项"),
        ("cpu_utilization", "1.8", "%"),
    ]


def test_without_a_profile_nothing_is_declared_and_the_lowest_star_is_next():
    verdict = verdict_of(None)
    assert star_of(verdict) is None
    assert not verdict.rests_on_declared
    assert verdict.applied_for is None
    assert set(verdict.standings.values()) == {Standing.UNDECIDED}
    assert verdict.next is not None
    assert verdict.next.star.id == "3"
    assert {entry.verdict for entry in verdict.next.blockers} == {Verdict.NO_DATA}
    assert [entry.criterion for entry in verdict.next.blockers] == [
        "cloud_form", "it_infrastructure", "basic_business", "it_services", "core_business",
        "it_cost_reduction", "monthly_user_rate", "cloud_investment",
    ]  # fmt: skip


def test_a_declared_figure_without_documents_decides_nothing():
    verdict = verdict_of(profile_of(proved=False))
    assert answer(verdict, "cloud_investment", "5") == ("INCONCLUSIVE", None)
    below = verdict_of(profile_of(figures={"cloud_investment": "49.99"}, proved=False))
    assert answer(below, "cloud_investment", "4") == ("FAIL", "0.01")


def test_a_measured_figure_without_data_is_no_zero():
    verdict = verdict_of(profile_of(), {"cpu_utilization": exactly("25")})
    assert answer(verdict, "bandwidth_utilization", "3") == ("NO_DATA", None)
    assert verdict.standings["3"] is Standing.UNDECIDED


def test_one_failure_outweighs_everything_undecided():
    verdict = verdict_of(None, {"cpu_utilization": exactly("4")})
    assert set(verdict.standings.values()) == {Standing.NOT_REACHED}


def test_missing_time_leaves_a_star_undecided():
    bounds = {name: exactly(value) for name, value in FIVE_STAR_FIGURES.items()}
    bounds["cpu_utilization"] = between("24", "26", "31")
    verdict = verdict_of(profile_of(), bounds)
    assert answer(verdict, "cpu_utilization", "5") == ("INCONCLUSIVE", "1")
    assert verdict.standings["5"] is Standing.UNDECIDED
    assert star_of(verdict) == "4"


def test_a_substituted_verdict_is_taken_and_marked():
    bounds = {name: exactly(value) for name, value in FIVE_STAR_FIGURES.items()}
    figures = {"cpu_utilization": between("9.5", "10.4", "14")}
    measured = figures_of(bounds | figures)
    changed = tuple(
        replace(
            entry,
            verdicts={**entry.verdicts, "4": Verdict.PASS},
            substituted=Substituted("extreme_hour/1", between("10", "10.4", "11"), ("4",)),
        )
        if entry.rule.id == "cpu_utilization"
        else entry
        for entry in measured.indicators
    )
    verdict = star_verdict(
        figures=replace(measured, indicators=changed), profile=profile_of(), provisional=False, now_day=None
    )
    cpu = next(entry for entry in verdict.criteria if entry.id == "cpu_utilization").answers
    assert (cpu["4"].verdict, cpu["4"].reason.value) == (Verdict.PASS, "SUBSTITUTED")
    assert (cpu["3"].verdict, cpu["3"].reason.value) == (Verdict.PASS, "")
    assert star_of(verdict) == "4"


UNSTATED = Unknown(
    "cloud_investment", "上云投入的阈值未见原文", "the threshold of the investment was not found"
)
WHOLE = Unknown("table", "评定标准表未见原文", "the table of the standard was not found")


def incomplete(*unknown: Unknown, stated: bool = True):
    rules = tuple(
        rule if stated or rule.id != "cloud_investment" else replace(rule, thresholds={})
        for rule in EDITION.rules
    )
    return replace(EDITION, complete=False, unknown=unknown, rules=rules)


@pytest.mark.parametrize("stated", [True, False])
def test_an_incomplete_edition_supports_no_star_and_says_what_is_unknown(stated):
    edition = incomplete(UNSTATED, stated=stated)
    verdict = verdict_of(profile_of(edition=edition), edition=edition)
    assert star_of(verdict) is None
    assert set(verdict.standings.values()) == {Standing.UNDECIDED}
    investment = next(entry for entry in verdict.criteria if entry.id == "cloud_investment").answers["3"]
    assert (investment.verdict, investment.needed) == (Verdict.INCONCLUSIVE, None)
    assert investment.reason.value == "EDITION_UNKNOWN"
    assert verdict.next is not None
    assert [entry.criterion for entry in verdict.next.blockers] == ["cloud_investment"]
    assert "上云投入的阈值未见原文" in verdict.next.blockers[0].sentence.zh


def test_a_table_that_is_not_known_blocks_by_itself():
    edition = incomplete(WHOLE)
    verdict = verdict_of(profile_of(edition=edition), edition=edition)
    assert star_of(verdict) is None
    assert set(verdict.standings.values()) == {Standing.UNDECIDED}
    assert verdict.next is not None
    assert [(entry.criterion, entry.sentence.en) for entry in verdict.next.blockers] == [("table", WHOLE.en)]


@pytest.mark.parametrize("about", ["cloud_form", "basic_business", "cpu_utilization"])
def test_any_criterion_may_be_unknown(about):
    edition = incomplete(Unknown(about, "未载明", "not stated"))
    verdict = verdict_of(profile_of(edition=edition), edition=edition)
    criterion = next(entry for entry in verdict.criteria if entry.id == about)
    assert {entry.reason.value for entry in criterion.answers.values()} == {"EDITION_UNKNOWN"}


def test_an_incomplete_edition_can_still_say_what_is_not_reached():
    edition = incomplete(UNSTATED)
    verdict = verdict_of(profile_of(edition=edition), {"cpu_utilization": exactly("4")}, edition=edition)
    assert verdict.standings["3"] is Standing.NOT_REACHED


@pytest.mark.parametrize(
    ("day", "is_open"),
    [
        ("2018-04-01", True),
        ("2018-03-31", False),
        ("2019-04-30", True),
        ("2019-05-01", False),
        ("2020-09-30", True),
        ("2020-10-01", False),
        ("2017-09-15", False),
        ("2021-04-15", False),
    ],
)
def test_applications_are_open_in_the_months_and_years_of_the_edition(day, is_open):
    document = verdict_document(verdict_of(None, now_day=date.fromisoformat(day).toordinal()))
    assert document["application"]["open"] == ("yes" if is_open else "no")


def test_without_a_day_or_a_period_nothing_is_open():
    assert not verdict_of(None, now_day=None).open
    edition = replace(EDITION, application=None)
    verdict = verdict_of(None, edition=edition)
    assert not verdict.open
    assert verdict_document(verdict)["application"] is None


def test_attachments_are_asked_for_by_the_form_of_cloud():
    licence = Document("licence", "营业执照", "licence.pdf", "11" * 32, "business_licence")
    contract = Document("contract", "合同", "contract.pdf", "22" * 32, "public_cloud_contract")
    profile = profile_of(cloud_form="public", documents=(PROOF, licence, contract))
    document = verdict_document(verdict_of(profile))
    assert [(entry["id"], entry["asked"], entry["documents"]) for entry in document["attachments"]] == [
        ("business_licence", "yes", ["11" * 32]),
        ("public_cloud_contract", "yes", ["22" * 32]),
        ("private_platform_contract", "no", []),
        ("private_platform_documents", "no", []),
    ]
    form = next(entry for entry in document["criteria"] if entry["id"] == "cloud_form")
    assert (form["got"], form["documents"]) == ("public", ["22" * 32])
    hybrid = verdict_document(verdict_of(profile_of(cloud_form="hybrid")))
    assert [entry["asked"] for entry in hybrid["attachments"]] == ["yes"] * 4
    nobody = verdict_document(verdict_of(None))
    assert [entry["asked"] for entry in nobody["attachments"]] == ["yes", "no", "no", "no"]


def test_the_document_has_the_shape_of_the_contract():
    bounds = {name: exactly(value) for name, value in FIVE_STAR_FIGURES.items()}
    bounds["cpu_utilization"] = exactly("8.2")
    verdict = verdict_of(profile_of(star="4"), bounds, provisional=True)
    document = verdict_document(verdict)
    assert list(document) == [
        "schema", "edition", "star", "star_name_zh", "star_name_en", "provisional", "rests_on_declared", "stars",
        "criteria", "applied_for", "next", "attachments", "application",
    ]  # fmt: skip
    assert document["schema"] == SCHEMA == "starproof/verdict/1"
    assert document["edition"] == {
        "id": EDITION.id, "sha256": EDITION.sha256, "complete": "yes", "unknown": [],
    }  # fmt: skip
    assert (document["star"], document["star_name_zh"], document["star_name_en"]) == (
        "3",
        "三星",
        "three stars",
    )
    assert (document["provisional"], document["rests_on_declared"]) == ("yes", "yes")
    assert [(entry["id"], entry["standing"]) for entry in document["stars"]] == [
        ("3", "SUPPORTED"), ("4", "NOT_REACHED"), ("5", "NOT_REACHED"),
    ]  # fmt: skip
    cpu = next(entry for entry in document["criteria"] if entry["id"] == "cpu_utilization")
    assert cpu == {
        "id": "cpu_utilization",
        "kind": "figure",
        "name_zh": "业务主机平均CPU利用率",
        "name_en": "Mean CPU utilization of the business hosts",
        "unit": "%",
        "got": "8.2",
        "documents": [],
        "answers": {
            "3": {"verdict": "PASS", "needed": "5", "short": None, "reason": ""},
            "4": {"verdict": "FAIL", "needed": "10", "short": "1.8", "reason": ""},
            "5": {"verdict": "FAIL", "needed": "25", "short": "16.8", "reason": ""},
        },
    }
    basic = next(entry for entry in document["criteria"] if entry["id"] == "basic_business")
    assert (basic["kind"], basic["got"], basic["unit"], basic["documents"]) == (
        "count",
        "5",
        "项",
        ["ab" * 32],
    )
    assert document["applied_for"] == "4"
    assert document["next"] == {
        "star": "4",
        "blockers": [
            {
                "criterion": "cpu_utilization",
                "verdict": "FAIL",
                "zh": "业务主机平均CPU利用率 8.2 %，四星需 10 %，差 1.8 个百分点",
                "en": "Mean CPU utilization of the business hosts 8.2 %, four stars need 10 %, "
                "short by 1.8 percentage points",
                "short": "1.8",
                "unit": "%",
            }
        ],
    }
    assert document["application"]["open"] == "yes"
    assert json.loads(encode_figures(document)) == document


RANK = {Standing.NOT_REACHED: 0, Standing.UNDECIDED: 1, Standing.SUPPORTED: 2}
TICKS = [row.id for row in EDITION.rows if row.kind == "tick"]
SUBSETS = st.sets(st.sampled_from(TICKS))


@settings(max_examples=60, deadline=None)
@given(rows=SUBSETS, bare=SUBSETS, added=st.sampled_from(TICKS), it_service=st.booleans())
def test_one_more_documented_tick_never_lowers_a_standing(rows, bare, added, it_service):
    before = verdict_of(profile_of(rows=rows, undocumented=bare, it_service=it_service))
    after = verdict_of(profile_of(rows=rows | {added}, undocumented=bare - {added}, it_service=it_service))
    for star in EDITION.star_ids:
        assert RANK[after.standings[star]] >= RANK[before.standings[star]]


@settings(max_examples=60, deadline=None)
@given(value=st.fractions(min_value=0, max_value=100, max_denominator=10**9), more=st.fractions(0, 100))
def test_a_higher_figure_never_lowers_a_standing(value, more):
    before, after = (with_figure("cpu_utilization", number) for number in (value, value + more))
    for star in EDITION.star_ids:
        assert RANK[after.standings[star]] >= RANK[before.standings[star]]
