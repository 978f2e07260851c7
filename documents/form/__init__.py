"""The application form 星级上云企业评定申请表 as a DOCX file."""

from __future__ import annotations

from documents.form.errors import FormError
from documents.form.write import form_docx

__all__ = ["FormError", "form_docx"]
