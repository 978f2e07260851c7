"""Many agents on one machine: an open loop. Each request is due at a time of its own, whatever came of those before.

Every request is a connection of its own with a whole TLS handshake, as the agent makes it (``agent.transport``),
unless ``keep`` asks for connections that stay. Latency counts from the time at which the request was due. Runs as a
process of its own: ``python agents_client.py`` reads a pickled ``Order`` from standard input and prints JSON.
"""

from __future__ import annotations

import asyncio
import json
import pickle
import ssl
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

ANSWER_S = 30


@dataclass(frozen=True)
class Order:
    """What to send where: (due in s, who, body), sorted; ``headers`` go with all, ``key`` names one of its own."""

    port: int
    ca_pem: str | None
    path: str
    headers: dict[str, str]
    requests: Sequence[tuple[float, str, bytes]]
    key_header: str = ""
    keep: bool = False


@dataclass
class Seen:
    """What came back."""

    latencies: list[float] = field(default_factory=list)
    late: list[float] = field(default_factory=list)
    statuses: dict[str, int] = field(default_factory=dict)
    stored: int = 0


async def play(order: Order) -> Seen:
    """Send everything at its time."""
    context = None
    if order.ca_pem is not None:
        context = ssl.create_default_context(cadata=order.ca_pem)
    seen, tasks, begun = Seen(), [], time.perf_counter() + 0.5
    kept: dict[str, tuple[asyncio.StreamReader, asyncio.StreamWriter]] = {}
    for due, who, body in order.requests:
        wait = begun + due - time.perf_counter()
        if wait > 0:
            await asyncio.sleep(wait)
        seen.late.append(max(0.0, time.perf_counter() - begun - due))
        tasks.append(asyncio.create_task(_one(order, context, (begun + due, who, body), seen, kept)))
    await asyncio.gather(*tasks)
    return seen


async def _one(order, context, request, seen, kept) -> None:  # noqa: ANN001 - private to this file
    due, who, body = request
    try:
        status, answer = await asyncio.wait_for(_exchange(order, context, (who, body), kept), ANSWER_S)
    except (OSError, asyncio.TimeoutError, asyncio.IncompleteReadError, ValueError) as error:
        status, answer = type(error).__name__, b""
    seen.latencies.append(time.perf_counter() - due)
    seen.statuses[status] = seen.statuses.get(status, 0) + 1
    seen.stored += answer.count(b'"stored"')


async def _exchange(order, context, request, kept):  # noqa: ANN001, ANN202 - private to this file
    who, body = request
    streams = kept.pop(who, None)
    if streams is None:
        streams = await asyncio.open_connection("127.0.0.1", order.port, ssl=context)
    reader, writer = streams
    lines = [f"POST {order.path} HTTP/1.1", f"Host: 127.0.0.1:{order.port}", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {text}" for name, text in order.headers.items()]
    lines += [f"{order.key_header}: {who}"] if order.key_header else []
    lines += [] if order.keep else ["Connection: close"]
    writer.write("\r\n".join([*lines, "", ""]).encode() + body)
    head = await reader.readuntil(b"\r\n\r\n")
    status = head.split(b" ", 2)[1].decode()
    length = next(
        (int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")), 0
    )  # fmt: skip
    answer = await reader.readexactly(length)
    if order.keep:
        kept[who] = streams
    else:
        writer.close()
    return status, answer


def main() -> None:
    """Play the order on standard input."""
    order = pickle.load(sys.stdin.buffer)
    begun = time.process_time()
    seen = asyncio.run(play(order))
    print(json.dumps({**vars(seen), "processor_s": time.process_time() - begun}))


if __name__ == "__main__":
    main()
