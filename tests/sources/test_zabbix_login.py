"""Versions, logins, sessions, and what is said when something is refused."""

from __future__ import annotations

import json
import logging

import pytest
from sources.doubles.zabbix import PASSWORD, TOKEN, USER, Zabbix, served
from sources.zabbix_world import DAY, START_S, linux, one, opened, values

from collector.sources.errors import (
    AnswerError,
    AuthError,
    PermissionMissing,
    SourceError,
    ThrottledError,
    UnreachableError,
    UntrustedError,
)
from collector.sources.interface import CPU

VERSIONS = ["6.0.14", "6.2.9", "6.4.0", "7.0.0rc1", "7.2.3", "7.4.1"]
PASSWORD_LOGIN = {"user": USER, "password": "env:PASSWORD"}
HOUR_MS = 3_600_000


def filled(version: str = "6.0.14") -> Zabbix:
    zabbix = Zabbix(version=version)
    items = linux(zabbix)
    zabbix.trend(items["idle"], START_S, "70")
    zabbix.trend(items["iowait"], START_S, "0.5")
    return zabbix


def cpu(source) -> list:
    return values(one(source.averages(CPU, ["10001"], DAY, HOUR_MS)))


def error_body(code: int, data: str, number: int = 2) -> bytes:
    error = {"code": code, "message": "Application error.", "data": data}
    return json.dumps({"jsonrpc": "2.0", "error": error, "id": number}).encode()


def fault(*reply):
    return lambda _request: reply


def rpc_error(code: int, data: str):
    return lambda request: (200, error_body(code, data, request["id"]))


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("login", [{"token": "env:TOKEN"}, PASSWORD_LOGIN], ids=["token", "password"])
def test_each_version_is_logged_in_to_and_read_as_it_wants(version, login):
    zabbix = filled(version)
    with served(zabbix) as url:
        assert cpu(opened(url, **login)) == [(0, 3600, "29.5")]
    newer = tuple(map(int, version.split(".")[:2])) >= (6, 4)
    assert all("auth" not in request for request in zabbix.asked) == newer
    assert zabbix.logins == (login is PASSWORD_LOGIN)


def test_the_version_is_asked_once_and_without_a_login():
    zabbix = filled("7.0.1")
    with served(zabbix) as url:
        source = opened(url)
        cpu(source)
        cpu(source)
    assert [request["method"] for request in zabbix.asked].count("apiinfo.version") == 1


@pytest.mark.parametrize("version", ["5.0.40", "5.4.12", "4.4.1"])
def test_older_versions_are_refused_by_name(version):
    with served(Zabbix(version=version)) as url, pytest.raises(AnswerError, match=r"6\.0 or later"):
        cpu(opened(url))


@pytest.mark.parametrize("version", ["Apache", "", "7"])
def test_what_is_not_a_version_is_not_taken_for_zabbix(version):
    with served(Zabbix(version=version)) as url, pytest.raises(AnswerError, match="not a version"):
        cpu(opened(url))


@pytest.mark.parametrize("version", ["6.0.14", "7.0.1"])
@pytest.mark.parametrize("chinese", [False, True])
def test_a_wrong_password_is_tried_once_and_named_in_every_language(version, chinese):
    zabbix = filled(version)
    if chinese:
        zabbix.speak_chinese()
    with served(zabbix) as url, pytest.raises(AuthError, match=r"user\.login.*check user and password"):
        cpu(opened(url, user=USER, password="env:WRONG"))
    assert zabbix.logins == 1, "more tries would block the account"


def test_a_wrong_token_says_what_to_check():
    zabbix = filled("6.0.14")
    with served(zabbix) as url, pytest.raises(AuthError, match="Not authorized") as caught:
        cpu(opened(url, token="env:OTHER"))
    assert "Authorization" not in str(caught.value)


def test_from_6_4_a_web_server_that_drops_the_header_is_thought_of():
    zabbix = filled("7.0.1")
    with served(zabbix) as url, pytest.raises(AuthError, match="hands the header Authorization on to PHP"):
        cpu(opened(url, token="env:OTHER"))


@pytest.mark.parametrize("said", ["API token expired.", "API token已过期。"])
def test_an_expired_token_is_an_error_of_the_credential_in_every_language(said):
    zabbix = filled()
    zabbix.faults = [lambda _request: None, rpc_error(-32500, said)]
    with served(zabbix) as url, pytest.raises(AuthError, match="API token"):
        cpu(opened(url))


@pytest.mark.parametrize("version", ["6.0.14", "7.2.0"])
@pytest.mark.parametrize("chinese", [False, True])
def test_an_ended_session_is_renewed_once(version, chinese):
    zabbix = filled(version)
    if chinese:
        zabbix.speak_chinese()
    with served(zabbix) as url:
        source = opened(url, **PASSWORD_LOGIN)
        cpu(source)
        zabbix.sessions.clear()
        assert cpu(source) == [(0, 3600, "29.5")]
    assert zabbix.logins == 2


def test_a_session_that_cannot_be_renewed_is_an_error_and_not_a_loop():
    zabbix = filled()
    with served(zabbix) as url:
        source = opened(url, **PASSWORD_LOGIN)
        cpu(source)
        zabbix.sessions.clear()

        def forgetful(_request):
            zabbix.sessions.clear()

        zabbix.faults = [forgetful] * 20
        with pytest.raises(AuthError, match="terminated"):
            cpu(source)
    assert zabbix.logins == 2


def test_a_session_that_is_not_a_text_is_refused():
    zabbix = filled()
    zabbix.faults = [lambda _request: None, fault(200, b'{"jsonrpc": "2.0", "result": null, "id": 2}')]
    with served(zabbix) as url, pytest.raises(AnswerError, match="not a session"):
        cpu(opened(url, **PASSWORD_LOGIN))


@pytest.mark.parametrize("method", ["item.get", "trend.get"])
def test_a_method_that_the_role_forbids_is_named(method):
    zabbix = filled()
    zabbix.denied = {method}
    with served(zabbix) as url, pytest.raises(PermissionMissing) as caught:
        cpu(opened(url))
    assert caught.value.permission == method
    assert f"allow {method} in the role" in str(caught.value)


def test_a_method_that_the_version_lacks_is_said():
    zabbix = filled()
    zabbix.faults = [lambda _request: None, rpc_error(-32601, 'Incorrect API "housekeeping".')]
    with served(zabbix) as url, pytest.raises(AnswerError, match="not known to work"):
        cpu(opened(url))


def test_refused_parameters_are_an_error_of_the_answer_and_not_of_the_login():
    zabbix = filled()
    passed = [lambda _request: None] * 2
    zabbix.faults = [*passed, rpc_error(-32602, 'Invalid parameter "/1": a number is expected.')]
    with served(zabbix) as url, pytest.raises(AnswerError, match="a number is expected") as caught:
        cpu(opened(url, **PASSWORD_LOGIN))
    assert not isinstance(caught.value, AuthError)


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        ((500, b"PHP Fatal error"), UnreachableError),
        ((502, b"Bad Gateway"), UnreachableError),
        ((503, b"busy", {"Retry-After": "2"}), ThrottledError),
        ((429, b"slow down", {"Retry-After": "7"}), ThrottledError),
        ((200, error_body(1, "Error connecting to database")), UnreachableError),
        ((200, error_body(-32500, "System error occurred. Please contact Zabbix administrator.")), UnreachableError),
        ((200, error_body(-32500, "发生系统错误。请联系 Zabbix 管理员。")), UnreachableError),
        ((200, error_body(-32603, "Internal JSON-RPC error.")), UnreachableError),
    ],
)  # fmt: skip
def test_what_passes_is_asked_again_and_what_stays_is_raised(reply, error):
    zabbix = filled()
    zabbix.faults = [lambda _request: None, fault(*reply), fault(*reply)]
    pauses: list[float] = []
    with served(zabbix) as url:
        assert cpu(opened(url, pauses=pauses)) == [(0, 3600, "29.5")]
        assert len(pauses) == 2
        if error is ThrottledError:
            assert pauses[0] >= float(reply[2]["Retry-After"])
        zabbix.faults = [fault(*reply)] * 100
        with pytest.raises(error):
            cpu(opened(url, pauses=pauses))


def test_a_database_that_is_down_during_the_login_is_not_a_wrong_password():
    zabbix = filled()
    zabbix.faults = [lambda _request: None, rpc_error(1, "Error connecting to database")]
    with served(zabbix) as url:
        assert cpu(opened(url, **PASSWORD_LOGIN)) == [(0, 3600, "29.5")]


@pytest.mark.parametrize(
    ("reply", "match"),
    [
        ((200, b"<html>login</html>"), "not JSON"),
        ((200, b"[]"), "not JSON-RPC"),
        ((200, b'{"result": "6.0.14", "id": 1}'), "not JSON-RPC"),
        ((200, b'{"jsonrpc": "2.0", "result": "6.0.14", "id": 99}'), "another call"),
        ((200, b'{"jsonrpc": "2.0", "id": 1}'), "no result"),
        ((200, b'{"jsonrpc": "2.0", "error": {"code": "x"}, "id": 1}'), "apiinfo.version: 0"),
        ((204, b""), "HTTP 204"),
        ((404, b"nothing here"), "HTTP 404"),
        ((412, b""), "HTTP 412"),
    ],
)
def test_what_is_not_an_answer_is_said_to_be_none(reply, match):
    zabbix = filled()
    zabbix.faults = [fault(*reply)]
    with served(zabbix) as url, pytest.raises(AnswerError, match=match):
        cpu(opened(url))


def test_being_sent_elsewhere_is_not_followed():
    zabbix = filled()
    zabbix.faults = [fault(302, b"", {"Location": "http://127.0.0.1:1/"})]
    with served(zabbix) as url, pytest.raises(UntrustedError, match="not followed"):
        cpu(opened(url))


def test_the_whole_address_of_the_api_may_be_given_too():
    zabbix = filled()
    with served(zabbix) as url:
        assert cpu(opened(f"{url}/api_jsonrpc.php")) == [(0, 3600, "29.5")]


@pytest.mark.parametrize("version", ["6.0.14", "7.0.1"])
@pytest.mark.parametrize("login", [{"token": "env:TOKEN"}, PASSWORD_LOGIN], ids=["token", "password"])
def test_no_secret_stands_in_errors_or_logs(version, login, caplog):
    """What the source sends (token, or password and session) is echoed in what is answered."""
    caplog.set_level(logging.DEBUG)
    zabbix = filled(version)
    with served(zabbix) as url:
        source = opened(url, **login)
        cpu(source)
        secrets = [TOKEN] if "token" in login else [PASSWORD, next(iter(zabbix.sessions))]
        echoed = " ".join(f"you sent {secret}, {json.dumps(secret)}, Bearer {secret}" for secret in secrets)
        for reply in ((400, echoed.encode()), (500, echoed.encode()), (200, error_body(-32500, echoed))):
            zabbix.faults = [fault(*reply)] * 100
            with pytest.raises(SourceError, match="you sent") as caught:
                cpu(source)
            for secret in secrets:
                assert secret not in f"{caught.value!s}{caught.value!r}{source!r}{vars(source)!r}"
                assert secret not in caplog.text


def test_a_password_echoed_by_the_login_is_not_shown():
    zabbix = filled()
    zabbix.faults = [lambda _request: None, rpc_error(-32500, f"wrong password {PASSWORD}")]
    with served(zabbix) as url, pytest.raises(AuthError, match="wrong password") as caught:
        cpu(opened(url, **PASSWORD_LOGIN))
    assert PASSWORD not in str(caught.value)
