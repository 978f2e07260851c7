"""Errors of the documents. The class docstring says what the class of fault is.

DocumentsError
├── FontError      no font that can show Chinese was found
└── RenderError    a report cannot be drawn as it was handed over
"""

from __future__ import annotations

from typing import ClassVar


class DocumentsError(Exception):
    """A document cannot be made."""

    code: ClassVar[str] = "DOCUMENTS"


class FontError(DocumentsError):
    """No font that can show Chinese was found; install one or name one."""

    code: ClassVar[str] = "FONT"


class RenderError(DocumentsError):
    """A report cannot be drawn as it was handed over."""

    code: ClassVar[str] = "RENDER"
