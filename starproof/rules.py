"""Reading what is declared for a command: scope, edition, profile."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path

from config import EDITIONS
from declaring.profiles import profile_data, read_documents
from verifier.declaration import Declared as ScopeRecord
from verifier.declaration import declared_versions
from verifier.derivation import Declared
from verifier.edition import Edition
from verifier.edition_file import parse_edition
from verifier.editions import DEFAULT_EDITION, edition_ids, load_edition
from verifier.errors import EditionError, ScopeError, VerifierError
from verifier.layout import sha256
from verifier.pack import Rules
from verifier.profile_file import parse_profile, profile_edition
from verifier.scope import parse_scope

MAX_SCOPE_BYTES = 8 * 1024 * 1024
MAX_EDITION_BYTES = 1024 * 1024
"""Fifty times the longest edition that ships."""


def add_declared(arguments: argparse.ArgumentParser, *, profile: bool) -> None:
    """Add ``--scope``, ``--edition`` and, if asked for, ``--profile``."""
    arguments.add_argument(
        "--scope",
        type=Path,
        metavar="FILE",
        help="scope 申报范围 (TOML); default: the last one declared with starproof scope declare",
    )
    arguments.add_argument(
        "--edition",
        type=Path,
        metavar="FILE",
        help="an edition that does not ship 评定版本 (TOML); default: the one that scope or profile names",
    )
    if profile:
        arguments.add_argument(
            "--profile", type=Path, metavar="FILE", help="what the enterprise declares 申报资料 (TOML)"
        )


def read_rules(
    records: Sequence[ScopeRecord] = (),
    *,
    scope_file: Path | None = None,
    edition_file: Path | None = None,
    profile_file: Path | None = None,
    documents: bool = False,
) -> Rules:
    """Return what is declared: scope, edition and profile, with their bytes.

    Args:
        records: the declared versions of the scope, as the store keeps them.
        scope_file: a scope; by default the last one declared, if any.
        edition_file: an edition; by default the shipped one that the scope names, else the profile.
        profile_file: what the enterprise declares.
        documents: read the documents that the profile names, too.

    Raises:
        ScopeError: the scope cannot be read or used.
        EditionError: the edition cannot be read or used, or does not ship.
        ProfileError: the profile or one of its documents cannot be read or used.
        DeclarationError: the store's records of declared scopes contradict one another.
    """
    versions = declared_versions(records)
    scope_bytes = versions[-1].data if versions else b""
    if scope_file is not None:
        scope_bytes = read_scope_file(scope_file)
    scope = parse_scope(scope_bytes) if scope_bytes or scope_file is not None else None
    profile_bytes = b"" if profile_file is None else profile_data(profile_file)
    named = scope.edition if scope else profile_edition(profile_bytes) if profile_bytes else DEFAULT_EDITION
    edition, edition_bytes = read_edition(edition_file, named)
    profile = None if profile_file is None else parse_profile(profile_bytes, edition)
    found: Mapping[str, bytes] = {}
    if documents and profile is not None and profile_file is not None:
        found = read_documents(profile, profile_file.parent)
    return Rules(
        declared=Declared(edition, scope, versions, profile),
        edition_bytes=edition_bytes,
        scope_bytes=scope_bytes,
        scope_records=records,
        profile_bytes=profile_bytes,
        documents=found,
    )


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


def trusted_editions(more: Path | None = None) -> dict[str, str]:
    """Return SHA-256 by id of the editions that ship with this version, and of one more that is given.

    Raises:
        EditionError: that one cannot be read, or carries the id of another that ships.
    """
    trusted = {name: sha256((EDITIONS / f"{name}.toml").read_bytes()) for name in edition_ids()}
    if more is not None:
        edition, _ = read_edition(more, "")
        trusted[edition.id] = edition.sha256
    return trusted


def read_scope_file(path: Path) -> bytes:
    """Return the bytes of a scope file.

    Raises:
        ScopeError: the file cannot be read, or is too large.
    """
    return _read(path, what="scope", most=MAX_SCOPE_BYTES, error=ScopeError)


def _read(path: Path, *, what: str, most: int, error: type[VerifierError]) -> bytes:
    if path.exists() and not path.is_file():  # a pipe would wait for ever
        raise error(f"cannot read the {what} {path}: it is not a file")
    try:
        with path.open("rb") as file:
            data = file.read(most + 1)
    except OSError as cause:
        raise error(f"cannot read the {what} {path}: {cause.strerror}") from None
    if len(data) > most:
        raise error(f"the {what} {path} is larger than {most} bytes")
    return data
