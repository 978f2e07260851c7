"""Where the font of a PDF comes from, tried with the fonts of this machine."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from shutil import which

import pytest
import typst

from documents.errors import FontError
from documents.fonts import FAMILIES, PACKAGES, VARIABLE, Font, draws_chinese, find_font

BARE = typst.Fonts(include_system_fonts=False, include_embedded_fonts=True)  # as on a machine without fonts
NOTHING: dict[str, str] = {}


def chinese_files() -> list[Path]:
    infos = typst.Fonts(include_embedded_fonts=False).fonts()
    return sorted({Path(info.path) for info in infos if info.path and info.family in FAMILIES})


FILES = chinese_files()
needs_font = pytest.mark.skipif(
    not FILES, reason="no font with simplified Chinese on this machine (fonts-noto-cjk)"
)


@needs_font
def test_the_systems_font_is_found_by_its_name():
    font = find_font(environment=NOTHING)
    assert font.family in FAMILIES
    assert font.origin == "system"
    assert font.folders == ()
    assert draws_chinese(font)


@needs_font
@pytest.mark.skipif(not any(path.suffix == ".ttc" for path in FILES), reason="no font collection (TTC) here")
def test_of_a_collection_the_face_for_simplified_chinese_is_taken(tmp_path):
    collection = next(path for path in FILES if path.suffix == ".ttc" and "Sans" in path.name)
    font = find_font(str(collection), environment=NOTHING, system=BARE)
    assert font.family.endswith("SC")
    assert font.origin == "configured"
    # The embedded face is the SC one, not the JP face that comes first in the file.
    source = b"#set text(font: sys.inputs.family, fallback: false)\n#sys.inputs.words"
    pdf = typst.compile(
        source, sys_inputs={"family": font.family, "words": "骨直"}, font_paths=list(font.folders)
    )
    if which("pdffonts") is None:
        pytest.skip("pdffonts (poppler-utils) is not installed")
    (tmp_path / "face.pdf").write_bytes(pdf)
    shown = subprocess.run(
        ["pdffonts", tmp_path / "face.pdf"], capture_output=True, text=True, check=True
    ).stdout
    assert re.search(r"CJKsc|CJK-SC|SC-", shown), shown
    assert "CJKjp" not in shown


@needs_font
def test_a_file_a_folder_and_a_family_can_be_named():
    for wanted in (str(FILES[0]), str(FILES[0].parent)):
        font = find_font(wanted, environment=NOTHING, system=BARE)
        assert font.folders == (str(FILES[0].parent.resolve()),)
        assert draws_chinese(font)
    family = find_font(environment=NOTHING).family
    assert find_font(family, environment=NOTHING) == Font(family, (), "configured")


@needs_font
def test_the_argument_comes_before_the_environment_and_both_before_the_system():
    environment = {VARIABLE: str(FILES[0])}
    assert find_font(environment=environment).folders == (str(FILES[0].parent.resolve()),)
    other = FILES[-1]
    named = find_font(str(other), environment={VARIABLE: "/nowhere/font.ttf"})
    assert named.folders == (str(other.parent.resolve()),)


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ("/nowhere/font.ttf", "does not exist"),
        ("font.otf", "does not exist"),
        ("No Such Family", "no font family 'No Such Family' is installed"),
    ],
)
def test_what_was_asked_for_and_is_not_there_is_an_error_that_says_what_to_do(wanted, message):
    with pytest.raises(FontError, match=message) as caught:
        find_font(wanted, environment=NOTHING)
    assert "fonts-noto-cjk" in str(caught.value)
    assert "HTML report needs no font" in str(caught.value)


def test_a_font_without_chinese_is_refused_even_when_asked_for(tmp_path):
    latin = next(
        (
            info
            for info in typst.Fonts().fonts()
            if info.path and "CJK" not in info.family and "DejaVu" in info.family
        ),
        None,
    )
    if latin is None:
        pytest.skip("no font file without Chinese on this machine (fonts-dejavu)")
    (tmp_path / Path(latin.path).name).write_bytes(Path(latin.path).read_bytes())
    for wanted in (str(tmp_path), str(next(tmp_path.iterdir())), latin.family):
        with pytest.raises(FontError, match="no font that shows simplified Chinese"):
            find_font(wanted, environment=NOTHING)


def test_an_empty_folder_and_a_file_that_is_no_font_are_refused(tmp_path):
    with pytest.raises(FontError, match="no font that shows"):
        find_font(str(tmp_path), environment=NOTHING)
    (tmp_path / "font.ttf").write_bytes(b"this is no font")
    with pytest.raises(FontError, match="no font that shows"):
        find_font(str(tmp_path / "font.ttf"), environment=NOTHING)


def test_without_any_font_the_error_says_what_to_install():
    with pytest.raises(FontError, match=r"starproof\[fonts\]") as caught:
        find_font(environment=NOTHING, system=BARE, packages=())
    assert caught.value.code == "FONT"


@needs_font
def test_a_font_package_is_used_where_the_system_has_no_font(tmp_path, monkeypatch):
    package = tmp_path / "star_test_font"
    package.mkdir()
    (package / "__init__.py").write_text("raise RuntimeError('a font package is never imported')\n")
    os.symlink(FILES[0], package / FILES[0].name)
    monkeypatch.syspath_prepend(str(tmp_path))
    font = find_font(environment=NOTHING, system=BARE, packages=("no_such_package", "sys", "star_test_font"))
    assert font.origin == "package"
    assert font.folders == (str(package),)
    assert draws_chinese(font)
    assert "star_test_font" not in sys.modules


def test_a_font_package_without_a_font_leads_to_the_error(tmp_path, monkeypatch):
    (tmp_path / "star_empty_font").mkdir()
    (tmp_path / "star_empty_font" / "__init__.py").write_text("")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(FontError, match="was found"):
        find_font(environment=NOTHING, system=BARE, packages=("star_empty_font",))


def test_the_extra_fonts_installs_the_package_that_is_looked_for_first():
    project = (Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8")
    assert f'fonts = ["{PACKAGES[0].replace("_", "-")}' in project


def test_a_family_that_draws_no_chinese_is_not_believed():
    assert not draws_chinese(Font("Libertinus Serif"))
    assert not draws_chinese(Font("no such family"))
