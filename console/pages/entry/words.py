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
    "entry.no_local": (
        "没有本系统的管理员账户（由统一身份认证登录的不算）。请重启采集服务，打开它打印的设置链接补设一位；其他人仍可登录。",
        (
            "There is no administrator with a password of this console. Restart the collector and open the setup link "
            "that it prints to make one; everybody else can go on signing in."
        ),
    ),
    "entry.oidc": ("用{name}登录", "Sign in with {name}"),
    "entry.or": ("或用本系统账户", "or with an account of this console"),
    "entry.oidc_stale": (
        "这次登录已过期，或不是从这个浏览器开始的。请再点一次登录按钮。",
        "This sign-in is over, or began in another browser. Press the button once more.",
    ),
    "entry.oidc_answer": (
        "身份提供方的答复无法采信，没有登录。请再试一次；若一直如此，请管理员看采集服务日志里的 oidc_refused。",
        (
            "The identity provider's answer cannot be believed, and nobody was signed in. Try again; if it stays so, an "
            "administrator finds why in the collector's log: oidc_refused."
        ),
    ),
    "entry.oidc_unreachable": (
        "现在连不上身份提供方。请稍后再试，或用本系统账户登录。",
        "The identity provider does not answer now. Try again later, or use an account of this console.",
    ),
    "entry.oidc_denied": (
        "身份提供方没有放行，或登录被取消。",
        "The identity provider did not let you in, or signing in was cancelled.",
    ),
    "entry.oidc_no_role": (
        "您的身份已确认，但在这里没有角色。请管理员把您加入有角色的用户组。",
        "You are known, but have no role here. Ask an administrator to add you to a group that has one.",
    ),
    "account.elsewhere_about": (
        "您由统一身份认证登录，角色和密码在那里管理。",
        "You sign in at the identity provider; role and password are managed there.",
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
