"""The answer to a batch of chunks: verdicts, and receipts from the log (``docs/wire.md``)."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Sequence
from typing import Any

from collector.admission import KNOWN, STORED, Result
from collector.log.receipts import Receipts

STORED_BEFORE_OR_NOW = (STORED, KNOWN)
_SIZE = re.compile(r"(?:0|[1-9][0-9]{0,15})\Z")


def size_header(text: str) -> int | None:
    """Return the size of the log that a sender says it knows, ``None`` if it says none."""
    return int(text) if _SIZE.match(text) else None


def answer_to_chunks(results: Sequence[Result], receipts: Receipts | None) -> dict[str, Any]:
    """Return the body of the answer without the clock."""
    document: dict[str, Any] = {"results": [_result(result, receipts) for result in results]}
    if receipts is not None:
        document["checkpoint"] = receipts.checkpoint.decode()
        document["anchor"] = receipts.anchor
        if receipts.consistency is not None:
            document["consistency"] = _hashes(receipts.consistency)
    return document


def _result(result: Result, receipts: Receipts | None) -> dict[str, Any]:
    document: dict[str, Any] = {
        "key": result.key,
        "seq": result.seq,
        "hash": result.hash,
        "status": result.verdict.status,
        "code": result.verdict.code,
        "message": result.verdict.message,
    }
    leaf = receipts.leaves.get(result.hash) if receipts else None
    if leaf is not None and result.verdict.status in STORED_BEFORE_OR_NOW:
        document.update(leaf=leaf.index, arrival_ms=leaf.arrival_ms, proof=_hashes(leaf.proof))
    return document


def _hashes(hashes: Iterable[bytes]) -> list[str]:
    return [base64.b64encode(hash_).decode() for hash_ in hashes]
