"""The EOP signature against the double's own calculation from the same documentation."""

import time

import httpx
import pytest
from sources.doubles.ctyun import ACCESS_KEY, REGION, SECRET_KEY, Ctyun

from collector.sources.ctyun.signing import (
    AUTHORIZATION_HEADER,
    DATE_HEADER,
    REQUEST_ID_HEADER,
    authorization,
    date_header,
    query_text,
)

BODY = b'{"regionID": "%s", "pageNo": 1, "pageSize": 50}' % REGION.encode()


def _status(*, time_s: int, **changed: object) -> int:
    given = {
        "access_key": ACCESS_KEY,
        "secret_key": SECRET_KEY,
        "request_id": "7f1d",
        "date": date_header(time_s),
        "query": [("b", "2"), ("a", "1 2")],
        "body": BODY,
    } | changed
    headers = {
        REQUEST_ID_HEADER: "7f1d",
        DATE_HEADER: date_header(time_s),
        AUTHORIZATION_HEADER: authorization(**given),
    }
    with Ctyun().serve() as double:
        url = f"{double.url}/v4/ecs/list-instances?{query_text([('b', '2'), ('a', '1 2')])}"
        return httpx.post(url, content=BODY, headers=headers).json()["statusCode"]


def test_the_double_accepts_our_signature():
    assert _status(time_s=int(time.time())) == 800


def test_the_header_has_beijing_time_although_it_ends_in_z():
    assert date_header(1_767_225_600) == "20260101T080000Z"


@pytest.mark.parametrize(
    "changed",
    [
        {"secret_key": "another"},
        {"request_id": "another"},
        {"body": b"{}"},
        {"query": []},
        {"date": "20200101T000000Z"},
    ],
    ids=["secret", "request id", "body", "query", "date"],
)
def test_a_signature_over_anything_else_is_refused(changed):
    assert _status(time_s=int(time.time()), **changed) == 900


def test_a_signature_of_an_hour_ago_is_refused():
    assert _status(time_s=int(time.time()) - 3600) == 900
