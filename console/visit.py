"""A visit: one request with who makes it, its language, its form, and what answers need."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from collector.store import registry
from console.access.roles import Need, may
from console.access.sessions import Known, csrf_of, fresh_token
from console.language import TAGS
from console.naming import may_be_named

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from console.services import Console

SEE_OTHER = 303
SAID = "said"
"""The cookie with what the next page says: no link can make a page say that something was done."""
MOST_QUERY = 1024
_MONTH = re.compile(r"\d{4}-\d{2}\Z", re.ASCII)
REFUSED = 422
"""A form that cannot be taken as it is."""


class NotFoundError(Exception):
    """What was asked for does not exist; the answer is the page for that, with status 404."""


@dataclass
class Visit:
    """One request.

    ``form`` holds the fields of a form, ``many`` all values of each (boxes of one name), ``files`` what
    was uploaded with it, open for reading until the answer is sent.
    """

    request: Request
    console: Console
    token: str
    secure: bool
    language: str
    person: Known | None = None
    form: Mapping[str, str] = field(default_factory=dict)
    many: Mapping[str, Sequence[str]] = field(default_factory=dict)
    files: Mapping[str, UploadFile] = field(default_factory=dict)
    uploads: Mapping[str, Sequence[UploadFile]] = field(default_factory=dict)
    """All files of each field, without those that were not chosen."""
    once: bool = False
    """The answer shows what is never shown again: nothing on the page leads away by mistake."""
    cookies: dict[str, str | None] = field(default_factory=dict)
    """Values of cookies that the answer sets; ``None`` removes one."""

    @property
    def now_ms(self) -> int:
        """The wall clock in ms since 1970."""
        return self.console.clock()

    @property
    def query(self) -> Mapping[str, str]:
        """What stands behind the question mark."""
        return self.request.query_params

    @property
    def path(self) -> str:
        """The path asked for."""
        return str(self.request.url.path)

    @property
    def month(self) -> str:
        """The month that the address names (``YYYY-MM``), to stay with it; empty if it names none."""
        month = self.query.get("month", "")
        return month if _MONTH.match(month) else ""

    @property
    def here(self) -> str:
        """The path with its query (unless that is longer than any of ours), to come back to."""
        query = self.request.url.query
        return f"{self.path}?{query}" if 0 < len(query) <= MOST_QUERY else self.path

    @cached_property
    def csrf(self) -> str:
        """What forms must carry; a browser without a token gets one."""
        if not self.token:
            self.token = fresh_token()
            self.cookies[self.console.session_cookie(secure=self.secure)] = self.token
        return csrf_of(self.token)

    @cached_property
    def nameless(self) -> bool:
        """Whether who visits can and should name the enterprise."""
        unnamed = self.may(Need.ADMINISTER) and self.console.enterprise == registry.DEFAULT_ENTERPRISE
        return unnamed and may_be_named(self.console.store, self.console.settings)

    @property
    def html_language(self) -> str:
        """The language as HTML and the documents name it."""
        return TAGS[self.language]

    @property
    def actor(self) -> str:
        """Who acts, for the audit trail."""
        return self.person.name if self.person else ""

    def number(self, name: str) -> int:
        """Return a whole number of the path.

        Raises:
            NotFoundError: it is none that the store could hold.
        """
        text = str(self.request.path_params[name])
        if not (text.isascii() and text.isdigit() and len(text) < 19):  # noqa: PLR2004 - below 2^63
            raise NotFoundError
        return int(text)

    def may(self, need: Need) -> bool:
        """Return whether who visits may do this."""
        return may(self.person.role if self.person else None, need)

    def t(self, key: str, **values: object) -> str:
        """Return words in the visit's language."""
        return self.console.pages.say(key, self.language, **values)

    def render(self, template: str, *, status: int = 200, **context: Any) -> Response:
        """Return a page from a template."""
        return HTMLResponse(self.console.pages.render(template, self, context), status_code=status)

    def back_to(self, path: str, *, said: str = "") -> Response:
        """Return the answer of a form that was taken: go there and say so there, once (a key of words)."""
        if said:
            self.cookies[SAID] = said
        return RedirectResponse(path, SEE_OTHER)

    def said(self) -> str:
        """Return the key of what was done just now, empty if nothing was; the page that says it says it once."""
        said = self.request.cookies.get(SAID, "")
        if said:
            self.cookies.setdefault(SAID, None)
        return said if said.endswith("_done") and self.console.pages.knows(said) else ""

    def note(self, connection: Connection, action: str, detail: str = "") -> None:
        """Add what was done to the audit trail, in the transaction that does it."""
        registry.note(connection, now_ms=self.now_ms, actor=self.actor, action=action, detail=detail)


def local(path: str | None, *, otherwise: str = "/") -> str:
    """Return a path of this console that somebody else named, or ``otherwise`` if it leads elsewhere."""
    if not path or not path.startswith("/") or not path.isprintable() or "\\" in path:
        return otherwise
    try:
        parts = urlsplit(path)
    except ValueError:
        return otherwise
    if parts.scheme or parts.netloc or path.startswith("//"):
        return otherwise
    return path
