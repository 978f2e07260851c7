"""The editions that ship with StarProof. The one module here that reads package data."""

from __future__ import annotations

from config import EDITIONS
from verifier.edition import Edition
from verifier.edition_file import parse_edition
from verifier.errors import EditionError
from verifier.toml_table import nearest

DEFAULT_EDITION = "jiangsu-2018-trial"
"""The only edition whose table of thresholds is known in full."""
_SUFFIX = ".toml"


def edition_ids() -> list[str]:
    """Return the ids of the editions that ship, sorted."""
    return sorted(
        entry.name.removesuffix(_SUFFIX) for entry in EDITIONS.iterdir() if entry.name.endswith(_SUFFIX)
    )


def load_edition(edition_id: str = DEFAULT_EDITION) -> Edition:
    """Return the edition with this id.

    Raises:
        EditionError: no such edition ships, or its file says another id.
    """
    known = edition_ids()
    if edition_id not in known:
        raise EditionError(
            f"edition {edition_id!r} does not ship with StarProof{nearest(edition_id, known)}; "
            f"known are {', '.join(known)}; give the file of another one with --edition FILE"
        )
    edition = parse_edition((EDITIONS / f"{edition_id}{_SUFFIX}").read_bytes())
    if edition.id != edition_id:
        raise EditionError(f"the file {edition_id}{_SUFFIX} describes the edition {edition.id!r}")
    return edition
