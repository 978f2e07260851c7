"""TC3-HMAC-SHA256: ours, the real SDK's, and the double's own calculation agree."""

import json
import re
import time

import httpx
import pytest
from sources.doubles.loopback import Loopback
from sources.doubles.tencent import SECRET_ID, SECRET_KEY, TencentCloud

from collector.sources.tencent.signing import CONTENT_TYPE, authorization

REAL_SDK = (
    "tencentcloud-sdk-python-common is not installed: the signature is not compared with the real SDK's"
)


def _sent(double: Loopback, body: bytes, header: str, time_s: int) -> dict:
    headers = {
        "Host": double.host,
        "Content-Type": CONTENT_TYPE,
        "Authorization": header,
        "X-TC-Action": "DescribeInstances",
        "X-TC-Version": "2017-03-12",
        "X-TC-Timestamp": str(time_s),
        "X-TC-Region": "ap-nanjing",
    }
    return httpx.post(double.url, content=body, headers=headers).json()["Response"]


def _header(double: Loopback, body: bytes, time_s: int, **changed: str) -> str:
    given = {
        "secret_id": SECRET_ID,
        "secret_key": SECRET_KEY,
        "service": "cvm",
        "host": double.host,
    } | changed
    return authorization(**given, body=body, time_s=time_s)


def test_the_documented_example_has_the_documented_signature_form():
    header = authorization(
        secret_id="AKIDEXAMPLE",
        secret_key="SECRET",
        service="cvm",
        host="cvm.tencentcloudapi.com",
        body=b"{}",
        time_s=1551113065,
    )
    assert re.fullmatch(
        r"TC3-HMAC-SHA256 Credential=AKIDEXAMPLE/2019-02-25/cvm/tc3_request, "
        r"SignedHeaders=content-type;host, Signature=[0-9a-f]{64}",
        header,
    )


def test_the_double_accepts_our_signature():
    body, now = b'{"Offset": 0}', int(time.time())
    with TencentCloud().serve() as double:
        assert _sent(double, body, _header(double, body, now), now)["TotalCount"] == 0


@pytest.mark.parametrize(
    "changed",
    [
        {"secret_key": "another secret"},
        {"service": "vpc"},
        {"host": "monitor.tencentcloudapi.com"},
        {"body": b'{"Offset": 1}'},
        {"time_s": 1},
    ],
    ids=["secret", "service", "host", "body", "time"],
)
def test_a_signature_over_anything_else_is_refused(changed):
    body, now = b'{"Offset": 0}', int(time.time())
    with TencentCloud().serve() as double:
        given = {"secret_id": SECRET_ID, "secret_key": SECRET_KEY, "service": "cvm", "host": double.host}
        header = authorization(**({"body": body, "time_s": now} | given | changed))
        assert _sent(double, body, header, now)["Error"]["Code"].startswith(
            ("AuthFailure", "InvalidParameter")
        )


def test_the_real_sdk_is_accepted_by_the_same_double_and_signs_as_we_do():
    pytest.importorskip("tencentcloud.common.common_client", reason=REAL_SDK)
    from tencentcloud.common import credential
    from tencentcloud.common.common_client import CommonClient
    from tencentcloud.common.profile.client_profile import ClientProfile
    from tencentcloud.common.profile.http_profile import HttpProfile

    with TencentCloud().serve() as double:
        profile = ClientProfile(httpProfile=HttpProfile(protocol="http", endpoint=double.host))
        client = CommonClient(
            "cvm", "2017-03-12", credential.Credential(SECRET_ID, SECRET_KEY), "ap-nanjing", profile
        )
        answer = client.call_json("DescribeInstances", {"Offset": 0, "InstanceIds": ["ins-中文"]})
        (asked,) = double.asked
        assert answer["Response"]["TotalCount"] == 0
        assert json.loads(asked.body)["Offset"] == 0
        ours = _header(double, asked.body, int(asked.headers["x-tc-timestamp"]))
        assert ours == asked.headers["authorization"]


def test_the_real_sdk_with_a_wrong_secret_is_refused_by_the_double():
    pytest.importorskip("tencentcloud.common.common_client", reason=REAL_SDK)
    from tencentcloud.common import credential
    from tencentcloud.common.common_client import CommonClient
    from tencentcloud.common.profile.client_profile import ClientProfile
    from tencentcloud.common.profile.http_profile import HttpProfile

    with TencentCloud().serve() as double:
        profile = ClientProfile(httpProfile=HttpProfile(protocol="http", endpoint=double.host))
        client = CommonClient(
            "cvm", "2017-03-12", credential.Credential(SECRET_ID, "wrong"), "ap-nanjing", profile
        )
        answer = client.call_json("DescribeInstances", {})
        assert answer["Response"]["Error"]["Code"] == "AuthFailure.SignatureFailure"
