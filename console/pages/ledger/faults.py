"""What is wrong with a cell, in Chinese: the ledger's rules speak English, as they do on the command line.

A message that nobody has translated is shown as it is: a fault must never be hidden for want of words.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from console.language import CHINESE
from declaring.ledger_columns import KINDS_ZH, PURPOSES_ZH

_PATTERNS: Sequence[tuple[str, str]] = (
    (r"(\d+) characters, at most (\d+); shorten it", r"共 \1 个字符，最多 \2 个；请缩短"),
    (r"it holds characters that cannot be printed, or blanks at an end; write it anew", "含有不可见字符，或首尾有空格；请重新填写"),
    (r"('.*') is no kind.*", rf"\1 不是类型；请填：{'、'.join(KINDS_ZH)}"),
    (r"('.*') is no purpose.*", rf"\1 不是用途；请填：{'、'.join(PURPOSES_ZH)}"),
    (r"no SHA-256 of 64 .*", "不是 64 位十六进制的 SHA-256，也没有这个文件"),
    (r"('.*') is no date; write it as (.+)", r"\1 不是日期；请写作 \2"),
    (r"('.*') is not written as (\S+), or not from (\S+) to (\S+)", r"\1 不是 \2 这样的写法，或不在 \3 至 \4 之间"),
    (r"a cancellation has a date, .*", "冲销只填日期、冲销编号和备注，其余留空"),
    (r"write the number of the entry that is cancelled.*", "请填写被冲销的记录编号"),
    (r"say why the entry is cancelled", "请写明冲销的原因"),
    (r"more than (\d+) yuan; check the unit", r"超过 \1 元；请检查单位"),
    (r"a contract is above 0; .*", "合同金额应大于 0；请填写约定的金额"),
    (r"an invoice is not 0; .*", "发票金额不能为 0；红字发票填负数"),
    (r"a refund is negative; .*", "退款应为负数；请在金额前加负号"),
    (r"a payment is not negative; .*", "付款不能为负；退回的钱请用“退款”"),
    (r"a payment of 0 only says .*", "金额为 0 的付款只用于说明某项运维成本没有花钱"),
    (r"('.*') is no currency of ISO 4217.*", r"\1 不是 ISO 4217 币种；请填三个字母，如 CNY、USD"),
    (r"yuan have no rate; .*", "人民币没有汇率；请留空，或填写币种"),
    (r"(\S+) needs the rate in yuan per unit.*", r"\1 需要填写汇率、汇率来源和汇率日期三项"),
    (r"(.+); write yuan per unit, such as (\S+)", r"\1；请填每一外币单位的人民币元，如 \2"),
    (r"write who is paid, .*", "请填写收款方，与发票一致"),
    (r"write the number of the contract", "请填写合同编号"),
    (r"write code and number of the invoice", "请填写发票代码与号码"),
    (r"operations need a cost item, .*", "运维成本需要填写成本科目，与申报范围一致"),
    (r"('.*') is no source; .*", r"\1 不是云平台名称；请与账单一致，如 aliyun"),
    (r"('.*') is no month; .*", r"\1 不是月份；起止月都要填，如 2026-10"),
    (r"the service ends before it begins, .*over (\d+) months.*", r"服务止月早于起月，或超过 \1 个月；请更正"),
    (r"it is not (\d+), or over (\d+); .*", r"编号应为 \1，且不超过 \2"),
    (r"row (\d+) of this file is the same in every field.*", r"与本表第 \1 行完全相同；若确是另一笔付款，请在备注中说明"),
    (r"entry (\d+) is the same in every field.*", r"与第 \1 条记录完全相同；若确是另一笔付款，请在备注中说明"),
    (r"the contract has (\d+) entries already.*", r"这份合同已有 \1 条记录；请合并补充协议"),
    (r"row (\d+) of this file has the invoice (.+) already.*", r"本表第 \1 行已有发票 \2；这里不要再填，或更正那一行"),
    (r"entry (\d+) has the invoice (.+) already.*", r"第 \1 条记录已有发票 \2；这里不要再填，或更正那一条"),
    (r"there is no earlier entry (\d+).*", r"之前没有编号为 \1 的记录"),
    (r"entry (\d+) is cancelled by entry (\d+) already.*", r"第 \1 条已被第 \2 条冲销"),
    (r"a cancellation cannot be cancelled.*", "冲销记录不能再冲销；请重新登记"),
    (r"the amount stands in yuan and in fen.*", "“元”和“分”两列都填了；请只填一列"),
    (r"('.*') is no amount; .*", r"\1 不是金额；只填数字，至多两位小数，不要逗号，如 1234.56"),
    (r"('.*') is no whole number of fen; .*", r"\1 不是整数分；1234.56 元写作 123456"),
    (r"there is no amount; .*", "没有金额；请填在“元”或“分”列"),
    (r"('.*') is no number of an entry; .*", r"\1 不是记录编号"),
    (r"the document ('.*'): it is empty and proves nothing", r"文件 \1 是空的"),
    (r"the document ('.*') was not uploaded with the table; choose it too", r"没有一并上传文件 \1；请在“凭证文件”里选择它"),
    (r"the document ('.*') is larger than (\d+) bytes", r"文件 \1 超过 \2 字节"),
    (r"it holds a formula; .*", "是公式；请改成数值（复制，选择性粘贴为数值）"),
    (r"it holds the time (.+); write the day alone", r"含有时间 \1；只填日期"),
    (r"it holds a number, which loses .*", "是数字格式，会丢失前面的零和第 15 位以后的数字；请设为文本格式后重新填写"),
    (r"it holds (.+); write .*", r"内容是 \1；请填文字、数字或日期"),
    (r"('.*') stands under no head; remove it", r"\1 所在的列没有列名；请删除"),
    (r"no column is called ('[^']*').*", r"没有名为 \1 的列；请使用模板中的列名"),
    (r"the column ('.*') stands twice; leave one", r"列 \1 出现了两次；请只留一列"),
    (r"the column ('.*') is missing; add it", r"缺少列 \1；请补上"),
    (r"(.+): not \.csv or \.xlsx; .*", r"\1 不是 .csv 或 .xlsx；请另存为其中一种（.xls 太旧）"),
    (r"(.+) is larger than (\d+) bytes; split it by year", r"\1 超过 \2 字节；请按年份拆分"),
    (r"(.+): neither UTF-8 nor GB18030; .*", r"\1 的编码无法识别；请另存为 CSV UTF-8"),
    (r"(.+): not CSV: (.+); check the quotes", r"\1 不是 CSV：\2；请检查引号"),
    (r"(.+): not a workbook: .*", r"\1 不是工作簿；请重新另存为 .xlsx"),
    (r"(.+): unpacked it has (\d+) bytes; .*", r"\1 解压后有 \2 字节；请按年份拆分"),
    (r"(.+): no sheet ('.*'); choose one with --sheet: .*", r"\1 里没有工作表 \2；请把数据放在名为“台账 ledger”的工作表里"),
    (r"(.+): more than (\d+) rows; .*", r"\1 超过 \2 行；请按年份拆分"),
    (r"(.+): it has no rows; .*", r"\1 没有数据行；请按模板填写"),
    (r"(.+): (\d+) columns, at most (\d+); .*", r"\1 有 \2 列，最多 \3 列；请删除不属于台账的列"),
)  # fmt: skip
_COMPILED = [(re.compile(pattern, re.DOTALL), text) for pattern, text in _PATTERNS]


def said_in(message: str, language: str) -> str:
    """Return what is wrong in a language; as it is where there are no words for it."""
    if language != CHINESE:
        return message
    for pattern, text in _COMPILED:
        found = pattern.fullmatch(message)
        if found:
            return found.expand(text)
    return message
