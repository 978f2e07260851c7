"""Receipts that come as files: put aside by a command, taken by whoever holds the state directory.

1. A receipt lets a chunk go only if the collector's log proves that it holds the chunk: a checkpoint signed by
   the key that was pinned at enrolment, and a proof of inclusion. Whoever made the file does not matter.
2. It lies in ``receipts/`` until it was taken; the running agent looks there at each turn of its delivery.
3. A receipt that proves nothing is removed and reported; the chunks stay and are exported again.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO

from agent.answers import Sent
from agent.errors import ConfigError
from agent.events import Events
from agent.exporting import give_to_owner, write_whole
from agent.files import FOLDER_MODE
from agent.receipts import Receipts
from agent.spool import Spool
from agent.state import INBOX, REQUEST, Enrolled, State
from evidence.errors import EvidenceError, MalformedError
from evidence.spool_file import MAX_LINE_BYTES, read_receipt_head

MAX_RECEIPT_BYTES = 1024 * 1024 * 1024
_ENDING = ".receipt"


@dataclass(frozen=True)
class Taken:
    """What a receipt did: chunks let go, and what was wrong with it, empty if nothing."""

    let_go: int
    problem: str


class Inbox:
    """The receipts of one state directory."""

    def __init__(self, state: State, enrolled: Enrolled, receipts: Receipts) -> None:
        """Take receipts for ``enrolled``."""
        self._state = state
        self._enrolled = enrolled
        self._receipts = receipts
        self._folder = state.path(INBOX)

    def put(self, path: str) -> None:
        """Lay a receipt into the inbox; returns when it is on the disk.

        Raises:
            ConfigError: the file cannot be read, or is no receipt for this host.
            OSError: the disk does not take it.
        """
        try:
            with open(path, "rb") as file:
                data = file.read(MAX_RECEIPT_BYTES + 1)
        except OSError as error:
            raise ConfigError(f"the receipt {path} cannot be read: {error.strerror}") from None
        if len(data) > MAX_RECEIPT_BYTES:
            raise ConfigError(f"the receipt {path} is longer than {MAX_RECEIPT_BYTES} bytes")
        try:
            self._require_ours(data.partition(b"\n")[0])
        except EvidenceError as error:
            raise ConfigError(f"{path}: {error}") from None
        os.makedirs(self._folder, mode=FOLDER_MODE, exist_ok=True)
        if os.name != "nt":
            folder = os.open(self._folder, os.O_RDONLY)
            try:
                give_to_owner(folder, self._state.folder)
            finally:
                os.close(folder)
        name = hashlib.sha256(data).hexdigest()[:32] + _ENDING
        write_whole(os.path.join(self._folder, name), data, like=self._state.folder)

    def take(self, spool: Spool, events: Events) -> list[Taken]:
        """Take every receipt that lies here; the caller holds the state directory.

        Raises:
            SpoolError: the disk does not let a chunk go; the receipt stays.
            OSError: a file cannot be read or removed.
        """
        try:
            names = sorted(name for name in os.listdir(self._folder) if name.endswith(_ENDING))
        except FileNotFoundError:
            return []
        taken = []
        for name in names:
            path = os.path.join(self._folder, name)
            result = self._take(path, spool)
            os.unlink(path)
            if result.problem:
                events.error("receipt_problem", message=result.problem, chunks=result.let_go)
            else:
                events.info("receipt_taken", chunks=result.let_go, pending=spool.count)
            taken.append(result)
        return taken

    def _take(self, path: str, spool: Spool) -> Taken:
        let_go, problem = 0, ""
        try:
            with open(path, "rb") as file:
                self._require_ours(_line(file))
                while line := _line(file):
                    count, wrong = self._follow(_answer(line), spool)
                    let_go += count
                    problem = problem or wrong
        except EvidenceError as error:
            problem = problem or str(error)
        if let_go:
            # A stored chunk shows that the enrolment is.
            self._state.remove(REQUEST)
        return Taken(let_go, problem)

    def _follow(self, answer: Mapping[str, Any], spool: Spool) -> tuple[int, str]:
        stored = list(self._stored(answer, spool))
        if not stored:
            return 0, ""
        problem = self._receipts.take_later(answer, stored)
        if problem is not None:
            return 0, f"{problem.code}: {problem.message}"
        for sent in stored:
            spool.acknowledge(sent.seq)
        return len(stored), ""

    def _stored(self, answer: Mapping[str, Any], spool: Spool) -> Iterator[Sent]:
        """Yield the chunks that are pending here and stored there, by key, number and hash."""
        results = answer.get("results")
        pending = set(spool.pending())
        for result in results if isinstance(results, list) else ():
            if not isinstance(result, dict) or result.get("status") not in ("stored", "known"):
                continue
            seq = result.get("seq")
            if isinstance(seq, bool) or not isinstance(seq, int) or seq not in pending:
                continue
            found = spool.read(seq)
            if found is not None and (found[0].key, found[0].hash) == (result.get("key"), result.get("hash")):
                pending.discard(seq)
                yield Sent(seq, found[0].key, found[0].hash)

    def _require_ours(self, line: bytes) -> None:
        head = read_receipt_head(line)
        if (head.key, head.enrolment) != (self._enrolled.key.public.id, self._enrolled.signed.hash):
            raise MalformedError(f"the receipt is for {head.host} with another key or enrolment than this")


def _line(file: BinaryIO) -> bytes:
    line = file.readline(MAX_LINE_BYTES + 1)
    if len(line) > MAX_LINE_BYTES:
        raise MalformedError("a line of the receipt is too long")
    return line


def _answer(line: bytes) -> Mapping[str, Any]:
    try:
        document = json.loads(line)
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        raise MalformedError("a line of the receipt is damaged")
    return document
