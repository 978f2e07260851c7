"""Who visits the console in the tests: requests with cookies and forms, a clock, a place for events."""

from __future__ import annotations

import re
import warnings
from dataclasses import dataclass, field
from pathlib import Path

import pytest

with warnings.catch_warnings():  # it asks for another HTTP client than the one we test with
    warnings.simplefilter("ignore")
    from starlette.testclient import TestClient

NOW = 1_795_000_000_000  # 2026-11-18 in Shanghai
ENTERPRISE = "江苏示例精密机械有限公司"
PASSWORD = "sail boats on tai lake"
CSRF = re.compile(r'name="csrf" value="([0-9a-f]{64})"')


@dataclass
class Clock:
    now_ms: int = NOW

    def __call__(self):
        return self.now_ms


@dataclass
class Events:
    lines: list = field(default_factory=list)

    def __call__(self, event, **details):
        self.lines.append({"event": event, **details})


class Browser:
    """Somebody at a browser, as far as requests go: cookies are kept, forms carry their token."""

    def __init__(self, app, base_url="http://console.test"):
        self.http = TestClient(app, base_url=base_url, follow_redirects=False)

    def get(self, path, **more):
        return self.http.get(path, **more)

    def token(self, page="/login"):
        found = CSRF.search(self.get(page).text)
        return found[1] if found else CSRF.search(self.get("/account").text)[1]

    def post(self, path, *, page="/login", headers=None, **fields):
        return self.http.post(path, data={"csrf": self.token(page), **fields}, headers=headers)

    def sign_in(self, name, password=PASSWORD, **more):
        return self.post("/login", name=name, password=password, **more)


def axe_script() -> str:
    """Return the source of axe-core."""
    package = pytest.importorskip("axe_playwright_python", reason="axe is not installed")
    return next(Path(package.__file__).parent.rglob("axe.min.js")).read_text("utf-8")
