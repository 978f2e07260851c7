"""What is sent: the bodies that webhooks take, and how they are signed. Pure.

* ``json``: our own document, ``starproof/alerts/1``; with a secret the header ``X-StarProof-Signature``
  holds ``sha256=`` and the HMAC-SHA256 of the body in hex.
* ``wecom``: a group robot of WeCom (企业微信群机器人): markdown of at most 4096 bytes.
* ``dingtalk``: a robot of DingTalk (钉钉自定义机器人): markdown; with a secret the address ends with the
  time in ms and the Base64 of HMAC-SHA256(secret, time + line feed + secret).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from collector.alerts.matters import CODES, URGENT_FIRST
from collector.alerts.settings import DINGTALK, JSON, Webhook
from collector.alerts.words import LANGUAGES, RECOVERED, said
from collector.names import shown
from collector.store.alerts import Alert

SCHEMA = "starproof/alerts/1"
TYPE = "application/json; charset=utf-8"
SIGNATURE = "X-StarProof-Signature"
MAX_TEXT_BYTES = 3800
"""WeCom takes 4096 bytes of markdown, DingTalk 20000."""
EXAMPLES = 5
"""Subjects of one code that a text names at the most; it tells how many more there are."""
MAX_DOCUMENT_ALERTS = 1000
"""Alerts in one document; ``more`` tells how many others wait for the next one."""
_TITLE = "星证 StarProof"
_JOIN = "\n\n"
_MORE = ("另有 {count} 项", "and {count} more")
_DO = ("处理：", "Do: ")
_HARMLESS = str.maketrans("<>[]*`@#|\\", "＜＞［］＊｀＠＃｜＼")
"""Names come from hosts: in markdown they must neither mention people nor make links."""


@dataclass(frozen=True)
class Bulletin:
    """What one message tells: what began and what is over. ``percent``: the coverage that is wanted."""

    enterprise: str
    sent_ms: int
    began: Sequence[Alert]
    ended: Sequence[Alert]
    percent: int
    is_test: bool = False
    more: int = 0
    """Others that wait; they are in none of the two."""


@dataclass(frozen=True)
class Outgoing:
    """One request. Never shown: the address is a secret."""

    url: str
    headers: Mapping[str, str]
    body: bytes


def outgoing(bulletin: Bulletin, hook: Webhook, *, url: str, secret: str = "") -> Outgoing:
    """Return the request that tells a webhook; ``secret`` empty: nothing is signed."""
    headers = {"Content-Type": TYPE}
    if hook.kind == JSON:
        body = _encoded(document(bulletin))
        if secret:
            digest = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
            headers[SIGNATURE] = f"sha256={digest}"
        return Outgoing(url, headers, body)
    content = text(bulletin, hook.language)
    if hook.kind == DINGTALK:
        if secret:
            join = "&" if "?" in url else "?"
            url = f"{url}{join}{dingtalk_query(secret, bulletin.sent_ms)}"
        return Outgoing(url, headers, _encoded(_markdown({"title": _TITLE, "text": content})))
    return Outgoing(url, headers, _encoded(_markdown({"content": content})))


def dingtalk_query(secret: str, now_ms: int) -> str:
    """Return what the address of a signed robot of DingTalk ends with."""
    signed = hmac.new(secret.encode(), f"{now_ms}\n{secret}".encode(), hashlib.sha256).digest()
    return f"timestamp={now_ms}&sign={quote(base64.b64encode(signed).decode(), safe='')}"


def document(bulletin: Bulletin) -> dict[str, Any]:
    """Return the document of kind ``json``. ``id`` and ``state`` together tell a repeated one."""
    both = [*((one, "open") for one in bulletin.began), *((one, "closed") for one in bulletin.ended)]
    return {
        "schema": SCHEMA,
        "enterprise": bulletin.enterprise,
        "sent_ms": bulletin.sent_ms,
        "test": bulletin.is_test,
        "alerts": [_entry(one, state, bulletin.percent) for one, state in both],
        "more": bulletin.more,
    }


def text(bulletin: Bulletin, language: str) -> str:
    """Return the message for people, as markdown of at most ``MAX_TEXT_BYTES`` bytes.

    Every code is in it with its count, what is urgent first. What room is left takes the remedies and
    then names, in turn one of each code: a code with long names leaves no other one unsaid.
    """
    place = LANGUAGES.index(language)
    head = [f"### {_TITLE} · {_safe(bulletin.enterprise)}"]
    if bulletin.is_test:
        head.append(("这是一条测试消息", "This is a test")[place])
    parts = [_began(code, alerts, bulletin, language) for code, alerts in _by_code(bulletin.began)]
    parts += [_ended(code, alerts, bulletin, language) for code, alerts in _by_code(bulletin.ended)]
    room = MAX_TEXT_BYTES - _size(head) - sum(_size([one.title, one.rest(0, place)]) for one in parts)
    remedies, names = [0] * len(parts), [0] * len(parts)
    for turn in range(EXAMPLES + 1):
        for number, part in enumerate(parts):
            wanted = part.remedy if turn == 0 else part.names[turn - 1 : turn]
            size = _size(wanted)
            if not wanted or size > room or names[number] < turn - 1:
                continue
            room -= size
            if turn == 0:
                remedies[number] = 1
            else:
                names[number] = turn
    lines = head
    for part, has_remedy, count in zip(parts, remedies, names):
        lines = [*lines, part.title, *part.names[:count], part.rest(count, place)]
        lines += part.remedy if has_remedy else ()
    return _JOIN.join(line for line in lines if line)


@dataclass(frozen=True)
class _Part:
    """What a message for people says of one code."""

    title: str
    names: Sequence[str]
    remedy: Sequence[str]
    count: int

    def rest(self, named: int, place: int) -> str:
        """Return how many are not named, empty if all are."""
        left = self.count - named
        return f"- {_MORE[place].format(count=left)}" if left else ""


def _began(code: str, alerts: Sequence[Alert], bulletin: Bulletin, language: str) -> _Part:
    place = LANGUAGES.index(language)
    words = said(code, language, percent=bulletin.percent)
    names = [f"- {_safe(one.subject)}：{_safe((one.zh, one.en)[place])}" for one in alerts[:EXAMPLES]]
    return _Part(
        f"**{words.title}**（{len(alerts)}）", names, (f"> {_DO[place]}{words.remedy}",), len(alerts)
    )


def _ended(code: str, alerts: Sequence[Alert], bulletin: Bulletin, language: str) -> _Part:
    words = said(code, language, percent=bulletin.percent)
    title = f"**{RECOVERED[LANGUAGES.index(language)]}：{words.title}**（{len(alerts)}）"
    return _Part(title, [f"- {_safe(one.subject)}" for one in alerts[:EXAMPLES]], (), len(alerts))


def _entry(one: Alert, state: str, percent: int) -> dict[str, Any]:
    titles = {f"title_{language}": said(one.code, language, percent=percent).title for language in LANGUAGES}
    return {
        "id": one.id,
        "state": state,
        "code": one.code,
        "kind": CODES.get(one.code, ""),
        "subject": one.subject,
        "opened_ms": one.opened_ms,
        "closed_ms": one.closed_ms,
        **titles,
        "detail_zh": one.zh,
        "detail_en": one.en,
    }


def _by_code(alerts: Sequence[Alert]) -> list[tuple[str, list[Alert]]]:
    found: dict[str, list[Alert]] = {}
    for one in alerts:
        found.setdefault(one.code, []).append(one)
    return [(code, found[code]) for code in URGENT_FIRST if code in found]


def _size(lines: Sequence[str]) -> int:
    return sum(len(line.encode()) + len(_JOIN) for line in lines)


def _safe(words: str) -> str:
    return shown(words).translate(_HARMLESS)


def _markdown(content: Mapping[str, str]) -> dict[str, Any]:
    return {"msgtype": "markdown", "markdown": content}


def _encoded(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document, ensure_ascii=False).encode()
