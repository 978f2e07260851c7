"""Settings: tokens that enrol, tokens for programs, copies of the store. Each is shown once and noted."""

from __future__ import annotations

import json
import re
import shlex
import sqlite3
import time
from contextlib import closing
from dataclasses import replace

import pytest
from console_world import NOW, Browser
from processes import starproof
from sqlalchemy import select

from collector.store import one_time_tokens, registry, schema
from collector.tokens import digest
from config import EXAMPLES
from console.app import application
from console.pages.settings.hosts import _powershell
from console.work.jobs import DONE

COMMAND = re.compile(r'<pre id="command-(\d)" tabindex="0">(.*?)</pre>', re.DOTALL)


def _trail(console):
    with console.store.reading() as connection:
        return [(row.actor, row.action) for row in connection.execute(select(schema.audit_trail))]


def _unescaped(text):
    return text.replace("&#39;", "'").replace("&#34;", '"').replace("&amp;", "&")


def test_a_token_is_shown_once_in_commands_that_can_be_pasted_and_kept_as_its_hash(console, administrator):
    answer = administrator.post("/settings/tokens", page="/account", host="主机 'a'")
    shown = {int(number): _unescaped(text) for number, text in COMMAND.findall(answer.text)}
    words = shlex.split(shown[2])
    token = words[1]
    assert words[2:] == [
        "|",
        "starproof-agent",
        "enroll",
        "--collector",
        "http://console.test",
        "--token-file",
        "-",
        "--name",
        "主机 'a'",
    ]
    assert "sudo sh install.sh --name" in shown[1]
    assert f"Set-Content token.txt '{token}'; " in shown[3]
    assert "-Name '主机 ''a'''" in shown[3]
    with console.store.reading() as connection:
        assert registry.find_token(connection, digest(token)).host == "主机 'a'"
        unused = one_time_tokens.unused(connection, now_ms=NOW)
    assert ("admin", "TOKEN") in _trail(console)
    later = administrator.get("/settings").text
    assert token not in later
    assert administrator.post(f"/settings/tokens/{unused[0].sha256}/end", page="/account").status_code == 303
    assert ("admin", "TOKEN_ENDED") in _trail(console)
    assert administrator.post(f"/settings/tokens/{unused[0].sha256}/end", page="/account").status_code == 404
    assert administrator.post("/settings/tokens/x/end", page="/account").status_code == 404
    assert administrator.post("/settings/tokens", page="/account", host="x" * 200).status_code == 422


def test_a_name_ends_no_quotes_of_powershell():
    assert _powershell("a'; rm -r ‘b’") == "'a''; rm -r ‘‘b’’'"


@pytest.mark.parametrize(
    ("host", "shown"),
    [
        ("star.lan:8440", "http://star.lan:8440"),
        ("bad host", "http://console.test"),
        ("a;b", "http://console.test"),
    ],
)
def test_the_command_names_the_address_by_which_the_page_was_opened_unless_it_is_none(
    console, administrator, host, shown
):
    answer = administrator.http.get("/settings", headers={"host": host})
    assert f"--collector {shown} " in answer.text


def test_a_copy_of_the_running_store_is_whole_and_only_administrators_take_it(
    console, administrator, tmp_path
):
    assert administrator.post("/settings/backup", page="/account").status_code == 303
    while (job := console.jobs.of("backup")[0]).open:
        time.sleep(0.02)
    assert job.state == DONE, job.message
    assert {("admin", "BACKUP_BEGUN")} <= set(_trail(console))
    answer = administrator.get(f"/settings/backup/{job.number}/{job.files[0].name}")
    assert answer.headers["content-disposition"].startswith("attachment; ")
    copied = tmp_path / "copy.db"
    copied.write_bytes(answer.content)
    with closing(sqlite3.connect(copied)) as connection:
        assert connection.execute("SELECT value FROM meta WHERE key = 'enterprise'").fetchone()[0]
        assert connection.execute("SELECT count(*) FROM person").fetchone() == (1,)
    assert ("admin", "BACKUP_TAKEN") in _trail(console)
    assert job.files[0].name in administrator.get("/settings/backup").text
    nobody = Browser(application(console))
    assert nobody.get(f"/settings/backup/{job.number}/{job.files[0].name}").status_code == 303


def test_the_page_says_how_a_copy_is_put_back(administrator):
    text = administrator.get("/settings/backup").text
    assert "starproof db restore starproof-COPY.db --db sqlite:///" in text


def test_sources_are_tried_and_read_in_the_background_without_a_secret_on_the_page(
    console, administrator, tmp_path, monkeypatch
):
    monkeypatch.setenv("PROM_TOKEN", "hunter2-hunter2")
    file = tmp_path / "sources.toml"
    object.__setattr__(console, "settings", replace(console.settings, sources=str(file)))
    assert "还没有配置数据源" in administrator.get("/sources").text
    file.write_text(
        '[[sources]]\nalias = "main"\nprovider = "prometheus"\n[sources.settings]\n'
        'url = "http://127.0.0.1:1"\nbearer = "env:PROM_TOKEN"\n',
        encoding="utf-8",
    )
    assert administrator.post("/sources/main/test", page="/account").status_code == 303
    assert administrator.post("/sources/main/backfill", page="/account").status_code == 303
    assert administrator.post("/sources/other/test", page="/account").status_code == 404
    kinds = ("source-test", "source-backfill")
    end = time.monotonic() + 60
    while any(job.open for job in console.jobs.of(*kinds)) and time.monotonic() < end:
        time.sleep(0.1)
    states = {job.kind: (job.state, job.facts.get("ok")) for job in console.jobs.of(*kinds)}
    assert states["source-backfill"] == ("done", False)  # nobody answers there, and that is what it tells
    assert states["source-test"] in (("done", False), ("failed", None))
    shown = administrator.get("/sources").text
    assert "没有全部读完" in shown
    assert "hunter2" not in shown + json.dumps([dict(job.facts) for job in console.jobs.of(*kinds)])
    assert "PROM_TOKEN" not in shown
    assert {("admin", "SOURCE_TEST"), ("admin", "SOURCE_BACKFILL")} <= set(_trail(console))
    file.write_text("[[sources]]\n", encoding="utf-8")
    assert "有一个账号的配置不能使用" in administrator.get("/sources").text
    file.write_text("no toml", encoding="utf-8")
    assert "数据源文件无法读取" in administrator.get("/sources").text


def test_accounts_of_a_month_are_counted_by_day_with_who_is_left_out(console, administrator, tmp_path):
    key, file = tmp_path / "account.key", tmp_path / "accounts.csv"
    starproof("account-key", "--out", key)
    file.write_text(
        "account,day\nwang,2026-10-01\nli,2026-10-01\nwang,2026-10-02\nrobot,2026-10-02\n", encoding="utf-8"
    )
    db = console.store.engine.url.render_as_string(hide_password=False)
    starproof("scope", "declare", EXAMPLES / "month" / "scope.toml", "--db", db)
    starproof("accounts", "import", file, "--key", f"file:{key}", "--alias", "portal", "--exclude", "robot",
              "--from", "2026-10-01", "--to", "2026-10-31", "--db", db)  # fmt: skip
    shown = administrator.get("/users", params={"month": "2026-10"}).text
    assert "portal/accounts" in shown
    assert "robot" in shown
    assert re.search(r'2026-10-01</th><td class="num"[^>]*>2<', shown)
    assert re.search(r'2026-10-02</th><td class="num"[^>]*>1<', shown)
    assert "这个月没有账号数据" in administrator.get("/users", params={"month": "2026-09"}).text
