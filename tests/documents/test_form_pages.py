"""The form as a word processor draws it: A4, no empty page, every word there, no boxes for Chinese."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import dataclass, replace
from pathlib import Path

import form_inputs
import pytest
import word_files

from documents.form import form_docx
from verifier.profile import DeclaredRow, Profile

PROGRAMS = ("soffice", "pdfinfo", "pdftotext", "pdffonts", "pdftoppm", "fc-list")
ABSENT = [name for name in PROGRAMS if shutil.which(name) is None]
TIMEOUT_S = 120
A4_POINTS = (595, 842)
WHITE = 255

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(ABSENT), reason=f"not installed here: {', '.join(ABSENT)}"),
]


@dataclass(frozen=True)
class Drawn:
    """A PDF file and the text of each of its pages, without blanks."""

    path: Path
    pages: tuple[str, ...]


def run(*command: str) -> bytes:
    return subprocess.run(command, capture_output=True, check=True, timeout=TIMEOUT_S).stdout


def draw(data: bytes, folder: Path) -> Drawn:
    source = folder / "form.docx"
    source.write_bytes(data)
    run(
        "soffice",
        f"-env:UserInstallation={(folder / 'soffice').as_uri()}",
        "--headless",
        "--convert-to",
        "pdf",
        "--outdir",
        str(folder),
        str(source),
    )
    path = folder / "form.pdf"
    text = run("pdftotext", "-layout", str(path), "-").decode()
    *pages, rest = text.split("\f")
    assert not rest
    return Drawn(path, tuple(squeezed(page) for page in pages))


def squeezed(text: str) -> str:
    return "".join(text.split())


def form(profile: Profile) -> bytes:
    return form_docx(
        edition=form_inputs.EDITION,
        profile=profile,
        figures=form_inputs.figures_document(),
        verdict=form_inputs.verdict_document(),
    )


def ink(page: bytes) -> list[bytes]:
    """Return the rows of a grey picture (PGM) that are not all white."""
    magic, size, most, pixels = page.split(b"\n", 3)
    assert (magic, most) == (b"P5", b"255")
    width = int(size.split()[0])
    rows = (pixels[start : start + width] for start in range(0, len(pixels), width))
    return [line for line in rows if min(line) < WHITE]


@pytest.fixture(scope="module")
def full() -> bytes:
    return form(form_inputs.full_profile())


@pytest.fixture(scope="module")
def drawn(full: bytes, tmp_path_factory: pytest.TempPathFactory) -> Drawn:
    return draw(full, tmp_path_factory.mktemp("form"))


def test_the_form_has_six_pages_of_a4(drawn: Drawn) -> None:
    said = run("pdfinfo", "-f", "1", "-l", "99", str(drawn.path)).decode()
    sizes = re.findall(r"Page +\d+ size: +([\d.]+) x ([\d.]+)", said)
    assert [(round(float(width)), round(float(height))) for width, height in sizes] == [A4_POINTS] * 6
    assert len(drawn.pages) == 6


def test_cover_instructions_application_and_appendix_begin_their_pages(drawn: Drawn) -> None:
    starts = (
        "星级上云企业评定申请表",
        "填表说明",
        "中文名称",
        None,
        "附表：企业上云业务及绩效表",
        "是否上云",
    )
    for page, start in zip(drawn.pages, starts, strict=True):
        assert start is None or start in page[:60]


def test_every_page_but_the_cover_bears_its_number(drawn: Drawn) -> None:
    assert [re.findall(r"第(\d+)页$", page) for page in drawn.pages] == [
        [],
        ["2"],
        ["3"],
        ["4"],
        ["5"],
        ["6"],
    ]


def test_the_appendix_repeats_its_heading_where_it_goes_on(drawn: Drawn) -> None:
    for page in drawn.pages[4:]:
        assert page.count("/综合绩效") == 1
        assert "子域" in page


def test_every_character_of_the_form_is_drawn(full: bytes, drawn: Drawn) -> None:
    written = set("".join(word_files.root(full).itertext("{*}t")))
    text = "".join(drawn.pages)
    assert {character for character in written if not character.isspace()} - set(text) == set()
    labels = [cell.text for table in word_files.tables(full) for row in table for cell in row]
    for label in labels:
        if label.isprintable() and 0 < len(label) <= 4:
            assert squeezed(label) in text, label


def test_telephone_numbers_and_the_address_stay_on_one_line(drawn: Drawn) -> None:
    contact = form_inputs.full_profile().applicant.contact
    for text in (contact.office_phone, contact.mobile, contact.fax, contact.email):
        assert text in drawn.pages[2], text


def test_no_page_is_empty_and_nothing_runs_over_the_edge(drawn: Drawn) -> None:
    for number in range(1, 1 + len(drawn.pages)):
        page = run("pdftoppm", "-gray", "-r", "50", "-f", str(number), "-l", str(number), str(drawn.path))
        rows = ink(page)
        assert len(rows) > 40, number
        # 10 mm at 50 dots an inch
        assert all(set(row[:20]) == set(row[-20:]) == {WHITE} for row in rows), number


def test_the_fonts_are_in_the_file_and_know_chinese(drawn: Drawn) -> None:
    chinese = set(
        run("fc-list", ":lang=zh-cn", "postscriptname").decode().replace(":postscriptname=", "").split()
    )
    if not chinese:
        pytest.skip("no Chinese font is installed here")
    lines = run("pdffonts", str(drawn.path)).decode().splitlines()[2:]
    assert lines
    for line in lines:
        assert re.search(r" yes (yes|no ) (yes|no ) +\d+ +\d+$", line), line
    names = [line.split()[0].partition("+")[2] for line in lines]
    assert [name for name in names if any(name.startswith(known) for known in chinese)], names


def test_long_texts_flow_over_pages_and_lose_nothing(tmp_path: Path) -> None:
    sentences = "\n".join(f"第{number}项业务已经迁移到云上并持续使用。" for number in range(1, 121))
    profile = form_inputs.full_profile()
    applicant = replace(
        profile.applicant,
        name="很长的企业名称" * 20,
        registered_address="江苏省苏州市" * 50 + "门牌末",
        website="https://" + "example-" * 30 + "end",
    )
    long = replace(
        profile,
        applicant=applicant,
        scope_summary=sentences,
        performance_summary=sentences.replace("业务", "绩效"),
        rows={"other": DeclaredRow("other", text="其他业务，" * 300 + "其他末")},
    )
    drawn = draw(form(long), tmp_path)
    text = "".join(drawn.pages)
    assert len(drawn.pages) > 10
    assert all(page for page in drawn.pages)
    for number in range(1, 121):
        assert text.count(f"第{number}项业务已经迁移到云上并持续使用。") == 1
        assert text.count(f"第{number}项绩效已经迁移到云上并持续使用。") == 1
    assert "门牌末" in text
    assert "其他末" in text
    assert text.count("其他业务") >= 200
    assert "法人代表（签字）" in text
    assert drawn.pages[-1].endswith(f"注1：只适用于信息技术服务企业。第{len(drawn.pages)}页")
