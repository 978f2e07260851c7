"""The columns of a ledger's table: their names in both languages, and how a cell becomes a field.

A cell arrives as text, as it was written; ``Entry`` fields leave. Every fault says what to write.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from verifier.ledger import (
    CANCELLATION,
    CLOUD_SERVICE,
    CNY,
    CONTRACT,
    DEVICE,
    FEN_PER_YUAN,
    INVOICE,
    MAX_AMOUNT,
    OPERATIONS_AFTER,
    OPERATIONS_BEFORE,
    PAYMENT,
    PRIVATE_CLOUD,
    REFUND,
    Entry,
)

KINDS_ZH: Mapping[str, str] = {
    "合同": CONTRACT,
    "发票": INVOICE,
    "付款": PAYMENT,
    "退款": REFUND,
    "冲销": CANCELLATION,
}
PURPOSES_ZH: Mapping[str, str] = {
    "云服务": CLOUD_SERVICE,
    "自建云平台": PRIVATE_CLOUD,
    "设备": DEVICE,
    "上云前运维": OPERATIONS_BEFORE,
    "上云后运维": OPERATIONS_AFTER,
}
YUAN, FEN = "amount_yuan", "amount_fen"
MAX_SHOWN = 40
"""Characters of a cell that a message repeats."""
_YUAN = re.compile(r"-?(0|[1-9]\d*)(\.\d{1,2})?\Z", re.ASCII)
_FEN = re.compile(r"-?(0|[1-9]\d*)\Z", re.ASCII)
_NUMBER = re.compile(r"[1-9]\d{0,8}\Z", re.ASCII)


@dataclass(frozen=True)
class ColumnName:
    """One column: ``key`` in English, ``zh`` in Chinese; ``hint_zh`` and ``hint_en`` say what to write.

    ``text``: a cell of a workbook must be text, for as a number it has lost digits.
    """

    key: str
    zh: str
    hint_zh: str
    hint_en: str
    text: bool = False

    @property
    def title(self) -> str:
        """The head of the column in the template."""
        return f"{self.zh} {self.key}"


COLUMNS = (
    ColumnName("day", "日期", "2026-10-31", "the day of contract, invoice, payment"),
    ColumnName("kind", "类型", "、".join(KINDS_ZH), ", ".join(KINDS_ZH.values())),
    ColumnName(YUAN, "金额（元）", "至多两位小数；退款为负", "at most 2 decimals; refunds are negative"),
    ColumnName(FEN, "金额（分）", "整数；与“元”只填一个", "a whole number; instead of yuan"),
    ColumnName("currency", "币种", "空为 CNY", "empty is CNY"),
    ColumnName("rate", "汇率", "每一外币单位的人民币元", "yuan per unit of the foreign currency"),
    ColumnName("rate_source", "汇率来源", "如 中国人民银行中间价", "who states the rate"),
    ColumnName("rate_day", "汇率日期", "2026-10-31", "the day of the rate"),
    ColumnName("payee", "收款方", "与发票一致", "as the invoice names it"),
    ColumnName("contract", "合同编号", "", "the number of the contract", text=True),
    ColumnName("invoice", "发票号码", "发票代码与号码一并填写", "code and number together", text=True),
    ColumnName("purpose", "用途", "、".join(PURPOSES_ZH), ", ".join(PURPOSES_ZH.values())),
    ColumnName("item", "成本科目", "运维成本必填，与申报范围一致", "of operations, as the scope declares it"),
    ColumnName("service_from", "服务起月", "2026-01", "first month that is paid for"),
    ColumnName("service_to", "服务止月", "2026-12", "last month that is paid for"),
    ColumnName(
        "provider", "云平台", "如 aliyun，用于与账单比对", "such as aliyun, to compare with its bills"
    ),
    ColumnName("document", "凭证", "表格旁的文件，或其 SHA-256", "a file beside the table, or its SHA-256"),
    ColumnName(
        "cancels", "冲销编号", "被本行取代的记录编号", "the number of the entry that this one cancels"
    ),
    ColumnName("note", "备注", "", "free words"),
)
REQUIRED = ("day", "kind")
BY_NAME: Mapping[str, ColumnName] = {
    name: column for column in COLUMNS for name in (column.key, column.zh, column.title)
}


class CellError(Exception):
    """What is wrong with the cell of one column; the argument says what to write."""

    def __init__(self, column: str, message: str) -> None:
        """Keep the column's key beside the message."""
        super().__init__(message)
        self.column = column


def column_of(field: str, cells: Mapping[str, str]) -> str:
    """Return the column that a field of an entry was written in."""
    if field == "amount":
        return FEN if cells.get(FEN) else YUAN
    return field


def entry_of(cells: Mapping[str, str]) -> tuple[Entry, list[CellError]]:
    """Return the entry that a row says, without number, and what is wrong with its cells.

    Only what cannot be read at all is named here; the ledger's rules judge the rest.
    """
    wrong: list[CellError] = []
    kind = KINDS_ZH.get(cells.get("kind", ""), cells.get("kind", ""))
    plain = {
        name: cells.get(name, "")
        for name in (
            "rate", "rate_source", "rate_day", "payee", "contract", "invoice", "item", "service_from",
            "service_to", "provider", "document", "note", "day",
        )
    }  # fmt: skip
    purpose = cells.get("purpose", "")
    entry = Entry(
        number=0,
        kind=kind,
        amount=_amount(cells, kind, wrong),
        currency=cells.get("currency") or CNY,
        purpose=PURPOSES_ZH.get(purpose, purpose),
        cancels=_cancels(cells.get("cancels", ""), wrong),
        **plain,
    )
    return entry, wrong


def _amount(cells: Mapping[str, str], kind: str, wrong: list[CellError]) -> int:
    in_yuan, in_fen = cells.get(YUAN, ""), cells.get(FEN, "")
    if in_yuan and in_fen:
        wrong.append(CellError(FEN, "the amount stands in yuan and in fen; leave one of them empty"))
    elif in_yuan:
        if _YUAN.match(in_yuan):
            whole, _, part = in_yuan.removeprefix("-").partition(".")
            return _bounded(f"{whole}{part.ljust(2, '0')}", YUAN, wrong, minus=in_yuan.startswith("-"))
        wrong.append(
            CellError(
                YUAN,
                f"{_short(in_yuan)} is no amount; write digits with at most 2 decimals, such as 1234.56, no commas",
            )
        )
    elif in_fen:
        if _FEN.match(in_fen):
            return _bounded(in_fen.removeprefix("-"), FEN, wrong, minus=in_fen.startswith("-"))
        wrong.append(
            CellError(FEN, f"{_short(in_fen)} is no whole number of fen; write 123456 for 1234.56 yuan")
        )
    elif kind != CANCELLATION:
        wrong.append(CellError(YUAN, "there is no amount; write it here in yuan or beside it in fen"))
    return 0


def _bounded(fen: str, column: str, wrong: list[CellError], *, minus: bool) -> int:
    """Return an amount of fen; one with too many digits is not even read."""
    if len(fen.lstrip("0")) > len(str(MAX_AMOUNT)) or int(fen) > MAX_AMOUNT:
        most = MAX_AMOUNT // FEN_PER_YUAN
        wrong.append(
            CellError(column, f"{_short(fen)} fen are too large, at most {most} yuan; check the unit")
        )
        return 0
    return -int(fen) if minus else int(fen)


def _short(text: str) -> str:
    """Return the beginning of a cell, quoted."""
    return repr(text) if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]!r}… ({len(text)} characters)"


def _cancels(text: str, wrong: list[CellError]) -> int:
    if not text:
        return 0
    if not _NUMBER.match(text):
        wrong.append(
            CellError("cancels", f"{_short(text)} is no number of an entry; `ledger list` shows the numbers")
        )
        return 0
    return int(text)
