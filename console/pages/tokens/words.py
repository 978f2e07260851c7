"""Words of the page of tokens."""

from __future__ import annotations

from console.language import Words

WORDS: Words = {
    "tokens.title": ("接口", "API"),
    "tokens.about": ("其他系统用令牌读取同样的数据，只读。", "Other systems read the same data with a token; nothing can be changed."),
    "tokens.document": ("接口说明（OpenAPI）", "The OpenAPI document"),
    "tokens.made": ("新令牌，只显示这一次，请现在保存：", "The new token, shown this once; keep it now:"),
    "tokens.try": ("试一下：", "Try it:"),
    "tokens.caption": ("令牌", "Tokens"),
    "tokens.name": ("用途", "What it is for"),
    "tokens.scopes": ("可读范围", "May read"),
    "tokens.scope.figures": ("指标", "Figures"),
    "tokens.scope.hosts": ("主机与覆盖率", "Hosts and coverage"),
    "tokens.scope.evidence": ("证据", "Evidence"),
    "tokens.by": ("创建人", "Made by"),
    "tokens.until": ("有效至", "Holds until"),
    "tokens.used": ("最近使用", "Last used"),
    "tokens.state": ("状态", "State"),
    "tokens.active": ("有效", "holds"),
    "tokens.over": ("已过期", "expired"),
    "tokens.revoked": ("已作废", "ended"),
    "tokens.revoke": ("作废", "End it"),
    "tokens.revoke_sure": ("作废“{name}”？用它的程序会立即被拒绝。", "End {name}? Programs that use it are refused at once."),
    "tokens.add": ("新建令牌", "Make a token"),
    "tokens.life": ("有效期", "Holds for"),
    "tokens.days": ("{days} 天", "{days} days"),
    "tokens.none": ("还没有令牌", "No token yet"),
    "tokens.none_about": ("有别的系统要读数据时，在下面新建。", "Make one below when another system is to read the data."),
    "tokens.name_rule": ("用途为 1 至 64 个可见字符，首尾没有空格。", "What it is for has 1 to 64 visible characters, without blanks at its ends."),
    "tokens.no_scope": ("请至少选择一个可读范围。", "Choose at least one thing that it may read."),
    "tokens.no_days": ("请从列表里选择有效期。", "Choose one of the lengths in the list."),
    "tokens.many": ("令牌太多了，最多 200 个，作废的也算。", "Too many tokens: 200 at most, ended ones included."),
    "tokens.revoked_done": ("已作废。", "Ended."),
}  # fmt: skip
