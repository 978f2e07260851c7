"""The ledger in the console: a preview that stores nothing, faults at their cells, all rows or none."""

from __future__ import annotations

import io
import re

import pytest
from openpyxl import Workbook
from sqlalchemy import select

from collector.store import schema
from collector.store.archive import StoreArchive
from console.pages.ledger.faults import said_in
from verifier.ledger_rules import read_ledger

HEADS = "日期,类型,金额（元）,收款方,合同编号,发票号码,用途,凭证\n"
GOOD = (
    "2026-03-01,付款,1234.56,示例云,C-1,00123456,云服务,票据.pdf\n2026-03-02,合同,5000,示例云,C-1,,云服务,\n"
)
BAD = '2026-03-01,付款,"1,234",示例云,C-1,00123456,云服务,\n2026-13-02,合同,5000,示例云,C-1,,云盘,\n'
DRAFT = re.compile(r'name="draft" value="([^"]+)"')


def _entries(console):
    return read_ledger(StoreArchive(console.store).ledger()).entries


def _trail(console):
    with console.store.reading() as connection:
        rows = connection.execute(select(schema.audit_trail).order_by(schema.audit_trail.c.id))
        return [(row.actor, row.action) for row in rows]


def _look(browser, text, *documents, name="台账.csv"):
    data = text if isinstance(text, bytes) else text.encode()
    files = [("table", (name, data)), *(("documents", one) for one in documents)]
    return browser.http.post("/ledger/import", data={"csrf": browser.token("/account")}, files=files)


def test_a_table_is_previewed_and_stored_only_when_it_is_confirmed(console, administrator):
    seen = _look(administrator, HEADS + GOOD, ("票据.pdf", b"%PDF"))
    assert seen.status_code == 200
    assert "2 行都没有问题" in seen.text
    assert _entries(console) == ()
    draft = DRAFT.search(seen.text)[1]
    assert administrator.post("/ledger/confirm", page="/account", draft=draft).status_code == 303
    assert [entry.amount for entry in _entries(console)] == [123_456, 500_000]
    assert ("admin", "LEDGER_ADDED") in _trail(console)
    assert administrator.get("/ledger/1/document").content == b"%PDF"
    # Sent twice is stored once.
    again = administrator.post("/ledger/confirm", page="/account", draft=draft)
    assert again.status_code == 422
    assert len(_entries(console)) == 2


def test_every_fault_stands_at_its_cell_in_the_language_of_the_page_and_nothing_is_stored(
    console, administrator
):
    seen = _look(administrator, HEADS + BAD)
    assert seen.status_code == 422
    assert not DRAFT.search(seen.text)
    wrong = re.findall(
        r'<td class="wrong"><span lang="zh-CN">(.*?)</span><span class="wrong-why">✗ (.*?)</span>', seen.text
    )
    assert [cell for cell, _ in wrong] == ["1,234", "2026-13-02", "云盘"]
    assert "不是金额" in wrong[0][1]
    assert "请填：云服务、" in wrong[2][1]
    administrator.post("/language", page="/account", language="en", next="/")
    assert "is no amount; write digits" in _look(administrator, HEADS + BAD).text
    assert _entries(console) == ()


def test_a_document_that_was_not_sent_along_is_a_fault_of_its_cell(administrator):
    assert "没有一并上传文件" in _look(administrator, HEADS + GOOD).text


def test_a_workbook_is_read_too_and_a_file_of_another_kind_is_refused_in_words(console, administrator):
    book, out = Workbook(), io.BytesIO()
    book.worksheets[0].append(HEADS.strip().split(","))
    book.worksheets[0].append(["2026-03-02", "合同", 5000, "示例云", "C-1", None, "云服务", None])
    book.save(out)
    assert "1 行都没有问题" in _look(administrator, out.getvalue(), name="台账.xlsx").text
    refused = _look(administrator, b"\xd0\xcf\x11\xe0", name="台账.xls")
    assert (refused.status_code, "不是 .csv 或 .xlsx" in refused.text) == (422, True)
    assert _look(administrator, b"PK\x03\x04 broken", name="台账.xlsx").status_code == 422
    nothing = administrator.post("/ledger/import", page="/account")
    assert (nothing.status_code, "请选择一个表格文件" in nothing.text) == (422, True)


def test_a_preview_that_no_longer_fits_when_it_is_confirmed_is_shown_again(console, administrator):
    contract = HEADS + GOOD.splitlines()[1]
    first, second = (DRAFT.search(_look(administrator, contract).text)[1] for _ in range(2))
    assert administrator.post("/ledger/confirm", page="/account", draft=first).status_code == 303
    late = administrator.post("/ledger/confirm", page="/account", draft=second)
    assert late.status_code == 422
    assert "与第 1 条记录完全相同" in late.text
    assert len(_entries(console)) == 1


def test_an_entry_is_cancelled_with_a_reason_and_only_once(console, administrator):
    seen = _look(administrator, HEADS + GOOD.splitlines()[1])
    administrator.post("/ledger/confirm", page="/account", draft=DRAFT.search(seen.text)[1])
    silent = administrator.post("/ledger/1/cancel", page="/account", note="")
    assert (silent.status_code, "请写明冲销的原因" in silent.text) == (422, True)
    assert administrator.post("/ledger/1/cancel", page="/account", note="录错").status_code == 303
    assert [entry.cancels for entry in _entries(console)] == [0, 1]
    assert 'class="gone"' in administrator.get("/ledger").text
    twice = administrator.post("/ledger/1/cancel", page="/account", note="再来")
    assert (twice.status_code, "第 1 条已被第 2 条冲销" in twice.text) == (422, True)
    assert administrator.post("/ledger/99/cancel", page="/account", note="没有").status_code == 422


def test_somebody_elses_preview_cannot_be_confirmed(console):
    name = console.drafts.keep("a preview", owner="li")
    assert console.drafts.take(name, owner="wang") is None
    assert console.drafts.take(name, owner="li") == "a preview"


def test_an_old_preview_is_gone(console, clock):
    name = console.drafts.keep("a preview", owner="li")
    clock.now_ms += 2 * 3_600_000
    assert console.drafts.take(name, owner="li") is None


@pytest.mark.parametrize("ending", ["xlsx", "csv"])
def test_the_template_can_be_imported_once_it_is_filled_in(administrator, ending):
    answer = administrator.get(f"/ledger/template.{ending}")
    assert answer.headers["content-disposition"].startswith("attachment; ")
    assert "没有数据行" in _look(administrator, answer.content, name=f"台账.{ending}").text
    assert administrator.get("/ledger/template.exe").status_code == 404


def test_a_fault_without_chinese_words_is_shown_as_it_is():
    assert said_in("something new", "zh") == "something new"
