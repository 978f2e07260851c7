"""What stands beside an action in the audit trail, said in the visitor's language; the data in it stay as they are.

The store keeps one short text for each row. Its form belongs to the action, so it can be read again; a text of
another form (an older version's) is shown as it is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from collector.store.trail import Entry
from console.language import Words
from console.visit import Visit

_SHA256 = r"(?P<sha256>[0-9a-f]{64})"
_ROLE = r"administrator|operator|viewer|reviewer"
_FORMS: Mapping[str, tuple[tuple[str, str], ...]] = {
    "EDITION_KEPT": (("trail.said.edition", rf"(?P<name>\S+) sha256 {_SHA256}"),),
    "EDITION_LOGGED": (("trail.said.file", rf"sha256 {_SHA256}"),),
    "ENROLLED": (("trail.said.enrolled", r"(?P<host>.+) epoch (?P<epoch>\d+) key (?P<key_id>\w+)"),),
    "IDENTITY": (("trail.said.identity", r"(?P<name>.+) (?P<zone>\S+)"),),
    "IMPORT": (
        ("trail.said.import", rf"(?P<name>.+) sha256 {_SHA256}: (?P<kept>\d+) of (?P<count>\d+) rows kept"),
    ),
    "KEY_BREAK": (
        (
            "trail.said.key_break",
            r"key (?P<key_id>\w+) was enrolled without a signature of the key before, (?P<before>\w+)",
        ),
    ),
    "LEDGER_ADDED": (
        ("trail.said.ledger_by_hand", r"(?P<count>\d+) entries from sha256 none"),
        ("trail.said.ledger", rf"(?P<count>\d+) entries from sha256 {_SHA256}"),
    ),
    "MONTH_CLOSED": (("trail.said.closed", r"(?P<month>\S+) leaf (?P<leaf>\d+)"),),
    "MONTH_DROPPED": (
        (
            "trail.said.dropped",
            rf"(?P<month>\S+) (?P<count>\d+) chunks (?P<size>\d+) bytes, pack (?P<name>.+) SHA-256 {_SHA256}",
        ),
    ),
    "PACK_BEGUN": (("trail.said.pack", r"(?P<month>\S+) job (?P<number>\d+)"),),
    "PERSON_ADDED": (
        ("trail.said.person_elsewhere", rf"(?P<name>.+) (?P<role>{_ROLE}), (?P<identity>.+)"),
        ("trail.said.person", rf"(?P<name>.+) (?P<role>{_ROLE})"),
    ),
    "PERSON_PASSWORD": (("trail.said.account", r"(?P<name>.+)"),),
    "PERSON_REMOVED": (("trail.said.account", r"(?P<name>.+)"),),
    "PERSON_ROLE": (("trail.said.role", rf"(?P<name>.+) (?P<before>{_ROLE}) -> (?P<role>{_ROLE})"),),
    "PROFILE_SAVED": (("trail.said.version", rf"version (?P<number>\d+) sha256 {_SHA256}"),),
    "SCOPE_DECLARED": (("trail.said.version", rf"version (?P<number>\d+) sha256 {_SHA256}"),),
    "SIGN_IN": (("trail.said.elsewhere", "oidc"),),
    "SIGN_IN_REFUSED": (("trail.said.no_role", r"(?P<name>.+), (?P<identity>.+): no role"),),
    "SOURCE_BACKFILL": (("trail.said.source", r"(?P<name>.+)"),),
    "SOURCE_TEST": (("trail.said.source", r"(?P<name>.+)"),),
    "SPOOL_IMPORTED": (("trail.said.spool", r"(?P<host>.+) (?P<source>\S+): (?P<counts>.*)"),),
    "TOKEN": (("trail.said.host", r"(?P<host>.+)"),),
    "TOKEN_MADE": (("trail.said.api", r"(?P<name>.+): (?P<scopes>[a-z ]+), (?P<days>\d+) d"),),
}

WORDS: Words = {
    "trail.said.account": ("账户 {name}", "account {name}"),
    "trail.said.api": ("{name}：范围 {scopes}，{days} 天", "{name}: scopes {scopes}, {days} days"),
    "trail.said.closed": ("{month}，日志第 {leaf} 条", "{month}, leaf {leaf} of the log"),
    "trail.said.dropped": (
        "{month}：{count} 个数据块、{size} 字节已移出，保存在证据包 {name}，SHA-256 {sha256}",
        "{month}: {count} chunks, {size} bytes went; they are in the pack {name}, SHA-256 {sha256}",
    ),
    "trail.said.edition": ("版本 {name}，文件 SHA-256 {sha256}", "edition {name}, file SHA-256 {sha256}"),
    "trail.said.elsewhere": ("经统一身份认证", "by the identity provider"),
    "trail.said.enrolled": (
        "主机 {host}，密钥代次 {epoch}，密钥 {key_id}",
        "host {host}, epoch {epoch}, key {key_id}",
    ),
    "trail.said.file": ("文件 SHA-256 {sha256}", "file SHA-256 {sha256}"),
    "trail.said.host": ("限主机 {host}", "for the host {host}"),
    "trail.said.identity": ("企业 {name}，时区 {zone}", "enterprise {name}, zone {zone}"),
    "trail.said.import": (
        "文件 {name}：{count} 行中保留 {kept} 行，SHA-256 {sha256}",
        "file {name}: {kept} of {count} rows kept, SHA-256 {sha256}",
    ),
    "trail.said.key_break": (
        "密钥 {key_id} 没有经前一把密钥 {before} 签名",
        "key {key_id} was enrolled without a signature of the key before, {before}",
    ),
    "trail.said.ledger": ("{count} 条，来自文件 SHA-256 {sha256}", "{count} entries, file SHA-256 {sha256}"),
    "trail.said.ledger_by_hand": ("{count} 条，不是来自文件", "{count} entries, from no file"),
    "trail.said.no_role": ("{name}（{identity}）：没有角色", "{name} ({identity}): no role"),
    "trail.said.pack": ("{month}，任务 {number}", "{month}, job {number}"),
    "trail.said.person": ("账户 {name}，{role}", "account {name}, {role}"),
    "trail.said.person_elsewhere": (
        "账户 {name}，{role}，统一身份 {identity}",
        "account {name}, {role}, known elsewhere as {identity}",
    ),
    "trail.said.role": ("账户 {name}：{before} → {role}", "account {name}: {before} → {role}"),
    "trail.said.source": ("数据源 {name}", "source {name}"),
    "trail.said.spool": ("主机 {host}，来源 {source}，数据块 {counts}", "host {host}, source {source}, chunks {counts}"),
    "trail.said.version": ("第 {number} 版，文件 SHA-256 {sha256}", "version {number}, file SHA-256 {sha256}"),
}  # fmt: skip


def told(visit: Visit, entry: Entry) -> str:
    """Return the details of a row in the visit's language; those without words as they are kept."""
    for key, form in _FORMS.get(entry.action, ()):
        found = re.fullmatch(form, entry.detail, re.DOTALL)
        if found is not None:
            values = found.groupdict()
            roles = [name for name in ("before", "role") if "role" in values and name in values]
            return visit.t(key, **values | {name: visit.t(f"role.{values[name]}") for name in roles})
    return entry.detail
