"""Calls of Huawei Cloud's services: signed, repeated where that helps, checked.

Errors come with HTTP status 4xx and 5xx in several shapes, from the billing service also with 200.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from collector.sources import reading
from collector.sources.answers import decode
from collector.sources.calling import MS_PER_S, Caller, Codes, quoted, status_error
from collector.sources.errors import AnswerError, PermissionMissing, SourceError
from collector.sources.huawei.signing import TIME_HEADER, authorization, query_text, time_header
from collector.sources.secrets import Secret
from collector.sources.web import Reply, Web, require_private

SERVICES = ("ces", "ecs", "vpc", "iam", "bss")
_GLOBAL_BSS = "https://bss.myhuaweicloud.com"
_OK = range(200, 300)
_FORBIDDEN = 403
_SUCCESS = ("", "CBC.0000")

CODES = Codes(
    throttled=("ces.0429", "APIGW.0308"),
    auth=("APIGW.0301", "APIGW.0303", "APIGW.0305", "APIGW.0306", "APIGW.0307"),
    forbidden=("APIGW.0302", "APIGW.0802", "CBC.0150", "CBC.0151", "CBC.18000016"),
    unavailable=("APIGW.0201", "APIGW.0202", "APIGW.0203"),
)


@dataclass(frozen=True)
class Credential:
    """A permanent key (AK/SK) of an IAM user. ``token`` only with temporary keys."""

    access_key: str
    secret_key: Secret
    token: Secret | None = None


@dataclass(frozen=True)
class Request:
    """One question. ``permission`` is what IAM calls the right to ask it."""

    service: str
    method: str
    path: str
    permission: str
    query: tuple[tuple[str, str], ...] = ()
    document: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Answer:
    """The fields of one answer and the provider's request id, "" where it gave none."""

    fields: Mapping[str, Any]
    request_id: str
    where: str


class HuaweiClient:
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
        self._endpoints = {name: url.rstrip("/") for name, url in (endpoints or {}).items()}
        for url in self._endpoints.values():
            require_private(url, plain_allowed=False)
        self._projects: dict[str, str] = {}
        self._domain = ""

    @property
    def now_ms(self) -> int:
        """The wall clock, ms since 1970."""
        return self._caller.clocks.wall_ms()

    def in_region(self, region: str, request: Request) -> Answer:
        """Return the answer of a region's service; ``{project}`` in the path is filled in.

        Raises:
            SourceError: what the last attempt failed with.
        """
        project = self._project(region)
        path = request.path.replace("{project}", project)
        return self._call(request, path, region, (("X-Project-Id", project),))

    def in_account(self, region: str, request: Request) -> Answer:
        """Return the answer of a service of the whole account (billing).

        Raises:
            SourceError: what the last attempt failed with.
        """
        return self._call(request, request.path, region, (("X-Domain-Id", self._account(region)),))

    def _project(self, region: str) -> str:
        if region not in self._projects:
            request = Request("iam", "GET", "/v3/auth/projects", "iam:projects:listProjectsForUser")
            answer = self._call(request, request.path, region, ())
            for row in reading.rows(answer.fields, "projects", where=answer.where):
                name = reading.text(row, "name", where=answer.where)
                self._projects[name] = reading.text(row, "id", where=answer.where)
            if region not in self._projects:
                raise PermissionMissing(
                    f"{answer.where}: the key may not use the project of {region};"
                    " give its user group a policy in that project",
                    permission=f"project {region}",
                    request_id=answer.request_id,
                )
        return self._projects[region]

    def _account(self, region: str) -> str:
        if not self._domain:
            request = Request("iam", "GET", "/v3/auth/domains", "iam:users:getUser")
            answer = self._call(request, request.path, region, ())
            found = reading.rows(answer.fields, "domains", where=answer.where)
            if len(found) != 1:
                raise AnswerError(f"{answer.where}: one account was expected, not {len(found)}")
            self._domain = reading.text(found[0], "id", where=answer.where)
        return self._domain

    def _call(self, request: Request, path: str, region: str, extra: Sequence[tuple[str, str]]) -> Answer:
        where = f"huawei {request.service} {request.method} {request.path}"
        where = f"{where} {region}" if request.service != "bss" else where
        body = b""
        if request.document is not None:
            body = json.dumps(request.document, ensure_ascii=False, sort_keys=True).encode()
        base = self._base(request.service, region)
        query = query_text(request.query)

        def ask() -> Answer:
            reply = self._web.send(
                request.method,
                f"{base}{path}{'?' if query else ''}{query}",
                headers=self._headers(request, path, base.partition("://")[2], body, extra),
                content=body,
                where=where,
            )
            return self._checked(reply, where, request.permission)

        return self._caller.call(ask)

    def _base(self, service: str, region: str) -> str:
        if service in self._endpoints:
            return self._endpoints[service]
        return _GLOBAL_BSS if service == "bss" else f"https://{service}.{region}.myhuaweicloud.com"

    def _headers(
        self, request: Request, path: str, host: str, body: bytes, extra: Sequence[tuple[str, str]]
    ) -> dict[str, str]:
        headers = {"Host": host, TIME_HEADER: time_header(self.now_ms // MS_PER_S), **dict(extra)}
        if body:
            headers["Content-Type"] = "application/json"
        if self._credential.token is not None:
            headers["X-Security-Token"] = self._credential.token.reveal()
        headers["Authorization"] = authorization(
            access_key=self._credential.access_key,
            secret_key=self._credential.secret_key.reveal(),
            method=request.method,
            path=path,
            query=request.query,
            headers=headers,
            body=body,
        )
        return headers

    def _checked(self, reply: Reply, where: str, permission: str) -> Answer:
        request_id = reply.headers.get("x-request-id") or ""
        if reply.status not in _OK:
            raise self._refusal(reply, where, permission, request_id)
        fields = reading.mapping(decode(reply.body, where=where), where=where)
        code, message = _code(fields)
        if code not in _SUCCESS:
            raise CODES.error(code, message, where=where, permission=permission, request_id=request_id)
        return Answer(fields, request_id, where)

    def _refusal(self, reply: Reply, where: str, permission: str, request_id: str) -> SourceError:
        try:
            code, message = _code(decode(reply.body, where=where))
        except AnswerError:
            code, message = "", reply.text
        found = CODES.error(code, message, where=where, permission=permission, request_id=request_id)
        if type(found) is not AnswerError:
            return found
        if reply.status == _FORBIDDEN:
            return PermissionMissing(
                f"{where}: {quoted(f'{code} {message}')}; grant {permission}",
                permission=permission,
                request_id=request_id,
            )
        return status_error(
            reply.status,
            reply.headers,
            f"{code} {message}",
            where=where,
            wall_ms=self.now_ms,
            request_id=request_id,
        )


def _code(document: object) -> tuple[str, str]:
    """Return code and message of an error; the gateway and each service write them differently."""
    if not isinstance(document, dict):
        return "", ""
    for inner in (document.get("error"), document.get("message"), document):
        if isinstance(inner, dict):
            code = inner.get("error_code") or inner.get("code")
            if isinstance(code, str):
                texts = (inner.get(name) for name in ("error_msg", "message", "details"))
                return code, next((text for text in texts if isinstance(text, str)), "")
    return "", ""
