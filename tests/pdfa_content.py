"""What the contents of pages show: device colours, undefined operators, glyphs that a font lacks."""

from __future__ import annotations

from collections.abc import Iterator

import pikepdf
from pikepdf import Array, Dictionary, Object, Pdf, Stream

MAX_NESTING = 28
OPERATORS = frozenset(
    [
        "b",
        "B",
        "b*",
        "B*",
        "BDC",
        "BI",
        "BMC",
        "BT",
        "BX",
        "c",
        "cm",
        "CS",
        "cs",
        "d",
        "d0",
        "d1",
        "Do",
        "DP",
        "EI",
        "EMC",
        "ET",
        "EX",
        "f",
        "F",
        "f*",
        "G",
        "g",
        "gs",
        "h",
        "i",
        "ID",
        "j",
        "J",
        "K",
        "k",
        "l",
        "m",
        "M",
        "MP",
        "n",
        "q",
        "Q",
        "re",
        "RG",
        "rg",
        "ri",
        "s",
        "S",
        "SC",
        "sc",
        "SCN",
        "scn",
        "sh",
        "T*",
        "Tc",
        "Td",
        "TD",
        "Tf",
        "Tj",
        "TJ",
        "TL",
        "Tm",
        "Tr",
        "Ts",
        "Tw",
        "Tz",
        "v",
        "w",
        "W",
        "W*",
        "y",
        "'",
        '"',
        "INLINE",
    ]
)
DEVICE = {"RG": "RGB", "rg": "RGB", "K": "CMYK", "k": "CMYK", "G": "Gray", "g": "Gray"}
NEEDED = {"RGB": 3, "CMYK": 4}
"""Components of the output profile that a device colour asks for; grey goes with any."""
DEVICE_NAMES = {"/DeviceRGB": "RGB", "/DeviceCMYK": "CMYK", "/DeviceGray": "Gray"}
INLINE_IMAGE = "INLINE IMAGE"
"""What qpdf calls BI, ID and EI together."""
INVISIBLE = 3
"""Text rendering mode: neither filled nor stroked."""


def content_faults(pdf: Pdf) -> list[str]:
    """Return what breaks PDF/A-3b in the contents of pages and of the forms that they draw."""
    found: list[str] = []
    for number, page in enumerate(pdf.pages, 1):
        for stream, resources in _contents(page.obj, page.resources):
            found += [f"{fault}, page {number}" for fault in _faults(pdf, stream, resources)]
    return found


def _contents(page: Object, resources: Object) -> Iterator[tuple[Object, Object]]:
    yield page, resources
    waiting, seen = [resources], set()
    while waiting:
        for form in waiting.pop().get("/XObject", Dictionary()).values():
            if isinstance(form, Stream) and form.get("/Subtype") == "/Form" and form.objgen not in seen:
                seen.add(form.objgen)
                inner = form.get("/Resources", Dictionary())
                waiting.append(inner)
                yield form, inner


def _faults(pdf: Pdf, stream: Object, resources: Object) -> Iterator[str]:
    components = _output_components(pdf)
    fonts, spaces = resources.get("/Font", Dictionary()), resources.get("/ColorSpace", Dictionary())
    nesting, font, mode = 0, None, 0
    kept: list[tuple[Object | None, int]] = []
    for instruction in pikepdf.parse_content_stream(stream):
        operator = str(instruction.operator)
        operands = [] if operator == INLINE_IMAGE else list(instruction.operands)
        if operator not in OPERATORS and operator != INLINE_IMAGE:
            yield f"6.2.2 the operator {operator}"
        elif operator == "q":
            nesting += 1
            kept.append((font, mode))
            if nesting > MAX_NESTING:
                yield "6.1.13 q is nested too deeply"
        elif operator == "Q" and kept:
            nesting -= 1
            font, mode = kept.pop()
        elif operator == "Tf":
            font = fonts.get(str(operands[0]))
        elif operator == "Tr":
            mode = int(operands[0])
        elif operator in DEVICE:
            yield from _device(DEVICE[operator], components)
        elif operator in ("cs", "CS"):
            name = str(operands[0])
            space = spaces.get(name, name)
            if not isinstance(space, Array):
                yield from _device(DEVICE_NAMES.get(str(space), ""), components)
        elif operator in ("Tj", "TJ", "'", '"') and mode != INVISIBLE:
            yield from _glyphs(font, operands[-1])


def _output_components(pdf: Pdf) -> int:
    profiles = [
        intent.DestOutputProfile
        for intent in pdf.Root.get("/OutputIntents", [])
        if intent.get("/S") == "/GTS_PDFA1" and "/DestOutputProfile" in intent
    ]
    return int(profiles[0].get("/N", 0)) if profiles else 0


def _device(space: str, components: int) -> Iterator[str]:
    if space and (not components or NEEDED.get(space, components) != components):
        yield f"6.2.4.3 Device{space} without an output intent for it"


def _glyphs(font: Object | None, shown: Object) -> Iterator[str]:
    if font is None:
        yield "6.2.2 text in a font that the resources do not name"
    elif font.get("/Encoding") in ("/Identity-H", "/Identity-V"):
        parts = (
            [bytes(p) for p in shown if isinstance(p, pikepdf.String)]
            if isinstance(shown, Array)
            else [bytes(shown)]
        )
        if any(part[i : i + 2] == b"\0\0" for part in parts for i in range(0, len(part), 2)):
            yield f"6.2.11.8 a character without a glyph in {font.get('/BaseFont')}"
