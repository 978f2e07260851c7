"""What one sender, enrolled or not, cannot do to the collector."""

from __future__ import annotations

import socket
import weakref
from contextlib import ExitStack
from dataclasses import replace
from datetime import date
from urllib.parse import urlsplit

import pytest
from sqlalchemy import text
from starlette.testclient import TestClient

from collector import admission, ingest
from collector.errors import DamagedSumError, ImportFileError, SumLimitError
from collector.http import app as service
from collector.http import budget as bodies
from collector.http.app import create_app
from collector.http.budget import UNCOUNTED_BYTES, Budget
from collector.importing.run import Order, import_file
from collector.settings import Limits
from collector.store import day_sums, registry
from collector.store.archive import StoreArchive
from collector.store.chunks import Line
from evidence import columns, crediting
from evidence.chunk import Chunk, read_chunk, read_frame, write_frame
from evidence.columns import VALUE_BYTES
from evidence.day_sum import DaySum
from verifier.audit import audit

T0 = 1_793_462_400_000
NOW = T0 + 40 * 86_400_000
NOVEMBER = (date(2026, 11, 1).toordinal(), date(2026, 12, 1).toordinal())
LARGEST = 2**63 - 1


def sums(store, **options):
    return {(row.host, row.metric): row.sums for row in StoreArchive(store, **options).day_sums(*NOVEMBER)}


def change(store, assignment):
    with store.writing() as connection:
        connection.execute(text(f"UPDATE day_sum SET {assignment} WHERE metric = 'cpu'"))


@pytest.fixture
def connected(opened, clock, events, speak):
    """Build another application over the same store; returns the API of a client."""
    with ExitStack() as clients:

        def build(limits):
            app = create_app(opened, limits=limits, clock=clock, log=events, monotonic=lambda: 0.0)
            return speak(clients.enter_context(TestClient(app)))

        yield build


def code(answer):
    return answer.status_code, answer.json().get("code")


def test_a_chunk_whose_sums_would_overflow_is_refused_alone_and_recorded(api, web, token, store):
    other = api.enrol(token(), "web-2")
    assert api.outcomes(web.key, web.next(T0)) == [("stored", "")]
    change(store, f"whole = {LARGEST - 10}")
    before = sums(store)
    too_much, fine = web.next(T0 + 600_000), other.next(T0)
    for _ in range(2):
        answer = api.send(web.key, too_much, fine)
        assert [result["code"] for result in answer.json()["results"]] == ["LIMIT_EXCEEDED", ""]
    after = sums(store)
    assert {place: after[place] for place in before} == before
    assert after["web-2", "cpu"].observed_ms == 600_000
    assert [stored.seq for stored in StoreArchive(store).chunks("web-1", 0, 2**52)] == [0]
    (finding,) = StoreArchive(store).findings()
    assert (finding.code, finding.host, finding.seq) == ("LIMIT_EXCEEDED", "web-1", 1)
    assert "cpu on 2026-11-01" in finding.detail


def test_a_sum_may_be_the_largest_integer_and_not_one_more(store):
    with store.writing() as connection:
        line = Line(registry.host_id(connection, "h"), "agent")
        place = ("cpu", NOVEMBER[0])
        day_sums.add(connection, line, {place: DaySum(amount=LARGEST, whole=LARGEST - 1)})
        day_sums.add(connection, line, {place: DaySum(whole=1)})
        with pytest.raises(SumLimitError, match="64 bits"):
            day_sums.add(connection, line, {place: DaySum(whole=1)})
    assert sums(store)["h", "cpu"] == DaySum(amount=LARGEST, whole=LARGEST)


@pytest.mark.parametrize("huge", [DaySum(whole=2**63), DaySum(amount=2**63 * 10**15)])
def test_a_single_sum_that_sql_cannot_hold_is_refused(store, huge):
    with store.writing() as connection:
        line = Line(registry.host_id(connection, "h"), "agent")
        with pytest.raises(SumLimitError):
            day_sums.add(connection, line, {("cpu", NOVEMBER[0]): huge})
    assert sums(store) == {}


def test_the_sums_of_a_late_chunk_that_would_overflow_leave_the_old_ones_in_place(
    api, web, store, monkeypatch
):
    first, second, third = web.next(T0), web.next(T0 + 300_000), web.next(T0 + 600_000)
    assert api.outcomes(web.key, first, third) == [("stored", "")] * 2
    before = sums(store)
    credited = crediting.credited

    def inflated(chunks, calendar):
        return {place: replace(value, whole=2**63) for place, value in credited(chunks, calendar).items()}

    monkeypatch.setattr(crediting, "credited", inflated)
    assert api.outcomes(web.key, second) == [("refused", "LIMIT_EXCEEDED")]
    assert sums(store) == before


def test_an_import_whose_sums_would_overflow_imports_nothing(opened, tmp_path):
    path = tmp_path / "huge.csv"
    path.write_text("host,timestamp,metric,value\nh,1793462400,net.rx,900000000000000000\n")
    order = Order(path, zone="Asia/Shanghai", period_ms=31 * 86_400_000)
    with pytest.raises(ImportFileError, match=r"'h', net\.rx: .*64 bits; nothing was imported"):
        import_file(opened, order, now_ms=NOW)
    assert StoreArchive(opened.store).hosts() == []


@pytest.mark.parametrize("column", ["whole", "amount_hi", "amount_lo"])
def test_a_stored_sum_that_is_no_integer_is_an_error_that_an_audit_explains(api, web, store, column):
    assert api.outcomes(web.key, web.next(T0)) == [("stored", "")]
    change(store, f"{column} = 1e19")
    with pytest.raises(DamagedSumError, match=f"{column} is no integer.*run: starproof audit"):
        sums(store)
    assert code(api.send(web.key, web.next(T0 + 600_000))) == (503, "UNAVAILABLE")
    shown = "whole" if column == "whole" else "amount"
    (finding,) = audit(StoreArchive(store, damaged=True)).findings
    assert (finding.code, finding.got) == ("DAY_SUM_DIFFERS", f"{shown}=-1")


def weight(data):
    frame = read_frame(data)
    return 11 * 14 + frame.manifest_bytes // VALUE_BYTES


def test_a_batch_of_too_many_values_is_refused_before_anything_is_inflated(api, web, store, monkeypatch):
    first, second, third = web.run(3)
    monkeypatch.setattr(ingest, "MAX_BATCH_VALUES", 2 * weight(first))
    with monkeypatch.context() as patch:
        patch.delattr(columns, "inflate")
        assert code(api.send(web.key, first, second, third)) == (413, "TOO_LARGE")
    assert list(StoreArchive(store).chunks("web-1", 0, 2**52)) == []
    assert api.outcomes(web.key, first, second) == [("stored", "")] * 2


def test_a_single_chunk_may_be_larger_than_a_batch(api, web, monkeypatch):
    first, second = web.run(2)
    monkeypatch.setattr(ingest, "MAX_BATCH_VALUES", 1)
    assert code(api.send(web.key, first, second)) == (413, "TOO_LARGE")
    assert api.outcomes(web.key, first, first) == [("stored", ""), ("known", "")]


def test_headers_that_nobody_signed_do_not_count(api, web, monkeypatch):
    first, second = web.run(2)
    forged = write_frame(replace(read_frame(second), signature=bytes(64)))
    monkeypatch.setattr(ingest, "MAX_BATCH_VALUES", weight(first))
    assert api.outcomes(web.key, first, forged) == [("stored", ""), ("refused", "BAD_SIGNATURE")]


def test_a_signed_shape_above_the_formats_limits_is_refused_for_that_chunk(api, web):
    frame = read_frame(web.frame(T0))
    body = frame.header.replace(b'"rows":11', b'"rows":99999').replace(b'"columns":14', b'"columns":4096')
    huge = write_frame(replace(frame, header=body, signature=web.key.sign(admission.CHUNK_TYPE, body)))
    assert api.outcomes(web.key, huge, web.frame(T0)) == [("refused", "LIMIT_EXCEEDED"), ("stored", "")]


def test_a_frame_that_is_repeated_is_opened_once(api, web, monkeypatch):
    opened = []

    def counted(frame, key, *, header):
        opened.append(frame.hash)
        return read_chunk(frame, key, header=header)

    monkeypatch.setattr(admission, "read_chunk", counted)
    wrong = web.frame(T0, prev="0" * 64)
    frame = web.next(T0)
    outcomes = api.outcomes(web.key, *[frame, wrong] * 100)
    assert outcomes[:4] == [("stored", ""), ("refused", "CONFLICT"), ("known", ""), ("refused", "CONFLICT")]
    assert set(outcomes[4:]) == {("known", ""), ("refused", "CONFLICT")}
    assert len(opened) == 2


def test_only_one_chunk_of_a_batch_is_open_at_a_time(take, web, monkeypatch):
    earlier: list[weakref.ref[Chunk]] = []
    alive = []

    def watched(frame, key, *, header):
        alive.append(sum(chunk() is not None for chunk in earlier))
        chunk = read_chunk(frame, key, header=header)
        earlier.append(weakref.ref(chunk))
        return chunk

    monkeypatch.setattr(admission, "read_chunk", watched)
    assert take(*web.run(8)) == [("stored", "")] * 8
    assert alive == [0] * 8


def test_an_unknown_key_is_refused_before_its_body_is_read(serve):
    running = serve()
    parts = urlsplit(running.url)
    with socket.create_connection((parts.hostname, parts.port), timeout=5) as wire:
        wire.sendall(
            b"POST /v1/chunks HTTP/1.1\r\nHost: x\r\nContent-Type: application/vnd.starproof.chunks\r\n"
            b"X-StarProof-Key: %s\r\nContent-Length: 30000000\r\n\r\n" % (b"0" * 64)
        )
        answer = b""
        while not answer.endswith(b"}"):  # not a byte of the body has been sent
            answer += wire.recv(65536)
    assert answer.startswith(b"HTTP/1.1 403")
    assert b'"UNKNOWN_KEY"' in answer


def test_an_address_that_invents_keys_is_slowed_down(connected):
    api = connected(Limits(requests_per_minute=1))
    answers = [api.send(f"{number:064x}", b"x") for number in range(service.SENDERS_BEHIND_ONE_ADDRESS + 1)]
    assert {code(answer) for answer in answers[:-1]} == {(403, "UNKNOWN_KEY")}
    assert code(answers[-1]) == (429, "SLOW_DOWN")


def test_bodies_together_are_bounded_and_what_is_done_gives_its_bytes_back(
    connected, limits, web, monkeypatch
):
    first, second = web.run(2)
    monkeypatch.setattr(bodies, "UNCOUNTED_BYTES", 0)
    monkeypatch.setattr(service, "MAX_BODY_BYTES_IN_FLIGHT", 2 * (len(first) + len(second) - 1))
    api = connected(limits)
    refused = api.send(web.key, first, second)
    assert code(refused) == (503, "UNAVAILABLE")
    assert int(refused.headers["Retry-After"]) > 0
    for frame in (first, second, first):
        assert api.send(web.key, frame).status_code == 200
        assert api.offer("x", "h").status_code == 401


def test_requests_share_one_budget_of_bytes_and_no_address_takes_it_all():
    budget, small = Budget(10), UNCOUNTED_BYTES
    with (
        budget.hold("a") as one,
        budget.hold("a") as two,
        budget.hold("b") as other,
        budget.hold("c") as late,
    ):
        one.take(small + 3)
        two.take(small)
        two.take(2)
        with pytest.raises(ingest.RequestError):
            two.take(1)
        other.take(small + 5)
        with pytest.raises(ingest.RequestError):
            late.take(small + 1)
        late.take(small)
    with budget.hold("a") as again:
        again.take(small + 5)
