"""The bytes of the file: the same parts give the same bytes, whenever and wherever they are written."""

from __future__ import annotations

import io
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from docx.document import Document

FIRST = "[Content_Types].xml"
"""Readers expect the list of types at the beginning."""
FIXED_TIME = (1980, 1, 1, 0, 0, 0)
"""The earliest instant that a ZIP file can write."""
UNIX = 3
READABLE = 0o644 << 16


def package_bytes(document: Document) -> bytes:
    """Return the DOCX file of ``document``: parts in a fixed order, no clock, no machine."""
    written = io.BytesIO()
    document.save(written)
    result = io.BytesIO()
    with ZipFile(written) as parts, ZipFile(result, "w") as file:
        for name in sorted(parts.namelist(), key=lambda name: (name != FIRST, name)):
            entry = ZipInfo(name, FIXED_TIME)
            entry.compress_type = ZIP_DEFLATED
            entry.create_system = UNIX
            entry.external_attr = READABLE
            file.writestr(entry, parts.read(name))
    return result.getvalue()
