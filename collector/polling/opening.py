"""Opening an account's source so that none of its secrets gets out by way of what we write."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from collector.errors import CollectorError
from collector.polling.accounts import Account
from collector.sources.calling import Clocks, Patience
from collector.sources.errors import PluginError, SourceError
from collector.sources.interface import Source
from collector.sources.redaction import LogRedaction, Redactor
from collector.sources.registry import Plugins, Tools
from collector.sources.secrets import Secret

ReadSecret = Callable[[str], Secret]


class Keys:
    """Reads secrets and remembers them: everything that this process writes is redacted of them all."""

    def __init__(self, read: ReadSecret) -> None:
        self._read = read
        self._secrets: set[Secret] = set()
        self._redactor = Redactor()

    def read(self, reference: str) -> Secret:
        """Return the secret that a reference leads to. Raises as ``sources.secrets.read_secret``."""
        secret = self._read(reference)
        if secret not in self._secrets:
            self._secrets = {*self._secrets, secret}
            self._redactor = Redactor(self._secrets)
        return secret

    @property
    def redactor(self) -> Redactor:
        """A redactor of everything that was read so far."""
        return self._redactor

    def redacted(self, text: str) -> str:
        """Return ``text`` without what was read so far."""
        return self._redactor.text(text)


class LogFilter(logging.Filter):
    """For a handler: redacts what libraries log. SDKs log addresses with signatures."""

    def __init__(self, keys: Keys) -> None:
        super().__init__()
        self._keys = keys

    def filter(self, record: logging.LogRecord) -> bool:
        """Rewrite the record's text; every record passes."""
        return LogRedaction(self._keys.redactor).filter(record)


@contextmanager
def redacted_logging(keys: Keys, handler: logging.Handler) -> Iterator[None]:
    """Give ``handler`` what libraries log, redacted; without one Python prints warnings as they are."""
    handler.addFilter(LogFilter(keys))
    root = logging.getLogger()
    root.addHandler(handler)
    try:
        yield
    finally:
        root.removeHandler(handler)


def open_source(
    account: Account, plugins: Plugins, *, clocks: Clocks, keys: Keys, patience: Patience | None = None
) -> Source:
    """Return the source of an account.

    Raises:
        SourceError: it cannot be opened; redacted.
    """
    tools = Tools(clocks, keys.read, patience or Patience())
    with explained(keys, f"source {account.alias}"):
        return plugins.open(account.provider, account.opened_with, tools)


@contextmanager
def explained(keys: Keys, what: str) -> Iterator[None]:
    """Turn whatever a source raises into a ``SourceError`` without secrets.

    Raises:
        SourceError: what was raised, or in place of what a plug-in should not have raised.
    """
    try:
        yield
    except SourceError as error:
        keys.redactor.scrub(error)
        raise
    except CollectorError as error:  # what a plug-in says of its settings
        said = keys.redactor.text(str(error))
        raise PluginError(said if said.startswith(f"{what}: ") else f"{what}: {said}") from None
    except Exception as error:  # noqa: BLE001 - a third party's code may raise anything
        detail = keys.redactor.text(f"{type(error).__name__}: {error}")
        raise PluginError(f"{what} failed: {detail}") from None
