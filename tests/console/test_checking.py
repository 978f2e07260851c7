"""The reviewer's page: packs that are uploaded, checked in a process of their own, and gone afterwards."""

from __future__ import annotations

import io
import json
import os
import re
import sys
import time
import zipfile
from pathlib import Path

import pytest
from console_world import CSRF, PASSWORD, Browser
from packs import LOG_KEY, PACK, SCOPED_PACK, mailbox_of

from console import guard
from console.access.roles import Role
from console.app import application
from console.checking import checks as checking
from console.checking.checks import KEPT_MS, MOST_KEPT, BusyError, Checks, State
from console.checking.order import MOST_PACK_BYTES, Order, read_order, read_result
from console.checking.worker import answered, checked
from verifier.anchors.interface import Outside

KEY = LOG_KEY.public.raw.hex()
PATIENCE_S = 30
AFTER_MS = 1_796_054_400_000 + 86_400_000
"""A day after the pack was made."""


def _upload(browser, data=PACK, *, name="2026-11.zip", more=None, **fields):
    files = [("pack", (name, data)), *(more or ())]
    token = CSRF.search(browser.get("/evidence/verify").text)[1]
    return browser.http.post("/evidence/verify", data={"csrf": token, **fields}, files=files)


def _over(browser, path):
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        text = browser.get(path).text
        if "data-poll" not in text:
            return text
        time.sleep(0.05)
    raise AssertionError("the check never ended")


@pytest.fixture
def reviewer(console, clock):
    clock.now_ms = AFTER_MS
    console.accounts.add(
        name="reviewer-a", role=Role.REVIEWER.value, password=PASSWORD, actor="test", now_ms=console.clock()
    )
    browser = Browser(application(console))
    assert browser.sign_in("reviewer-a").status_code == 303
    yield browser
    console.checks.close()


def test_a_pack_is_uploaded_checked_read_and_deleted(console, reviewer):
    """The whole way of a reviewer; what the check said is what the verifier says of the same bytes."""
    mail = [raw for _, raw in mailbox_of(SCOPED_PACK).mail]
    messages = [("mail", (f"{number}.eml", raw)) for number, raw in enumerate(mail)]
    answer = _upload(reviewer, SCOPED_PACK, log_key=KEY.upper(), more=messages)
    assert answer.status_code == 303
    path = answer.headers["location"]
    text = _over(reviewer, path)
    (check,) = console.checks.of(1)
    report = checked(io.BytesIO(SCOPED_PACK), Order(KEY, mail=mail, now_ms=AFTER_MS))
    assert json.loads(check.result.document)["findings"] == report.document()["findings"]
    assert check.result.view["headline"][0] in text
    assert check.result.view["outcome"] == report.outcome == "pass"
    page = reviewer.get(f"{path}/page")
    assert page.text == check.result.pages["zh"]
    assert "sandbox" in page.headers["content-security-policy"]
    assert "unsafe" not in page.headers["content-security-policy"]
    told = reviewer.get(f"{path}/document")
    assert told.json()["verdict"] == "pass"
    assert "attachment" in told.headers["content-disposition"]
    assert "2026-11.zip" in reviewer.get("/evidence/verify").text
    assert reviewer.post(f"{path}/remove", page=path).status_code == 303
    assert reviewer.get(path).status_code == 404
    assert console.checks.of(1) == []


def test_a_tampered_pack_fails_and_says_where(reviewer):
    at = PACK.index(b"starproof.scope") if b"starproof.scope" in PACK else len(PACK) // 2
    bent = bytearray(PACK)
    bent[at] ^= 1
    path = _upload(reviewer, bytes(bent), log_key=KEY).headers["location"]
    text = _over(reviewer, path)
    assert 'class="card outcome fail"' in text
    assert re.search(r'<span class="quiet mono">[A-Z_]+</span>', text)


def test_nobody_sees_the_check_of_somebody_else(console, reviewer):
    path = _upload(reviewer).headers["location"]
    console.accounts.add(
        name="reviewer-b", role=Role.REVIEWER.value, password=PASSWORD, actor="test", now_ms=console.clock()
    )
    other = Browser(application(console))
    other.sign_in("reviewer-b")
    for part in ("", "/page", "/document"):
        assert other.get(path + part).status_code == 404
    other.post(f"{path}/remove", page="/evidence/verify")
    assert "data-poll" in reviewer.get(path).text or "outcome" in reviewer.get(path).text


def _zip(data, *, method=zipfile.ZIP_DEFLATED):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as file:
        file.writestr("bomb", data)
    return stream.getvalue()


@pytest.mark.parametrize(
    ("data", "fields", "words"),
    [
        (_zip(bytes(10_000_000)), {}, "内容是压缩的"),
        (b"<html>", {}, "这不是证据包"),
        (b"", {}, "这不是证据包"),
        (b"PK\x03\x04", {}, "这不是证据包"),
        (PACK, {"log_key": "12ab"}, "64 位十六进制"),
        (PACK, {"log_key": "00" * 32}, "64 位十六进制"),
        (PACK, {"codes": "17=AAAAA"}, "短码无法识别"),
        (PACK, {"codes": "nonsense"}, "短码无法识别"),
        (PACK, {"codes": "1\n" * 101}, "短码太多"),
    ],
)
def test_what_is_certainly_no_pack_or_no_key_is_refused_in_a_sentence(console, reviewer, data, fields, words):
    answer = _upload(reviewer, data, **fields)
    assert answer.status_code == 422
    assert words in answer.text
    assert console.checks.of(1) == []


def test_files_beside_the_pack_are_bounded_and_looked_at(reviewer):
    answer = _upload(reviewer, more=[("mail", (name, bytes(3 * 1024 * 1024))) for name in "ab"])
    assert (answer.status_code, "附带的文件太大" in answer.text) == (422, True)
    answer = _upload(reviewer, more=[("mail", ("all.mbox", b"From a\n\n\nFrom b\n\n"))])
    assert (answer.status_code, "请逐封导出为 .eml" in answer.text) == (422, True)
    answer = _upload(reviewer, more=[("roots", ("root.pem", b"no certificate"))])
    assert (answer.status_code, "根证书无法使用" in answer.text) == (422, True)
    token = reviewer.token("/evidence/verify")
    answer = reviewer.http.post("/evidence/verify", headers={"x-csrf": token}, files={"mail": ("a.eml", b"")})
    assert (answer.status_code, "请选择一个证据包文件" in answer.text) == (422, True)


def test_a_stored_bomb_of_entries_is_refused_by_the_check_without_unpacking(reviewer):
    """A ZIP whose first entry is stored and whose others are not: its structure is judged, nothing is unpacked."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as file:
        file.writestr("a", b"stored")
        file.writestr("b", bytes(50_000_000), zipfile.ZIP_DEFLATED)
    text = _over(reviewer, _upload(reviewer, stream.getvalue()).headers["location"])
    assert 'class="card outcome fail"' in text
    assert "CONTAINER" in text


def test_an_upload_beyond_the_limit_is_refused_before_it_is_read(reviewer):
    token = reviewer.token("/evidence/verify")
    most = MOST_PACK_BYTES + 64 * 1024 * 1024
    answer = reviewer.http.post(
        "/evidence/verify", content=b"x", headers={"content-length": str(most), "x-csrf": token}
    )
    assert answer.status_code == 413
    assert "内容太大" in answer.text


def test_too_little_room_and_too_many_uploads_are_said(console, reviewer, monkeypatch):
    for _ in range(2):
        console.uploads.acquire()
    assert "已有大文件正在上传" in _upload(reviewer).text
    console.uploads.release()
    monkeypatch.setattr(guard, "SPARE_BYTES", 2**62)
    answer = _upload(reviewer)
    assert (answer.status_code, "临时磁盘空间不足" in answer.text) == (507, True)
    monkeypatch.undo()
    assert _upload(reviewer).status_code == 303
    console.uploads.release()


@pytest.fixture
def pack(tmp_path):
    path = tmp_path / "pack.zip"
    path.write_bytes(PACK)
    return path


def _wait(check):
    end = time.monotonic() + PATIENCE_S
    while check.state is State.RUNNING and time.monotonic() < end:
        time.sleep(0.02)


def test_nothing_of_an_upload_stays_on_the_disk_or_open(clock, events, pack, tmp_path, monkeypatch):
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    before = len(os.listdir("/proc/self/fd"))
    found = Checks(clock=clock, log=events)
    with pack.open("rb") as file:
        check = found.begin(file, Order(KEY), owner=1, name="p")
    assert list(folder.iterdir()) == []
    _wait(check)
    found.close()
    assert (check.state, check.share, check.read > 0) == (State.DONE, 100, True)
    assert list(folder.iterdir()) == []
    assert len(os.listdir("/proc/self/fd")) == before
    assert events.lines[-1]["event"] == "pack_checked"


def test_a_check_that_takes_too_long_is_ended(clock, events, pack):
    found = Checks(clock=clock, log=events, most_s=0.01)
    with pack.open("rb") as file:
        check = found.begin(file, Order(), owner=1, name="p")
    found.close()
    assert check.state in (State.LONG, State.BROKEN)
    assert check.result is None


def test_a_worker_that_ends_badly_leaves_no_outcome(clock, events, pack, monkeypatch):
    monkeypatch.setattr(checking, "WORKER", "console.no_such_module")
    found = Checks(clock=clock, log=events)
    with pack.open("rb") as file:
        check = found.begin(file, Order(), owner=1, name="p")
    _wait(check)
    found.close()
    assert (check.state, check.result) == (State.BROKEN, None)


def test_only_so_many_run_and_old_results_are_forgotten(clock, events, pack, monkeypatch):
    """With a worker that waits for its order: none of these checks has to read a pack."""
    monkeypatch.setattr(checking, "MOST_AT_ONCE", MOST_KEPT + 3)
    monkeypatch.setattr(checking, "WORKER", "console.no_such_module")
    found = Checks(clock=clock, log=events)
    with pack.open("rb") as file:
        mine = [found.begin(file, Order(), owner=1, name=f"{n}") for n in range(MOST_KEPT + 2)]
        for one in mine:
            _wait(one)
        assert [one.name for one in found.of(1)] == [str(n) for n in reversed(range(2, MOST_KEPT + 2))]
        clock.now_ms += KEPT_MS + 1
        assert found.of(1) == []
        monkeypatch.setattr(checking, "MOST_AT_ONCE", 0)
        with pytest.raises(BusyError):
            found.begin(file, Order(), owner=1, name="late")
    found.close()


def test_the_service_ends_running_checks_when_it_ends(clock, events, pack):
    found = Checks(clock=clock, log=events)
    with pack.open("rb") as file:
        check = found.begin(file, Order(KEY), owner=1, name="p")
    found.close()
    assert check.process.poll() is not None
    assert check.state is not State.RUNNING


def test_workers_get_no_secret_of_the_services_environment(monkeypatch):
    monkeypatch.setenv("STARPROOF_TOKEN", "secret")
    assert "STARPROOF_TOKEN" not in checking._environment(os.environ)
    assert "PATH" in checking._environment(os.environ)


def test_orders_and_results_come_back_as_they_were():
    order = Order(KEY, [(17, "CODE", None)], [b"root"], [b"mail"], AFTER_MS)
    assert read_order(order.line()) == order
    result = answered(checked(io.BytesIO(PACK), Order()))
    assert read_result(result.line()).pages == result.pages
    for wrong in (b"", b"{}", b"[]", b"1"):
        with pytest.raises(ValueError, match=r"."):
            read_result(wrong)


def test_outside_is_what_the_order_brings_and_nothing_else():
    """Without anything brought along no anchor is confirmed, whatever the pack says."""
    report = checked(io.BytesIO(PACK), Order(KEY))
    assert report.outcome == "incomplete"
    assert Outside().mail == ()


def test_the_worker_is_bounded_before_it_reads_anything():
    text = Path(sys.modules["console.checking.worker"].__file__).read_text("utf-8")
    body = text.partition("def main")[2]
    assert body.index("bound()") < body.index("read_order(") < body.index("fdopen(pack")
