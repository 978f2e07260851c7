"""The documents say how many calls a thousand hosts take: the table is compared with what the sources say."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import pytest
from sources.doubles.zabbix import Zabbix, served
from sources.still_clocks import StillClocks
from sources.zabbix_world import NOW_S, linux, opened

from collector.polling.accounts import Account
from collector.polling.budget import budget
from collector.polling.plan import DAY_MS, rungs_of
from collector.sources.interface import METRICS, Source

DOCS = Path(__file__).resolve().parents[2] / "docs"
NOW_MS = NOW_S * 1000
HOSTS = 1000
CLOUD = {"regions": ["one"], "key_id": "key", "secret": "env:KEY"}
SETTINGS = {
    "aliyun": CLOUD,
    "aws": CLOUD,
    "tencent": CLOUD,
    "huawei": CLOUD,
    "ctyun": CLOUD,
    "prometheus": {"url": "http://127.0.0.1", "keeps_days": 93},
}


def row(provider: str, source: Source) -> str:
    """One line of the table: what an account as it is by default takes."""
    account = Account(alias="main", provider=provider)
    rungs = rungs_of(account, source)
    told = budget(account, source, {metric: [None] * HOSTS for metric in METRICS}, now_ms=NOW_MS)
    history = ", ".join(f"{rung.keeps_ms // DAY_MS} d × {rung.period_ms // 1000} s" for rung in rungs)
    free = "–" if told.free is None else f"{told.free:,}"
    return f"| `{provider}` | {rungs[0].period_ms // 1000} s | {told.monthly:,} | {free} | {told.first_run:,} | {history} |"


def in_documents(line: str) -> bool:
    return all(line in (DOCS / name).read_text("utf-8") for name in ("sources.md", "sources.zh-CN.md"))


@pytest.mark.parametrize("provider", SETTINGS)
def test_the_documents_say_how_many_calls_a_thousand_hosts_take(provider):
    module = import_module(
        f"collector.sources.{provider}.{'opening' if provider == 'prometheus' else 'source'}"
    )
    source = module.open_source(SETTINGS[provider], StillClocks(NOW_MS).tools({"env:KEY": "x"}))
    line = row(provider, source)
    assert in_documents(line), line


def test_the_documents_say_how_many_calls_a_thousand_hosts_of_zabbix_take():
    zabbix = Zabbix()
    linux(zabbix)
    with served(zabbix) as url:
        line = row("zabbix", opened(url))
    assert in_documents(line), line


def test_what_the_documents_say_of_polling_less_often_is_so():
    source = import_module("collector.sources.tencent.source").open_source(
        CLOUD, StillClocks(NOW_MS).tools({"env:KEY": "x"})
    )
    account = Account(alias="main", provider="tencent", every_ms=14_400_000)
    told = budget(account, source, {metric: [None] * HOSTS for metric in METRICS}, now_ms=NOW_MS)
    assert in_documents(f"{told.monthly:,}")
