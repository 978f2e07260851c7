"""The audit trail says in words what was done, and whether a person, a host or a program did it."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from console_world import NOW, PASSWORD

import collector
import console
import declaring
import starproof
from collector.store import findings, registry, trail
from collector.store.people import add
from console.access.accounts import AccountError
from console.access.roles import Role
from console.language import merged
from console.pages import WORDS
from console.words import COMMON

SHA256 = "ab" * 32
TOLD = {
    ("EDITION_KEPT", f"jiangsu-2026 sha256 {SHA256}"): f"版本 jiangsu-2026，文件 SHA-256 {SHA256}",
    ("EDITION_LOGGED", f"sha256 {SHA256}"): f"文件 SHA-256 {SHA256}",
    ("ENROLLED", "web 1 epoch 0 key 0f"): "主机 web 1，密钥代次 0，密钥 0f",
    ("IDENTITY", "某 公司 Asia/Shanghai"): "企业 某 公司，时区 Asia/Shanghai",
    ("IMPORT", f"a.csv sha256 {SHA256}: 3 of 4 rows kept"): f"文件 a.csv：4 行中保留 3 行，SHA-256 {SHA256}",
    ("KEY_BREAK", "key 0f was enrolled without a signature of the key before, 0e"): "密钥 0f 没有经前一把密钥 0e 签名",
    ("LEDGER_ADDED", "2 entries from sha256 none"): "2 条，不是来自文件",
    ("LEDGER_ADDED", f"2 entries from sha256 {SHA256}"): f"2 条，来自文件 SHA-256 {SHA256}",
    ("MONTH_CLOSED", "2026-10 leaf 7"): "2026-10，日志第 7 条",
    ("MONTH_DROPPED", f"2026-10 5 chunks 9 bytes, pack a b.zip SHA-256 {SHA256}"):
        f"2026-10：5 个数据块、9 字节已移出，保存在证据包 a b.zip，SHA-256 {SHA256}",
    ("PACK_BEGUN", "2026-10 job 3"): "2026-10，任务 3",
    ("PERSON_ADDED", "li viewer"): "账户 li，查看者",
    ("PERSON_ADDED", "li viewer, https://id.example 7"): "账户 li，查看者，统一身份 https://id.example 7",
    ("PERSON_ROLE", "li viewer -> operator"): "账户 li：查看者 → 操作员",
    ("SCOPE_DECLARED", f"version 2 sha256 {SHA256}"): f"第 2 版，文件 SHA-256 {SHA256}",
    ("SIGN_IN", "oidc"): "经统一身份认证",
    ("SIGN_IN_REFUSED", "li, https://id.example 7: no role"): "li（https://id.example 7）：没有角色",
    ("SPOOL_IMPORTED", "web-1 agent: 3 stored"): "主机 web-1，来源 agent，数据块 3 stored",
    ("TOKEN_MADE", "bi: figures hosts, 30 d"): "bi：范围 figures hosts，30 天",
    ("TOKEN_MADE", "of another form"): "of another form",
}  # fmt: skip


def _written():
    """Return every action that a call of ``note`` names, wherever in the code."""
    found = set()
    for package in (collector, console, declaring, starproof):
        for file in Path(package.__file__).parent.rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text("utf-8"))):
                if isinstance(node, ast.Call) and "note" in (
                    getattr(node.func, "attr", ""), getattr(node.func, "id", "")
                ):  # fmt: skip
                    said = [one.value for one in node.keywords if one.arg == "action"] or node.args[1:2]
                    for one in (part for value in said for part in ast.walk(value)):
                        if isinstance(one, ast.Constant):
                            found.add(one.value)
                        elif isinstance(one, ast.Attribute) and one.attr == "KEY_BREAK":
                            found.add(findings.KEY_BREAK)
    return {one for one in found if isinstance(one, str) and one.isupper()}


def test_every_action_that_is_written_anywhere_has_words_and_no_other_has():
    words = merged((COMMON, *WORDS))
    written = _written()
    assert len(written) > 25
    assert written == {key.removeprefix("trail.did.") for key in words if key.startswith("trail.did.")}


def test_details_are_told_in_chinese_with_their_data(console, administrator):
    with console.store.writing() as connection:
        for action, detail in TOLD:
            registry.note(connection, now_ms=NOW, actor="collector", action=action, detail=detail)
    shown = administrator.get("/settings/trail").text
    for words in TOLD.values():
        assert f'<span class="small">{words}</span>' in shown


def test_the_trail_says_whether_a_person_a_host_or_a_program_did_it(console, administrator):
    with console.store.writing() as connection:
        add(connection, name="web-1", role="viewer", password="x", now_ms=NOW)
        for actor, action in (("web-1", "ENROLLED"), ("web-1", "SIGN_IN"), ("operator", "TOKEN")):
            registry.note(connection, now_ms=NOW, actor=actor, action=action, detail="")
    with console.store.reading() as connection:
        rows = trail.entries(connection, trail.Sought(), most=3)
    assert [row.kind for row in rows] == [trail.PROGRAM, trail.PERSON, trail.HOST]
    shown = administrator.get("/settings/trail").text
    for words in (
        'web-1 <span class="quiet small">主机<',
        'web-1 <span class="quiet small">人<',
        "程序 · 服务器上的命令",
    ):
        assert words in shown


@pytest.mark.parametrize("name", ["collector", "OIDC", "ｏperator"])
def test_an_account_is_not_called_as_a_program_of_the_trail_is(console, administrator, name):
    with pytest.raises(AccountError, match=r"person\.reserved"):
        console.accounts.add(name=name, role=Role.VIEWER.value, password=PASSWORD, actor="admin", now_ms=NOW)
    answer = administrator.post("/people", page="/people", name=name, role="viewer", password=PASSWORD)
    assert (answer.status_code, "留给程序使用" in answer.text) == (422, True)


def test_every_program_that_acts_is_kept_from_people_and_has_words():
    acting = set()
    for file in Path(collector.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.keyword) and node.arg == "actor" and isinstance(node.value, ast.Constant):
                acting.add(node.value.value)
            elif isinstance(node, ast.arguments):
                defaults = zip(node.kwonlyargs, node.kw_defaults, strict=True)
                acting |= {d.value for a, d in defaults if a.arg == "actor" and isinstance(d, ast.Constant)}
    assert len(acting) > 1
    assert acting <= trail.PROGRAMS
    assert {f"trail.by.{name}" for name in trail.PROGRAMS} <= merged((COMMON, *WORDS)).keys()
