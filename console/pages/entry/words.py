"""Words of the door."""

from __future__ import annotations

from console.language import Words

WORDS: Words = {
    "entry.sign_in": ("登录", "Sign in"),
    "entry.name": ("账户名", "Account name"),
    "entry.password": ("密码", "Password"),
    "entry.wrong": (
        "账户名或密码不对，或账户已锁定。连续错 10 次会锁定 15 分钟；忘记密码请找管理员重设。",
        (
            "Name or password is wrong, or the account is locked: ten wrong passwords lock it for 15 minutes. "
            "An administrator can set a new password."
        ),
    ),
    "entry.no_people": (
        "还没有账户。请打开采集服务启动时打印的设置链接；链接丢失时重启采集服务会打印新的。",
        (
            "There is no account yet. Open the setup link that the collector printed when it started; restart it for "
            "a new one."
        ),
    ),
    "setup.title": ("首次设置", "First setup"),
    "setup.about": (
        "为 {enterprise} 创建第一位管理员。之后可在“人员”页添加其他人。",
        "Make the first administrator of {enterprise}. Others are added on the page People.",
    ),
    "setup.nameless": (
        "填写企业名称，创建第一位管理员。之后可在“人员”页添加其他人。",
        "Give the enterprise's name and make the first administrator. Others are added on the page People.",
    ),
    "setup.create": ("创建管理员并登录", "Make the administrator and sign in"),
    "setup.over": (
        "此设置链接已失效：用过、过期，或已被更新的链接取代。已有账户请直接登录；否则请重启采集服务，它会打印新的链接。",
        (
            "This setup link is no longer valid: used, expired, or replaced by a newer one. Sign in if there is an account; "
            "else restart the collector, which prints a new one."
        ),
    ),
    "setup.rule": (
        "至少 12 个字符，不含账户名，不用常见密码。一句自己记得住的话最好。",
        "At least 12 characters, without the account's name, none that everybody tries. A sentence is best.",
    ),
    "setup.again": ("再输一次密码", "Password again"),
    "setup.differ": ("两次输入的密码不一样。", "The two passwords differ."),
    "account.title": ("我的账户", "My account"),
    "account.role": ("角色", "Role"),
    "account.change": ("修改密码", "Change the password"),
    "account.old": ("现在的密码", "Present password"),
    "account.new": ("新密码", "New password"),
    "account.wrong": (
        "现在的密码不对，或账户已锁定。",
        "The present password is wrong, or the account is locked.",
    ),
    "account.elsewhere": (
        "修改后，所有设备上的登录都会退出，需要用新密码重新登录。",
        "Afterwards you are signed out everywhere and sign in with the new password.",
    ),
    "account.password_done": (
        "密码已修改，请用新密码登录。",
        "The password was changed; sign in with the new one.",
    ),
}
