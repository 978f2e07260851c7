"""Every route with every role, generated from the table of pages: who may, who may not, and how it is said."""

from __future__ import annotations

import re

import pytest
from console_examples import STREAMS, address
from console_world import CSRF

from console.access.roles import ALLOWED, Need, Role, may
from console.pages import TABLE

ROLES = [None, *Role]
ROUTES = [(page, method) for page in TABLE for method in page.methods]


def _name(value):
    return getattr(value, "path", None) or getattr(value, "value", None) or str(value)


def _who(role):
    return role.value if role else "nobody"


@pytest.mark.parametrize("role", ROLES, ids=_who)
def test_a_route_answers_those_roles_that_it_declares_and_no_other(signed_in, role):
    """The guard decides before the page: a role that may not, and a form without a token, never reach it."""
    browser = signed_in(role)
    for page, method in ROUTES:
        if page.path in STREAMS and may(role, page.needs):
            continue
        answer = browser.http.request(method, address(page))
        case = f"{method} {page.path} for {_who(role)}: {answer.status_code}"
        if may(role, page.needs):
            # Allowed: a page is shown, a form is refused for want of its token and for nothing else.
            expected = (200, 303, 404) if method == "GET" else (403,)
            assert answer.status_code in expected, case
            if method == "POST":
                assert "error.csrf" in _said(answer), case
        elif role is None and method == "GET":
            assert answer.status_code == 303, case
            assert answer.headers["location"].startswith("/login?next=%2F"), case
        elif role is None:
            assert answer.status_code == 401, case
        else:
            assert (answer.status_code, _said(answer)) == (403, {"error.role"}), case


def _said(answer):
    from console.words import COMMON

    return {
        key
        for key, (zh, _) in COMMON.items()
        if key.startswith("error.") and zh in answer.text and key not in {"error.title", "error.home"}
    }


def test_only_the_door_is_open_to_everybody():
    assert {page.path for page in TABLE if page.needs is Need.NOTHING} == {
        "/login",
        "/login/oidc",
        "/login/oidc/back",
        "/setup",
        "/language",
    }


def test_whatever_changes_something_is_sent_by_a_form_and_needs_more_than_looking():
    for page in TABLE:
        assert set(page.methods) in ({"GET"}, {"POST"}), page.path
        if "POST" in page.methods and page.path not in (
            "/login",
            "/setup",
            "/language",
            "/logout",
            "/account/password",
            # Somebody's own check of a pack: nothing of the enterprise changes.
            "/evidence/verify",
            "/evidence/checks/{check}/remove",
        ):
            assert Role.VIEWER not in ALLOWED[page.needs], page.path
            assert Role.REVIEWER not in ALLOWED[page.needs], page.path


def test_the_navigation_shows_what_the_role_may_open(signed_in):
    shown = {
        role: set(re.findall(r'<li><a href="([^"]+)"', signed_in(role).get("/account").text)) for role in Role
    }
    assert shown[Role.REVIEWER].isdisjoint({"/", "/hosts", "/people"})
    assert shown[Role.VIEWER] >= {"/", "/hosts"}
    assert "/people" not in shown[Role.OPERATOR]
    assert "/people" in shown[Role.ADMINISTRATOR]


@pytest.mark.parametrize("path", ["/", "/login", "/static/x/console.css", "/no/such/page", "/hosts/1"])
def test_every_answer_forbids_foreign_scripts_frames_and_guessing(signed_in, path):
    headers = signed_in(Role.VIEWER).get(path).headers
    assert headers["x-content-type-options"] == "nosniff"
    if not path.startswith("/static"):
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert headers["cache-control"] == "no-store"


def test_no_page_has_script_or_style_inside(signed_in):
    """The policy would block them: a page that needs them would be broken."""
    browser = signed_in(Role.ADMINISTRATOR)
    for page, method in ROUTES:
        if method == "GET" and page.path not in STREAMS and not page.path.endswith(".svg") and page.is_page:
            text = browser.get(address(page)).text
            assert not re.search(r"<script(?! src=)|<style| style=| on[a-z]+=", text), page.path


@pytest.mark.parametrize(
    "path",
    ["/static/x/../console.css", "/static/x/..%2f..%2fapp.py", "/static/x/app.py", "/static/x/%2e%2e%2f%2e%2e%2fapp.py", "/hosts/../../etc/passwd", "/hosts/1e9", "/hosts/99999999999999999999", "/hosts/1/..%2f..%2fapp.svg"],
)  # fmt: skip
def test_paths_that_lead_out_lead_nowhere(signed_in, path):
    assert signed_in(Role.ADMINISTRATOR).get(path).status_code == 404


def test_pages_are_light(signed_in):
    from console.rendering import ASSETS, STATIC

    page = signed_in(Role.VIEWER).get("/?month=2026-10")
    weight = len(page.content) + sum((STATIC / name).stat().st_size for name in ASSETS)
    assert weight < 300 * 1024
    assert (STATIC / "console.css").stat().st_size <= 30 * 1024
    assert (STATIC / "console.js").stat().st_size <= 10 * 1024
    assert CSRF.search(page.text)
