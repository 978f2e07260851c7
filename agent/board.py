"""What the agent counts while it runs, and ``status.json``, where it writes that down for ``agent.status``."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Callable, Optional

from agent import state as states
from agent.answers import Decision
from agent.enrol import AGENT
from agent.files import FILE_MODE
from agent.month import Month
from agent.sealing import ClockEstimate
from agent.state import State
from evidence.code_hash import UNKNOWN

if TYPE_CHECKING:  # reading imports what only the running agent needs
    from agent.reading import Reading
    from evidence.manifest import Manifest

BLOCK_BYTES = 4096
READS = 3
"""How often a half-written ``status.json`` is read again."""
MAX_NAMED = 16
"""Devices of one kind that are named."""
_KINDS = {"nic": "nics", "disk": "disks"}

Document = dict[str, Any]
COUNTERS = (
    "readings_total",
    "reading_failures_total",
    "chunks_sealed_total",
    "seal_failures_total",
    "rows_lost_total",
    "chunks_delivered_total",
    "chunks_refused_total",
    "deliveries_failed_total",
    "thinnings_total",
    "log_problems_total",
)
MOMENTS = ("started_ms", "last_reading_ms", "last_seal_ms", "last_ack_ms", "last_delivery_ms")


class Board:
    """Counts and last moments of one life of the agent. May be used from several threads."""

    def __init__(
        self,
        wall_ms: Callable[[], int],
        *,
        interval_ms: int,
        code: str = UNKNOWN,
        before: Optional[Mapping[str, Any]] = None,
    ) -> None:
        """Start all counts at zero and all moments as unknown.

        ``code`` is what runs, ``before`` what the last life wrote: its month and last acknowledgement go on.
        """
        self._wall_ms = wall_ms
        self._month = Month((before or {}).get("month"))
        self._manifest = b""
        self._lock = threading.Lock()
        self._fields: Document = {
            **dict.fromkeys(COUNTERS, 0),
            **dict.fromkeys(MOMENTS),
            "interval_ms": interval_ms,
            "last_delivery": "",
            "last_delivery_message": "",
            "last_problem": "",
            "clock_offset_ms": None,
            "clock_rtt_ms": None,
            "clock_state": "unknown",
            "agent": AGENT,
            "code": code,
            "month": self._month.document(),
            "measured": None,
        }
        self._fields["started_ms"] = wall_ms()
        self._fields["last_ack_ms"] = (before or {}).get("last_ack_ms")

    def read(self, wall_ms: int, clock_state: str) -> None:
        """A reading was taken."""
        with self._lock:
            self._fields["readings_total"] += 1
            self._fields["last_reading_ms"] = wall_ms
            self._fields["clock_state"] = clock_state

    def measured(self, reading: Reading) -> None:
        """Remember what a reading measures, and count its time in the month."""
        manifest = reading.manifest
        with self._lock:
            self._month.read(reading.wall_ms, reading.boot_id, interval_ms=self._fields["interval_ms"])
            self._fields["month"] = self._month.document()
            if manifest.raw != self._manifest:
                self._manifest = manifest.raw
                self._fields["measured"] = _measured(manifest)

    def reading_failed(self, reason: str) -> None:
        """A reading was not possible."""
        self._problem("reading_failures_total", 1, reason)

    def sealed(self) -> None:
        """A chunk is on the disk."""
        with self._lock:
            self._fields["chunks_sealed_total"] += 1
            self._fields["last_seal_ms"] = self._wall_ms()

    def seal_failed(self, reason: str) -> None:
        """A chunk could not be written; its rows wait in memory."""
        self._problem("seal_failures_total", 1, reason)

    def rows_lost(self, rows: int, reason: str) -> None:
        """Rows were given up."""
        self._problem("rows_lost_total", rows, reason)

    def thinned(self, saved_bytes: int) -> None:
        """The spool was thinned, or could not be (0 bytes)."""
        self._problem("thinnings_total", 1, f"the spool was at its limit; thinning saved {saved_bytes} bytes")

    def delivered(self, decision: Decision, clock: ClockEstimate) -> None:
        """A request was made, with this result."""
        now_ms = self._wall_ms()
        failed = decision.back_off or decision.wait_s is not None or decision.shrink
        with self._lock:
            fields = self._fields
            fields["last_delivery_ms"] = now_ms
            fields["last_delivery"] = decision.code
            fields["last_delivery_message"] = decision.message
            fields["chunks_delivered_total"] += len(decision.stored)
            fields["chunks_refused_total"] += len(decision.refused)
            fields["deliveries_failed_total"] += int(failed)
            if decision.stored:
                fields["last_ack_ms"] = now_ms
            if clock.rtt_ms >= 0:
                fields["clock_offset_ms"], fields["clock_rtt_ms"] = clock.offset_ms, clock.rtt_ms

    def confirmed(self, chunks: int) -> None:
        """Receipts that came as files let chunks go."""
        with self._lock:
            self._fields["chunks_delivered_total"] += chunks
            self._fields["last_ack_ms"] = self._wall_ms()

    def log_problem(self, reason: str) -> None:
        """The collector's log is not what it said before, or a receipt does not hold."""
        self._problem("log_problems_total", 1, reason)

    def snapshot(self) -> Document:
        """Return a copy of everything."""
        with self._lock:
            return dict(self._fields)

    def _problem(self, counter: str, step: int, reason: str) -> None:
        with self._lock:
            self._fields[counter] += step
            self._fields["last_problem"] = reason


def _measured(manifest: Manifest) -> Document:
    """Return the names of the devices that count, by kind, and how many do not."""
    counted: Document = {"cpus": manifest.host.get("cpus"), "nics": [], "disks": [], "not_counted": 0}
    for device in manifest.devices:
        if device.kind not in _KINDS:
            continue
        if device.counts:
            counted[_KINDS[device.kind]].append(device.name)
        else:
            counted["not_counted"] += 1
    for kind in _KINDS.values():
        counted[kind] = counted[kind][:MAX_NAMED]
    return counted


def write_status(path: str, document: Mapping[str, Any]) -> None:
    """Rewrite ``status.json`` in place: renaming a new file over it at every reading costs a millisecond.

    Not synced, and padded to whole blocks so that a shorter text leaves nothing of a longer one. A
    reader that meets a half-written one reads again.

    Raises:
        OSError: the disk does not take it.
    """
    text = json.dumps(document).encode("utf-8")
    padded = text.ljust(-(-(len(text) + 1) // BLOCK_BYTES) * BLOCK_BYTES - 1) + b"\n"
    handle = os.open(path, os.O_WRONLY | os.O_CREAT, FILE_MODE)
    try:
        os.write(handle, padded)
        if os.fstat(handle).st_size != len(padded):
            os.ftruncate(handle, len(padded))
    finally:
        os.close(handle)


def running(state: State) -> Document:
    """Return what the last life of the agent wrote, empty if nothing usable."""
    for _ in range(READS):
        try:
            document = json.loads(state.read(states.STATUS) or b"{}")
        except ValueError:
            continue
        return document if isinstance(document, dict) else {}
    return {}


def note_confirmed(state: State, chunks: int, *, now_ms: int) -> None:
    """Write into ``status.json`` that receipts let chunks go while no agent runs.

    Raises:
        OSError: the disk does not take it.
    """
    document = running(state)
    document["chunks_delivered_total"] = (document.get("chunks_delivered_total") or 0) + chunks
    document["last_ack_ms"] = now_ms
    write_status(state.path(states.STATUS), document)
