"""A fuzzer asks the API whatever its document allows. Imported when tests are collected: it is deep."""

from __future__ import annotations

import warnings
from dataclasses import replace

import pytest
from console_world import NOW, Browser

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of its own imports
    schemathesis = pytest.importorskip("schemathesis", reason="schemathesis is not installed")
    from hypothesis import HealthCheck, Phase, given, settings
    from schemathesis.checks import CHECKS, load_all_checks

    load_all_checks()

from collector.http.buckets import Buckets
from console.access.tokens import Scope
from console.api.document import document
from console.api.operations import OPERATIONS
from console.api.shapes import BASE
from console.app import application

EXAMPLES = 25
WANTED = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
)


def test_a_fuzzer_finds_no_server_error_and_no_answer_that_the_document_does_not_name(filled):
    scopes = [scope.value for scope in Scope]
    secret = filled.tokens.add(name="fuzzer", scopes=scopes, days=30, actor="t", now_ms=NOW)
    unlimited = replace(filled, asked=Buckets(10**6, lambda: 0.0))
    http, headers = Browser(application(unlimited)).http, {"Authorization": f"Bearer {secret}"}
    checks = CHECKS.get_by_names(list(WANTED))
    seen = []
    for found in schemathesis.openapi.from_dict(document(OPERATIONS)).get_all_operations():

        @settings(
            max_examples=EXAMPLES,
            deadline=None,
            database=None,
            derandomize=True,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=found.ok().as_strategy())
        def ask(case):
            sent = case.as_transport_kwargs(base_url=f"http://console.test{BASE}")
            more = {**(sent.get("headers") or {}), **headers}
            answer = http.request(sent["method"], sent["url"], params=sent.get("params"), headers=more)
            seen.append(answer.status_code)
            case.validate_response(schemathesis.Response.from_any(answer), checks=checks)

        ask()
    assert len(seen) >= len(OPERATIONS) * 5
    assert set(seen) <= {200, 400, 404}
    assert 200 in seen
