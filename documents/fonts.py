"""Which font draws Chinese in a PDF: the one asked for, the system's, or one from a font package.

(1) configured: a file, a folder or a family, as an argument or in ``STARPROOF_FONT``; nothing else is
    then tried, because somebody chose it; (2) the system's fonts, by the names of families that are
    known to cover simplified Chinese; (3) an installed font package; (4) an error that says what to
    do. Whatever is found has to draw a Chinese line before it is believed. In a collection (TTC) the
    family decides which face is taken, so the SC faces stand first.

HTML needs none of this: the reader's browser has fonts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import typst

from documents.errors import FontError

VARIABLE = "STARPROOF_FONT"
FAMILIES = (
    "Noto Sans CJK SC",
    "Noto Sans SC",
    "Source Han Sans SC",
    "Source Han Sans CN",
    "PingFang SC",
    "Hiragino Sans GB",
    "Microsoft YaHei",
    "DengXian",
    "WenQuanYi Micro Hei",
    "WenQuanYi Zen Hei",
    "SimHei",
    "Noto Serif CJK SC",
    "Noto Serif SC",
    "Source Han Serif SC",
    "SimSun",
    "NSimSun",
    "FangSong",
    "KaiTi",
)
"""Families with simplified Chinese, the best to read first."""
PACKAGES = ("noto_cjk_sans_otc", "noto_cjk_sans_sc_regular", "noto_cjk_sans_sc_bold")
"""Importable packages that hold nothing but fonts: the extra ``fonts`` installs the first."""
SUFFIXES = (".ttf", ".otf", ".ttc", ".otc")
MOST_FILES = 2_000
"""Font files looked at in a folder that was named."""
SAMPLE = "星级上云企业评定达标无数据"
ADVICE = (
    "install a font with simplified Chinese (Debian, Ubuntu: apt install fonts-noto-cjk; everywhere: "
    f'pip install "starproof[fonts]"), or name a font file in {VARIABLE}; the HTML report needs no font'
)


@dataclass(frozen=True)
class Font:
    """A family that draws Chinese, the folders where it lies beside the system's, and who named it."""

    family: str
    folders: tuple[str, ...] = ()
    origin: str = "system"


def find_font(
    configured: str | None = None,
    *,
    environment: Mapping[str, str],
    system: typst.Fonts | None = None,
    packages: Sequence[str] = PACKAGES,
) -> Font:
    """Return the font to draw with; see the module for the order.

    Args:
        configured: a font file, a folder or a family; before the environment's.
        environment: where ``STARPROOF_FONT`` is looked up.
        system: the fonts of the machine; by default all that fontconfig or the system knows.
        packages: names of font packages to look for.

    Raises:
        FontError: none was found, or the one asked for cannot be used.
    """
    installed = typst.Fonts(include_embedded_fonts=False) if system is None else system
    wanted = configured or environment.get(VARIABLE, "")
    if wanted:
        return _configured(wanted, installed)
    for family in FAMILIES:
        if family in installed.families():
            font = Font(family)
            if draws_chinese(font):
                return font
    for folder in _package_folders(packages):
        found = _in_folder(folder, origin="package")
        if found is not None:
            return found
    raise FontError(f"no font with simplified Chinese was found; {ADVICE}")


def draws_chinese(font: Font) -> bool:
    """Return whether the font is there and can by itself show a line of Chinese."""
    fonts = typst.Fonts(font_paths=list(font.folders))
    if font.family not in fonts.families():
        return False  # typst would take another one
    source = b"#set text(font: sys.inputs.family, fallback: false)\n#sys.inputs.sample\n"
    try:
        typst.compile(
            source,
            pdf_standards="a-3b",  # refuses text that its font cannot show
            sys_inputs={"family": font.family, "sample": SAMPLE},
            font_paths=fonts,
        )
    except typst.TypstError:
        return False
    return True


def _configured(wanted: str, installed: typst.Fonts) -> Font:
    path = Path(wanted)
    if path.is_dir():
        found = _in_folder(path, origin="configured")
    elif path.is_file():
        found = _of_file(path)
    elif path.suffix.lower() in SUFFIXES or len(path.parts) > 1:
        raise FontError(f"the font file {wanted} does not exist; {ADVICE}")
    elif wanted in installed.families():
        found = Font(wanted, origin="configured")
        found = found if draws_chinese(found) else None
    else:
        raise FontError(f"no font family {wanted!r} is installed; {ADVICE}")
    if found is None:
        raise FontError(f"{wanted} holds no font that shows simplified Chinese; {ADVICE}")
    return found


def _of_file(path: Path) -> Font | None:
    """Return the font of a file: of a collection the face for simplified Chinese."""
    folder = path.parent.resolve()
    infos = typst.Fonts(
        include_system_fonts=False, include_embedded_fonts=False, font_paths=[str(folder)]
    ).fonts()
    families = {info.family for info in infos if info.path and Path(info.path).resolve() == path.resolve()}
    return _first(families, folder, "configured")


def _in_folder(folder: Path, *, origin: str) -> Font | None:
    files = [path for path in _some_files(folder) if path.suffix.lower() in SUFFIXES]
    if not files:
        return None
    fonts = typst.Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=[str(folder)])
    return _first(fonts.families(), folder, origin)


def _some_files(folder: Path) -> list[Path]:
    found = []
    for path in folder.rglob("*"):
        found.append(path)
        if len(found) >= MOST_FILES:
            break
    return found


def _first(families: Iterable[str], folder: Path, origin: str) -> Font | None:
    """Return the first family that draws Chinese: known ones first, then by name."""
    order = {family: index for index, family in enumerate(FAMILIES)}
    for family in sorted(families, key=lambda name: (order.get(name, len(order)), name)):
        font = Font(family, (str(folder),), origin)
        if draws_chinese(font):
            return font
    return None


def _package_folders(packages: Sequence[str]) -> list[Path]:
    """Return the folders of the font packages that are installed; none of them is imported."""
    found = []
    for name in packages:
        spec = find_spec(name)
        if spec is not None and spec.submodule_search_locations:
            found += [Path(place) for place in spec.submodule_search_locations]
    return found
