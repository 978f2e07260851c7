"""The editions that there are here: those that ship, and those that somebody added."""

from __future__ import annotations

from collections.abc import Sequence

from collector.store import editions
from collector.store.engine import Store
from verifier.edition import Edition
from verifier.edition_file import parse_edition
from verifier.editions import edition_ids, load_edition


def ids_of(store: Store) -> Sequence[str]:
    """Return the ids of all editions, those that ship first."""
    with store.reading() as connection:
        added = editions.ids(connection)
    shipped = edition_ids()
    return [*shipped, *(one for one in added if one not in shipped)]


def file_of(store: Store, edition_id: str) -> bytes | None:
    """Return the file of an edition that was added, ``None`` for those that ship and those that are not here."""
    if edition_id in edition_ids():
        return None
    with store.reading() as connection:
        return editions.find(connection, edition_id)


def edition_named(store: Store, edition_id: str) -> Edition | None:
    """Return an edition, ``None`` if it is not here.

    Raises:
        EditionError: the file that was added is damaged.
    """
    if edition_id in edition_ids():
        return load_edition(edition_id)
    file = file_of(store, edition_id)
    return None if file is None else parse_edition(file)
