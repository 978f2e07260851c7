"""A double of what the agent speaks to: a collector over loopback HTTP."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from evidence import enrolment as records
from evidence.chunk import open_chunk, parse_header, take_frame
from evidence.keys import PublicKey


class CollectorDouble:
    """Answers as ``docs/wire.md`` says. ``fault`` may answer a request instead: (status, document, headers)."""

    def __init__(self, *, wall_ms: Callable[[], int]):
        self.wall_ms = wall_ms
        self.tokens: dict[str, str] = {}
        self.answers: dict[str, dict] = {}
        self.anchor = ""
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
        return 200, {"results": results, **({"anchor": self.anchor} if self.anchor else {})}

    def _judge(self, frame, keys) -> dict:
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
