"""The OpenAPI document, made from the table of operations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from console.access.tokens import Scope
from console.api.operations import Operation
from console.api.shapes import BASE, ERROR
from evidence import __version__

OPENAPI = "3.1.0"
REFUSALS = {
    "400": "A parameter is not what it should be, or there is no such parameter.",
    "401": "No token, or one that does not hold.",
    "403": "The token may not read this.",
    "404": "There is no such thing.",
    "429": "Too many requests; Retry-After says when to come again.",
    "503": "Being computed for the first time, or the store is busy; Retry-After says when to come again.",
}


def document(operations: Sequence[Operation]) -> dict[str, Any]:
    """Return the document."""
    return {
        "openapi": OPENAPI,
        "info": {
            "title": "星证 StarProof",
            "version": __version__,
            "description": (
                "六项指标、主机、覆盖率与证据，只读。数值是十进制字符串，缺失为 null，从不为零。 "
                "Figures, hosts, coverage and evidence, read only. Numbers are decimal strings; missing is null, never zero."
            ),
        },
        "servers": [{"url": BASE}],
        "security": [{"token": []}],
        "paths": {one.path: {"get": _operation(one)} for one in operations},
        "components": {
            "schemas": {"Error": ERROR},
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": f"A token that an administrator made; its scopes: {', '.join(one.value for one in Scope)}.",
                }
            },
        },
    }


def _operation(one: Operation) -> dict[str, Any]:
    refusal = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
    return {
        "operationId": one.name,
        "summary": one.summary,
        "description": f"Needs the scope {one.scope.value}.",
        "parameters": [parameter.document() for parameter in one.parameters],
        "responses": {
            "200": {"description": "OK", "content": {"application/json": {"schema": one.shape}}},
            **{
                status: {"description": about, "content": refusal, **_again(status)}
                for status, about in REFUSALS.items()
            },
        },
    }


def _again(status: str) -> dict[str, Any]:
    if status not in ("429", "503"):
        return {}
    return {"headers": {"Retry-After": {"description": "Seconds.", "schema": {"type": "integer"}}}}
