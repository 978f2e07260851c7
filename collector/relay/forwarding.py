"""Passing on what waits: a thread that serves the keys in turn, so that one host's backlog holds up no other."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from collector.errors import StoreError
from collector.http.bodies import CHUNKS_TYPE
from collector.http.log import Log
from collector.relay.outcome import Outcome, outcome
from collector.relay.queue import UNKNOWN_SIZE, Kept, Queue
from collector.relay.upstream import Upstream, UpstreamError

CHUNKS_PATH = "/v1/chunks"
BATCH_CHUNKS, BATCH_BYTES = 64, 4 * 1024 * 1024
BACKOFF_BASE_S, BACKOFF_CAP_S = 1.0, 60.0
IDLE_S = 5.0
"""Holds that have ended are looked for this often."""
_MAX_DOUBLINGS = 10

Ring = Callable[[str], None]


class Forwarder:
    """Passes on what a queue holds. ``turn`` is one request; ``running`` is the thread."""

    def __init__(
        self,
        queue: Queue,
        upstream: Upstream,
        *,
        log: Log,
        ring: Ring = lambda _key: None,
        monotonic: Callable[[], float] = time.monotonic,
        jitter: Callable[[], float] = lambda: 1.0,
    ) -> None:
        """``ring`` is called with the key whose chunks were answered; ``jitter`` returns numbers in [0, 1]."""
        self._queue = queue
        self._upstream = upstream
        self._log = log
        self._ring = ring
        self._monotonic = monotonic
        self._jitter = jitter
        self._held: dict[str, float] = {}
        self._limits: dict[str, int] = {}
        self._troubles: dict[str, str] = {}
        self._last = ""
        self._failures = 0
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self.forwarded = 0

    @property
    def is_away(self) -> bool:
        """Whether the last request found no collector."""
        return self._failures > 0

    def trouble(self, key: str) -> str:
        """Return why the chunks of a key wait, empty if nothing is known to be wrong."""
        return self._troubles.get(key, "") or self._troubles.get("", "")

    def notify(self) -> None:
        """Say that something waits."""
        self._wake.set()

    @contextmanager
    def running(self) -> Iterator[None]:
        """Pass on in a thread of its own; a request under way is finished at the end."""
        thread = threading.Thread(target=self._run, name="starproof-forwarder", daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._stopping.set()
            self._wake.set()
            thread.join()

    def turn(self) -> float | None:
        """Pass on one batch; return the seconds to wait before the next, ``None`` if nothing can be sent.

        Raises:
            StoreError: the queue cannot be used.
        """
        now_s = self._monotonic()
        self._held = {key: until_s for key, until_s in self._held.items() if until_s > now_s}
        key = self._queue.next_key(self._last, but=frozenset(self._held))
        if key is None:
            return None
        self._last = key
        limit = self._limits.get(key, BATCH_CHUNKS)
        batch = self._queue.batch(key, most=limit, most_bytes=BATCH_BYTES)
        if not batch:
            return 0.0
        sender = self._queue.sender(key)
        known_size = UNKNOWN_SIZE if sender is None else sender.log_size
        try:
            answer = self._upstream.post(
                CHUNKS_PATH, b"".join(chunk.frame for chunk in batch), headers_of(key, known_size)
            )
        except UpstreamError as error:
            found = Outcome(away=True, trouble=str(error))
        else:
            found = outcome(answer, key, batch, known_size=known_size)
        return self._follow(key, batch, found)

    def _follow(self, key: str, batch: list[Kept], found: Outcome) -> float:
        judged = 0
        if found.answered is not None and found.answered.results:
            self._queue.settle(key, found.answered)
            judged = len(found.answered.results)
            self.forwarded += judged
        if found.shrink:
            self._limits[key] = max(1, len(batch) // 2)
        elif judged:
            self._limits.pop(key, None)
        if found.hold_s:
            self._held[key] = self._monotonic() + found.hold_s
        self._tell(key, found, judged)
        self._ring(key)
        if not found.away:
            self._failures = 0
            return 0.0
        self._failures += 1
        ceiling_s = min(BACKOFF_CAP_S, BACKOFF_BASE_S * (1 << min(self._failures - 1, _MAX_DOUBLINGS)))
        return ceiling_s * (0.5 + self._jitter() / 2)

    def _tell(self, key: str, found: Outcome, judged: int) -> None:
        place = "" if found.away else key
        if found.trouble and self._troubles.get(place) != found.trouble:
            self._log("relay_waits", level="warning", key=key, message=found.trouble)
        if not found.away:
            self._troubles.pop("", None)
        self._troubles.pop(place, None)
        if found.trouble:
            self._troubles[place] = found.trouble
        if judged:
            self._log("relayed", key=key, chunks=judged)

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                wait_s = self.turn()
            except StoreError as error:
                self._log("store_unavailable", level="error", message=str(error))
                wait_s = BACKOFF_CAP_S
            if wait_s is None:
                self._wake.wait(IDLE_S)
                self._wake.clear()
            elif wait_s:
                self._stopping.wait(wait_s)


def headers_of(key: str, known_size: int) -> dict[str, str]:
    """Return the headers of a request for chunks, as an agent would send them."""
    size = {} if known_size == UNKNOWN_SIZE else {"X-StarProof-Log-Size": str(known_size)}
    return {"Content-Type": CHUNKS_TYPE, "X-StarProof-Key": key, **size}
