"""What keeps an audit from being carried out."""

from __future__ import annotations

from typing import ClassVar

from verifier.errors import VerifierError


class AuditError(VerifierError):
    """An audit cannot be carried out as it was asked for."""

    code: ClassVar[str] = "AUDIT"
