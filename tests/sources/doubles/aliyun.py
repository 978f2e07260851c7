"""A double of Alibaba Cloud on loopback: monitor, machines, addresses and bills.

It refuses what the provider refuses: a wrong signature (HMAC-SHA1 over the sorted query), a time
that is more than 15 minutes off, a nonce that was used, more than 50 resources, more than 1,440
points a page, more than 31 days. Values are kept and sent as the text they were given.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import ssl
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qsl, quote, urlsplit

KEY_ID = "LTAI5tPlantedKeyId00"
SECRET = "planted-secret-0123456789abcdefXYZ"
TOKEN = "CAISplantedTokenOfTheSecurityService=="
DAY_MS = 86_400_000
RETENTION_MS = {60: 31 * DAY_MS, 300: 91 * DAY_MS, 3600: 91 * DAY_MS}
MOST_SECONDS_OFF = 15 * 60


class RefusalError(Exception):
    """What the provider answers instead."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(code)
        self.status, self.code, self.message = status, code, message


@dataclass
class Reply:
    """A scripted answer: status and body, or ``drop`` to hang up; ``{request_id}`` is filled in."""

    status: int = 200
    body: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    drop: bool = False
    broken: bool = False
    """Ends before its announced length."""


def error(status: int, code: str, message: str, *headers: tuple[str, str]) -> Reply:
    """Return an error in the provider's form."""
    return Reply(status, json.dumps({"Code": code, "Message": message, "RequestId": "REQ-E"}), headers)


@dataclass
class Aliyun:
    """The account. Times are ms since 1970; a point is (end of its period, {field: text}, {extra dimension})."""

    now_ms: Callable[[], int] = lambda: int(time.time() * 1000)
    instances: list[dict[str, object]] = field(default_factory=list)
    addresses: list[dict[str, object]] = field(default_factory=list)
    packages: list[dict[str, object]] = field(default_factory=list)
    bills: dict[str, list[dict[str, object]]] = field(default_factory=dict)
    page: int = 1440
    descending: bool = False
    token: str = ""
    denied: set[str] = field(default_factory=set)
    script: dict[str, list[Reply]] = field(default_factory=dict)
    calls: Counter[str] = field(default_factory=Counter)
    queries: list[dict[str, str]] = field(default_factory=list)
    nonces: set[str] = field(default_factory=set)
    points: dict[tuple[str, str, int, str], list[tuple[int, dict[str, str], dict[str, str]]]] = field(
        default_factory=dict
    )

    def put(
        self,
        metric: tuple[str, str],
        resource: str,
        end_ms: int,
        *,
        period_s: int = 300,
        extra: dict[str, str] | None = None,
        **values: str,
    ) -> None:
        """Add one point that ends at ``end_ms``."""
        self.points.setdefault((*metric, period_s, resource), []).append((end_ms, values, extra or {}))

    def answer(self, query: dict[str, str]) -> str:
        """Return the body for a query whose signature is right."""
        action = query["Action"]
        if action in self.denied:
            raise RefusalError(
                403, "Forbidden.RAM", "User not authorized to operate on the specified resource."
            )
        actions = {
            "DescribeMetricList": self._metric_list,
            "DescribeInstances": self._instances,
            "DescribeEipAddresses": self._addresses,
            "DescribeCommonBandwidthPackages": self._packages,
            "QueryBillOverview": self._bill,
        }
        if action not in actions:
            raise RefusalError(404, "InvalidAction.NotFound", "Specified api is not found.")
        return actions[action](query)

    def _metric_list(self, query: dict[str, str]) -> str:
        start, end, period = int(query["StartTime"]), int(query["EndTime"]), int(query["Period"])
        length = int(query.get("Length", "1000"))
        asked = [dimension["instanceId"] for dimension in json.loads(query.get("Dimensions", "[]"))]
        if period not in RETENTION_MS or not start < end or end - start > 31 * DAY_MS:
            raise RefusalError(400, "InvalidParameterValue", "The period or the range is wrong.")
        if not 0 < length <= 1440 or len(asked) > 50:
            raise RefusalError(400, "InvalidParameterValue", "Length or Dimensions is too large.")
        oldest = self.now_ms() - RETENTION_MS[period]
        rows = []
        for resource in asked:
            held = self.points.get((query["Namespace"], query["MetricName"], period, resource), [])
            rows += [(resource, *point) for point in held if start < point[0] <= end and point[0] > oldest]
        if self.descending:
            rows.reverse()
        first = int(query.get("NextToken", "t0")[1:])
        size = min(length, self.page)
        texts = [_point(*row) for row in rows[first : first + size]]
        body = {
            "Code": "200",
            "Success": True,
            "RequestId": self._request_id(),
            "Period": str(period),
            "Datapoints": f"[{','.join(texts)}]",
        }
        if first + size < len(rows):
            body["NextToken"] = f"t{first + size}"
        return json.dumps(body)

    def _instances(self, query: dict[str, str]) -> str:
        size = int(query.get("MaxResults", "10"))
        if size > 100:
            raise RefusalError(400, "InvalidParameter", "MaxResults is too large.")
        held = [one for one in self.instances if one["RegionId"] == query["RegionId"]]
        if "InstanceIds" in query:
            wanted = json.loads(query["InstanceIds"])
            if len(wanted) > 100:
                raise RefusalError(400, "InvalidInstanceIds.Malformed", "Too many ids.")
            held = [one for one in held if one["InstanceId"] in wanted]
        first = int(query.get("NextToken", "n0")[1:])
        body = {
            "RequestId": self._request_id(),
            "TotalCount": len(held),
            "Instances": {"Instance": held[first : first + size]},
        }
        if first + size < len(held):
            body["NextToken"] = f"n{first + size}"
        return json.dumps(body)

    def _addresses(self, query: dict[str, str]) -> str:
        return self._numbered(query, self.addresses, "EipAddresses", "EipAddress", most=100)

    def _packages(self, query: dict[str, str]) -> str:
        return self._numbered(
            query, self.packages, "CommonBandwidthPackages", "CommonBandwidthPackage", most=50
        )

    def _numbered(
        self, query: dict[str, str], rows: list[dict[str, object]], outer: str, inner: str, *, most: int
    ) -> str:
        size, number = int(query.get("PageSize", "10")), int(query.get("PageNumber", "1"))
        if size > most:
            raise RefusalError(400, "InvalidParameter", "PageSize is too large.")
        held = [row for row in rows if row["RegionId"] == query["RegionId"]]
        page = [
            {key: value for key, value in row.items() if key != "RegionId"}
            for row in held[(number - 1) * size : number * size]
        ]
        return json.dumps(
            {
                "RequestId": self._request_id(),
                "TotalCount": len(held),
                "PageNumber": number,
                "PageSize": size,
                outer: {inner: page},
            }
        )

    def _bill(self, query: dict[str, str]) -> str:
        rows = [dict(row) for row in self.bills.get(query["BillingCycle"], [])]
        texts = [_object(row) for row in rows]
        return (
            f'{{"Code":"Success","Message":"Successful!","RequestId":"{self._request_id()}","Success":true,'
            f'"Data":{{"BillingCycle":"{query["BillingCycle"]}","AccountID":"1","Items":{{"Item":[{",".join(texts)}]}}}}}}'
        )

    def _request_id(self) -> str:
        return f"REQ-{sum(self.calls.values())}"

    def check(self, query: dict[str, str], method: str) -> None:
        """Refuse what is not signed as documented."""
        given = query.pop("Signature", "")
        if query.get("AccessKeyId") != KEY_ID:
            raise RefusalError(404, "InvalidAccessKeyId.NotFound", "Specified access key is not found.")
        if query.get("SecurityToken", "") != self.token:
            raise RefusalError(400, "InvalidSecurityToken.Malformed", "Specified SecurityToken is malformed.")
        text = "&".join(f"{_encoded(key)}={_encoded(value)}" for key, value in sorted(query.items()))
        to_sign = f"{method}&%2F&{_encoded(text)}"
        digest = hmac.new(f"{SECRET}&".encode(), to_sign.encode(), hashlib.sha1).digest()
        if not hmac.compare_digest(base64.b64encode(digest).decode(), given):
            message = (
                f"Specified signature is not matched with our calculation. server string to sign is:{to_sign}"
            )
            raise RefusalError(400, "SignatureDoesNotMatch", message)
        if (query["SignatureMethod"], query["SignatureVersion"]) != ("HMAC-SHA1", "1.0"):
            raise RefusalError(400, "InvalidParameter", "Not HMAC-SHA1.")
        stamp = datetime.strptime(query["Timestamp"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=timezone.utc)
        if abs(time.time() - stamp.timestamp()) > MOST_SECONDS_OFF:
            raise RefusalError(
                400, "InvalidTimeStamp.Expired", "Specified time stamp or date value is expired."
            )
        if query["SignatureNonce"] in self.nonces:
            raise RefusalError(400, "SignatureNonceUsed", "Specified signature nonce was used already.")
        self.nonces.add(query["SignatureNonce"])


def _encoded(text: str) -> str:
    return quote(text, safe="-_.~")


def _point(resource: str, end_ms: int, values: dict[str, str], extra: dict[str, str]) -> str:
    names = {"userId": "1208863178610000", "instanceId": resource, **extra}
    head = ",".join(f"{json.dumps(key)}:{json.dumps(value)}" for key, value in names.items())
    return f'{{"timestamp":{end_ms},{head},{",".join(f"{json.dumps(k)}:{v}" for k, v in values.items())}}}'


def _object(row: dict[str, object]) -> str:
    """JSON with the numbers as the text they were given (texts that begin with #)."""
    parts = []
    for key, value in row.items():
        raw = value[1:] if isinstance(value, str) and value.startswith("#") else json.dumps(value)
        parts.append(f"{json.dumps(key)}:{raw}")
    return f"{{{','.join(parts)}}}"


@contextmanager
def served(account: Aliyun, *, certificate: tuple[Path, Path] | None = None) -> Iterator[str]:
    """Serve the account; give its address."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            query = dict(parse_qsl(urlsplit(self.path).query, keep_blank_values=True))
            action = query.get("Action", "")
            account.calls[action] += 1
            try:
                account.check(query, self.command)
                account.queries.append(query)
                scripted = account.script.get(action)
                reply = scripted.pop(0) if scripted else Reply(body=account.answer(query))
            except RefusalError as refusal:
                reply = error(refusal.status, refusal.code, refusal.message)
            if reply.drop:
                self.close_connection = True
                return
            raw = reply.body.encode()
            self.send_response(reply.status)
            for name, value in (
                ("Content-Type", "application/json"),
                ("Content-Length", str(len(raw) + reply.broken)),
            ):
                self.send_header(name, value)
            for name, value in reply.headers:
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(raw)
            self.close_connection = self.close_connection or reply.broken

        do_GET = do_POST  # noqa: N815 - the name is the standard library's

        def log_message(self, *arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    where = f"http://127.0.0.1:{server.server_address[1]}"
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        where = f"https://localhost:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield where
    finally:
        server.shutdown()
        server.server_close()
        thread.join(timeout=5)
