"""Calls of Tencent Cloud's API 3.0: signed, repeated where that helps, checked.

Failures come with HTTP 200 and a field ``Error``; only the code in it says what went wrong.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from collector.sources import reading
from collector.sources.answers import decode
from collector.sources.calling import MS_PER_S, Caller, Codes, status_error
from collector.sources.errors import AnswerError, SourceError
from collector.sources.secrets import Secret
from collector.sources.tencent.signing import CONTENT_TYPE, authorization
from collector.sources.web import Reply, Web, require_private

VERSIONS = {
    "monitor": "2018-07-24",
    "cvm": "2017-03-12",
    "vpc": "2017-03-12",
    "cbs": "2017-03-12",
    "billing": "2018-07-09",
}
PERMISSION_PREFIXES = {service: service for service in VERSIONS} | {"billing": "finance"}
"""CAM knows the bills as ``finance``."""
_OK = 200

CODES = Codes(
    throttled=("RequestLimitExceeded", "RequestLimitExceeded."),
    exhausted=(
        "LimitExceeded",
        "LimitExceeded.",
        "FailedOperation.ServiceNotEnabled",  # beyond the free calls, pay-as-you-go is not switched on
        "FailedOperation.ErrNotOpen",
        "FailedOperation.ErrOwed",
    ),
    auth=("AuthFailure", "AuthFailure."),
    forbidden=("AuthFailure.UnauthorizedOperation", "UnauthorizedOperation", "UnauthorizedOperation."),
    unavailable=(
        "InternalError",
        "InternalError.",
        "ResourceUnavailable",
        "ResourceUnavailable.",
        "FailedOperation.DataQueryFailed",
        "FailedOperation.DoHTTPTransferFailed",
        "FailedOperation.DoTRPCTransferFailed",
        "FailedOperation.DruidQueryFailed",
        "FailedOperation.InternalError",
    ),
)


@dataclass(frozen=True)
class Credential:
    """A key of a sub-account. ``token`` only with temporary keys (STS)."""

    secret_id: str
    secret_key: Secret
    token: Secret | None = None


@dataclass(frozen=True)
class Answer:
    """The fields of one answer and the provider's request id."""

    fields: Mapping[str, Any]
    request_id: str
    where: str


class TencentClient:
    """Asks one account. ``endpoints`` replaces addresses by service, for doubles and private clouds."""

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
        self._endpoints = {service: f"https://{service}.tencentcloudapi.com" for service in VERSIONS}
        self._endpoints.update({name: url.rstrip("/") for name, url in (endpoints or {}).items()})
        for url in self._endpoints.values():
            require_private(url, plain_allowed=False)

    @property
    def now_ms(self) -> int:
        """The wall clock, ms since 1970."""
        return self._caller.clocks.wall_ms()

    def call(self, service: str, action: str, parameters: Mapping[str, Any], *, region: str = "") -> Answer:
        """Return the answer to one action.

        Raises:
            SourceError: what the last attempt failed with.
        """
        where = f"tencent {service} {action}{' ' + region if region else ''}"
        body = json.dumps(parameters, ensure_ascii=False, sort_keys=True).encode()

        def ask() -> Answer:
            url = self._endpoints[service]
            reply = self._web.send(
                "POST",
                f"{url}/",
                headers=self._headers(service, action, region, url.partition("://")[2], body),
                content=body,
                where=where,
            )
            return self._checked(reply, where, f"{PERMISSION_PREFIXES[service]}:{action}")

        return self._caller.call(ask)

    def _headers(self, service: str, action: str, region: str, host: str, body: bytes) -> dict[str, str]:
        time_s = self.now_ms // MS_PER_S
        headers = {
            "Host": host,
            "Content-Type": CONTENT_TYPE,
            "X-TC-Action": action,
            "X-TC-Version": VERSIONS[service],
            "X-TC-Timestamp": str(time_s),
            "Authorization": authorization(
                secret_id=self._credential.secret_id,
                secret_key=self._credential.secret_key.reveal(),
                service=service,
                host=host,
                body=body,
                time_s=time_s,
            ),
        }
        if region:
            headers["X-TC-Region"] = region
        if self._credential.token is not None:
            headers["X-TC-Token"] = self._credential.token.reveal()
        return headers

    def _checked(self, reply: Reply, where: str, permission: str) -> Answer:
        if reply.status != _OK:
            raise status_error(reply.status, reply.headers, reply.text, where=where, wall_ms=self.now_ms)
        document = reading.mapping(decode(reply.body, where=where), where=where)
        fields = reading.mapping(document.get("Response"), where=f"{where}: Response")
        request_id = reading.text_or_empty(fields, "RequestId", where=where)
        if fields.get("Error") is not None:
            raise _failure(fields["Error"], where, permission, request_id)
        if not request_id:
            raise AnswerError(f"{where}: there is no RequestId; is this the right address?")
        return Answer(fields, request_id, where)


def _failure(value: object, where: str, permission: str, request_id: str) -> SourceError:
    error = reading.mapping(value, where=f"{where}: Error")
    code = reading.text(error, "Code", where=f"{where}: Error")
    message = reading.text_or_empty(error, "Message", where=f"{where}: Error")
    return CODES.error(code, message, where=where, permission=permission, request_id=request_id)
