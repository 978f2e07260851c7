"""The HTML report: one file, escaped, complete, the same every time; and how it looks in a browser."""

from __future__ import annotations

import re
import subprocess
from dataclasses import asdict
from pathlib import Path
from shutil import which

import pytest
from lxml import html
from report_reading import SECTIONS, texts
from report_sample import ENTERPRISE, large, named, report

from documents.report import report_html
from documents.report.view import view

HOSTILE = "#panic() *x* $y$ \\\\ <script>alert(1)</script> \"'><img src=x onerror=alert(1)> {{ 7*7 }}"


def flat(text: str) -> str:
    return re.sub(r"\s+", "", text)


@pytest.mark.parametrize("language", ["zh-CN", "en"])
@pytest.mark.parametrize(
    "given",
    [{}, {"scope": False, "profile": False}, {"complete": False, "provisional": True}, {"pass_all": True}],
)
def test_every_text_of_the_view_stands_in_the_page(language, given):
    document = report(**given)
    page = html.document_fromstring(report_html(document, language=language))
    shown = flat(page.text_content())
    expected = asdict(view(document, language=language))
    attributes = {"kind", "tone", "align", "alt", "id", "language", "name"}

    def visible(value):
        if isinstance(value, dict):
            return {
                name: visible(item)
                for name, item in value.items()
                if name not in attributes or (name == "name" and "standing" in value)
            }
        if isinstance(value, (list, tuple)):
            return [visible(item) for item in value]
        return value

    del expected["page_words"]  # HTML has no pages
    expected["sections"] = [{**entry, "turn": "", "keep": ""} for entry in expected["sections"]]
    missing = [text for text in texts(visible(expected)) if flat(text) not in shown]
    assert missing == []


def test_the_page_has_all_sections_with_headings_tables_and_drawings():
    page = html.document_fromstring(report_html(report()))
    assert tuple(entry.get("id") for entry in page.xpath("//section[@id]")) == SECTIONS
    assert page.get("lang") == "zh-CN"
    assert page.findtext(".//title") == f"{ENTERPRISE} 星级上云计算报告 2026-11"
    assert page.xpath("//h1/text()") == [ENTERPRISE]
    assert [link.get("href") for link in page.xpath("//nav//a")] == [f"#{name}" for name in SECTIONS]
    assert len(page.xpath("//figure//*[local-name()='svg']")) == 3 + 1
    assert all(figure.get("aria-label") for figure in page.xpath("//figure"))
    assert len(page.xpath("//section[@id='criteria']//table[1]/tbody/tr")) >= 12


def test_numbers_stand_on_the_right_and_every_cell_names_its_column():
    page = html.document_fromstring(report_html(report()))
    for table in page.xpath("//table"):
        heads = [cell.text_content() for cell in table.xpath("./thead//th")]
        for row in table.xpath("./tbody/tr"):
            assert [cell.get("data-head") for cell in row.xpath("./td")] == heads
    overview = page.xpath("//section[@id='overview']//tbody/tr[3]/td")
    assert [cell.get("class") for cell in overview] == [
        "left",
        "right",
        "right",
        "right",
        "center",
        "center",
        "center",
    ]


def test_nothing_is_fetched_and_nothing_runs():
    page = report_html(report())
    tree = html.document_fromstring(page)
    assert tree.xpath("//script | //link | //iframe | //img | //object | //embed | //form | //base") == []
    assert tree.xpath("//@src | //@srcset | //@background | //@action") == []
    assert all(link.startswith("#") for link in tree.xpath("//@href | //@*[name()='xlink:href']"))
    assert [name for name in tree.xpath("//@*") if str(getattr(name, "attrname", "")).startswith("on")] == []
    style = "".join(tree.xpath("//style/text()"))
    assert "url(" not in style
    assert "@import" not in style
    policy = tree.xpath("//meta[@http-equiv='Content-Security-Policy']/@content")
    assert policy == ["default-src 'none'; style-src 'unsafe-inline'"]


def test_a_hostile_name_is_only_text():
    page = report_html(named(HOSTILE))
    tree = html.document_fromstring(page)
    assert tree.xpath("//script | //img") == []
    assert tree.xpath("//h1/text()") == [HOSTILE]
    assert "{{ 7*7 }}" in tree.text_content()
    assert "alert(1)</script>" not in page
    assert not [element for element in tree.iter() if any(name.startswith("on") for name in element.attrib)]


def test_hidden_characters_in_a_name_are_shown():
    tree = html.document_fromstring(report_html(named("星\u202e证\x07")))
    assert tree.xpath("//h1/text()") == ["星\\u202e证\\u0007"]


def test_the_same_report_gives_the_same_bytes():
    assert report_html(report()) == report_html(report())
    assert report_html(report(), language="en") == report_html(report(), language="en")


def test_no_two_elements_share_an_id():
    ids = html.document_fromstring(report_html(large(3))).xpath("//@id")
    assert len(ids) == len(set(ids))


FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--hide-scrollbars", "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip


@pytest.mark.slow
@pytest.mark.skipif(which("chromium") is None, reason="chromium is not installed")
@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("name", ["", "W" * 90])
def test_no_element_is_wider_than_the_window(tmp_path: Path, width, name):
    page = report_html(named(name) if name else report())
    # The report forbids scripts, so the frame around it measures; both are local files.
    (tmp_path / "report.html").write_text(page, encoding="utf-8")
    (tmp_path / "frame.html").write_text(
        f'<!doctype html><body style="margin:0"><iframe id="f" src="report.html" style="border:0;width:{width}px;height:900px"></iframe>'
        '<p id="out"></p><script>f.onload=()=>{const d=f.contentDocument.documentElement;'
        "out.textContent='wide '+d.scrollWidth+' of '+d.clientWidth}</script>",
        encoding="utf-8",
    )
    shown = subprocess.run(
        ["chromium", *FLAGS, "--allow-file-access-from-files", f"--user-data-dir={tmp_path}/profile", "--virtual-time-budget=5000",
         f"--window-size={max(width, 500)},1000", "--dump-dom", f"file://{tmp_path}/frame.html"],
        capture_output=True, text=True, check=True, timeout=120,
    ).stdout  # fmt: skip
    found = re.search(r"wide (\d+) of (\d+)", shown)
    assert found, shown[-500:]
    assert int(found.group(1)) <= int(found.group(2)) == width
