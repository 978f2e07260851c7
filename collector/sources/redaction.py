"""No secret stands in an error text, a log line or a ``repr``.

Two nets, because either has holes:

1. Known secrets are replaced in every form in which libraries print them: as they are, escaped for
   JSON, Python or HTML, percent-encoded, in hex, and in base64, also as part of something longer
   (such as ``user:password``).
2. What looks like one is replaced even if nobody told us: values of Authorization, Cookie and
   signature fields, tokens, passwords, user information in addresses.
"""

from __future__ import annotations

import base64
import html
import logging
import re
from collections.abc import Callable, Iterable

from collector.sources.secrets import Secret

MARK = "***"

# Repetitions are bounded: a text made to be slow to search must not stop the poller.
_NAMES = (
    r"(?:proxy-)?authorization|(?:set-)?cookie|(?:x-amz-|x-)?signature"
    r"|(?:x-amz-|x-)?security[-_]?token|x-(?:auth|subject|api)-(?:token|key)"
    r"|(?:access|session|refresh|id|auth|api|user)[-_]?token|token|auth|sessionid|sid"
    r"|access[-_]?key[-_]?secret|secret[-_]?access[-_]?key|secret[-_]?key|(?:client[-_]?)?secret|api[-_]?key"
    r"|password|passwd|pwd"
)
_SCHEME = re.compile(
    r"\b(bearer|basic|digest|negotiate|tc3-hmac-sha256|sdk-hmac-sha256|aws4-hmac-sha256|acs3-hmac-sha256)"
    r"(?:\s+(?:credential|signedheaders|access|signature)=[^\s'\"]+|\s+[A-Za-z0-9+/=._~:-]{6,})+",
    re.IGNORECASE,
)
_HEADER = re.compile(rf"(?im)^([<> \t]{{0,8}}(?:{_NAMES})[ \t]*:[ \t]*)\S.*$")
_PAIR = re.compile(
    rf"(?i)(?<![A-Za-z0-9])(b?\\{{0,8}}['\"]?(?:{_NAMES})\\{{0,8}}['\"]?\s*(?:=|:|,(?=\s*b?['\"]))\s*)"
    r"(?:b?\"(?:[^\"\\]|\\.)*\"|b?'(?:[^'\\]|\\.)*'"
    r"|(?P<quote>\\{1,8}['\"])(?:(?!(?P=quote)).)*(?P=quote)"  # JSON within JSON
    r"|[^\s&;,'\"<>)}\]]+)"
)
_USER_INFO = re.compile(r"(?i)\b([a-z][a-z0-9+.-]{0,20}://)[^/\s@'\"]+@")
_BASE64_GROUP = 3
"""Bytes that make four characters; where a secret begins inside a group is not known."""


class Redactor:
    """Replaces secrets in texts. One belongs to each source, with that source's secrets."""

    def __init__(self, secrets: Iterable[Secret] = ()) -> None:
        """Prepare all forms of these secrets."""
        longest_first = sorted({secret.reveal() for secret in secrets}, key=len, reverse=True)
        patterns = [pattern for text in longest_first if text for pattern in _patterns(text)]
        self._known = re.compile("|".join(patterns)) if patterns else None

    def __repr__(self) -> str:
        """Return the name only."""
        return "Redactor()"

    def text(self, text: str) -> str:
        """Return ``text`` with every secret replaced by ``***``."""
        if self._known is not None:
            text = self._known.sub(MARK, text)
        text = _SCHEME.sub(rf"\1 {MARK}", text)
        text = _HEADER.sub(rf"\g<1>{MARK}", text)
        text = _PAIR.sub(rf"\g<1>{MARK}", text)
        return _USER_INFO.sub(rf"\g<1>{MARK}@", text)

    def scrub(self, error: BaseException) -> None:
        """Redact an error in place and cut off the errors it was made from.

        Those chained errors hold addresses and headers of HTTP libraries. Their text, where it
        matters, is part of our own message.
        """
        error.args = tuple(self._redacted(argument) for argument in error.args)
        for name, value in vars(error).items():
            if isinstance(value, str):
                setattr(error, name, self.text(value))
        error.__cause__ = None
        error.__context__ = None
        if hasattr(error, "__notes__"):
            error.__notes__ = [self.text(note) for note in error.__notes__]

    def _redacted(self, value: object) -> object:
        if value is None or isinstance(value, (bool, int)):
            return value
        return self.text(value if isinstance(value, str) else repr(value))


class LogRedaction(logging.Filter):
    """Redacts log records; added to handlers, because SDKs log addresses and headers of their own."""

    def __init__(self, redactor: Redactor) -> None:
        super().__init__()
        self._redactor = redactor

    def filter(self, record: logging.LogRecord) -> bool:
        """Rewrite the record's text; every record passes."""
        record.msg = self._redactor.text(record.getMessage())
        record.args = None
        if record.exc_info:
            formatted = logging.Formatter().formatException(record.exc_info)
            record.exc_text = self._redactor.text(formatted)
            record.exc_info = None
        return True


def _patterns(secret: str) -> Iterable[str]:
    raw = secret.encode("utf-8", errors="surrogatepass")
    yield "".join(map(_spellings, secret))
    yield f"(?i:{raw.hex()})"
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        for piece in _base64_pieces(raw, encode):
            yield "".join(map(_spellings, piece))


def _spellings(character: str) -> str:
    """Return a pattern of every way in which libraries write a character of a text."""
    if character.isascii() and character.isalnum():
        return character  # nobody escapes these
    raw = character.encode("utf-8", errors="surrogatepass")
    utf16 = character.encode("utf-16-be", errors="surrogatepass").hex()
    ways = [
        rf"\\{{0,8}}{re.escape(character)}",  # JSON and Python escape quotes; JSON within JSON does it again
        "(?i:" + "".join(f"%(?:25){{0,4}}{byte:02x}" for byte in raw) + ")",
        "(?i:" + "".join(rf"\\{{1,8}}x{byte:02x}" for byte in raw) + ")",
        "(?i:" + "".join(rf"\\{{1,8}}u{utf16[start : start + 4]}" for start in range(0, len(utf16), 4)) + ")",
        rf"(?i:\\{{1,8}}(?:x{ord(character):02x}|U{ord(character):08x}))",
        re.escape(html.escape(character)),
    ]
    if character == " ":
        ways.append(r"\+")
    if character in _CONTROLS:
        ways.append(rf"\\{{1,8}}{_CONTROLS[character]}")
    return f"(?:{'|'.join(ways)})"


_CONTROLS = {"\n": "n", "\r": "r", "\t": "t", "\b": "b", "\f": "f"}


def _base64_pieces(raw: bytes, encode: Callable[[bytes], bytes]) -> Iterable[str]:
    """Yield what stands in the base64 text of anything that holds ``raw``, wherever it begins."""
    for before in range(_BASE64_GROUP):
        whole = encode(bytes(before) + raw).decode("ascii")
        start = -(-before * 8 // 6)  # characters that also depend on what stands before
        sure = (before + len(raw)) * 8 // 6  # and those from here on depend on what follows
        if sure - start >= _SHORTEST:
            yield whole[start:sure]


_SHORTEST = 4
"""Shorter pieces of base64 stand in any text."""
