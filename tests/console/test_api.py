"""The interface for programs: the same data as the pages, tokens with scopes, one document about it."""

from __future__ import annotations

from dataclasses import replace
from types import MethodType

import pytest
from console_examples import MONTH
from console_world import NOW, PASSWORD, Browser
from jsonschema import Draft202012Validator

from collector.errors import StoreError
from collector.http.buckets import Buckets
from console.access import tokens
from console.access.accounts import AccountError
from console.access.roles import Role
from console.access.tokens import DAY_MS, MOST_TOKENS, PREFIX, Scope
from console.api.document import document
from console.api.operations import OPERATIONS
from console.api.routes import REQUESTS_A_MINUTE
from console.api.shapes import BASE
from console.app import application
from console.reading.snapshots import NotReadyError
from verifier.errors import VerifierError

EXAMPLES = {"figure": "cpu_utilization", "host": "1"}
ALL = [scope.value for scope in Scope]


def _path(operation):
    return BASE + operation.path.format(**EXAMPLES)


@pytest.fixture(scope="module")
def secrets(filled):
    """A token for every scope alone, and one for all."""
    one = {
        scope: filled.tokens.add(name=scope, scopes=[scope], days=30, actor="t", now_ms=NOW) for scope in ALL
    }
    return {**one, "all": filled.tokens.add(name="all", scopes=ALL, days=30, actor="t", now_ms=NOW)}


@pytest.fixture(scope="module")
def app(filled):
    return application(filled)


@pytest.fixture
def ask(app, secrets, filled, monkeypatch):
    monkeypatch.setattr(filled.asked, "wait_s", lambda _sender: 0)  # its own test has the real one
    browser = Browser(app)

    def get(path, token="all", **query):
        headers = {"authorization": f"Bearer {secrets.get(token, token)}"} if token else {}
        return browser.http.get(path, params=query, headers=headers)

    return get


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda one: one.name)
def test_every_operation_answers_what_the_document_says(ask, operation):
    answer = ask(_path(operation), month=MONTH)
    assert answer.status_code == 200, answer.text
    Draft202012Validator(operation.shape).validate(answer.json())
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["content-type"] == "application/json"
    assert ask(_path(operation)).status_code == 200  # this month, of which there are no data


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda one: one.name)
def test_a_token_reads_what_its_scopes_name_and_nothing_else(ask, operation):
    for scope in ALL:
        answer = ask(_path(operation), scope, month=MONTH)
        assert answer.status_code == (200 if scope == operation.scope.value else 403), scope
    for wrong in ("", "nonsense", PREFIX + "x" * 43, PREFIX + "x" * 10_000):
        answer = ask(_path(operation), wrong)
        assert (answer.status_code, answer.json()["error"]["code"]) == (401, "no_token")
        assert answer.headers["www-authenticate"] == "Bearer"


def test_a_session_of_the_browser_is_no_token(signed_in):
    assert signed_in(Role.ADMINISTRATOR).get(f"{BASE}/figures").status_code == 401


def test_the_figures_are_those_of_the_pages(ask, signed_in):
    figures = {one["id"]: one for one in ask(f"{BASE}/figures", month=MONTH).json()["figures"]}
    assert figures["cpu_utilization"]["value"].startswith("20.60")
    assert figures["cpu_utilization"]["verdicts"] == {"3": "PASS", "4": "PASS", "5": "FAIL"}
    one = ask(f"{BASE}/figures/cpu_utilization", month=MONTH).json()
    assert len(one["days"]) == 31
    assert one["figure"] == figures["cpu_utilization"]
    page = signed_in(Role.VIEWER).get(f"/figures/cpu_utilization?month={MONTH}").text
    for day in one["worst"]:
        assert day in page
    parts = ask(f"{BASE}/figures/cpu_utilization/hosts", month=MONTH, q="WEB", sort="name").json()
    assert [part["host"] for part in parts["hosts"]] == ["web-1", "web-2"]
    assert parts["count"] == 2


def test_coverage_has_a_class_for_every_host_and_day(ask):
    found = ask(f"{BASE}/coverage", month=MONTH, q="web").json()
    assert (found["count"], len(found["days"])) == (2, 31)
    assert all(len(host["kinds"]) == len(host["per_mille"]) == 31 for host in found["hosts"])
    assert ask(f"{BASE}/coverage", month=MONTH, page=99).json()["page"] == 1


@pytest.mark.parametrize(
    ("path", "query", "status"),
    [
        ("/figures", {"month": "2026"}, 400),
        ("/figures", {"month": "2026-13"}, 400),
        ("/figures", {"month": "2999-01"}, 400),
        ("/figures", {"month": "2099-01"}, 404),
        ("/figures", {"month": "2000-06"}, 400),
        ("/figures", {"mouth": MONTH}, 400),
        ("/figures", {"month": [MONTH, MONTH]}, 400),
        ("/figures/none", {"month": MONTH}, 404),
        ("/figures/" + "x" * 65, {}, 400),
        ("/figures/cpu_utilization/hosts", {"sort": "<script>"}, 400),
        ("/figures/cpu_utilization", {"figure": "other"}, 400),
        ("/hosts", {"page": "0"}, 400),
        ("/hosts", {"page": "1e9"}, 400),
        ("/hosts", {"page": "٣"}, 400),
        ("/hosts", {"q": "x" * 129}, 400),
        ("/hosts/0", {}, 400),
        ("/hosts/9007199254740992", {}, 400),
        ("/hosts/99999", {}, 404),
        ("/nothing", {}, 404),
        ("/", {}, 404),
    ],
)
def test_what_is_asked_wrongly_is_said_in_both_languages(ask, path, query, status):
    answer = ask(BASE + path, **query)
    assert answer.status_code == status
    error = answer.json()["error"]
    assert error["zh"]
    assert error["en"]
    assert "<script>" not in answer.text


def test_nothing_can_be_changed_by_it(app, secrets):
    browser = Browser(app)
    for operation in OPERATIONS:
        for method in ("POST", "PUT", "DELETE", "PATCH"):
            answer = browser.http.request(
                method, _path(operation), headers={"authorization": f"Bearer {secrets['all']}"}
            )
            assert answer.status_code == 405


def test_the_document_stands_for_itself(app):
    spec = pytest.importorskip("openapi_spec_validator", reason="openapi-spec-validator is not installed")
    told = Browser(app).get(f"{BASE}/openapi.json").json()
    spec.validate(told)
    assert told == document(OPERATIONS)
    assert len(told["paths"]) == len(OPERATIONS)


def test_too_many_requests_are_told_when_to_come_again(console, clock):
    secret = console.tokens.add(name="many", scopes=ALL, days=30, actor="t", now_ms=NOW)
    still = replace(console, asked=Buckets(REQUESTS_A_MINUTE, lambda: 0.0), attempts=Buckets(30, lambda: 0.0))
    http, headers = Browser(application(still)).http, {"authorization": f"bearer {secret}"}
    codes = [http.get(f"{BASE}/evidence", headers=headers).status_code for _ in range(REQUESTS_A_MINUTE + 1)]
    assert set(codes[:-1]) == {200}
    assert codes[-1] == 429
    guessing = [
        http.get(f"{BASE}/evidence", headers={"authorization": f"Bearer {PREFIX}{n}"}) for n in range(40)
    ]
    assert guessing[-1].status_code == 429
    assert int(guessing[-1].headers["retry-after"]) > 0


def test_tokens_end_by_time_and_by_hand_and_are_in_the_audit_trail(console, clock, administrator):
    answer = administrator.http.post(
        "/tokens",
        data={
            "csrf": administrator.token("/tokens"),
            "name": "监管平台",
            "scope": ["figures", "hosts"],
            "days": "30",
        },
    )
    secret = answer.text.partition('<pre id="secret">')[2].partition("<")[0]
    assert secret.startswith(PREFIX)
    assert secret not in administrator.get("/tokens").text
    token = console.tokens.find(secret, now_ms=NOW)
    assert token.scopes == ("figures", "hosts")
    assert (token.made_by, token.holds(NOW + 30 * DAY_MS)) == ("admin", False)
    assert console.tokens.find(secret, now_ms=NOW + 30 * DAY_MS) is None
    assert administrator.post(f"/tokens/{token.id}/revoke", page="/tokens").status_code == 303
    assert console.tokens.find(secret, now_ms=NOW) is None
    assert "已作废" in administrator.get("/tokens").text
    with console.store.reading() as connection:
        from sqlalchemy import select

        from collector.store import schema

        trail = [row.action for row in connection.execute(select(schema.audit_trail))]
    assert trail[-2:] == ["TOKEN_MADE", "TOKEN_REVOKED"]


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"name": ""}, "tokens.name_rule"),
        ({"name": "x" * 65}, "tokens.name_rule"),
        ({"scopes": []}, "tokens.no_scope"),
        ({"scopes": ["everything"]}, "tokens.no_scope"),
        ({"days": 10_000}, "tokens.no_days"),
    ],
)
def test_what_makes_no_token_is_refused(console, changed, words):
    given = {"name": "n", "scopes": ["hosts"], "days": 30, **changed}
    with pytest.raises(AccountError) as refused:
        console.tokens.add(**given, actor="t", now_ms=NOW)
    assert refused.value.words == words


def test_tokens_are_bounded(console, administrator, monkeypatch):
    monkeypatch.setattr(tokens, "MOST_TOKENS", 1)
    assert MOST_TOKENS > 1
    console.tokens.add(name="n", scopes=["hosts"], days=30, actor="t", now_ms=NOW)
    answer = administrator.post("/tokens", page="/tokens", name="m", scope="hosts", days="30")
    assert (answer.status_code, "令牌太多" in answer.text) == (422, True)
    assert PASSWORD not in answer.text


def test_what_cannot_be_answered_now_says_why_and_when_to_come_again(console, monkeypatch):
    secret = console.tokens.add(name="n", scopes=ALL, days=30, actor="t", now_ms=NOW)
    http, headers = Browser(application(console)).http, {"authorization": f"Bearer {secret}"}
    for error, code in (
        (NotReadyError(), "not_ready"),
        (VerifierError("impossible"), "contradiction"),
        (StoreError("gone"), "store"),
    ):
        monkeypatch.setattr(console.snapshots, "get", MethodType(_raising(error), console.snapshots))
        answer = http.get(f"{BASE}/figures", headers=headers)
        assert (answer.status_code, answer.json()["error"]["code"]) == (503, code)
        assert int(answer.headers["retry-after"]) > 0


def _raising(error):
    def get(*_args, **_more):
        raise error

    return get
