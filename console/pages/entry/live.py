"""The live stream: server-sent events that say that something new is in the store, never what.

A page that is open then asks for itself again; so what somebody sees is always what the role may see.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response, StreamingResponse

from console.services import Console
from console.visit import Visit

LOOK_EVERY_S = 2.0
STEP_S = 0.25
"""The service does not wait longer than this for a stream when it ends."""
LIFE_S = 300
"""After this the browser asks again, and is refused if the session is over by then."""
AGAIN_MS = 5_000
BUSY_MS = 60_000


def stream(visit: Visit) -> Response:
    """Answer with the stream; one that ends at once when too many are open (the page works, it is not live)."""
    return StreamingResponse(_events(visit.console), media_type="text/event-stream")


async def _events(console: Console) -> AsyncIterator[str]:
    if not console.streams.acquire(blocking=False):
        yield f"retry: {BUSY_MS}\n\n"
        return
    try:
        yield f"retry: {AGAIN_MS}\n\n"
        known = await run_in_threadpool(console.snapshots.mark)
        steps = 0
        while not console.stopping.is_set() and steps * STEP_S < LIFE_S:
            await asyncio.sleep(STEP_S)
            steps += 1
            if steps % round(LOOK_EVERY_S / STEP_S):
                continue
            now = await run_in_threadpool(console.snapshots.mark)
            yield "event: change\ndata: 1\n\n" if now != known else ": here\n\n"
            known = now
    finally:
        console.streams.release()
