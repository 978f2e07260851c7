"""Messages of the rules in Chinese: the rules speak English, as they do on the command line.

A message that nobody has translated is shown as it is: a fault must never be hidden for want of words.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from console.language import CHINESE

Patterns = Sequence[tuple[re.Pattern[str], str]]


def patterns(*given: tuple[str, str]) -> Patterns:
    """Return patterns of whole messages with what they mean, which may name groups as ``re`` does."""
    return [(re.compile(pattern, re.DOTALL), text) for pattern, text in given]


def translated(message: str, language: str, known: Patterns) -> str:
    """Return a message in a language; as it is where there are no words for it."""
    if language == CHINESE:
        for pattern, text in known:
            found = pattern.fullmatch(message)
            if found:
                return found.expand(text)
    return message
