"""Calls of 天翼云: signed, repeated where that helps, checked.

Success is ``statusCode`` 800, also where HTTP says 200. Which error codes mean what is not
documented; HTTP statuses are used where they say it.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from collector.sources import reading
from collector.sources.answers import decode
from collector.sources.calling import MS_PER_S, Caller, quoted, status_error
from collector.sources.ctyun.signing import (
    AUTHORIZATION_HEADER,
    DATE_HEADER,
    REQUEST_ID_HEADER,
    authorization,
    date_header,
)
from collector.sources.errors import AnswerError
from collector.sources.secrets import Secret
from collector.sources.web import Reply, Web, require_private

ENDPOINTS = {
    "ecs": "https://ctecs-global.ctapi.ctyun.cn",
    "vpc": "https://ctvpc-global.ctapi.ctyun.cn",
    "monitor": "https://monitor-global.ctapi.ctyun.cn",
}
_OK = 200
_SUCCESS = (800, "800")


@dataclass(frozen=True)
class Credential:
    """A key (AK/SK) of a user."""

    access_key: str
    secret_key: Secret


@dataclass(frozen=True)
class Answer:
    """``returnObj`` of one answer and the id that the request had."""

    fields: Mapping[str, Any]
    request_id: str
    where: str


class CtyunClient:
    """Asks one account. ``endpoints`` replaces addresses by service, for doubles."""

    def __init__(
        self,
        credential: Credential,
        *,
        caller: Caller,
        web: Web,
        endpoints: Mapping[str, str] | None = None,
    ) -> None:
        """Keep what calls need.

        Raises:
            SettingsError: an endpoint is no address or would carry the signature unencrypted.
        """
        self._credential = credential
        self._caller = caller
        self._web = web
        self._endpoints = ENDPOINTS | {name: url.rstrip("/") for name, url in (endpoints or {}).items()}
        for url in self._endpoints.values():
            require_private(url, plain_allowed=False)

    @property
    def now_ms(self) -> int:
        """The wall clock, ms since 1970."""
        return self._caller.clocks.wall_ms()

    def post(self, service: str, path: str, document: Mapping[str, Any]) -> Answer:
        """Return the answer to one question.

        Raises:
            SourceError: what the last attempt failed with.
        """
        where = f"ctyun {service} {path}"
        body = json.dumps(document, ensure_ascii=False, sort_keys=True).encode()

        def ask() -> Answer:
            request_id = str(uuid.uuid4())
            date = date_header(self.now_ms // MS_PER_S)
            headers = {
                "Content-Type": "application/json",
                REQUEST_ID_HEADER: request_id,
                DATE_HEADER: date,
                AUTHORIZATION_HEADER: authorization(
                    access_key=self._credential.access_key,
                    secret_key=self._credential.secret_key.reveal(),
                    request_id=request_id,
                    date=date,
                    query=(),
                    body=body,
                ),
            }
            url = f"{self._endpoints[service]}{path}"
            reply = self._web.send("POST", url, headers=headers, content=body, where=where)
            return self._checked(reply, where, request_id)

        return self._caller.call(ask)

    def _checked(self, reply: Reply, where: str, request_id: str) -> Answer:
        if reply.status != _OK:
            raise status_error(
                reply.status,
                reply.headers,
                reply.text,
                where=where,
                wall_ms=self.now_ms,
                request_id=request_id,
            )
        document = reading.mapping(decode(reply.body, where=where), where=where)
        if document.get("statusCode") not in _SUCCESS:
            words = (document.get(name) for name in ("errorCode", "message", "description"))
            said = quoted(": ".join(str(word) for word in words if word))
            raise AnswerError(
                f"{where}: statusCode {document.get('statusCode')}: {said}", request_id=request_id
            )
        fields = reading.mapping(document.get("returnObj"), where=f"{where}: returnObj")
        return Answer(fields, request_id, where)
