"""The template of the ledger's table: heads, lists to choose from, and a sheet with rows that show how."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from starproof.ledger_columns import COLUMNS, FEN, KINDS_ZH, PURPOSES_ZH
from starproof.ledger_table import COMMENT, SHEET

GUIDE = "填表说明 guide"
LAST_ROW = 5_000
"""Rows for which the lists to choose from are set up."""
WIDTH = 16
EXAMPLES: Sequence[dict[str, str]] = (
    {"day": "2026-01-05", "kind": "合同", "amount_yuan": "60000", "payee": "示例云服务有限公司",
     "contract": "YF-2026-01", "purpose": "云服务"},
    {"day": "2026-02-01", "kind": "发票", "amount_yuan": "60000", "payee": "示例云服务有限公司",
     "contract": "YF-2026-01", "invoice": "26322000000000000001", "purpose": "云服务"},
    {"day": "2026-02-10", "kind": "付款", "amount_yuan": "60000.00", "payee": "示例云服务有限公司",
     "contract": "YF-2026-01", "invoice": "26322000000000000001", "purpose": "云服务",
     "service_from": "2026-01", "service_to": "2026-12"},
)  # fmt: skip


def csv_template() -> bytes:
    """Return the template as CSV: UTF-8 with the mark that Excel needs to know it by.

    Below the heads stand, as rows that the import passes over, what to write in every column and examples.
    """
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(column.title for column in COLUMNS)
    rows = (
        ("以 # 开头的行只是说明，不导入；日期写作：", [column.hint_zh or "文字" for column in COLUMNS]),
        ("rows that begin with # explain and are not imported; ", [column.hint_en for column in COLUMNS]),
        *(("例 example ", [example.get(column.key, "") for column in COLUMNS]) for example in EXAMPLES),
    )
    for word, (first, *others) in rows:
        writer.writerow((f"{COMMENT} {word}{first}", *others))
    return b"\xef\xbb\xbf" + text.getvalue().encode()


def xlsx_template() -> bytes:
    """Return the template as a workbook: the table, and a sheet that explains every column."""
    from openpyxl import Workbook  # noqa: PLC0415 - slow to import, and CSV does without
    from openpyxl.styles import Font  # noqa: PLC0415 - the same
    from openpyxl.utils import get_column_letter  # noqa: PLC0415 - the same
    from openpyxl.worksheet.datavalidation import DataValidation  # noqa: PLC0415 - the same

    book = Workbook()
    sheet = book.worksheets[0]
    sheet.title = SHEET
    sheet.append([column.title for column in COLUMNS])
    sheet.freeze_panes = "A2"
    for index, column in enumerate(COLUMNS, 1):
        letter = get_column_letter(index)
        sheet.column_dimensions[letter].width = WIDTH
        sheet.cell(1, index).font = Font(bold=True)
        for row in range(2, LAST_ROW + 1) if column.text else ():
            sheet.cell(row, index).number_format = "@"  # text: long numbers keep all their digits
    for key, options in (("kind", KINDS_ZH), ("purpose", PURPOSES_ZH)):
        letter = get_column_letter([column.key for column in COLUMNS].index(key) + 1)
        choice = DataValidation(type="list", formula1=f'"{",".join(options)}"', allow_blank=True)
        choice.add(f"{letter}2:{letter}{LAST_ROW}")
        sheet.add_data_validation(choice)
    guide = book.create_sheet(GUIDE)
    guide.append(["列 column", "填写 write", "English"])
    for column in COLUMNS:
        guide.append([column.title, column.hint_zh or "文字", column.hint_en])
    guide.append([])
    guide.append([f"{COLUMNS[2].zh}与{COLUMNS[3].zh}只填一个；记录不能删除，用“冲销编号”更正。", None,
                  f"Fill in yuan or {FEN}, not both; entries are never deleted, correct them with cancels."])  # fmt: skip
    guide.append([])
    guide.append(["示例 example: 填在表“台账 ledger”中 goes into the other sheet"])
    guide.append([column.title for column in COLUMNS])
    for example in EXAMPLES:
        guide.append([example.get(column.key, "") or None for column in COLUMNS])
    for name in "ABC":
        guide.column_dimensions[name].width = 3 * WIDTH
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()
