"""The enterprise's name: given here, and corrected here, until a record carries it."""

from __future__ import annotations

from collector.errors import SettingsError
from collector.settings import Settings, enterprise_name
from collector.store import registry
from collector.store.engine import Store


class NamingError(Exception):
    """The enterprise cannot be named so, or no longer. ``words`` is the key of the reason's words."""

    def __init__(self, words: str) -> None:
        super().__init__(words)
        self.words = words


def may_be_named(store: Store, settings: Settings) -> bool:
    """Return whether the name can be given or corrected here: no record carries it, and no settings file says it.

    What the file says would come back at the next start, or keep the collector from starting once a record
    carries another name.

    Raises:
        StoreError: the store cannot be read.
    """
    if settings.enterprise is not None:
        return False
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


def name_enterprise(store: Store, settings: Settings, text: str, *, actor: str, now_ms: int) -> None:
    """Name the enterprise, in the audit trail under ``actor``; the name that it has already changes nothing.

    Raises:
        NamingError: it cannot be named so, has a name that records carry, or the settings file says it.
        StoreError: nothing was changed.
    """
    name = checked(text)
    if settings.enterprise is not None:
        raise NamingError("enterprise.in_settings")
    with store.writing() as connection:
        registry.locked_identity(connection)
        if not registry.may_be_named(connection):
            raise NamingError("enterprise.fixed")
        registry.set_up(connection, enterprise=name, timezone=None, now_ms=now_ms, actor=actor)
