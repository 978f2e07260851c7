"""PDF/A-3b (ISO 19005-3, level B): what of the standard can be checked by reading the file's objects.

``require_pdfa`` raises with every clause that is broken. It reads with qpdf (pikepdf), never with the
library that wrote the file. Not covered: whether glyph outlines and widths in a font's program agree
with its dictionary (6.2.11.5), extension schemas of XMP (6.6.2.3), JPEG 2000 (6.2.8.3), signatures
(6.4.3). A file that passes here may still break those.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator
from itertools import pairwise

import pikepdf
from lxml import etree
from pdfa_content import content_faults
from pdfa_objects import all_objects, icc_faults, listed, object_faults
from pikepdf import Array, Dictionary, Object, Pdf, Stream

PDFAID = "{http://www.aiim.org/pdfa/ns/id/}"
RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
MIN_PAGE, MAX_PAGE = 3, 14_400
MEDIA_TYPE = re.compile(r"/[-\w+.]+/[-\w+.]+\Z", re.ASCII)

Fault = str
"""The clause of ISO 19005-3, then what is wrong."""


def require_pdfa(data: bytes) -> None:
    """Raise ``AssertionError`` naming every broken clause unless ``data`` holds to PDF/A-3b."""
    faults = pdfa_faults(data)
    assert not faults, "not PDF/A-3b:\n" + "\n".join(faults)


def pdfa_faults(data: bytes) -> list[Fault]:
    """Return what breaks PDF/A-3b, sorted, each fault once."""
    found = list(_bytes(data))
    try:
        pdf = Pdf.open(io.BytesIO(data), suppress_warnings=True, attempt_recovery=False)
    except pikepdf.PasswordError:
        return [*found, "6.1.3 the file is encrypted"]
    except pikepdf.PdfError as error:
        return [*found, f"6.1.4 the file cannot be read: {error}"]
    with pdf:
        found += [f"6.1.4 qpdf: {problem}" for problem in pdf.check_pdf_syntax()]
        for rule in _DOCUMENT_RULES:
            found += rule(pdf)
        found += object_faults(pdf)
        found += content_faults(pdf)
    return sorted(set(found))


def _bytes(data: bytes) -> Iterator[Fault]:
    if not re.match(rb"%PDF-1\.[0-7][\r\n]", data):
        yield "6.1.2 the file does not begin with %PDF-1.n"
    comment = data[:64].splitlines()[1:2] or [b""]
    if not (comment[0][:1] == b"%" and len(comment[0]) > 4 and min(comment[0][1:5]) > 127):
        yield "6.1.2 no comment of four bytes above 127 follows the header"
    if not re.search(rb"%%EOF(\r\n|\r|\n)?\Z", data[-16:]):
        yield "6.1.3 something follows the last %%EOF"


def _trailer(pdf: Pdf) -> Iterator[Fault]:
    ids = pdf.trailer.get("/ID")
    if not isinstance(ids, Array) or len(ids) != 2 or not all(bytes(part) for part in ids):
        yield "6.1.3 the trailer has no file identifier"
    if "/Encrypt" in pdf.trailer or pdf.is_encrypted:
        yield "6.1.3 the file is encrypted"


def _catalog(pdf: Pdf) -> Iterator[Fault]:
    root = pdf.Root
    if "/Perms" in root and set(root.Perms.keys()) - {"/UR3", "/DocMDP"}:
        yield "6.1.12 permissions other than UR3 and DocMDP"
    names = root.get("/Names", Dictionary())
    if "/JavaScript" in names:
        yield "6.5.1 JavaScript in the names of the document"
    if "/AlternatePresentations" in names:
        yield "6.10 alternate presentations"
    if "/Requirements" in root:
        yield "6.11 the catalog has Requirements"
    form = root.get("/AcroForm", Dictionary())
    if form.get("/NeedAppearances", False):
        yield "6.4.1 NeedAppearances is true"
    if "/XFA" in form or root.get("/NeedsRendering", False):
        yield "6.4.2 an XFA form"
    contents = root.get("/OCProperties", Dictionary())
    configurations = [contents[key] for key in ("/D",) if key in contents] + list(
        contents.get("/Configs", [])
    )
    names_seen = [str(c.get("/Name", "")) for c in configurations]
    if not all(names_seen) or len(set(names_seen)) != len(names_seen):
        yield "6.9 an optional content configuration without a name of its own"
    if any("/AS" in c for c in configurations):
        yield "6.9 an optional content configuration with AS"


def _output_intents(pdf: Pdf) -> Iterator[Fault]:
    intents = [i for i in pdf.Root.get("/OutputIntents", []) if i.get("/S") == "/GTS_PDFA1"]
    profiles = [i.DestOutputProfile for i in intents if "/DestOutputProfile" in i]
    if not profiles:
        yield "6.2.3 no PDF/A output intent with a profile"
    if any(a.objgen != b.objgen for a, b in pairwise(profiles)):
        yield "6.2.3 output intents with different profiles"
    for profile in profiles:
        yield from icc_faults(profile, {b"prtr", b"mntr"}, "6.2.3 the output profile")


def _metadata(pdf: Pdf) -> Iterator[Fault]:
    stream = pdf.Root.get("/Metadata")
    if not isinstance(stream, Stream):
        yield "6.6.2.1 the catalog has no metadata stream"
        return
    packet = stream.read_bytes()
    header = re.match(rb"\s*<\?xpacket ([^?]*)\?>", packet)
    if header is None or re.search(rb"\b(bytes|encoding)=", header[1]):
        yield "6.6.2.1 the header of the XMP packet is missing or has bytes or encoding"
    try:
        tree = etree.fromstring(packet, etree.XMLParser(resolve_entities=False, no_network=True))
    except etree.XMLSyntaxError as error:
        yield f"6.6.2.1 the XMP packet is not well-formed: {error.msg}"
        return
    for key, allowed in (("part", {"3"}), ("conformance", {"A", "B", "U"})):
        values = [e.text for e in tree.iter(PDFAID + key)]
        values += [d.get(PDFAID + key) for d in tree.iter(RDF + "Description") if d.get(PDFAID + key)]
        if len(values) != 1 or values[0] not in allowed:
            yield f"6.6.4 pdfaid:{key} is {values}, not one of {sorted(allowed)}"


def _attachments(pdf: Pdf) -> Iterator[Fault]:
    associated = {
        spec.objgen for thing in all_objects(pdf) if isinstance(thing, (Dictionary, Stream))
        for spec in listed(thing.get("/AF")) if spec.is_indirect
    }  # fmt: skip
    for spec in _file_specifications(pdf):
        name = str(spec.get("/UF", spec.get("/F", "?")))
        if not ("/F" in spec and "/UF" in spec):
            yield f"6.8 the attachment {name} has not both F and UF"
        if "/AFRelationship" not in spec:
            yield f"6.8 the attachment {name} has no AFRelationship"
        if spec.objgen not in associated:
            yield f"6.8 the attachment {name} is associated with nothing (AF)"
        for stream in spec.EF.values():
            if not MEDIA_TYPE.match(str(stream.get("/Subtype", ""))):
                yield f"6.8 the attachment {name} has no media type"


def _file_specifications(pdf: Pdf) -> Iterator[Object]:
    for thing in all_objects(pdf):
        if isinstance(thing, Dictionary) and "/EF" in thing:
            yield thing


def _pages(pdf: Pdf) -> Iterator[Fault]:
    for number, page in enumerate(pdf.pages, 1):
        left, bottom, right, top = (float(value) for value in page.mediabox)
        if not all(MIN_PAGE <= abs(side) <= MAX_PAGE for side in (right - left, top - bottom)):
            yield f"6.1.13 page {number} is smaller or larger than a page may be"
        if "/PresSteps" in page.obj:
            yield f"6.10 page {number} has PresSteps"


_DOCUMENT_RULES: tuple[Callable[[Pdf], Iterator[Fault]], ...] = (
    _trailer, _catalog, _output_intents, _metadata, _attachments, _pages,
)  # fmt: skip
