from __future__ import annotations

import hashlib
from fractions import Fraction

import pytest

from config import EDITIONS
from verifier import editions
from verifier.edition_file import parse_edition
from verifier.errors import EditionError

FILE = (EDITIONS / "jiangsu-2018-trial.toml").read_bytes()


def bent(old, new):
    text = FILE.decode()
    assert old in text
    return text.replace(old, new, 1).encode()


def test_the_thresholds_are_those_of_the_guide():
    edition = editions.load_edition()
    found = {rule.id: tuple(rule.threshold(star) for star in edition.star_ids) for rule in edition.rules}
    assert found == {
        "it_cost_reduction": (30, 30, 30),
        "monthly_user_rate": (30, 50, 80),
        "cpu_utilization": (5, 10, 25),
        "bandwidth_utilization": (30, 40, 50),
        "daily_reads_writes": (1000, 10000, 50000),
        "cloud_investment": (5, 50, 400),
    }


def test_the_wording_of_the_guide_is_kept():
    rules = {rule.id: rule for rule in editions.load_edition().rules}
    assert rules["bandwidth_utilization"].name_zh == "业务主机宽带使用率"
    assert rules["cloud_investment"].periods == {"3": "year", "4": "year", "5": "not-stated"}
    assert rules["cloud_investment"].note_zh


def test_an_edition_is_named_by_the_hash_of_its_file():
    assert parse_edition(FILE).sha256 == hashlib.sha256(FILE).hexdigest()


def test_every_edition_that_ships_can_be_read():
    for edition_id in editions.edition_ids():
        assert editions.load_edition(edition_id).id == edition_id


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
    assert edition.rules[2].threshold("3") == Fraction(51, 10)


def test_notes_may_be_left_out():
    lines = [line for line in FILE.decode().splitlines() if not line.startswith("note_")]
    assert {rule.note_zh + rule.note_en for rule in parse_edition("\n".join(lines).encode()).rules} == {""}


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("schema =", "shema =", r"edition: unknown key 'shema' \(did you mean schema\?\)"),
        (
            'schema = "starproof/edition/2"',
            'schema = "starproof/edition/1"',
            "write one of starproof/edition/2",
        ),
        ("place =", "# place =", "the key 'place' is missing"),
        ('place = "江苏省"', 'place = " "', "place must be a text"),
        ("complete = true", 'complete = "yes"', "complete must be true or false, without quotes"),
        ("[indicators.cpu_utilization]", "[indicators.cpu_utilisation]", "did you mean cpu_utilisation"),
        ('unit = "%"', 'units = "%"', r"\[it_cost_reduction\]: unknown key 'units' \(did you mean unit\?\)"),
        (
            '{ 3 = "30", 4 = "30", 5 = "30" }',
            '{ 3 = 30, 4 = "30", 5 = "30" }',
            r'decimal in quotes, such as 3 = "30"',
        ),
        (
            '{ 3 = "30", 4 = "30", 5 = "30" }',
            '{ 3 = "3e1", 4 = "30", 5 = "30" }',
            "3: '3e1' is not a plain decimal",
        ),
        ('{ 3 = "30", 4 = "30", 5 = "30" }', '{ 3 = "30", 4 = "30" }', "the key '5' is missing"),
        ('{ 3 = "30", 4 = "30", 5 = "30" }', '"30"', r"thresholds must be a table, written \[thresholds\]"),
        ('aggregation = "declared"', 'aggregation = "mean"', "aggregation is 'mean'; write one of"),
        ('periods = { 3 = "not-stated"', 'periods = { 3 = "week"', "3 is 'week'; write one of"),
        ("schema =", "schema", "not a TOML file in UTF-8"),
    ],
)
def test_a_faulty_edition_is_refused_with_its_place(old, new, message):
    with pytest.raises(EditionError, match=message):
        parse_edition(bent(old, new))


def test_bytes_that_are_no_text_are_refused():
    with pytest.raises(EditionError, match="UTF-8"):
        parse_edition(b"\xff\xfe")


def test_a_file_that_is_too_long_is_refused():
    with pytest.raises(EditionError, match="at most"):
        parse_edition(b"#" * (4 * 1024 * 1024 + 1))
