"""The PDF report, read back with poppler's tools: standard, texts, attachment, fonts; never a leak."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from shutil import which

import pytest
import typst
from report_sample import DECLARED_VALUES, ENTERPRISE, HOSTS, attachment, named, report

from documents.errors import FontError, RenderError
from documents.fonts import Font, find_font
from documents.report import pdf as pdf_module
from documents.report import report_pdf
from documents.report.view import view
from verifier.proved import page_one

HOSTILE = "#panic() *x* $y$ \\\\ <script>"


def font_here() -> Font | None:
    try:
        return find_font(environment={})
    except FontError:
        return None


FONT = font_here()
pytestmark = pytest.mark.skipif(
    FONT is None, reason="no font with simplified Chinese on this machine (fonts-noto-cjk)"
)
needs_poppler = pytest.mark.skipif(
    any(which(name) is None for name in ("pdftotext", "pdfinfo", "pdfdetach", "pdffonts")),
    reason="poppler-utils is not installed",
)


def made(document, **given) -> bytes:
    return report_pdf(document, figures_json=attachment(document), font=FONT, **given)


def run(*command: object) -> bytes:
    return subprocess.run([str(part) for part in command], capture_output=True, check=True).stdout


def words(pdf: bytes, folder: Path) -> str:
    """Return the text of a PDF without blanks and soft breaks: by lines, then by columns."""
    path = folder / "read.pdf"
    path.write_bytes(pdf)
    text = run("pdftotext", "-layout", path, "-").decode() + run("pdftotext", path, "-").decode()
    return re.sub(r"[\s\u200b]+", "", text)


@pytest.fixture(scope="module")
def usual(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("usual") / "report.pdf"
    path.write_bytes(made(report()))
    return path


@needs_poppler
def test_the_text_holds_verdict_names_numbers_and_every_section(usual, tmp_path):
    document = report()
    text = words(usual.read_bytes(), tmp_path)
    shown = view(document, language="zh-CN")
    expected = [
        ENTERPRISE,
        "支持四星（含企业申报项）",
        "不是星级认定",
        "24.31%",
        "17.90–43.21",
        "28,417次/日",
        "27,966–无上限",
        *HOSTS,
        *(f"{value}" for value in DECLARED_VALUES.values()),
        *(f"{entry.number}{entry.title}" for entry in shown.sections),
        "机房供电检修，全部主机停机",
        "hostserp-1bandwidth_mbps：100→200",
        "2026-11-0703:10:00",
        *(point["zh"] for point in document["proved"] + document["not_proved"]),
        shown.hash,
    ]
    assert [part for part in expected if re.sub(r"\s", "", part) not in text] == []


@needs_poppler
def test_long_hashes_are_whole_although_they_break_over_lines(usual):
    text = re.sub(r"[\s\u200b]+", "", run("pdftotext", usual, "-").decode())
    document = report()
    for digest in document["hashes"].values():
        assert digest in text


@needs_poppler
def test_the_file_says_it_is_pdf_a_3b(usual):
    metadata = run("pdfinfo", "-meta", usual).decode()
    assert "<pdfaid:part>3</pdfaid:part>" in metadata
    assert "<pdfaid:conformance>B</pdfaid:conformance>" in metadata
    info = run("pdfinfo", usual).decode()
    assert "595.276 x 841.89 pts (A4)" in info
    assert re.search(r"JavaScript:\s+no", info)
    assert ENTERPRISE in info


@needs_poppler
def test_the_figures_file_comes_out_as_it_went_in(usual, tmp_path):
    assert b"1: figures.json" in run("pdfdetach", "-list", usual)
    run("pdfdetach", "-save", "1", "-o", tmp_path / "out.json", usual)
    assert (tmp_path / "out.json").read_bytes() == attachment(report())


@needs_poppler
def test_every_font_is_embedded_and_chinese_is_the_simplified_face(usual):
    lines = run("pdffonts", usual).decode().splitlines()[2:]
    assert lines
    for line in lines:
        assert re.search(r"\s(yes)\s+(yes)\s+(yes)\s+\d+\s+\d+$", line), line
    assert not any("CJKjp" in line for line in lines)


@needs_poppler
def test_every_page_has_its_number_the_enterprise_the_month_and_the_hash(usual):
    pages = run("pdftotext", "-layout", usual, "-").decode().split("\f")[:-1]
    digest = view(report(), language="zh-CN").hash
    for number, page in enumerate(pages, start=1):
        flat = re.sub(r"\s", "", page)
        assert f"第{number}页，共{len(pages)}页" in flat
        assert f"{ENTERPRISE}·2026-11" in flat
        assert digest in flat


@needs_poppler
@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"scope": False}, "未声明申报范围"),
        ({"profile": False}, "未支持任何星级"),
        ({"provisional": True}, "暂定：支持四星"),
        ({"complete": False}, "评定版本不完整，不判定星级"),
        ({"pass_all": True}, "支持五星（含企业申报项）"),
        ({"months": ("2026-10", "2026-11")}, "逐月"),
    ],
)
def test_every_variant_is_laid_out(given, expected, tmp_path):
    assert expected in words(made(report(**given)), tmp_path)


@needs_poppler
@pytest.mark.parametrize(("language", "key"), [("zh-CN", "zh"), ("en", "en")])
def test_everything_that_a_pack_can_never_prove_stands_on_page_one(language, key, tmp_path):
    sentences = page_one(agents=True, imports=True, declared=True)
    path = tmp_path / "report.pdf"
    path.write_bytes(made({**report(), **sentences}, language=language))
    first = re.sub(r"\s", "", run("pdftotext", "-l", "1", path, "-").decode())
    for point in (*sentences["proved"], *sentences["not_proved"]):
        assert re.sub(r"\s", "", point[key]) in first


@needs_poppler
def test_english_is_laid_out_in_english(tmp_path):
    text = words(made(report(), language="en"), tmp_path)
    assert "Supportsfourstars(declareditemsincluded)" in text
    assert "Page1of" in text
    assert "达标" not in text


@needs_poppler
def test_a_name_is_never_markup(tmp_path):
    text = words(made(named(HOSTILE)), tmp_path)
    assert re.sub(r"\s", "", HOSTILE) in text


@needs_poppler
def test_characters_that_no_font_has_are_shown_by_their_number(tmp_path):
    text = words(made(named("甲\U00012000乙\U000e0041丙\x07")), tmp_path)
    assert "甲" in text
    assert "乙\\U000e0041丙\\u0007" in text
    assert "\\U00012000" in text or "\U00012000" in text


def test_the_same_report_gives_the_same_bytes():
    assert made(report()) == made(report())


def test_the_time_of_making_is_the_reports_not_the_clocks():
    later = report()
    later["made_ms"] += 86_400_000
    assert b"2026-12-03" in made(report())
    assert b"2026-12-04" in made(later)


def test_a_figures_file_of_another_report_is_refused():
    other = report(profile=False, enterprise="别家")
    with pytest.raises(RenderError, match="not the one this report names"):
        report_pdf(report(), figures_json=attachment(other), font=FONT)


def test_without_a_font_given_the_environment_is_asked(monkeypatch):
    monkeypatch.setenv("STARPROOF_FONT", "/nowhere/font.ttf")
    with pytest.raises(FontError, match="does not exist"):
        report_pdf(report(), figures_json=attachment(report()))


def test_a_font_that_shows_too_little_is_an_error_not_a_loop(monkeypatch):
    bare = typst.Fonts(include_system_fonts=False)
    monkeypatch.setattr(pdf_module.typst, "Fonts", lambda **_: bare)
    monkeypatch.setattr(pdf_module, "TRIALS", 1)
    with pytest.raises(RenderError, match="lacks too many characters"):
        report_pdf(report(), figures_json=attachment(report()), font=Font("Libertinus Serif"))


def test_a_layout_that_fails_for_another_reason_says_why():
    with pytest.raises(RenderError, match="cannot be laid out"):
        pdf_module._compile({}, figures="", font=FONT, made_s=0)


def test_the_attachment_is_the_figures_document():
    assert json.loads(attachment(report()))["schema"] == "starproof/figures/1"


@needs_poppler
def test_a_row_of_a_table_is_never_divided_between_two_pages(tmp_path):
    document = report()
    criteria = document["verdict"]["criteria"]
    for number, criterion in enumerate(criteria):
        criterion["name_zh"] = "\n".join(f"第{number}项之{part}" for part in "一二三四五六七")
    path = tmp_path / "tall.pdf"
    path.write_bytes(made(document))
    pages = [re.sub(r"\s", "", page) for page in run("pdftotext", path, "-").decode().split("\f")]
    where = [
        [index for index, page in enumerate(pages) if f"第{n}项之一" in page] for n in range(len(criteria))
    ]
    assert len({index for found in where for index in found}) > 1  # the table goes over pages
    for number, found in enumerate(where):
        last = [index for index, page in enumerate(pages) if f"第{number}项之七" in page]
        assert set(found) == set(last)
