"""Reading scope and edition for a command."""

from __future__ import annotations

from pathlib import Path

from config import EDITIONS
from verifier.edition import Edition
from verifier.edition_file import parse_edition
from verifier.editions import DEFAULT_EDITION, edition_ids, load_edition
from verifier.errors import EditionError, ScopeError, VerifierError
from verifier.layout import sha256
from verifier.pack import Rules
from verifier.scope import Scope, parse_scope

MAX_SCOPE_BYTES = 8 * 1024 * 1024
MAX_EDITION_BYTES = 1024 * 1024
"""Fifty times the longest edition that ships."""


def read_rules(scope_file: Path | None) -> Rules:
    """Return the scope in ``scope_file`` and the edition that it names, or the default edition.

    Raises:
        ScopeError: the file cannot be read or used.
        EditionError: the scope names an edition that is not shipped.
    """
    scope: Scope | None = None
    scope_bytes = b""
    if scope_file is not None:
        scope_bytes = _read(scope_file, what="scope", most=MAX_SCOPE_BYTES, error=ScopeError)
        scope = parse_scope(scope_bytes)
    edition, edition_bytes = read_edition(None, scope.edition if scope else DEFAULT_EDITION)
    return Rules(edition, edition_bytes, scope, scope_bytes)


def read_edition(file: Path | None, edition_id: str) -> tuple[Edition, bytes]:
    """Return an edition with its bytes: the one in ``file``, else the shipped one called ``edition_id``.

    Raises:
        EditionError: the file cannot be read or used, or carries the id of an edition that ships
            and is not that edition; or none with this id ships.
    """
    if file is None:
        edition = load_edition(edition_id)
        return edition, (EDITIONS / f"{edition_id}.toml").read_bytes()
    data = _read(file, what="edition", most=MAX_EDITION_BYTES, error=EditionError)
    edition = parse_edition(data)
    if trusted_editions().get(edition.id, edition.sha256) != edition.sha256:
        raise EditionError(
            f"edition: id is {edition.id!r}, but {file} differs from the edition of that id which ships; "
            "give the changed one another id"
        )
    return edition, data


def trusted_editions() -> dict[str, str]:
    """Return SHA-256 by id of the editions that ship with this version."""
    return {name: sha256((EDITIONS / f"{name}.toml").read_bytes()) for name in edition_ids()}


def _read(path: Path, *, what: str, most: int, error: type[VerifierError]) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(most + 1)
    except OSError as cause:
        raise error(f"cannot read the {what} {path}: {cause.strerror}") from None
    if len(data) > most:
        raise error(f"the {what} {path} is larger than {most} bytes")
    return data
