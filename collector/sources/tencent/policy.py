"""The least a sub-account needs, for CAM (访问管理 → 策略 → 按策略语法创建)."""

from __future__ import annotations

import json

ACTIONS = (
    "monitor:GetMonitorData",
    "monitor:DescribeBaseMetrics",
    "cvm:DescribeInstances",
    "vpc:DescribeAddresses",
    "cbs:DescribeDisks",
    "finance:DescribeBillSummaryByProduct",
)
POLICY = json.dumps(
    {
        "version": "2.0",
        "statement": [{"effect": "allow", "resource": ["*"], "action": list(ACTIONS)}],
    },
    indent=2,
)
