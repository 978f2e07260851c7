"""What an answer of the collector means for the chunks that a relay passed on. Pure.

1. Each result counts only if it names exactly a chunk that was sent, by key, number and hash.
2. ``stored`` and ``known``, and what is refused, are answers: they are kept for the host, which verifies them itself.
   A refusal, or an answer without a checkpoint, is handed on once: sent again it is asked again.
3. A key that the collector does not know (yet) waits; so does everything when there is no answer.
4. 413 and 400 to several chunks: fewer at once. To a single one: refused with a code that makes the host keep it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from collector.relay.queue import UNKNOWN_SIZE, Answered, Kept
from collector.relay.upstream import Answer
from evidence.errors import MalformedError

NOT_TAKEN = "NOT_TAKEN"
HOLD_KEY_S = 600.0
MAX_RETRY_AFTER_S = 3_600.0
MAX_MESSAGE = 200
_HEAD = ("checkpoint", "anchor", "consistency", "server_ms")
_GOOD = ("stored", "known")
_OK, _BAD_REQUEST, _FORBIDDEN, _TOO_LARGE, _SLOW_DOWN, _UNAVAILABLE = 200, 400, 403, 413, 429, 503


@dataclass(frozen=True)
class Outcome:
    """What to do now. ``hold_s`` is for this key, ``away`` says that the collector does not work at all."""

    answered: Answered | None = None
    hold_s: float = 0.0
    trouble: str = ""
    shrink: bool = False
    away: bool = False


def outcome(answer: Answer, key: str, batch: Sequence[Kept], *, known_size: int) -> Outcome:
    """Return what an answer to ``batch`` means."""
    document = answer.document
    trouble = f"{document.get('code', f'HTTP_{answer.status}')}: {document.get('message', '')}"[:MAX_MESSAGE]
    if answer.status == _OK:
        return _judged(document, key, batch, known_size=known_size)
    if answer.status in (_SLOW_DOWN, _UNAVAILABLE):
        return Outcome(hold_s=retry_after_s(answer.retry_after), trouble=trouble)
    if answer.status == _FORBIDDEN:
        return Outcome(hold_s=HOLD_KEY_S, trouble=trouble)
    if answer.status in (_TOO_LARGE, _BAD_REQUEST):
        if len(batch) > 1:
            return Outcome(shrink=True, trouble=trouble)
        return Outcome(_not_taken(key, batch[0], trouble, known_size), trouble=trouble)
    return Outcome(away=True, trouble=trouble)


def retry_after_s(text: str) -> float:
    """Return the seconds of ``Retry-After``, 5 for none, at most an hour."""
    if not (text.isascii() and text.isdecimal()):
        return 5.0
    return min(float(text[:9]), MAX_RETRY_AFTER_S)


def log_size_of(document: Mapping[str, Any]) -> int:
    """Return the size of the log under an answer's checkpoint.

    Raises:
        MalformedError: it has none.
    """
    note = document.get("checkpoint")
    lines = note.split("\n") if isinstance(note, str) else []
    if len(lines) < 3 or not (lines[1].isascii() and lines[1].isdecimal() and len(lines[1]) < 17):  # noqa: PLR2004 - origin, size, root; below 10^16
        raise MalformedError("the answer has no checkpoint")
    return int(lines[1])


def _judged(document: Mapping[str, Any], key: str, batch: Sequence[Kept], *, known_size: int) -> Outcome:
    sent = {(chunk.seq, chunk.hash): chunk.name for chunk in batch}
    results: dict[str, Mapping[str, Any]] = {}
    said = document.get("results")
    trouble, unknown = "", False
    for result in said if isinstance(said, list) else ():
        if not isinstance(result, dict) or result.get("key") != key:
            continue
        seq, digest, status = result.get("seq"), result.get("hash"), result.get("status")
        if not isinstance(digest, str) or not isinstance(seq, int) or (seq, digest) not in sent:
            continue
        if result.get("code") == "UNKNOWN_KEY":
            unknown, trouble = True, "UNKNOWN_KEY: the collector does not know this key"
        elif status in _GOOD or status == "refused":
            results[sent[seq, digest]] = result
    try:
        log_size = log_size_of(document)
    except MalformedError:
        log_size = UNKNOWN_SIZE
    once = {name for name, result in results.items() if result["status"] not in _GOOD}
    head = {name: document[name] for name in _HEAD if name in document}
    answered = Answered(
        known_size, log_size, head, results, frozenset(results if log_size == UNKNOWN_SIZE else once)
    )
    if unknown:
        return Outcome(answered, hold_s=HOLD_KEY_S, trouble=trouble)
    if len(results) < len(sent):
        return Outcome(answered, away=True, trouble="BAD_ANSWER: not every chunk was judged")
    return Outcome(answered)


def _not_taken(key: str, chunk: Kept, message: str, known_size: int) -> Answered:
    result = {
        "key": key,
        "seq": chunk.seq,
        "hash": chunk.hash,
        "status": "refused",
        "code": NOT_TAKEN,
        "message": message,
    }
    return Answered(known_size, UNKNOWN_SIZE, {}, {chunk.name: result}, frozenset({chunk.name}))
