from __future__ import annotations

import asyncio
import io
import json
import logging
import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from collector import ingest
from collector.errors import RequestError, StoreBusyError
from collector.http import app as service
from collector.http import buckets
from collector.http.app import create_app
from collector.http.bodies import error_answer
from collector.http.buckets import Buckets
from collector.http.log import LineLog, ServerMessages
from collector.http.writer import Writer
from collector.settings import Limits
from collector.store import schema, sqlite
from collector.store.archive import StoreArchive
from evidence.keys import PrivateKey

T0 = 1_793_462_400_000


def code(answer):
    return answer.status_code, answer.json().get("code")


def test_health_says_that_the_store_answers(api, clock):
    answer = api.http.get("/healthz")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok", "server_ms": clock.now_ms})


def test_health_is_unavailable_without_the_store(api, store):
    with store.writing() as connection:
        schema.meta.drop(connection)
    assert code(api.http.get("/healthz")) == (503, "UNAVAILABLE")


def test_metrics_count_what_happened(api, web):
    frame = web.next(T0)
    api.send(web.key, frame)
    api.send(web.key, frame, web.frame(T0, prev="0" * 64))
    text = api.http.get("/metrics").text
    values = dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    assert values['starproof_chunks_total{code="",status="stored"}'] == "1.0"
    assert values['starproof_chunks_total{code="",status="known"}'] == "1.0"
    assert values['starproof_chunks_total{code="BAD_CHAIN",status="refused"}'] == "1.0"
    assert float(values["starproof_values_total"]) == 11 * 14
    assert float(values["starproof_hosts"]) == 1
    assert float(values["starproof_findings"]) == 1
    assert float(values["starproof_store_bytes"]) > 50_000
    assert values["starproof_ingest_seconds_count"] == "2.0"
    assert values['starproof_requests_total{endpoint="chunks",status="200"}'] == "2.0"


def test_an_unknown_path_and_a_wrong_method_are_answered_in_json(api):
    assert code(api.http.get("/nothing")) == (404, "BAD_REQUEST")
    assert code(api.http.get("/v1/chunks")) == (405, "BAD_REQUEST")


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"Content-Type": "text/plain"}, (400, "BAD_REQUEST")),
        ({"Content-Encoding": "gzip"}, (400, "BAD_REQUEST")),
        ({"X-StarProof-Key": "abc"}, (400, "BAD_REQUEST")),
    ],
)
def test_wrong_headers_are_refused(api, web, headers, expected):
    assert code(api.send(web.key, web.frame(T0), **headers)) == expected


def test_bodies_that_are_not_frames_are_refused_and_nothing_is_stored(api, web, store):
    frame = web.frame(T0)
    assert code(api.send(web.key)) == (400, "BAD_REQUEST")
    assert code(api.send(web.key, frame, b"x")) == (400, "MALFORMED")
    assert code(api.send(web.key, frame[:-1])) == (400, "MALFORMED")
    assert list(StoreArchive(store).chunks("web-1", 0, 2**52)) == []


def test_too_many_frames_are_refused(api, web):
    frame = web.frame(T0, rows=2)
    assert code(api.send(web.key, *[frame] * (ingest.MAX_FRAMES + 1))) == (413, "TOO_LARGE")


def test_a_body_above_the_limit_is_cut_off(api, web, monkeypatch):
    frame = web.frame(T0)
    monkeypatch.setattr(service, "MAX_FRAME_BYTES", len(frame) - 1)
    assert code(api.send(web.key, frame)) == (413, "TOO_LARGE")

    def pieces():  # no Content-Length at all
        yield frame[:10]
        yield frame[10:]

    headers = {"Content-Type": "application/vnd.starproof.chunks", "X-StarProof-Key": web.key.public.id}
    assert code(api.http.post("/v1/chunks", content=pieces(), headers=headers)) == (413, "TOO_LARGE")


def test_several_frames_have_a_lower_limit_than_one(api, web, monkeypatch):
    first, second = web.run(2)
    monkeypatch.setattr(service, "MAX_BATCH_BYTES", len(first))
    assert code(api.send(web.key, first, second)) == (413, "TOO_LARGE")
    assert api.outcomes(web.key, first) == [("stored", "")]


def test_a_sender_above_its_rate_is_told_when_to_come_back(opened, clock, events, speak, web):
    now = [0.0]
    limits = Limits(requests_per_minute=2, enrolments_per_minute=1)
    app = create_app(opened, limits=limits, clock=clock, log=events, monotonic=lambda: now[0])
    with TestClient(app) as client:
        api = speak(client)
        frame = web.frame(T0)
        answers = [api.send(web.key, frame) for _ in range(3)]
        assert [answer.status_code for answer in answers] == [200, 200, 429]
        assert code(answers[2]) == (429, "SLOW_DOWN")
        assert answers[2].headers["Retry-After"] == "30"
        now[0] = 30.0
        assert api.send(web.key, frame).status_code == 200
        assert [api.offer("x", "h").status_code for _ in range(2)] == [401, 429]


def test_senders_long_unseen_are_forgotten(monkeypatch):
    monkeypatch.setattr(buckets, "MAX_SENDERS", 2)
    rates = Buckets(1, lambda: 0.0)
    assert [rates.wait_s(name) for name in ("a", "a", "b", "c", "a")] == [0, 60, 0, 0, 0]


def test_a_full_queue_is_refused_at_once_and_what_was_begun_is_finished():
    async def scenario():
        writer = Writer(1, list)
        gate = threading.Event()
        done = []

        def job():
            gate.wait(10)
            done.append(1)

        first = asyncio.create_task(writer.run(job))
        await asyncio.sleep(0.05)
        with pytest.raises(RequestError) as refused:
            await writer.run(job)
        first.cancel()
        gate.set()
        writer.close()
        return refused.value, done

    with ThreadPoolExecutor(1) as threads:  # a browser of another test may have left a loop in this one
        error, done = threads.submit(lambda: asyncio.run(scenario())).result()
    assert (error.status, error.reason, done) == (503, "UNAVAILABLE", [1])
    assert error_answer(error, now_ms=1).headers["Retry-After"] == "5"


def test_batches_that_wait_are_written_together_and_a_bad_one_stops_no_other():
    calls = []

    def together(items):
        calls.append(list(items))
        if "bad" in items:
            raise ValueError("bad")
        if "busy" in items:
            raise StoreBusyError("busy")
        return [item.upper() for item in items]

    async def scenario(*items):
        writer = Writer(len(items) + 1, together)
        gate = threading.Event()
        first = asyncio.create_task(writer.run(lambda: gate.wait(10)))
        await asyncio.sleep(0.05)
        waiting = [asyncio.create_task(writer.write(item, sender=item)) for item in items]
        await asyncio.sleep(0.05)
        gate.set()
        done = await asyncio.gather(first, *waiting, return_exceptions=True)
        writer.close()
        return [repr(outcome) for outcome in done[1:]]

    assert asyncio.run(scenario("a", "b", "c")) == ["'A'", "'B'", "'C'"]
    assert calls == [["a", "b", "c"]]
    assert asyncio.run(scenario("a", "bad", "c")) == ["'A'", "ValueError('bad')", "'C'"]
    assert calls[1:] == [["a", "bad", "c"], ["a"], ["bad"], ["c"]]
    calls.clear()
    assert asyncio.run(scenario("a", "busy")) == ["StoreBusyError('busy')"] * 2
    assert calls == [["a", "busy"]]


def test_a_store_that_another_process_holds_is_unavailable_for_a_while(api, web, store, url, monkeypatch):
    other = sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)
    with store.reading() as connection:
        connection.exec_driver_sql("PRAGMA busy_timeout=50")
    store.engine.dispose()
    monkeypatch.setattr(sqlite, "BUSY_TIMEOUT_S", 0)
    other.execute("BEGIN IMMEDIATE")
    answer = api.send(web.key, web.frame(T0))
    other.execute("ROLLBACK")
    other.close()
    assert code(answer) == (503, "UNAVAILABLE")
    assert int(answer.headers["Retry-After"]) > 0
    assert api.outcomes(web.key, web.frame(T0)) == [("stored", "")]


def test_log_lines_are_json_and_names_cannot_break_them():
    stream = io.StringIO()
    log = LineLog(lambda: 7, stream)
    log("enrolled", host="甲\n\x1b[31m\u2028", epoch=1, long="x" * 900)
    (line,) = stream.getvalue().splitlines()
    document = json.loads(line)
    assert document["host"] == "甲\\n\\x1b[31m\\u2028"
    assert (document["event"], document["time_ms"], document["epoch"]) == ("enrolled", 7, 1)
    assert len(document["long"]) == 500


def test_what_the_http_server_says_becomes_events(events):
    handler = ServerMessages(events)
    error = OSError("broken")
    record = logging.LogRecord(
        "uvicorn.error", logging.ERROR, "f", 1, "failed\n", (), (OSError, error, error.__traceback__)
    )
    handler.emit(record)
    assert events.lines == [{"event": "server", "level": "error", "message": "failed: OSError: broken"}]


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_mutation_of_a_body_is_the_servers_fault(api, web, data):
    body = bytearray(web.frame(T0) + web.frame(T0, prev="1" * 64))
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(body) - 1))
        change = data.draw(st.sampled_from(["set", "cut", "insert"]))
        if change == "set":
            body[place] = data.draw(st.integers(0, 255))
        elif change == "cut":
            del body[place : place + data.draw(st.integers(1, 64))]
        else:
            body[place:place] = data.draw(st.binary(min_size=1, max_size=16))
        if not body:
            break
    answer = api.send(web.key, bytes(body))
    assert answer.status_code in (200, 400, 413)
    assert answer.json()["server_ms"]


@pytest.fixture
def finished(api, token):
    return json.dumps(api.request(token(), "web-1", PrivateKey.generate())).encode()


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_mutation_of_an_enrolment_is_the_servers_fault(api, finished, data):
    raw = bytearray(finished)
    place = data.draw(st.integers(0, len(raw) - 1))
    raw[place : place + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=4))
    answer = api.http.post("/v1/enrolments", content=bytes(raw), headers={"Content-Type": "application/json"})
    assert answer.status_code < 500


def test_an_unforeseen_failure_is_a_500_that_carries_the_clock(api, web, clock, monkeypatch):
    def broken(*_args, **_options):
        raise RuntimeError("bug")

    monkeypatch.setattr(ingest, "take_together", broken)
    with TestClient(api.http.app, raise_server_exceptions=False) as client:
        answer = type(api)(client).send(web.key, web.frame(T0))
    assert code(answer) == (500, "INTERNAL")
    assert answer.json()["server_ms"] == clock.now_ms
