"""The PDF/A check: a file that conforms passes; every way to break one that we know is refused.

Each of these files was also given to veraPDF once; where the answers differ stands in docs/adr/0013.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from functools import lru_cache

import pytest

pikepdf = pytest.importorskip("pikepdf", reason="pikepdf reads the files; it is in the dev group")

import typst  # noqa: E402 - after the skip
from pdfa import pdfa_faults, require_pdfa  # noqa: E402 - the same
from pikepdf import Array, Dictionary, Name, Pdf, String  # noqa: E402 - the same

SOURCE = """
#set document(title: "示例报告", author: "星证", date: datetime(year: 2026, month: 12, day: 3))
#set text(font: "Noto Serif CJK SC", lang: "zh", region: "cn")
#set page(footer: context counter(page).display())
= 示例报告
业务主机平均CPU利用率 8.2 %，四星需 10 %。 Latin text 123. #link("https://example.invalid")[链接]
#pdf.attach("verdict.json", bytes("{}"), relationship: "data", mime-type: "application/json", description: "结论")
#rect(fill: rgb(0, 0, 255, 50%))[透明]
"""
FONTS = "Noto Serif CJK SC"
KEPT = pikepdf.StreamDecodeLevel.none
"""Streams are written with the filters that they have."""
Change = Callable[[Pdf], None]


@lru_cache(maxsize=2)
def made(standard: str = "a-3b") -> bytes:
    if not any(FONTS in family for family in typst.Fonts().families()):
        pytest.skip("needs the fonts Noto CJK (fonts-noto-cjk)")
    options = {"pdf_standards": [standard]} if standard else {}
    return typst.compile(SOURCE.encode(), format="pdf", **options)


def changed(change: Change, **save: object) -> bytes:
    out = io.BytesIO()
    if "encryption" not in save:  # qpdf cannot keep filters and encrypt
        save = {"stream_decode_level": KEPT, "compress_streams": False, **save}
    with Pdf.open(io.BytesIO(made())) as pdf:
        change(pdf)
        pdf.save(out, fix_metadata_version=False, **save)
    return out.getvalue()


def font(pdf: Pdf) -> Dictionary:
    return next(iter(pdf.pages[0].Resources.Font.values())).DescendantFonts[0]


def attachment(pdf: Pdf) -> Dictionary:
    return pdf.Root.AF[0]


def metadata(old: bytes, new: bytes) -> Change:
    def change(pdf: Pdf) -> None:
        packet = pdf.Root.Metadata.read_bytes()
        assert old in packet
        pdf.Root.Metadata.write(packet.replace(old, new))

    return change


def without(find: Callable[[Pdf], Dictionary], key: str) -> Change:
    def change(pdf: Pdf) -> None:
        del find(pdf)[key]

    return change


def with_entry(find: Callable[[Pdf], Dictionary], key: str, value: Callable[[Pdf], object]) -> Change:
    def change(pdf: Pdf) -> None:
        find(pdf)[key] = value(pdf)

    return change


def root(pdf: Pdf) -> Dictionary:
    return pdf.Root


def page(pdf: Pdf) -> Dictionary:
    return pdf.pages[0].obj


def link(pdf: Pdf) -> Dictionary:
    return pdf.pages[0].Annots[0]


def intent(pdf: Pdf) -> Dictionary:
    return pdf.Root.OutputIntents[0]


def drawing(operators: bytes) -> Change:
    def change(pdf: Pdf) -> None:
        pdf.pages[0].contents_add(operators)

    return change


def action(kind: str, **more: object) -> Callable[[Pdf], object]:
    return lambda pdf: pdf.make_indirect(Dictionary(Type=Name.Action, S=Name("/" + kind), **more))


def stream(data: bytes, **entries: object) -> Callable[[Pdf], object]:
    return lambda pdf: pdf.make_stream(data, **entries)


def no_fonts(pdf: Pdf) -> None:
    del font(pdf).FontDescriptor["/FontFile3"]


def second_intent(pdf: Pdf) -> None:
    with Pdf.open(io.BytesIO(made())) as source:
        other = pdf.make_stream(intent(source).DestOutputProfile.read_bytes(), N=3)
    pdf.Root.OutputIntents.append(Dictionary(S=Name.GTS_PDFA1, DestOutputProfile=other))


def broken_profile(pdf: Pdf) -> None:
    intent(pdf).DestOutputProfile.write(b"no profile")


def wrong_components(pdf: Pdf) -> None:
    intent(pdf).DestOutputProfile["/N"] = 4


def lzw(pdf: Pdf) -> None:
    data = bytes.fromhex("800B6050220C0C8501")  # the example of ISO 32000-1, 7.4.4.2
    pdf.Root["/Extra"] = pdf.make_stream(data)
    pdf.Root.Extra.write(data, filter=Name.LZWDecode)


def tofu(pdf: Pdf) -> None:
    name = next(iter(pdf.pages[0].Resources.Font.keys()))
    pdf.pages[0].contents_add(f"BT {name} 11 Tf <0000> Tj ET".encode())


def interpolated(pdf: Pdf) -> None:
    image = pdf.make_stream(
        b"\0", Type=Name.XObject, Subtype=Name.Image, Width=1, Height=1, BitsPerComponent=8,
        ColorSpace=Name.DeviceGray, Interpolate=True,
    )  # fmt: skip
    pdf.pages[0].add_resource(image, Name.XObject, Name.Im9)
    pdf.pages[0].contents_add(b"q /Im9 Do Q")


def postscript(pdf: Pdf) -> None:
    form = pdf.make_stream(b"", Type=Name.XObject, Subtype=Name.PS)
    pdf.pages[0].add_resource(form, Name.XObject, Name.Ps9)
    pdf.pages[0].contents_add(b"q /Ps9 Do Q")


def form_in_cmyk(pdf: Pdf) -> None:
    form = pdf.make_stream(
        b"0 0 0 1 k 0 0 9 9 re f", Type=Name.XObject, Subtype=Name.Form, BBox=Array([0, 0, 9, 9]),
        Resources=Dictionary(),
    )  # fmt: skip
    pdf.pages[0].add_resource(form, Name.XObject, Name.Fm9)
    pdf.pages[0].contents_add(b"q /Fm9 Do Q")


def graphics_state(**entries: object) -> Change:
    def change(pdf: Pdf) -> None:
        state = Dictionary(Type=Name.ExtGState, **entries)
        pdf.pages[0].add_resource(state, Name.ExtGState, Name.Gs9)
        pdf.pages[0].contents_add(b"q /Gs9 gs 0 0 1 1 re f Q")

    return change


def annotated(**entries: object) -> Change:
    def change(pdf: Pdf) -> None:
        note = Dictionary(Type=Name.Annot, Rect=Array([0, 0, 9, 9]), **entries)
        pdf.pages[0].Annots.append(pdf.make_indirect(note))

    return change


def not_associated(pdf: Pdf) -> None:
    del pdf.Root["/AF"]


def configurations(*names: str) -> Callable[[Pdf], object]:
    def made_of(pdf: Pdf) -> object:
        return Dictionary(
            OCGs=Array(), D=Dictionary(Name=String(names[0])),
            Configs=Array([Dictionary(Name=String(name)) for name in names[1:]]),
        )  # fmt: skip

    return made_of


BROKEN: dict[str, tuple[str, Change]] = {
    "part 1 claimed": ("6.6.4", metadata(b"<pdfaid:part>3", b"<pdfaid:part>1")),
    "conformance X claimed": ("6.6.4", metadata(b"<pdfaid:conformance>B", b"<pdfaid:conformance>X")),
    "no claim": ("6.6.4", metadata(b"http://www.aiim.org/pdfa/ns/id/", b"http://www.aiim.org/pdfa/ns/ie/")),
    "XMP not well-formed": ("6.6.2.1", metadata(b"</rdf:RDF>", b"")),
    "XMP header with encoding": ("6.6.2.1", metadata(b' id="W5M0', b' encoding="UTF-8" id="W5M0')),
    "no metadata": ("6.6.2.1", without(root, "/Metadata")),
    "output profile broken": ("6.2.3", broken_profile),
    "output profile with N = 4": ("6.2.3", wrong_components),
    "two output profiles": ("6.2.3", second_intent),
    "output intent without profile": ("6.2.3", without(intent, "/DestOutputProfile")),
    "font not embedded": ("6.2.11.4.1", no_fonts),
    "font of an unknown kind": ("6.2.11.2", with_entry(font, "/Subtype", lambda _: Name.CIDFontType9)),
    "TrueType without CIDToGIDMap": (
        "6.2.11.3.2", with_entry(font, "/Subtype", lambda _: Name.CIDFontType2),
    ),
    "encoding not embedded": (
        "6.2.11.3.3",
        with_entry(lambda p: next(iter(p.pages[0].Resources.Font.values())), "/Encoding", lambda _: Name.Own),
    ),
    "a character without a glyph": ("6.2.11.8", tofu),
    "JavaScript on opening": ("6.5.1", with_entry(root, "/OpenAction", action("JavaScript", JS=String("1")))),
    "JavaScript by name": (
        "6.5.1",
        with_entry(
            lambda p: p.Root.Names, "/JavaScript",
            lambda p: Dictionary(Names=Array([String("a"), action("JavaScript", JS=String("1"))(p)])),
        ),
    ),
    "a link that launches": ("6.5.1", with_entry(link, "/A", action("Launch", F=String("x")))),
    "an action after the action": (
        "6.5.1",
        with_entry(link, "/A", lambda p: action("URI", URI=String("x"), Next=action("Launch")(p))(p)),
    ),
    "an unknown named action": ("6.5.1", with_entry(link, "/A", action("Named", N=Name.Print))),
    "additional actions": (
        "6.5.2", with_entry(page, "/AA", lambda p: Dictionary(O=action("GoTo", D=String("x"))(p))),
    ),
    "LZW": ("6.1.7.2", lzw),
    "an external stream": ("6.1.7.1", with_entry(root, "/Extra", stream(b"", F=String("elsewhere")))),
    "no relationship": ("6.8", without(attachment, "/AFRelationship")),
    "no Unicode name": ("6.8", without(attachment, "/UF")),
    "no media type": ("6.8", without(lambda p: attachment(p).EF.F, "/Subtype")),
    "attachment associated with nothing": ("6.8", not_associated),
    "text in a font that is not there": ("6.2.2", drawing(b"BT /Nope 9 Tf (x) Tj ET")),
    "an unknown operator": ("6.2.2", drawing(b"1 xyz")),
    "CMYK under an RGB profile": ("6.2.4.3", drawing(b"0 0 0 1 k 0 0 9 9 re f")),
    "CMYK by name": ("6.2.4.3", drawing(b"/DeviceCMYK cs 0 0 0 1 sc 0 0 9 9 re f")),
    "CMYK in a form": ("6.2.4.3", form_in_cmyk),
    "nested too deeply": ("6.1.13", drawing(b"q " * 29 + b"Q " * 29)),
    "transfer function": ("6.2.5", graphics_state(TR=Name.Identity)),
    "unknown blend mode": ("6.2.10", graphics_state(BM=Name.Strange)),
    "unknown rendering intent": ("6.2.6", graphics_state(RI=Name.Strange)),
    "an interpolated image": ("6.2.8", interpolated),
    "a PostScript object": ("6.2.9", postscript),
    "a hidden annotation": ("6.3.2", with_entry(link, "/F", lambda _: 4 | 2)),
    "an annotation that does not print": ("6.3.2", with_entry(link, "/F", lambda _: 0)),
    "a film": ("6.3.1", annotated(Subtype=Name.Movie, F=4)),
    "a note without appearance": ("6.3.3", annotated(Subtype=Name.Square, F=4)),
    "a form that wants to be drawn": (
        "6.4.1", with_entry(root, "/AcroForm", lambda _: Dictionary(Fields=Array(), NeedAppearances=True)),
    ),
    "an XFA form": (
        "6.4.2",
        with_entry(root, "/AcroForm", lambda p: Dictionary(Fields=Array(), XFA=p.make_stream(b"<x/>"))),
    ),
    "other permissions": ("6.1.12", with_entry(root, "/Perms", lambda _: Dictionary(Other=Dictionary()))),
    "layers of one name": ("6.9", with_entry(root, "/OCProperties", configurations("a", "b", "b"))),
    "a layer without a name": ("6.9", with_entry(root, "/OCProperties", configurations(""))),
    "layers that switch themselves": (
        "6.9",
        with_entry(
            root, "/OCProperties", lambda _: Dictionary(OCGs=Array(), D=Dictionary(Name=String("a"), AS=Array()))
        ),
    ),
    "alternate presentations": (
        "6.10", with_entry(lambda p: p.Root.Names, "/AlternatePresentations", lambda _: Dictionary()),
    ),
    "presentation steps": ("6.10", with_entry(page, "/PresSteps", lambda _: Dictionary())),
    "requirements": ("6.11", with_entry(root, "/Requirements", lambda _: Array([Dictionary(S=Name.EnableJavaScripts)]))),
    "a page that is too large": ("6.1.13", with_entry(page, "/MediaBox", lambda _: Array([0, 0, 20_000, 9]))),
    "a string that is too long": ("6.1.13", with_entry(root, "/Extra", lambda _: String("x" * 32_768))),
    "a name that is too long": ("6.1.13", with_entry(root, "/Extra", lambda _: Name("/" + "x" * 128))),
    "an integer that is too large": ("6.1.13", with_entry(root, "/Extra", lambda _: 2**31)),
}  # fmt: skip


def test_a_file_that_conforms_passes_also_when_it_is_saved_again() -> None:
    require_pdfa(made())
    assert pdfa_faults(changed(lambda _pdf: None)) == []
    assert pdfa_faults(changed(lambda _pdf: None, object_stream_mode=pikepdf.ObjectStreamMode.generate)) == []


@pytest.mark.parametrize("name", sorted(BROKEN))
def test_a_broken_file_is_refused_with_its_clause(name: str) -> None:
    clause, change = BROKEN[name]
    faults = pdfa_faults(changed(change))
    assert any(fault.startswith(f"{clause} ") for fault in faults), faults


def test_an_ordinary_file_is_refused() -> None:
    with pytest.raises(AssertionError, match=r"6\.6\.4 pdfaid:part"):
        require_pdfa(made(""))


def test_an_encrypted_file_is_refused() -> None:
    for user in ("", "secret"):
        data = changed(lambda _pdf: None, encryption=pikepdf.Encryption(owner="o", user=user))
        assert "6.1.3 the file is encrypted" in pdfa_faults(data)


@pytest.mark.parametrize(
    ("change", "clause"),
    [
        (lambda data: b" " + data, "6.1.2"),
        (lambda data: data.replace(b"%PDF-1.7", b"%PDF-2.0", 1), "6.1.2"),
        (lambda data: data[:9] + b"%abcd" + data[14:], "6.1.2"),
        (lambda data: data + b"more", "6.1.3"),
        (lambda data: data[: len(data) // 2], "6.1.4"),
        (lambda data: data.replace(b"/ID", b"/Id"), "6.1.3"),
        (lambda _data: b"", "6.1.4"),
    ],
)
def test_bytes_that_are_not_in_order_are_refused(change: Callable[[bytes], bytes], clause: str) -> None:
    faults = pdfa_faults(change(made()))
    assert any(fault.startswith(f"{clause} ") for fault in faults), faults


def test_the_faults_of_a_broken_file_are_all_named() -> None:
    def both(pdf: Pdf) -> None:
        no_fonts(pdf)
        del attachment(pdf)["/AFRelationship"]

    assert {fault.split()[0] for fault in pdfa_faults(changed(both))} == {"6.2.11.4.1", "6.8"}
    assert json.dumps(pdfa_faults(changed(both)))
