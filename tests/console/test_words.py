"""The words: both languages everywhere, every key that a template or an endpoint asks for."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from console_examples import MONTH, STREAMS, address

import console
from console.access.roles import Role
from console.language import merged
from console.pages import TABLE, WORDS
from console.reading.attention import CODES
from console.words import COMMON

HERE = Path(console.__file__).parent
ALL = merged((COMMON, *WORDS))
CHINESE = re.compile(r"[\u4e00-\u9fff]")
"""Chinese that may stand on an English page: names of the enterprise and the language switch."""


def test_every_key_has_words_in_both_languages():
    for key, (zh, en) in ALL.items():
        assert CHINESE.search(zh) or key in ("site.language", "site.language_label"), key
        assert not CHINESE.search(en) or key in ("site.language", "site.language_label"), key
        assert set(re.findall(r"{(\w+)}", zh)) == set(re.findall(r"{(\w+)}", en)), key


def test_every_key_that_is_asked_for_by_name_has_words():
    asked = set()
    for file in HERE.rglob("*"):
        if file.suffix in (".html", ".svg"):
            asked |= set(re.findall(r"""\bt\(\s*"([\w.]+)"\s*[,)]""", file.read_text("utf-8")))
        elif file.suffix == ".py":
            text = file.read_text("utf-8")
            asked |= set(re.findall(r"""(?:AccountError|Entry)\(\s*"([\w.]+)\"""", text))
            asked |= set(re.findall(r"""(?:Refusal\(\d+,|said=)\s*"([\w.]+)\"""", text))
    assert len(asked) > 60
    assert asked - {"things.title", "things.added_done"} <= ALL.keys()  # the example in the docstring


def test_every_matter_that_needs_attention_says_what_to_do():
    for code in CODES:
        assert {f"matter.{code}", f"matter.{code}.how"} <= ALL.keys()


def test_words_are_defined_once():
    with pytest.raises(ValueError, match=r"site\.title"):
        merged((COMMON, {"site.title": ("", "")}))


def test_an_english_page_says_nothing_in_chinese_but_names(signed_in):
    """What was forgotten would show, full-width marks too: every page is read in English, names are taken out."""
    browser = signed_in(Role.ADMINISTRATOR)
    browser.post("/language", page="/account", language="en", next="/")
    try:
        for page in TABLE:
            if "GET" not in page.methods or page.path in STREAMS or page.path.endswith(".svg"):
                continue
            if not page.is_page:
                continue
            text = browser.get(address(page), params={"month": MONTH}).text
            # What the enterprise or the guide wrote is Chinese, and says so to readers of the page.
            text = re.sub(r'<(\w+)\b[^>]*\blang="zh-CN"[^>]*>(?:[^<]*|.*?)</\1>', "", text, flags=re.DOTALL)
            text = re.sub(r'<(input|option)\b[^>]*\blang="zh-CN"[^>]*>', "", text)
            text = re.sub(
                r"<!--.*?-->|江苏示例精密机械有限公司|<b>星证</b>|中文|切换到中文", "", text, flags=re.DOTALL
            )
            found = re.search(r".{0,60}[\u3000-\u303f\u4e00-\u9fff\uff00-\uffef].{0,60}", text)
            assert not found, f"{page.path}: {found and found[0]}"
    finally:
        browser.post("/language", page="/account", language="zh", next="/")
