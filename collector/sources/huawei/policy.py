"""The least a user needs, for IAM (统一身份认证服务 → 权限管理 → 权限 → 创建自定义策略 → JSON 视图).

IAM keeps rights of a region's project and rights of the whole account apart: two policies, the
first granted in each region's project, the second for global services.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from collector.sources.huawei import billing, inventory, metrics

PROJECT_ACTIONS = (metrics.PERMISSION, inventory.SERVERS, inventory.ADDRESSES, inventory.BANDWIDTHS)
ACCOUNT_ACTIONS = (billing.PERMISSION,)


def _policy(actions: Sequence[str]) -> dict[str, object]:
    return {"Version": "1.1", "Statement": [{"Effect": "Allow", "Action": list(actions)}]}


POLICY = json.dumps(
    {"starproof-project": _policy(PROJECT_ACTIONS), "starproof-account": _policy(ACCOUNT_ACTIONS)}, indent=2
)
