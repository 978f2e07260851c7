"""What an answer of the collector means for the chunks that were sent. Pure (``docs/wire.md``).

1. No answer, or 5xx: keep everything, back off. 429 and 503 name the wait themselves.
2. 413: the batch was too large: halve it. A single chunk too large is held back.
3. 400: this body is not sent again: a batch is taken apart, a single chunk is held back.
4. 200: each result counts only if it names exactly a chunk that was sent, by key, number and hash.
   ``stored`` and ``known`` let it go; ``refused`` by its code: held (``CLOCK_AHEAD``, unknown codes),
   all kept (``UNKNOWN_KEY``), or moved aside. ``relayed`` keeps the chunk: a relay has a copy (``agent.relaying``).
5. Anything else (403 ``UNKNOWN_KEY``, a redirect, a web page): keep everything, back off, report.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Optional

from agent.relaying import again_s
from agent.sealing import ClockEstimate
from agent.transport import Answer
from evidence.chunk import LATEST_MS

MAX_RETRY_AFTER_S = 3_600.0
CLOCK_HOLD_S = 600.0
"""The collector takes chunks up to 10 minutes ahead of its clock."""
FAULT_HOLD_S = 3_600.0
"""A chunk that cannot be sent as it is comes again after this time, or when the agent restarts."""
MAX_MESSAGE = 200
REFUSALS = frozenset(
    {"CONFLICT", "BAD_CHAIN", "BAD_SIGNATURE", "MALFORMED", "MISMATCH", "LIMIT_EXCEEDED", "WRONG_HOST"}
    | {"CLOCK_WRONG", "MONTH_DROPPED"}
)

_MAX_DIGITS = 9
_OK, _BAD_REQUEST, _TOO_LARGE, _SLOW_DOWN, _UNAVAILABLE = 200, 400, 413, 429, 503


@dataclass(frozen=True)
class Sent:
    """A chunk of the batch."""

    seq: int
    key: str
    hash: str


@dataclass(frozen=True)
class Decision:
    """What to do after a request.

    ``refused`` maps numbers to (code, message), ``held`` to (code, seconds). ``back_off`` asks for the
    exponential wait, ``wait_s`` for exactly this one plus jitter, ``shrink`` for smaller batches. ``relayed`` lie
    with a relay, which may be asked again after ``again_s``.
    ``code`` names the result: ``OK``, or what went wrong.
    """

    code: str
    message: str = ""
    stored: tuple[int, ...] = ()
    refused: Mapping[int, tuple[str, str]] = field(default_factory=dict)
    held: Mapping[int, tuple[str, float]] = field(default_factory=dict)
    relayed: tuple[int, ...] = ()
    again_s: float = 0.0
    back_off: bool = False
    wait_s: Optional[float] = None
    shrink: bool = False
    clock: Optional[ClockEstimate] = None


def decide(answer: Answer, batch: Sequence[Sent]) -> Decision:
    """Return what an answer to ``batch`` asks for."""
    document = parse(answer)
    clock = clock_estimate(answer, document)
    code = str(document.get("code", "")) or f"HTTP_{answer.status}"
    message = str(document.get("message", ""))[:MAX_MESSAGE]
    if answer.status == _OK:
        return _judge(document, batch, clock)
    if answer.status in (_SLOW_DOWN, _UNAVAILABLE):
        wait_s = retry_after_s(answer.retry_after)
        return Decision(code, message, back_off=wait_s is None, wait_s=wait_s, clock=clock)
    if answer.status in (_TOO_LARGE, _BAD_REQUEST):
        if len(batch) > 1:
            return Decision(code, message, shrink=True, clock=clock)
        return Decision(code, message, held={batch[0].seq: (code, FAULT_HOLD_S)}, clock=clock)
    return Decision(code, message, back_off=True, clock=clock)


def parse(answer: Answer) -> dict[str, Any]:
    """Return the JSON object of an answer, empty if it holds none."""
    try:
        document = json.loads(answer.body)
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


def clock_estimate(answer: Answer, document: Mapping[str, Any]) -> Optional[ClockEstimate]:
    """Return collector minus host from one exchange, as NTP does: the answer was made half-way."""
    server_ms = document.get("server_ms")
    if not isinstance(server_ms, int) or isinstance(server_ms, bool) or not 0 < server_ms <= LATEST_MS:
        return None
    return ClockEstimate(server_ms - (answer.received_ms - answer.elapsed_ms // 2), answer.elapsed_ms)


def retry_after_s(text: str) -> Optional[float]:
    """Return the seconds that ``Retry-After`` asks for, at most an hour; ``None`` for no number."""
    if not text.isascii() or not text.isdecimal():
        return None
    return min(float(text[:_MAX_DIGITS]), MAX_RETRY_AFTER_S)


def _judge(document: Mapping[str, Any], batch: Sequence[Sent], clock: Optional[ClockEstimate]) -> Decision:
    results = document.get("results")
    if not isinstance(results, list):
        return Decision("BAD_ANSWER", "the answer holds no results", back_off=True, clock=clock)
    stored: list[int] = []
    refused: dict[int, tuple[str, str]] = {}
    held: dict[int, tuple[str, float]] = {}
    relayed: dict[int, str] = {}
    ours = {(sent.key, sent.seq, sent.hash) for sent in batch}
    for result in results:
        if not isinstance(result, dict) or _name(result) not in ours:
            continue
        seq, code = int(result["seq"]), str(result.get("code", ""))
        ours.discard(_name(result))
        if result.get("status") in ("stored", "known"):
            stored.append(seq)
        elif result.get("status") == "relayed":
            relayed[seq] = str(result.get("message", ""))[:MAX_MESSAGE]
        elif result.get("status") != "refused":
            ours.add(_name(result))
        elif code in REFUSALS:
            refused[seq] = (code, str(result.get("message", ""))[:MAX_MESSAGE])
        else:
            held[seq] = (code, CLOCK_HOLD_S if code == "CLOCK_AHEAD" else FAULT_HOLD_S)
    unknown_key = any(code == "UNKNOWN_KEY" for code, _ in held.values())
    held = {seq: what for seq, what in held.items() if what[0] != "UNKNOWN_KEY"}
    trouble = next((code for code, _ in {**refused, **held}.values()), "")
    code = "UNKNOWN_KEY" if unknown_key else "BAD_ANSWER" if ours else trouble
    return Decision(
        code or ("RELAYED" if relayed and not stored else "OK"),
        f"{len(ours)} chunks were not judged" if ours else next(iter(relayed.values()), ""),
        stored=tuple(stored),
        refused=refused,
        held=held,
        relayed=tuple(relayed),
        again_s=again_s(document) if relayed else 0.0,
        back_off=unknown_key or bool(ours),
        clock=clock,
    )


def _name(result: Mapping[str, Any]) -> tuple[Any, Any, Any]:
    """The chunk that a result speaks of; hashable whatever the answer holds."""
    key, seq, digest = (result.get(name) for name in ("key", "seq", "hash"))
    if isinstance(seq, bool) or not isinstance(seq, int) or not isinstance(key, str):
        return None, None, None
    return key, seq, digest if isinstance(digest, str) else None
