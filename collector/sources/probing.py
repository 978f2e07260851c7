"""One thing tried: a refusal is an answer that says which permission is missing."""

from __future__ import annotations

from collections.abc import Callable

from collector.sources.errors import PermissionMissing, SourceError
from collector.sources.interface import Probe


def tried(what: str, question: Callable[[], object]) -> Probe:
    """Return how ``question`` went; ``what`` says in words what it asks for."""
    try:
        question()
    except PermissionMissing as error:
        return Probe(what, ok=False, detail=str(error), permission_missing=error.permission)
    except SourceError as error:
        return Probe(what, ok=False, detail=str(error))
    return Probe(what, ok=True, detail="answered")
