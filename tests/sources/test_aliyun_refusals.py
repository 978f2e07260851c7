"""What goes wrong on the way: throttling, outages, refusals, and that no secret shows in any of it."""

from __future__ import annotations

import logging
import re
import socket
import traceback

import pytest
from sources.aliyun_account import CPU, FIVE_MS, HOUR_MS, opened
from sources.certificates import issued
from sources.doubles.aliyun import DAY_MS, SECRET, TOKEN, Aliyun, Reply, error, served
from sources.still_clocks import StillClocks

from collector.errors import SettingsError
from collector.sources.aliyun import connection
from collector.sources.errors import (
    AnswerError,
    AuthError,
    PermissionMissing,
    QuotaExhaustedError,
    ThrottledError,
    UnreachableError,
    UntrustedError,
)
from collector.sources.interface import Span

NOW_MS = 1_700_000_400_000 // HOUR_MS * HOUR_MS
SPAN = Span(NOW_MS - DAY_MS, NOW_MS - DAY_MS + HOUR_MS)
THROTTLED = error(400, "Throttling.User", "Request was denied due to user flow control.")


@pytest.fixture
def account():
    found = Aliyun(now_ms=lambda: NOW_MS)
    found.put(CPU, "i-a", SPAN.start_ms + FIVE_MS, Average="12.5")
    return found


@pytest.fixture
def clocks():
    return StillClocks(NOW_MS)


def ask(account, clocks, **settings):
    with served(account) as address:
        return list(
            opened(account, address, clocks, **settings).averages("cpu.utilization", ["i-a"], SPAN, FIVE_MS)
        )


def scripted(account, *replies):
    account.script["DescribeMetricList"] = list(replies)


@pytest.mark.parametrize(
    "reply",
    [
        THROTTLED,
        error(429, "Throttling", "Request was denied due to request throttling."),
        error(503, "ServiceUnavailable", "The request has failed due to a temporary failure of the server."),
        error(500, "InternalError", "The request processing has failed due to some unknown error."),
        error(503, "Whatever.New", "A code that nobody has listed."),
        Reply(200, '{"Code":"500","Success":false,"Message":"busy"}'),
        Reply(200, '{"Code":"Throttling.Api","Success":false,"Message":"slow down"}'),
        Reply(502, "<html>bad gateway</html>"),
        Reply(drop=True),
    ],
)
def test_what_passes_by_itself_is_asked_again(account, clocks, reply):
    scripted(account, reply, reply)
    (series,) = ask(account, clocks)
    assert len(series.points) == 1
    assert account.calls["DescribeMetricList"] == 3
    assert len(clocks.pauses_s) == 2
    assert len(account.nonces) == 3


def test_the_sdk_itself_asks_once(account, clocks):
    scripted(account, *[THROTTLED] * 99)
    with pytest.raises(ThrottledError, match="user flow control"):
        ask(account, clocks)
    assert account.calls["DescribeMetricList"] == 6 == len(clocks.pauses_s) + 1


@pytest.mark.parametrize("reply", [THROTTLED, Reply(429, "slow down"), Reply(503, "closed")])
def test_retry_after_is_waited_for(account, clocks, reply):
    scripted(account, Reply(reply.status, reply.body, (("Retry-After", "17"),)))
    ask(account, clocks)
    assert len(clocks.pauses_s) == 1
    assert clocks.pauses_s[0] >= 17


def test_an_old_retry_after_is_not_taken_for_a_new_one(account, clocks):
    scripted(account, Reply(429, "slow down", (("Retry-After", "17"),)), THROTTLED)
    ask(account, clocks)
    assert clocks.pauses_s[1] < 17


@pytest.mark.parametrize(
    "reply",
    [
        error(400, "Throttling.User", "Request was denied due to user api quota limit."),
        error(400, "Throttling.Quota", "The quota is used up."),
        Reply(200, '{"Code":"Throttling.User","Success":false,"Message":"user api quota limit"}'),
    ],
)
def test_a_used_up_quota_is_not_asked_again(account, clocks, reply):
    scripted(account, reply)
    with pytest.raises(QuotaExhaustedError, match="month"):
        ask(account, clocks)
    assert account.calls["DescribeMetricList"] == 1


@pytest.mark.parametrize(
    ("reply", "kind", "words"),
    [
        (Reply(200, '{"Code":"Forbidden.RAM","Message":"no"}'), PermissionMissing, "cms:QueryMetricList"),
        (Reply(200, '{"Code":"403","Success":false}'), PermissionMissing, "no reason given"),
        (Reply(200, '{"Code":"200","Success":false,"Message":"no"}'), AnswerError, "NoSuccess: no"),
        (Reply(200, '{"Code":"200","Success":"false"}'), AnswerError, "NoSuccess"),
        (error(400, "InvalidTimeStamp.Expired", "expired"), AuthError, "clock must be right"),
        (error(400, "InvalidParameterValue", "Period is wrong"), AnswerError, "Period is wrong"),
        (Reply(400, "<html>"), AnswerError, "SDK.UnknownServerError"),
        (Reply(400, "[]"), AnswerError, "SDK.UnknownServerError"),
        (Reply(400, "7"), AnswerError, "not the documented JSON"),
        (
            Reply(400, '{"Code":"SignatureDoesNotMatch","Message":"short"}'),
            AnswerError,
            "not the documented JSON",
        ),
        (
            Reply(302, "{}", (("Location", "https://elsewhere.example/"),)),
            AnswerError,
            "SDK.UnknownServerError",
        ),
    ],
)
def test_what_does_not_pass_by_itself_is_told_at_once(account, clocks, reply, kind, words):
    scripted(account, reply)
    with pytest.raises(kind, match=words):
        ask(account, clocks)
    assert account.calls["DescribeMetricList"] == 1


def test_success_may_be_written_as_a_text(account, clocks):
    scripted(account, Reply(200, '{"Code":"200","Success":"true","Datapoints":"[]","RequestId":null}'))
    (series,) = ask(account, clocks)
    assert series.request_ids == ()


def test_a_refusal_carries_the_id_that_support_asks_for(account, clocks):
    scripted(account, error(403, "Forbidden.RAM", "no"))
    with pytest.raises(PermissionMissing) as caught:
        ask(account, clocks)
    assert (caught.value.request_id, caught.value.permission) == ("REQ-E", "cms:QueryMetricList")


def test_a_security_token_is_signed_too_and_keys_of_the_environment_are_not_used(
    account, clocks, monkeypatch
):
    monkeypatch.setenv("ALIYUN_ACCESS_KEY_ID", "another")
    monkeypatch.setenv("ALIYUN_ACCESS_KEY_SECRET", "another")
    account.token = TOKEN
    assert len(ask(account, clocks, token="file:/run/token")[0].points) == 1
    with pytest.raises(AuthError, match="InvalidSecurityToken"):
        ask(account, clocks)


def test_proxies_of_the_environment_are_not_used_but_one_of_the_settings_is(account, clocks, monkeypatch):
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert len(ask(account, clocks)[0].points) == 1
    with pytest.raises(UnreachableError, match="refused"):
        ask(account, clocks, proxy="http://127.0.0.1:9")


def test_an_answer_without_end_is_cut(account, clocks, monkeypatch):
    monkeypatch.setattr(connection, "MAX_ANSWER_BYTES", 1000)
    scripted(account, Reply(200, "x" * 1001))
    with pytest.raises(AnswerError, match="more than 1000 bytes"):
        ask(account, clocks)
    scripted(account, Reply(200, '{"Datapoints":"[]"' + " " * 900 + "}"))
    assert ask(account, clocks)[0].points == ()


def test_an_answer_that_breaks_off_is_asked_for_again(account, clocks):
    scripted(account, Reply(200, '{"Datapoints":"[]"}', broken=True))
    assert len(ask(account, clocks)[0].points) == 1
    assert account.calls["DescribeMetricList"] == 2


def test_nobody_there_is_told_in_words(account, clocks):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    source = opened(account, f"http://127.0.0.1:{port}", clocks)
    with pytest.raises(UnreachableError, match="no answer: refused"):
        list(source.averages("cpu.utilization", ["i-a"], SPAN, FIVE_MS))
    assert len(clocks.pauses_s) == 5


def test_a_server_that_never_answers_is_left(account, clocks, monkeypatch):
    monkeypatch.setattr(connection, "READ_TIMEOUT_S", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as server:
        source = opened(account, f"http://127.0.0.1:{server.getsockname()[1]}", clocks)
        with pytest.raises(UnreachableError, match="timed out"):
            list(source.averages("cpu.utilization", ["i-a"], SPAN, FIVE_MS))


def test_tls_is_spoken_and_the_certificate_checked(account, clocks, tmp_path, monkeypatch):
    monkeypatch.setenv("ALIBABA_CLOUD_CA_BUNDLE", "")  # would switch checking off
    certificate = issued(tmp_path)
    with served(account, certificate=certificate) as address:
        assert address.startswith("https://")
        trusted = opened(account, address, clocks, ca_file=str(certificate[0]))
        (series,) = trusted.averages("cpu.utilization", ["i-a"], SPAN, FIVE_MS)
        assert len(series.points) == 1
        with pytest.raises(UntrustedError, match="the certificate is not trusted"):
            list(opened(account, address, clocks).averages("cpu.utilization", ["i-a"], SPAN, FIVE_MS))
    assert clocks.pauses_s == []


def test_a_certificate_of_another_host_is_not_trusted(account, clocks, tmp_path):
    certificate = issued(tmp_path, name="elsewhere.example")
    with served(account, certificate=certificate) as address:
        source = opened(account, address, clocks, ca_file=str(certificate[0]))
        with pytest.raises(UntrustedError):
            list(source.averages("cpu.utilization", ["i-a"], SPAN, FIVE_MS))


def test_a_file_of_authorities_that_cannot_be_used_is_told(account, clocks, tmp_path):
    (tmp_path / "empty.pem").touch()
    for name in ("empty.pem", "absent.pem"):
        with pytest.raises(SettingsError, match="cannot use ca_file"):
            opened(account, "https://localhost", clocks, ca_file=str(tmp_path / name))


def planted(account, clocks):
    """Yield every error there is with keys planted, and a wrong secret."""
    account.token = TOKEN
    replies = [
        THROTTLED,
        Reply(400, f'{{"Code":"Odd","Message":"you sent {SECRET} and {TOKEN}"}}'),
        Reply(200, f'{{"Code":"Odd","Message":"Signature=abc123, SecurityToken={TOKEN}"}}'),
        Reply(500, f"<html>{SECRET} AccessKeySecret={SECRET}</html>"),
        Reply(drop=True),
        Reply(400, "7"),
    ]
    for reply in replies:
        scripted(account, *[reply] * 6)
        yield lambda: ask(account, clocks, token="file:/run/token")
        account.script.clear()
    yield lambda: ask(account, clocks, token="file:/run/token", secret=SECRET + "x")
    yield lambda: ask(
        account, clocks, proxy="http://user:planted-password@127.0.0.1:9", token="file:/run/token"
    )


def test_no_secret_shows_in_errors_or_logs(account, clocks, caplog, capfd, monkeypatch):
    monkeypatch.setenv("DEBUG", "sdk")
    caplog.set_level(logging.DEBUG)
    shown = []
    for provoked in planted(account, clocks):
        with pytest.raises(Exception) as caught:
            provoked()
        shown += [
            str(caught.value),
            repr(caught.value),
            "".join(traceback.format_exception_only(caught.value)),
        ]
        shown += [repr(vars(caught.value)), repr(caught.value.__context__), repr(caught.value.__cause__)]
    captured = capfd.readouterr()
    text = "\n".join([*shown, caplog.text, captured.out, captured.err])
    for secret in (SECRET, TOKEN, TOKEN.rstrip("="), "abc123", "planted-password"):
        assert secret not in text
    assert not re.search("Signature(=|%3D)(?![*])", text)
    assert "user flow control" in text


def test_a_wrong_secret_says_so_and_not_what_was_signed(account, clocks):
    with pytest.raises(AuthError, match="InvalidAccessKeySecret") as caught:
        ask(account, clocks, secret="planted-but-wrong")
    assert "%26" not in str(caught.value)
    assert "planted-but-wrong" not in str(caught.value)


def test_a_source_does_not_show_its_secret(account):
    source = opened(account, "http://127.0.0.1:9")
    held = [
        repr(source),
        repr(vars(source)),
        repr(vars(source._client)),
        repr(vars(source._client._connection)),
    ]
    assert SECRET not in "".join(held)
