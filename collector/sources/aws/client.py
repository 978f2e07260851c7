"""Calls of AWS through boto3, repeated by the shared layer and not by boto3's own retries.

Nothing of this machine's AWS settings is used: no profile, no files of ~/.aws, no addresses,
proxies, certificates or keys of the environment. What a source does stands in its own settings.
"""

from __future__ import annotations

import logging
import os
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import boto3
from botocore import xform_name
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    HTTPClientError,
    ReadTimeoutError,
    SSLError,
)
from botocore.parsers import ResponseParserError
from botocore.session import Session as BotocoreSession

from collector.errors import SettingsError
from collector.sources.aws.faults import Fault, source_error
from collector.sources.calling import Caller
from collector.sources.errors import AnswerError, SourceError, UnreachableError, UntrustedError
from collector.sources.secrets import Secret
from evidence import __version__

CONNECT_TIMEOUT_S = 5
READ_TIMEOUT_S = 60
CLOUDWATCH, EC2, COSTS = "cloudwatch", "ec2", "ce"
SERVICES = (CLOUDWATCH, EC2, COSTS)

_ISOLATED = {
    "profile": (None, None, None, None),
    "config_file": (None, None, os.devnull, None),
    "credentials_file": (None, None, os.devnull, None),
}
"""Session variables by (key in the file, environment variable, default, conversion)."""


@dataclass(frozen=True)
class Operation:
    """One operation of one service, and the IAM permission it needs."""

    service: str
    name: str
    permission: str


@dataclass(frozen=True)
class Answer:
    """An answer of AWS as boto3 parsed it. ``request_ids`` has the id of this call."""

    body: Mapping[str, Any]
    request_ids: tuple[str, ...]
    where: str


@dataclass(frozen=True)
class Key:
    """An access key; ``token`` belongs to a temporary one."""

    key_id: str
    secret: Secret
    token: Secret | None = None


Clients = Callable[[str, str], Any]
"""Returns boto3's client of (service, region)."""


def boto_clients(
    key: Key, *, endpoints: Mapping[str, str], ca_file: str | None = None, proxy: str | None = None
) -> Clients:
    """Return the maker of clients. ``endpoints`` replaces addresses by service.

    Raises:
        SettingsError: ``ca_file`` cannot be used.
    """
    # At DEBUG they write headers and what was signed, security token included.
    logging.getLogger("botocore").setLevel(logging.INFO)
    _require_authorities(ca_file)
    session = boto3.session.Session(
        aws_access_key_id=key.key_id,
        aws_secret_access_key=key.secret.reveal(),
        aws_session_token=key.token.reveal() if key.token else None,
        botocore_session=BotocoreSession(session_vars=_ISOLATED),
    )
    config = Config(
        connect_timeout=CONNECT_TIMEOUT_S,
        read_timeout=READ_TIMEOUT_S,
        retries={"total_max_attempts": 1, "mode": "standard"},
        proxies={"http": proxy, "https": proxy} if proxy else {},
        ignore_configured_endpoint_urls=True,
        user_agent_extra=f"starproof/{__version__}",
    )
    made: dict[tuple[str, str], Any] = {}

    def client(service: str, region: str) -> Any:
        name = (service, region)
        if name not in made:
            made[name] = session.client(
                service,
                region_name=region,
                endpoint_url=endpoints.get(service),
                verify=ca_file or True,
                config=config,
            )
        return made[name]

    return client


class Client:
    """The account's calls."""

    def __init__(self, clients: Clients, caller: Caller) -> None:
        self._clients = clients
        self._caller = caller

    def call(
        self,
        operation: Operation,
        region: str,
        parameters: Mapping[str, Any],
        *,
        check: Callable[[Answer], object] | None = None,
    ) -> Answer:
        """Return the answer of one operation; what ``check`` raises counts as the call's own error.

        Raises:
            SourceError: AWS refuses, or the answer is not what was documented.
        """

        def ask() -> Answer:
            answer = self._once(operation, region, parameters)
            if check is not None:
                check(answer)
            return answer

        return self._caller.call(ask)

    def _once(self, operation: Operation, region: str, parameters: Mapping[str, Any]) -> Answer:
        where = f"aws {operation.name} in {region}"
        try:
            client = self._clients(operation.service, region)
            body = getattr(client, xform_name(operation.name))(**parameters)
        except ClientError as error:
            fault = Fault.of(error.response)
            fault = fault.saying(self._caller.redactor.text(fault.message))
            raise source_error(
                fault,
                where=where,
                permission=operation.permission,
                wall_ms=self._caller.clocks.wall_ms(),
            ) from None
        except ResponseParserError:
            raise AnswerError(
                f"{where}: the answer is not in the documented form; is this the right address?"
            ) from None
        except BotoCoreError as error:
            raise _no_answer(error, where) from None
        metadata = body.get("ResponseMetadata")
        request_id = metadata.get("RequestId") if isinstance(metadata, Mapping) else None
        return Answer(body, (request_id,) if request_id else (), where)


def _no_answer(error: BotoCoreError, where: str) -> SourceError:
    if isinstance(error, SSLError):
        return UntrustedError(f"{where}: the certificate is not trusted; set ca_file if a proxy opens TLS")
    if isinstance(error, (ConnectTimeoutError, ReadTimeoutError)):
        return UnreachableError(f"{where}: no answer in time")
    if isinstance(error, HTTPClientError):
        return UnreachableError(f"{where}: no answer: {type(error).__name__}")
    return AnswerError(f"{where}: boto3 cannot ask this: {type(error).__name__}: {error}")


def _require_authorities(ca_file: str | None) -> None:
    try:
        ssl.create_default_context(cafile=ca_file)
    except OSError:
        raise SettingsError(f"aws: cannot use ca_file {ca_file}; give a PEM file of authorities") from None
