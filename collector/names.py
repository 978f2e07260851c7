"""Names that people chose: which are allowed, how a wrong word is answered, how one is shown."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

from evidence.chunk import MAX_NAME


def is_host_name(text: str) -> bool:
    """Return whether ``text`` can name a host: 1 to 128 printable characters, no blank at an end."""
    return 0 < len(text) <= MAX_NAME and text.isprintable() and text == text.strip()


def nearest(word: str, known: Iterable[str]) -> str:
    """Return a hint such as ``; did you mean 'listen'?`` for a word that is not among ``known``."""
    options = sorted(known)
    close = get_close_matches(word, options, n=1, cutoff=0.5)
    return f"; did you mean {close[0]!r}?" if close else f"; known are {', '.join(options)}"


def shown(text: str) -> str:
    """Return ``text`` safe for a terminal or a log line: what is not printable is escaped."""
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode("ascii")
        for character in text
    )
