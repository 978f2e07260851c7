"""Reading scope and edition for a command."""

from __future__ import annotations

from pathlib import Path

from config import EDITIONS
from verifier.edition_file import parse_edition
from verifier.editions import DEFAULT_EDITION, edition_ids
from verifier.errors import EditionError, ScopeError
from verifier.layout import sha256
from verifier.pack import Rules
from verifier.scope import Scope, parse_scope

MAX_SCOPE_BYTES = 8 * 1024 * 1024


def read_rules(scope_file: Path | None) -> Rules:
    """Return the scope in ``scope_file`` and the edition that it names, or the default edition.

    Raises:
        ScopeError: the file cannot be read or used.
        EditionError: the scope names an edition that is not shipped.
    """
    scope: Scope | None = None
    scope_bytes = b""
    if scope_file is not None:
        scope_bytes = _read(scope_file)
        scope = parse_scope(scope_bytes)
    edition_id = scope.edition if scope else DEFAULT_EDITION
    if edition_id not in edition_ids():
        raise EditionError(f"the edition {edition_id!r} is not shipped; there are {', '.join(edition_ids())}")
    edition_bytes = (EDITIONS / f"{edition_id}.toml").read_bytes()
    return Rules(parse_edition(edition_bytes), edition_bytes, scope, scope_bytes)


def trusted_editions() -> dict[str, str]:
    """Return SHA-256 by id of the editions that ship with this version."""
    return {name: sha256((EDITIONS / f"{name}.toml").read_bytes()) for name in edition_ids()}


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_SCOPE_BYTES + 1)
    except OSError as error:
        raise ScopeError(f"cannot read the scope {path}: {error.strerror}") from None
    if len(data) > MAX_SCOPE_BYTES:
        raise ScopeError(f"the scope {path} is larger than {MAX_SCOPE_BYTES} bytes")
    return data
