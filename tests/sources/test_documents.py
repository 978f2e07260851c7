"""The documents of the clouds that we sign for ourselves: every setting, and the policy as it is printed."""

from __future__ import annotations

from pathlib import Path

import pytest

from collector.sources.ctyun import source as ctyun
from collector.sources.ctyun.client import ENDPOINTS
from collector.sources.errors import SourceError
from collector.sources.huawei import source as huawei
from collector.sources.huawei.client import SERVICES
from collector.sources.huawei.policy import POLICY as IAM
from collector.sources.tencent import source as tencent
from collector.sources.tencent.client import VERSIONS
from collector.sources.tencent.policy import POLICY as CAM

DOCS = Path(__file__).resolve().parents[2] / "docs"
OURS = ("aliyun", "aws", "tencent", "huawei", "ctyun", "prometheus", "zabbix")


@pytest.mark.parametrize(
    ("module", "services", "policy"),
    [(tencent, VERSIONS, CAM), (huawei, SERVICES, IAM), (ctyun, ENDPOINTS, None)],
    ids=["tencent", "huawei", "ctyun"],
)
def test_the_document_prints_the_policy_and_names_every_setting(module, services, policy):
    text = (DOCS / f"source-{module.NAME}.md").read_text(encoding="utf-8")
    for key in module.KEYS:
        assert f"| `{key}` |" in text
    endpoints = next(line for line in text.splitlines() if line.startswith("| `endpoints` |"))
    assert all(f"`{service}`" in endpoints for service in services)
    if policy is not None:
        assert f"```json\n{policy}\n```" in text
    assert ("试验性" in text) == (module is ctyun)


@pytest.mark.parametrize("name", ["sources.md", "sources.zh-CN.md"])
def test_the_page_of_sources_leads_to_each_and_explains_every_code(name):
    text = (DOCS / name).read_text(encoding="utf-8")
    for source in OURS:
        assert f"(source-{source}.md)" in text
        assert (DOCS / f"source-{source}.md").is_file()
    kinds = [SourceError]
    for kind in kinds:
        kinds += kind.__subclasses__()
    codes = {kind.code for kind in kinds if kind.__module__.startswith("collector.")} - {"SOURCE", "STOPPED"}
    assert {code for code in codes if f"`{code}`" not in text} == set()
