"""Sources whose requests we sign ourselves, opened on their doubles as the registry opens them."""

from __future__ import annotations

from typing import Any

from sources.doubles import ctyun, huawei, tencent
from sources.doubles.loopback import Loopback
from sources.still_clocks import StillClocks

import collector.sources.ctyun.source as ctyun_source
import collector.sources.huawei.source as huawei_source
import collector.sources.tencent.source as tencent_source
from collector.sources.ctyun.client import ENDPOINTS
from collector.sources.huawei.client import SERVICES
from collector.sources.tencent.client import VERSIONS

MINUTE_MS = 60_000
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
NOW_MS = 1_767_229_200_000
"""2026-01-01 01:00 UTC."""
TOKEN = "plantedTemporaryToken0123456789"


def _secrets(secret: str) -> dict[str, str]:
    return {"file:/run/key": secret, "file:/run/token": TOKEN}


def open_tencent(
    double: Loopback, clocks: StillClocks | None = None, *, secret: str = tencent.SECRET_KEY, **settings: Any
) -> tencent_source.Tencent:
    table = {
        "key_id": tencent.SECRET_ID,
        "secret": "file:/run/key",
        "regions": ["ap-nanjing"],
        "endpoints": dict.fromkeys(VERSIONS, double.url),
    } | settings
    return tencent_source.open_source(table, (clocks or StillClocks(NOW_MS)).tools(_secrets(secret)))


def open_huawei(
    double: Loopback, clocks: StillClocks | None = None, *, secret: str = huawei.SECRET_KEY, **settings: Any
) -> huawei_source.Huawei:
    table = {
        "key_id": huawei.ACCESS_KEY,
        "secret": "file:/run/key",
        "regions": ["cn-east-3"],
        "endpoints": dict.fromkeys(SERVICES, double.url),
    } | settings
    return huawei_source.open_source(table, (clocks or StillClocks(NOW_MS)).tools(_secrets(secret)))


def open_ctyun(
    double: Loopback, clocks: StillClocks | None = None, *, secret: str = ctyun.SECRET_KEY, **settings: Any
) -> ctyun_source.CtyunSource:
    table = {
        "key_id": ctyun.ACCESS_KEY,
        "secret": "file:/run/key",
        "regions": [ctyun.REGION],
        "endpoints": dict.fromkeys(ENDPOINTS, double.url),
    } | settings
    return ctyun_source.open_source(table, (clocks or StillClocks(NOW_MS)).tools(_secrets(secret)))


def now_s() -> float:
    return NOW_MS / 1000
