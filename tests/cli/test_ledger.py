"""``starproof ledger``: every error names its cell, all of a table or nothing, nothing is lost."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import tracemalloc
import zipfile
from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
from openpyxl import Workbook, load_workbook

from collector.opening import open_store
from collector.sources.interface import Bill
from collector.store import bills as store_bills
from collector.store.archive import StoreArchive
from declaring import ledger_table, workbook_bounds
from declaring.ledger_columns import COLUMNS
from declaring.ledger_table import SHEET
from starproof.commands import ledger as command
from verifier.errors import LedgerError
from verifier.ledger_rules import read_ledger

pytestmark = pytest.mark.both_stores

NOW = 1_796_000_000_000
TITLES = [column.title for column in COLUMNS]
LETTERS = {column.key: chr(ord("A") + index) for index, column in enumerate(COLUMNS)}
PAYMENT = {
    "day": "2026-03-01", "kind": "付款", "amount_yuan": "1234.56", "payee": "示例云", "contract": "C-1",
    "invoice": "00123456789012345678", "purpose": "云服务",
}  # fmt: skip
INVOICE = {**PAYMENT, "kind": "发票"}


@pytest.fixture
def db(url: str) -> str:
    return url


def cells(row: dict[str, Any]) -> list[Any]:
    return [row.get(column.key) for column in COLUMNS]


def csv_file(
    path: Path, *rows: dict[str, Any], heads: Sequence[str] = TITLES, encoding: str = "utf-8-sig"
) -> Path:
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(heads)
    writer.writerows(cells(row) for row in rows)
    path.write_bytes(text.getvalue().encode(encoding))
    return path


def xlsx_file(path: Path, *rows: dict[str, Any], sheet: str = SHEET) -> Path:
    book = Workbook()
    page = book.worksheets[0]
    page.title = sheet
    page.append(TITLES)
    for row in rows:
        page.append(cells(row))
    book.save(path)
    return path


def run(*arguments: object) -> int:
    return command.main([str(one) for one in arguments], clock=lambda: NOW)


def kept(db: str) -> list[Any]:
    store = open_store(db).store
    try:
        return list(read_ledger(StoreArchive(store).ledger()).entries)
    finally:
        store.close()


def refused(capsys: pytest.CaptureFixture[str], path: Path, db: str, *more: object) -> list[str]:
    """The lines of a refused import; nothing was added."""
    assert run("import", path, "--db", db, *more) == 1
    lines = capsys.readouterr().err.splitlines()
    assert not Path(db.removeprefix("sqlite:///")).exists() or kept(db) == []
    return lines


def test_the_template_is_read_back_as_it_is_and_filled_in(tmp_path: Path, db: str) -> None:
    for name in ("t.xlsx", "t.csv"):
        assert run("template", "--out", tmp_path / name) == 0
    book = load_workbook(tmp_path / "t.xlsx")
    page = book[SHEET]
    assert [cell.value for cell in page[1]] == TITLES
    assert {str(one.sqref).split(":")[0] for one in page.data_validations.dataValidation} == {
        f"{LETTERS['kind']}2", f"{LETTERS['purpose']}2",
    }  # fmt: skip
    page.append(cells({**PAYMENT, "amount_yuan": 1234.56, "day": datetime(2026, 3, 1)}))  # noqa: DTZ001 - as Excel writes a day
    book.save(tmp_path / "t.xlsx")
    assert run("import", tmp_path / "t.xlsx", "--db", db) == 0
    [entry] = kept(db)
    assert (entry.amount, entry.day, entry.invoice) == (123456, "2026-03-01", PAYMENT["invoice"])


def test_an_empty_template_has_nothing_to_import(
    tmp_path: Path, db: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("t.xlsx", "t.csv"):
        run("template", "--out", tmp_path / name, "--json")
        capsys.readouterr()
        assert "it has no rows" in refused(capsys, tmp_path / name, db)[0]
    with (tmp_path / "t.csv").open(encoding="utf-8-sig", newline="") as file:
        _, *explained = csv.reader(file)
    with (tmp_path / "t.csv").open("a", encoding="utf-8", newline="") as file:
        csv.writer(file).writerow(cells(PAYMENT))
    assert all(row[0].startswith("# ") for row in explained)
    assert all(column.hint_en in english for column, english in zip(COLUMNS, explained[1], strict=True))
    assert run("import", tmp_path / "t.csv", "--db", db) == 0
    assert run("template", "--out", tmp_path / "t.ods") == 1


def test_csv_and_workbook_give_the_same_entries(tmp_path: Path) -> None:
    rows = (INVOICE, PAYMENT, {**PAYMENT, "amount_yuan": None, "amount_fen": "7", "note": "尾款"})
    found = []
    for name, made in (
        ("utf8", csv_file(tmp_path / "a.csv", *rows)),
        ("gb", csv_file(tmp_path / "b.csv", *rows, encoding="gb18030")),
        ("xlsx", xlsx_file(tmp_path / "c.xlsx", *rows)),
        ("english", csv_file(tmp_path / "d.csv", *rows, heads=[column.key for column in COLUMNS])),
    ):
        url = f"sqlite:///{tmp_path / name}.db"
        assert run("import", made, "--db", url) == 0
        found.append(kept(url))
    assert all(one == found[0] for one in found)
    assert [entry.amount for entry in found[0]] == [123456, 123456, 7]


WRONG: list[tuple[dict[str, Any], str, str]] = [
    ({"day": "2026/03/01"}, "day", "2026-10-31"),
    ({"day": None}, "day", "2026-10-31"),
    ({"kind": "支付"}, "kind", "no kind"),
    ({"amount_yuan": "1,234.56"}, "amount_yuan", "no commas"),
    ({"amount_yuan": "1.234"}, "amount_yuan", "at most 2 decimals"),
    ({"amount_yuan": "9" * 23}, "amount_yuan", "too large"),
    ({"amount_yuan": "10000000000000.01"}, "amount_yuan", "too large"),
    ({"amount_yuan": None, "amount_fen": "1" * 19}, "amount_fen", "too large"),
    ({"amount_yuan": "x" * 300}, "amount_yuan", "(300 characters) is no amount"),
    ({"amount_yuan": None}, "amount_yuan", "there is no amount"),
    ({"amount_fen": "5"}, "amount_fen", "leave one of them empty"),
    ({"amount_yuan": None, "amount_fen": "5.5"}, "amount_fen", "whole number of fen"),
    ({"amount_yuan": None, "amount_fen": "-5"}, "amount_fen", "refund"),
    ({"amount_yuan": "-5"}, "amount_yuan", "refund"),
    ({"kind": "退款"}, "amount_yuan", "minus"),
    ({"currency": "美元"}, "currency", "three letters"),
    ({"currency": "XXQ", "rate": "7", "rate_source": "行", "rate_day": "2026-03-01"}, "currency", "ISO 4217"),
    ({"currency": "USD", "rate_source": "行", "rate_day": "2026-03-01"}, "rate", "needs the rate"),
    ({"rate": "7.1"}, "rate", "no rate"),
    ({"payee": None}, "payee", "who is paid"),
    ({"kind": "合同", "contract": None}, "contract", "number of the contract"),
    ({"kind": "发票", "invoice": None}, "invoice", "code and number"),
    ({"purpose": "上云"}, "purpose", "no purpose"),
    ({"purpose": "上云前运维"}, "item", "cost item"),
    ({"service_from": "2026-01"}, "service_to", "no month"),
    ({"provider": "阿里云"}, "provider", "aliyun"),
    ({"document": "missing.pdf"}, "document", "no such file"),
    ({"document": "../outside.pdf"}, "document", "no such file"),
    ({"document": "../../../../../../../../../etc/passwd"}, "document", "names a place outside"),
    ({"document": "empty.pdf"}, "document", "empty"),
    ({"cancels": "7"}, "cancels", "no earlier entry"),
    ({"cancels": "x"}, "cancels", "no number of an entry"),
    ({"note": "x" * 501}, "note", "at most 500"),
]


@pytest.mark.parametrize(("change", "column", "says"), WRONG, ids=lambda one: str(one)[:40])
@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_every_fault_names_sheet_cell_and_column_and_says_what_to_write(
    *, tmp_path: Path, db: str, capsys: pytest.CaptureFixture[str], change: dict[str, Any], column: str, says: str, kind: str
) -> None:  # fmt: skip
    (tmp_path / "empty.pdf").touch()
    make = csv_file if kind == "csv" else xlsx_file
    sound = {**PAYMENT, "note": "一"}
    lines = refused(capsys, make(tmp_path / f"t.{kind}", sound, {**PAYMENT, **change}), db)
    [line] = [one for one in lines if f"cell {LETTERS[column]}3 (" in one]
    assert says in line
    assert ("sheet '台账 ledger' " in line) == (kind == "xlsx")
    assert next(one.title for one in COLUMNS if one.key == column) in line
    assert "nothing was added" in lines[-1]
    assert not Path(db.removeprefix("sqlite:///")).exists()


@pytest.mark.parametrize(
    ("value", "column", "says"),
    [
        ("=1+1", "amount_yuan", "formula"),
        (True, "payee", "True"),
        (12345678901234567, "invoice", "format it as text"),
        (datetime(2026, 3, 1, 8, 30), "day", "the day alone"),  # noqa: DTZ001 - as Excel writes it
        (1.005, "amount_yuan", "at most 2 decimals"),
        (1e300, "amount_yuan", "too large"),
    ],
)
def test_a_cell_of_a_workbook_that_would_be_misread_is_refused_once(
    *, tmp_path: Path, db: str, capsys: pytest.CaptureFixture[str], value: object, column: str, says: str
) -> None:
    line, last = refused(capsys, xlsx_file(tmp_path / "t.xlsx", {**PAYMENT, column: value}), db)
    assert f"cell {LETTERS[column]}2" in line
    assert says in line
    assert len(line) < 250
    assert "上列错误: 1;" in last


def test_faults_are_told_from_the_first_cell_to_the_last(
    tmp_path: Path, db: str, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = (
        {**PAYMENT, "purpose": "x", "kind": "y", "day": "z", "amount_yuan": "1.234"},
        {**PAYMENT, "payee": True, "amount_fen": "5"},
        {**PAYMENT, "note": "=1", "currency": "XXQ"},
    )
    places = [
        line.split("cell ")[1].split(" ")[0]
        for line in refused(capsys, xlsx_file(tmp_path / "t.xlsx", *rows), db)[:-1]
    ]
    names = (
        ("day", 2),
        ("kind", 2),
        ("amount_yuan", 2),
        ("amount_fen", 3),
        ("payee", 3),
        ("currency", 4),
        ("note", 4),
    )
    assert places == [f"{LETTERS[name]}{row}" for name, row in names]


def test_a_number_of_a_workbook_is_what_the_spreadsheet_shows_of_it(tmp_path: Path, db: str) -> None:
    path = xlsx_file(
        tmp_path / "t.xlsx",
        {**PAYMENT, "amount_yuan": 4321.5},
        {**PAYMENT, "amount_yuan": 8765.5, "note": "2"},
    )
    with zipfile.ZipFile(path) as packed:
        parts = {name: packed.read(name) for name in packed.namelist()}
    sheet = "xl/worksheets/sheet1.xml"
    # As Excel writes 0.1 + 0.2, and the largest amount that a workbook can hold to the 分.
    written = {b">4321.5<": b">0.30000000000000004<", b">8765.5<": b">9999999999999.99<"}
    for shown, kept_as in written.items():
        assert shown in parts[sheet]
        parts[sheet] = parts[sheet].replace(shown, kept_as)
    with zipfile.ZipFile(path, "w") as packed:
        for name, data in parts.items():
            packed.writestr(name, data)
    assert run("import", path, "--db", db) == 0
    assert [entry.amount for entry in kept(db)] == [30, 999_999_999_999_999]


@pytest.mark.parametrize("value", [float("inf"), float("nan")])
def test_a_cell_that_holds_no_finite_number_is_no_amount(value: float) -> None:
    with pytest.raises(ValueError, match="write a number"):
        ledger_table._plain(value)  # no program writes such a workbook


def test_a_twin_within_the_file_is_named_by_its_row(
    tmp_path: Path, db: str, capsys: pytest.CaptureFixture[str]
) -> None:
    run("import", csv_file(tmp_path / "old.csv", {**PAYMENT, "note": "old"}), "--db", db)
    capsys.readouterr()
    assert run("import", csv_file(tmp_path / "t.csv", INVOICE, PAYMENT, INVOICE, PAYMENT), "--db", db) == 1
    told = capsys.readouterr().err.splitlines()[:-1]
    assert [line.split("): ")[1].split(" has ")[0].split(" is ")[0] for line in told] == [
        "row 2 of this file",
        "row 3 of this file",
    ]


def test_payments_of_days_to_come_are_taken_and_told(
    tmp_path: Path, db: str, capsys: pytest.CaptureFixture[str]
) -> None:
    # NOW is 2026-11-30 in Shanghai.
    days = ("2026-11-30", "2026-12-01", "2027-03-01")
    rows = [{**PAYMENT, "day": day} for day in days]
    assert (
        run("import", csv_file(tmp_path / "t.csv", *rows, {**INVOICE, "day": "2027-01-01"}), "--db", db) == 0
    )
    told = capsys.readouterr().out
    assert "note: 2, 3 的日期在今天之后" in told
    assert "PAYMENTS_AHEAD" in told
    assert run("import", csv_file(tmp_path / "u.csv", {**rows[0], "note": "b"}), "--db", db) == 0
    assert "PAYMENTS_AHEAD" not in capsys.readouterr().out


def test_a_rate_of_a_day_to_come_is_refused_whatever_day_the_money_has(
    tmp_path: Path, db: str, capsys: pytest.CaptureFixture[str]
) -> None:
    rate = {"currency": "USD", "rate": "7", "rate_source": "行"}
    late = {**PAYMENT, **rate, "day": "2026-12-15", "rate_day": "2026-12-01"}
    line, _ = refused(capsys, csv_file(tmp_path / "t.csv", late), db)
    assert f"cell {LETTERS['rate_day']}2" in line
    assert "still to come" in line
    line, _ = refused(
        capsys, csv_file(tmp_path / "t.csv", {**late, "day": "2026-11-29", "rate_day": "2026-11-30"}), db
    )
    assert "after the day of the money" in line
    assert run("import", csv_file(tmp_path / "t.csv", {**late, "rate_day": "2026-11-30"}), "--db", db) == 0


def test_the_list_takes_no_doubt_away_for_papers_dated_ahead(
    tmp_path: Path, db: str, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = ({**INVOICE, "day": "2026-12-01"}, PAYMENT)
    assert run("import", csv_file(tmp_path / "t.csv", *rows), "--db", db) == 0
    assert run("list", "--db", db) == 0
    assert "PAYMENT_WITHOUT_INVOICE" in capsys.readouterr().out


def test_an_error_of_a_workbook_and_a_duration_are_refused(
    tmp_path: Path, db: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = xlsx_file(tmp_path / "t.xlsx", {**PAYMENT, "note": "#N/A"})
    assert f"cell {LETTERS['note']}2 (备注 note): it holds #N/A" in refused(capsys, path, db)[0]
    path = xlsx_file(tmp_path / "u.xlsx", {**PAYMENT, "note": datetime(2026, 3, 1, 8) - datetime(2026, 3, 1)})  # noqa: DTZ001 - a duration
    assert "timedelta" in refused(capsys, path, db)[0]


def test_whole_numbers_and_days_of_a_workbook_are_read(tmp_path: Path, db: str) -> None:
    path = xlsx_file(tmp_path / "t.xlsx", {**PAYMENT, "amount_yuan": 80, "day": date(2026, 3, 2)})
    assert run("import", path, "--db", db) == 0
    assert [(entry.amount, entry.day) for entry in kept(db)] == [(8000, "2026-03-02")]


def test_heads_are_known_stand_once_and_are_not_missing(
    tmp_path: Path, db: str, capsys: pytest.CaptureFixture[str]
) -> None:
    heads = ["日期", "日期", "金额元", *TITLES[3:], ""]
    lines = refused(capsys, csv_file(tmp_path / "t.csv", PAYMENT, heads=heads), db)
    assert any("cell B1: the column '日期' stands twice" in line for line in lines)
    assert any("cell C1: no column is called '金额元' (did you mean 金额（元）" in line for line in lines)
    assert any("row 1: the column '类型 kind' is missing" in line for line in lines)
    assert any("cell C2: '1234.56' stands under no head" in line for line in lines)
    few = tmp_path / "few.csv"
    few.write_text("day,kind,payee\n2026-01-01,payment,甲\n")
    assert any("row 2 (用途 purpose, which the table lacks)" in line for line in refused(capsys, few, db))


@pytest.mark.parametrize(
    ("name", "data", "says"),
    [
        ("t.xls", b"", "save the table"),
        ("t.csv", b"\xff\xff\xff", "neither UTF-8 nor GB18030"),
        ("t.csv", b'day,kind\n"2026', "check the quotes"),
        ("t.csv", b"", "missing"),
        ("t.csv", b"," * 70, "at most 64"),
        ("t.xlsx", b"no zip", "not a workbook"),
    ],
)
def test_a_file_that_is_no_table_is_refused(
    *, tmp_path: Path, db: str, capsys: pytest.CaptureFixture[str], name: str, data: bytes, says: str
) -> None:
    (tmp_path / name).write_bytes(data)
    assert any(says in line for line in refused(capsys, tmp_path / name, db))


def test_a_file_that_is_none_is_too_large_or_not_there_is_refused(
    tmp_path: Path, db: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "No such file" in refused(capsys, tmp_path / "t.csv", db)[0]
    assert "not a file" in refused(capsys, tmp_path, db)[0]
    path = csv_file(tmp_path / "t.csv", PAYMENT, {**PAYMENT, "note": "2"})
    monkeypatch.setattr(ledger_table, "MAX_ENTRIES", 1)
    assert "more than 1 rows" in refused(capsys, path, db)[0]
    monkeypatch.setattr(ledger_table, "MAX_FILE_BYTES", 10)
    assert "larger than 10 bytes" in refused(capsys, path, db)[0]


def test_a_workbook_that_unpacks_to_too_much_is_refused(
    tmp_path: Path, db: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workbook_bounds, "MAX_UNPACKED_BYTES", 1000)
    with zipfile.ZipFile(tmp_path / "t.xlsx", "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("xl/workbook.xml", b"0" * 5000)
    assert "unpacked it has more than 1000 bytes" in refused(capsys, tmp_path / "t.xlsx", db)[0]


@pytest.mark.parametrize(
    ("part", "why"),
    [
        (b"<sheetData>" + b"<row/>" * 200_000, "more than 110000 rows"),
        (b"<x:sheetData>" + b'<x:row r="1">' * 200_000, "more than 110000 rows"),
        (b"<c r='A1'/>" * 2_001, "more than 2000 cells"),
        (b"<si/>" * 2_001, "more than 2000 texts"),
        (b"<t>" + b"a" * 40_000_000, "a cell holds more than a spreadsheet can"),
        (b'<?xml version="1.0"?>' + b" " * 65_530 + b"<!DOCTYPE a [", "document type"),
    ],
)
def test_a_small_workbook_that_holds_much_is_refused_before_it_is_unpacked(
    part: bytes, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Refused while it is read piece by piece: what it holds is never in memory at once."""
    for tag, what in ((b"c", "cells"), (b"si", "texts")):
        monkeypatch.setitem(workbook_bounds._COUNTED, tag, (what, 2_000))  # type: ignore[index] # a dict
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("anything.bin", part)
    data = file.getvalue()
    del file
    tracemalloc.start()
    with pytest.raises(LedgerError, match=why):
        ledger_table.table_of(data, "t.xlsx")
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 2 * 1024 * 1024


def test_rows_of_a_workbook_are_counted_once_wherever_they_are_cut() -> None:
    row = b'<row r="1"><c/></row>'
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("a.xml", row * workbook_bounds.MAX_ROWS)
    workbook_bounds.require_bounded(file.getvalue(), "t.xlsx")


@pytest.mark.parametrize("data", [b"no zip", b"PK\x03\x04" + b"0" * 60])
def test_what_is_no_workbook_is_said_to_be_none(data: bytes) -> None:
    with pytest.raises(LedgerError, match="not a workbook"):
        workbook_bounds.require_bounded(data, "t.xlsx")


def test_a_sheet_is_chosen_by_its_name(tmp_path: Path, db: str, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "t.xlsx"
    xlsx_file(path, PAYMENT, sheet="一月")
    book = load_workbook(path)
    book.create_sheet("二月")
    book.save(path)
    assert "choose one with --sheet: 一月, 二月" in refused(capsys, path, db)[0]
    assert "no sheet '三月'" in refused(capsys, path, db, "--sheet", "三月")[0]
    assert (
        "leave --sheet out" in refused(capsys, csv_file(tmp_path / "t.csv", PAYMENT), db, "--sheet", "x")[0]
    )
    assert run("import", path, "--sheet", "一月", "--db", db) == 0


def test_the_same_table_twice_adds_nothing(
    tmp_path: Path, db: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = csv_file(tmp_path / "t.csv", INVOICE, PAYMENT)
    assert run("import", path, "--db", db) == 0
    assert run("import", path, "--db", db) == 1
    error = capsys.readouterr().err
    assert (
        f"cell {LETTERS['invoice']}2 (发票号码 invoice): entry 1 has the invoice {PAYMENT['invoice']} already"
        in error
    )
    assert f"cell {LETTERS['note']}3" in error
    assert len(kept(db)) == 2


def test_of_a_table_with_one_fault_nothing_is_added(
    tmp_path: Path, db: str, capsys: pytest.CaptureFixture[str]
) -> None:
    run("import", csv_file(tmp_path / "t.csv", INVOICE), "--db", db)
    wrong = csv_file(tmp_path / "u.csv", PAYMENT, {**PAYMENT, "note": "二", "payee": None})
    assert run("import", wrong, "--db", db) == 1
    assert len(capsys.readouterr().err.splitlines()) == 2
    assert len(kept(db)) == 1


def test_a_document_beside_the_table_is_kept_under_its_hash(tmp_path: Path, db: str) -> None:
    (tmp_path / "回单.pdf").write_bytes(b"receipt")
    sha256 = hashlib.sha256(b"receipt").hexdigest()
    rows = ({**PAYMENT, "document": "回单.pdf"}, {**PAYMENT, "document": "AB" * 32, "note": "二"})
    assert run("import", csv_file(tmp_path / "t.csv", *rows), "--db", db) == 0
    assert run("import", csv_file(tmp_path / "t.csv", {**rows[0], "note": "三"}), "--db", db) == 0
    assert [entry.document for entry in kept(db)] == [sha256, "ab" * 32, sha256]
    store = open_store(db).store
    archive = StoreArchive(store)
    assert archive.ledger_document(sha256) == b"receipt"
    assert archive.ledger_document("ab" * 32) is None
    store.close()


def test_one_entry_is_added_by_hand_and_corrected_by_another(
    tmp_path: Path, db: str, capsys: pytest.CaptureFixture[str]
) -> None:
    about = ("--day", "2026-03-01", "--payee", "示例云", "--purpose", "cloud_service", "--db", db)
    assert run("add", "--kind", "payment", "--amount", "100", *about, "--json") == 0
    assert json.loads(capsys.readouterr().out)["entries"] == [1]
    assert run("add", "--kind", "payment", "--amount", "10.5", "--cancels", "1", *about) == 0
    assert (
        run(
            "add",
            "--kind",
            "cancellation",
            "--cancels",
            "2",
            "--day",
            "2026-03-02",
            "--note",
            "重复",
            "--db",
            db,
        )
        == 0
    )
    assert [(entry.amount, entry.cancels) for entry in kept(db)] == [(10000, 0), (1050, 1), (0, 2)]
    capsys.readouterr()
    assert run("add", "--kind", "payment", "--fen", "1.5", *about) == 1
    assert "--fen: '1.5' is no whole number" in capsys.readouterr().err
    assert (
        run(
            "add",
            "--kind",
            "cancellation",
            "--cancels",
            "1",
            "--day",
            "2026-03-02",
            "--note",
            "x",
            "--db",
            db,
        )
        == 1
    )
    assert "--cancels: entry 1 is cancelled by entry 2 already" in capsys.readouterr().err


def test_the_list_shows_everything_and_what_does_not_reconcile(
    tmp_path: Path, db: str, capsys: pytest.CaptureFixture[str]
) -> None:
    contract = {**PAYMENT, "kind": "合同", "invoice": None, "day": "2026-01-01"}
    cancel = {"kind": "冲销", "day": "2026-03-03", "cancels": "3", "note": "录错[bold]"}
    cost = {**PAYMENT, "purpose": "上云前运维", "item": "电费", "contract": None, "invoice": None}
    rows = (contract, INVOICE, {**PAYMENT, "amount_yuan": "1"}, {**PAYMENT, "amount_yuan": "2"}, cost)
    run("import", csv_file(tmp_path / "t.csv", *rows), "--db", db)
    run("import", csv_file(tmp_path / "u.csv", cancel), "--db", db)
    capsys.readouterr()
    assert run("list", "--db", db) == 0
    text = capsys.readouterr().out
    assert "INVOICE_PAID_IN_PART" in text
    assert "1234.56 / 2.00 CNY" in text
    assert "cancelled" in text
    assert run("list", "--db", db, "--json") == 0
    document = json.loads(capsys.readouterr().out)
    assert [one["number"] for one in document["entries"]] == [1, 2, 3, 4, 5, 6]
    assert (document["entries"][5]["file"], document["entries"][5]["recorded_ms"]) == ("u.csv", NOW)


def test_an_empty_ledger_says_how_to_begin(
    tmp_path: Path, db: str, capsys: pytest.CaptureFixture[str]
) -> None:
    open_store(db).store.close()
    assert run("list", "--db", db) == 0
    assert "starproof ledger template" in capsys.readouterr().out


def test_bills_of_pollers_stand_in_the_ledgers_document(tmp_path: Path, db: str) -> None:
    from decimal import Decimal

    store = open_store(db).store
    bill = Bill(
        "2026-03", "ecs\u0007", Decimal("1E+2"), "CNY", "charge", "cash", final=True, request_ids=("r",)
    )
    with store.writing() as connection:
        store_bills.keep(connection, "a", "aliyun", "2026-03", [bill], now_ms=1)
    assert StoreArchive(store).ledger() == b""
    store.close()
    run("import", csv_file(tmp_path / "t.csv", {**PAYMENT, "provider": "aliyun"}), "--db", db)
    store = open_store(db).store
    [told] = read_ledger(StoreArchive(store).ledger()).bills
    assert (told.product, told.amount, told.final) == ("ecs ", "100", "yes")
    store.close()
