"""钉钉 against a double that checks key, secret and token, and answers by page and by week."""

from __future__ import annotations

import json
from datetime import date, datetime
from urllib.parse import parse_qs, urlsplit
from zoneinfo import ZoneInfo

import pytest
from scripted_server import scripted_server

from collector.accounts.dingtalk import DingTalk
from collector.accounts.errors import AccountsError
from collector.sources.calling import real_clocks
from collector.sources.secrets import Secret
from collector.sources.web import Web

KEY, SECRET, TOKEN = "dingkey", "s3cret-of-the-app", "token-17"
PEOPLE = [f"user{number}" for number in range(120)]
FIRST, LAST = date(2026, 11, 1), date(2026, 11, 10)


class Double:
    """The three calls as the provider documents them; anything else about them is an error of ours."""

    def __init__(self):
        self.records = [("user1", "2026-11-01T00:00", "USER"), ("user1", "2026-11-10T23:59", "ATM")]
        self.records += [("user77", "2026-11-08T09:00", "DING_ATM"), ("user5", "2026-11-03T09:00", "SYSTEM")]
        self.change = {}

    def __call__(self, asked):
        parts = urlsplit(asked.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        document = self.change.get(parts.path) or self.answer(asked, parts.path, query)
        if isinstance(document, bytes):
            return 200, {}, document
        return document.pop("status", 200), {}, json.dumps(document).encode()

    def answer(self, asked, path, query):
        if path == "/gettoken":
            if (asked.method, query) != ("GET", {"appkey": KEY, "appsecret": SECRET}):
                return {"errcode": 40089, "errmsg": "不合法的corpid或corpsecret"}
            return {"errcode": 0, "errmsg": "ok", "access_token": TOKEN, "expires_in": 7200}
        if asked.method != "POST" or query != {"access_token": TOKEN}:
            return {"errcode": 40014, "errmsg": "不合法的access_token"}
        body = json.loads(asked.body)
        if path == "/topapi/smartwork/hrm/employee/queryonjob":
            page = PEOPLE[body["offset"] : body["offset"] + body["size"]]
            result = {"data_list": page}
            if body["offset"] + body["size"] < len(PEOPLE):
                result["next_cursor"] = body["offset"] + body["size"]
            return {"errcode": 0, "result": result}
        assert path == "/attendance/listRecord"
        first, last = (datetime.fromisoformat(body[name]) for name in ("checkDateFrom", "checkDateTo"))
        assert len(body["userIds"]) <= 50
        assert (last.date() - first.date()).days < 7
        found = []
        for name, text, kind in self.records:
            at = datetime.fromisoformat(text)
            if name in body["userIds"] and first <= at <= last:
                ms = round(at.replace(tzinfo=ZoneInfo("Asia/Shanghai")).timestamp()) * 1000
                found.append({"userId": name, "userCheckTime": ms, "sourceType": kind})
        return {"errcode": 0, "errmsg": "ok", "recordresult": found}


@pytest.fixture
def double():
    return Double()


@pytest.fixture
def ask(double):
    with scripted_server(double) as script:

        def run(secret=SECRET):
            source = DingTalk(Web(real_clocks()), KEY, Secret(secret), script.url)
            return sorted((a.account, a.day.isoformat()) for a in source.active(FIRST, LAST))

        run.script = script
        yield run


def test_who_clocked_in_was_active_on_that_day_in_china(ask):
    assert ask() == [("user1", "2026-11-01"), ("user1", "2026-11-10"), ("user77", "2026-11-08")]
    paths = [urlsplit(asked.path).path for asked in ask.script.asked]
    assert paths.count("/topapi/smartwork/hrm/employee/queryonjob") == 3
    assert paths.count("/attendance/listRecord") == 6  # 3 groups of people, 2 weeks


def test_a_wrong_secret_is_told_by_number_and_nothing_else(ask):
    with pytest.raises(AccountsError, match="gettoken: error 40089") as caught:
        ask("wrong-secret")
    assert "wrong-secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("path", "answer", "message"),
    [
        ("/gettoken", {"errcode": 0}, "no token"),
        ("/gettoken", b"<html>", "not the documented"),
        ("/gettoken", {"status": 500}, "HTTP 500"),
        ("/gettoken", {"errcode": "user1"}, "error unknown"),
        ("/topapi/smartwork/hrm/employee/queryonjob", {"errcode": 0}, "not the documented"),
        (
            "/topapi/smartwork/hrm/employee/queryonjob",
            {"errcode": 0, "result": {"data_list": [5]}},
            "documented",
        ),
        (
            "/topapi/smartwork/hrm/employee/queryonjob",
            {"errcode": 0, "result": {"data_list": ["user1"], "next_cursor": 0}},
            "do not go forward",
        ),
        ("/attendance/listRecord", {"errcode": 60011}, "error 60011"),
        ("/attendance/listRecord", {"errcode": 0, "recordresult": 5}, "documented"),
        (
            "/attendance/listRecord",
            {"errcode": 0, "recordresult": [{"userId": "stranger", "userCheckTime": 1}]},
            "documented",
        ),
    ],
)
def test_another_answer_is_refused_without_repeating_it(ask, double, path, answer, message):
    double.change[path] = answer
    with pytest.raises(AccountsError, match=message) as caught:
        ask()
    for hidden in (SECRET, TOKEN, "stranger", "user1"):
        assert hidden not in str(caught.value)


def test_nobody_answers(secret):
    source = DingTalk(Web(real_clocks()), KEY, secret(SECRET), "http://127.0.0.1:1")
    with pytest.raises(AccountsError, match="is the address open") as caught:
        list(source.active(FIRST, LAST))
    assert SECRET not in str(caught.value)
