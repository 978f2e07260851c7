"""From the spool to the collector, over real HTTP on loopback."""

import contextlib
import io
import json
import socket
import threading
import time

import pytest
from collector_double import CollectorDouble
from machine_double import CHAIN, make_key
from test_spool import Writer

from agent import answers, transport
from agent.answers import Sent, clock_estimate, decide, retry_after_s
from agent.board import Board
from agent.delivery import BACKOFF_CAP_S, Delivery, Surroundings
from agent.errors import ConfigError, SpoolError, TransportError
from agent.events import Events
from agent.sealing import ClockEstimate
from agent.transport import Answer, HttpTransport

KEY = make_key()
SERVER_MS = 1_767_600_000_000


class Scene:
    """A spool, a collector, and a delivery whose clock stands still until it is moved."""

    def __init__(self, folder, collector, **options):
        self.now_s = 0.0
        self.writer = Writer(folder / "spool", max_bytes=options.pop("max_bytes", 1 << 30))
        self.collector = collector
        self.log = io.StringIO()
        self.board = Board(lambda: SERVER_MS, interval_ms=60_000)
        self.delivery = Delivery(
            spool=self.writer.spool,
            key=KEY,
            transport=HttpTransport(collector.url, wall_ms=lambda: SERVER_MS - 5_000, mono_s=time.monotonic),
            around=Surroundings(mono_s=lambda: self.now_s, random=lambda: 0.5),
            board=self.board,
            events=Events(self.log, lambda: SERVER_MS),
            **options,
        )

    def cycle(self):
        return self.delivery.cycle()

    @property
    def result(self):
        return self.board.snapshot()["last_delivery"]


@pytest.fixture
def collector():
    double = CollectorDouble(wall_ms=lambda: SERVER_MS)
    double.pinned["web-1"] = [(KEY.public, CHAIN)]
    yield double
    double.close()


@pytest.fixture
def scene(tmp_path, collector):
    return Scene(tmp_path, collector)


def test_pending_chunks_are_delivered_in_order_and_let_go(scene):
    scene.writer.seal(5)
    assert scene.cycle() == 0.0
    assert scene.cycle() is None
    assert scene.collector.seqs() == [0, 1, 2, 3, 4]
    assert scene.writer.spool.pending() == []
    assert scene.board.snapshot()["chunks_delivered_total"] == 5
    path, _ = scene.collector.requests[0]
    assert path == "/v1/chunks"


def test_the_clock_offset_is_measured_and_no_clock_is_set(scene):
    scene.writer.seal(1)
    scene.cycle()
    assert scene.delivery.clock.offset_ms == pytest.approx(5_000, abs=2_000)
    assert scene.delivery.clock.rtt_ms >= 0
    assert scene.board.snapshot()["clock_offset_ms"] == scene.delivery.clock.offset_ms


def test_batches_are_limited_in_number_and_bytes(scene, monkeypatch):
    scene.writer.seal(70)
    assert scene.cycle() == 0.0
    assert len(scene.collector.seqs()) == 64
    monkeypatch.setattr("agent.delivery.MAX_BATCH_BYTES", scene.writer.spool.size(64) * 5 // 2)
    scene.cycle()
    assert len(scene.collector.seqs()) == 66


def test_a_backlog_goes_on_without_a_wait_and_also_at_the_end(scene):
    scene.writer.seal(200)
    assert [scene.cycle(), scene.cycle()] == [0.0, 0.0]
    assert len(scene.collector.seqs()) == 128
    scene.delivery.stop()
    scene.delivery.run()
    assert scene.writer.spool.pending() == []


def test_the_last_sending_ends_with_its_time_or_at_the_first_trouble(scene):
    scene.writer.seal(200)
    scene.delivery.stop()

    def slow(*_):
        scene.now_s += 3

    scene.collector.fault = slow
    scene.delivery.run()
    assert len(scene.collector.seqs()) == 128
    scene.collector.fault = lambda *_: (503, {}, {})
    scene.delivery.run()
    assert len(scene.collector.requests) == 3


def test_a_chunk_larger_than_a_batch_goes_alone(scene, monkeypatch):
    scene.writer.seal(2)
    monkeypatch.setattr("agent.delivery.MAX_BATCH_BYTES", 10)
    scene.cycle()
    assert scene.collector.seqs() == [0]


def test_a_chunk_is_marked_before_it_is_on_the_wire(scene):
    scene.writer.seal(2)
    seen = []
    scene.collector.fault = lambda *_: seen.append((scene.writer.folder / "tried").read_text())
    scene.cycle()
    assert seen == ["1\n"]


def test_an_answer_that_is_lost_means_the_same_chunks_again(scene):
    scene.writer.seal(3)
    scene.collector.lose_answer = True
    assert scene.cycle() > 0
    assert scene.result == "NO_ANSWER"
    assert scene.writer.spool.pending() == [0, 1, 2]
    scene.collector.lose_answer = False
    scene.cycle()
    assert scene.writer.spool.pending() == []
    assert scene.collector.seqs() == [0, 1, 2]


def test_a_collector_that_is_away_costs_nothing_and_the_waits_grow_to_a_limit(scene):
    scene.writer.seal(3)
    scene.collector.close()
    waits = [scene.cycle() for _ in range(12)]
    assert waits == [min(BACKOFF_CAP_S, 2.0**n) / 2 for n in range(12)]
    assert scene.writer.spool.pending() == [0, 1, 2]
    scene.collector._server.server_close()


def test_after_a_success_the_wait_begins_small_again(scene):
    scene.writer.seal(1)
    scene.collector.fault = lambda *_: (500, {}, {})
    for _ in range(5):
        scene.cycle()
    scene.collector.fault = lambda *_: None
    assert scene.cycle() == 0.0
    scene.writer.seal(1)
    scene.collector.fault = lambda *_: (500, b"oops", {})
    assert scene.cycle() == 0.5
    assert scene.result == "HTTP_500"


@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_is_kept_with_a_little_jitter(scene, status):
    scene.writer.seal(1)
    scene.collector.fault = lambda *_: (
        status,
        {"code": "SLOW_DOWN", "message": "wait"},
        {"Retry-After": "17"},
    )
    assert scene.cycle() == 17.5
    assert scene.result == "SLOW_DOWN"
    scene.collector.fault = lambda *_: (status, {}, {"Retry-After": "Wed, 21 Oct"})
    assert scene.cycle() == 0.5


def test_retry_after_is_bounded():
    assert retry_after_s("99999999999999999999") == 3_600.0
    assert retry_after_s("0") == 0.0
    assert retry_after_s("-1") is retry_after_s("") is retry_after_s("²") is None


def test_a_batch_that_is_too_large_is_halved_until_it_fits_and_grows_again(scene):
    scene.writer.seal(20)
    sizes = []

    def fault(_, body):
        sizes.append(body.count(b"SPC1"))
        return (413, {"code": "TOO_LARGE"}, {}) if sizes[-1] > 5 else None

    scene.collector.fault = fault
    for _ in range(4):
        assert scene.cycle() == 0.0
    assert sizes == [20, 10, 5, 10]
    while scene.cycle() is not None:
        pass
    assert scene.writer.spool.pending() == []


def test_a_single_chunk_that_is_too_large_is_held_and_others_go_on(scene):
    scene.writer.seal(3)
    first = scene.writer.spool.read(0)[1]
    scene.collector.fault = lambda _, body: (413, {"code": "TOO_LARGE"}, {}) if first in body else None
    for _ in range(6):
        scene.cycle()
    assert scene.writer.spool.pending() == [0]
    assert "chunk_held" in scene.log.getvalue()


def test_a_bad_request_is_taken_apart_and_only_the_bad_chunk_is_kept_back(scene):
    scene.writer.seal(8)
    bad = scene.writer.spool.read(5)[1]
    scene.collector.fault = lambda _, body: (
        (400, {"code": "MALFORMED", "message": "no"}, {}) if bad in body else None
    )
    for _ in range(20):
        if scene.cycle() is None:
            break
    assert scene.writer.spool.pending() == [5]
    scene.collector.fault = lambda *_: None
    scene.now_s += answers.FAULT_HOLD_S + 1
    scene.cycle()
    assert scene.writer.spool.pending() == []


def test_a_chunk_ahead_of_the_clock_is_held_while_others_go_on(scene):
    scene.writer.seal(4)
    scene.collector.refuse = lambda seq: "CLOCK_AHEAD" if seq == 2 else ""
    scene.cycle()
    assert scene.writer.spool.pending() == [2]
    assert scene.cycle() is None
    scene.collector.refuse = lambda _: ""
    scene.now_s += answers.CLOCK_HOLD_S + 1
    assert scene.cycle() == 0.0
    assert scene.writer.spool.pending() == []


def test_a_chunk_whose_clock_was_wrong_is_moved_aside(scene):
    scene.writer.seal(3)
    scene.collector.refuse = lambda seq: "CLOCK_WRONG" if seq == 1 else ""
    scene.cycle()
    assert scene.writer.spool.pending() == []
    assert scene.writer.spool.refused == 1


def test_an_unknown_key_keeps_everything_and_backs_off(scene):
    scene.writer.seal(2)
    scene.collector.pinned.clear()
    assert scene.cycle() > 0
    assert scene.result == "UNKNOWN_KEY"
    assert scene.writer.spool.pending() == [0, 1]


def test_a_key_that_is_turned_away_before_its_body_keeps_everything_and_backs_off(scene):
    scene.writer.seal(2)
    scene.collector.fault = lambda *_: (403, {"code": "UNKNOWN_KEY", "message": "enrol this host"}, {})
    assert [scene.cycle() for _ in range(3)] == [0.5, 1.0, 2.0]
    assert scene.result == "UNKNOWN_KEY"
    assert scene.writer.spool.pending() == [0, 1]
    scene.collector.fault = lambda *_: None
    assert scene.cycle() == 0.0
    assert scene.writer.spool.pending() == []


@pytest.mark.parametrize("code", sorted(answers.REFUSALS))
def test_a_chunk_that_cannot_be_admitted_is_moved_aside_and_reported(scene, code):
    scene.writer.seal(3)
    scene.collector.refuse = lambda seq: code if seq == 1 else ""
    scene.cycle()
    assert scene.writer.spool.pending() == []
    assert scene.writer.spool.refused == 1
    assert scene.board.snapshot()["chunks_refused_total"] == 1
    assert f"chunk_refused seq=1 code={code}" in scene.log.getvalue()
    assert scene.result == code


def test_a_refusal_nobody_knows_keeps_the_chunk(scene):
    scene.writer.seal(1)
    scene.collector.refuse = lambda _: "NEWER_THAN_US"
    scene.cycle()
    assert scene.writer.spool.pending() == [0]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"[]",
        b"{}",
        b'{"results": 3}',
        b'{"results": [3, {"seq": true}, {"key": "k", "seq": 0, "hash": []}]}',
    ],
)
def test_an_answer_that_is_not_the_collectors_lets_nothing_go(scene, body):
    scene.writer.seal(2)
    scene.collector.fault = lambda *_: (200, body, {})
    assert scene.cycle() > 0
    assert scene.writer.spool.pending() == [0, 1]
    assert scene.result == "BAD_ANSWER"


def test_only_the_very_chunk_that_was_sent_is_let_go():
    batch = [Sent(3, "k", "h")]
    for wrong in ({"seq": 4}, {"key": "x"}, {"hash": "x"}, {"status": "perhaps"}):
        result = {"key": "k", "seq": 3, "hash": "h", "status": "stored", **wrong}
        decision = decide(Answer(200, json.dumps({"results": [result]}).encode(), "", 0, 0), batch)
        assert decision.stored == ()
        assert decision.back_off
    good = {"key": "k", "seq": 3, "hash": "h", "status": "known"}
    twice = decide(Answer(200, json.dumps({"results": [good, good]}).encode(), "", 0, 0), batch)
    assert twice.stored == (3,)
    assert not twice.back_off


@pytest.mark.parametrize("status", [301, 302, 307, 401, 404])
def test_a_redirect_or_a_foreign_answer_is_not_followed(scene, status):
    scene.writer.seal(1)
    scene.collector.fault = lambda *_: (status, {}, {"Location": "http://127.0.0.1:1/"})
    assert scene.cycle() > 0
    assert scene.result == f"HTTP_{status}"
    assert len(scene.collector.requests) == 1


@pytest.mark.parametrize("server_ms", [None, "1", True, 0, -5, 2**60, 1.5])
def test_a_server_time_that_is_none_measures_nothing(server_ms):
    assert clock_estimate(Answer(200, b"", "", 1000, 10), {"server_ms": server_ms}) is None


def test_the_offset_is_taken_half_way_of_the_exchange():
    estimate = clock_estimate(Answer(200, b"", "", 1_000, 100), {"server_ms": 5_950})
    assert estimate == ClockEstimate(5_000, 100)


def test_a_spool_near_its_limit_is_thinned_before_sending(tmp_path, collector):
    scene = Scene(tmp_path, collector, max_bytes=60_000)
    collector.close()
    while scene.writer.spool.size_bytes < 56_000:
        scene.writer.seal(1)
    scene.cycle()
    assert scene.writer.spool.size_bytes < 10_000
    assert scene.board.snapshot()["thinnings_total"] == 1
    assert "spool_thinned" in scene.log.getvalue()


def test_a_spool_that_cannot_be_thinned_is_reported(tmp_path, collector):
    scene = Scene(tmp_path, collector, max_bytes=4_000)
    while scene.writer.spool.size_bytes < 3_600:
        scene.writer.seal(1)
    scene.writer.spool.mark_tried(scene.writer.spool.pending()[-1])
    scene.cycle()
    assert "spool_cannot_be_thinned" in scene.log.getvalue()
    scene.writer.seal(1)


def test_a_thinning_that_fails_is_reported_and_sending_goes_on(tmp_path, collector, monkeypatch):
    scene = Scene(tmp_path, collector, max_bytes=4_000)
    while scene.writer.spool.size_bytes < 3_600:
        scene.writer.seal(1)

    def broken(_):
        raise SpoolError("thinning failed: disk")

    monkeypatch.setattr(scene.writer.spool, "replace_tail", broken)
    scene.cycle()
    assert "thinning_failed" in scene.log.getvalue()
    assert scene.writer.spool.pending() == []


def test_the_loop_delivers_what_it_is_told_of_and_once_more_at_the_end(scene):
    thread = threading.Thread(target=scene.delivery.run)
    thread.start()
    try:
        scene.writer.seal(2)
        scene.delivery.notify()
        deadline = time.monotonic() + 10
        while scene.writer.spool.pending() and time.monotonic() < deadline:
            time.sleep(0.01)
        assert scene.writer.spool.pending() == []
        scene.writer.seal(1)
    finally:
        scene.delivery.stop()
        thread.join(10)
    assert scene.collector.seqs() == [0, 1, 2]


def test_the_loop_survives_a_disk_that_fails(scene, monkeypatch):
    scene.writer.seal(1)

    def broken(_):
        raise SpoolError("the mark cannot be written")

    monkeypatch.setattr(scene.writer.spool, "mark_tried", broken)
    thread = threading.Thread(target=scene.delivery.run)
    thread.start()
    deadline = time.monotonic() + 10
    while "delivery_failed" not in scene.log.getvalue() and time.monotonic() < deadline:
        time.sleep(0.01)
    scene.delivery.stop()
    thread.join(10)
    assert scene.log.getvalue().count("delivery_failed") >= 2
    assert scene.collector.seqs() == []


# The transport alone


def raw_server(answer):
    """Answer one connection with these bytes; return the URL and the thread."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve():
        connection, _ = listener.accept()
        with connection, listener, contextlib.suppress(OSError):
            connection.recv(65536)
            for part in answer:
                connection.sendall(part)
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(65536):
                pass

    thread = threading.Thread(target=serve)
    thread.start()
    return f"http://127.0.0.1:{listener.getsockname()[1]}", thread


OK = b"HTTP/1.1 200 OK\r\n"


def post(url, mono_s=time.monotonic, timeout_s=5):
    return HttpTransport(url, wall_ms=lambda: 0, mono_s=mono_s).post("/x", b"body", {}, timeout_s=timeout_s)


@pytest.mark.parametrize(
    "answer",
    [
        [OK + b"Content-Length: 100\r\n\r\nshort"],
        [OK + b"Content-Length: 5\r\n\r\n"],
        [OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nab"],
        [OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n"],
        [b"not http at all\r\n\r\n"],
        [b""],
        [b"x" * 100_000],
        [OK + b"A: b\r\n" * 101],
        [OK + b"\r\n", b"x" * (transport.MAX_ANSWER_BYTES + 1)],
    ],
)
def test_an_answer_that_is_cut_off_or_too_long_is_an_error(answer):
    url, thread = raw_server(answer)
    with pytest.raises(TransportError):
        post(url)
    thread.join()


@pytest.mark.parametrize(
    ("answer", "status", "body"),
    [
        (OK + b"Content-Length: 2\r\n\r\nabcd", 200, b"ab"),
        (OK + b"\r\nup to the end", 200, b"up to the end"),
        (OK + b"transfer-encoding: Chunked\r\n\r\n2;x=y\r\nab\r\n1\r\nc\r\n0\r\nT: u\r\n\r\n", 200, b"abc"),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.0 204 None\r\n\r\n", 204, b""),
        (b"HTTP/1.1 404\nRetry-After: 7\n\nno", 404, b"no"),
    ],
)
def test_every_form_of_answer_is_read(answer, status, body):
    url, thread = raw_server([answer[:20], answer[20:]])
    found = post(url)
    thread.join()
    assert (found.status, found.body) == (status, body)
    assert found.retry_after == ("7" if status == 404 else "")


def test_an_answer_that_drips_ends_at_the_deadline():
    url, thread = raw_server([OK + b"\r\n", b"a", b"b"])
    seconds = iter([0.0, 0.0, 1.0, 100.0])
    with pytest.raises(TransportError, match="too long"):
        post(url, mono_s=lambda: next(seconds, 200.0))
    thread.join()


def test_a_collector_that_says_nothing_is_left_after_the_timeout():
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(TransportError, match="timed out"):
        post(f"http://127.0.0.1:{silent.getsockname()[1]}", timeout_s=0.05)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "collector",
        "http://x:0",
        "http://x/a b",
        "http://x\r\ny",
        "ftp://x",
        "http://",
        "http://x:port",
        "http://x?y=1",
        "http://a:b@x",
        "http://x:99999",
    ],
)
def test_an_address_that_is_no_url_is_refused(url):
    with pytest.raises(ConfigError, match="not a URL") as caught:
        HttpTransport(url, wall_ms=lambda: 0, mono_s=time.monotonic)
    assert "a:b" not in str(caught.value)


def test_a_path_before_ours_is_kept(collector):
    collector.fault = lambda path, _: (200, {"path": path}, {})
    answer = HttpTransport(collector.url + "/base/", wall_ms=lambda: 7, mono_s=time.monotonic).post(
        "/v1/chunks", b"x", {}, timeout_s=5
    )
    assert json.loads(answer.body) == {"path": "/base/v1/chunks"}
    assert answer.received_ms == 7


def test_a_ca_file_that_is_not_there_is_a_clear_error(tmp_path):
    with pytest.raises(ConfigError, match="ca_file"):
        HttpTransport(
            "https://localhost", wall_ms=lambda: 0, mono_s=time.monotonic, ca_file=str(tmp_path / "no.pem")
        )


def test_tls_is_spoken_to_an_https_collector_and_refused_without_trust(collector):
    secure = collector.url.replace("http:", "https:")
    carrier = HttpTransport(secure, wall_ms=lambda: 0, mono_s=time.monotonic)
    with pytest.raises(TransportError, match="does not speak TLS there"):
        carrier.post("/v1/chunks", b"", {}, timeout_s=5)
