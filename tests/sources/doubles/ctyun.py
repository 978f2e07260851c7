"""天翼云 on 127.0.0.1, written from its documentation: EOP signatures, page numbers, status 800 and 900.

``series`` maps (item, uuid or address) to {second: number as written}; numbers travel as texts.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any

from sources.doubles.loopback import Asked, Loopback, Reply, reply

ACCESS_KEY = "plantedctyunaccesskey0123456789a"
SECRET_KEY = "plantedctyunsecretkey0123456789b"
REGION = "bb9fdb42056f11eda1610242ac110002"
AUTHORIZATION = re.compile(
    r"(?P<id>\w+) Headers=(?P<signed>ctyun-eop-request-id;eop-date) Signature=(?P<signature>[A-Za-z0-9+/=]+)"
)
BEIJING = timezone(timedelta(hours=8))
ALLOWED_S = 300
UNITS = {
    "cpu_util": "%",
    "disk_read_requests_rate": "请求/秒",
    "disk_write_requests_rate": "请求/秒",
    "net_in_bytes_rate": "B/s",
    "net_out_bytes_rate": "B/s",
}


@dataclass
class Ctyun:
    clock: Callable[[], float] = time.time
    instances: list[dict[str, Any]] = field(default_factory=list)
    addresses: list[dict[str, Any]] = field(default_factory=list)
    series: dict[tuple[str, str], dict[int, str]] = field(default_factory=dict)
    units: dict[str, str] = field(default_factory=lambda: dict(UNITS))
    denied: set[str] = field(default_factory=set)
    faults: deque[Reply] = field(default_factory=deque)
    descending: bool = False
    doubled: bool = False
    known_regions: tuple[str, ...] = (REGION,)
    bent: Callable[[dict[str, Any]], object] | None = None
    requests: int = 0

    def serve(self) -> Loopback:
        return Loopback(self.answer)

    def answer(self, asked: Asked) -> Reply:
        self.requests += 1
        wrong = self._wrong_signature(asked)
        if wrong:
            return self._failed("Openapi.Signature.Invalid", wrong, status=401)
        if self.faults:
            return self.faults.popleft()
        if asked.path in self.denied:
            return self._failed("Openapi.Auth.NoPermission", "no permission", status=403)
        answers = {
            "/v4/ecs/list-instances": self._list_instances,
            "/v4/eip/new-list": self._list_addresses,
            "/v4.2/monitor/query-history-metric-data": self._history,
        }
        document = {"statusCode": 800, "message": "success", "returnObj": answers[asked.path](asked.document)}
        changed = self.bent(document) if self.bent is not None else None
        return reply(document if changed is None else changed)

    def _wrong_signature(self, asked: Asked) -> str:
        match = AUTHORIZATION.fullmatch(asked.headers.get("eop-authorization", ""))
        if match is None or match["id"] != ACCESS_KEY:
            return "access key"
        stamp, number = asked.headers["eop-date"], asked.headers["ctyun-eop-request-id"]
        seconds = datetime.strptime(stamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=BEIJING).timestamp()
        if abs(seconds - self.clock()) > ALLOWED_S:
            return "the time is not Beijing's"
        query = "&".join(sorted(asked.raw_query.split("&"))) if asked.raw_query else ""
        text = f"ctyun-eop-request-id:{number}\neop-date:{stamp}\n\n{query}\n{hashlib.sha256(asked.body).hexdigest()}"
        key = _mac(_mac(_mac(SECRET_KEY.encode(), stamp), ACCESS_KEY), stamp[:8])
        if base64.b64encode(_mac(key, text)).decode() != match["signature"]:
            return f"signature {match['signature']} is wrong"
        return ""

    def _failed(self, code: str, message: str, *, status: int) -> Reply:
        document = {"statusCode": 900, "errorCode": code, "message": message, "description": "失败"}
        return reply(document, status=status)

    def _page(self, asked: dict[str, Any], rows: list[dict[str, Any]], name: str) -> dict[str, Any]:
        page, size = asked["pageNo"], asked["pageSize"]
        assert asked["regionID"] in self.known_regions
        assert size <= 50
        shown = rows[(page - 1) * size : page * size]
        return {
            name: shown,
            "totalCount": len(rows),
            "currentCount": len(shown),
            "totalPage": -(-len(rows) // size),
        }

    def _list_instances(self, asked: dict[str, Any]) -> dict[str, Any]:
        return self._page(asked, self.instances, "results")

    def _list_addresses(self, asked: dict[str, Any]) -> dict[str, Any]:
        assert 0 < len(asked["clientToken"]) <= 64
        return self._page(asked, self.addresses, "eips")

    def _history(self, asked: dict[str, Any]) -> dict[str, Any]:
        assert asked["fun"] == "avg"
        assert asked["service"] == asked["dimension"] == "vm"
        (dimension,) = asked["dimensions"]
        items = []
        for name in asked["itemNameList"]:
            for value in dimension["value"]:
                known = self.series.get((name, value), {})
                seconds = sorted(s for s in known if asked["startTime"] <= s <= asked["endTime"])
                seconds *= 2 if self.doubled else 1
                seconds.sort(reverse=self.descending)
                items.append(
                    {
                        "itemName": name,
                        "itemUnit": self.units[name],
                        "dimensions": [{"name": dimension["name"], "value": value}],
                        "itemData": [{"value": known[s], "samplingTime": s} for s in seconds],
                    }
                )
        return {"itemList": items}


def _mac(key: bytes, text: str) -> bytes:
    return hmac.new(key, text.encode(), hashlib.sha256).digest()
