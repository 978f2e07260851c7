"""Tencent Cloud on 127.0.0.1: checks TC3 signatures and times, pages, and misbehaves when told to.

It follows the documentation, not our client: monitor, cvm, vpc, cbs and billing behind one address.
``series`` maps (metric, dimension value) to {second: number as written}. ``statistics`` is what
DescribeBaseMetrics says, by metric and period; a statistic that was not offered is still answered,
with its maxima, as the real service's documentation warns.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sources.doubles.loopback import Asked, Loopback, Reply, reply
from sources.doubles.numbers import Number, raw_json

SECRET_ID = "AKIDplantedTencentId0123456789abcdef"
SECRET_KEY = "plantedTencentSecretKey0123456789"
AUTHORIZATION = re.compile(
    r"TC3-HMAC-SHA256 Credential=(?P<id>[^/]+)/(?P<date>[\d-]+)/(?P<service>\w+)/tc3_request, "
    r"SignedHeaders=(?P<signed>[\w;-]+), Signature=(?P<signature>[0-9a-f]{64})"
)
ALLOWED_S = 300
MOST_INSTANCES = 50
MOST_POINTS = 7_200
VERSIONS = {
    "monitor": "2018-07-24",
    "cvm": "2017-03-12",
    "vpc": "2017-03-12",
    "cbs": "2017-03-12",
    "billing": "2018-07-09",
}
SERVICES = {
    "DescribeInstances": "cvm",
    "DescribeAddresses": "vpc",
    "DescribeDisks": "cbs",
    "DescribeBaseMetrics": "monitor",
    "GetMonitorData": "monitor",
    "DescribeBillSummaryByProduct": "billing",
}
AVERAGES = {"10": ["avg"], "60": ["avg"], "300": ["max"], "3600": ["max"], "86400": ["max", "p95"]}
SUMS = {period: ["sum"] for period in ("10", "60", "300", "3600", "86400")}


@dataclass
class TencentCloud:
    clock: Callable[[], float] = time.time
    token: str | None = None
    instances: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    addresses: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    disks: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    statistics: dict[str, dict[str, list[str]]] = field(
        default_factory=lambda: {
            "CPUUsage": AVERAGES,
            "WanOuttraffic": AVERAGES,
            "WanIntraffic": AVERAGES,
            "DiskReadIops": AVERAGES,
            "DiskWriteIops": AVERAGES,
            "AccOuttraffic": SUMS,
            "AccIntraffic": SUMS,
        }
    )
    units: dict[str, str] = field(
        default_factory=lambda: {
            "CPUUsage": "%",
            "WanOuttraffic": "Mbps",
            "WanIntraffic": "Mbps",
            "DiskReadIops": "个",
            "DiskWriteIops": "个",
            "AccOuttraffic": "MB",
            "AccIntraffic": "MB",
        }
    )
    series: dict[tuple[str, str], dict[int, str]] = field(default_factory=dict)
    bills: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    denied: set[str] = field(default_factory=set)
    faults: deque[Reply] = field(default_factory=deque)
    descending: bool = False
    doubled: bool = False
    bent: Callable[[dict[str, Any]], object] | None = None
    page_size: int = 100
    requests: int = 0

    def serve(self) -> Loopback:
        return Loopback(self.answer)

    def answer(self, asked: Asked) -> Reply:
        self.requests += 1
        wrong = self._wrong_signature(asked)
        if wrong:
            return self._error(*wrong)
        if self.faults:
            return self.faults.popleft()
        action = asked.headers["x-tc-action"]
        if action in self.denied:
            return self._error(
                "AuthFailure.UnauthorizedOperation",
                f"you are not authorized to perform operation (monitor:{action})",
            )
        document = self._actions()[action](asked.document, asked.headers.get("x-tc-region", ""))
        if isinstance(document, Reply):
            return document
        if self.bent is not None:
            changed = self.bent(document)
            if changed is not None:
                return reply(changed if isinstance(changed, str) else {"Response": changed})
        return reply(raw_json({"Response": document | {"RequestId": f"request-{self.requests}"}}))

    def _actions(self) -> dict[str, Callable[..., dict[str, Any] | Reply]]:
        return {
            "DescribeInstances": self._describe_instances,
            "DescribeAddresses": self._describe_addresses,
            "DescribeDisks": self._describe_disks,
            "DescribeBaseMetrics": self._describe_base_metrics,
            "GetMonitorData": self._get_monitor_data,
            "DescribeBillSummaryByProduct": self._describe_bill_summary,
        }

    def _wrong_signature(self, asked: Asked) -> tuple[str, str] | None:
        match = AUTHORIZATION.fullmatch(asked.headers.get("authorization", ""))
        if match is None or match["id"] != SECRET_ID:
            return "AuthFailure.SecretIdNotFound", "The SecretId is not found."
        seconds = int(asked.headers["x-tc-timestamp"])
        if abs(seconds - self.clock()) > ALLOWED_S:
            return "AuthFailure.SignatureExpire", "Signature expired."
        service, action = match["service"], asked.headers["x-tc-action"]
        if SERVICES.get(action) != service or asked.headers.get("x-tc-version") != VERSIONS[service]:
            return "InvalidParameter", f"{service} has no {action} in this version"
        if asked.headers.get("x-tc-token") != self.token:
            return "AuthFailure.TokenFailure", "token"
        date = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d")
        scope = f"{date}/{service}/tc3_request"
        key = _mac(_mac(_mac(b"TC3" + SECRET_KEY.encode(), date), service), "tc3_request")
        names = match["signed"].split(";")
        text = f"TC3-HMAC-SHA256\n{seconds}\n{scope}\n{_canonical_digest(asked, names)}"
        required = {"content-type", "host"} <= set(names) and match["date"] == date
        if not required or _mac(key, text).hex() != match["signature"]:
            return (
                "AuthFailure.SignatureFailure",
                f"signature {match['signature']} is not what was calculated",
            )
        return None

    def _error(self, code: str, message: str) -> Reply:
        error = {"Code": code, "Message": message}
        return reply({"Response": {"Error": error, "RequestId": f"request-{self.requests}"}})

    def _page(self, asked: dict[str, Any], rows: list[dict[str, Any]], name: str) -> dict[str, Any]:
        first, limit = asked.get("Offset", 0), min(asked.get("Limit", 20), self.page_size)
        return {"TotalCount": len(rows), name: rows[first : first + limit]}

    def _describe_instances(self, asked: dict[str, Any], region: str) -> dict[str, Any]:
        rows = self.instances.get(region, [])
        if "InstanceIds" in asked:
            rows = [row for row in rows if row["InstanceId"] in asked["InstanceIds"]]
        return self._page(asked, rows, "InstanceSet")

    def _describe_addresses(self, asked: dict[str, Any], region: str) -> dict[str, Any]:
        return self._page(asked, self.addresses.get(region, []), "AddressSet")

    def _describe_disks(self, asked: dict[str, Any], region: str) -> dict[str, Any]:
        return self._page(asked, self.disks.get(region, []), "DiskSet")

    def _describe_base_metrics(self, asked: dict[str, Any], _: str) -> dict[str, Any]:
        name = asked["MetricName"]
        if name not in self.statistics:
            return {"MetricSet": []}
        periods = [{"Period": period, "StatType": kinds} for period, kinds in self.statistics[name].items()]
        return {
            "MetricSet": [
                {
                    "Namespace": asked["Namespace"],
                    "MetricName": name,
                    "Unit": self.units[name],
                    "Period": [int(period) for period in self.statistics[name]],
                    "Periods": periods,
                }
            ]
        }

    def _get_monitor_data(self, asked: dict[str, Any], _: str) -> dict[str, Any] | Reply:
        start, end = (_second(asked[name]) for name in ("StartTime", "EndTime"))
        period = asked.get("Period", 300)
        wanted = asked["Instances"]
        if len(wanted) > MOST_INSTANCES or len(wanted) * ((end - start) // period + 1) > MOST_POINTS:
            return self._error("InvalidParameterValue", "too many instances or data points")
        points = []
        for instance in wanted:
            (dimension,) = instance["Dimensions"]
            known = self.series.get((asked["MetricName"], dimension["Value"]), {})
            seconds = sorted(second for second in known if start <= second <= end and second % period == 0)
            seconds *= 2 if self.doubled else 1
            seconds.sort(reverse=self.descending)
            values = [Number(known[second]) for second in seconds]
            point: dict[str, Any] = {"Dimensions": [dimension], "Timestamps": seconds}
            if "SpecifyStatistics" in asked:
                offered = self.statistics[asked["MetricName"]].get(str(period), [])
                point |= {"Values": [], "MaxValues": None, "MinValues": None, "AvgValues": None}
                if asked["SpecifyStatistics"] & 1:
                    point["AvgValues"] = values if "avg" in offered else [Number("99.9") for _ in values]
            else:
                point["Values"] = values
            points.append(point)
        return {
            "Period": period,
            "MetricName": asked["MetricName"],
            "StartTime": asked["StartTime"],
            "EndTime": asked["EndTime"],
            "DataPoints": points,
        }

    def _describe_bill_summary(self, asked: dict[str, Any], _: str) -> dict[str, Any]:
        assert asked["BeginTime"] == asked["EndTime"]
        empty: dict[str, Any] = {"Ready": 1, "SummaryTotal": {"RealTotalCost": "0"}, "SummaryOverview": []}
        return self.bills.get((asked["BeginTime"], asked.get("PayType", "")), empty)


def _canonical_digest(asked: Asked, names: list[str]) -> str:
    headers = [f"{name}:{asked.headers[name]}" for name in names]
    lines = [asked.method, asked.path, asked.raw_query, *headers, "", ";".join(names)]
    return hashlib.sha256("\n".join([*lines, hashlib.sha256(asked.body).hexdigest()]).encode()).hexdigest()


def _mac(key: bytes, text: str) -> bytes:
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def _second(text: str) -> int:
    assert text.endswith("+08:00"), text
    return int(datetime.fromisoformat(text).timestamp())
