from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence import canonical
from evidence.errors import LimitExceededError, MalformedError, NotCanonicalError, OutOfRangeError

KEYS = st.from_regex(r"[a-z][a-z0-9_]{0,8}", fullmatch=True)
TEXTS = st.text(
    st.characters(blacklist_categories=("Cs",), blacklist_characters=[chr(code) for code in range(32)])
)
INTEGERS = st.integers(-(2**53) + 1, 2**53 - 1)
VALUES = st.recursive(
    TEXTS | INTEGERS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(KEYS, TEXTS | INTEGERS | st.lists(TEXTS | INTEGERS, max_size=3), max_size=5))
def test_what_is_encoded_is_decoded_again(document: dict[str, object]) -> None:
    assert canonical.decode(canonical.encode(document), limit=10**6) == document


@given(VALUES)
def test_whatever_can_be_encoded_is_decoded_again(value: object) -> None:
    try:
        data = canonical.encode({"a": value})
    except OutOfRangeError:
        return  # nested too deeply; `test_deep_nesting_is_refused` looks at that
    assert canonical.decode(data, limit=10**6) == {"a": value}


def test_keys_are_sorted_and_chinese_stays_readable() -> None:
    assert canonical.encode({"b": 1, "a": "星"}) == '{"a":"星","b":1}'.encode()


@pytest.mark.parametrize(
    "text",
    [
        '{"a":1,"a":2}',
        '{"a": 1}',
        '{"b":1,"a":1}',
        '{"a":1.0}',
        '{"a":1e3}',
        '{"a":-0}',
        '{"a":01}',
        '{"a":NaN}',
        '{"a":Infinity}',
        '{"a":9007199254740992}',
        '{"a":' + "9" * 5000 + "}",
        '{"a":true}',
        '{"a":null}',
        '{"a":"\\u0041"}',
        '{"a":"\\/"}',
        '{"a":"\\ud800"}',
        '{"a":"\\n"}',
        '{"A":1}',
        '{"":1}',
        '{"a":1}\n',
        '{"a":1}x',
        '\ufeff{"a":1}',
        "[1]",
        '"a"',
        "",
        "{",
    ],
)
def test_anything_but_the_one_form_is_refused(text: str) -> None:
    with pytest.raises(NotCanonicalError):
        canonical.decode(text.encode("utf-8", "surrogatepass"), limit=10**6)


def test_broken_utf8_is_refused() -> None:
    with pytest.raises(NotCanonicalError):
        canonical.decode(b'{"a":"\xff"}', limit=100)


def test_long_documents_are_refused_before_they_are_read() -> None:
    with pytest.raises(LimitExceededError, match="limit is 5"):
        canonical.decode(b"{      }", limit=5)


@pytest.mark.parametrize("depth", [canonical.MAX_DEPTH, 200_000])
def test_deep_nesting_is_refused(depth: int) -> None:
    with pytest.raises(MalformedError, match="nested deeper"):
        canonical.decode(b'{"a":' + b"[" * depth + b"1" + b"]" * depth + b"}", limit=10**6)


@pytest.mark.parametrize(
    "value",
    [1.5, True, None, b"x", 2**53, -(2**53), {"Key": 1}, {1: 1}, "a\x00", "\ud800", [[[[[[[[1]]]]]]]]],
)
def test_values_without_a_canonical_form_cannot_be_written(value: object) -> None:
    with pytest.raises(OutOfRangeError):
        canonical.encode({"a": value})
