"""Extras: what a command needs beyond the bare install, and what to type when it is missing."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from typing import ClassVar

from verifier.errors import VerifierError

DOCUMENTS = ("docx", "jinja2", "typst", "vl_convert")
PAGE = ("jinja2",)
COLLECTOR = ("sqlalchemy", "alembic")


class MissingExtraError(VerifierError):
    """An extra that the command needs is not installed."""

    code: ClassVar[str] = "MISSING_EXTRA"


def require_documents() -> None:
    """Refuse to render without the extra ``documents``.

    Raises:
        MissingExtraError: it is not installed.
    """
    _require("documents", DOCUMENTS)


def require_page() -> None:
    """Refuse to write the page of a check without the extra ``verifier``.

    Raises:
        MissingExtraError: it is not installed.
    """
    _require("verifier", PAGE)


def require_collector() -> None:
    """Refuse to open a store without the extra ``collector``.

    Raises:
        MissingExtraError: it is not installed.
    """
    _require("collector", COLLECTOR)


def _require(extra: str, packages: Sequence[str]) -> None:
    missing = [name for name in packages if find_spec(name) is None]
    if missing:
        raise MissingExtraError(
            f"this needs the extra {extra!r}: pip install 'starproof[{extra}]' ({', '.join(missing)} missing)"
        )
