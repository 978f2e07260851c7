"""Delivery: a thread that brings pending chunks to the collector and lets go of what is stored there.

The collector may be away for a month: nothing is lost, the interval of readings never changes, only
the sending waits. What an answer means is decided in ``agent.answers``; this module does what was
decided. Clock, randomness and waiting are passed in.

Waits: after a failure n in a row, a random time between 0 and min(300 s, 2^n s) (full jitter), so
that a fleet does not come back in one moment; ``Retry-After`` plus up to a second if the collector
names it; after a new chunk a random delay of up to ``spread_s``, because all agents seal at once.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from typing import Callable, Optional, Protocol

from agent.answers import Decision, Sent, decide, parse
from agent.board import Board
from agent.errors import SpoolError, TransportError
from agent.events import Events
from agent.exporting import ExportMark
from agent.inbox import Inbox
from agent.receipts import NOT_KEPT, Receipts
from agent.relaying import Relay
from agent.sealing import ClockEstimate
from agent.spool import Spool
from agent.thinning import thinned
from agent.transport import DEFAULT_TIMEOUT_S, Answer, Transport
from evidence.keys import PrivateKey

MAX_BATCH_CHUNKS = 64
MAX_BATCH_BYTES = 4 * 1024 * 1024
BACKOFF_BASE_S = 1.0
BACKOFF_CAP_S = 300.0
IDLE_S = 60.0
"""With nothing to send, chunks that were held are looked at this often."""
LAST_TIMEOUT_S = 4.0
"""The last requests together when the agent stops; ``agent.run`` waits 5 s for them."""
PATH = "/v1/chunks"
CONTENT_TYPE = "application/vnd.starproof.chunks"
_MAX_DOUBLINGS = 16


class Shown(Protocol):
    """The certificate that this host shows (``agent.client_certificate``)."""

    def keep_fresh(self) -> None:
        """Renew it when its time has come."""

    def follow(self, code: str) -> None:
        """Get one if this result of a request asks for it."""


@dataclass(frozen=True)
class ByFile:
    """What is exported and confirmed by files, beside or instead of the network."""

    inbox: Inbox
    mark: ExportMark


@dataclass(frozen=True)
class Surroundings:
    """What delivery takes from outside: seconds that only grow, and numbers in [0, 1)."""

    mono_s: Callable[[], float]
    random: Callable[[], float]


class Delivery:
    """Sends what is pending. ``cycle`` is one request; ``run`` is the thread's loop."""

    def __init__(
        self,
        *,
        spool: Spool,
        key: PrivateKey,
        transport: Optional[Transport],
        around: Surroundings,
        board: Board,
        events: Events,
        timeout_s: float = DEFAULT_TIMEOUT_S,
        max_chunks: int = MAX_BATCH_CHUNKS,
        spread_s: float = 0.0,
        receipts: Optional[Receipts] = None,
        by_file: Optional[ByFile] = None,
        relay: Optional[Relay] = None,
        shown: Optional[Shown] = None,
    ) -> None:
        """Deliver the chunks of ``spool``, which ``key`` signed, over ``transport``.

        Without a transport nothing is sent: somebody carries the chunks (``by_file``).
        """
        self._spool = spool
        self._key = key
        self._transport = transport
        self._around = around
        self._board = board
        self._events = events
        self._timeout_s = timeout_s
        self._max_chunks = self._limit = max_chunks
        self._spread_s = spread_s
        self._receipts = receipts
        self._by_file = by_file
        self._relay = Relay() if relay is None else relay
        self._shown = shown
        self._held: dict[int, float] = {}
        self._failures = 0
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self.clock = ClockEstimate()

    @property
    def anchor(self) -> str:
        """The hash of the newest anchor receipt that the collector has told, or empty."""
        return self._receipts.anchor if self._receipts else ""

    def notify(self) -> None:
        """Say that a new chunk is pending."""
        self._wake.set()

    def stop(self) -> None:
        """Ask the loop to send what is pending, quickly, and end."""
        self._stopping.set()
        self._wake.set()

    def run(self) -> None:
        """Send until ``stop`` is called."""
        while not self._stopping.is_set():
            try:
                wait_s = self.cycle()
            except (SpoolError, OSError) as error:
                self._events.error("delivery_failed", reason=str(error))
                wait_s = self._back_off_s()
            if wait_s is None:
                self._wake.wait(min(IDLE_S, self._relay.left_s(self._around.mono_s())))
                self._wake.clear()
                wait_s = self._around.random() * self._spread_s
            self._stopping.wait(wait_s)
        try:
            self._last()
        except (SpoolError, OSError) as error:
            self._events.error("delivery_failed", reason=str(error))

    def _last(self) -> None:
        """Send what is pending while the collector takes it, for a few seconds altogether."""
        end_s = self._around.mono_s() + LAST_TIMEOUT_S
        while True:
            left_s = end_s - self._around.mono_s()
            if left_s <= 0 or self.cycle(timeout_s=min(left_s, self._timeout_s)) != 0.0:
                return

    def cycle(self, *, timeout_s: Optional[float] = None) -> Optional[float]:
        """Send one batch; return the seconds to wait before the next, ``None`` for nothing to send.

        Raises:
            SpoolError: the disk does not let a chunk go, or cannot record that one is sent.
        """
        self._take_receipts()
        if self._spool.wants_thinning():
            self._thin()
        if self._transport is None:
            return None
        batch, body = self._batch()
        if not batch:
            return None
        self._spool.mark_tried(max(sent.seq for sent in batch))
        if self._shown is not None:
            self._shown.keep_fresh()
        headers = {"Content-Type": CONTENT_TYPE, "X-StarProof-Key": self._key.public.id}
        if self._receipts is not None:
            headers.update(self._receipts.headers())
        try:
            answer = self._transport.post(PATH, body, headers, timeout_s=timeout_s or self._timeout_s)
        except TransportError as error:
            decision = Decision("NO_ANSWER", str(error), back_off=True)
        else:
            self._relay.see(parse(answer), self._events)
            decision = self._proved(answer, decide(answer, batch), batch)
        if self._shown is not None:
            self._shown.follow(decision.code)
        return self._follow(decision, len(batch))

    def _proved(self, answer: Answer, decision: Decision, batch: list[Sent]) -> Decision:
        """Keep the receipts. From the collector itself they change nothing: the chunks are its now.

        By a relay nothing is let go without their proof.
        """
        if self._receipts is None or not decision.stored:
            return decision
        stored = [sent for sent in batch if sent.seq in decision.stored]
        problem = self._receipts.take(parse(answer), stored)
        if problem is not None:
            self._board.log_problem(f"{problem.code}: {problem.message}")
            if problem.is_new:
                self._events.error("log_problem", code=problem.code, message=problem.message)
            if self._relay.is_between and problem.code != NOT_KEPT:
                return replace(decision, code=problem.code, message=problem.message, stored=(), back_off=True)
        return decision

    def _batch(self) -> tuple[list[Sent], bytes]:
        """Return the oldest chunks that are not held, at most so many and so many bytes."""
        now_s = self._around.mono_s()
        self._held = {seq: until_s for seq, until_s in self._held.items() if until_s > now_s}
        batch: list[Sent] = []
        parts: list[bytes] = []
        length = 0
        for seq in self._spool.pending():
            if seq in self._held or self._relay.waits(seq, now_s):
                continue
            size = self._spool.size(seq)
            if len(batch) >= self._limit or (batch and length + size > MAX_BATCH_BYTES):
                break
            found = self._spool.read(seq)
            if found is not None:
                frame, data = found
                batch.append(Sent(seq, frame.key, frame.hash))
                parts.append(data)
                length += len(data)
        return batch, b"".join(parts)

    def _follow(self, decision: Decision, sent: int) -> float:
        for seq in decision.stored:
            self._spool.acknowledge(seq)
        for seq, (code, message) in decision.refused.items():
            self._events.error("chunk_refused", seq=seq, code=code, message=message)
            self._spool.refuse(seq)
        for seq, (code, hold_s) in decision.held.items():
            self._events.warning("chunk_held", seq=seq, code=code, seconds=round(hold_s))
            self._held[seq] = self._around.mono_s() + hold_s
        now_s = self._around.mono_s()
        self._relay.forget((*decision.stored, *decision.refused, *decision.held), now_s)
        self._relay.keeps(decision.relayed, decision.again_s, now_s)
        if decision.clock is not None:
            self.clock = decision.clock
        self._board.delivered(decision, self.clock)
        if decision.shrink:
            self._limit = max(1, min(self._limit, sent) // 2)
        elif decision.stored:
            self._limit = min(self._max_chunks, self._limit * 2)
        if decision.back_off or decision.wait_s is not None:
            return self._wait_after_failure(decision)
        self._failures = 0
        if decision.stored:
            self._events.info("delivered", chunks=len(decision.stored), pending=self._spool.count)
        elif decision.code == "RELAYED":
            self._events.info("relayed", chunks=len(decision.relayed), message=decision.message)
        elif decision.code != "OK":
            self._events.warning("delivery_problem", code=decision.code, message=decision.message)
        return 0.0

    def _wait_after_failure(self, decision: Decision) -> float:
        if decision.wait_s is not None:
            wait_s = decision.wait_s + self._around.random() * BACKOFF_BASE_S
        else:
            wait_s = self._back_off_s()
        self._events.warning(
            "delivery_waits",
            code=decision.code,
            message=decision.message,
            seconds=round(wait_s, 1),
            pending=self._spool.count,
        )
        return wait_s

    def _back_off_s(self) -> float:
        ceiling_s = min(BACKOFF_CAP_S, BACKOFF_BASE_S * (1 << min(self._failures, _MAX_DOUBLINGS)))
        self._failures += 1
        return self._around.random() * ceiling_s

    def _take_receipts(self) -> None:
        """A receipt that cannot be taken stays where it is and holds up nothing."""
        if self._by_file is None:
            return
        try:
            let_go = sum(one.let_go for one in self._by_file.inbox.take(self._spool, self._events))
        except (SpoolError, OSError) as error:
            self._events.error("receipt_not_taken", reason=str(error))
            return
        if let_go:
            self._board.confirmed(let_go)

    def _thin(self) -> None:
        if self._by_file is None:
            self._thin_now()
            return
        try:
            with self._by_file.mark.held() as got:
                if got:  # else an export is under way, and thinning comes at the next turn
                    self._spool.mark_tried(self._by_file.mark.read())
                    self._thin_now()
        except OSError as error:
            self._events.error("thinning_failed", reason=str(error))

    def _thin_now(self) -> None:
        try:
            saved = self._spool.replace_tail(lambda chunks: thinned(chunks, self._key))
        except SpoolError as error:
            self._events.error("thinning_failed", reason=str(error))
            return
        self._board.thinned(saved)
        if saved:
            self._events.warning("spool_thinned", saved_bytes=saved, bytes=self._spool.size_bytes)
        else:
            self._events.error(
                "spool_cannot_be_thinned", bytes=self._spool.size_bytes, limit=self._spool.max_bytes
            )
