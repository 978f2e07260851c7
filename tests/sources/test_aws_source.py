"""The source as a whole: refusals, redaction, isolation from the machine, settings, policy, probe."""

from __future__ import annotations

import json
import logging
import socket
import ssl
import threading
import traceback
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
from sources.aws_account import DAY_MS, FIVE_MS, HOUR_MS, SECRET, TOKEN, opened, scripted
from sources.certificates import issued
from sources.still_clocks import StillClocks

from collector.errors import SettingsError
from collector.sources import registry
from collector.sources.aws import client as aws_client
from collector.sources.aws.source import KEYS, open_source
from collector.sources.errors import (
    AnswerError,
    AuthError,
    PermissionMissing,
    SourceError,
    ThrottledError,
    UnreachableError,
    UntrustedError,
)
from collector.sources.interface import METRICS, Source, Span

NOW_MS = 1_700_000_400_000 // HOUR_MS * HOUR_MS
SPAN = Span(NOW_MS - DAY_MS, NOW_MS - DAY_MS + HOUR_MS)
CLOUDWATCH = ("cloudwatch", "get_metric_data")
MACHINES = ("ec2", "describe_instances")
CE = ("ce", "get_cost_and_usage")
WHOLE = {"MetricDataResults": [{"Id": "m0", "StatusCode": "Complete", "Timestamps": [], "Values": []}]}


@pytest.fixture
def clocks():
    return StillClocks(NOW_MS)


def ask(source):
    return list(source.averages("cpu.utilization", ["i-a"], SPAN, FIVE_MS))


@contextmanager
def answering(status, body, *, headers=(), certificate=None):
    """Serve one answer to every question; give its address and the headers of the questions."""
    asked = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            asked.append(dict(self.headers))
            self.send_response(status)
            for name, value in headers:
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    where = f"http://127.0.0.1:{server.server_address[1]}"
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        where = f"https://localhost:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield where, asked
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("Throttling", 400),
        ("ThrottlingException", 400),
        ("RequestLimitExceeded", 503),
        ("InternalFailure", 500),
        ("Unheard", 502),
    ],
)
def test_what_passes_by_itself_is_asked_again(clocks, code, status):
    with scripted() as script:
        for _ in range(2):
            script.error(*CLOUDWATCH, code, "Rate exceeded", status)
        script.answer(*CLOUDWATCH, WHOLE)
        ask(script.source(clocks))
    assert len(clocks.pauses_s) == 2


def test_retry_after_is_waited_for(clocks):
    with scripted() as script:
        script.error(*CLOUDWATCH, "ThrottlingException", "Rate exceeded", 400, retry_after="19")
        script.answer(*CLOUDWATCH, WHOLE)
        ask(script.source(clocks))
    assert clocks.pauses_s[0] >= 19


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("AccessDenied", PermissionMissing),
        ("UnrecognizedClientException", AuthError),
        ("ExpiredToken", AuthError),
        ("ValidationError", AnswerError),
    ],
)
def test_what_does_not_pass_by_itself_is_told_at_once(clocks, code, kind):
    with scripted() as script:
        script.error(*CLOUDWATCH, code, "no")
        with pytest.raises(kind, match=f"GetMetricData in cn-north-1: {code}: no") as caught:
            ask(script.source(clocks))
    assert caught.value.request_id == "REQ-E"
    assert clocks.pauses_s == []


def test_boto_itself_asks_once_and_we_six_times(clocks):
    headers = [("Content-Type", "application/x-amz-json-1.0")]
    with answering(503, b'{"__type":"ServiceUnavailable"}', headers=headers) as (address, asked):
        source = opened(address, clocks)
        with pytest.raises(UnreachableError):
            ask(source)
    assert len(asked) == 6 == len(clocks.pauses_s) + 1


@pytest.mark.parametrize("body", [b"<html>", b"{", b"\xff\xff"])
def test_an_answer_that_is_not_in_the_documented_form_is_refused(clocks, body):
    with answering(200, body) as (address, _), pytest.raises(SourceError):
        ask(opened(address, clocks))


def test_xml_that_breaks_off_is_told_in_words(clocks):
    with (
        answering(200, b"<DescribeInstancesResponse>") as (address, _),
        pytest.raises(AnswerError, match="right address"),
    ):
        list(opened(address, clocks).inventory())


def test_nobody_there_is_told_in_words(clocks):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(UnreachableError, match="no answer: EndpointConnectionError"):
        ask(opened(f"http://127.0.0.1:{port}", clocks))
    assert len(clocks.pauses_s) == 5


def test_a_server_that_never_answers_is_left(clocks, monkeypatch):
    monkeypatch.setattr(aws_client, "READ_TIMEOUT_S", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as server:
        source = opened(f"http://127.0.0.1:{server.getsockname()[1]}", clocks)
        with pytest.raises(UnreachableError, match="no answer in time"):
            ask(source)


def test_tls_is_checked(clocks, tmp_path, monkeypatch):
    certificate = issued(tmp_path)
    monkeypatch.setenv("AWS_CA_BUNDLE", str(certificate[0]))
    with answering(500, b"", certificate=certificate) as (address, asked):
        with pytest.raises(UntrustedError, match="the certificate is not trusted"):
            ask(opened(address, clocks))
        assert asked == []
        with pytest.raises(UnreachableError, match="500"):
            ask(opened(address, clocks, ca_file=str(certificate[0])))
        assert asked


def test_nothing_of_the_machines_own_settings_is_used(clocks, tmp_path, monkeypatch):
    (tmp_path / "config").write_text("[default]\nregion = eu-west-1\nretry_mode = adaptive\n")
    for name, value in {
        "AWS_PROFILE": "missing",
        "AWS_CONFIG_FILE": str(tmp_path / "config"),
        "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
        "AWS_ACCESS_KEY_ID": "AKIAOTHER",
        "AWS_SECRET_ACCESS_KEY": "other",
        "AWS_MAX_ATTEMPTS": "9",
        "HTTP_PROXY": "http://127.0.0.1:9",
        "HTTPS_PROXY": "http://127.0.0.1:9",
        "http_proxy": "http://127.0.0.1:9",
    }.items():
        monkeypatch.setenv(name, value)
    with answering(503, b"{}") as (address, asked):
        with pytest.raises(UnreachableError):
            ask(opened(address, clocks))
        assert len(asked) == 6
        assert "AKIAPLANTEDKEYID0000" in asked[0]["Authorization"]
        assert "/cn-north-1/monitoring/aws4_request" in asked[0]["Authorization"]
        with pytest.raises(UnreachableError, match="Proxy"):
            ask(opened(address, clocks, proxy="http://127.0.0.1:9"))
    table = {"key_id": "AKIA", "secret": "env:KEY", "regions": ["cn-north-1"]}
    source = open_source(table, clocks.tools({"env:KEY": "x"}))
    assert (
        source._client._clients("ec2", "cn-north-1").meta.endpoint_url
        == "https://ec2.cn-north-1.amazonaws.com.cn"
    )


@pytest.mark.parametrize(
    ("region", "service", "address"),
    [
        ("cn-north-1", "ce", "https://ce.cn-northwest-1.amazonaws.com.cn"),
        ("cn-northwest-1", "ce", "https://ce.cn-northwest-1.amazonaws.com.cn"),
        ("ap-southeast-1", "ce", "https://ce.us-east-1.amazonaws.com"),
        ("cn-northwest-1", "cloudwatch", "https://monitoring.cn-northwest-1.amazonaws.com.cn"),
        ("ap-southeast-1", "cloudwatch", "https://monitoring.ap-southeast-1.amazonaws.com"),
    ],
)
def test_each_partition_is_asked_at_its_own_address(clocks, region, service, address):
    table = {"key_id": "AKIA", "secret": "env:KEY", "regions": [region]}
    source = open_source(table, clocks.tools({"env:KEY": "x"}))
    assert source._client._clients(service, region).meta.endpoint_url == address


def test_a_question_that_boto_refuses_is_told_in_words(clocks):
    client = opened("http://127.0.0.1:9", clocks)._client
    with pytest.raises(AnswerError, match="boto3 cannot ask this: ParamValidationError"):
        client.call(aws_client.Operation("ce", "GetCostAndUsage", ""), "cn-north-1", {"Granularity": 7})


def test_an_answer_without_a_request_id_has_none(clocks):
    with scripted() as script:
        script.stubbers["cloudwatch"].add_response("get_metric_data", WHOLE)
        (series,) = ask(script.source(clocks))
    assert series.request_ids == ()


def test_no_secret_shows_in_errors_or_logs(clocks, caplog, capfd):
    caplog.set_level(logging.DEBUG)
    shown = []
    messages = [
        f"The Canonical String should have been 'POST / x-amz-security-token:{TOKEN}'",
        f"{'a' * 280} {TOKEN} {SECRET}",
        f"you sent {SECRET}",
    ]
    for message in messages:
        body = json.dumps({"__type": "SignatureDoesNotMatch", "message": message}).encode()
        with answering(403, body, headers=[("Content-Type", "application/x-amz-json-1.0")]) as (
            address,
            asked,
        ):
            source = opened(address, clocks, token="file:/run/token")
            for question in (
                ask,
                lambda one: list(one.inventory()),
                lambda one: list(one.bills(["2023-10"])),
            ):
                with pytest.raises(SourceError) as caught:
                    question(source)
                shown += [str(caught.value), repr(vars(caught.value)), repr(caught.value.__context__)]
                shown += traceback.format_exception_only(caught.value)
            shown += [repr(vars(source)), repr(vars(source._client))]
        assert asked[0]["X-Amz-Security-Token"] == TOKEN
    captured = capfd.readouterr()
    text = "\n".join([*shown, caplog.text, captured.out, captured.err])
    for secret in (SECRET, TOKEN, TOKEN[:12], SECRET[:12]):
        assert secret not in text
    assert "SignatureDoesNotMatch" in text
    signatures = {headers["Authorization"].rpartition("Signature=")[2] for headers in asked}
    assert signatures
    assert not any(signature in text for signature in signatures)


def test_it_is_a_source_with_the_five_metrics(clocks):
    source = opened("http://127.0.0.1:9", clocks)
    assert isinstance(source, Source)
    assert (source.name, source.experimental, tuple(source.metrics())) == ("aws", False, METRICS)
    assert [(kept.period_ms, kept.keeps_ms // DAY_MS) for kept in source.retention()] == [
        (60_000, 15),
        (300_000, 63),
        (3_600_000, 455),
    ]


def test_the_plug_in_is_found_and_opened(clocks):
    plugins = registry.load([EntryPoint("aws", "collector.sources.aws.source:open_source", registry.GROUP)])
    assert plugins.broken == ()
    settings = {"key_id": "AKIA", "secret": "env:KEY", "regions": ["cn-north-1"]}
    assert plugins.open("aws", settings, clocks.tools({"env:KEY": "x"})).name == "aws"


def everything(script):
    script.answer(*MACHINES, {"Reservations": []})
    script.answer("ec2", "describe_volumes", {"Volumes": []})
    script.answer(*CLOUDWATCH, WHOLE)
    script.answer(*CE, {"ResultsByTime": []})


def test_a_probe_tries_everything(clocks):
    with scripted() as script:
        everything(script)
        probes = list(script.source(clocks).probe())
    assert [(probe.what, probe.ok) for probe in probes] == [
        ("machines in cn-north-1", True),
        ("volumes in cn-north-1", True),
        ("averages in cn-north-1", True),
        ("bills of 2023-10", True),
    ]


@pytest.mark.parametrize(
    ("denied", "code", "permission"),
    [
        (0, "UnauthorizedOperation", "ec2:DescribeInstances"),
        (1, "UnauthorizedOperation", "ec2:DescribeVolumes"),
        (2, "AccessDenied", "cloudwatch:GetMetricData"),
        (3, "AccessDeniedException", "ce:GetCostAndUsage"),
    ],
)
def test_a_probe_names_the_permission_that_is_missing_and_the_policy_grants_it(
    clocks, denied, code, permission
):
    questions = [
        (*MACHINES, {"Reservations": []}),
        ("ec2", "describe_volumes", {"Volumes": []}),
        (*CLOUDWATCH, WHOLE),
        (*CE, {"ResultsByTime": []}),
    ]
    with scripted() as script:
        for place, (service, operation, body) in enumerate(questions):
            if place == denied:
                script.error(service, operation, code, "not authorized")
            else:
                script.answer(service, operation, body)
        source = script.source(clocks)
        missing = [probe for probe in source.probe() if not probe.ok]
    assert [probe.permission_missing for probe in missing] == [permission]
    (statement,) = json.loads(source.policy())["Statement"]
    assert permission in statement["Action"]
    assert len(statement["Action"]) == len(questions)
    assert all(action.partition(":")[2].startswith(("Get", "Describe")) for action in statement["Action"])


def test_machines_are_described_with_all_their_addresses(clocks):
    with scripted() as script:
        found = {
            "InstanceId": "i-a",
            "State": {"Name": "running"},
            "CpuOptions": {"CoreCount": 2, "ThreadsPerCore": 2},
            "PublicIpAddress": "203.0.113.1",
            "PrivateIpAddress": "10.0.0.1",
            "Tags": [{"Key": "Name", "Value": "web"}],
            "NetworkInterfaces": [
                {
                    "PrivateIpAddresses": [
                        {"PrivateIpAddress": "10.0.0.1", "Association": {"PublicIp": "203.0.113.1"}},
                        {"PrivateIpAddress": "10.0.0.2"},
                    ],
                    "Ipv6Addresses": [{"Ipv6Address": "2001:db8::1"}],
                }
            ],
        }
        script.answer(
            *MACHINES, {"Reservations": [{"Instances": [found]}], "NextToken": "t"}, {"MaxResults": 1000}
        )
        script.answer(*MACHINES, {"Reservations": [{"Instances": [{"InstanceId": "i-b"}]}]})
        first, second = script.source(clocks).inventory()
    assert first.addresses == ("203.0.113.1", "10.0.0.1", "10.0.0.2", "2001:db8::1")
    assert (first.name, first.state, first.cpus, first.request_ids) == ("web", "running", 4, ("REQ-1",))
    assert (second.name, second.state, second.cpus, second.addresses) == ("", "", None, ())
    assert second.request_ids == ("REQ-2",)


def test_a_machine_without_an_id_is_refused(clocks):
    with scripted() as script:
        script.answer(*MACHINES, {"Reservations": [{"Instances": [{}]}]})
        with pytest.raises(AnswerError, match="a machine without InstanceId"):
            list(script.source(clocks).inventory())


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"region": ["cn-north-1"]}, "unknown key 'region'; did you mean 'regions'"),
        ({"regions": ["cn-north-1", "us-east-1"]}, "make two sources of them"),
        ({"basis": "accrual"}, "basis is one of cash, amortised"),
        ({"ca_file": "/nowhere.pem"}, "cannot use ca_file"),
        ({"endpoints": {"sts": "https://x"}}, "unknown service 'sts'"),
    ],
)
def test_settings_that_cannot_be_used_are_refused(clocks, settings, words):
    table = {"key_id": "AKIA", "secret": "env:KEY", "regions": ["cn-north-1"], **settings}
    with pytest.raises(SettingsError, match=words):
        open_source(table, clocks.tools({"env:KEY": "x"}))


def test_throttling_that_does_not_end_is_told(clocks):
    with scripted() as script:
        for _ in range(6):
            script.error(*CLOUDWATCH, "Throttling", "Rate exceeded")
        with pytest.raises(ThrottledError, match="Rate exceeded"):
            ask(script.source(clocks))


def test_the_document_prints_the_policy_and_names_every_setting(clocks):
    text = (Path(__file__).parents[2] / "docs" / "source-aws.md").read_text(encoding="utf-8")
    printed = text.partition("```json")[2].partition("```")[0].strip()
    assert printed == opened("http://127.0.0.1:9", clocks).policy()
    assert {key for key in KEYS if f"| `{key}` |" in text} == set(KEYS)
