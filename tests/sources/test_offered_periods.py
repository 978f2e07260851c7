"""Every period that a source offers can be polled: the plan's questions are accepted, for every metric."""

from __future__ import annotations

from contextlib import suppress
from types import SimpleNamespace

import pytest
from slow_time import Time
from sources.doubles.zabbix import Zabbix, served
from sources.signed_accounts import NOW_MS, open_ctyun, open_huawei, open_tencent
from sources.still_clocks import StillClocks
from sources.zabbix_world import NOW_S, linux
from sources.zabbix_world import opened as open_zabbix

from collector.polling.accounts import Account
from collector.polling.budget import budget
from collector.polling.plan import ladder, stretches
from collector.sources.errors import UnreachableError
from collector.sources.prometheus.client import Client
from collector.sources.prometheus.source import FITTING_S, PrometheusSource, Watching
from collector.sources.web import Web

NOWHERE = "http://127.0.0.1:9"
SIGNED = {"tencent": open_tencent, "huawei": open_huawei, "ctyun": open_ctyun}


def accepts_what_it_offers(source, now_ms):
    """Plan as the poller does with each period; a question that is sent, to nobody, was accepted."""
    offered = source.retention()
    periods = [one.period_ms for one in offered]
    assert periods == sorted(set(periods))
    assert periods
    marks = {metric: [None, now_ms - 3_600_000] for metric in source.metrics()}
    for every_ms in (60_000, 1_000_000, 3_600_000):  # not only multiples of the period
        for period_ms in (None, *periods):
            account = Account("a", source.name, period_ms=period_ms, every_ms=every_ms)
            assert budget(account, source, marks, now_ms=now_ms).monthly > 0
    for period_ms in (None, *periods):
        rungs = ladder(Account("a", source.name, period_ms=period_ms), offered)
        for metric in source.metrics():
            asked = list(stretches(rungs, None, now_ms=now_ms))
            assert {stretch.period_ms for stretch in asked} == {rung.period_ms for rung in rungs}
            for stretch in asked:
                assert source.calls_for(metric, 1, stretch.span, stretch.period_ms) > 0
                with suppress(UnreachableError):
                    assert list(source.averages(metric, [], stretch.span, stretch.period_ms)) == []


@pytest.mark.parametrize("name", SIGNED)
def test_of_a_signed_cloud(name):
    accepts_what_it_offers(SIGNED[name](SimpleNamespace(url=NOWHERE), StillClocks(NOW_MS)), NOW_MS)


def test_of_alibaba_cloud():
    from sources.aliyun_account import opened

    accepts_what_it_offers(opened(None, NOWHERE, StillClocks(NOW_MS)), NOW_MS)


def test_of_aws():
    from sources.aws_account import opened

    accepts_what_it_offers(opened(NOWHERE, StillClocks(NOW_MS)), NOW_MS)


@pytest.mark.parametrize("fine_period_s", [60, 300, 900])
def test_of_zabbix(fine_period_s):
    zabbix = Zabbix()
    linux(zabbix)
    with served(zabbix) as url:
        accepts_what_it_offers(open_zabbix(url, fine_period_s=fine_period_s), NOW_S * 1000)


@pytest.mark.parametrize("sample_s", FITTING_S)
def test_of_prometheus(sample_s):
    """For every time between samples that the settings take."""
    time = Time()
    client = Client(NOWHERE, web=Web(time.clocks), caller=time.caller())
    watching = Watching(sample_ms=sample_s * 1000, keeps_ms=30 * 86_400_000)
    accepts_what_it_offers(PrometheusSource(client, watching, time.clocks), NOW_MS)
