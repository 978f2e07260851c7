"""Errors of sources of accounts. No message repeats what a source answered: it may be somebody's name."""

from __future__ import annotations

from typing import ClassVar

from collector.errors import CollectorError


class AccountsError(CollectorError):
    """A source of accounts cannot be read; nothing of it was stored."""

    code: ClassVar[str] = "ACCOUNTS"
