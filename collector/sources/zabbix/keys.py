"""Item keys such as ``net.if.in["eth0",bytes]``, and patterns of them."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Key:
    """A key taken apart: name and parameters without their quotation marks."""

    name: str
    parameters: tuple[str, ...]

    def parameter(self, number: int) -> str:
        """Return one parameter, counted from 0; "" where there is none."""
        return self.parameters[number] if number < len(self.parameters) else ""


_PARAMETER = re.compile(r' *(?:"((?:[^"\\]|\\"|\\(?!"))*)" *|(\[[^\]]*\]) *|([^,"\[][^,]*|))(,|\Z)')
"""A quoted text (the only escape is of a quotation mark), a list, or a text up to the next comma."""


def parse(text: str) -> Key | None:
    """Return the key, or ``None`` if the text is not one."""
    name, bracket, rest = text.partition("[")
    if not bracket:
        return Key(name, ()) if name else None
    if not name or not rest.endswith("]"):
        return None
    body = rest[:-1]
    found: list[str] = []
    position = 0
    while True:
        match = _PARAMETER.match(body, position)
        if match is None:
            return None
        in_quotes, listed, plain = match[1], match[2], match[3]
        found.append(in_quotes.replace('\\"', '"') if in_quotes is not None else listed or plain or "")
        if not match[4]:
            return Key(name, tuple(found))
        position = match.end()


@dataclass(frozen=True)
class KeyPattern:
    """A whole key in which ``*`` stands for any text, for keys of the user's own."""

    text: str

    @property
    def beginning(self) -> str:
        """What every key that fits begins with."""
        return self.text.partition("*")[0]

    def fits(self, key: str) -> bool:
        """Return whether the key is of this form."""
        parts = map(re.escape, self.text.split("*"))
        return re.fullmatch(".*".join(parts), key, re.DOTALL) is not None
