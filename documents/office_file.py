"""Office files (OOXML, a ZIP archive) in one form: the same content gives the same bytes."""

from __future__ import annotations

import io
import re
import zipfile

DATE = (1980, 1, 1, 0, 0, 0)
"""The earliest that a ZIP archive knows; says that there is none."""
CORE = "docProps/core.xml"
MIME_FIRST = "[Content_Types].xml"
INSTANT = "1980-01-01T00:00:00Z"
_STAMP = re.compile(rb"(<dcterms:(created|modified)\b[^>]*>)[^<]*(</dcterms:\2>)")
_REGULAR_FILE_644 = 0o100644 << 16


def settled(data: bytes) -> bytes:
    """Return the office file ``data`` with fixed dates and its entries in a fixed order."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for name in sorted(old.namelist(), key=lambda entry: (entry != MIME_FIRST, entry)):
            body = old.read(name)
            if name == CORE:
                body = _STAMP.sub(rb"\g<1>" + INSTANT.encode() + rb"\g<3>", body)
            info = zipfile.ZipInfo(name, DATE)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = _REGULAR_FILE_644
            new.writestr(info, body)
    return out.getvalue()
