"""Why a seal could not be made, or not be judged. A seal that is wrong is a finding, not an error."""

from __future__ import annotations

from typing import ClassVar


class SealError(Exception):
    """A seal cannot be made or judged; the message says what to do."""

    code: ClassVar[str] = "SEAL"


class ToolError(SealError):
    """The program ``openssl`` is missing, too old, or fails."""

    code: ClassVar[str] = "SEAL_TOOL"
