"""One thing that was looked at, and how a list of them is told."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

SCHEMA = "starproof/doctor/1"
GOOD, ATTENTION, BAD = "good", "attention", "bad"
STATES: Mapping[str, tuple[str, str]] = {
    GOOD: ("好", "good"),
    ATTENTION: ("注意", "look"),
    BAD: ("坏", "BAD"),
}
CHINESE, ENGLISH = "zh", "en"
LANGUAGES = (CHINESE, ENGLISH)
TOPICS: Mapping[str, tuple[str, str]] = {
    "config": ("配置", "settings"),
    "program": ("程序", "program"),
    "state": ("状态目录", "state directory"),
    "enrolment": ("注册", "enrolment"),
    "running": ("运行", "running"),
    "disk": ("磁盘空间", "disk space"),
    "spool": ("待发数据", "spool"),
    "devices": ("计入的设备", "devices"),
    "clock": ("时间", "time"),
    "route": ("到采集端的路", "route"),
    "certificate": ("证书", "certificate"),
    "log": ("日志", "log"),
    "users": ("用户来源", "users source"),
    "store": ("数据库", "store"),
    "keys": ("密钥", "keys"),
    "sources": ("云账号权限", "cloud permissions"),
    "anchors": ("外部锚定", "anchors"),
    "alerts": ("告警", "alerts"),
    "hosts": ("主机", "hosts"),
    "service": ("服务", "service"),
}


@dataclass(frozen=True)
class Check:
    """What was found about a topic, in both languages, and what to do; nothing to do: empty."""

    topic: str
    state: str
    zh: str
    en: str
    todo_zh: str = ""
    todo_en: str = ""


def document(checks: Sequence[Check], *, role: str) -> dict[str, Any]:
    """Return the checks as a JSON document; ``role`` is ``agent`` or ``collector``."""
    return {"schema": SCHEMA, "role": role, "checks": [asdict(one) for one in checks]}


def is_bad(found: Mapping[str, Any]) -> bool:
    """Return whether a document holds anything bad."""
    return any(one["state"] == BAD for one in found["checks"])


def text(found: Mapping[str, Any], language: str) -> str:
    """Return a document as lines for people: the state in words first, what to do below."""
    place = LANGUAGES.index(language)
    title = {"agent": ("主机 · 采集代理", "Host: the agent"), "collector": ("采集端", "The collector")}
    checks = found["checks"]
    states = max((_cells(words[place]) for words in STATES.values()), default=0)
    topics = max((_cells(_topic(one, place)) for one in checks), default=0)
    lines = [title[found["role"]][place]]
    for one in checks:
        state, topic = STATES[one["state"]][place], _topic(one, place)
        lines.append(f"  {_padded(state, states)}  {_padded(topic, topics)}  {one[language]}")
        if one[f"todo_{language}"]:
            lines.append(" " * (states + topics + 6) + f"→ {one['todo_' + language]}")
    counts = {state: sum(one["state"] == state for one in checks) for state in STATES}
    lines.append("  " + ("，", ", ")[place].join(f"{STATES[s][place]} {n}" for s, n in counts.items()))
    return "\n".join(lines) + "\n"


def _topic(one: Mapping[str, Any], place: int) -> str:
    return TOPICS[one["topic"]][place]


def _cells(words: str) -> int:
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in words)


def _padded(words: str, cells: int) -> str:
    return words + " " * (cells - _cells(words))
