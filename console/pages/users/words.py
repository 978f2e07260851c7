"""Words of the page of users."""

from __future__ import annotations

from console.language import Words

WORDS: Words = {
    "users.title": ("用户", "Users"),
    "users.about": ("月用户使用率由什么得出：账号来源、每天的账号数、排除名单、人数。", "What the monthly user rate is made of: sources of accounts, accounts a day, who is left out, head counts."),
    "users.rate": ("月用户使用率", "Monthly user rate"),
    "users.accounts": ("不同账号", "Distinct accounts"),
    "users.estimated": ("估计，{low}–{high}", "estimated, {low} to {high}"),
    "users.chosen": ("分母", "divided by"),
    "users.complete": ("完整读取的天数", "Days wholly read"),
    "users.notes": ("需要注意", "To be noted"),
    "users.sources": ("账号来源", "Sources of accounts"),
    "users.source": ("来源", "Source"),
    "users.definition": ("口径", "Definition"),
    "users.excluded": ("排除的账号", "Left out"),
    "users.signed": ("主机签名", "signed by the host"),
    "users.unsigned": ("采集端读取", "read by the collector"),
    "users.no_sources": ("本月没有读到任何来源。", "No source was read in this month."),
    "users.hashed": ("账号只以带密钥的哈希保存，这里没有、也看不到任何姓名。", "Accounts are kept as keyed hashes: there are no names here, and none can be shown."),
    "users.days": ("逐日", "Day by day"),
    "users.day": ("日期", "Day"),
    "users.read": ("是否读全", "Read"),
    "users.whole": ("完整", "wholly"),
    "users.gap": ("不完整", "gap"),
    "users.no_scope": ("这个月的申报范围没有写明人数", "The scope of this month declares no head count"),
    "users.no_scope_about": (
        "月用户使用率 = 不同账号 ÷ 人数。请在统计期开始前声明申报范围：人数（总人数或使用云服务人员）和必须读到的账号来源。",
        "The rate is distinct accounts divided by people. Declare a scope before the window begins: the head count, and the sources that must be read.",
    ),
    "users.declare": ("去声明申报范围", "Declare the scope"),
    "users.none": ("这个月没有账号数据", "No accounts were told in this month"),
    "users.none_about": ("从登录日志、数据库、钉钉或 CSV 读取账号；做法见 docs/users.zh-CN.md。也可以在“申报”里自报数值。", "Read them from login logs, databases, DingTalk or CSV (docs/users.md), or declare the figure on the page Application."),
}  # fmt: skip
