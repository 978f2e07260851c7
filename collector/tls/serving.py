"""Serving with a certificate that may change: nobody's connection is cut, and a bad new one is not taken.

The server has one TLS context for its whole life; each new connection is handed, in its first message, to
the context of the newest certificate. A certificate is loaded whole before it is put in place.
"""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from collector.errors import CollectorError
from collector.http.log import Log
from collector.tls.interface import Loaded, Now, Served, Source

CHECK_S = 5.0
"""Files are looked at this often, and at once after SIGHUP."""
WARN_BEFORE = timedelta(days=21)
WARN_EVERY = timedelta(days=1)


class Certificates:
    """The certificate in force."""

    def __init__(self, source: Source, *, now: Now, log: Log) -> None:
        """Load the certificate.

        Raises:
            CollectorError: it cannot be used.
        """
        self._source = source
        self._now = now
        self._log = log
        self._version = source.version()
        self._current = source.load()
        self._refused: object = None
        self._problem = ""
        self._warned = now() - WARN_EVERY
        self._wake = threading.Event()
        self._stopping = False
        self.context: ssl.SSLContext = self._current.context
        self.context.sni_callback = self._choose
        self._tell("tls", self._current)
        self._warn()

    def ca_pem(self) -> bytes:
        """Return the certificate that hosts pin. Raises CollectorError."""
        return self._source.ca_pem()

    def served(self) -> Served:
        """Return when the certificate in force holds, and why a newer one is not taken."""
        return Served(self._current.since, self._current.until, self._problem)

    def look_soon(self) -> None:
        """Look at the files now; may be called from a signal handler."""
        self._version = self._refused = None
        self._wake.set()

    def look(self) -> None:
        """Take a new certificate if there is one; a bad one is reported and the one before stays."""
        try:
            version = self._source.version()
            if version not in (self._version, self._refused):
                self._current = self._source.load()
                self._version, self._refused, self._problem = version, None, ""
                self._tell("tls_reloaded", self._current)
            elif version == self._version:
                self._refused, self._problem = None, ""
        except CollectorError as error:
            self._refused, self._problem = self._seen(), str(error)
            self._log("tls_not_reloaded", level="error", message=f"{error}; the one before stays in use")
        self._warn()

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Look at the files again and again, in a thread of its own."""
        thread = threading.Thread(target=self._watch, name="starproof-tls", daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._stopping = True
            self._wake.set()
            thread.join()

    def _watch(self) -> None:
        while not self._stopping:
            self._wake.wait(CHECK_S)
            self._wake.clear()
            if not self._stopping:
                self.look()

    def _seen(self) -> object:
        try:
            return self._source.version()
        except CollectorError:
            return None

    def _choose(self, connection: ssl.SSLObject | ssl.SSLSocket, _name: str | None, _context: object) -> None:
        connection.context = self._current.context

    def _tell(self, event: str, loaded: Loaded) -> None:
        self._log(event, names=" ".join(loaded.names), until=f"{loaded.until:%Y-%m-%d}", ca_sha256=loaded.pin)

    def _warn(self) -> None:
        now = self._now()
        if self._current.until - now < WARN_BEFORE and now - self._warned >= WARN_EVERY:
            self._warned = now
            message = (
                f"the certificate ends {self._current.until:%Y-%m-%d}; hosts will then refuse this collector"
            )
            self._log("certificate_ends", level="error", message=message)
