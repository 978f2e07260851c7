"""What an application is made of as it stands: profile, scope, what is missing, months that can be packed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import Connection

from collector.store import profiles, standing
from collector.store.archive import StoreArchive
from collector.store.engine import Store
from collector.store.profiles import SavedProfile
from console.reading.archives import EnterpriseAlone
from console.reading.editions import edition_named
from declaring.profile_check import Missing, computed_figures, missing
from evidence.calendar import LocalCalendar
from verifier.declaration import ScopeVersion, declared_versions
from verifier.edition import Edition
from verifier.editions import load_edition
from verifier.errors import ProfileError
from verifier.profile import Document, Profile
from verifier.profile_file import parse_profile, profile_edition

MOST_MONTHS = 36


@dataclass(frozen=True)
class Applicant:
    """The profile as it is saved; ``saved`` and ``profile`` are ``None`` before the first time.

    ``problem``: why the saved one cannot be read with the edition, empty if it can.
    """

    edition: Edition
    saved: SavedProfile | None
    profile: Profile | None
    problem: str = ""


def edition_of(store: Store) -> Edition:
    """Return the edition that the declared scope names, else the profile, else the usual one."""
    scopes = versions_of(store)
    declared = edition_named(store, scopes[-1].scope.edition) if scopes else None
    if declared is not None:
        return declared
    with store.reading() as connection:
        saved = profiles.newest(connection)
    named = None if saved is None else profile_edition(saved.file)
    return (edition_named(store, named) if named else None) or load_edition()


def versions_of(store: Store) -> Sequence[ScopeVersion]:
    """Return the declared versions of the scope.

    Raises:
        DeclarationError: they are damaged.
    """
    return declared_versions(EnterpriseAlone(store).scope_versions())


def read_applicant(connection: Connection, edition: Edition) -> Applicant:
    """Return the profile that was saved last."""
    saved = profiles.newest(connection)
    if saved is None:
        return Applicant(edition, None, None)
    try:
        return Applicant(edition, saved, parse_profile(saved.file, edition))
    except ProfileError as error:
        return Applicant(edition, saved, None, str(error))


def document_sizes(connection: Connection, profile: Profile) -> Mapping[str, int]:
    """Return the sizes in bytes of the profile's documents that are kept, by SHA-256."""
    return profiles.sizes(connection, {one.sha256 for one in profile.documents})


def what_is_missing(store: Store, profile: Profile, edition: Edition) -> Sequence[Missing]:
    """Return what the profile lacks for the form.

    Raises:
        LedgerError: the ledger is damaged.
        StoreError: the store cannot be read.
    """
    with store.reading() as connection:
        sizes = document_sizes(connection, profile)

    def size_of(document: Document) -> int:
        if document.sha256 not in sizes:
            raise ProfileError(f"the document {document.id!r} is not kept here; upload it")
        return sizes[document.sha256]

    return missing(profile, edition, size_of, computed=computed_figures(StoreArchive(store), edition))


def months_of(store: Store, zone: str, now_ms: int) -> Sequence[str]:
    """Return the months with day sums until this one, the newest first, ``MOST_MONTHS`` at most."""
    with store.reading() as connection:
        first = standing.first_day(connection)
    if first is None:
        return []
    day = LocalCalendar(zone).day_of(now_ms)
    found: list[str] = []
    while day >= first and len(found) < MOST_MONTHS:
        month = date.fromordinal(day)
        found.append(f"{month:%Y-%m}")
        day = month.replace(day=1).toordinal() - 1
    return found
