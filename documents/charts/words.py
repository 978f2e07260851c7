"""The words on charts, in both languages."""

from __future__ import annotations

from collections.abc import Mapping

TABLES: Mapping[str, Mapping[str, str]] = {
    "zh-CN": {
        "daily": "日值",
        "bounds": "当日上下限",
        "hourly": "小时值",
        "hour_bounds": "该小时上下限",
        "excluded": "排除日",
        "no_data": "无数据",
        "worst": "下限最低的日子",
        "unit_次/day": "次/日",
        "complete": "≥ 99 %",
        "most": "≥ 90 %",
        "part": "低于 90 %",
        "none": "无数据",
        "downtime": "关机为主",
        "out": "已排除",
        "restart": "重启",
        "suspect": "读数可疑",
        "calendar": "每日覆盖率",
        "hosts": "主机",
    },
    "en": {
        "daily": "value of the day",
        "bounds": "its interval",
        "hourly": "value of the hour",
        "hour_bounds": "its interval",
        "excluded": "excluded day",
        "no_data": "no data",
        "worst": "days with the lowest low end",
        "unit_次/day": "per day",
        "complete": "≥ 99 %",
        "most": "≥ 90 %",
        "part": "below 90 %",
        "none": "no data",
        "downtime": "mostly off",
        "out": "excluded",
        "restart": "restart",
        "suspect": "suspect readings",
        "calendar": "Coverage by day",
        "hosts": "hosts",
    },
}
