"""The relay in one process: a real collector's application behind it, agents' real chunks before it."""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
import sys
import threading
import time
import warnings
import zlib
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from cryptography import x509
from scripted_server import scripted_server

from agent.answers import Sent, decide
from agent.errors import EnrolError
from agent.receipts import Receipts
from agent.state import State
from agent.transport import Answer as AgentAnswer
from collector.errors import RequestError, SettingsError, StoreError
from collector.relay import cli
from collector.relay.app import create_relay
from collector.relay.forwarding import Forwarder
from collector.relay.outcome import HOLD_KEY_S, outcome
from collector.relay.queue import ROW_BYTES, UNKNOWN_SIZE, Answered, Kept, Queue
from collector.relay.settings import DEFAULT_HOST_MIB, DEFAULT_MAX_MIB, relay_settings
from collector.relay.upstream import MAX_ANSWER_BYTES, Answer, Upstream, UpstreamError
from collector.store.archive import StoreArchive
from collector.tls import authority
from collector.tls.authority import Authority
from collector.tls.sources import utc_now
from evidence.chunk import read_frame, write_frame
from evidence.keys import PrivateKey

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from starlette.testclient import TestClient

T0 = 1_793_462_400_000
KEY = "a" * 64
ROOT = Path(__file__).resolve().parents[2]


class Line:
    """The line to the collector: real requests, until it is cut."""

    def __init__(self, api, opened, token):
        self.api, self.opened, self.token = api, opened, token
        self.cut = False
        self.asked = []

    def post(self, path, body, headers):
        if self.cut:
            raise UpstreamError("the collector does not answer: cut")
        self.asked.append((path, len(body)))
        said = self.api.http.post(path, content=body, headers=headers)
        return Answer(said.status_code, said.json(), said.headers.get("retry-after", ""))


@pytest.fixture
def queue(tmp_path):
    made = Queue(tmp_path / "relay" / "relay.db", max_bytes=1 << 20, host_bytes=1 << 18)
    yield made
    made.close()


@pytest.fixture
def line(api, opened, token):
    return Line(api, opened, token)


@pytest.fixture
def relayed(queue, line, limits, speak):
    app = create_relay(queue, line, clock=lambda: T0, log=lambda *_, **__: None, limits=limits, wait_s=2.0)
    with TestClient(app) as client:
        yield speak(client)


def hashes(line, host="web-1"):
    stored = StoreArchive(line.opened.store).chunks(host, 0, 2**52)
    return [read_frame(chunk.frame).hash for chunk in stored]


def numbered(chunks, first=0):
    return [(seq, read_frame(data)) for seq, data in enumerate(chunks, first)]


def statuses(answer):
    assert answer.status_code == 200, answer.text
    return [result["status"] for result in answer.json()["results"]]


@contextmanager
def host_behind(tmp_path, key):
    """An agent's own verification of receipts."""
    state = State(str(tmp_path / "host"))
    with state.lock():
        yield Receipts(state, key)


def verified(receipts, answer, frames):
    """What an agent lets go of an answer, and what it complains about."""
    said = AgentAnswer(answer.status_code, answer.content, "", T0, 5)
    sent = [Sent(number, frame.key, frame.hash) for number, frame in frames]
    decision = decide(said, sent)
    stored = [one for one in sent if one.seq in decision.stored]
    return decision, receipts.take(answer.json(), stored) if stored else None


def test_by_a_relay_hosts_enrol_and_deliver_and_receipts_are_the_collectors_own(
    relayed, queue, line, tmp_path
):
    web = relayed.enrol(line.token(), "web-1")
    chunks = web.run(3)
    frames = numbered(chunks)
    with host_behind(tmp_path, line.opened.keyring.log_key().public) as receipts:
        answer = relayed.send(web.key, *chunks)
        decision, problem = verified(receipts, answer, frames)
        assert (decision.stored, problem) == ((0, 1, 2), None)
        assert answer.json()["relay"] is True
        assert "server_ms" in answer.json(), "asked and answered within this request"
        # Cut off: kept, and not let go.
        line.cut = True
        later = web.run(4, T0 + 30 * 60_000)
        more = numbered(later, 3)
        first = relayed.send(web.key, *later[:2], **receipts.headers())
        second = relayed.send(web.key, *later[2:], **receipts.headers())
        assert statuses(first) == statuses(second) == ["relayed"] * 2
        assert "server_ms" not in first.json()
        decision, _ = verified(receipts, first, more[:2])
        assert (decision.stored, decision.relayed, decision.back_off, decision.again_s) == (
            (),
            (3, 4),
            False,
            60,
        )
        assert len(hashes(line)) == 3
        line.cut = False
        # The answer for all waits here; a host that has seen none of it takes it in one step.
        deadline = time.monotonic() + 20
        while queue.standing().waiting and time.monotonic() < deadline:
            time.sleep(0.05)
        final = relayed.send(web.key, *later, **receipts.headers())
        decision, problem = verified(receipts, final, more)
        assert (decision.stored, problem) == ((3, 4, 5, 6), None)
    assert hashes(line) == [frame.hash for _, frame in (*frames, *more)]


def test_nobody_silences_a_host_behind_a_relay_by_sending_in_its_name(queue, line, limits, web):
    line.cut = True
    name = web.key.public.id
    queue.know(name, web.key.public.raw)
    app = create_relay(queue, line, clock=lambda: T0, log=lambda *_, **__: None, limits=limits, wait_s=0.0)
    frame = web.next(T0)

    async def post(address, body):
        """Send a batch, or begin one that never ends."""
        headers = {"content-type": "application/vnd.starproof.chunks", "x-starproof-key": name, "host": "x"}
        scope = {
            "type": "http",
            "method": "POST",
            "path": "/v1/chunks",
            "query_string": b"",
            "headers": [(key.encode(), value.encode()) for key, value in headers.items()],
            "client": (address, 1),
        }
        statuses, given = [], asyncio.Event()

        async def receive():
            if given.is_set():
                await asyncio.Event().wait()
            given.set()
            return {"type": "http.request", "body": body or b"S", "more_body": not body}

        async def send(message):
            statuses.extend([message["status"]] if message["type"] == "http.response.start" else [])

        await app(scope, receive, send)
        return statuses

    async def scenario():
        addresses = ["10.0.0.9"] * 5 + ["10.0.0.1"] * 5
        begun = [asyncio.create_task(post(address, b"")) for address in addresses]
        await asyncio.sleep(0.1)
        try:
            return await asyncio.wait_for(post("10.0.0.1", frame), 10)
        finally:
            for one in begun:
                one.cancel()

    assert asyncio.run(scenario()) == [200]
    assert queue.standing().waiting == 1


class SlowForStrangers(BaseHTTPRequestHandler):
    """A collector that never answers those it does not know, and has no time for the host."""

    host = ""
    asked: list[str]
    ended: threading.Event

    def do_POST(self):
        key = self.headers.get("x-starproof-key", "offer")
        self.asked.append(key)
        if key != self.host:
            self.ended.wait(20)
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(500)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_arguments):
        pass


@contextmanager
def relay_process(tmp_path, to):
    command = [sys.executable, "-m", "collector.relay.cli", "serve", "--to", to]
    command += ["--state", str(tmp_path / "state"), "--listen", "127.0.0.1:0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, cwd=ROOT, text=True) as process:
        try:
            yield next(json.loads(line)["url"] for line in process.stderr if '"listening"' in line)
        finally:
            process.kill()


def test_unknown_keys_and_offers_take_no_thread_that_enrolled_hosts_need(tmp_path, web):
    queue = Queue(tmp_path / "state" / "relay.db", max_bytes=1 << 20, host_bytes=1 << 20)
    queue.know(web.key.public.id, web.key.public.raw)
    queue.close()
    handler = type(
        "Handler", (SlowForStrangers,), {"host": web.key.public.id, "asked": [], "ended": threading.Event()}
    )
    stranger = replace(web, key=PrivateKey.generate())
    frame = read_frame(stranger.frame(T0))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as collector:
        threading.Thread(target=collector.serve_forever, daemon=True).start()
        with relay_process(tmp_path, f"http://127.0.0.1:{collector.server_port}") as url:
            place = urlsplit(url)
            wires = []

            def flood(path, body, kind, key):
                wires.append(socket.create_connection((place.hostname, place.port), 5, ("127.0.0.9", 0)))
                head = (
                    f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: {kind}\r\nX-StarProof-Key: {key}\r\n"
                )
                wires[-1].sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)

            for number in range(50):
                key = f"{number:064x}"
                chunk = write_frame(replace(frame, key=key))
                flood("/v1/chunks", chunk, "application/vnd.starproof.chunks", key)
            for _ in range(5):
                flood("/v1/enrolments/offer", b'{"token": "x", "host": "h"}', "application/json", "x")
            time.sleep(0.5)
            try:
                with httpx.Client(base_url=url, timeout=4) as http:
                    headers = {"Content-Type": "application/vnd.starproof.chunks"}
                    mine = {**headers, "X-StarProof-Key": web.key.public.id}
                    answer = http.post("/v1/chunks", content=web.next(T0), headers=mine)
                    assert statuses(answer) == ["relayed"]
                    asked = len(handler.asked)
                    assert asked <= 2 + 1, "two of one address, and the host's own"
                    # The host's chunk has shown that the collector is away: nobody else need ask.
                    theirs = {**headers, "X-StarProof-Key": frame.key}
                    answer = http.post("/v1/chunks", content=write_frame(frame), headers=theirs)
                    assert (answer.status_code, answer.json()["code"]) == (503, "UNAVAILABLE")
                    assert (
                        http.post("/v1/enrolments/offer", json={"token": "x", "host": "h"}).status_code == 503
                    )
                    assert len(handler.asked) == asked
            finally:
                handler.ended.set()
                for wire in wires:
                    wire.close()
        collector.shutdown()


def test_answers_that_came_while_a_host_was_away_lead_it_step_by_step(queue, line, tmp_path):
    web = line.api.enrol(line.token(), "web-1")
    queue.know(web.key.public.id, web.key.public.raw)
    chunks = web.run(6)
    frames = numbered(chunks)
    kept = [Kept(seq, frame.hash, data, f"n{seq}") for (seq, frame), data in zip(frames, chunks, strict=True)]
    key = web.key.public.id
    forwarder = Forwarder(queue, line, log=lambda *_, **__: None)
    for pair in (kept[0:2], kept[2:4], kept[4:6]):
        assert queue.put(key, pair, known_size=UNKNOWN_SIZE, now_ms=1) == {one.name for one in pair}
        assert forwarder.turn() == 0.0
    names = [one.name for one in kept]
    with host_behind(tmp_path, line.opened.keyring.log_key().public) as receipts:
        taken = []
        while len(taken) < 6:
            known = receipts._kept.size if receipts._kept else UNKNOWN_SIZE
            assert not queue.put(key, kept[len(taken) :], known_size=known, now_ms=2), (
                "nothing is asked twice"
            )
            given = queue.given(key, names[len(taken) :], known_size=known)
            document = {**given.head, "results": list(given.results.values())}
            mine = [Sent(seq, key, frame.hash) for seq, frame in frames if f"n{seq}" in given.results]
            assert receipts.take(document, mine) is None
            taken += mine
        assert not queue.has_step(key, known_size=receipts._kept.size)
        # A host that knows what no answer leads from: its chunks are asked again.
        assert queue.put(key, kept[:1], known_size=3, now_ms=3) == {"n0"}
    assert len(hashes(line)) == 6


def test_a_relay_keeps_nothing_for_keys_that_the_collector_does_not_know_and_no_bent_chunk(
    relayed, queue, line
):
    stranger = replace(line.api.enrol(line.token(), "other"), key=PrivateKey.generate())
    answer = relayed.send(stranger.key, stranger.frame(T0))
    assert (answer.status_code, answer.json()["code"]) == (403, "UNKNOWN_KEY")
    line.cut = True
    answer = relayed.send(stranger.key, stranger.frame(T0))
    assert (answer.status_code, answer.json()["code"]) == (503, "UNAVAILABLE")
    assert int(answer.headers["retry-after"]) > 0
    assert relayed.offer("x", "h").status_code == 503
    line.cut = False
    web = relayed.enrol(line.token(), "web-1")
    frame = bytearray(web.frame(T0))
    frame[40] ^= 1  # in the signature
    crc = zlib.crc32(bytes(frame[:-4]))
    frame[-4:] = crc.to_bytes(4, "little")
    assert relayed.send(web.key, bytes(frame)).json()["code"] == "BAD_SIGNATURE"
    assert relayed.send(web.key, stranger.frame(T0)).json()["code"] == "BAD_REQUEST"
    assert queue.standing().waiting == 0
    # A host that was enrolled at the collector itself: passed on, and known from then on.
    direct = line.api.enrol(line.token(), "db-1")
    assert statuses(relayed.send(direct.key, direct.next(T0))) == ["stored"]
    line.cut = True
    assert statuses(relayed.send(direct.key, direct.next(T0 + 600_000))) == ["relayed"]


def test_a_frame_with_true_header_and_other_columns_does_not_get_the_true_one_refused(queue, line):
    web = line.api.enrol(line.token(), "web-1")
    data = web.next(T0)
    frame = read_frame(data)
    forged = bytearray(data)
    forged[-10] ^= 1
    forged[-4:] = zlib.crc32(bytes(forged[:-4])).to_bytes(4, "little")
    key = web.key.public.id
    queue.know(key, web.key.public.raw)
    bad, good = Kept(0, frame.hash, bytes(forged), "bad"), Kept(0, frame.hash, data, "good")
    queue.put(key, [bad, good], known_size=UNKNOWN_SIZE, now_ms=1)
    assert [one.name for one in queue.batch(key, most=64, most_bytes=1 << 20)] == ["bad"]
    forwarder = Forwarder(queue, line, log=lambda *_, **__: None)
    assert [forwarder.turn(), forwarder.turn(), forwarder.turn()] == [0.0, 0.0, None]
    assert queue.given(key, ["good"], known_size=UNKNOWN_SIZE).results["good"]["status"] == "stored"
    assert queue.given(key, ["bad"], known_size=UNKNOWN_SIZE).results["bad"]["status"] == "refused"
    assert queue.given(key, ["bad"], known_size=UNKNOWN_SIZE) is None, "a refusal is handed on once"
    assert hashes(line) == [frame.hash]


def kept(seq, size=1000):
    return Kept(seq, f"{seq:064x}", b"x" * size, f"n{seq}")


def good(*chunks, known=UNKNOWN_SIZE, size=10):
    results = {one.name: {"status": "stored", "seq": one.seq} for one in chunks}
    return Answered(known, size, {"checkpoint": f"o\n{size}\nr\n"}, results, frozenset())


def test_room_is_bounded_for_each_host_and_in_all_and_answers_make_room_for_chunks(tmp_path):
    full = 10 * (1000 + ROW_BYTES)
    queue = Queue(tmp_path / "q.db", max_bytes=full, host_bytes=full // 2)
    for key in ("a", "b", "c"):
        queue.know(key)
    queue.put("a", [kept(n) for n in range(5)], known_size=-1, now_ms=5)
    with pytest.raises(RequestError, match="as much of this host") as refused:
        queue.put("a", [kept(6)], known_size=-1, now_ms=5)
    assert (refused.value.status, refused.value.retry_after_s) == (503, 120)
    assert queue.put("a", [kept(4)], known_size=-1, now_ms=5) == frozenset(), "what is here costs nothing"
    queue.put("b", [kept(n) for n in range(4)], known_size=-1, now_ms=6)
    queue.settle("b", good(*(kept(n) for n in range(4))))
    assert queue.given("b", ["n1"], known_size=-1)
    queue.put("b", [kept(n) for n in range(10, 14)], known_size=10, now_ms=7)
    assert queue.given("b", ["n1"], known_size=10) is None, "the answer made room"
    with pytest.raises(RequestError, match="the relay is full"):
        queue.put("c", [kept(1), kept(2)], known_size=-1, now_ms=8)
    standing = queue.standing()
    assert (standing.waiting, standing.oldest_ms) == (9, 5)
    assert standing.bytes <= full
    queue.close()
    again = Queue(tmp_path / "q.db", max_bytes=full, host_bytes=full)
    assert again.standing() == standing
    assert (tmp_path / "q.db").stat().st_mode & 0o777 == 0o600
    again.close()
    with pytest.raises(StoreError):
        again.standing()
    with pytest.raises(StoreError):
        Queue(tmp_path, max_bytes=1, host_bytes=1)


def test_a_full_disk_is_an_error_that_keeps_what_was(tmp_path):
    queue = Queue(tmp_path / "q.db", max_bytes=1 << 30, host_bytes=1 << 30)
    queue.know("a")
    queue.put("a", [kept(1)], known_size=-1, now_ms=1)
    queue._db.execute(f"PRAGMA max_page_count = {queue._db.execute('PRAGMA page_count').fetchone()[0] + 2}")
    with pytest.raises(StoreError, match="cannot be written"):
        queue.put("a", [kept(n, 9_000) for n in range(2, 9)], known_size=-1, now_ms=2)
    assert [one.seq for one in queue.batch("a", most=64, most_bytes=1 << 20)] == [1]
    queue.close()


def test_keys_take_turns_and_trouble_of_one_holds_up_no_other(tmp_path):
    queue = Queue(tmp_path / "q.db", max_bytes=1 << 30, host_bytes=1 << 30)
    now = [0.0]
    served, events = [], []

    class Up:
        def post(self, path, body, headers):
            key = headers["X-StarProof-Key"]
            served.append((key, len(body)))
            if key == "b":
                return Answer(403, {"code": "UNKNOWN_KEY", "message": "no"}, "")
            if key == "c":
                return Answer(413, {"code": "TOO_LARGE"}, "")
            if key == "d":
                raise UpstreamError("gone")
            names = queue.batch(key, most=64, most_bytes=1 << 22)
            return Answer(
                200,
                {
                    "checkpoint": "o\n7\nr\n",
                    "results": [
                        {"key": key, "seq": n.seq, "hash": n.hash, "status": "stored"} for n in names
                    ],
                },
                "",
            )

    for key, count in (("a", 200), ("b", 2), ("c", 3), ("e", 1)):
        queue.know(key)
        queue.put(key, [kept(n) for n in range(count)], known_size=-1, now_ms=1)
    forwarder = Forwarder(queue, Up(), log=lambda *a, **k: events.append((a, k)), monotonic=lambda: now[0])
    for _ in range(8):
        assert forwarder.turn() == 0.0
    order = [key for key, _ in served]
    assert order[:4] == ["a", "b", "c", "e"], "one turn each, whoever has most"
    assert "b" not in order[4:], "held"
    assert [size for key, size in served if key == "c"][:2] == [3000, 1000]
    assert forwarder.trouble("b") == "UNKNOWN_KEY: no"
    now[0] = HOLD_KEY_S + 1
    while forwarder.turn() is not None:
        pass
    assert order.count("a") + [key for key, _ in served].count("a") > 4
    assert queue.standing().waiting == 2
    queue.know("d")
    queue.put("d", [kept(1)], known_size=-1, now_ms=1)
    waits = [forwarder.turn() for _ in range(9)]
    assert waits[:3] == [1.0, 2.0, 4.0]
    assert waits[-1] == 60.0
    assert (forwarder.is_away, forwarder.trouble("x")) == (True, "gone")
    queue.close()


@pytest.mark.parametrize(
    ("status", "document", "retry", "expected"),
    [
        (429, {"code": "SLOW_DOWN"}, "7", {"hold_s": 7.0}),
        (503, {}, "", {"hold_s": 5.0}),
        (500, {}, "", {"away": True}),
        (302, {}, "", {"away": True}),
        (200, {}, "", {"away": True}),
        (200, {"results": [{"key": "x"}, 5, {"key": KEY, "seq": 1, "hash": []}]}, "", {"away": True}),
        (400, {"code": "MALFORMED"}, "", {"away": False}),
    ],
)
def test_what_the_collector_answers_is_understood_or_waited_out(status, document, retry, expected):
    found = outcome(Answer(status, document, retry), KEY, [kept(1)], known_size=-1)
    for name, value in expected.items():
        assert getattr(found, name) == value
    if status == 400:
        (result,) = found.answered.results.values()
        assert decide(
            AgentAnswer(200, json.dumps({"results": [result]}).encode(), "", 1, 1),
            [Sent(1, KEY, kept(1).hash)],
        ).held, "the host keeps it"


def test_the_relays_own_answers_name_no_time_and_its_health_tells_how_full_it_is(relayed, line):
    health = relayed.http.get("/healthz").json()
    assert health == {"status": "ok", "relay": True, "collector": "ok", "waiting": 0, "bytes": 0}
    assert "starproof_relay_waiting_chunks 0.0" in relayed.http.get("/metrics").text
    for answer in (
        relayed.http.get("/nothing"),
        relayed.http.get("/v1/ca"),
        relayed.send("short"),
        relayed.http.post("/v1/enrolments", json={"token": 1}),
    ):
        assert answer.status_code in (400, 404)
        assert "server_ms" not in answer.json()


def test_settings_are_read_and_mistakes_are_named(tmp_path, capsys):
    file = tmp_path / "relay.toml"
    file.write_text(
        f'to = "https://c.example:8440/"\nca = "ca.pem"\nstate = "{tmp_path}/s"\nmax_mib = 2\nhost_mib = 1\n'
        'listen = "127.0.0.1:0"\n[tls]\nmode = "own"\n'
    )
    found = relay_settings(file, to=None)
    assert (found.to, found.max_bytes, found.host_bytes) == ("https://c.example:8440", 2 << 20, 1 << 20)
    assert found.database == tmp_path / "s" / "relay.db"
    assert relay_settings(None, to="http://a:1", state=tmp_path / "t").state == tmp_path / "t"
    for text, words in (
        ("", "write it, or --to"),
        ('to = "ftp://x"', "such as https"),
        ("to = 5", "between quotes"),
        ('to = "http://a"\nmaxmib = 1', "did you mean 'max_mib'"),
        ('to = "http://a"\nmax_mib = 0', "whole number of MiB"),
        ("to = ", "not a TOML file"),
    ):
        file.write_text(text)
        with pytest.raises(SettingsError, match=words):
            relay_settings(file)
    with pytest.raises(SettingsError, match="cannot read"):
        relay_settings(tmp_path / "none.toml")
    file.write_text(f'to = "http://127.0.0.1:1"\nstate = "{tmp_path}/s"\n')
    assert cli.main(["ca", "--config", str(file)]) == 1
    assert "has no certificate" in capsys.readouterr().err
    file.write_text(f'to = "http://127.0.0.1:1"\nstate = "{tmp_path}/s"\n[tls]\nmode = "own"\n')
    assert cli.main(["ca", "--config", str(file)]) == 0
    assert "BEGIN CERTIFICATE" in capsys.readouterr().out
    with pytest.raises(SettingsError, match="cannot be used"):
        Upstream("https://a", ca=file)
    with pytest.raises(SettingsError, match="cannot be used"):
        Upstream("https://a", certificate=tmp_path / "none")


def test_the_example_is_read_and_its_defaults_are_the_programs():
    example = Path(__file__).resolve().parents[2] / "config" / "examples" / "relay.toml"
    found = relay_settings(example)
    assert (found.to, found.serving.tls.mode) == ("https://collector.example:8440", "own")
    text = example.read_text(encoding="utf-8")
    assert f"# max_mib = {DEFAULT_MAX_MIB}\n# host_mib = {DEFAULT_HOST_MIB}\n" in text


def test_who_enrols_by_a_relay_can_name_the_logs_key_and_gets_no_other(
    relayed, token, tmp_path, opened, line
):
    from agent.enrol import Request, enrol

    class ByRelay:
        def post(self, path, body, headers, *, timeout_s):
            said = relayed.http.post(path, content=body, headers=dict(headers))
            return AgentAnswer(said.status_code, said.content, "", T0, 1)

    def run(name, log_key):
        state = State(str(tmp_path / name))
        with state.lock():
            enrolled = enrol(
                state,
                Request(host=name, token=line.token(), collector="x", time_ms=T0, facts={}, log_key=log_key),
                ByRelay(),
            )
            return enrolled, state.read("relay")

    right = line.opened.keyring.log_key().public.raw.hex()
    enrolled, mark = run("h-1", right)
    assert (enrolled.log_key.raw.hex(), mark) == (right, b"1\n")
    assert run("h-2", "")[1] == b"1\n", "a relay that says so is noted"
    with pytest.raises(EnrolError, match="another key than --log-key"):
        run("h-3", PrivateKey.generate().public.raw.hex())


@pytest.fixture(scope="module")
def issuer():
    key = authority.new_key()
    return Authority(x509.load_pem_x509_certificate(authority.authority_pem(key, now=utc_now())), key)


def test_the_collectors_answer_is_taken_as_it_is_and_bounded():
    said = {
        "/ok": (200, b'{"a": 1}'),
        "/busy": (429, b"[1]"),
        "/odd": (502, b"<html>"),
        "/long": (200, b"x" * 600_000),
    }

    def answer(asked):
        status, body = said[asked.path]
        return status, {"Retry-After": "7"}, body

    with scripted_server(answer) as script:
        upstream = Upstream(script.url)
        try:
            assert upstream.post("/ok", b"frame", {"X-A": "b"}) == Answer(200, {"a": 1}, "7")
            assert script.asked[0].body == b"frame"
            assert upstream.post("/busy", b"", {}) == Answer(429, {}, "7")
            assert upstream.post("/odd", b"", {}) == Answer(502, {}, "7")
            assert upstream.post("/long", b"", {}).status == 200
            said["/long"] = (200, b"x" * (MAX_ANSWER_BYTES + 1))
            with pytest.raises(UpstreamError, match="too long"):
                upstream.post("/long", b"", {})
        finally:
            upstream.close()
    gone = Upstream(script.url)
    with pytest.raises(UpstreamError, match="does not answer"):
        gone.post("/ok", b"", {})
    gone.close()


def test_only_the_authority_that_is_named_is_believed(issuer, tmp_path):
    pem, ca, gate = (tmp_path / name for name in ("server.pem", "ca.pem", "gate.pem"))
    pem.write_bytes(authority.server_pem(issuer, ["127.0.0.1"], now=utc_now()))
    ca.write_bytes(issuer.pem)
    gate.write_bytes(authority.gate_pem(issuer, "relay-1", now=utc_now()))
    with scripted_server(lambda _asked: (200, {}, b"{}"), certificate=pem) as script:
        upstream = Upstream(script.url, ca=ca, certificate=gate)
        assert upstream.post("/", b"", {}).status == 200
        upstream.close()
        stranger = Upstream(script.url)
        with pytest.raises(UpstreamError, match="does not answer"):
            stranger.post("/", b"", {})
        stranger.close()
    for more, words in (({"ca": tmp_path / "no"}, "the CA"), ({"certificate": ca}, "key and certificate")):
        with pytest.raises(SettingsError, match=words):
            Upstream("https://127.0.0.1:1", **more)


@pytest.mark.parametrize(
    ("listen", "tls", "pinned", "warned"),
    [
        ("127.0.0.1:0", "", False, False),
        ("0.0.0.0:0", "", False, True),
        ("127.0.0.1:0", '[tls]\nmode = "own"\n', True, False),
    ],
)
def test_the_command_serves_with_its_own_certificate_or_says_that_it_has_none(  # noqa: PLR0917 - cases and fixtures
    tmp_path, monkeypatch, capsys, listen, tls, pinned, warned
):
    config = tmp_path / "relay.toml"
    config.write_text(
        f'to = "http://127.0.0.1:1"\nstate = "{tmp_path / "state"}"\nlisten = "{listen}"\n{tls}'
    )
    served = []

    def run(app, _bound, *, certificates, **_more):
        with TestClient(app) as client:
            served.append((client.get("/healthz").status_code, certificates is not None))

    monkeypatch.setattr("collector.http.server.run", run)
    assert cli.main(["serve", "--config", str(config)]) == 0
    assert served == [(200, pinned)]
    assert ("no_tls" in capsys.readouterr().err) is warned
    assert (tmp_path / "state" / "relay.db").exists()
