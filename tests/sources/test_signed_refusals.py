"""Sources that we sign for: what goes wrong on the way, and that no secret shows in any of it."""

from __future__ import annotations

import gc
import logging
import socket
import traceback
from dataclasses import dataclass, replace
from typing import Any

import pytest
from sources.doubles import ctyun, huawei, tencent
from sources.doubles.loopback import reply
from sources.signed_accounts import (
    DAY_MS,
    HOUR_MS,
    NOW_MS,
    TOKEN,
    now_s,
    open_ctyun,
    open_huawei,
    open_tencent,
)
from sources.still_clocks import StillClocks

from collector.errors import SettingsError
from collector.sources.calling import Patience
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
from collector.sources.interface import Span

START_MS = NOW_MS - DAY_MS
SPAN = Span(START_MS, START_MS + HOUR_MS)


@dataclass
class Case:
    name: str
    cloud: Any
    open: Any
    secret: str
    period_ms: int

    def ask(self, double, clocks=None, **settings):
        source = self.open(double, clocks, **settings)
        return list(source.averages("cpu.utilization", ["m-a"], SPAN, self.period_ms))


def _tencent():
    cloud = tencent.TencentCloud(clock=now_s)
    cloud.series = {("CPUUsage", "m-a"): {START_MS // 1000: "5"}}
    cloud.instances = {"ap-nanjing": [{"InstanceId": "m-a"}]}
    return Case("tencent", cloud, open_tencent, tencent.SECRET_KEY, 60_000)


def _huawei():
    cloud = huawei.HuaweiCloud(clock=now_s)
    cloud.series = {("cpu_util", "m-a"): {START_MS: "5"}}
    return Case("huawei", cloud, open_huawei, huawei.SECRET_KEY, 300_000)


def _ctyun():
    cloud = ctyun.Ctyun(clock=now_s)
    cloud.series = {("cpu_util", "m-a"): {START_MS // 1000: "5"}}
    return Case("ctyun", cloud, open_ctyun, ctyun.SECRET_KEY, 300_000)


@pytest.fixture(params=[_tencent, _huawei, _ctyun], ids=["tencent", "huawei", "ctyun"])
def case(request):
    return request.param()


def tencent_error(code, message="refused"):
    return reply({"Response": {"Error": {"Code": code, "Message": message}, "RequestId": "r-1"}})


def huawei_error(status, document, **headers):
    return reply(document, status=status, **headers)


def test_a_question_that_is_throttled_or_broken_is_asked_again(case):
    clocks = StillClocks(NOW_MS)
    case.cloud.faults.extend(
        [
            reply("busy", status=429, Retry_After="7"),
            reply("<html>bad gateway</html>", status=502),
            reply("starting", status=503),
        ]
    )
    with case.cloud.serve() as double:
        (series,) = case.ask(double, clocks)
    assert [point.value for point in series.points] == [5]
    assert clocks.pauses_s[0] >= 7
    assert len(clocks.pauses_s) == 3


def test_each_attempt_is_signed_with_its_own_time(case):
    late_ms = NOW_MS + 60_000
    clocks = StillClocks(NOW_MS)

    class Waiting:
        """Time passes while it pauses, as it does."""

        def tools(self, secrets):
            found = clocks.tools(secrets)
            passing = replace(found.clocks, wall_ms=lambda: late_ms if clocks.pauses_s else NOW_MS)
            return replace(found, clocks=passing)

    case.cloud.faults.append(reply("busy", status=500))
    with case.cloud.serve() as double:
        case.ask(double, Waiting())
        first, second = (asked.headers for asked in double.asked[:2])
    times = ("x-tc-timestamp", "x-sdk-date", "eop-date")
    assert [first.get(name) for name in times] != [second.get(name) for name in times]
    assert _signature(first) != _signature(second)


def _signature(headers):
    return (headers.get("authorization") or headers["eop-authorization"]).rpartition("Signature=")[2]


def test_an_outage_that_lasts_is_an_error_after_a_bounded_number_of_attempts(case):
    clocks = StillClocks(NOW_MS)
    case.cloud.faults.extend([reply("down", status=500)] * 50)
    with case.cloud.serve() as double, pytest.raises(UnreachableError, match="HTTP 500: down"):
        case.ask(double, clocks)
    assert len(clocks.pauses_s) == Patience().attempts - 1


def test_a_wrong_secret_is_an_error_that_is_not_repeated(case):
    clocks = StillClocks(NOW_MS)
    with case.cloud.serve() as double, pytest.raises(AuthError) as caught:
        case.ask(double, clocks, secret="plantedWrongSecret0123456789")
    assert not isinstance(caught.value, PermissionMissing)
    assert clocks.pauses_s == []
    assert case.cloud.requests == 1


@pytest.mark.parametrize(
    ("answer", "error", "said"),
    [
        (reply("<html>portal</html>"), AnswerError, "not JSON"),
        (reply([1, 2]), AnswerError, "an object was expected"),
        (reply('{"a": NaN}'), AnswerError, "not JSON"),
        (reply("moved", status=302, Location="https://elsewhere.example/"), UntrustedError, "not followed"),
        (reply("what", status=418), AnswerError, "HTTP 418"),
    ],
    ids=["a web page", "a list", "NaN", "a redirect", "another status"],
)
def test_what_is_not_an_answer_is_refused_at_once(case, answer, error, said):
    case.cloud.faults.append(answer)
    with case.cloud.serve() as double, pytest.raises(error, match=said):
        case.ask(double)
    assert case.cloud.requests == 1


def test_nobody_at_the_address_is_an_outage(case):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        host = f"http://127.0.0.1:{closed.getsockname()[1]}"
    with case.cloud.serve() as double:
        endpoints = dict.fromkeys(_services(case), host)
        with pytest.raises(UnreachableError, match="cannot connect"):
            case.ask(double, endpoints=endpoints)


def _services(case):
    from collector.sources.ctyun.client import ENDPOINTS
    from collector.sources.huawei.client import SERVICES
    from collector.sources.tencent.client import VERSIONS

    return {"tencent": VERSIONS, "huawei": SERVICES, "ctyun": ENDPOINTS}[case.name]


def test_a_signature_never_travels_unencrypted_to_another_machine(case):
    with case.cloud.serve() as double, pytest.raises(SettingsError, match="https"):
        case.ask(double, endpoints=dict.fromkeys(_services(case), "http://monitor.example"))


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"regions": []}, "1 to 64 regions"),
        ({"secret_key": "x"}, "unknown key 'secret_key'"),
        ({"key_id": ""}, "key_id is a text"),
    ],
)
def test_settings_that_cannot_be_right_are_refused(case, settings, said):
    with case.cloud.serve() as double, pytest.raises(SettingsError, match=said):
        case.open(double, **settings)


def test_no_secret_stands_in_errors_logs_or_descriptions(case, caplog):
    caplog.set_level(logging.DEBUG)
    texts = []
    with case.cloud.serve() as double:
        has_token = hasattr(case.cloud, "token")  # 天翼云 has no temporary keys
        settings = {"token": "file:/run/token"} if has_token else {}
        case.cloud.token = TOKEN if has_token else None
        source = case.open(double, **settings)
        case.ask(double, **settings)
        sent = double.asked[-1].headers
        signature = _signature(sent)
        echo = f"{case.secret} {TOKEN if has_token else None} Signature={signature}, {dict(sent)}"
        for answer in (
            reply(echo, status=418),
            reply(echo, status=500),
            reply({"message": echo}, status=403),
        ):
            case.cloud.faults.extend([answer] * 10)
            try:
                case.ask(double, **settings)
            except SourceError as error:
                texts += ["".join(traceback.format_exception(error)), repr(vars(error))]
            case.cloud.faults.clear()
        texts += [repr(vars(source)), repr(source), str(source._client)]
        texts += [repr(value) for value in vars(source._client).values()]
        texts += [f"{probe}" for probe in source.probe()]
    texts += [record.getMessage() for record in caplog.records]
    gc.collect()
    assert len(texts) > 8
    assert "***" in "".join(texts)
    for planted in (case.secret, TOKEN, signature):
        assert not [text for text in texts if planted in text]


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("RequestLimitExceeded", ThrottledError),
        ("RequestLimitExceeded.UinLimitExceeded", ThrottledError),
        ("LimitExceeded", QuotaExhaustedError),
        ("FailedOperation.ServiceNotEnabled", QuotaExhaustedError),
        ("AuthFailure.SignatureFailure", AuthError),
        ("AuthFailure.UnauthorizedOperation", PermissionMissing),
        ("UnauthorizedOperation", PermissionMissing),
        ("InternalError.ExeTimeout", UnreachableError),
        ("InvalidParameterValue", AnswerError),
    ],
)
def test_tencent_codes_that_come_with_http_200_are_told_apart(code, error):
    case = _tencent()
    clocks = StillClocks(NOW_MS)
    case.cloud.faults.extend([tencent_error(code)] * 10)
    with case.cloud.serve() as double, pytest.raises(error) as caught:
        case.ask(double, clocks)
    assert type(caught.value) is error
    assert caught.value.request_id == "r-1"
    assert bool(clocks.pauses_s) is error.retryable
    if error is PermissionMissing:
        assert caught.value.permission == "monitor:DescribeBaseMetrics"


@pytest.mark.parametrize(
    "document",
    [{"Response": {}}, {"Response": {"Error": {"Code": ""}}}, {"Response": {"Error": 7}}, {"Answer": {}}],
    ids=["no request id", "no code", "no error", "no response"],
)
def test_tencent_answers_without_what_belongs_in_them_are_errors(document):
    case = _tencent()
    case.cloud.faults.append(reply(document))
    with case.cloud.serve() as double, pytest.raises(AnswerError):
        case.ask(double)


@pytest.mark.parametrize(
    ("status", "document", "error"),
    [
        (429, {"error_code": "APIGW.0308", "error_msg": "throttled"}, ThrottledError),
        (400, {"code": "ces.0429", "message": "too many"}, ThrottledError),
        (401, {"error_msg": "Incorrect", "error_code": "APIGW.0301", "request_id": "1"}, AuthError),
        (401, {"error": {"code": "401", "message": "who"}}, AuthError),
        (403, {"http_code": 403, "message": {"code": "ces.0015", "details": "denied"}}, PermissionMissing),
        (403, "forbidden", PermissionMissing),
        (403, {"error_code": "APIGW.0302", "error_msg": "denied"}, PermissionMissing),
        (500, {"error_code": "APIGW.0203", "error_msg": "timeout"}, UnreachableError),
        (400, {"error": {"code": "Ecs.0005", "message": "bad"}}, AnswerError),
        (404, [], AnswerError),
    ],
)
def test_huawei_errors_are_told_apart_in_each_of_their_shapes(status, document, error):
    case = _huawei()
    case.cloud.faults.extend([huawei_error(status, document, X_Request_Id="r-1")] * 10)
    with case.cloud.serve() as double, pytest.raises(error) as caught:
        case.ask(double)
    assert type(caught.value) is error
    assert caught.value.request_id == "r-1"


def test_huawei_addresses_are_built_from_the_region_and_service():
    case = _huawei()
    with case.cloud.serve() as double:
        client = open_huawei(double, endpoints={})._client
        assert client._base("ces", "cn-east-3") == "https://ces.cn-east-3.myhuaweicloud.com"
        assert client._base("bss", "cn-east-3") == "https://bss.myhuaweicloud.com"


def test_the_plug_ins_are_registered():
    from importlib import import_module
    from pathlib import Path

    import tomllib

    document = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text("utf-8"))
    group = document["project"]["entry-points"]["starproof.sources"]
    for name in ("tencent", "huawei", "ctyun"):
        module, _, function = group[name].partition(":")
        assert name == import_module(module).NAME
        assert callable(getattr(import_module(module), function))
