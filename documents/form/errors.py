"""The error of the form."""

from __future__ import annotations

from typing import ClassVar

from verifier.errors import VerifierError


class FormError(VerifierError):
    """The application form cannot be drawn from what was handed over."""

    code: ClassVar[str] = "FORM"
