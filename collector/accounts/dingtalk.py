"""钉钉 as a source of accounts: who clocked in on which day (考勤打卡).

What its open API gives about activity of single accounts is attendance: ``attendance/listRecord``, up to 50
people and 7 days a question. There is no list of who opened the app. (企业微信 gives only a number of
active members a day, ``user/get_active_stat``, which cannot be united with other sources.) So the definition of
these chunks is ``attendance/1``: whoever clocked in with a device of their own was active.

The token is asked for with the app's key and secret and is used for one reading.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Protocol
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from collector.accounts.errors import AccountsError
from collector.accounts.interface import Active
from collector.errors import CollectorError
from collector.sources.secrets import Secret
from collector.sources.web import Reply

ADDRESS = "https://oapi.dingtalk.com"
DEFINITION = "attendance/1"
PEOPLE_AT_ONCE = 50
DAYS_AT_ONCE = 7
MOST_PEOPLE = 1_000_000
BY_THEMSELVES = ("ATM", "BEACON", "DING_ATM", "USER", "AUTO_CHECK")
"""Kinds of records that a person made; SYSTEM, BOSS and APPROVE are entries that others made."""
CHINA = "Asia/Shanghai"
"""The provider's days: its times of day are Beijing's."""
ON_THE_JOB = "2,3,5,-1"
"""On probation, regular, leaving, no status: everybody who is employed."""
JSON = {"Content-Type": "application/json"}
_OK = 200


class Sender(Protocol):
    """Sends a request (``collector.sources.web.Web``)."""

    def send(
        self, method: str, url: str, *, headers: Mapping[str, str] | None, content: bytes, where: str
    ) -> Reply:
        """Return the answer."""
        ...


@dataclass(frozen=True)
class DingTalk:
    """The people of one enterprise on 钉钉."""

    web: Sender
    app_key: str
    secret: Secret
    address: str = ADDRESS

    @property
    def origin(self) -> str:
        """The provider and what its records are."""
        return "钉钉 attendance"

    def active(self, first: date, last: date) -> Iterator[Active]:
        """Yield who clocked in on which day. Raises ``AccountsError``."""
        token = self._token()
        people = list(self._people(token))
        for place in range(0, len(people), PEOPLE_AT_ONCE):
            some = people[place : place + PEOPLE_AT_ONCE]
            begin = first
            while begin <= last:
                end = min(last, begin + timedelta(days=DAYS_AT_ONCE - 1))
                yield from self._records(token, some, begin, end)
                begin = end + timedelta(days=1)

    def _token(self) -> str:
        query = urlencode({"appkey": self.app_key, "appsecret": self.secret.reveal()})
        token = self._ask("GET", f"/gettoken?{query}", "gettoken").get("access_token")
        if not isinstance(token, str) or not token:
            raise AccountsError("钉钉 gettoken: the answer holds no token")
        return token

    def _people(self, token: str) -> Iterator[str]:
        """Yield the ids of all who are employed."""
        cursor, seen = 0, 0
        while True:
            body = {"status_list": ON_THE_JOB, "offset": cursor, "size": PEOPLE_AT_ONCE}
            path = "/topapi/smartwork/hrm/employee/queryonjob"
            result = self._ask(
                "POST", f"{path}?{urlencode({'access_token': token})}", "queryonjob", body
            ).get("result")
            page = result if isinstance(result, dict) else {}
            ids = page.get("data_list")
            if not isinstance(ids, list) or not all(isinstance(name, str) for name in ids):
                raise AccountsError("钉钉 queryonjob: the answer is not the documented one")
            yield from ids
            seen += len(ids)
            following = page.get("next_cursor")
            if following is None:
                return
            if not isinstance(following, int) or following <= cursor or seen > MOST_PEOPLE:
                raise AccountsError("钉钉 queryonjob: the pages do not go forward")
            cursor = following

    def _records(self, token: str, people: Sequence[str], first: date, last: date) -> Iterator[Active]:
        body = {
            "userIds": list(people),
            "checkDateFrom": f"{first} 00:00:00",
            "checkDateTo": f"{last} 23:59:59",
            "isI18n": "false",
        }
        path = f"/attendance/listRecord?{urlencode({'access_token': token})}"
        records = self._ask("POST", path, "listRecord", body).get("recordresult", [])
        if not isinstance(records, list):
            raise AccountsError("钉钉 listRecord: the answer is not the documented one")
        zone = ZoneInfo(CHINA)
        for record in records:
            name, at_ms = record.get("userId"), record.get("userCheckTime")
            if name not in people or not isinstance(at_ms, int):
                raise AccountsError("钉钉 listRecord: the answer is not the documented one")
            day = datetime.fromtimestamp(at_ms // 1000, zone).date()
            if record.get("sourceType") in BY_THEMSELVES and first <= day <= last:
                yield Active(name, day)

    def _ask(
        self, method: str, path: str, where: str, body: Mapping[str, Any] | None = None
    ) -> Mapping[str, Any]:
        """Return the answer's document. Neither it nor the address is repeated in an error."""
        content = b"" if body is None else json.dumps(body).encode()
        try:
            reply = self.web.send(
                method, self.address + path, headers=JSON, content=content, where=f"钉钉 {where}"
            )
        except CollectorError as error:
            raise AccountsError(
                f"钉钉 {where}: no usable answer ({error.code}); is the address open?"
            ) from None
        try:
            document = json.loads(reply.body)
        except ValueError:
            document = None
        if reply.status != _OK or not isinstance(document, dict):
            raise AccountsError(f"钉钉 {where}: HTTP {reply.status}, not the documented answer")
        if document.get("errcode") != 0:
            number = document.get("errcode")
            shown = number if isinstance(number, int) else "unknown"
            raise AccountsError(
                f"钉钉 {where}: error {shown}; look the number up in the provider's documents (key, secret, permission)"
            )
        return document
