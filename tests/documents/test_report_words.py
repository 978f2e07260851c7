"""The words of the report in both languages."""

from __future__ import annotations

import re
import string
from pathlib import Path

import pytest
from report_sample import VERDICTS

import documents.report
from documents.errors import RenderError
from documents.report.phrases import Phrases
from documents.report.words import CHINESE_WORDS, ENGLISH_WORDS


def test_both_languages_have_the_same_words_and_none_is_empty():
    assert set(CHINESE_WORDS) == set(ENGLISH_WORDS)
    assert all(CHINESE_WORDS.values())
    assert all(ENGLISH_WORDS.values())


def test_both_languages_fill_in_the_same_values():
    def fields(text: str) -> set[str | None]:
        return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}

    differing = [name for name in CHINESE_WORDS if fields(CHINESE_WORDS[name]) != fields(ENGLISH_WORDS[name])]
    assert differing == []


def test_there_is_no_chinese_in_the_english_words():
    assert [text for text in ENGLISH_WORDS.values() if re.search(r"[\u4e00-\u9fff“”]", text)] == []


def test_every_word_is_used_by_the_report():
    source = "".join(
        path.read_text()
        for path in Path(documents.report.__file__).parent.glob("*.py")
        if not path.name.startswith("words")
    )
    prefixes = (
        "verdict_",
        "standing_",
        "reason_",
        "unit_",
        "aggregation_",
        "combine_",
        "capacity_",
        "form_",
        "field_",
        "hash_",
        "asked_",
        "application_",
        "section_",
        "clock_state_",
        "metric_",
        "traffic_",
        "within_",
        "purpose_",
        "paid_window_by_",
        "entry_",
        "people_",
        "data_",
        "anchor_",
        "anchors_state_",
        "anchors_rules_",
    )
    unused = [
        name
        for name in CHINESE_WORDS
        if not name.startswith(prefixes)
        and f'"{name}"' not in source
        and f"{name.rsplit('_', 1)[0]}_" not in source
    ]
    assert [
        name for name in unused if name not in ("observed", "bridged", "downtime", "excluded", "missing")
    ] == []


@pytest.mark.parametrize(
    ("verdict", "word"), list(zip(VERDICTS, ("达标", "不达标", "无法判定", "无数据", "已申报"), strict=True))
)
def test_the_verdicts_are_the_words_of_the_house(verdict, word):
    assert Phrases("zh-CN").verdict(verdict).text == word


def test_a_code_without_a_word_is_shown_as_it_is_and_never_looks_like_a_pass():
    cell = Phrases("en").verdict("MAYBE\u202e")
    assert cell.text == "MAYBE\\u202e"
    assert cell.tone == "unsure"


def test_an_unknown_language_is_refused():
    with pytest.raises(RenderError, match="write zh-CN or en"):
        Phrases("fr")


def test_braces_in_a_value_are_only_braces():
    assert Phrases("en")("footer", enterprise="{month}", month="2026-11") == "{month} · 2026-11"
