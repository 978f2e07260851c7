"""SDK-HMAC-SHA256: ours, the real SDK's, and the double's own calculation agree."""

from __future__ import annotations

import time
from typing import ClassVar
from urllib.parse import parse_qsl

import httpx
import pytest
from sources.doubles.huawei import ACCESS_KEY, PROJECTS, SECRET_KEY, HuaweiCloud
from sources.doubles.loopback import Loopback

from collector.sources.huawei.signing import TIME_HEADER, authorization, query_text, time_header

REAL_SDK = "huaweicloudsdkcore is not installed: the signature is not compared with the real SDK's"
PROJECT = PROJECTS["cn-east-3"]
PATH = f"/v1/{PROJECT}/cloudservers/detail"
QUERY = [("offset", "1"), ("limit", "1000"), ("name", "主机 a+b/c~d&e")]


def _headers(double: Loopback, now: int, **changed: object) -> dict[str, str]:
    headers = {"Host": double.host, TIME_HEADER: time_header(now), "X-Project-Id": PROJECT}
    given = {
        "access_key": ACCESS_KEY,
        "secret_key": SECRET_KEY,
        "method": "GET",
        "path": PATH,
        "query": QUERY,
        "headers": headers,
        "body": b"",
    }
    return headers | {"Authorization": authorization(**(given | changed))}


def _get(double: Loopback, headers: dict[str, str]) -> httpx.Response:
    return httpx.get(f"{double.url}{PATH}?{query_text(QUERY)}", headers=headers)


def test_the_double_accepts_our_signature():
    with HuaweiCloud().serve() as double:
        answer = _get(double, _headers(double, int(time.time())))
        assert answer.json() == {"count": 0, "servers": []}


@pytest.mark.parametrize(
    "changed",
    [
        {"secret_key": "another secret"},
        {"method": "POST"},
        {"path": "/v1/another/cloudservers/detail"},
        {"query": QUERY[:2]},
        {"body": b"{}"},
    ],
    ids=["secret", "method", "path", "query", "body"],
)
def test_a_signature_over_anything_else_is_refused(changed):
    with HuaweiCloud().serve() as double:
        answer = _get(double, _headers(double, int(time.time()), **changed))
        assert answer.status_code == 401


def test_a_signature_of_an_hour_ago_is_refused():
    with HuaweiCloud().serve() as double:
        assert _get(double, _headers(double, int(time.time()) - 3600)).status_code == 401


def _sdk_client(double: Loopback, secret_key: str = SECRET_KEY) -> object:
    pytest.importorskip("huaweicloudsdkcore.client", reason=REAL_SDK)
    from huaweicloudsdkcore.auth.credentials import BasicCredentials
    from huaweicloudsdkcore.client import Client, ClientBuilder

    credentials = BasicCredentials(ACCESS_KEY, secret_key, PROJECT)
    return ClientBuilder(Client).with_credentials(credentials).with_endpoints([double.url]).build()


def _sdk_call(client: object) -> object:
    from huaweicloudsdkcore.sdk_response import SdkResponse

    class Servers(SdkResponse):
        sensitive_list: ClassVar[list[str]] = []
        openapi_types: ClassVar[dict[str, str]] = {"count": "int"}
        attribute_map: ClassVar[dict[str, str]] = {"count": "count"}

        def __init__(self, count: int | None = None) -> None:
            super().__init__()
            self.count = count

    return client.do_http_request(
        "GET",
        "/v1/{project_id}/cloudservers/detail",
        path_params={},
        query_params=list(QUERY),
        header_params={},
        response_headers=[],
        collection_formats={},
        response_type=Servers,
    )


def test_the_real_sdk_is_accepted_by_the_same_double_and_signs_as_we_do():
    with HuaweiCloud().serve() as double:
        assert _sdk_call(_sdk_client(double)).count == 0
        (asked,) = double.asked
        signed = asked.headers["authorization"].split("SignedHeaders=")[1].split(",")[0].split(";")
        ours = authorization(
            access_key=ACCESS_KEY,
            secret_key=SECRET_KEY,
            method="GET",
            path=asked.path,
            query=parse_qsl(asked.raw_query),
            headers={name: asked.headers[name] for name in signed},
            body=asked.body,
        )
        assert ours == asked.headers["authorization"]
        assert query_text(QUERY) == asked.raw_query


def test_the_real_sdk_signs_a_body_as_we_do():
    pytest.importorskip("huaweicloudsdkcore.signer.signer", reason=REAL_SDK)
    from huaweicloudsdkcore.auth.credentials import BasicCredentials
    from huaweicloudsdkcore.sdk_request import SdkRequest
    from huaweicloudsdkcore.signer.signer import Signer

    body = '{"from": 1, "名": "值"}'
    headers = {
        "Host": "ces.cn-east-3.myhuaweicloud.com",
        TIME_HEADER: "20260101T000000Z",
        "Content-Type": "application/json",
    }
    request = SdkRequest(
        method="POST",
        schema="https",
        host=headers["Host"],
        resource_path="/V1.0/p/batch-query-metric-data",
        uri="",
        query_params=[],
        header_params=dict(headers),
        body=body,
    )
    theirs = (
        Signer(BasicCredentials(ACCESS_KEY, SECRET_KEY, PROJECT)).sign(request).header_params["Authorization"]
    )
    ours = authorization(
        access_key=ACCESS_KEY,
        secret_key=SECRET_KEY,
        method="POST",
        path="/V1.0/p/batch-query-metric-data",
        query=[],
        headers=headers,
        body=body.encode(),
    )
    assert ours == theirs


def test_the_real_sdk_with_a_wrong_secret_is_refused_by_the_double():
    with HuaweiCloud().serve() as double:
        client = _sdk_client(double, "wrong")
        from huaweicloudsdkcore.exceptions.exceptions import ClientRequestException

        with pytest.raises(ClientRequestException, match=r"APIGW\.0301"):
            _sdk_call(client)
