"""One signed call through the given SDK: HTTPS forced, nothing retried, the answer bounded.

What the SDK (aliyun-python-sdk-core 2.16) does by itself and is not left to it here:

- it speaks plain HTTP unless told otherwise, and compares the scheme by identity, so that only its
  own constant switches TLS on;
- it reads an answer of any size, and forgets the header Retry-After;
- it takes the environment's proxies and certificate bundle; an empty variable switches checking off;
- it carries a list of authorities and settings of TLS from 2018; the system's are used here;
- it takes an answer that breaks off for a whole one;
- with a security token it prefers keys of the environment to those it was given;
- its loggers write whole addresses, and an address carries the signature.
"""

from __future__ import annotations

import io
import logging
import ssl
from dataclasses import dataclass
from typing import Any

from aliyunsdkcore.acs_exception.exceptions import ClientException, ServerException
from aliyunsdkcore.client import AcsClient
from aliyunsdkcore.http import protocol_type
from aliyunsdkcore.request import AcsRequest
from aliyunsdkcore.vendored.requests.adapters import HTTPAdapter
from aliyunsdkcore.vendored.requests.exceptions import ConnectionError as SdkConnectionError
from aliyunsdkcore.vendored.requests.packages.urllib3.exceptions import HTTPError as SdkHttpError

from collector.errors import SettingsError
from collector.sources.aliyun.faults import Fault, unreadable
from collector.sources.secrets import Secret

CONNECT_TIMEOUT_S = 5
READ_TIMEOUT_S = 30
MAX_ANSWER_BYTES = 8 * 1024 * 1024
"""A full page of 1,440 points takes about 250 KB, a page of 100 instances about 400 KB."""

_SDK_LOGGERS = ("aliyunsdkcore", "aliyunsdkcore.http.http_response")
_DIRECT = {"none": "direct"}
"""Proxies of no scheme: a non-empty mapping keeps the SDK from reading the environment itself."""


@dataclass(frozen=True)
class Endpoint:
    """Where a service answers: ``host`` with its port if any, ``secure`` false on loopback only."""

    host: str
    secure: bool = True


class Connection:
    """Signed calls with one key. ``ca_file``, a PEM file, replaces the system's list of authorities."""

    def __init__(
        self,
        key_id: str,
        secret: Secret,
        token: Secret | None = None,
        *,
        ca_file: str | None = None,
        proxy: str | None = None,
    ) -> None:
        _quiet_sdk()
        self._key_id = key_id
        self._secret = secret
        self._token = token
        try:
            self._tls = ssl.create_default_context(cafile=ca_file)
        except OSError:
            raise SettingsError(
                f"aliyun: cannot use ca_file {ca_file}; give a PEM file of authorities"
            ) from None
        self._proxies = {"http": proxy, "https": proxy} if proxy else _DIRECT
        self._clients: dict[tuple[str, str], tuple[AcsClient, _Adapter]] = {}

    def send(self, request: AcsRequest, *, endpoint: Endpoint, region: str) -> bytes:
        """Return the body of the answer, whose HTTP status was in the 200s.

        Raises:
            Fault: another status, no answer, or more than ``MAX_ANSWER_BYTES``.
        """
        client, adapter = self._client(endpoint, region)
        request.set_endpoint(endpoint.host)
        request.set_protocol_type(protocol_type.HTTPS if endpoint.secure else protocol_type.HTTP)
        if self._token:
            request.add_query_param("SecurityToken", self._token.reveal())
        adapter.retry_after = None
        try:
            body: bytes = client.do_action_with_exception(request)
        except ServerException as error:
            raise Fault(
                code=str(error.get_error_code()),
                message=str(error.get_error_msg()),
                status=error.get_http_status() or 0,
                request_id=str(error.get_request_id() or ""),
                retry_after=adapter.retry_after,
            ) from None
        except ClientException as error:
            raise Fault(code=str(error.get_error_code()), message=str(error.get_error_msg())) from None
        except _TooLargeError:
            raise unreadable(f"the answer has more than {MAX_ANSWER_BYTES} bytes") from None
        except (ValueError, TypeError, LookupError, AttributeError):
            # The SDK reads the body of an error for itself and stumbles over what is not its JSON.
            raise unreadable("an error whose body is not the documented JSON") from None
        return body

    def _client(self, endpoint: Endpoint, region: str) -> tuple[AcsClient, _Adapter]:
        name = (endpoint.host, region)
        if name not in self._clients:
            client = AcsClient(
                self._key_id,
                self._secret.reveal(),
                region,
                auto_retry=False,
                connect_timeout=CONNECT_TIMEOUT_S,
                timeout=READ_TIMEOUT_S,
                proxy=self._proxies,
            )
            adapter = _Adapter(self._tls)
            client.session.mount("https://", adapter)
            client.session.mount("http://", adapter)
            self._clients[name] = client, adapter
        return self._clients[name]


class _TooLargeError(Exception):
    """An answer is larger than ``MAX_ANSWER_BYTES``."""


class _Adapter(HTTPAdapter):  # type: ignore[misc]  # the SDK has no types
    """The SDK's transport with this machine's TLS, whole answers only, and a memory for Retry-After."""

    retry_after: str | None = None

    def __init__(self, tls: ssl.SSLContext) -> None:
        self._tls = tls
        super().__init__()

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        """Open connections with our TLS."""
        super().init_poolmanager(*arguments, **options, ssl_context=self._tls)

    def proxy_manager_for(self, proxy: str, **options: Any) -> Any:
        """Open connections through a proxy with our TLS."""
        return super().proxy_manager_for(proxy, **options, ssl_context=self._tls)

    def cert_verify(self, connection: Any, *_arguments: Any) -> None:
        """Require a certificate; which authorities are trusted stands in our TLS context."""
        connection.cert_reqs = "CERT_REQUIRED"
        connection.ca_certs = None

    def send(self, request: Any, **options: Any) -> Any:
        """Send and read an answer, whole and not too large."""
        response = super().send(request, **options)
        self.retry_after = response.headers.get("Retry-After")
        announced = response.headers.get("Content-Length") or ""
        try:
            body = response.raw.read(MAX_ANSWER_BYTES + 1, decode_content=True)
        except SdkHttpError as error:
            raise SdkConnectionError(type(error).__name__) from None
        if len(body) > MAX_ANSWER_BYTES:
            response.close()
            raise _TooLargeError
        if announced.isascii() and announced.isdigit() and len(body) < int(announced[:_MAX_DIGITS]):
            response.close()
            raise SdkConnectionError("broke off")
        response.raw.release_conn()
        response.raw = io.BytesIO(body)
        return response


_MAX_DIGITS = 15


def _quiet_sdk() -> None:
    # Its messages repeat addresses and answers whole; what matters of them is raised as an error.
    for name in _SDK_LOGGERS:
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
