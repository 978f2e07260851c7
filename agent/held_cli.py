"""``starproof-agent held``: chunks of a time that has not come, and how they are set aside.

They were sealed while this host's clock was ahead. A collector that has a later chunk of this host refuses
them for good (``CLOCK_WRONG``). This command does the same where no collector says so: hosts that deliver by
file, and collectors of earlier releases. A chunk that is set aside lies in ``spool/refused`` and is not sent.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Callable

from agent.errors import StateError
from agent.printing import print_json, wall_ms

if TYPE_CHECKING:
    from agent.state import State

SCHEMA = "starproof/agent-held/1"
_NEWEST_AHEAD = (
    "the chunk that was sealed last is of the future, too, so this clock may be the one that is wrong; set the clock, "
    "let the agent run until it has sealed a chunk, stop it, then set chunks aside"
)


@dataclass(frozen=True)
class Held:
    """A chunk that ends after ``AHEAD_MS`` (``agent.status``) from now. Instants in ms since 1970, by the clock that was wrong."""

    seq: int
    start_ms: int
    end_ms: int
    bytes: int


def held_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``held``."""
    parser.add_argument(
        "--set-aside",
        action="store_true",
        help="移入 spool/refused，不再发送 | move them to spool/refused; they are not sent any more",
    )
    parser.add_argument("--json", action="store_true", help="只输出一个 JSON | print one JSON document only")


def held(folder: str, options: argparse.Namespace, *, show: Callable[[str], None]) -> int:
    """List what this host's clock says is in the future, and set it aside if the options say so.

    Raises:
        AgentError: the state directory cannot be used, or the clock is known to be wrong.
    """
    from agent.state import SPOOL, State  # noqa: PLC0415 - only here

    state, now_ms = State.of_any_owner(folder), wall_ms()
    if options.set_aside:
        _require_clock(state, now_ms=now_ms)
        found = _set_aside(state, now_ms=now_ms)
    else:
        found = list(ahead(state.path(SPOOL), now_ms=now_ms))
    if options.json:
        chunks = [asdict(one) for one in found]
        print_json({"schema": SCHEMA, "clock_ms": now_ms, "set_aside": options.set_aside, "chunks": chunks})
    else:
        show(_text(found, now_ms=now_ms, set_aside=options.set_aside))
    return 0


def ahead(folder: str, *, now_ms: int) -> Iterator[Held]:
    """Yield the pending chunks of a spool that end more than ``AHEAD_MS`` after ``now_ms``, in order."""
    from agent.shelf import CHUNK, seq_of  # noqa: PLC0415 - only here
    from agent.status import AHEAD_MS  # noqa: PLC0415 - the same
    from evidence.chunk import parse_header, read_frame  # noqa: PLC0415 - the same
    from evidence.errors import EvidenceError  # noqa: PLC0415 - the same

    names = os.listdir(folder) if os.path.isdir(folder) else ()
    for name in sorted(one for one in names if one.endswith("." + CHUNK) and seq_of(one) >= 0):
        try:
            with open(os.path.join(folder, name), "rb") as file:
                data = file.read()
            header = parse_header(read_frame(data).header)
        except (FileNotFoundError, EvidenceError):
            continue  # delivered in this moment, or damaged: the agent reports that itself
        if header.end_ms > now_ms + AHEAD_MS:
            yield Held(seq_of(name), header.start_ms, header.end_ms, len(data))


def _set_aside(state: State, *, now_ms: int) -> list[Held]:
    from agent.events import Events  # noqa: PLC0415 - only here
    from agent.spool import Spool  # noqa: PLC0415 - the same
    from agent.state import SPOOL  # noqa: PLC0415 - the same

    enrolled = state.require_enrolled()
    events = Events(sys.stderr, wall_ms)
    with state.lock():
        spool = Spool(
            state.path(SPOOL),
            chain=enrolled.signed.hash,
            epoch=enrolled.signed.enrolment.epoch,
            key=enrolled.key.public,
            note=lambda event, fields: events.error(event, **fields),
        )
        found = list(ahead(state.path(SPOOL), now_ms=now_ms))
        if spool.head is not None and any(one.seq == spool.head.seq for one in found):
            raise StateError(_NEWEST_AHEAD)
        for one in found:
            spool.refuse(one.seq)
            events.warning("chunk_set_aside", seq=one.seq, start=_said(one.start_ms), end=_said(one.end_ms))
    return found


def _require_clock(state: State, *, now_ms: int) -> None:
    """Refuse while the clock is known to be wrong: what is right would look like the future.

    Raises:
        StateError: the collector's clock was another one at the last delivery, or this clock stands before
            something that has happened: the enrolment, the last acknowledgement.
    """
    from agent.board import running  # noqa: PLC0415 - only here
    from agent.status import AHEAD_MS  # noqa: PLC0415 - the same

    last = running(state)
    enrolled_ms, ack_ms = state.require_enrolled().signed.enrolment.time_ms, last.get("last_ack_ms")
    for what, then_ms in (("enrolment", enrolled_ms), ("last acknowledgement", ack_ms)):
        if isinstance(then_ms, int) and now_ms < then_ms - AHEAD_MS:
            raise StateError(
                f"this host's clock says {_said(now_ms)}, its {what} was at {_said(then_ms)}; "
                "set the clock, let the agent deliver once, then set chunks aside"
            )
    offset_ms = last.get("clock_offset_ms")
    if isinstance(offset_ms, int) and abs(offset_ms) > AHEAD_MS:
        raise StateError(
            f"this host's clock differed from the collector's by {offset_ms // 1000} s at the last delivery; "
            "set the clock, let the agent deliver once, then set chunks aside"
        )


def _text(found: list[Held], *, now_ms: int, set_aside: bool) -> str:
    if not found:
        return f"没有时间在未来的数据块 no chunk is of the future (本机时钟 clock: {_said(now_ms)})\n"
    lines = [f"{one.seq}: {_said(one.start_ms)} – {_said(one.end_ms)}, {one.bytes} bytes" for one in found]
    end = (
        "已移入 spool/refused,不再发送 | moved to spool/refused, not sent any more"
        if set_aside
        else "先核对时钟;时钟无误再停止代理并运行 held --set-aside | see that the clock is right, then stop the agent "
        "and run held --set-aside"
    )
    return "\n".join([f"本机时钟 clock: {_said(now_ms)}", *lines, end]) + "\n"


def _said(moment_ms: int) -> str:
    return datetime.fromtimestamp(moment_ms // 1000, timezone.utc).strftime("%Y-%m-%d %H:%M:%SZ")
