"""Doubles of what stands around the agent: a machine that is read, a collector over loopback HTTP."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from agent.reading import Reading
from agent.sealing import Identity
from evidence import enrolment as records
from evidence.chunk import open_chunk, take_frame
from evidence.columns import MISSING
from evidence.keys import PrivateKey, PublicKey
from evidence.manifest import COUNTERS, COUNTERS_CLOCKS, CPU_STATES, Column, Device, build

NOON_MS = 1_767_585_600_000
"""2026-01-05T04:00:00Z: noon in Shanghai, a whole hour."""
IDENTITY = Identity(enterprise="Example 示例", host="web-1", agent="test")
CHAIN = "c" * 64
TICKS_PER_S = 100


class Machine:
    """A machine with a clock of its own: deterministic work per ms since boot."""

    def __init__(self, *, wall_ms: int = NOON_MS, boot_ms: int = 3_600_000, interval_ms: int = 60_000):
        self.wall_ms = wall_ms
        self.boot_ms = boot_ms
        self.mono_ms = boot_ms
        self.boot_id = "boot-0"
        self.interval_ms = interval_ms
        self.cpus = 2
        self.nics = {"eth0": "mac-0"}
        self.disks = {"sda": "wwn-0"}
        self.sessions = 3
        self.clock_state = "synchronized"
        self.broken = ""

    def tick(self, ms: int | None = None) -> Machine:
        """Let time pass."""
        ms = self.interval_ms if ms is None else ms
        self.wall_ms += ms
        self.boot_ms += ms
        self.mono_ms += ms
        return self

    def suspend(self, ms: int) -> None:
        self.wall_ms += ms
        self.boot_ms += ms

    def reboot(self, off_ms: int, up_ms: int) -> None:
        self.wall_ms += off_ms + up_ms
        self.boot_ms = self.mono_ms = up_ms
        self.boot_id = f"boot-{int(self.boot_id[5:]) + 1}"

    def manifest(self):
        columns = [Column(name) for name in COUNTERS_CLOCKS]
        columns += [Column(f"cpu.{state}") for state in CPU_STATES]
        columns += [Column(name, nic) for nic in self.nics for name in ("net.rx", "net.tx")]
        columns += [Column(name, disk) for disk in self.disks for name in ("disk.reads", "disk.writes")]
        columns += [Column("sessions.count")]
        devices = [Device("nic", nic, mac, True, "hardware", 10**9) for nic, mac in self.nics.items()]
        devices += [Device("disk", disk, wwn, True, "physical leaf") for disk, wwn in self.disks.items()]
        return build(
            kind=COUNTERS,
            interval_ms=self.interval_ms,
            columns=tuple(columns),
            host={"cpus": self.cpus, "ticks_per_s": TICKS_PER_S},
            devices=tuple(devices),
        )

    def read(self) -> Reading:
        from agent.reading import ReadingError

        if self.broken:
            raise ReadingError(self.broken)
        manifest = self.manifest()
        ticks = self.cpus * self.mono_ms * TICKS_PER_S // 1000
        values = {}
        for number, column in enumerate(manifest.columns[3:]):
            values[column.name, column.device] = number * 1000 + self.mono_ms * (number + 1)
        for state in CPU_STATES:
            values[f"cpu.{state}", ""] = 0
        values["cpu.user", ""] = ticks // 4
        values["cpu.idle", ""] = ticks - ticks // 4
        values["sessions.count", ""] = self.sessions if self.sessions is not None else MISSING
        return Reading(
            wall_ms=self.wall_ms,
            boot_ms=self.boot_ms,
            mono_ms=self.mono_ms,
            boot_id=self.boot_id,
            clock_state=self.clock_state,
            manifest=manifest,
            values=values,
        )


class CollectorDouble:
    """Answers as ``docs/wire.md`` says. ``fault`` may answer a request instead: (status, document, headers)."""

    def __init__(self, *, wall_ms: Callable[[], int]):
        self.wall_ms = wall_ms
        self.tokens: dict[str, str] = {}
        self.answers: dict[str, dict] = {}
        self.pinned: dict[str, list[tuple[PublicKey, str]]] = {}
        self.chunks: dict[tuple[str, int], tuple[str, object]] = {}
        self.requests: list[tuple[str, bytes]] = []
        self.fault: Callable[[str, bytes], tuple | None] = lambda path, body: None
        self.refuse: Callable[[int], str] = lambda seq: ""
        self.lose_answer = False
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def seqs(self) -> list[int]:
        return sorted(seq for _, seq in self.chunks)

    def stored(self) -> list:
        return [chunk for _, (_, chunk) in sorted(self.chunks.items(), key=lambda item: item[0][1])]

    def answer(self, path: str, body: bytes) -> tuple:
        with self._lock:
            self.requests.append((path, body))
            fault = self.fault(path, body)
            if fault is not None:
                return fault
            routes = {
                "/v1/enrolments/offer": self._offer,
                "/v1/enrolments": self._enrol,
                "/v1/chunks": self._chunks,
            }
            status, document = routes[path](body)
            return status, {**document, "server_ms": self.wall_ms()}, {}

    def _offer(self, body: bytes):
        request = json.loads(body)
        if request["token"] not in self.tokens:
            return 401, {"code": "TOKEN_UNKNOWN", "message": "make a new token"}
        if self.tokens[request["token"]]:
            return 401, {"code": "TOKEN_USED", "message": "make a new token"}
        keys = self.pinned.get(request["host"], [])
        previous = keys[-1][0].id if keys else ""
        return 200, {
            "enterprise": "Example 示例",
            "host": request["host"],
            "epoch": len(keys),
            "previous": previous,
        }

    def _enrol(self, body: bytes):
        if body.decode() in self.answers:
            return 200, self.answers[body.decode()]
        request = json.loads(body)
        if self.tokens.get(request["token"]) != "":
            return 401, {"code": "TOKEN_USED", "message": "make a new token"}
        record, signature, previous_signature = (
            base64.b64decode(request[name]) for name in ("record", "signature", "previous_signature")
        )
        enrolment = records.parse(record)
        keys = self.pinned.setdefault(enrolment.host, [])
        previous = keys[-1][0] if keys and enrolment.previous else None
        signed = records.verify(record, signature, previous_signature, previous)
        if signed.public in [key for pinned in self.pinned.values() for key, _ in pinned]:
            return 409, {"code": "KEY_TAKEN", "message": "this key is enrolled already"}
        keys.append((signed.public, signed.hash))
        self.tokens[request["token"]] = "used"
        answer = {
            "enterprise": enrolment.enterprise,
            "host": enrolment.host,
            "key": signed.public.id,
            "epoch": enrolment.epoch,
            "enrolment": signed.hash,
        }
        self.answers[body.decode()] = answer
        return 201, answer

    def _chunks(self, body: bytes):
        results, offset = [], 0
        keys = {key.id: (key, chain) for pinned in self.pinned.values() for key, chain in pinned}
        while offset < len(body):
            frame, offset = take_frame(body, offset)
            results.append(self._judge(frame, keys))
        return 200, {"results": results}

    def _judge(self, frame, keys) -> dict:
        from evidence.chunk import parse_header

        seq = parse_header(frame.header).seq
        result = {
            "key": frame.key,
            "seq": seq,
            "hash": frame.hash,
            "status": "stored",
            "code": "",
            "message": "",
        }
        if frame.key not in keys:
            return {**result, "status": "refused", "code": "UNKNOWN_KEY"}
        code = self.refuse(seq)
        if code:
            return {**result, "status": "refused", "code": code, "message": "no"}
        chunk = open_chunk(frame, keys[frame.key][0])
        known = self.chunks.get((frame.key, seq))
        if known:
            same = known[0] == frame.hash
            return (
                {**result, "status": "known"} if same else {**result, "status": "refused", "code": "CONFLICT"}
            )
        before = self.chunks.get((frame.key, seq - 1))
        prev = keys[frame.key][1] if seq == 0 else before[0] if before else chunk.header.prev
        if chunk.header.prev != prev:
            return {**result, "status": "refused", "code": "BAD_CHAIN"}
        self.chunks[frame.key, seq] = (frame.hash, chunk)
        return result

    def _handler(double):  # noqa: N805 - the handler below has its own self
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status, document, headers = double.answer(self.path, body)
                data = document if isinstance(document, bytes) else json.dumps(document).encode()
                if double.lose_answer:
                    self.close_connection = True
                    return
                self.send_response(status)
                for name, value in {"Content-Length": str(len(data)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *args):
                pass

        return Handler


def make_key(number: int = 1) -> PrivateKey:
    return PrivateKey.from_seed(bytes([number]) * 32)
