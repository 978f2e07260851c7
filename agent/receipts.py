"""Receipts: remembering what the collector's log was, so that it cannot be another one later.

1. Without a pinned log key, or from a collector that keeps no log, nothing is asked and nothing kept
   but the anchor's hash.
2. The checkpoint is signed by the pinned key.
3. Every chunk that is stored stands in the log under that checkpoint.
4. The log begins with the one that is kept: same size, same root; larger, with a proof; never smaller.
5. Only a checkpoint that passed takes the place of the kept one. A problem is told and counted; it
   never holds up a chunk or a reading.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Optional

from agent.answers import Sent
from agent.errors import StateError
from agent.state import RECEIPT, State
from evidence import checkpoint, merkle
from evidence.checkpoint import Checkpoint
from evidence.errors import EvidenceError, MalformedError
from evidence.fields import is_hash
from evidence.keys import PublicKey
from evidence.log_entry import CHUNK, LogEntry

SIZE_HEADER = "X-StarProof-Log-Size"
NO_RECEIPT, WRONG_RECEIPT = "NO_RECEIPT", "WRONG_RECEIPT"
SHRANK, FORKED = "LOG_SHRANK", "LOG_FORKED"
NOT_KEPT = "RECEIPT_NOT_KEPT"
"""The receipt holds, but this host's disk did not take it."""


@dataclass(frozen=True)
class Problem:
    """What is wrong with the log, and whether it was something else, or nothing, the last time."""

    code: str
    message: str
    is_new: bool


class _WrongError(Exception):
    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Receipts:
    """The newest checkpoint that was proved, kept in the state directory."""

    def __init__(self, state: State, key: Optional[PublicKey]) -> None:
        """Go on from what is kept in ``state``; ``key`` is the pinned log key."""
        self._state = state
        self._key = key
        self._kept: Optional[Checkpoint] = None
        self._note = b""
        self._last_problem = ""
        self.anchor = ""
        self._load()

    def headers(self) -> Mapping[str, str]:
        """Return the request header that asks for a proof of consistency."""
        return {} if self._kept is None else {SIZE_HEADER: str(self._kept.size)}

    def take(self, document: Mapping[str, Any], stored: Sequence[Sent]) -> Optional[Problem]:
        """Verify and keep what an answer says about the log; return what is wrong with it."""
        before = (self._note, self.anchor)
        try:
            if self._key is not None:
                self._verify(document, stored, self._key)
            self._take_anchor(document)
            if (self._note, self.anchor) != before:
                self._save()
        except _WrongError as wrong:
            return self._problem(wrong.code, str(wrong))
        except StateError as error:
            return self._problem(NOT_KEPT, str(error))
        self._last_problem = ""
        return None

    def take_later(self, document: Mapping[str, Any], stored: Sequence[Sent]) -> Optional[Problem]:
        """Verify a receipt that came as a file; return what is wrong with it.

        It may be older than the newest one that is known: then it says nothing about the log's growth. And
        it may have been asked for before that one came: then it has no proof from there. In both
        cases the chunks stand proved in it all the same, and the kept checkpoint stays.
        """
        if self._key is None:
            return self._problem(
                NO_RECEIPT, "no log key is pinned here, so a file proves nothing; enrol this host anew"
            )
        before = (self._note, self.anchor)
        try:
            said, note = self._proved(document, stored, self._key)
            if self._kept is None or document.get("known_size") == self._kept.size:
                self._continues(document, said)
                self._kept, self._note = said, note
                self._take_anchor(document)
            if (self._note, self.anchor) != before:
                self._save()
        except _WrongError as wrong:
            return self._problem(wrong.code, str(wrong))
        except StateError as error:
            return self._problem(NOT_KEPT, str(error))
        return None

    def _verify(self, document: Mapping[str, Any], stored: Sequence[Sent], key: PublicKey) -> None:
        said, note = self._proved(document, stored, key)
        # (4)
        self._continues(document, said)
        # (5)
        self._kept, self._note = said, note

    def _proved(
        self, document: Mapping[str, Any], stored: Sequence[Sent], key: PublicKey
    ) -> tuple[Checkpoint, bytes]:
        """Steps 2 and 3: return the checkpoint under which the chunks stand, and its note."""
        # (2)
        text = document.get("checkpoint")
        if not isinstance(text, str):
            raise _WrongError(NO_RECEIPT, "the collector gave no receipt from its log")
        try:
            note = text.encode()
            said = checkpoint.verify(note, key)
            # (3)
            self._included(document, stored, said)
        except (EvidenceError, UnicodeEncodeError) as error:
            raise _WrongError(WRONG_RECEIPT, str(error)) from None
        return said, note

    @staticmethod
    def _included(document: Mapping[str, Any], stored: Sequence[Sent], said: Checkpoint) -> None:
        results = {_name(result): result for result in document["results"] if isinstance(result, dict)}
        for sent in stored:
            result = results[(sent.key, sent.seq, sent.hash)]
            index, arrival_ms = _integer(result, "leaf"), _integer(result, "arrival_ms")
            leaf = LogEntry(CHUNK, sent.hash, arrival_ms).leaf
            merkle.verify_inclusion(leaf, index, said.size, _hashes(result.get("proof")), said.root)

    def _continues(self, document: Mapping[str, Any], said: Checkpoint) -> None:
        kept = self._kept
        if kept is None:
            return
        if said.size < kept.size:
            raise _WrongError(SHRANK, f"the log has {said.size} leaves, it had {kept.size}")
        if said.size == kept.size:
            if said.root != kept.root:
                raise _WrongError(FORKED, f"the log has another root of {said.size} leaves than before")
            return
        try:
            proof = _hashes(document.get("consistency"))
            merkle.verify_consistency(kept.size, kept.root, said.size, said.root, proof)
        except EvidenceError as error:
            message = f"{said.size} leaves are not shown to continue {kept.size}: {error}"
            raise _WrongError(FORKED, message) from None

    def _take_anchor(self, document: Mapping[str, Any]) -> None:
        anchor = document.get("anchor", "")
        if isinstance(anchor, str) and is_hash(anchor):
            self.anchor = anchor

    def _problem(self, code: str, message: str) -> Problem:
        is_new = code != self._last_problem
        self._last_problem = code
        return Problem(code, message, is_new)

    def _load(self) -> None:
        """A damaged file is as good as none: the next receipt makes a new one."""
        try:
            document = json.loads(self._state.read(RECEIPT) or b"{}")
            anchor = document.get("anchor", "")
            self.anchor = anchor if isinstance(anchor, str) and is_hash(anchor) else ""
            note = str(document.get("checkpoint", "")).encode()
            if self._key is not None and note:
                self._kept, self._note = checkpoint.verify(note, self._key), note
        except (ValueError, AttributeError, EvidenceError):
            self._kept, self._note = None, b""

    def _save(self) -> None:
        document = {"checkpoint": self._note.decode(), "anchor": self.anchor}
        self._state.write(RECEIPT, json.dumps(document, ensure_ascii=False).encode() + b"\n")


def _name(result: Mapping[str, Any]) -> tuple[Any, Any, Any]:
    """The chunk that a result speaks of; hashable whatever the answer holds."""
    key, seq, digest = (result.get(name) for name in ("key", "seq", "hash"))
    known = all(isinstance(part, (str, int)) for part in (key, seq, digest))
    return (key, seq, digest) if known else (None, None, None)


def _integer(result: Mapping[str, Any], name: str) -> int:
    value = result.get(name)
    if not isinstance(value, int):
        raise MalformedError(f"the receipt has no {name}")
    return value


def _hashes(values: object) -> list[bytes]:
    if not isinstance(values, list) or len(values) > merkle.MAX_PROOF:
        raise MalformedError("the receipt has no proof")
    try:
        return [base64.b64decode(value, validate=True) for value in values]
    except (binascii.Error, ValueError, TypeError):
        raise MalformedError("a hash of the proof is not base64") from None
