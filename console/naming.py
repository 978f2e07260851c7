"""The enterprise's name: given once, while no record names it yet."""

from __future__ import annotations

from collector.errors import SettingsError
from collector.settings import enterprise_name
from collector.store import registry
from collector.store.engine import Store


class NamingError(Exception):
    """The enterprise cannot be named so, or no longer. ``words`` is the key of the reason's words."""

    def __init__(self, words: str) -> None:
        super().__init__(words)
        self.words = words


def may_be_named(store: Store) -> bool:
    """Return whether the enterprise has no name and can still get one.

    Raises:
        StoreError: the store cannot be read.
    """
    with store.reading() as connection:
        return registry.may_be_named(connection)


def checked(text: str) -> str:
    """Return ``text`` without blanks at its ends if it can name an enterprise.

    Raises:
        NamingError: it cannot.
    """
    try:
        name = enterprise_name(text.strip())
    except SettingsError:
        raise NamingError("enterprise.rule") from None
    if name == registry.DEFAULT_ENTERPRISE:
        raise NamingError("enterprise.placeholder")
    return name


def name_enterprise(store: Store, text: str, *, actor: str, now_ms: int) -> None:
    """Name the enterprise, in the audit trail under ``actor``.

    Raises:
        NamingError: it cannot be named so, or has a name that records carry.
        StoreError: nothing was changed.
    """
    name = checked(text)
    with store.writing() as connection:
        registry.locked_identity(connection)
        if not registry.may_be_named(connection):
            raise NamingError("enterprise.fixed")
        registry.set_up(connection, enterprise=name, timezone=None, now_ms=now_ms, actor=actor)
