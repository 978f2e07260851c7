from __future__ import annotations

import hashlib
from fractions import Fraction
from pathlib import Path

import pytest
import tomllib

from config import EDITIONS
from verifier import editions
from verifier.edition import (
    AGGREGATIONS,
    CLOUD_FORMS,
    COMBINATIONS,
    COUNTS,
    IT_SERVICE,
    KINDS,
    PERIODS,
    SUBSTITUTIONS,
)
from verifier.edition_file import parse_edition
from verifier.errors import EditionError
from verifier.toml_table import MAX_ENTRIES

ROOT = Path(__file__).parents[2]
FILE = (EDITIONS / "jiangsu-2018-trial.toml").read_bytes()
MINIMAL = """
schema = "starproof/edition/2"
id = "small"
title_zh = "小"
title_en = "small"
place = "p"
document = "d"
source = "s"
date = "2031"
complete = true
applies_to_zh = "a"
applies_to_en = "a"
rows = []
criteria = []
indicators = {}
stars = [{ id = "1", name_zh = "一", name_en = "one", cloud_forms = ["public"], decided_by_zh = "d", decided_by_en = "d" }]
"""
UNKNOWN = '\n[[unknown]]\nabout = "{}"\nzh = "未知"\nen = "unknown"\n'
CPU_ROW = 'domain = "业务主机平均CPU利用率", kind = "figure", indicator = "cpu_utilization" }'
COMPUTE_ROW = (
    '{ id = "compute", part = "上云内容", category = "基础业务上云", subcategory = "IT基础设施", '
    'domain = "计算资源", kind = "tick" }'
)


def bent(old, new, text=None):
    text = text or FILE.decode()
    assert old in text
    return text.replace(old, new, 1).encode()


def test_an_edition_is_named_by_the_hash_of_its_file():
    assert parse_edition(FILE).sha256 == hashlib.sha256(FILE).hexdigest()


def test_every_edition_that_ships_can_be_read_and_is_complete():
    for edition_id in editions.edition_ids():
        edition = editions.load_edition(edition_id)
        assert (edition.id, edition.complete) == (edition_id, True)


def test_an_unknown_edition_is_answered_with_the_nearest_name():
    with pytest.raises(EditionError, match="did you mean jiangsu-2018-trial"):
        editions.load_edition("jiangsu-2018")


def test_a_file_under_another_name_is_refused(tmp_path, monkeypatch):
    (tmp_path / "other.toml").write_bytes(FILE)
    monkeypatch.setattr(editions, "EDITIONS", tmp_path)
    with pytest.raises(EditionError, match=r"other\.toml describes the edition 'jiangsu-2018-trial'"):
        editions.load_edition("other")


def test_thresholds_are_exact_decimals():
    edition = parse_edition(bent('{ 3 = "5", 4 = "10", 5 = "25" }', '{ 3 = "5.1", 4 = "10", 5 = "25" }'))
    assert edition.rule("cpu_utilization").threshold("3") == Fraction(51, 10)


def test_a_share_may_be_100_percent_and_other_units_may_be_more():
    edition = parse_edition(bent('{ 3 = "5", 4 = "10", 5 = "25" }', '{ 3 = "5", 4 = "10", 5 = "100" }'))
    assert edition.rule("cpu_utilization").threshold("5") == 100
    assert edition.rule("cloud_investment").threshold("5") == 400


def test_what_is_optional_may_be_left_out():
    edition = parse_edition(MINIMAL.encode())
    assert (edition.attachments, edition.regions, edition.unknown) == ((), (), ())
    assert (edition.application, edition.form) == (None, None)
    lines = [line for line in FILE.decode().splitlines() if not line.startswith("note_")]
    without = parse_edition("\n".join(lines).encode())
    assert {part.note_zh + part.note_en for part in (*without.rules, *without.criteria)} == {""}


def test_numbers_may_be_unknown_where_that_is_said():
    text = FILE.decode().replace("complete = true", "complete = false")
    text = text.replace("needed = { 3 = 1, 4 = 3, 5 = 5 }", "needed = {}")
    text = text.replace('thresholds = { 3 = "5", 4 = "10", 5 = "25" }', "thresholds = {}")
    edition = parse_edition(
        (text + UNKNOWN.format("core_business") + UNKNOWN.format("cpu_utilization")).encode()
    )
    assert not edition.complete
    assert [unknown.about for unknown in edition.unknown] == ["core_business", "cpu_utilization"]
    assert edition.criteria[3].needed == {}
    assert edition.rule("cpu_utilization").threshold("3") is None


@pytest.mark.parametrize("about", ["table", "cloud_form", "it_services", "cloud_investment"])
def test_an_unknown_may_be_about_any_criterion_or_the_table(about):
    text = bent("complete = true", "complete = false").decode() + UNKNOWN.format(about)
    assert parse_edition(text.encode()).unknown[0].about == about


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        # keys and types
        ("schema =", "shema =", r"edition: unknown key 'shema' \(did you mean schema\?\)"),
        ('schema = "starproof/edition/2"', 'schema = "starproof/edition/1"', "write one of starproof/edition/2"),
        ("schema =", "schema", "not a TOML file in UTF-8"),
        ("place =", "# place =", "the key 'place' is missing"),
        ('place = "江苏省"', 'place = " "', "place must be a text"),
        ("complete = true", 'complete = "yes"', "complete must be true or false, without quotes"),
        ('id = "jiangsu-2018-trial"', 'id = "Jiangsu 2018"', "write small letters, digits and -"),
        ('regions = [\n  "南京",', "regions = [\n  5,", "regions: entry 1 must be a text"),
        ('regions = [\n  "南京",', 'region = [\n  "南京",', r"unknown key 'region' \(did you mean regions\?\)"),
        ('"南京", "无锡"', '"无锡", "无锡"', "regions: '无锡' is used twice"),
        # stars
        ('id = "3"', 'id = "0"', r"\[\[stars\]\] number 1: id is '0'; write one of 1, 2"),
        ('id = "3"', 'id = "4"', "the stars are 4, 4, 5; write each once, from low to high"),
        ('id = "3"', 'id = "6"', "the stars are 6, 4, 5; write each once, from low to high"),
        ('cloud_forms = ["public"]', "cloud_forms = []", r"\[\[stars\]\] number 1: cloud_forms must be a list"),
        ('cloud_forms = ["public"]', 'cloud_forms = ["public", "public"]', "cloud_forms names one entry twice"),
        ('cloud_forms = ["public"]', 'cloud_forms = ["own"]', "cloud_forms holds 'own'; write some of hybrid"),
        # rows
        ('kind = "tick" }', 'kind = "check" }', r"\[\[rows\]\] number 1: kind is 'check'; write one of figure"),
        ('kind = "tick" }', 'kind = "tick", note = "1" }', r"\[\[rows\]\] number 1: unknown key 'note'"),
        ('{ id = "compute"', '{ id = "Compute"', "'Compute' is no id; write a small letter"),
        ('{ id = "storage"', '{ id = "compute"', r"\[\[rows\]\]: 'compute' is used twice"),
        (', domain = "计算资源"', "", r"\[\[rows\]\] number 1: the key 'domain' is missing"),
        (', indicator = "cpu_utilization" }', " }", r"\[\[rows\]\] number 40: a figure needs its indicator"),
        (
            'kind = "tick" }',
            'kind = "tick", indicator = "cpu_utilization" }',
            r'number 1: a tick has no indicator; leave it out, or write kind = "figure"',
        ),
        ('footnote = "1"', 'footnote = "2"', "it_development: there is no footnote '2'; write its number"),
        # rows and figures
        (
            'indicator = "cpu_utilization" }',
            'indicator = "cpu_utilisation" }',
            r"\[\[rows\]\] cpu_utilization: there is no figure 'cpu_utilisation' \(did you mean cpu_utilization\?\)",
        ),
        (
            'indicator = "cpu_utilization" }',
            'indicator = "monthly_user_rate" }',
            r"\[indicators\.monthly_user_rate\] has 2 rows; write one",
        ),
        ("[indicators.cpu_utilization]", "[indicators.CPU]", "'CPU' is no id"),
        (CPU_ROW, 'domain = "x", kind = "text" }', r"\[indicators\.cpu_utilization\] has 0 rows; write one \[\[rows\]\]"),
        # criteria
        ('rows = ["compute"', 'rows = ["computer"', r"it_infrastructure: there is no row 'computer' \(did you mean compute\?\)"),
        ('rows = ["compute"', 'rows = ["other"', "it_infrastructure: the row 'other' is a text; only rows with kind"),
        ('rows = ["compute"', 'rows = ["cpu_utilization"', "the row 'cpu_utilization' is a figure; only rows"),
        ('rows = ["compute", "storage"', 'rows = ["compute", "compute"', "it_infrastructure: rows: 'compute' is used twice"),
        ('rows = ["compute"', "rows = [1", r"\[\[criteria\]\] number 1: rows: entry 1 must be a text"),
        ('count = "rows"', 'count = "row"', "count is 'row'; write one of rows, subcategories"),
        ('only = "it_service"', 'only = "it"', "only is 'it'; write one of it_service"),
        ("needed = { 3 = 6, 4 = 6, 5 = 6 }", "needed = { 3 = 6, 4 = 6, 5 = 7 }", "needed 5 = 7, but only 6 rows can count"),
        ("needed = { 3 = 1, 4 = 3, 5 = 5 }", "needed = { 3 = 1, 4 = 3, 5 = 10 }", "5 = 10, but only 9 subcategories can count"),
        ("needed = { 3 = 0, 4 = 0, 5 = 2 }", "needed = { 3 = 0, 4 = 0, 5 = 5 }", "5 = 5, but only 4 subcategories can count"),
        ("needed = { 3 = 6, 4 = 6, 5 = 6 }", "needed = { 3 = 6, 4 = 6 }", r"\[needed\]: the key '5' is missing"),
        ("needed = { 3 = 6,", 'needed = { 3 = "6",', r"\[needed\]: 3 must be an integer from 0 to 1000"),
        ("needed = { 3 = 6,", "needed = { 3 = true,", r"\[needed\]: 3 must be an integer from 0"),
        ("needed = { 3 = 6, 4 = 6, 5 = 6 }", "needed = {}", r"it_infrastructure: needed is empty; write a number for every star"),
        ('id = "basic_business"', 'id = "it_infrastructure"', "'it_infrastructure' is used twice or taken"),
        ('id = "basic_business"', 'id = "cpu_utilization"', "'cpu_utilization' is used twice or taken"),
        ('id = "basic_business"', 'id = "table"', "'table' is used twice or taken"),
        ('id = "basic_business"', 'id = "cloud_form"', "'cloud_form' is used twice or taken"),
        # figures
        ('unit = "%"', 'units = "%"', r"\[it_cost_reduction\]: unknown key 'units' \(did you mean unit\?\)"),
        ('unit = "%"\n', "", r"\[indicators\]: \[it_cost_reduction\]: the key 'unit' is missing"),
        ('{ 3 = "30", 4 = "30", 5 = "30" }', '{ 3 = 30, 4 = "30", 5 = "30" }', r'decimal in quotes, such as 3 = "30"'),
        ('{ 3 = "30", 4 = "30", 5 = "30" }', '{ 3 = "3e1", 4 = "30", 5 = "30" }', "3: '3e1' is not a plain decimal"),
        ('{ 3 = "30", 4 = "30", 5 = "30" }', '{ 3 = "不少于30", 4 = "30", 5 = "30" }', "'不少于30' is not a plain decimal"),
        ('{ 3 = "30", 4 = "30", 5 = "30" }', '{ 3 = "30", 4 = "30" }', "the key '5' is missing"),
        ('{ 3 = "30", 4 = "30", 5 = "30" }', '{ 2 = "30", 3 = "30", 4 = "30", 5 = "30" }', "unknown key '2'"),
        ('{ 3 = "30", 4 = "30", 5 = "30" }', '"30"', r"thresholds must be a table, written \[thresholds\]"),
        ('{ 3 = "30", 4 = "30", 5 = "30" }', '{ 3 = "30", 4 = "30", 5 = "100.1" }', "5 is 100.1 %; a share is at most 100 %"),
        ('{ 3 = "30", 4 = "30", 5 = "30" }', "{}", r"\[indicators\.it_cost_reduction\]: thresholds is empty; write a number"),
        ('periods = { 3 = "not-stated"', 'periods = { 3 = "week"', "3 is 'week'; write one of month, not-stated, year"),
        ('periods = { 3 = "month", 4 = "month", 5 = "month" }', "periods = {}", r"\[periods\]: the key '3' is missing"),
        ('aggregation = "declared"', 'aggregation = "mean"', "aggregation is 'mean'; write one of"),
        ("months = 1\n", "months = 0\n", "months must be an integer from 1 to 12, such as months = 12"),
        ("months = 1\n", "months = 13\n", "months must be an integer from 1 to 12"),
        ('combine = "pooled"', 'combine = "mean"', "combine is 'mean'; write one of every_month, pooled"),
        ('missing = "bounds/1"', 'missing = "zero"', "missing is 'zero'; write one of bounds/1"),
        ('coverage_gate = "0.9"', 'coverage_gate = "0"', 'coverage_gate is 0; write a share above 0 and at most 1, such as "0.9"'),
        ('coverage_gate = "0.9"', 'coverage_gate = "90"', "coverage_gate is 90; write a share above 0"),
        ('coverage_gate = "0.9"', "coverage_gate = 0.9", "coverage_gate must be a decimal in quotes"),
        ('substitution = "scope"', 'substitution = "always"', "substitution is 'always'; write one of none, scope"),
        # the rest
        ('id = "business_licence"', 'id = "public_cloud_contract"', r"\[\[attachments\]\]: 'public_cloud_contract' is used twice"),
        ("months = [4, 9]", "months = [4, 13]", r"\[application\]: months must be a list of integers from 1 to 12"),
        ("months = [4, 9]", "months = [0, 9]", "months must be a list of integers from 1 to 12"),
        ("months = [4, 9]", "months = [9, 4]", "each once and in order"),
        ("months = [4, 9]", "months = [9, 9]", "each once and in order"),
        ("months = [4, 9]", "months = []", r"such as months = \[1, 12\]"),
        ("months = [4, 9]", "months = 4", r"such as months = \[1, 12\]"),
        ("months = [4, 9]", 'months = ["4"]', r"such as months = \[1, 12\]"),
        ("first_year = 2018", "first_year = 1999", "first_year must be an integer from 2000 to 2099"),
        ("last_year = 2020", "last_year = 2017", "last_year 2017 is before first_year 2018; both are included"),
        ('thresholds = { 3 = "5", 4 = "10"', 'thresholds = { 3 = "15", 4 = "10"', r"\[indicators.cpu_utilization\] thresholds fall"),
        ("needed = { 3 = 3, 4 = 4", "needed = { 3 = 5, 4 = 4", r"basic_business needed fall from a lower star"),
        ('unit = "%"', 'unit = "％"', 'write unit = "%"'),
        ("[form]\ntitle =", "[form]\ntitel =", r"\[form\]: unknown key 'titel' \(did you mean title\?\)"),
        ("footnotes = [", "footnotes = 1 # [", "footnotes must be a list of texts"),
        # what is not known
        ("complete = true", "complete = false", r"complete is false; say in at least one \[\[unknown\]\]"),
    ],
)  # fmt: skip
def test_a_faulty_edition_is_refused_with_its_place(old, new, message):
    with pytest.raises(EditionError, match=message):
        parse_edition(bent(old, new))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("complete = true", "complete = true", r"complete is true, yet there is \[\[unknown\]\]; write complete = false"),
        ('about = "table"', 'about = "cpu"', r"about 'cpu': no criterion and no figure has this id"),
        ('about = "table"', 'about = "core_busines"', r"\(did you mean core_business\?\); write such an id, or \"table\""),
        ('about = "table"', 'about = "compute"', "about 'compute': no criterion"),
        ('zh = "未知"', "", r"\[\[unknown\]\] number 1: the key 'zh' is missing"),
    ],
)  # fmt: skip
def test_a_faulty_statement_of_what_is_unknown_is_refused(old, new, message):
    with pytest.raises(EditionError, match=message):
        parse_edition(bent(old, new, FILE.decode() + UNKNOWN.format("table")))


def test_numbers_are_not_excused_by_an_unknown_about_something_else():
    text = bent("complete = true", "complete = false").decode() + UNKNOWN.format("table")
    with pytest.raises(EditionError, match=r"write a number for every star, or about = 'cpu_utilization'"):
        parse_edition(bent('{ 3 = "5", 4 = "10", 5 = "25" }', "{}", text))


def test_an_edition_without_stars_is_refused():
    text = MINIMAL.split("stars =", maxsplit=1)[0] + "stars = []"
    with pytest.raises(EditionError, match="stars is empty; write at least one"):
        parse_edition(text.encode())


def test_a_footnote_without_a_form_is_refused():
    row = COMPUTE_ROW.replace(" }", ', footnote = "1" }')
    with pytest.raises(EditionError, match="no footnote '1'; write its number among the 0 footnotes"):
        parse_edition(bent("rows = []", f"rows = [{row}]", MINIMAL))


def test_a_subcategory_of_another_category_is_another_one():
    other = COMPUTE_ROW.replace('"compute"', '"again"').replace("基础业务上云", "核心业务上云")
    text = MINIMAL.replace("rows = []", f"rows = [{COMPUTE_ROW}, {other}]").replace(
        "criteria = []",
        'criteria = [{ id = "c", name_zh = "c", name_en = "c", rows = ["compute", "again"], '
        'count = "subcategories", needed = { 1 = 2 } }]',
    )
    edition = parse_edition(text.encode())
    assert edition.countable(edition.criteria[0]) == 2


def test_bytes_that_are_no_text_are_refused():
    with pytest.raises(EditionError, match="UTF-8"):
        parse_edition(b"\xff\xfe")


def test_a_file_that_is_too_long_is_refused():
    with pytest.raises(EditionError, match="at most"):
        parse_edition(b"#" * (4 * 1024 * 1024 + 1))


def test_a_list_that_is_too_long_is_refused():
    with pytest.raises(EditionError, match="regions must be a list of texts"):
        parse_edition(("regions = [" + '"x",' * (MAX_ENTRIES + 1) + "]" + MINIMAL).encode())


def keys(value):
    """Every key of a document, but for stars and ids, which are names."""
    if isinstance(value, list):
        return {key for item in value for key in keys(item)}
    if not isinstance(value, dict):
        return set()
    return set(value) | {key for item in value.values() for key in keys(item)}


@pytest.mark.parametrize("name", ["edition-format.md", "edition-format.zh-CN.md"])
def test_every_key_of_an_edition_is_documented(name):
    text = (ROOT / "docs" / name).read_text(encoding="utf-8")
    edition = parse_edition(FILE)
    used = keys(tomllib.loads(FILE.decode())) | {"unknown", "about", "zh", "en"}
    for key in used - set(edition.star_ids) - {rule.id for rule in edition.rules}:
        assert f"`{key}`" in text or f"`[{key}]`" in text or f"`[[{key}]]`" in text or f"[{key}." in text, key
    for value in (
        *AGGREGATIONS,
        *PERIODS,
        *COMBINATIONS,
        *SUBSTITUTIONS,
        *CLOUD_FORMS,
        *KINDS,
        *COUNTS,
        IT_SERVICE,
    ):
        assert f'"{value}"' in text, value
