"""What PDF/A-3b (ISO 19005-3) says about single objects, wherever in the file they stand."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from pikepdf import Array, Dictionary, Name, Object, Pdf, Stream, String

FILTERS = frozenset(
    ["/ASCIIHexDecode", "/ASCII85Decode", "/FlateDecode", "/RunLengthDecode", "/CCITTFaxDecode",
     "/JBIG2Decode", "/DCTDecode", "/JPXDecode"]
)  # fmt: skip
ACTIONS = frozenset(["/GoTo", "/GoToR", "/GoToE", "/Thread", "/URI", "/Named", "/SubmitForm"])
NAMED_ACTIONS = frozenset(["/NextPage", "/PrevPage", "/FirstPage", "/LastPage"])
ANNOTATIONS_REFUSED = frozenset(["/3D", "/Sound", "/Screen", "/Movie"])
BLEND_MODES = frozenset(
    ["/Normal", "/Compatible", "/Multiply", "/Screen", "/Overlay", "/Darken", "/Lighten", "/ColorDodge",
     "/ColorBurn", "/HardLight", "/SoftLight", "/Difference", "/Exclusion", "/Hue", "/Saturation", "/Color",
     "/Luminosity"]
)  # fmt: skip
INTENTS = frozenset(["/RelativeColorimetric", "/AbsoluteColorimetric", "/Perceptual", "/Saturation"])
FONTS = frozenset(
    ["/Type1", "/MMType1", "/TrueType", "/Type3", "/Type0", "/CIDFontType0", "/CIDFontType2"]
)  # fmt: skip
FONT_FILES = ("/FontFile", "/FontFile2", "/FontFile3")
MAX_STRING_BYTES, MAX_NAME_BYTES, MAX_INTEGER = 32_767, 127, 2**31 - 1
ICC_SIGNATURE, ICC_HEADER = b"acsp", 128


def object_faults(pdf: Pdf) -> Iterator[str]:
    """Yield what breaks PDF/A-3b in single objects."""
    for thing in all_objects(pdf):
        for look in _RULES:
            yield from look(thing)


def all_objects(pdf: Pdf) -> Iterator[Object]:
    """Yield every object, also those that stand inside others."""
    for thing in pdf.objects:
        yield from _inside(thing)


def _inside(thing: Object) -> Iterator[Object]:
    yield thing
    parts: list[Object] = list(thing) if isinstance(thing, Array) else []
    if isinstance(thing, (Dictionary, Stream)):
        parts = list(thing.values())
    for part in parts:
        if not getattr(part, "is_indirect", False):  # those come by themselves
            yield from _inside(part)


def listed(value: Object | None) -> list[Object]:
    if value is None:
        return []
    return list(value) if isinstance(value, Array) else [value]


def icc_faults(profile: Object, classes: set[bytes], what: str) -> Iterator[str]:
    head = profile.read_bytes()[:ICC_HEADER]
    components = {b"GRAY": 1, b"RGB ": 3, b"CMYK": 4, b"Lab ": 3}.get(head[16:20])
    sound = len(head) == ICC_HEADER and head[36:40] == ICC_SIGNATURE and head[8] < 5
    if not sound or head[12:16] not in classes or components is None:
        yield f"{what} is no ICC profile of a kind that is allowed"
    elif profile.get("/N") != components:
        yield f"{what} has N = {profile.get('/N')}, its header says {components} components"


def _limits(thing: Object) -> Iterator[str]:
    if isinstance(thing, String) and len(bytes(thing)) > MAX_STRING_BYTES:
        yield "6.1.13 a string is too long"
    if isinstance(thing, Name) and len(str(thing).encode()) - 1 > MAX_NAME_BYTES:
        yield "6.1.13 a name is too long"
    if isinstance(thing, int) and abs(thing) > MAX_INTEGER:
        yield "6.1.13 an integer is too large"


def _stream(thing: Object) -> Iterator[str]:
    if not isinstance(thing, Stream):
        return
    if any(key in thing for key in ("/F", "/FFilter", "/FDecodeParms")):
        yield "6.1.7.1 a stream lies outside the file"
    for filter_name in listed(thing.get("/Filter")):
        if str(filter_name) not in FILTERS:
            yield f"6.1.7.2 the filter {filter_name}"
    kind = thing.get("/Subtype")
    if kind == "/Image":
        if "/Alternates" in thing or "/OPI" in thing:
            yield "6.2.8 an image with alternates or OPI"
        if thing.get("/Interpolate", False):
            yield "6.2.8 an image is interpolated"
    if kind == "/Form" and any(key in thing for key in ("/OPI", "/Ref", "/PS", "/Subtype2")):
        yield "6.2.9 a form with OPI, PS or a reference"
    if kind == "/PS":
        yield "6.2.9 a PostScript object"


def _graphics_state(thing: Object) -> Iterator[str]:
    if not isinstance(thing, Dictionary):
        return
    for mode in listed(thing.get("/BM")) if thing.get("/Type", "/ExtGState") == "/ExtGState" else []:
        if str(mode) not in BLEND_MODES:
            yield f"6.2.10 the blend mode {mode}"
    if thing.get("/Type") == "/ExtGState":
        if "/TR" in thing or "/HTP" in thing or str(thing.get("/TR2", "/Default")) != "/Default":
            yield "6.2.5 a transfer function or halftone phase"
        if str(thing.get("/RI", "/Perceptual")) not in INTENTS:
            yield "6.2.6 an unknown rendering intent"


def _font(thing: Object) -> Iterator[str]:
    if not (isinstance(thing, Dictionary) and thing.get("/Type") == "/Font"):
        return
    kind, name = str(thing.get("/Subtype")), str(thing.get("/BaseFont", ""))
    if kind not in FONTS:
        yield f"6.2.11.2 the font {name} is of kind {kind}"
    descriptor = thing.get("/FontDescriptor", Dictionary())
    if kind not in ("/Type3", "/Type0") and not any(file in descriptor for file in FONT_FILES):
        yield f"6.2.11.4.1 the font {name} is not embedded"
    if kind == "/CIDFontType2" and "/CIDToGIDMap" not in thing:
        yield f"6.2.11.3.2 the font {name} has no CIDToGIDMap"
    if kind == "/Type0" and not isinstance(thing.get("/Encoding"), Stream):
        encoding = str(thing.get("/Encoding"))
        if encoding not in ("/Identity-H", "/Identity-V"):
            yield f"6.2.11.3.3 the font {name} has the encoding {encoding}, which is not embedded"


def _annotation(thing: Object) -> Iterator[str]:
    if not (isinstance(thing, Dictionary) and "/Rect" in thing and "/Subtype" in thing):
        return
    kind, flags = str(thing.Subtype), int(thing.get("/F", 0))
    if kind in ANNOTATIONS_REFUSED:
        yield f"6.3.1 an annotation of kind {kind}"
    hidden = flags & (1 | 2 | 32 | 256)  # Invisible, Hidden, NoView, ToggleNoView
    if kind != "/Popup" and (not flags & 4 or hidden):
        yield f"6.3.2 an annotation {kind} that does not print or is hidden"
    if kind not in ("/Popup", "/Link") and "/AP" not in thing:
        yield f"6.3.3 an annotation {kind} without appearance"


def _action(thing: Object) -> Iterator[str]:
    if not isinstance(thing, Dictionary):
        return
    if "/AA" in thing:
        yield "6.5.2 additional actions"
    for key in ("/A", "/OpenAction", "/Next"):
        for action in listed(thing.get(key)):
            if not isinstance(action, Dictionary) or "/S" not in action or "/O" in action:
                continue  # a destination, a structure attribute, or the next outline item
            if str(action.S) not in ACTIONS:
                yield f"6.5.1 the action {action.S}"
            if action.S == "/Named" and str(action.get("/N")) not in NAMED_ACTIONS:
                yield f"6.5.1 the named action {action.get('/N')}"


def _colour_profile(thing: Object) -> Iterator[str]:
    if isinstance(thing, Array) and len(thing) == 2 and thing[0] == "/ICCBased":
        yield from icc_faults(thing[1], {b"prtr", b"mntr", b"scnr", b"spac"}, "6.2.4.2 a colour profile")


_RULES: tuple[Callable[[Object], Iterator[str]], ...] = (
    _limits, _stream, _graphics_state, _font, _annotation, _action, _colour_profile,
)  # fmt: skip
