"""A source opened on the double of Alibaba Cloud, as the registry opens it."""

from __future__ import annotations

from typing import Any

import pytest
from sources.doubles.aliyun import KEY_ID, SECRET, TOKEN, Aliyun
from sources.still_clocks import StillClocks

pytest.importorskip(
    "aliyunsdkcms", reason="the SDK of 阿里云 is not installed: pip install 'starproof[aliyun]'"
)

from collector.sources.aliyun.endpoints import SERVICES
from collector.sources.aliyun.source import AliyunSource, open_source

HOUR_MS = 3_600_000
FIVE_MS = 300_000
CPU = ("acs_ecs_dashboard", "CPUUtilization")
TX = ("acs_ecs_dashboard", "VPC_PublicIP_InternetOutRate")


def opened(
    account: Aliyun, address: str, clocks: StillClocks | None = None, *, secret: str = SECRET, **settings: Any
) -> AliyunSource:
    """Return the source on ``account`` served at ``address``."""
    clocks = clocks or StillClocks(account.now_ms())
    table: dict[str, Any] = {
        "key_id": KEY_ID,
        "secret": "file:/run/key",
        "regions": ["cn-hangzhou"],
        "endpoints": dict.fromkeys(SERVICES, address),
        **settings,
    }
    return open_source(table, clocks.tools({"file:/run/key": secret, "file:/run/token": TOKEN}))
