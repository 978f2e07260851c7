"""Speaks with the identity provider: what it publishes, its keys, and the exchange of a code for a token.

Every question is bounded in time and size, follows no redirect and is asked a few at once; the addresses come from
the discovery document, which must name the very issuer of the settings. What was read is kept for an hour; keys are asked
for again when a token names an unknown one, but at most once a minute, whatever tokens come.
"""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from joserfc.jwk import Key

from collector.errors import CollectorError
from collector.oidc_settings import Oidc
from collector.sources.calling import real_clocks
from collector.sources.secrets import Secret
from collector.sources.web import Reach, Reply, Web
from console.identity.claims import keys_of
from console.identity.errors import AnswerError, UnreachableError

DISCOVERY = "/.well-known/openid-configuration"
MOST_BYTES = 256 * 1024
KEPT_S = 3_600
KEYS_AGAIN_S = 60
AT_ONCE = 4
WAIT_S = 5
"""For one of the turns; then the person is told to try again."""
REACH = Reach(connect_s=5, read_s=10, total_s=15, most_bytes=MOST_BYTES)
METHODS = ("client_secret_basic", "client_secret_post")
_OK = 200
_FORM = {"Content-Type": "application/x-www-form-urlencoded"}
_ASK = {"Accept": "application/json", "Accept-Encoding": "identity"}  # what is not packed cannot unfold
_SERVER_FAULT = 500
_TOO_MANY = 429


@dataclass(frozen=True)
class Published:
    """What the discovery document says, as far as it matters here."""

    authorization: str
    token: str
    keys: str
    method: str
    names_itself: bool
    """Whether every answer to the browser holds ``iss`` (RFC 9207)."""


class Provider:
    """The provider of the settings; threads may share it. ``monotonic`` in seconds."""

    def __init__(
        self,
        settings: Oidc,
        secret: Secret | None,
        *,
        monotonic: Callable[[], float],
        web: Web | None = None,
    ) -> None:
        """Prepare; nothing is asked yet.

        Raises:
            SettingsError: the certificates cannot be used.
        """
        reach = Reach(REACH.connect_s, REACH.read_s, REACH.total_s, REACH.most_bytes, settings.ca_file)
        self.settings = settings
        self._secret = secret
        self._monotonic = monotonic
        self._web = web or Web(real_clocks(), reach)
        self._lock = threading.Lock()
        self._turns = threading.BoundedSemaphore(AT_ONCE)
        self._published: tuple[float, Published] | None = None
        self._keys: tuple[float, tuple[Key, ...]] | None = None

    def published(self) -> Published:
        """Return what the provider publishes about itself.

        Raises:
            IdentityError: it does not answer, or what it answers cannot be believed.
        """
        with self._lock:
            kept = self._published
        if kept is not None and self._monotonic() - kept[0] < KEPT_S:
            return kept[1]
        where = "discovery"
        document = self._read(self.settings.issuer.rstrip("/") + DISCOVERY, where)
        if document.get("issuer") != self.settings.issuer:
            raise AnswerError(
                f"{where}: the document is another issuer's; oidc.issuer must be equal, letter by letter"
            )
        found = _published(document, plain_allowed=urlsplit(self.settings.issuer).scheme == "http")
        with self._lock:
            self._published = (self._monotonic(), found)
        return found

    def keys(self, *, again: bool = False) -> tuple[Key, ...]:
        """Return the keys for signatures; ``again``: a token named one that was not among them.

        Raises:
            IdentityError: as ``published``.
        """
        with self._lock:
            kept = self._keys
        age_s = KEPT_S if kept is None else self._monotonic() - kept[0]
        if kept is not None and age_s < (KEYS_AGAIN_S if again else KEPT_S):
            return kept[1]
        found = keys_of(self._read(self.published().keys, "keys"))
        with self._lock:
            self._keys = (self._monotonic(), found)
        return found

    def token(self, code: str, *, verifier: str, back: str) -> str:
        """Return the ID token for a code.

        Raises:
            IdentityError: as ``published``, or the provider refuses the code.
        """
        published, headers = self.published(), {**_ASK, **_FORM}
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": back,
            "code_verifier": verifier,
        }
        client = self.settings.client_id
        if self._secret is not None and published.method == METHODS[0]:
            # RFC 6749, section 2.3.1: both are encoded as in forms before they are joined.
            pair = f"{quote(client, safe='')}:{quote(self._secret.reveal(), safe='')}"
            headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
        else:
            form["client_id"] = client
            if self._secret is not None:
                form["client_secret"] = self._secret.reveal()
        answer = self._asked(
            "POST", published.token, "token", headers=headers, content=urlencode(form).encode()
        )
        token = answer.get("id_token")
        if not isinstance(token, str):
            raise AnswerError(
                "token: the answer holds no id_token; is openid among the scopes of this client?"
            )
        return token

    def _read(self, url: str, where: str) -> Mapping[str, Any]:
        return self._asked("GET", url, where, headers=_ASK)

    def _asked(
        self, method: str, url: str, where: str, *, headers: Mapping[str, str], content: bytes = b""
    ) -> Mapping[str, Any]:
        with self._turn():
            try:
                reply = self._web.send(method, url, headers=headers, content=content, where=where)
            except CollectorError as error:
                raise UnreachableError(str(error)) from None
        return _document(reply, where)

    @contextmanager
    def _turn(self) -> Iterator[None]:
        if not self._turns.acquire(timeout=WAIT_S):
            raise UnreachableError(f"{AT_ONCE} questions to the provider wait for their answers already")
        try:
            yield
        finally:
            self._turns.release()


def _document(reply: Reply, where: str) -> Mapping[str, Any]:
    if reply.status >= _SERVER_FAULT or reply.status == _TOO_MANY:
        raise UnreachableError(f"{where}: the provider answers {reply.status}")
    if reply.status != _OK:
        raise AnswerError(
            f"{where}: the provider answers {reply.status}; are client_id, secret and public_url right?"
        )
    try:
        document = json.loads(reply.body)
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        raise AnswerError(f"{where}: the answer is not a JSON object")
    return document


def _published(document: Mapping[str, Any], *, plain_allowed: bool) -> Published:
    names = ("authorization_endpoint", "token_endpoint", "jwks_uri")
    urls = [document.get(name) for name in names]
    schemes = ("https", "http") if plain_allowed else ("https",)
    for name, url in zip(names, urls, strict=True):
        if not isinstance(url, str) or not url.isprintable() or urlsplit(url).scheme not in schemes:
            raise AnswerError(f"discovery: {name} is not an https:// address")
    offered = document.get("token_endpoint_auth_methods_supported", [METHODS[0]])
    method = next((one for one in METHODS if isinstance(offered, list) and one in offered), METHODS[0])
    named = document.get("authorization_response_iss_parameter_supported") is True
    return Published(str(urls[0]), str(urls[1]), str(urls[2]), method, named)
