"""Planted secrets are looked for in every text that could leave."""

from __future__ import annotations

import base64
import html
import io
import json
import logging
import traceback
from time import perf_counter
from urllib.parse import quote, quote_plus, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.sources.errors import AnswerError, PermissionMissing, ThrottledError
from collector.sources.redaction import LogRedaction, Redactor
from collector.sources.secrets import Secret

SECRET = "wJalr/XUtn+FEMI=K7MDENG&b 'Px\"é"
REDACTOR = Redactor([Secret(SECRET)])

FORMS = {
    "as it is": SECRET,
    "percent-encoded": quote(SECRET),
    "percent-encoded with its slashes": quote(SECRET, safe=""),
    "as a form": quote_plus(SECRET),
    "percent-encoded in lower case": quote(SECRET, safe="").replace("%2F", "%2f").replace("%3D", "%3d"),
    "percent-encoded twice": quote(quote(SECRET, safe=""), safe=""),
    "in a query": urlencode({"x": SECRET}),
    "in JSON": json.dumps({"x": SECRET}),
    "in JSON with its own letters": json.dumps({"x": SECRET}, ensure_ascii=False),
    "repr": repr({"x": SECRET}),
    "repr of bytes": repr(SECRET.encode()),
    "hex": SECRET.encode().hex(),
    "base64": base64.b64encode(SECRET.encode()).decode(),
    "base64 for addresses": base64.urlsafe_b64encode(SECRET.encode()).decode(),
    "base64 after a user's name": base64.b64encode(b"admin:" + SECRET.encode()).decode(),
    "base64 after a longer name": base64.b64encode(b"admins:" + SECRET.encode()).decode(),
    "base64 in the middle": base64.b64encode(b"ab" + SECRET.encode() + b"xyz").decode(),
    "in HTML": html.escape(SECRET),
    "JSON in JSON": json.dumps(json.dumps([SECRET])),
    "base64 percent-encoded": quote(base64.b64encode(b"ab" + SECRET.encode()).decode(), safe=""),
}


def pieces(text, length=8):
    return {text[start : start + length] for start in range(len(text) - length + 1)}


@pytest.mark.parametrize("form", FORMS)
def test_a_known_secret_is_replaced_in_every_form(form):
    text = REDACTOR.text(f"before {FORMS[form]} after")
    assert text.startswith("before ")
    assert text.endswith(" after")
    assert "***" in text
    left = text.removeprefix("before ").removesuffix(" after")
    assert len(left.replace("***", "")) <= 12  # quotes, a user's name: nothing of 30 characters
    assert not pieces(SECRET, 4) & pieces(left, 4)


@given(
    secret=st.text(st.characters(codec="utf-8", exclude_characters="*"), min_size=6, max_size=60),
    before=st.binary(max_size=20),
    after=st.binary(max_size=20),
)
def test_no_secret_survives_in_any_encoding(secret, before, after):
    redactor = Redactor([Secret(secret)])
    encoded = base64.b64encode(before + secret.encode() + after).decode()
    assert secret not in redactor.text(f"key {secret}!")
    assert quote(secret, safe="") not in redactor.text(f"key {quote(secret, safe='')}!")
    left = redactor.text(encoded)
    assert "***" in left
    for start in range(len(left)):  # whichever way the rest is cut, the secret is not in it
        part = left[start:]
        raw = base64.b64decode(part[: len(part) // 4 * 4].replace("*", "A") + "AAAA", validate=False)
        assert secret.encode() not in raw


UNKNOWN = {
    "a header": "Authorization: Bearer PLANTED12345",
    "a header in the middle of a line": "sent {'Authorization': 'Bearer PLANTED12345', 'Accept': '*/*'}",
    "a header of bytes": "[(b'Authorization', b'Basic PLANTED12345==')]",
    "another scheme": (
        "authorization: TC3-HMAC-SHA256 Credential=AKID/2026-01-01/monitor/tc3_request, "
        "SignedHeaders=content-type;host, Signature=PLANTED12345"
    ),
    "a scheme alone": "SDK-HMAC-SHA256 Access=AK, SignedHeaders=host, Signature=PLANTED12345",
    "a bearer alone": "Bearer PLANTED12345",
    "a signature in an address": "GET https://ecs.aliyuncs.com/?Action=X&Signature=PLANTED12345%3D&Version=1",
    "an AWS signature": "https://h/?X-Amz-Signature=PLANTED12345&X-Amz-Security-Token=PLANTED67890",
    "a security token": "SecurityToken=PLANTED12345",
    "a header of Huawei": "X-Auth-Token: PLANTED12345",
    "JSON": '{"user": "Admin", "password": "PLANTED12345", "id": 1}',
    "JSON of Zabbix": '{"jsonrpc": "2.0", "auth": "PLANTED12345"}',
    "JSON in JSON": json.dumps('{"password": "PLANTED12345"}'),
    "a session": '{"sessionid":"PLANTED12345"}',
    "an access key secret": "AccessKeySecret='PLANTED12345'",
    "an AWS key": "aws_secret_access_key = PLANTED12345",
    "a cookie": "Set-Cookie: n9e=PLANTED12345; Path=/",
    "an address with a password": "https://user:PLANTED12345@monitor.example.com/",
    "an assignment": "password=PLANTED12345",
}


@pytest.mark.parametrize("place", UNKNOWN)
def test_what_looks_like_a_secret_goes_even_if_nobody_told_us(place):
    text = Redactor().text(UNKNOWN[place])
    assert "PLANTED" not in text
    assert "***" in text


@pytest.mark.parametrize(
    "text",
    [
        "the answer is not JSON; is this the right address?",
        "https://prometheus.example.com:9090/api/v1/query: HTTP 400: parse error at char 5",
        "InvalidAccessKeyId.NotFound: Specified access key is not found.",
        "cms: the same page token came twice; the pages would never end",
        "i-0123456789abcdef0 cpu.utilization: two answers at 1700000000000 ms",
    ],
)
def test_other_texts_stay_as_they_are(text):
    assert REDACTOR.text(text) == text


def test_a_token_of_many_kilobytes_is_no_burden():
    token = base64.b64encode(bytes(range(256)) * 40).decode()
    redactor = Redactor([Secret(token)])
    text = "x" * 100_000 + token + " " + quote(token, safe="") + "y" * 100_000
    assert redactor.text(text) == "x" * 100_000 + "*** ***" + "y" * 100_000


@pytest.mark.parametrize(
    "text",
    [
        "\n" * 300_000,
        " " * 300_000,
        "\\" * 300_000,
        "a.-" * 100_000,
        "%25" * 100_000,
        "password" * 40_000,
        "bearer " * 50_000,
        "token=" * 50_000,
        "://" * 100_000,
        "'" * 300_000,
    ],
)
def test_texts_that_are_made_to_be_slow_are_not(text):
    start_s = perf_counter()
    REDACTOR.text(text)
    assert perf_counter() - start_s < 20  # milliseconds; what grows with the square takes minutes


def test_nothing_is_known_of_a_redactor_from_its_repr():
    assert SECRET not in repr(REDACTOR)


def test_no_secrets_change_nothing_but_patterns():
    assert Redactor().text("plain") == "plain"


def chained():
    try:
        try:
            raise OSError(SECRET)  # noqa: TRY301 - errors of errors are what is tested
        except OSError as inner:
            raise PermissionMissing(f"no: {SECRET}", permission=SECRET, request_id=SECRET) from inner
    except PermissionMissing as error:
        error.add_note(f"sent {SECRET}")
        return error


def test_errors_are_redacted_with_everything_they_carry():
    error = chained()
    REDACTOR.scrub(error)
    assert SECRET not in "".join(traceback.format_exception(error))
    assert SECRET not in repr((error, vars(error), error.args))
    assert error.permission == "***"


def test_numbers_in_errors_stay_numbers():
    error = ThrottledError("slow", retry_after_s=7)
    error.args = ("slow", 7, None, True, {"key": SECRET})
    REDACTOR.scrub(error)
    assert error.args[:4] == ("slow", 7, None, True)
    assert SECRET not in error.args[4]
    assert error.retry_after_s == 7


def logged(record_it):
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.addFilter(LogRedaction(REDACTOR))
    logger = logging.getLogger("tests.redaction")
    logger.addHandler(handler)
    logger.propagate = False
    try:
        record_it(logger)
    finally:
        logger.removeHandler(handler)
    return stream.getvalue()


def test_log_lines_of_libraries_are_redacted():
    text = logged(lambda logger: logger.warning("GET %s with %r", quote(SECRET), {"Authorization": SECRET}))
    assert text.startswith("GET ***")
    assert pieces(SECRET) & pieces(text) == set()


def test_tracebacks_in_logs_are_redacted():
    def fail(logger):
        try:
            raise AnswerError(f"odd: {SECRET}")  # noqa: TRY301 - the traceback is what is tested
        except AnswerError:
            logger.exception("failed")

    text = logged(fail)
    assert "AnswerError: odd: ***" in text
    assert SECRET not in text


def test_a_short_password_is_replaced_too():
    assert Redactor([Secret("abc")]).text("login with 'abc' or a%62c") == "login with '***' or a%62c"
    assert Redactor([Secret("a&b")]).text("login with a%26b") == "login with ***"


def test_an_empty_secret_replaces_nothing():
    assert Redactor([Secret("")]).text("plain") == "plain"
