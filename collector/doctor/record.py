"""One thing that was looked at. The shape is the one that the agent's doctor tells, too."""

from __future__ import annotations

from dataclasses import dataclass

GOOD, ATTENTION, BAD = "good", "attention", "bad"


@dataclass(frozen=True)
class Check:
    """What was found about a topic, in both languages, and what to do; nothing to do: empty."""

    topic: str
    state: str
    zh: str
    en: str
    todo_zh: str = ""
    todo_en: str = ""


def good(topic: str, zh: str, en: str) -> Check:
    """Return a check that found nothing wrong."""
    return Check(topic, GOOD, zh, en)


def failed(topic: str, error: Exception, todo_zh: str = "", todo_en: str = "") -> Check:
    """Return a check that could not be made, or that an error's own words say all about."""
    return Check(topic, BAD, str(error), str(error), todo_zh, todo_en or todo_zh)
