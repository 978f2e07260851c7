"""Declaring a scope: checked against its edition, then kept with its record, in the log and the audit trail."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from collector.store.engine import Store
from collector.store.scopes import Declared, Declaring, declare
from verifier.declaration import next_record
from verifier.definitions import chosen
from verifier.edition import Edition
from verifier.errors import EditionError
from verifier.scope import Scope


def require_definitions(scope: Scope, edition: Edition) -> None:
    """Look the scope's definitions up: a misspelt one is better found now than after the window.

    Raises:
        EditionError: the edition is not the one that the scope asks for.
        VerifierError: a definition does not exist.
    """
    if edition.id != scope.edition:
        raise EditionError(f"the scope asks for {scope.edition!r}, and --edition holds {edition.id!r}")
    chosen(edition, scope)


def declare_scope(
    store: Store, data: bytes, *, edition: Edition | None, clock: Callable[[], int], actor: str = "operator"
) -> Declaring:
    """Keep the scope file ``data`` as the next version, with its edition's hash in the log beside it.

    Raises:
        ScopeError: it cannot be used as a scope, or is another enterprise's.
        UnchangedScopeError: the newest version is this very file.
        StoreError: the store cannot be written.
    """

    def record(enterprise: str, before: Sequence[Declared], now_ms: int) -> bytes:
        return next_record(before, data, enterprise=enterprise, declared_ms=now_ms)

    return declare(
        store,
        data,
        record=record,
        clock=clock,
        edition=None if edition is None else edition.sha256,
        actor=actor,
    )
