"""Words of the page of people."""

from __future__ import annotations

from console.language import Words

WORDS: Words = {
    "people.title": ("人员", "People"),
    "people.about": ("每个人用自己的账户登录；所有更改都会记入审计记录。", "Everybody has an own account; every change is in the audit trail."),
    "people.caption": ("账户", "Accounts"),
    "people.name": ("账户名", "Name"),
    "people.role": ("角色", "Role"),
    "people.since": ("创建于", "Since"),
    "people.state": ("状态", "State"),
    "people.locked": ("锁定至 {moment}", "locked until {moment}"),
    "people.active": ("正常", "active"),
    "people.you": ("您", "you"),
    "people.add": ("添加人员", "Add somebody"),
    "people.password": ("初始密码（请对方登录后修改）", "First password (to be changed after signing in)"),
    "people.elsewhere": ("统一身份认证给定", "given by the identity provider"),
    "people.give": ("改角色", "Change role"),
    "people.reset": ("设新密码", "Set a password"),
    "people.reset_of": ("给 {name} 设新密码", "A new password for {name}"),
    "people.remove": ("移除", "Remove"),
    "people.remove_sure": ("移除 {name}？此人会立即退出，审计记录保留。", "Remove {name}? They are signed out at once; the audit trail stays."),
    "people.role_of": ("{name} 的角色", "Role of {name}"),
    "people.added_done": ("已添加。", "Added."),
    "people.changed_done": ("已修改。", "Changed."),
    "people.removed_done": ("已移除。", "Removed."),
}  # fmt: skip
