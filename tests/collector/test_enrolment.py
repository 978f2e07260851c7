from __future__ import annotations

import base64
import json
from dataclasses import replace

import pytest
from sqlalchemy import select

from collector import tokens
from collector.store import registry, schema
from collector.store.archive import StoreArchive
from evidence import enrolment
from evidence.dsse import ENROLMENT_TYPE
from evidence.keys import PrivateKey

pytestmark = pytest.mark.both_stores

HOUR_MS = 3_600_000


def code(answer):
    return answer.status_code, answer.json().get("code")


def test_an_offer_says_what_the_record_must_say_and_uses_nothing_up(api, token, clock):
    text = token()
    for _ in range(2):
        answer = api.offer(text, "web-1")
        assert answer.status_code == 200
        assert answer.json() == {
            "enterprise": "甲公司",
            "host": "web-1",
            "epoch": 0,
            "previous": "",
            "server_ms": clock.now_ms,
        }


def test_enrolment_pins_the_key_and_uses_the_token_up(api, token, store):
    key, text = PrivateKey.generate(), token()
    body = api.request(text, "web-1", key)
    answer = api.finish(body)
    assert answer.status_code == 201
    (signed,) = StoreArchive(store).enrolments()
    assert answer.json()["enrolment"] == signed.hash
    assert answer.json()["key"] == key.public.id
    assert (signed.enrolment.host, signed.enrolment.source, signed.public) == ("web-1", "agent", key.public)
    assert code(api.offer(text, "web-2")) == (401, "TOKEN_USED")


def test_the_same_request_again_gets_the_same_answer_even_after_the_token_expired(api, token, clock):
    body = api.request(token(), "web-1", PrivateKey.generate())
    first = api.finish(body)
    clock.now_ms += 25 * HOUR_MS
    again = api.finish(body)
    assert (first.status_code, again.status_code) == (201, 200)
    assert {**first.json(), "server_ms": 0} == {**again.json(), "server_ms": 0}


def test_another_request_with_a_used_token_is_refused(api, token):
    text = token()
    offered = api.offer(text, "web-1").json()
    api.enrol(text, "web-1")
    other = api.request(text, "web-1", PrivateKey.generate(), offered=offered)
    assert code(api.finish(other)) == (401, "TOKEN_USED")


def test_tokens_that_are_unknown_or_expired_are_refused(api, token, clock):
    text = token(hours=2)
    assert code(api.offer("made-up", "web-1")) == (401, "TOKEN_UNKNOWN")
    body = api.request(text, "web-1", PrivateKey.generate())
    clock.now_ms += 2 * HOUR_MS
    assert code(api.offer(text, "web-1")) == (401, "TOKEN_EXPIRED")
    assert code(api.finish(body)) == (401, "TOKEN_EXPIRED")


def test_only_the_hash_of_a_token_is_stored(token, store, url):
    text = token("web-1")
    with store.reading() as connection:
        rows = connection.execute(select(schema.token)).all()
        trail = connection.execute(select(schema.audit_trail)).all()
    assert rows[0].sha256 == tokens.digest(text)
    assert text not in f"{rows} {trail}"


def test_a_host_that_is_enrolled_cannot_be_taken_with_a_free_token(api, token, web):
    assert code(api.offer(token(), "web-1")) == (409, "HOST_TAKEN")
    assert code(api.offer(token("web-2"), "web-1")) == (409, "HOST_TAKEN")


def test_a_key_is_rotated_by_both_signatures(api, token, web, store):
    text, key = token("web-1"), PrivateKey.generate()
    assert api.offer(text, "web-1").json()["previous"] == web.key.public.id
    rotated = api.enrol(text, "web-1", key, previous=web.key)
    assert api.outcomes(key, *rotated.run(2)) == [("stored", "")] * 2
    assert api.outcomes(web.key, *web.run(1)) == [("stored", "")]
    assert [signed.enrolment.epoch for signed in StoreArchive(store).enrolments()] == [0, 1]
    assert StoreArchive(store).findings() == []


def test_a_key_enrolled_without_the_lost_one_is_shown_as_a_break(api, token, web, store):
    api.enrol(token("web-1"), "web-1")
    (finding,) = StoreArchive(store).findings()
    assert (finding.code, finding.host, finding.epoch) == ("KEY_BREAK", "web-1", 1)
    with store.reading() as connection:
        actions = list(connection.scalars(select(schema.audit_trail.c.action)))
    assert actions.count("KEY_BREAK") == 1


def test_a_rotation_signed_by_an_older_key_is_refused(api, token, web):
    api.enrol(token("web-1"), "web-1", previous=web.key)
    body = api.request(token("web-1"), "web-1", PrivateKey.generate(), previous=web.key)
    assert code(api.finish(body)) == (422, "WRONG_RECORD")


@pytest.mark.parametrize(
    "changes",
    [
        {"enterprise": "乙公司"},
        {"host": "web-2"},
        {"host": ""},
        {"epoch": 1},
        {"token": "0" * 64},
        {"source": "import"},
        {"previous": "0" * 64},
    ],
)
def test_a_record_that_says_something_else_than_the_offer_is_refused(api, token, changes):
    key, text = PrivateKey.generate(), token("web-1")
    body = api.request(text, "web-1", key)
    record = replace(enrolment.parse(base64.b64decode(body["record"])), **changes).encode()
    body["record"] = base64.b64encode(record).decode()
    body["signature"] = base64.b64encode(key.sign(ENROLMENT_TYPE, record)).decode()
    expected = (409, "HOST_TAKEN") if changes.get("host") == "web-2" else (422, "WRONG_RECORD")
    assert code(api.finish(body)) == expected


def test_a_weak_key_is_refused(api, token):
    text = token()
    key = PrivateKey.generate()
    body = api.request(text, "web-1", key)
    record = base64.b64decode(body["record"])
    identity_point = "01" + "00" * 31
    weak = record.replace(key.public.raw.hex().encode(), identity_point.encode())
    assert weak != record
    body["record"] = base64.b64encode(weak).decode()
    assert code(api.finish(body)) == (422, "WEAK_KEY")


def test_a_record_without_proof_of_possession_is_refused(api, token):
    body = api.request(token(), "web-1", PrivateKey.generate())
    body["signature"] = base64.b64encode(bytes(64)).decode()
    assert code(api.finish(body)) == (422, "BAD_SIGNATURE")


def test_a_key_that_is_pinned_for_another_host_is_refused(api, token, web):
    body = api.request(token(), "web-2", web.key)
    assert code(api.finish(body)) == (409, "KEY_TAKEN")


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"record": "!"}, (400, "BAD_REQUEST")),
        ({"record": "e30="}, (400, "MALFORMED")),
        ({"signature": 5}, (400, "BAD_REQUEST")),
        ({"extra": "x"}, (400, "BAD_REQUEST")),
        ({"token": "x" * 70_000}, (413, "TOO_LARGE")),
        ({"token": "\ud800"}, (401, "TOKEN_UNKNOWN")),
    ],
)
def test_a_malformed_request_is_refused(api, token, change, expected):
    body = {**api.request(token(), "web-1", PrivateKey.generate()), **change}
    answer = api.http.post(  # httpx itself cannot write lone surrogates
        "/v1/enrolments", content=json.dumps(body), headers={"Content-Type": "application/json"}
    )
    assert code(answer) == expected


@pytest.mark.parametrize(
    "content", [b"[", b"[1]", b'{"token":"a","token":"b","host":"h"}', b"\xff", b"[" * 60_000]
)
def test_a_body_that_is_no_json_object_is_refused(api, content):
    answer = api.http.post(
        "/v1/enrolments/offer", content=content, headers={"Content-Type": "application/json"}
    )
    assert code(answer) == (400, "BAD_REQUEST")


@pytest.mark.parametrize("host", ["", " web", "a\nb", "x" * 129])
def test_a_name_that_cannot_be_shown_is_no_host_name(api, token, host):
    assert code(api.offer(token(), host)) == (400, "BAD_REQUEST")


def test_enrolment_is_logged_without_the_token(api, token, events):
    text = token()
    api.enrol(text, "web-1")
    assert events.named("enrolled")[0]["host"] == "web-1"
    assert text not in str(events.lines)


@pytest.mark.parametrize("source", ["login-log", "database"])
def test_each_source_of_a_host_has_keys_and_epochs_of_its_own(api, token, web, store, source):
    text = token("web-1")
    offered = api.offer(text, "web-1", source=source).json()
    assert (offered["epoch"], offered["previous"]) == (0, "")
    first = api.enrol(text, "web-1", source=source)
    again = api.offer(token("web-1"), "web-1", source=source).json()
    assert (again["epoch"], again["previous"]) == (1, first.key.public.id)
    assert api.offer(token("web-1"), "web-1").json()["previous"] == web.key.public.id
    found = {(s.enrolment.source, s.enrolment.epoch) for s in StoreArchive(store).enrolments()}
    assert found == {("agent", 0), (source, 0)}
    assert StoreArchive(store).findings() == []


def test_another_source_of_an_enrolled_host_needs_a_token_for_that_host(api, token, web):
    assert code(api.offer(token(), "web-1", source="login-log")) == (409, "HOST_TAKEN")


@pytest.mark.parametrize("source", ["import", "accounts", "aliyun", "", "Agent"])
def test_a_source_whose_key_the_collector_holds_is_not_enrolled(api, token, source):
    assert code(api.offer(token(), "web-1", source=source)) == (400, "BAD_REQUEST")


def test_a_host_known_from_imports_can_still_be_enrolled(api, token, store):
    with store.writing() as connection:
        registry.host_id(connection, "web-1")
    assert api.offer(token(), "web-1").json()["epoch"] == 0
