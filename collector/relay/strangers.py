"""What is passed on for those whom the relay does not know: little at once, in threads that nobody else needs.

Anybody can write the name of a key that nobody has, so what is counted is the address that sends:

1. It asks at most so often, all addresses together ask a part of what the collector lets one address ask.
2. It has ``OF_ONE`` requests under way, all together have ``AT_ONCE``; more are refused at once.
3. While the collector is away they are refused at once. Where only a request of this kind can find that out, one is
   let through to ask, and the others are refused.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from collector.errors import RequestError
from collector.http.buckets import Buckets
from collector.relay.upstream import Answer, Upstream, UpstreamError

AT_ONCE, OF_ONE = 8, 2
RETRY_AFTER_S, AWAY_RETRY_S = 5, 60
_EVERYBODY = ""


class Strangers:
    """Passes requests on to ``upstream``. Used from one event loop."""

    def __init__(
        self,
        upstream: Upstream,
        *,
        is_away: Callable[[], bool],
        per_minute: int,
        all_per_minute: int,
        monotonic: Callable[[], float],
    ) -> None:
        """``is_away`` says whether the collector was found away by what waits for it."""
        self._upstream = upstream
        self._is_away = is_away
        self._addresses = Buckets(per_minute, monotonic)
        self._all = Buckets(all_per_minute, monotonic)
        self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="starproof-strangers")
        self._open: Counter[str] = Counter()
        self._found_nobody = False

    def close(self) -> None:
        """Ask nothing more; what is under way ends by itself."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def require_rate(self, address: str) -> None:
        """Count a request of an address (rule 1).

        Raises:
            RequestError: 429, it asks too often, or all together do.
        """
        wait_s = self._addresses.wait_s(address) or self._all.wait_s(_EVERYBODY)
        if wait_s:
            raise RequestError(429, "SLOW_DOWN", f"too many requests; wait {wait_s} s", retry_after_s=wait_s)

    def require_room(self, address: str) -> None:
        """Return if a request of this address can be passed on now (rules 2 and 3).

        Raises:
            RequestError: 503, the collector is away, or too much is under way.
        """
        under_way = self._open.total()
        if self._is_away() or (self._found_nobody and under_way):
            words = "the relay does not reach the collector; try again later"
            raise RequestError(503, "UNAVAILABLE", words, retry_after_s=AWAY_RETRY_S)
        if self._open[address] >= OF_ONE or under_way >= AT_ONCE:
            words = "the relay passes on too much for hosts it does not know yet; try again"
            raise RequestError(503, "UNAVAILABLE", words, retry_after_s=RETRY_AFTER_S)

    async def ask(self, address: str, path: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Return the collector's answer.

        Raises:
            RequestError: see ``require_room``.
            UpstreamError: there was no answer.
        """
        self.require_room(address)
        self._open[address] += 1
        # Who hangs up takes no place with it: the place is free when the thread is.
        asked = self._threads.submit(self._upstream.post, path, body, headers)
        loop = asyncio.get_running_loop()
        asked.add_done_callback(lambda _: _call(loop, self._done, address))
        try:
            answer = await asyncio.wrap_future(asked)
        except UpstreamError:
            self._found_nobody = True
            raise
        self._found_nobody = False
        return answer

    def _done(self, address: str) -> None:
        self._open[address] -= 1
        if not self._open[address]:
            del self._open[address]


def _call(loop: asyncio.AbstractEventLoop, job: Callable[[str], None], address: str) -> None:
    """Run a job in the loop, from any thread; a loop that has ended counts nothing any more."""
    with suppress(RuntimeError):
        loop.call_soon_threadsafe(job, address)
