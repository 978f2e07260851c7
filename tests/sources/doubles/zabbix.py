"""The JSON-RPC API of Zabbix as 6.0, 6.4, 7.0 and 7.2 answer it, over loopback.

Shapes and texts of answers and errors are those of a real 6.0.14 (test_zabbix_real.py runs one), and
for later versions those of their documentation. Rows come in no order, as they do there.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

TOKEN = "7c9e1f0a" * 8
USER, PASSWORD = "starproof", "p/ss wörd+1"
HOUR_S = 3600

_ENGLISH = {
    "terminated": "Session terminated, re-login, please.",
    "unauthorized": "Not authorized.",
    "login": "Incorrect user name or password or account is temporarily blocked.",
}
_CHINESE = {
    **_ENGLISH,
    "terminated": "会话已中断, 请重新登录.",
    "login": "用户名或密码不正确，或帐户被临时禁用。",
}
_COMMON = {"output", "hostids", "itemids", "filter", "search", "searchByAny", "startSearch", "limit"}
_ALLOWED = {
    "host.get": _COMMON
    | {"groupids", "tags", "selectInterfaces", "selectInventory", "selectParentTemplates"},
    "hostgroup.get": _COMMON | {"groupids"},
    "item.get": _COMMON | {"selectPreprocessing"},
    "template.get": _COMMON | {"templateids", "selectParentTemplates"},
    "usermacro.get": _COMMON | {"globalmacro"},
    "trend.get": _COMMON | {"time_from", "time_till"},
    "history.get": _COMMON | {"history", "time_from", "time_till", "sortfield"},
    "housekeeping.get": {"output"},
}
_OPEN = ("apiinfo.version", "user.login")


@dataclass
class Zabbix:
    """``faults``: what is answered instead, one after another; a function gets the request."""

    version: str = "6.0.14"
    hosts: list[dict] = field(default_factory=list)
    groups: dict[str, str] = field(default_factory=dict)
    templates: dict[str, list[str]] = field(default_factory=dict)
    items: list[dict] = field(default_factory=list)
    trends: list[dict] = field(default_factory=list)
    history: list[dict] = field(default_factory=list)
    macros: list[dict] = field(default_factory=list)
    housekeeping: dict[str, str] = field(default_factory=dict)
    denied: set[str] = field(default_factory=set)
    texts: dict[str, str] = field(default_factory=lambda: _ENGLISH)
    faults: list[Callable] = field(default_factory=list)
    asked: list[dict] = field(default_factory=list)
    sessions: set[str] = field(default_factory=set)
    logins: int = 0

    def speak_chinese(self) -> None:
        self.texts = _CHINESE

    def calls(self, method: str) -> list[dict]:
        return [request["params"] for request in self.asked if request["method"] == method]

    # What stands in it.

    def host(self, number: int, technical: str, **more: object) -> str:
        given = {
            "host": technical,
            "name": technical,
            "status": "0",
            "groups": [],
            "tags": {},
            "templates": [],
        }
        self.hosts.append({"hostid": str(number), "interfaces": [], "inventory": [], **given, **more})
        return str(number)

    def item(self, host: str, key: str, **more: object) -> str:
        number = str(40_000 + len(self.items))
        given = {
            "itemid": number, "hostid": host, "key_": key, "type": "7", "value_type": "0", "units": "",
            "delay": "1m", "history": "7d", "trends": "365d", "status": "0", "state": "0",
            "master_itemid": "0", "lastvalue": "0", "preprocessing": [],
        }  # fmt: skip
        self.items.append({**given, **more})
        return number

    def trend(self, item: str, clock: int, value: str, num: int = 60) -> None:
        row = {"itemid": item, "clock": str(clock), "num": str(num), "value_min": "0", "value_avg": value}
        self.trends.append({**row, "value_max": "99999"})

    def sample(self, item: str, clock: int, value: str, ns: int = 0) -> None:
        self.history.append({"itemid": item, "clock": str(clock), "value": value, "ns": str(ns)})

    # How it answers.

    def answer(self, request: dict, headers: dict) -> dict:
        self.asked.append(request)
        number = request.get("id")
        try:
            result = self._result(request, headers)
        except _ZabbixError as error:
            code, message, data = error.args
            return {
                "jsonrpc": "2.0",
                "error": {"code": code, "message": message, "data": data},
                "id": number,
            }
        return {"jsonrpc": "2.0", "result": result, "id": number}

    def _result(self, request: dict, headers: dict):
        method, params = request["method"], request["params"]
        body_auth = request.get("auth")
        bearer = headers.get("authorization", "").removeprefix("Bearer ") or None
        release = tuple(int(part) for part in re.findall(r"\d+", self.version)[:2])
        if "auth" in request and release >= (7, 2):
            raise _ZabbixError(
                -32600, "Invalid request.", 'Invalid parameter "/": unexpected parameter "auth".'
            )
        auth = (bearer if release >= (6, 4) else None) or body_auth
        if method in _OPEN:
            if auth is not None or (bearer and release < (6, 4)):
                raise _invalid(f'The "{method}" method must be called without the "auth" parameter.')
            return self.version if method == "apiinfo.version" else self._login(params, release)
        if auth is None:
            raise _invalid(self.texts["unauthorized"])
        if auth != TOKEN and auth not in self.sessions:
            raise _invalid(self.texts["unauthorized" if len(auth) == 64 else "terminated"])
        if method not in _ALLOWED:
            raise _ZabbixError(-32601, "Method not found.", f'Incorrect API "{method.split(".")[0]}".')
        if method in self.denied:
            raise _invalid(f'No permissions to call "{method}".')
        for name in params:
            if name not in _ALLOWED[method]:
                raise _invalid(f'Invalid parameter "/": unexpected parameter "{name}".')
        return getattr(self, "_" + method.replace(".", "_"))(params)

    def _login(self, params: dict, release: tuple[int, int]) -> str:
        self.logins += 1
        names = {"username", "user"} if release < (6, 4) else {"username"}
        for name in params:
            if name not in {*names, "password"}:
                raise _invalid(f'Invalid parameter "/": unexpected parameter "{name}".')
        if (params.get("username") or params.get("user"), params.get("password")) != (USER, PASSWORD):
            raise _ZabbixError(-32500, "Application error.", self.texts["login"])
        session = f"{self.logins:032x}"
        self.sessions.add(session)
        return session

    def _host_get(self, params: dict) -> list[dict]:
        found = [host for host in self.hosts if host["hostid"] in params.get("hostids", [host["hostid"]])]
        if "groupids" in params:
            found = [
                host for host in found if {self.groups[g] for g in host["groups"]} & {*params["groupids"]}
            ]
        for tag in params.get("tags", []):
            assert tag["operator"] == 1
            found = [host for host in found if host["tags"].get(tag["tag"]) == tag["value"]]
        found = [
            host
            for host in found
            if host["host"] in params.get("filter", {}).get("host", [host["host"]])
        ]  # fmt: skip
        more = {
            "selectInterfaces": "interfaces",
            "selectInventory": "inventory",
        }
        answers = []
        for host in reversed(found):
            answer = {name: host[name] for name in params["output"]}
            answer |= {name: host[name] for select, name in more.items() if select in params}
            if "selectParentTemplates" in params:
                answer["parentTemplates"] = [{"templateid": one} for one in host["templates"]]
            answers.append(answer)
        return answers

    def _template_get(self, params: dict) -> list[dict]:
        return [
            {"templateid": one, "parentTemplates": [{"templateid": up} for up in self.templates[one]]}
            for one in params["templateids"]
            if one in self.templates
        ]

    def _hostgroup_get(self, params: dict) -> list[dict]:
        names = params.get("filter", {}).get("name", [])
        return [{"groupid": self.groups[name], "name": name} for name in names if name in self.groups]

    def _item_get(self, params: dict) -> list[dict]:
        found = self.items
        if "hostids" in params:
            found = [item for item in found if item["hostid"] in params["hostids"]]
        if "itemids" in params:
            found = [item for item in found if item["itemid"] in params["itemids"]]
        if "search" in params:
            assert params["searchByAny"] is True, "else all patterns must fit at once"
            begin = tuple(text.upper() for text in params["search"]["key_"])
            assert params["startSearch"] is True
            found = [item for item in found if item["key_"].upper().startswith(begin)]
        names = [*params["output"], *(["preprocessing"] if "selectPreprocessing" in params else [])]
        return [{name: item[name] for name in names} for item in reversed(found)]

    def _usermacro_get(self, params: dict) -> list[dict]:
        if params.get("globalmacro"):
            return [macro for macro in self.macros if "hostid" not in macro]
        return [macro for macro in self.macros if macro.get("hostid") in params["hostids"]]

    def _trend_get(self, params: dict) -> list[dict]:
        return [
            {name: row[name] for name in params.get("output", row)}
            for row in reversed(self.trends)
            if row["itemid"] in params["itemids"] and _within(row, params)
        ]

    def _history_get(self, params: dict) -> list[dict]:
        kinds = {item["itemid"]: item["value_type"] for item in self.items}
        found = [
            {name: row[name] for name in params.get("output", row)}
            for row in reversed(self.history)
            if row["itemid"] in params["itemids"] and _within(row, params)
            and kinds[row["itemid"]] == str(params.get("history", 3))
        ]  # fmt: skip
        if params.get("sortfield") == "clock":
            found.sort(key=lambda row: int(row["clock"]))
        return found[: params.get("limit")]

    def _housekeeping_get(self, params: dict) -> dict:
        given = {"hk_history_global": "0", "hk_history": "90d", "hk_trends_global": "0", "hk_trends": "365d"}
        return {name: {**given, **self.housekeeping}[name] for name in params["output"]}


class _ZabbixError(Exception):
    pass


def _invalid(data: str) -> _ZabbixError:
    return _ZabbixError(-32602, "Invalid params.", data)


def _within(row: dict, params: dict) -> bool:
    first, last = params.get("time_from", 0), params.get("time_till", 2**40)
    return first <= int(row["clock"]) <= last


@contextmanager
def served(double: Zabbix):
    """Give the address of the front end."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            headers = {name.lower(): value for name, value in self.headers.items()}
            request = json.loads(self.rfile.read(int(headers["content-length"])))
            if self.path != "/zabbix/api_jsonrpc.php":
                self._send(404, b"not found")
            elif headers.get("content-type") != "application/json-rpc":
                self._send(412, b"")
            elif double.faults and (fault := double.faults.pop(0)(request)) is not None:
                self._send(*fault)
            else:
                self._send(200, json.dumps(double.answer(request, headers)).encode())

        def _send(self, status: int, body: bytes, headers: dict | None = None) -> None:
            self.send_response(status)
            for name, value in (headers or {}).items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing: the tests read ``asked``."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/zabbix"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
