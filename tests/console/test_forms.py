"""Forms with boxes and files, as pages with uploads will have them: bounded before anything is kept."""

from __future__ import annotations

import pytest
from console_world import Browser
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

from console.access.roles import Need
from console.guard import guarded
from console.page import Page
from console.pages import TABLE

LIMIT = 100_000


@pytest.fixture
def uploader(console, administrator):
    def take(visit):
        file = visit.files["table"]
        return JSONResponse(
            {"rows": visit.many["row"], "name": file.filename, "bytes": len(file.file.read())}
        )

    page = Page("/take", take, needs=Need.OPERATE, methods=("POST",), most_bytes=LIMIT, files=1)
    account = next(one for one in TABLE if one.path == "/account")
    app = Starlette(
        routes=[
            Route(page.path, guarded(page, console), methods=["POST"]),
            Route("/account", guarded(account, console)),
        ]
    )
    browser = Browser(app)
    browser.http.cookies.update(administrator.http.cookies)
    return browser


def test_a_form_brings_its_boxes_and_its_file(uploader):
    data = {"csrf": uploader.token("/account"), "row": ["1", "2"]}
    answer = uploader.http.post("/take", data=data, files={"table": ("台账.csv", b"a,b\n" * 10)})
    assert answer.json() == {"rows": ["1", "2"], "name": "台账.csv", "bytes": 40}


def test_more_files_or_more_bytes_than_the_page_takes_are_refused(uploader):
    data = {"csrf": uploader.token("/account"), "row": ["1"]}
    two = [("table", ("a", b"1")), ("table", ("b", b"2"))]
    assert uploader.http.post("/take", data=data, files=two).status_code == 400
    big = {"table": ("a", b"x" * LIMIT)}
    assert uploader.http.post("/take", data=data, files=big).status_code == 413


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("multipart/form-data", b"x"),
        ("multipart/form-data; boundary=b", b"--b\r\nbroken"),
        ("multipart/form-data; boundary=" + "b" * 5_000, b"--b"),
        ("application/x-www-form-urlencoded", b"a=1&" * 300),
        ("application/json", b"{}"),
        ("application/x-www-form-urlencoded", b"csrf=\xff\xfe%00%ff"),
    ],
)
def test_a_body_that_is_no_form_of_ours_is_refused_without_a_fault(uploader, kind, body):
    assert uploader.http.post("/take", content=body, headers={"content-type": kind}).status_code in (400, 403)
