"""Answers that are wrong, partial, refused or late, from a server that says what a test wants."""

from __future__ import annotations

import base64
import json
from decimal import Decimal
from pathlib import Path

import pytest
from scripted_server import scripted_server

from collector.errors import SettingsError
from collector.sources.errors import (
    AnswerError,
    AuthError,
    CredentialError,
    RangeError,
    SourceError,
    ThrottledError,
    UnreachableError,
    UntrustedError,
)
from collector.sources.interface import METRICS, Source, Span
from collector.sources.prometheus.averages import Grid
from collector.sources.prometheus.client import Client
from collector.sources.prometheus.opening import _DEFAULTS, open_source
from collector.sources.prometheus.profiles import NODE, PROFILES
from collector.sources.prometheus.source import PrometheusSource, Watching, duration_ms
from collector.sources.registry import Tools
from collector.sources.secrets import Secret, read_secret
from collector.sources.web import Web

ROOT = Path(__file__).resolve().parents[2]
HOUR = 3_600_000
T0 = 1_709_251_200_000
DAY = Span(T0, T0 + 24 * HOUR)
SECRET = "t0ken/PLANTED+12345"


def success(data, **more):
    return (
        200,
        {"Content-Type": "application/json"},
        json.dumps({"status": "success", "data": data, **more}).encode(),
    )


def matrix(*series, **more):
    result = [{"metric": labels, "values": values} for labels, values in series]
    return success({"resultType": "matrix", "result": result}, **more)


def vector(*series):
    result = [{"metric": labels, "value": value} for labels, value in series]
    return success({"resultType": "vector", "result": result})


@pytest.fixture
def server():
    with scripted_server() as script:
        yield script


@pytest.fixture
def client(server, time):
    return Client(f"{server.url}/", web=Web(time.clocks), caller=time.caller())


@pytest.fixture
def source(client, time):
    return PrometheusSource(client, Watching(profiles=(NODE,)), time.clocks)


def over(client):
    return client.over("up", T0, T0 + 2 * HOUR, HOUR, where="test")


def test_a_question_is_a_form_that_asks_for_whole_answers(server, client):
    server.answer = lambda _: matrix(({"instance": "a"}, [[T0 / 1000, "1.50"], [T0 // 1000 + 7200, "NaN"]]))
    (row,) = over(client)
    assert [(s.time_ms, s.value) for s in row.samples] == [(T0, Decimal("1.50")), (T0 + 2 * HOUR, None)]
    (asked,) = server.asked
    assert (asked.method, asked.path) == ("POST", "/api/v1/query_range")
    assert asked.form == {
        "query": "up",
        "start": "1709251200.000",
        "end": "1709258400.000",
        "step": "3600.000",
        "partial_response": "false",
        "dedup": "true",
        "deny_partial_response": "1",
        "nocache": "1",
    }


def test_milliseconds_are_exact(server, client):
    server.answer = lambda _: (
        200,
        {},
        b'{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1709251200.123,"7"]}]}}',
    )
    (row,) = client.at("up", T0 + 123, where="test")
    assert row.samples[0].time_ms == T0 + 123
    assert server.asked[0].form["time"] == "1709251200.123"


ROW = {"instance": "a"}
WRONG = {
    "no JSON": (200, {}, b"<html>please log in</html>"),
    "no document": (200, {}, b"[]"),
    "an error in 200": (200, {}, b'{"status":"error","errorType":"execution","error":"too many samples"}'),
    "a warning": matrix((ROW, [[T0 // 1000, "1"]]), warnings=["store 10.0.0.9 is gone"]),
    "a part": matrix((ROW, [[T0 // 1000, "1"]]), isPartial=True),
    "no data": success(None),
    "another type": vector((ROW, [T0 // 1000, "1"])),
    "no list": success({"resultType": "matrix", "result": {}}),
    "too many series": matrix(*[({"i": str(n)}, []) for n in range(20_001)]),
    "no labels": success({"resultType": "matrix", "result": [{"values": []}]}),
    "no series": success({"resultType": "matrix", "result": [7]}),
    "a histogram": success({"resultType": "matrix", "result": [{"metric": {}, "histograms": []}]}),
    "an instant between": matrix((ROW, [[T0 // 1000 + 1, "1"]])),
    "an instant before": matrix((ROW, [[T0 // 1000 - 3600, "1"]])),
    "an instant after": matrix((ROW, [[T0 // 1000 + 3 * 3600, "1"]])),
    "an instant twice": matrix((ROW, [[T0 // 1000, "1"], [T0 // 1000, "2"]])),
    "descending": matrix((ROW, [[T0 // 1000 + 3600, "1"], [T0 // 1000, "2"]])),
    "an infinite value": matrix((ROW, [[T0 // 1000, "+Inf"]])),
    "a value that is no text": matrix((ROW, [[T0 // 1000, 1]])),
    "a value that is no number": matrix((ROW, [[T0 // 1000, "many"]])),
    "half a sample": matrix((ROW, [[T0 // 1000]])),
    "a time that is no number": matrix((ROW, [["now", "1"]])),
    "a time too fine": matrix((ROW, [[1709251200.0001, "1"]])),
    "no content": (204, {}, b""),
    "a bad request": (400, {}, b'{"status":"error","errorType":"bad_data","error":"too many points"}'),
    "a list as an error": (422, {}, b'["no"]'),
    "a page not found": (404, {}, b"<html>not here</html>"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_answer_is_an_error_and_asked_for_once(server, client, case):
    server.answer = lambda _: WRONG[case]
    with pytest.raises(AnswerError, match="test") as raised:
        over(client)
    assert len(server.asked) == 1
    assert server.url in str(raised.value)


@pytest.mark.parametrize(
    ("case", "words"),
    [
        ("an error in 200", "too many samples"),
        ("a warning", "partial, nothing of it is used: store 10.0.0.9 is gone"),
        ("a part", "isPartial"),
        ("a bad request", "too many points"),
        ("a page not found", "not here"),
    ],
)
def test_the_systems_own_words_are_quoted(server, client, case, words):
    server.answer = lambda _: WRONG[case]
    with pytest.raises(AnswerError, match=words):
        over(client)


def test_notes_that_are_no_warnings_do_not_spoil_an_answer(server, client):
    server.answer = lambda _: matrix(infos=["metric might not be a counter"], warnings=[], isPartial=False)
    assert over(client) == []


@pytest.mark.parametrize(
    ("reply", "kind", "attempts"),
    [
        ((401, {}, b"who are you"), AuthError, 1),
        ((403, {}, b"not you"), AuthError, 1),
        ((302, {"Location": "/login"}, b""), UntrustedError, 1),
        ((500, {}, b"oops"), UnreachableError, 6),
        (
            (503, {}, b'{"status":"error","errorType":"timeout","error":"query timed out"}'),
            UnreachableError,
            6,
        ),
        ((429, {}, b"slowly"), ThrottledError, 6),
    ],
)
def test_refusals_are_kept_apart_and_asked_again_where_it_helps(server, client, reply, kind, attempts):
    server.answer = lambda _: reply
    with pytest.raises(kind):
        over(client)
    assert len(server.asked) == attempts


def test_a_system_that_comes_back_is_asked_until_it_answers(server, client, time):
    replies = [(503, {"Retry-After": "3"}, b""), (502, {}, b"bad gateway"), matrix()]
    server.answer = lambda _: replies.pop(0)
    assert over(client) == []
    assert time.pauses_ms[0] >= 3000


def test_one_question_has_a_bounded_number_of_steps(client):
    with pytest.raises(RangeError, match="10000 steps"):
        client.over("up", T0, T0 + 10_000 * HOUR, HOUR, where="test")


def answering(*, presence=None, values=None, rivals=None):
    """Answer as one host ``a`` with every hour, but for what is given."""

    def answer(asked):
        form = asked.form
        start, end, step = (round(float(form[name])) for name in ("start", "end", "step"))
        ends = range(start, end + 1, step)
        query = form["query"]
        if query.startswith("count_over_time("):
            count, given = str(step // 60 + 1), presence
        elif query.startswith(("count by", "max by")):
            count, given = "1", rivals
        else:
            count, given = "30", values
        return given(ends) if given else matrix((ROW, [[t, count] for t in ends]))

    return answer


def asked_for(source, metric="cpu.utilization", hosts=("a",), span=DAY, period_ms=HOUR):
    return list(source.averages(metric, hosts, span, period_ms))


def test_hours_become_points(server, source):
    server.answer = answering()
    (series,) = asked_for(source)
    assert [(p.start_ms, p.length_ms, p.value) for p in series.points] == [
        (T0 + hour * HOUR, HOUR, Decimal(30)) for hour in range(24)
    ]
    assert len(server.asked) == 3


def test_sums_are_divided_by_their_time(server, source):
    server.answer = answering(values=lambda ends: matrix((ROW, [[t, "5400"] for t in ends])))
    (series,) = asked_for(source, "disk.reads.rate")
    assert {point.value for point in series.points} == {Decimal("1.5")}
    assert (series.unit, series.scope) == ("operation/s", "")


def test_nothing_present_is_one_question_and_no_points(server, source):
    server.answer = answering(presence=lambda _: matrix())
    (series,) = asked_for(source)
    assert series.points == ()
    assert len(server.asked) == 1


@pytest.mark.parametrize("what", ["presence", "rivals", "values"])
def test_answers_of_nothing_but_nan_are_missing_points(server, source, what):
    nothing = {what: lambda ends: matrix((ROW, [[t, "NaN"] for t in ends]))}
    server.answer = answering(**nothing)
    (series,) = source.averages("net.rx.rate", ["a"], DAY, HOUR)
    assert len(series.points) == (24 if what == "rivals" else 0)


def test_a_value_that_could_not_be_computed_is_missing(server, source):
    server.answer = answering(
        values=lambda ends: matrix((ROW, [[t, "NaN" if t == ends[3] else "0"] for t in ends]))
    )
    (series,) = asked_for(source)
    assert {point.start_ms for point in series.points} == {T0 + h * HOUR for h in range(24) if h != 3}
    assert {point.value for point in series.points} == {Decimal(0)}


@pytest.mark.parametrize(("noise", "value"), [("-2.2e-14", "0"), ("100.00000000000001", "100")])
def test_noise_of_floating_point_is_cut_off(server, source, noise, value):
    server.answer = answering(values=lambda ends: matrix((ROW, [[t, noise] for t in ends])))
    assert {str(p.value) for p in asked_for(source)[0].points} == {value}


@pytest.mark.parametrize(
    ("metric", "value"), [("cpu.utilization", "100.1"), ("cpu.utilization", "-0.1"), ("net.rx.rate", "-5")]
)
def test_a_value_that_cannot_be_is_an_error(server, source, metric, value):
    server.answer = answering(values=lambda ends: matrix((ROW, [[t, value] for t in ends])))
    with pytest.raises(AnswerError, match="cannot be"):
        asked_for(source, metric)


def test_rates_have_no_upper_limit(server, source):
    server.answer = answering(values=lambda ends: matrix((ROW, [[t, "3.6e+15"] for t in ends])))
    assert {point.value for point in asked_for(source, "net.rx.rate")[0].points} == {Decimal(10**12)}


@pytest.mark.parametrize("rows", [[{"instance": "b"}], [{}], [ROW, ROW]], ids=["another", "none", "twice"])
def test_hosts_that_were_not_asked_for_are_an_error(server, source, rows):
    server.answer = answering(values=lambda ends: matrix(*[(row, [[ends[0], "1"]]) for row in rows]))
    with pytest.raises(AnswerError, match="a host that was not asked for, or one twice"):
        asked_for(source)


def test_two_series_of_one_device_are_an_error_with_a_remedy(server, source):
    server.answer = answering(
        rivals=lambda ends: matrix((ROW, [[t, "2" if t == ends[5] else "1"] for t in ends]))
    )
    with pytest.raises(AnswerError, match="narrow the source with matchers"):
        asked_for(source, "net.tx.rate")


def test_pieces_are_taken_only_from_hours_with_a_gap(server, source):
    """The second hour lacks a look; of its pieces the third does."""

    def presence(ends):
        step = ends.step
        lacking = {3600: (T0 // 1000 + 7200,), 600: (T0 // 1000 + 3600 + 1800,)}[step]
        return matrix((ROW, [[t, str(step // 60 + (t not in lacking))] for t in ends]))

    server.answer = answering(presence=presence)
    (series,) = asked_for(source)
    assert [p.start_ms - T0 for p in series.points if p.length_ms == HOUR] == [
        hour * HOUR for hour in range(24) if hour != 1
    ]
    assert [(p.start_ms - T0 - HOUR) // 600_000 for p in series.points if p.length_ms == 600_000] == [
        0,
        1,
        3,
        4,
        5,
    ]
    assert [p.start_ms for p in series.points] == sorted(p.start_ms for p in series.points)
    assert len(server.asked) == 5


def test_a_period_that_cannot_be_cut_loses_its_window(server, source):
    server.answer = answering(presence=lambda ends: matrix((ROW, [[t, "5"] for t in ends])))
    (series,) = asked_for(source, period_ms=300_000)
    assert series.points == ()
    assert len(server.asked) == 3


def test_points_of_two_profiles_that_differ_are_an_error(server, client, time):
    source = PrometheusSource(client, Watching(profiles=tuple(PROFILES.values())[:2]), time.clocks)
    values = iter(["30", "31"])
    server.answer = answering(values=lambda ends: matrix((ROW, [[ends[0], next(values)]])))
    with pytest.raises(AnswerError, match="two answers"):
        asked_for(source)


def test_many_hosts_are_asked_in_batches_within_the_announced_calls(server, source):
    hosts = [f"h{number}" for number in range(120)]

    def every(asked):
        ends = [round(float(asked.form[name])) for name in ("start", "end")]
        named = [
            host
            for host in hosts
            if f"|{host}|" in f"|{asked.form['query'].split('=~')[-1]}|".replace('"', "|")
        ]
        full = asked.form["query"].startswith("count_over_time")
        return matrix(*[({"instance": host}, [[ends[0], "61" if full else "1"]]) for host in named])

    server.answer = every
    span = Span(T0, T0 + 90 * 24 * HOUR)
    found = asked_for(source, hosts=hosts, span=span)
    assert [series.instance for series in found] == sorted(hosts)
    assert {len(series.points) for series in found} == {6}  # one of each stretch
    assert len(server.asked) <= source.calls_for("cpu.utilization", 120, span, HOUR)


def test_stretches_cover_the_span_once():
    for hosts in (1, 7, 50):
        for sample_ms in (15_000, 60_000, 300_000):
            grid = Grid(HOUR, sample_ms)
            span = Span(T0, T0 + 12_345 * HOUR)
            parts = list(grid.stretches(span, hosts))
            assert [part.start_ms for part in parts] == [T0, *[part.end_ms for part in parts[:-1]]]
            assert parts[-1].end_ms == span.end_ms
            for part in parts:
                assert part.length_ms // grid.piece_ms <= 10_000
                assert part.length_ms // grid.piece_ms * hosts <= 300_000
                assert part.length_ms // sample_ms <= 25_000


@pytest.mark.parametrize(
    ("metric", "span", "period_ms", "hint"),
    [
        ("mem.used", DAY, HOUR, "no metric"),
        ("cpu.utilization", DAY, 60_000, "not two or more times"),
        ("cpu.utilization", DAY, 90_001, "not two or more times"),
        ("cpu.utilization", Span(T0 + 1, T0 + HOUR + 1), HOUR, "not aligned"),
        ("cpu.utilization", Span(T0, T0 + HOUR + 60_000), HOUR, "not aligned"),
    ],
)
def test_what_cannot_be_asked_is_refused_before_anything_is_sent(  # noqa: PLR0917 - fixtures and a row of a table
    server, source, metric, span, period_ms, hint
):
    for ask in (
        lambda: source.averages(metric, ["a"], span, period_ms),
        lambda: source.calls_for(metric, 1, span, period_ms),
    ):
        with pytest.raises(RangeError, match=hint):
            ask()
    assert server.asked == []


def test_no_instances_are_no_questions(server, source):
    assert asked_for(source, hosts=()) == []
    assert source.calls_for("cpu.utilization", 0, DAY, HOUR) == 0
    assert server.asked == []


def test_a_monitor_has_no_bills_and_no_policy(source):
    assert list(source.bills(["2026-01"])) == []
    assert source.policy() == ""
    assert tuple(source.metrics()) == METRICS
    assert isinstance(source, Source)
    assert (source.name, source.experimental) == ("prometheus", False)


def test_a_failed_probe_says_why_and_stops(server, source):
    server.answer = lambda _: (401, {}, b"who are you")
    (probe,) = source.probe()
    assert (probe.what, probe.ok) == ("query", False)
    assert "401" in probe.detail


def test_a_probe_of_one_metric_that_fails_does_not_stop_the_others(server, source):
    def answer(asked):
        if "disk" in asked.form["query"]:
            return 422, {}, b'{"status":"error","error":"too many samples"}'
        if "timestamp" in asked.form["query"]:
            first = "min_over_time" in asked.form["query"]
            return vector((ROW, [T0 // 1000, str(T0 // 1000 - 3600 * first)]))
        return vector((ROW, [T0 // 1000, "60"]))

    server.answer = answer
    assert [probe.ok for probe in source.probe()] == [True, True, True, True, True, False, False]


@pytest.mark.parametrize(
    ("said", "expected_ms"),
    [
        ("15d", 15 * 86_400_000),
        ("1y2w", (365 + 14) * 86_400_000),
        ("15d or 512MB", 15 * 86_400_000),
        ("36h", 36 * HOUR),
        ("512MB", None),
        ("0s", None),
        ("", None),
        (None, None),
        (7, None),
    ],
)
def test_retention_is_read_from_what_the_system_says(server, source, said, expected_ms):
    server.answer = lambda _: success({"storageRetention": said})
    assert [r.keeps_ms for r in source.retention()] == ([] if expected_ms is None else [expected_ms] * 2)


@pytest.mark.parametrize("reply", [(404, {}, b"not found"), success([])])
def test_retention_is_unknown_where_the_system_does_not_say(server, source, reply):
    server.answer = lambda _: reply
    assert tuple(source.retention()) == ()


def test_a_system_that_cannot_be_reached_is_no_unknown_retention(server, source):
    server.answer = lambda _: (500, {}, b"")
    with pytest.raises(UnreachableError):
        source.retention()


def test_durations_are_read_whole_or_not_at_all():
    assert duration_ms("1h30m") == 5_400_000
    assert duration_ms("250ms") == 250
    assert duration_ms("1h 30m") is None
    assert duration_ms("1.5h") is None


@pytest.fixture
def opened(server, time, tmp_path):
    """Give a function that opens a source with settings; the secret is in the file ``key``."""
    (tmp_path / "key").write_text(f"{SECRET}\n")
    (tmp_path / "key").chmod(0o600)
    tools = Tools(time.clocks, secret=lambda reference: read_secret(reference, environ={}))

    def open_with(**settings):
        chosen = {"url": server.url, **settings}
        key = f"file:{tmp_path / 'key'}"
        return open_source({name: key if value == "KEY" else value for name, value in chosen.items()}, tools)

    return open_with


@pytest.mark.parametrize(
    ("settings", "header", "value"),
    [
        ({"bearer": "KEY"}, "authorization", f"Bearer {SECRET}"),
        (
            {"user": "zoë", "password": "KEY"},
            "authorization",
            "Basic " + base64.b64encode(f"zoë:{SECRET}".encode()).decode(),
        ),
        ({"header": "X-Scope-Key", "value": "KEY"}, "x-scope-key", SECRET),
    ],
)
def test_every_way_to_log_in_sends_its_header_and_shows_it_nowhere(server, opened, settings, header, value):
    source = opened(**settings)
    said = []

    def refuse(asked):
        said.append(asked.headers.get(header))
        words = json.dumps({"status": "error", "error": f"refused: {json.dumps(asked.headers)}"})
        return 401, {}, words.encode()

    server.answer = refuse
    with pytest.raises(AuthError) as raised:
        list(source.inventory())
    assert said == [value]
    shown = f"{raised.value} {raised.value!r} {vars(source)} {source!r}"
    assert "PLANTED" not in shown
    assert value not in shown
    assert value.removeprefix("Basic ")[8:] not in shown


def test_without_a_credential_none_is_sent(server, opened):
    server.answer = lambda _: vector()
    assert list(opened().inventory()) == []
    assert "authorization" not in server.asked[0].headers


def test_settings_reach_the_questions(server, opened):
    source = opened(
        url=f"{server.url}/prom/",
        instance_label="ident",
        matchers={"job": 'a"b', "dc": "nj"},
        profiles=["categraf"],
        scrape_interval_s=30,
        net_devices="eth[0-9]",
        net_scope="public",
        disk_devices="vd.",
        keeps_days=90,
    )
    server.answer = lambda _: matrix()
    for metric in ("net.rx.rate", "disk.reads.rate", "cpu.utilization"):
        assert asked_for(source, metric)[0].scope == ("public" if metric == "net.rx.rate" else "")
    queries = [asked.form["query"] for asked in server.asked]
    assert all('ident=~"a",dc="nj",job="a\\"b"' in query and "[60000ms]" in query for query in queries)
    assert 'net_bytes_recv{interface=~"eth[0-9]",' in queries[0]
    assert 'diskio_reads{name=~"vd.",' in queries[1]
    assert {asked.path for asked in server.asked} == {"/prom/api/v1/query_range"}
    assert [(r.period_ms, r.keeps_ms) for r in source.retention()] == [
        (300_000, 90 * 86_400_000),
        (3_600_000, 90 * 86_400_000),
    ]


@pytest.mark.parametrize(
    ("settings", "hint"),
    [
        ({"url": ""}, "begins with https"),
        ({"adress": "x"}, "unknown setting 'adress'"),
        ({"scrape_interval_s": "60"}, "scrape_interval_s is a whole number"),
        ({"keeps_days": True}, "keeps_days is a whole number"),
        ({"scrape_interval_s": 0}, "scrape_interval_s is 1 to"),
        ({"scrape_interval_s": 7}, "divides 3600; if yours does not, write the next longer one"),
        ({"scrape_interval_s": 601}, "scrape_interval_s is 1 to"),
        ({"keeps_days": -1}, "keeps_days is 0"),
        ({"net_scope": "private"}, "net_scope is public or"),
        ({"net_scope": "public"}, "needs net_devices"),
        ({"profiles": ["node_export"]}, "did you mean 'node_exporter'"),
        ({"profiles": [3]}, "unknown profile"),
        ({"profiles": []}, "at least one"),
        ({"instance_label": "a-b"}, "not the name of a label"),
        ({"matchers": '{ job = "node" }'}, r"under \[sources.settings\] in sources.toml"),
        ({"matchers": {"a b": "x"}}, "not the name of a label"),
        ({"matchers": {"a": 3}}, "values of matchers"),
        ({"net_devices": "("}, "net_devices is not a regular expression"),
        ({"disk_devices": "x" * 1001}, "more than 1000"),
        ({"bearer": "KEY", "user": "a", "password": "KEY"}, "choose one"),
        ({"user": "a"}, "user goes with password"),
        ({"value": "KEY"}, "header with value"),
        ({"user": "a:b", "password": "KEY"}, "no colon"),
        ({"header": "X Y", "value": "KEY"}, "header is made of"),
        ({"url": "http://monitor.example.com", "bearer": "KEY"}, "unencrypted"),
    ],
)
def test_settings_that_cannot_be_used_say_why(opened, settings, hint):
    with pytest.raises(SettingsError, match=hint) as raised:
        opened(**settings)
    assert "PLANTED" not in str(raised.value)


def test_plain_http_over_a_network_is_a_decision(opened):
    opened(url="http://monitor.example.com", bearer="KEY", allow_plain_http=True)
    opened(url="http://monitor.example.com")


def test_a_token_that_no_header_can_hold_is_refused(time):
    tools = Tools(time.clocks, secret=lambda _: Secret("tökén-PLANTED"))
    with pytest.raises(SettingsError, match="ASCII") as raised:
        open_source({"url": "https://monitor.example.com", "bearer": "env:X"}, tools)
    assert "PLANTED" not in str(raised.value)


def test_a_credential_that_is_missing_is_said_at_once(opened):
    with pytest.raises(CredentialError):
        opened(bearer="file:/nowhere/key")
    assert issubclass(CredentialError, SourceError)


def test_every_setting_is_documented_and_every_documented_one_is_there():
    text = (ROOT / "docs" / "source-prometheus.md").read_text("utf-8").split("## 设置")[1]
    cells = [line.split("|")[1] for line in text.splitlines() if line.startswith("| `")]
    documented = [name.strip(" `") for cell in cells for name in cell.split(",")]
    assert sorted(documented) == sorted(_DEFAULTS)
