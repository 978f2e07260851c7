"""TOML that somebody else wrote: bounded before it is parsed, and every refusal is one short line."""

from __future__ import annotations

from decimal import Decimal

import pytest
from standalone import alone

from verifier import toml_table, toml_text
from verifier.errors import ScopeError


def load(data: bytes):
    return toml_text.parse(data, what="scope", error=ScopeError)


def test_a_byte_order_mark_is_no_mistake():
    assert load(b"\xef\xbb\xbfx = 1.50") == {"x": Decimal("1.50")}


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"x = 1e99999999999999999999", "an exponent that nothing here can have"),
        (b"x = 0." + b"1" * 100, "a number of 102 characters"),
        (b"a." * 20_000 + b"a = 1", "a key with more than 50 parts"),
        (b"x = { " + b"'a' . " * 60 + b"a = 1 }", "a key with more than 50 parts"),
        (b"[" + b"a.b" * 100 + b"]", "a key with more than 50 parts"),
        (b"x = " + b"[" * 50_000, "too deep in one another"),
        ("x = 1\ny = '示例'".encode("gbk"), r"line 2 has other bytes; save it as UTF-8"),
        (b"[documents]\na = 1\n[documents]\nb = 1", r"twice.*written \[\[name\]\]"),
        (b"x = ", "not a TOML file in UTF-8"),
        (b"x" * (toml_text.MAX_FILE_BYTES + 1), "at most 4194304 are read"),
    ],
)
def test_what_cannot_be_read_is_refused_in_one_line(data, message):
    with pytest.raises(ScopeError, match=message) as refused:
        load(data)
    assert len(str(refused.value)) < 400


def test_a_long_word_is_read_once_and_not_again_from_each_of_its_letters():
    data = b"a = 1 # " + b"a" * 1_000_000
    assert load(data) == alone.read_toml(data) == {"a": 1}


def test_addresses_versions_and_prose_are_no_dotted_keys():
    prose = "url = 'https://a.b.c.d.example/1.2.3.4.5.6.7.8.9'\nnote = '" + "好…… 等等。" * 100 + "'\n"
    assert load(prose.encode())["url"].endswith("9")


@pytest.mark.parametrize(
    ("value", "shows"),
    [("0x" + "f" * 5_000, "a int too large to show"), ("'" + "x" * 1_000 + "'", "…")],
)
def test_a_wrong_value_is_shown_in_short(value, shows):
    table = toml_table.load(f"sources = [{value}]".encode(), what="scope", error=ScopeError)
    with pytest.raises(ScopeError) as refused:
        table.choices("sources", ["agent", "import"])
    assert shows in str(refused.value)
    assert len(str(refused.value)) < 200


def test_an_unknown_key_of_a_thousand_characters_is_shown_in_short():
    table = toml_table.load(b"k" * 1_000 + b" = 1", what="scope", error=ScopeError)
    with pytest.raises(ScopeError) as refused:
        table.allow(["hosts"])
    assert len(str(refused.value)) < 120


def test_a_choice_that_is_no_text_is_told_to_be_quoted():
    table = toml_table.load(b"star = 4", what="profile", error=ScopeError)
    with pytest.raises(ScopeError, match='star must be one of "3", "4", in quotes'):
        table.choice("star", ["3", "4"])


def test_a_number_that_is_no_number_is_told_what_to_write():
    table = toml_table.load(b"value = '35 %'\nmbps = 0x" + b"f" * 5_000, what="profile", error=ScopeError)
    with pytest.raises(ScopeError, match='write it in quotes and without a unit, value = "30"'):
        table.decimal("value")
    with pytest.raises(ScopeError, match="mbps must be a number above 0"):
        table.positive("mbps", most=1_000)
