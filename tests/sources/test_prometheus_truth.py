"""Real Prometheus and real VictoriaMetrics, back-filled: the points equal the truth."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import httpx
import monitored_month as month
import monitors
import pytest

from collector.polling.accounts import Account
from collector.polling.plan import rungs_of, stretches
from collector.sources.errors import AnswerError
from collector.sources.interface import METRICS, Span
from collector.sources.prometheus.averages import PIECE_SAMPLES
from collector.sources.prometheus.client import Client
from collector.sources.prometheus.profiles import CATEGRAF
from collector.sources.prometheus.promql import View
from collector.sources.prometheus.source import PrometheusSource, Watching
from collector.sources.web import Web

pytestmark = pytest.mark.slow

MS = 1000
HOUR_MS = month.HOUR_S * MS
SAMPLE_MS = month.SAMPLE_S * MS
PIECE_MS = PIECE_SAMPLES * SAMPLE_MS
NANO = Decimal("1e-9")
"""What the store keeps of a value."""
SHORT = Span(month.START_S * MS, month.SHORT_END_S * MS)
LONG = Span(month.START_S * MS, month.END_S * MS)
KINDS = {"prometheus": (monitors.prometheus, 1), "victoria-metrics": (monitors.victoria_metrics, MS)}


@pytest.fixture(scope="module", params=KINDS)
def address(request, tmp_path_factory):
    run, unit = KINDS[request.param]
    with run(tmp_path_factory.mktemp(request.param), month.lines(unit)) as url:
        yield url


@pytest.fixture
def client(address, time):
    return Client(address, web=Web(time.clocks), caller=time.caller())


@pytest.fixture
def source(client, time):
    time.wall_ms = SHORT.end_ms
    return PrometheusSource(client, Watching(sample_ms=SAMPLE_MS), time.clocks)


def one(source, metric, host, span, period_ms=HOUR_MS):
    (series,) = source.averages(metric, [host], span, period_ms)
    assert (series.instance, series.metric, series.statistic) == (host, metric, "average")
    assert (series.asked, series.answered, series.period_ms) == (span, span, period_ms)
    return series.points


def hour_of(point):
    return (point.start_ms // MS - month.START_S) // month.HOUR_S


def nano(value):
    exact = Fraction(value)
    return Decimal(round(exact * 10**9)).scaleb(-9)


def wrong(points, host, metric):
    """The points that differ from the truth in what the store keeps."""
    return [
        point
        for point in points
        if point.value.quantize(NANO) != nano(month.truth(host, metric, hour_of(point)))
    ]


def hours(points):
    """Return (whole hours, pieces as (day, minute of the day))."""
    whole = {hour_of(point) for point in points if point.length_ms == HOUR_MS}
    pieces = []
    for point in points:
        if point.length_ms != HOUR_MS:
            assert point.length_ms == PIECE_MS
            pieces.append(divmod((point.start_ms // MS - month.START_S) // 60, 1440))
    return whole, pieces


SHORT_HOSTS = (month.STEADY, month.REBOOTED, month.BLINKED, month.UNSEEN, month.WINDOWS)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("host", SHORT_HOSTS)
def test_every_point_is_the_truth(source, host, metric):
    points = one(source, metric, host, SHORT)
    assert points
    assert wrong([p for p in points if not (host == month.BLINKED and hour_of(p) == 55)], host, metric) == []


@pytest.mark.parametrize("metric", METRICS)
def test_a_steady_host_has_every_hour(source, metric):
    whole, pieces = hours(one(source, metric, month.STEADY, SHORT))
    assert whole == set(range(24 * month.SHORT_DAYS))
    assert pieces == []


@pytest.mark.parametrize("metric", METRICS)
def test_the_hour_of_a_reboot_keeps_its_pieces_without_the_gap(source, metric):
    whole, pieces = hours(one(source, metric, month.REBOOTED, SHORT))
    assert whole == set(range(24 * month.SHORT_DAYS)) - {2 * 24 + 12}
    assert pieces == [(2, 12 * 60), (2, 12 * 60 + 40)]


def test_a_reboot_between_two_samples_loses_only_what_was_not_seen(source):
    """Seen: everything but the time from the last sample to the reboot; counted is what the counters show."""
    for metric in METRICS:
        points = one(source, metric, month.BLINKED, SHORT)
        (point,) = [point for point in points if hour_of(point) == 2 * 24 + 7]
        assert point.length_ms == HOUR_MS
        truth = month.truth(month.BLINKED, metric, 2 * 24 + 7)
        if metric == "cpu.utilization":
            assert point.value.quantize(NANO) == nano(truth)
        else:
            assert nano(truth * 29 / 30) <= point.value.quantize(NANO) <= nano(truth)


@pytest.mark.parametrize("metric", METRICS)
def test_five_days_off_are_missing_and_not_zero(source, metric):
    points = one(source, metric, month.OFF, LONG)
    whole, pieces = hours(points)
    assert whole == set(range(5 * 24)) | set(range(10 * 24 + 1, 30 * 24))
    assert pieces == [(10, 20), (10, 40)]
    assert wrong(points, month.OFF, metric) == []


@pytest.mark.parametrize("metric", METRICS)
def test_what_counters_grew_while_nobody_looked_goes_to_no_point(source, metric):
    points = one(source, metric, month.UNSEEN, SHORT)
    whole, pieces = hours(points)
    assert whole == set(range(2 * 24)) | set(range(7 * 24 + 1, 9 * 24))
    assert pieces == [(7, 40)]
    assert wrong(points, month.UNSEEN, metric) == []


def test_downtime_is_not_busy_time(source, client):
    """The well-known wrong formula says 41.67 % of a host that was busy for 30 % of its running time."""
    points = one(source, "cpu.utilization", month.OFF, LONG)
    weights = sum(point.length_ms for point in points)
    mean = sum(Fraction(point.value) * point.length_ms for point in points) / weights
    assert nano(mean) == 30
    series = f'node_cpu_seconds_total{{instance="{month.OFF}",mode=~"idle|iowait"}}[30d]'
    wrong_one = f"100 * (1 - sum(rate({series})) / {month.CPUS})"
    (row,) = client.at(wrong_one, LONG.end_ms, where="the wrong formula")
    assert row.samples[0].value.quantize(Decimal("0.01")) == Decimal("41.67")


def test_samples_off_the_grid_are_close_in_the_hour_and_right_in_the_month(source):
    for metric in METRICS:
        points = one(source, metric, month.SHIFTED, Span(SHORT.start_ms + HOUR_MS, SHORT.end_ms))
        assert len(points) == 24 * month.SHORT_DAYS - 1
        truths = [month.truth(month.SHIFTED, metric, hour_of(point)) for point in points]
        mean = sum(Fraction(point.value) for point in points) / len(points)
        true_mean = sum(truths) / len(truths)
        assert abs(mean / true_mean - 1) < Fraction(1, 1000)
        # 47 s of an hour belong to its neighbour, whose rate may be any other one.
        span = max(truths) - min(truths)
        assert max(abs(Fraction(p.value) - t) for p, t in zip(points, truths)) < span * 2 * 120 / 3600


def test_hosts_of_both_exporters_are_asked_at_once_and_each_is_answered(source):
    hosts = [month.WINDOWS, month.STEADY, "10.9.9.9:9100", month.STEADY]
    found = {series.instance: series for series in source.averages("net.tx.rate", hosts, SHORT, HOUR_MS)}
    assert set(found) == {month.WINDOWS, month.STEADY, "10.9.9.9:9100"}
    assert found["10.9.9.9:9100"].points == ()
    assert len(found[month.WINDOWS].points) == len(found[month.STEADY].points) == 24 * month.SHORT_DAYS
    assert {series.scope for series in found.values()} == {"all_interfaces"}


def test_an_unknown_metric_is_no_data(client, time):
    source = PrometheusSource(client, Watching(sample_ms=SAMPLE_MS, profiles=(CATEGRAF,)), time.clocks)
    for metric in METRICS:
        assert one(source, metric, month.STEADY, SHORT) == ()


@pytest.mark.parametrize("metric", METRICS)
def test_percentages_that_agents_push_are_averaged(client, time, metric):
    watching = Watching(View(instance_label="ident"), (CATEGRAF,), SAMPLE_MS)
    points = one(PrometheusSource(client, watching, time.clocks), metric, month.PUSHED, SHORT)
    assert len(points) == 24 * month.SHORT_DAYS
    assert wrong(points, month.PUSHED, metric) == []


def test_devices_that_the_user_names_replace_ours(client, time):
    watching = Watching(View(nics="eth1", disks="nvme.n1"), sample_ms=SAMPLE_MS, net_scope="public")
    source = PrometheusSource(client, watching, time.clocks)
    whole = {m: one(source, m, month.STEADY, SHORT) for m in ("net.rx.rate", "disk.reads.rate")}
    for metric, share in (("net.rx.rate", 4), ("disk.reads.rate", 3)):
        for point in whole[metric]:
            part = month.truth(month.STEADY, metric, hour_of(point)) / share
            assert abs(Fraction(point.value) - part) < Fraction(1, 1000)
    (series,) = source.averages("net.rx.rate", [month.STEADY], SHORT, HOUR_MS)
    assert series.scope == "public"


def test_matchers_narrow_what_is_seen(client, time):
    source = PrometheusSource(
        client, Watching(View(matchers={"job": "other"}), sample_ms=SAMPLE_MS), time.clocks
    )
    assert one(source, "cpu.utilization", month.STEADY, SHORT) == ()
    assert list(source.inventory()) == []


def test_a_span_of_more_than_eleven_thousand_hours_is_split(source, client):
    span = Span(LONG.end_ms - 12_000 * HOUR_MS, LONG.end_ms)
    points = one(source, "cpu.utilization", month.STEADY, span)
    assert len(points) == 24 * month.LONG_DAYS
    assert wrong(points, month.STEADY, "cpu.utilization") == []


def is_prometheus(address):
    return httpx.get(f"{address}/api/v1/status/runtimeinfo", trust_env=False).status_code == 200


def test_prometheus_itself_refuses_that_many_at_once(address):
    if not is_prometheus(address):
        pytest.skip("this limit is Prometheus's own")
    form = {"query": "up", "start": 0, "end": 12_000 * 3600, "step": 3600}
    reply = httpx.post(f"{address}/api/v1/query_range", data=form, trust_env=False)
    assert (reply.status_code, "11,000 points" in reply.text) == (400, True)


def test_other_periods_are_asked_for_as_they_are(source):
    points = one(
        source, "net.rx.rate", month.STEADY, Span(SHORT.start_ms, SHORT.start_ms + 2 * HOUR_MS), 600_000
    )
    assert [point.length_ms for point in points] == [600_000] * 12
    assert wrong(points, month.STEADY, "net.rx.rate") == []


def test_the_inventory_lists_hosts_with_what_is_known(source):
    found = {instance.id: instance for instance in source.inventory()}
    assert set(found) == set(month.STORIES) - {month.PUSHED, month.OFF}  # off for days by then
    steady, windows = found[month.STEADY], found[month.WINDOWS]
    assert (steady.name, steady.state, steady.cpus) == ("node-1", "up", month.CPUS)
    assert steady.addresses == ("10.0.0.1",)
    assert steady.bandwidths == ()
    assert (windows.name, windows.state, windows.cpus, windows.addresses) == ("WIN-7", "down", 2, ())


def test_hosts_that_push_are_listed_without_a_state(client, time):
    time.wall_ms = SHORT.end_ms
    watching = Watching(View(instance_label="ident"), (CATEGRAF,), SAMPLE_MS)
    (host,) = PrometheusSource(client, watching, time.clocks).inventory()
    assert (host.id, host.name, host.state, host.cpus) == (month.PUSHED, month.PUSHED, "unknown", None)


def test_a_host_that_is_long_gone_is_not_listed(source, time):
    time.wall_ms = SHORT.end_ms + 3 * month.DAY_S * MS
    assert {instance.id for instance in source.inventory()} == {month.STEADY, month.OFF}


def test_probing_says_which_metrics_there_are(source, client, time):
    time.wall_ms = SHORT.end_ms
    probes = list(source.probe())
    assert [probe.what for probe in probes] == ["query", "sampling", *METRICS]
    assert all(probe.ok for probe in probes)
    assert probes[1].detail == "samples are about 120 s apart"
    assert "node_exporter: 5 hosts, windows_exporter: 1 hosts" in probes[2].detail
    bare = PrometheusSource(client, Watching(profiles=(CATEGRAF,)), time.clocks)
    assert [probe.ok for probe in bare.probe()] == [True, *[False] * 6]


def test_probing_finds_a_wrong_scrape_interval(client, time):
    time.wall_ms = SHORT.end_ms
    probes = {p.what: p for p in PrometheusSource(client, Watching(sample_ms=60_000), time.clocks).probe()}
    assert not probes["sampling"].ok
    assert "set scrape_interval_s = 120" in probes["sampling"].detail


def test_retention_is_read_where_the_system_says_it(source, address):
    said = list(source.retention())
    if is_prometheus(address):
        kept_ms = 100 * 365 * month.DAY_S * MS
        assert [(r.period_ms, r.keeps_ms) for r in said] == [(3 * SAMPLE_MS, kept_ms), (HOUR_MS, kept_ms)]
    else:
        assert said == []


@pytest.mark.parametrize("minutes", [5, 20, 59])
def test_the_scrape_interval_of_a_young_system_is_measured_between_its_samples(client, time, minutes):
    time.wall_ms = LONG.start_ms + minutes * 60 * MS
    (found,) = [
        p
        for p in PrometheusSource(client, Watching(sample_ms=SAMPLE_MS), time.clocks).probe()
        if p.what == "sampling"
    ]
    assert found.ok
    assert found.detail == "samples are about 120 s apart"


@pytest.mark.parametrize("kept", ["what the system says", "keeps_days"])
@pytest.mark.parametrize("period_s", [None, 360, 3600])
def test_an_account_is_polled_in_the_periods_that_its_source_offers(client, address, time, kept, period_s):
    keeps_ms = 20 * month.DAY_S * MS if kept == "keeps_days" else None
    time.wall_ms = SHORT.end_ms + 11 * 60 * MS
    source = PrometheusSource(client, Watching(sample_ms=SAMPLE_MS, keeps_ms=keeps_ms), time.clocks)
    account = Account(
        "m", "prometheus", period_ms=None if period_s is None else period_s * MS, backfill_days=2
    )
    rungs = rungs_of(account, source)
    if kept == "keeps_days" or is_prometheus(address):
        assert [rung.period_ms for rung in rungs] == [(period_s or 360) * MS]
    asked = list(stretches(rungs, None, now_ms=time.wall_ms, backfill_days=account.backfill_days))
    assert asked
    assert source.calls_for("cpu.utilization", 1, asked[0].span, asked[0].period_ms) > 0
    points = [
        point
        for stretch in asked
        for point in one(source, "cpu.utilization", month.STEADY, stretch.span, stretch.period_ms)
    ]
    covered_ms = sum(point.length_ms for point in points)
    assert covered_ms == asked[-1].span.end_ms - asked[0].span.start_ms >= 2 * month.DAY_S * MS - 2 * HOUR_MS
    assert wrong(points, month.STEADY, "cpu.utilization") == []


def test_a_faulty_expression_is_an_answer_error_in_the_systems_words(client):
    with pytest.raises(AnswerError, match="parse"):
        client.at("sum(", 0, where="faulty")


def test_hosts_with_odd_names_are_found_and_no_others(client, time):
    """Names are patterns to the system; a dot must not match everything."""
    watching = Watching(View(instance_label="ident"), (CATEGRAF,), SAMPLE_MS)
    source = PrometheusSource(client, watching, time.clocks)
    for name in ("web.1 .旧.", ".*", 'web+1 "旧"|x', "web\\"):
        assert one(source, "cpu.utilization", name, SHORT) == ()
    source = PrometheusSource(client, Watching(sample_ms=SAMPLE_MS), time.clocks)
    assert one(source, "cpu.utilization", "10.0.0.1.9100", SHORT) == ()
    assert one(source, "cpu.utilization", "10a0.0.1:9100", SHORT) == ()
