"""The JSON-RPC API: calls out, checked results in, logged in as the version wants it.

What differs between versions:

- up to 6.2 the token or session stands in the body as ``auth``; from 6.4 in the header
  ``Authorization: Bearer``, and from 7.2 a body with ``auth`` is refused;
- ``user.login`` takes ``username`` in all of them; ``user``, which ended with 6.2, is never sent.

Errors come with HTTP 200. Their texts are in the language of the user, so what they mean is read
from codes and from the method names and quotation marks that every translation keeps.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import count
from typing import Any

from collector.sources.answers import decode
from collector.sources.calling import Caller, quoted, status_error
from collector.sources.errors import (
    AnswerError,
    AuthError,
    PermissionMissing,
    SourceError,
    UnreachableError,
)
from collector.sources.redaction import Redactor
from collector.sources.secrets import Secret
from collector.sources.web import Web

OLDEST = (6, 0)
BEARER_FROM = (6, 4)
ENDPOINT = "api_jsonrpc.php"
_VERSION = re.compile(r"(\d{1,4})\.(\d{1,4})(?:\D|\Z)")
_ACCEPTED = 200
_FIRST_ERROR = 300
_NO_METHOD = -32601
_BAD_PARAMETERS = -32602
_APPLICATION = -32500
_OUT_OF_ORDER = (1, -32603, -32400, -32300)
"""1: the front end does not reach its database."""

Version = tuple[int, int]


@dataclass(frozen=True)
class Login:
    """How we say who we are: an API token, or the password of ``user``."""

    secret: Secret
    user: str = ""


class _FailureError(Exception):
    """A JSON-RPC error as it was answered; not raised beyond this module."""

    def __init__(self, code: int, message: str, data: str) -> None:
        super().__init__(code)
        self.code = code
        self.message = message
        self.data = data


class Client:
    """Asks one front end."""

    def __init__(self, url: str, *, web: Web, caller: Caller, login: Login) -> None:
        base = url.rstrip("/")
        self.url = base if base.endswith(f"/{ENDPOINT}") else f"{base}/{ENDPOINT}"
        self._web = web
        self._caller = caller
        self._login = login
        self._ids = count(1)
        self._version: Version | None = None
        self._session: Secret | None = None

    def version(self) -> Version:
        """Return major and minor version of the front end; it is asked once.

        Raises:
            AnswerError: it is older than 6.0, or does not say.
            SourceError: it refused or cannot be reached.
        """
        return self._caller.call(self._known_version)

    def call(self, method: str, params: Mapping[str, Any]) -> Any:
        """Return the result of a method that needs a login; an ended session is renewed once.

        Raises:
            AuthError: the token or password is refused.
            PermissionMissing: the user's role does not allow the method.
            AnswerError: the answer is not what is documented.
            SourceError: the front end refused or cannot be reached.
        """
        renewable = self._session is not None
        credential = self._caller.call(self._credential)
        try:
            return self._asked(method, params, credential)
        except PermissionMissing:
            raise
        except AuthError as error:
            if not renewable:
                raise self._explained(error) from None
        self._session = None
        return self._asked(method, params, self._caller.call(self._credential))

    def _asked(self, method: str, params: Mapping[str, Any], credential: Secret) -> Any:
        def ask() -> Any:
            try:
                return self._post(method, params, credential)
            except _FailureError as failure:
                raise _meaning(failure, method, self._where(method)) from None

        # The caller of now, which keeps the session of now out of errors.
        return self._caller.call(ask)

    def _explained(self, error: AuthError) -> AuthError:
        if self._known_version() < BEARER_FROM:
            return error
        return AuthError(f"{error} and that the web server hands the header Authorization on to PHP")

    def _credential(self) -> Secret:
        if not self._login.user:
            return self._login.secret
        if self._session is None:
            self._session = self._new_session()
            redactor = Redactor((self._login.secret, self._session))
            self._caller = Caller(self._caller.clocks, patience=self._caller.patience, redactor=redactor)
        return self._session

    def _new_session(self) -> Secret:
        method = "user.login"
        params = {"username": self._login.user, "password": self._login.secret.reveal()}
        self._known_version()
        try:
            session = self._post(method, params)
        except _FailureError as failure:
            if failure.code in _OUT_OF_ORDER:
                raise _meaning(failure, method, self._where(method)) from None
            said = quoted(failure.data or failure.message)
            raise AuthError(
                f"{self._where(method)}: {said}; check user and password, or use an API token"
            ) from None
        if not isinstance(session, str) or not session:
            raise AnswerError(f"{self._where(method)}: the result is not a session")
        return Secret(session)

    def _known_version(self) -> Version:
        if self._version is None:
            method = "apiinfo.version"
            try:
                said = self._post(method, [])
            except _FailureError as failure:
                raise _meaning(failure, method, self._where(method)) from None
            match = _VERSION.match(said) if isinstance(said, str) else None
            if match is None:
                raise AnswerError(f"{self._where(method)}: this is not a version of Zabbix")
            version = int(match[1]), int(match[2])
            if version < OLDEST:
                raise AnswerError(f"{self.url} is Zabbix {match[1]}.{match[2]}; 6.0 or later is needed")
            self._version = version
        return self._version

    def _post(self, method: str, params: Any, credential: Secret | None = None) -> Any:
        asked: dict[str, Any] = {
            "jsonrpc": "2.0",
            "method": method,
            "params": params,
            "id": next(self._ids),
        }
        headers = {"Content-Type": "application/json-rpc"}
        if credential is not None:
            if self._known_version() >= BEARER_FROM:
                headers["Authorization"] = f"Bearer {credential.reveal()}"
            else:
                asked["auth"] = credential.reveal()
        where = self._where(method)
        content = json.dumps(asked, ensure_ascii=False).encode()
        reply = self._web.send("POST", self.url, headers=headers, content=content, where=where)
        if reply.status >= _FIRST_ERROR:
            wall_ms = self._caller.clocks.wall_ms()
            raise status_error(reply.status, reply.headers, reply.text, where=where, wall_ms=wall_ms)
        if reply.status != _ACCEPTED:
            raise AnswerError(f"{where}: HTTP {reply.status} is not an answer to a call")
        return _result(decode(reply.body, where=where), asked["id"], where)

    def _where(self, method: str) -> str:
        return f"{self.url}: {method}"


def _result(document: Any, number: int, where: str) -> Any:
    if not isinstance(document, dict) or document.get("jsonrpc") != "2.0":
        raise AnswerError(f"{where}: the answer is not JSON-RPC 2.0; is this the address of Zabbix?")
    error = document.get("error")
    if isinstance(error, dict):
        code = error.get("code")
        known = code if isinstance(code, int) else 0
        raise _FailureError(known, str(error.get("message", "")), str(error.get("data", "")))
    if document.get("id") != number or "result" not in document:
        raise AnswerError(f"{where}: the answer belongs to another call or has no result")
    return document["result"]


def _meaning(failure: _FailureError, method: str, where: str) -> SourceError:
    """Return the error that a failure of a call stands for."""
    said = f"{where}: {failure.code}: {quoted(failure.data or failure.message)}"
    refused = failure.code in (_BAD_PARAMETERS, _APPLICATION)
    if refused and f'"{method}"' in failure.data:
        return PermissionMissing(f"{said}; allow {method} in the role of the user", permission=method)
    # "Not authorized.", "Session terminated, re-login, please.", "API token expired.": no quotation marks,
    # as refused parameters have; "API token" stands in the translations too.
    if (failure.code == _BAD_PARAMETERS and '"' not in failure.data) or (
        refused and "api token" in failure.data.lower()
    ):
        return AuthError(
            f"{said}; check that the token or user is enabled, not expired and allowed to log in"
        )
    if failure.code == _APPLICATION or failure.code in _OUT_OF_ORDER:
        return UnreachableError(f"{said}; look at the log of the web server")
    if failure.code == _NO_METHOD:
        return AnswerError(f"{said}; this version of Zabbix is not known to work")
    return AnswerError(said)
