"""What is wrong with the file of a scope or of an edition, in Chinese.

The rules say the place first, ``scope: [[hosts]] number 3: …``; keys and values stay as the file has them.
"""

from __future__ import annotations

import re

from console.translation import patterns

_FILES = (("edition", "评定版本文件"), ("scope", "申报范围文件"))
_HINT = re.compile(r" \(did you mean ([^?)]*)\?\)")
_NUMBER = re.compile(r"\]\] number (\d+)")

_AT = r"(.*?): "
_NEAREST = r"(?:（是否想写 [^）]*）)?"

_MESSAGES = (
    # the file
    (r"(\d+) bytes, at most (\d+) are read", r"共 \2 字节，最多读 \3 字节"),
    (r"not a TOML file in UTF-8: line (\d+) has other bytes; .*", r"第 \2 行不是 UTF-8 编码；请另存为 UTF-8"),
    (r"not a TOML file in UTF-8: (.*); tables that repeat .*", r"不是正确的 TOML：\2；重复的表每一项都写作 [[名称]]"),
    (r"not a TOML file in UTF-8: (.*)", r"不是正确的 TOML：\2"),
    (r"a key with more than (\d+) parts; .*", r"键超过 \2 段；没有这样的键"),
    (r"lists or tables lie too deep in one another", "列表或表嵌套过深"),
    # keys and types
    (rf"unknown key (.*?)({_NEAREST})", r"不认识的键 \2\3"),
    (r"the key '(.*)' is missing", r"缺少键 \2"),
    (r"(\S+) must be a text of 1 to (\d+) characters, such as (.*)", r"\2 应为 1 至 \3 个字符的文字，如 \4"),
    (r"(\S+) must be one of (.*), in quotes", r"\2 应为下列之一，带引号：\3"),
    (r"(\S+) is (.*); write one of (.*)", r"\2 写成了 \3；请写下列之一：\4"),
    (r"(\S+) must be a list such as (.*)", r"\2 应为列表，如 \3"),
    (r"(\S+) holds (.*); write some of (.*)", r"\2 里有 \3；请从下列中选写：\4"),
    (r"(\S+) names one entry twice", r"\2 里有一项写了两次"),
    (r"(\S+) must be a list of texts, such as (.*)", r"\2 应为文字的列表，如 \3"),
    (r"(\S+): entry (\d+) must be a text of 1 to (\d+) characters", r"\2 的第 \3 项应为 1 至 \4 个字符的文字"),
    (r"(\S+) must be true or false, without quotes, such as (.*)", r"\2 应为 true 或 false，不带引号，如 \3"),
    (r"(\S+) must be an integer from (\d+) to (\d+), such as (.*)", r"\2 应为 \3 至 \4 的整数，如 \5"),
    (
        r"(\S+) must be a list of integers from (\d+) to (\d+), each once and in order, such as (.*)",
        r"\2 应为 \3 至 \4 的整数列表，各写一次、由小到大，如 \5",
    ),
    (r"(\S+) has more than (\d+) digits; round it", r"\2 超过 \3 位数字；请取整"),
    (r"(\S+) must be a number above 0 and at most (\d+), such as (.*) or (.*)", r"\2 应为大于 0、不超过 \3 的数字，如 \4 或 \5"),
    (r"(\S+) must be a decimal in quotes, such as (.*)", r"\2 应为带引号的小数，如 \3"),
    (r"(\S+): ('.*') is not a plain decimal .*; write it in quotes .*, (.*)", r"\2 的值 \3 不是普通小数；请带引号、不带单位，如 \4"),
    (r"(\S+) must be a date without quotes, such as (.*)", r"\2 应为日期，不带引号，如 \3"),
    (r"(\S+) is (\S+); days from (\S+) to (\S+) are known", r"\2 是 \3；只认 \4 至 \5 之间的日期"),
    (r"(\S+) must be a table, written (.*)", r"\2 应为一个表，写作 \3"),
    (r"(\S+) must be a list of tables, each written (.*)", r"\2 应为若干个表，每个写作 \3"),
    (r"(\S+) has (\d+) entries, at most (\d+)", r"\2 有 \3 项，最多 \4 项"),
    # editions
    (r"id is ('.*'); write small letters, .*", r"id 是 \2；请用小写字母、数字和 -，如 jiangsu-2018-trial"),
    (r"('.*') is no id; write a small letter, .*", r"\2 不能作 id；请以小写字母开头，其后为小写字母、数字和 _"),
    (r"a figure needs its indicator, such as (.*)", r"数值行需要写明指标，如 \2"),
    (r"a (\S+) has no indicator; leave it out, or write (.*)", r"\2 行没有指标；请删去，或写 \3"),
    (r'unit is (\'.*\'); write unit = "%"', r'单位是 \2；请写 unit = "%"'),
    (r"window says which payments count; .* write (.*)", r"window 说明哪些付款计入；请删去，或写 \2"),
    (r"it ends on (\S+), before it begins on (\S+); .*", r"止日 \2 早于起日 \3；起止两日都计入"),
    (r"(\S+) is (\S+) %; a share is at most (\S+) %", r"\2 是 \3 %；比率不超过 \4 %"),
    (r"coverage_gate is (\S+); write a share .*", r'coverage_gate 是 \2；请写大于 0、不超过 1 的比例，如 "0.9"'),
    (r"last_year (\d+) is before first_year (\d+); .*", r"last_year \2 早于 first_year \3；两年都计入"),
    (r"stars is empty; write at least one (.*)", r"没有星级；请至少写一个 \2"),
    (r"the stars are (.*); write each once, from low to high", r"星级写成了 \2；请由低到高各写一次"),
    (r"(.+) fall from a lower star to a higher one; .*", r"\2 随星级升高而降低；请改为不降低"),
    (r"(.+): ('.*') is used twice or taken; .*", r"\2：\3 用了两次或已被占用；请各取一个名字"),
    (rf"(.+): there is no figure ('.*')({_NEAREST}); write (.*)", r"\2：没有数值 \3\4；请写 \5"),
    (r"(\S+) has (\d+) rows; write one \[\[rows\]\] with (.*) and (.*)", r"\2 有 \3 行；请写一个 [[rows]]，含 \4 和 \5"),
    (rf"(.+): there is no row ('.*')({_NEAREST}); .*", r"\2：没有行 \3\4；请写 [[rows]] 的 id"),
    (r"(.+): the row ('.*') is a (\S+); only rows with (.*) count", r"\2：行 \3 是 \4；只有 \5 的行才计数"),
    (r"(.+): needed (\S+) = (\d+), but only (\d+) (\S+) can count", r"\2：needed \3 = \4，但最多只有 \5 个可计"),
    (r"(.+): there is no footnote ('.*'); write its number among the (\d+) .*", r"\2：没有脚注 \3；请写 [form] 的 \4 条脚注之一的编号"),
    (
        rf"\[\[unknown\]\] about ('.*'): no criterion and no figure has this id({_NEAREST}); write such an id, or (.*)",
        r"[[unknown]] 的 about \2：没有这个 id 的条件或数值\3；请写这样的 id，或 \4",
    ),
    (r"complete is true, yet there is .*", "complete 为 true，却有 [[unknown]]；请写 complete = false，或删去它"),
    (r"complete is false; say in at least one .*", "complete 为 false；请至少用一个 [[unknown]] 说明什么未知"),
    (r"(.+) is empty; write a number for every star, or (.*) in an .*", r"\2 为空；请为每个星级写一个数，或在 [[unknown]] 中写 \3"),
    (r"(\S+) cannot be aggregated as (\S+) under (\S+); leave it out .*", r"\2 按 \4 不能以 \3 汇总；请从 [definitions] 中删去"),
    (r"(\S+) cannot be aggregated as (\S+) under (\S+); write (\S+)", r"\2 按 \4 不能以 \3 汇总；请写 \5"),
    (r"(\S+) is in (\S+), but (\S+) gives (\S+); write (.*)", r"\2 的单位是 \3，而 \4 的单位是 \5；请写 \6"),
    # scopes
    (rf"edition (\S+) does not ask for ('.*?')({_NEAREST}); write some of (.*)", r"评定版本 \2 没有 \3 这一项\4；请从下列中选写：\5"),
    (rf"definition ('.*') of (\S+) does not exist({_NEAREST}); write (.*)", r"\3 没有定义 \2\4；请写下列之一：\5"),
    (r"head_count is (\S+), but .*", r"head_count 是 \2，但 [head_counts] 没有写它的人数；请补上 \2 = …"),
    (r"sources names a source twice, or more than (\d+)", r"sources 里有重复，或超过 \2 个"),
    (r"sources holds (.*); write host and source, such as (.*) or (.*)", r"sources 里有 \2；请写“主机/来源”，如 \3 或 \4"),
    (r"items must name 1 to (\d+) cost items, such as (.*)", r"items 应写 1 至 \2 个成本科目，如 \3"),
    (r"items names one cost item twice", "items 里有一个成本科目写了两次"),
    (r"costs are compared by whole months; .*", "成本按整月比较；from 写某月的第一天，如 2025-01-01，to 写某月的最后一天，如 2025-12-31"),
    (r"(\S+) is 0, and a share of nobody .*", r"\2 为 0，无法计算比率；请写实际人数"),
    (r"cloud_users is above total; .*", "cloud_users 大于 total；使用云服务的人也在总人数之内"),
    (r"id has (\d+) characters, at most (\d+)", r"id 有 \2 个字符，最多 \3 个"),
    (r"write either bandwidth_mbps or .*", "bandwidth_mbps 与 [[hosts.capacity]] 只写其一"),
    (r"sources must name 1 to (\d+) sources, .*, such as (.*)", r"sources 应按优先次序写 1 至 \2 个数据源，如 \3"),
    (r"sources holds ('.*'); a source is named by .*", r"sources 里有 \2；数据源名以小写字母开头，其后 1 至 15 个小写字母或数字"),
    (r"sources names one source twice", "sources 里有一个数据源写了两次"),
    (r"the first \[\[hosts\.capacity\]\] must hold on .*: (.*) or earlier", r"第一个 [[hosts.capacity]] 应从窗口第一天起有效：\2 或更早"),
    (r"the entries of \[\[hosts\.capacity\]\] must be in order .*", "[[hosts.capacity]] 应按日期先后写，每天一次"),
    (
        r"the \[\[hosts\.capacity\]\] from (\S+) begins after the window, which ends on (\S+); .*",
        r"[[hosts.capacity]] 从 \2 起，晚于窗口最后一天 \3；请更正日期，或删去",
    ),
    (r"declare at least one host, each written (.*)", r"请至少写一台主机，每台写作 \2"),
    (r"the host ('.*') is declared twice", r"主机 \2 写了两次"),
    (r"no day of it lies in the window, (\S+) to (\S+); .*", r"没有一天在窗口 \2 至 \3 之内；请更正日期，或删去"),
)  # fmt: skip

FAULTS = patterns(*((_AT + message, r"\1：" + words) for message, words in _MESSAGES))


def placed(message: str) -> str:
    """Return a message with its file, the number of an entry and the nearest key named in Chinese."""
    for name, words in _FILES:
        message = re.sub(rf"\A{name}(?=[: ])", words, message)
    return _HINT.sub(r"（是否想写 \1）", _NUMBER.sub(r"]] 第 \1 项", message))
