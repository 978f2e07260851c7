"""Asking again: when, how often, how long, and when not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from slow_time import Time

from collector.sources.calling import (
    MAX_RETRY_AFTER_S,
    Codes,
    Patience,
    quoted,
    real_clocks,
    retry_after_s,
    status_error,
)
from collector.sources.errors import (
    AnswerError,
    AuthError,
    PermissionMissing,
    QuotaExhaustedError,
    SourceError,
    ThrottledError,
    UnreachableError,
    UntrustedError,
)
from collector.sources.secrets import Secret

NEW_YEAR_MS = 1_798_761_600_000  # 2027-01-01 00:00:00 UTC


class Asked:
    """Fails as told, then answers; counts how often it was asked."""

    def __init__(self, *errors, time=None, takes_ms=0):
        self.errors = list(errors)
        self.count = 0
        self.time = time
        self.takes_ms = takes_ms

    def __call__(self):
        self.count += 1
        if self.time:
            self.time.pass_ms(self.takes_ms)
        if self.errors:
            raise self.errors.pop(0)
        return "answer"


def test_an_answer_is_returned_without_a_pause(time):
    assert time.caller().call(Asked()) == "answer"
    assert time.pauses_ms == []


@pytest.mark.parametrize("error", [ThrottledError("slow down"), UnreachableError("no answer")])
def test_what_may_pass_is_asked_again(time, error):
    ask = Asked(error, error)
    assert time.caller().call(ask) == "answer"
    assert ask.count == 3


@pytest.mark.parametrize(
    "error",
    [
        AuthError("wrong key"),
        PermissionMissing("may not", permission="cms:Query"),
        QuotaExhaustedError("used up"),
        AnswerError("not JSON"),
        UntrustedError("certificate"),
    ],
)
def test_what_stays_wrong_is_asked_once(time, error):
    ask = Asked(error)
    with pytest.raises(SourceError) as raised:
        time.caller().call(ask)
    assert raised.value is error
    assert ask.count == 1
    assert time.pauses_ms == []


def test_pauses_double_up_to_the_longest_one(time):
    time.chance = 0.999_999
    patience = Patience(attempts=6, first_pause_ms=1000, longest_pause_ms=5000, deadline_ms=10**9)
    with pytest.raises(UnreachableError):
        time.caller(patience=patience).call(Asked(*[UnreachableError("no")] * 6))
    assert time.pauses_ms == pytest.approx([1000, 2000, 4000, 5000, 5000], abs=1)


@given(chance=st.floats(0, 1, exclude_max=True), tries=st.integers(1, 5))
def test_jitter_stays_in_the_upper_half_of_the_pause(chance, tries):
    time = Time(chance=chance)
    time.caller(patience=Patience(attempts=9, deadline_ms=10**9)).call(
        Asked(*[UnreachableError("no")] * tries)
    )
    for number, pause_ms in enumerate(time.pauses_ms):
        whole = min(500 * 2**number, 30_000)
        assert whole / 2 <= pause_ms <= whole


def test_different_chances_give_different_pauses(time):
    for time.chance in (0.1, 0.9):
        time.caller().call(Asked(UnreachableError("no")))
    assert time.pauses_ms[0] < time.pauses_ms[1]


def test_the_number_of_attempts_is_bounded(time):
    ask = Asked(*[ThrottledError("slow down")] * 100)
    with pytest.raises(ThrottledError):
        time.caller(patience=Patience(attempts=4)).call(ask)
    assert ask.count == 4
    assert len(time.pauses_ms) == 3


@pytest.mark.parametrize("chance", [0.0, 0.999])
def test_a_source_is_left_alone_for_as_long_as_it_says(time, chance):
    time.chance = chance
    assert time.caller().call(Asked(ThrottledError("slow down", retry_after_s=7))) == "answer"
    (pause_ms,) = time.pauses_ms
    assert 7000 <= pause_ms <= 7500


def test_a_wait_beyond_the_deadline_is_not_begun(time):
    error = ThrottledError("come back tomorrow", retry_after_s=600)
    ask = Asked(error)
    with pytest.raises(ThrottledError) as raised:
        time.caller(patience=Patience(deadline_ms=180_000)).call(ask)
    assert raised.value.retry_after_s == 600
    assert (ask.count, time.pauses_ms) == (1, [])


def test_the_deadline_counts_what_the_attempts_take(time):
    ask = Asked(*[UnreachableError("timed out")] * 50, time=time, takes_ms=60_000)
    start_ms = time.monotonic_ms
    with pytest.raises(UnreachableError):
        time.caller(patience=Patience(attempts=50, deadline_ms=150_000)).call(ask)
    assert ask.count == 3
    assert time.monotonic_ms - start_ms <= 150_000 + 60_000


def test_a_wall_clock_that_jumps_does_not_end_the_patience(time):
    def ask():
        time.wall_ms += 10**10
        return inner()

    inner = Asked(UnreachableError("no"))
    assert time.caller().call(ask) == "answer"


def test_errors_of_others_are_not_retried_but_redacted(time):
    ask = Asked(RuntimeError("refused: s3cr3t-K3y/value"))
    with pytest.raises(RuntimeError) as raised:
        time.caller(secrets=[Secret("s3cr3t-K3y/value")]).call(ask)
    assert str(raised.value) == "refused: ***"
    assert ask.count == 1


def test_errors_of_ours_are_redacted_and_drag_nothing_along(time):
    secret = "s3cr3t-K3y/value"

    def ask():
        try:
            raise OSError(f"GET /?key={secret}")  # noqa: TRY301 - errors of errors are what is tested
        except OSError as error:
            raise AnswerError(f"odd answer with {secret}", request_id=secret) from error

    with pytest.raises(AnswerError) as raised:
        time.caller(secrets=[Secret(secret)]).call(ask)
    error = raised.value
    assert str(error) == "odd answer with ***"
    assert error.request_id == "***"
    assert error.__cause__ is None
    assert error.__context__ is None


@pytest.mark.parametrize(
    ("text", "expected_s"),
    [
        ("0", 0),
        ("120", 120),
        (" 3 ", 3),
        ("Fri, 01 Jan 2027 00:00:30 GMT", 30),
        ("Friday, 01-Jan-27 00:00:30 GMT", 30),  # RFC 850, which a recipient must accept
        ("Fri Jan  1 00:00:30 2027", 30),  # asctime
        ("Fri, 01 Jan 2027 00:00:30 -0000", 30),
        ("Thu, 31 Dec 2026 23:59:00 GMT", 0),
        ("999999999", MAX_RETRY_AFTER_S),
        ("Fri, 01 Jan 2037 00:00:00 GMT", MAX_RETRY_AFTER_S),
        (None, None),
        ("", None),
        ("soon", None),
        ("-5", None),
        ("1.5", None),
        ("٣", None),
        ("9" * 400, None),
        ("Fri, 99 Foo 2027 00:00:30 GMT", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(text, expected_s):
    assert retry_after_s(text, wall_ms=NEW_YEAR_MS) == expected_s


def test_part_of_a_second_is_waited_for_too():
    assert retry_after_s("Fri, 01 Jan 2027 00:00:30 GMT", wall_ms=NEW_YEAR_MS + 1) == 30
    assert retry_after_s("Fri, 01 Jan 2027 00:00:30 GMT", wall_ms=NEW_YEAR_MS + 29_001) == 1


@pytest.mark.parametrize(
    ("status", "headers", "kind"),
    [
        (301, {}, UntrustedError),
        (400, {}, AnswerError),
        (401, {}, AuthError),
        (403, {}, AuthError),
        (404, {}, AnswerError),
        (408, {}, UnreachableError),
        (429, {"retry-after": "9"}, ThrottledError),
        (500, {}, UnreachableError),
        (503, {}, UnreachableError),
        (503, {"retry-after": "9"}, ThrottledError),
    ],
)
def test_a_status_says_what_kind_of_error_it_is(status, headers, kind):
    error = status_error(status, headers, "words", where="the monitor", wall_ms=0, request_id="r-1")
    assert type(error) is kind
    assert f"HTTP {status}" in str(error)
    assert error.request_id == "r-1"
    if kind is ThrottledError:
        assert error.retry_after_s == 9


CODES = Codes(
    throttled=("Throttling.", "RequestLimitExceeded"),
    exhausted=("Throttling.Quota", "Quota."),
    auth=("InvalidAccessKeyId.NotFound",),
    forbidden=("Forbidden.RAM",),
    unavailable=("InternalError",),
)


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("Throttling.User", ThrottledError),
        ("Throttling.Quota", QuotaExhaustedError),
        ("Throttling", AnswerError),
        ("RequestLimitExceeded", ThrottledError),
        ("RequestLimitExceededX", AnswerError),
        ("Quota.Month", QuotaExhaustedError),
        ("InvalidAccessKeyId.NotFound", AuthError),
        ("Forbidden.RAM", PermissionMissing),
        ("InternalError", UnreachableError),
        ("SomethingNew", AnswerError),
    ],
)
def test_a_code_says_what_kind_of_error_it_is(code, kind):
    error = CODES.error(code, "words", where="cms", permission="cms:Query", request_id="r-2", retry_after_s=4)
    assert type(error) is kind
    assert code in str(error)
    assert error.request_id == "r-2"
    if kind is PermissionMissing:
        assert error.permission == "cms:Query"
        assert "grant cms:Query" in str(error)
    if kind is ThrottledError:
        assert error.retry_after_s == 4


def test_a_providers_words_are_one_printable_short_line():
    assert quoted("a\r\nb\x1b[31m\tc") == "a b?[31m c"
    assert len(quoted("x" * 5000)) == 300


def test_real_clocks_go_forward_and_chance_is_below_one():
    clocks = real_clocks()
    before_ms = clocks.monotonic_ms()
    clocks.sleep(0.002)
    assert clocks.monotonic_ms() > before_ms
    assert clocks.wall_ms() > 1_700_000_000_000
    assert 0 <= clocks.chance() < 1


def test_a_refusal_without_words_ends_with_its_status():
    assert str(status_error(429, {}, "", where="monitor", wall_ms=0)) == "monitor: HTTP 429"
    assert str(Codes().error("Busy", " ", where="monitor")) == "monitor: Busy"
