"""Huawei Cloud on 127.0.0.1: checks SDK-HMAC signatures and times, pages, and moves `from` silently.

CES, ECS, EIP, IAM and BSS behind one address. ``series`` maps (metric, dimension value) to
{millisecond: number as written}. The window caps and the rule of 3000 points are those of the
documentation; ``window_ms`` makes the service keep to a shorter one that nobody announced.
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
from urllib.parse import parse_qsl, quote

from sources.doubles.loopback import Asked, Loopback, Reply, reply
from sources.doubles.numbers import Number, raw_json

ACCESS_KEY = "PLANTEDHUAWEIACCESSK"
SECRET_KEY = "plantedHuaweiSecretKey0123456789abcdefgh"
PROJECTS = {"cn-east-3": "0123456789abcdef0123456789abcdef", "cn-north-4": "fedcba9876543210fedcba9876543210"}
DOMAIN = "d0d0d0d0d0d0d0d0d0d0d0d0d0d0d0d0"
AUTHORIZATION = re.compile(
    r"SDK-HMAC-SHA256 Access=(?P<id>\w+), SignedHeaders=(?P<signed>[\w;-]+), Signature=(?P<signature>[0-9a-f]{64})"
)
ALLOWED_S = 15 * 60
HOUR_MS = 3_600_000
CAPS_MS = {
    "1": 4 * HOUR_MS,
    "300": 24 * HOUR_MS,
    "1200": 72 * HOUR_MS,
    "3600": 240 * HOUR_MS,
    "14400": 720 * HOUR_MS,
    "86400": 4320 * HOUR_MS,
}
MOST_POINTS = 3_000
MOST_METRICS = 500
UNITS = {
    "cpu_util": "%",
    "network_incoming_bytes_aggregate_rate": "Byte/s",
    "network_outgoing_bytes_aggregate_rate": "Byte/s",
    "disk_read_requests_rate": "Request/s",
    "disk_write_requests_rate": "Request/s",
    "upstream_bandwidth": "bit/s",
    "downstream_bandwidth": "bit/s",
}


@dataclass
class HuaweiCloud:
    clock: Callable[[], float] = time.time
    token: str | None = None
    servers: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    publicips: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    bandwidths: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    bills: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    series: dict[tuple[str, str], dict[int, str]] = field(default_factory=dict)
    units: dict[str, str] = field(default_factory=lambda: dict(UNITS))
    denied: set[str] = field(default_factory=set)
    faults: deque[Reply] = field(default_factory=deque)
    descending: bool = False
    doubled: bool = False
    window_ms: int | None = None
    page_size: int = 1000
    bent: Callable[[dict[str, Any]], object] | None = None
    requests: int = 0

    def serve(self) -> Loopback:
        return Loopback(self.answer)

    def answer(self, asked: Asked) -> Reply:
        self.requests += 1
        wrong = self._wrong_signature(asked)
        if wrong:
            return self._error(401, "APIGW.0301", f"Incorrect IAM authentication information: {wrong}")
        if self.faults:
            return self.faults.popleft()
        for path, answer in self._routes().items():
            match = re.fullmatch(path, asked.path.rstrip("/"))
            if match:
                if answer.__name__ in self.denied:
                    return self._error(403, "APIGW.0802", "user has no permission")
                document = answer(asked, **match.groupdict())
                break
        else:
            return self._error(404, "APIGW.0101", "The API does not exist")
        if self.bent is not None:
            changed = self.bent(document)
            if changed is not None:
                return self._sent(changed)
        return self._sent(document)

    def _sent(self, document: object) -> Reply:
        text = document if isinstance(document, str) else raw_json(document)
        return reply(text, X_Request_Id=f"request-{self.requests}")

    def _routes(self) -> dict[str, Callable[..., dict[str, Any]]]:
        return {
            "/v3/auth/projects": self.list_projects,
            "/v3/auth/domains": self.list_domains,
            r"/v1/(?P<project>\w+)/cloudservers/detail": self.list_servers,
            r"/v1/(?P<project>\w+)/publicips": self.list_publicips,
            r"/v1/(?P<project>\w+)/bandwidths": self.list_bandwidths,
            r"/V1.0/(?P<project>\w+)/batch-query-metric-data": self.batch_query,
            "/v2/bills/customer-bills/monthly-sum": self.monthly_sum,
        }

    def _wrong_signature(self, asked: Asked) -> str:
        match = AUTHORIZATION.fullmatch(asked.headers.get("authorization", ""))
        if match is None or match["id"] != ACCESS_KEY:
            return "access key"
        stamp = asked.headers.get("x-sdk-date", "")
        seconds = datetime.strptime(stamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).timestamp()
        if abs(seconds - self.clock()) > ALLOWED_S:
            return "the request has expired"
        names = match["signed"].split(";")
        if not {"host", "x-sdk-date"} <= set(names) or names != sorted(names):
            return "signed headers"
        pairs = sorted(parse_qsl(asked.raw_query, keep_blank_values=True))
        canonical = "\n".join(
            [
                asked.method,
                asked.path if asked.path.endswith("/") else asked.path + "/",
                "&".join(f"{quote(name, safe='~')}={quote(value, safe='~')}" for name, value in pairs),
                *(f"{name}:{asked.headers[name]}" for name in names),
                "",
                match["signed"],
                hashlib.sha256(asked.body).hexdigest(),
            ]
        )
        text = f"SDK-HMAC-SHA256\n{stamp}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
        expected = hmac.new(SECRET_KEY.encode(), text.encode(), hashlib.sha256).hexdigest()
        if expected != match["signature"]:
            return f"verify aksk signature fail: {match['signature']}"
        if asked.headers.get("x-security-token") != self.token:
            return "security token"
        return ""

    def _error(self, status: int, code: str, message: str) -> Reply:
        return reply(
            {"error_code": code, "error_msg": message, "request_id": f"request-{self.requests}"},
            status=status,
        )

    def list_projects(self, _: Asked) -> dict[str, Any]:
        return {"projects": [{"id": number, "name": name} for name, number in PROJECTS.items()]}

    def list_domains(self, _: Asked) -> dict[str, Any]:
        return {"domains": [{"id": DOMAIN, "name": "enterprise"}]}

    def list_servers(self, asked: Asked, project: str) -> dict[str, Any]:
        rows, size = self.servers.get(project, []), min(int(asked.query["limit"]), self.page_size)
        page = max(int(asked.query.get("offset", "1")), 1)
        return {"count": len(rows), "servers": rows[(page - 1) * size : page * size]}

    def list_publicips(self, asked: Asked, project: str) -> dict[str, Any]:
        return {"publicips": self._after(asked, self.publicips.get(project, []))}

    def list_bandwidths(self, asked: Asked, project: str) -> dict[str, Any]:
        return {"bandwidths": self._after(asked, self.bandwidths.get(project, []))}

    def _after(self, asked: Asked, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        marker = asked.query.get("marker", "")
        first = next((number + 1 for number, row in enumerate(rows) if row["id"] == marker), 0)
        return rows[first : first + min(int(asked.query["limit"]), self.page_size)]

    def batch_query(self, asked: Asked, project: str) -> dict[str, Any]:
        assert project in PROJECTS.values()
        document = asked.document
        assert len(document["metrics"]) <= MOST_METRICS
        period_ms = int(document["period"]) * 1000
        start, end = document["from"], document["to"]
        cap_ms = min(
            CAPS_MS[document["period"]],
            MOST_POINTS * period_ms // len(document["metrics"]),
            self.window_ms or CAPS_MS[document["period"]],
        )
        start = max(start, end - cap_ms)  # silently
        start -= start % period_ms
        return {
            "metrics": [
                self._metric(metric, document["filter"], start, end) for metric in document["metrics"]
            ]
        }

    def _metric(self, metric: dict[str, Any], statistic: str, start: int, end: int) -> dict[str, Any]:
        (dimension,) = metric["dimensions"]
        known = self.series.get((metric["metric_name"], dimension["value"]), {})
        instants = sorted(instant for instant in known if start <= instant <= end) * (
            2 if self.doubled else 1
        )
        instants.sort(reverse=self.descending)
        points = [{statistic: Number(known[instant]), "timestamp": instant} for instant in instants]
        return {"unit": self.units[metric["metric_name"]], "datapoints": points, **metric}

    def monthly_sum(self, asked: Asked) -> dict[str, Any]:
        assert asked.headers["x-domain-id"] == DOMAIN
        rows = self.bills.get(asked.query["bill_cycle"], [])
        first, size = int(asked.query["offset"]), min(int(asked.query["limit"]), self.page_size)
        return {
            "total_count": len(rows),
            "currency": "CNY",
            "measure_id": 1,
            "consume_amount": Number("0"),
            "bill_sums": rows[first : first + size],
        }
