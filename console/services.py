"""What all pages share: store, clock, sessions, templates, and what was computed already."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from collector.alerts.matters import Seen
from collector.http.buckets import Buckets
from collector.http.log import Log
from collector.ingest import Clock
from collector.opening import OpenStore
from collector.settings import Settings
from collector.store.engine import Store
from collector.tls.settings import OFF
from console.access.accounts import Accounts
from console.access.sessions import Sessions
from console.access.tokens import Tokens
from console.checking.checks import Checks
from console.identity.interface import SigningInElsewhere
from console.reading.changes import Changes
from console.reading.snapshots import Snapshots
from console.rendering import Pages
from console.work.drafts import Drafts
from console.work.jobs import Jobs

SECURE_COOKIE = "__Host-starproof"
PLAIN_COOKIE = "starproof"


@dataclass(frozen=True)
class Console:
    """Everything behind the pages.

    ``url`` is where people find the console. ``stopping`` is set when the service begins to end.
    """

    opened: OpenStore
    settings: Settings
    url: str
    clock: Clock
    log: Log
    sessions: Sessions
    accounts: Accounts
    snapshots: Snapshots
    changes: Changes
    pages: Pages
    jobs: Jobs
    drafts: Drafts
    attempts: Buckets
    """How often an address may try to sign in."""
    checks: Checks
    """Packs that people check here."""
    tokens: Tokens
    """Of programs that read the data."""
    asked: Buckets
    """How often a token may ask."""
    federation: SigningInElsewhere | None = None
    """The identity provider at which people may sign in too, if the settings name one."""
    seen: Callable[[], Seen | None] = lambda: None
    """What the service saw when it last looked at everything, and what somebody must look at."""
    stopping: threading.Event = field(default_factory=threading.Event)
    uploads: threading.BoundedSemaphore = field(default_factory=lambda: threading.BoundedSemaphore(2))
    """Large files that are sent at once; each takes room on the disk."""
    streams: threading.BoundedSemaphore = field(default_factory=lambda: threading.BoundedSemaphore(64))
    """Live connections at once; each holds one of the server's."""

    @property
    def store(self) -> Store:
        """The collector's store."""
        return self.opened.store

    @property
    def zone(self) -> str:
        """The enterprise's time zone."""
        return self.opened.identity.timezone

    @property
    def enterprise(self) -> str:
        """Whose console it is."""
        return self.opened.identity.enterprise

    def is_secure(self, host: str) -> bool:
        """Return whether a request to this host came by TLS: the collector's own, or a proxy's at the public address."""
        if self.settings.tls.mode != OFF:
            return True
        parts = urlsplit(self.url)
        return parts.scheme == "https" and parts.netloc.casefold() == host.casefold()

    @property
    def proxied(self) -> bool:
        """Whether a proxy is said to be in front: people come by TLS, and it is not the collector's own."""
        return self.settings.tls.mode == OFF and urlsplit(self.settings.public_url or "").scheme == "https"

    def session_cookie(self, *, secure: bool) -> str:
        """Return the name of the cookie that holds a session's token.

        The prefix makes browsers insist on TLS and this very host; it cannot be used without TLS.
        """
        return SECURE_COOKIE if secure else PLAIN_COOKIE
