from __future__ import annotations

import threading
from dataclasses import replace
from datetime import date
from random import Random

import pytest
from sqlalchemy import func, select

from collector import admission
from collector.http.shares import AT_ONCE
from collector.store import day_sums, registry, schema
from collector.store.archive import StoreArchive
from collector.store.chunks import Line
from evidence.calendar import LocalCalendar
from evidence.chunk import open_chunk, read_frame, write_frame
from evidence.crediting import credited
from evidence.day_sum import DaySum
from evidence.keys import PrivateKey

pytestmark = pytest.mark.both_stores

MINUTE = 60_000
T0 = 1_793_462_400_000  # 2026-11-01 00:00 in Shanghai
NOW = T0 + 40 * 86_400_000
SHANGHAI = LocalCalendar("Asia/Shanghai")
NOVEMBER = (date(2026, 11, 1).toordinal(), date(2026, 12, 1).toordinal())


def count(store, table):
    with store.reading() as connection:
        return connection.scalar(select(func.count()).select_from(table))


def stored_sums(store):
    return {(row.metric, row.day): row.sums for row in StoreArchive(store).day_sums(*NOVEMBER)}


def derived_sums(store, host):
    chunks = [
        open_chunk(read_frame(stored.frame), host.key.public)
        for stored in StoreArchive(store).chunks(host.name, 0, 2**52)
    ]
    return credited(chunks, SHANGHAI)


def test_a_batch_is_stored_with_its_day_sums(api, web, store):
    frames = web.run(12)
    assert api.outcomes(web.key, *frames) == [("stored", "")] * 12
    sums = stored_sums(store)
    assert sums["disk.reads", NOVEMBER[0]].amount == 12 * 10 * 7
    assert sums["cpu", NOVEMBER[0]].observed_ms == 2 * 3600 * 1000
    assert sums == derived_sums(store, web)


def test_the_same_chunk_again_is_known_and_counted_once(api, web, store):
    frame = web.next(T0)
    assert api.outcomes(web.key, frame, frame) == [("stored", ""), ("known", "")]
    assert api.outcomes(web.key, frame) == [("known", "")]
    assert count(store, schema.chunk) == 1
    assert stored_sums(store)["disk.reads", NOVEMBER[0]].amount == 70


def test_another_chunk_at_a_stored_seq_is_refused_and_recorded_once(api, web, store):
    other = web.frame(T0 + MINUTE)
    assert api.outcomes(web.key, web.next(T0)) == [("stored", "")]
    assert api.outcomes(web.key, other, other) == [("refused", "CONFLICT")] * 2
    (finding,) = StoreArchive(store).findings()
    assert (finding.code, finding.host, finding.epoch, finding.seq) == ("CONFLICT", "web-1", 0, 0)
    assert read_frame(other).hash in finding.detail
    assert count(store, schema.chunk) == 1


def test_a_frame_of_an_unknown_key_is_refused_and_the_others_are_stored(api, web):
    known, stranger = web.key, PrivateKey.generate()
    web.key = stranger
    strange = web.frame(T0)
    web.key = known
    outcomes = api.outcomes(known, strange, web.frame(T0))
    assert outcomes == [("refused", "UNKNOWN_KEY"), ("stored", "")]


def test_the_import_key_cannot_be_used_over_the_wire(api, web, opened):
    own, web.key = web.key, opened.keyring.import_key()
    frame = web.frame(T0)
    assert api.outcomes(own, frame) == [("refused", "UNKNOWN_KEY")]
    assert api.send(web.key, frame).status_code == 403


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"prev": "0" * 64}, "BAD_CHAIN"),
        ({"prev_end_ms": T0}, "BAD_CHAIN"),
        ({"host": "web-2"}, "WRONG_HOST"),
        ({"enterprise": "乙公司"}, "WRONG_HOST"),
    ],
)
def test_a_first_chunk_that_does_not_fit_its_enrolment_is_refused(api, web, store, changes, code):
    assert api.outcomes(web.key, web.frame(T0, **changes)) == [("refused", code)]
    assert count(store, schema.chunk) == 0
    assert count(store, schema.finding) == (code == "BAD_CHAIN")


def test_a_chunk_that_does_not_continue_its_predecessor_is_refused(api, web):
    first = web.next(T0)
    wrong_hash = web.frame(T0 + 10 * MINUTE, prev="1" * 64)
    wrong_end = web.frame(T0 + 10 * MINUTE, prev_end_ms=T0)
    assert api.outcomes(web.key, first, wrong_hash, wrong_end) == [
        ("stored", ""),
        ("refused", "BAD_CHAIN"),
        ("refused", "BAD_CHAIN"),
    ]


def test_a_gap_in_the_seqs_is_taken_and_its_filler_must_fit_both_sides(api, web, store):
    first, second, third = web.run(3)
    web.seq, web.prev, web.prev_end_ms = 1, read_frame(first).hash, T0 + 10 * MINUTE
    wrong = web.frame(T0 + 10 * MINUTE, rows=10)
    assert api.outcomes(web.key, first, third) == [("stored", "")] * 2
    assert api.outcomes(web.key, wrong) == [("refused", "BAD_CHAIN")]
    assert api.outcomes(web.key, second) == [("stored", "")]
    assert stored_sums(store) == derived_sums(store, web)
    assert stored_sums(store)["disk.reads", NOVEMBER[0]].amount == 210


def test_a_chunk_from_the_future_is_refused_with_a_code_of_its_own(api, web, clock):
    frame = web.frame(T0)
    clock.now_ms = T0 - MINUTE
    assert api.outcomes(web.key, frame) == [("refused", "CLOCK_AHEAD")]
    clock.now_ms = T0
    assert api.outcomes(web.key, frame) == [("stored", "")]


def test_a_chunk_whose_time_a_later_one_disproves_is_refused_for_good_also_when_that_time_has_come(
    api, web, clock, store
):
    """The clock was a year ahead for two chunks; the next was sealed and stored with the right time."""
    year = 365 * 24 * 60 * MINUTE
    ahead = [web.next(clock.now_ms + year), web.next(clock.now_ms + year + 10 * MINUTE)]
    assert api.outcomes(web.key, *ahead) == [("refused", "CLOCK_AHEAD")] * 2
    assert api.outcomes(web.key, web.next(clock.now_ms - 10 * MINUTE)) == [("stored", "")]
    assert api.outcomes(web.key, *ahead) == [("refused", "CLOCK_WRONG")] * 2
    clock.now_ms += year
    assert api.outcomes(web.key, *ahead) == [("refused", "CLOCK_WRONG")] * 2
    assert [one.seq for one in StoreArchive(store).findings() if one.code == "CLOCK_WRONG"] == [0, 1]
    assert count(store, schema.chunk) == 1


def test_true_chunks_that_waited_while_host_and_collector_stood_behind_together_are_never_refused_for_good(
    api, web, clock, store
):
    """The collector's battery was dead, hosts followed its clock: what arrived then disproves nothing."""
    day = 24 * 60 * MINUTE
    week = [web.next(clock.now_ms + day + n * 10 * MINUTE) for n in range(20)]
    clock.now_ms -= 30 * day
    assert api.outcomes(web.key, *week) == [("refused", "CLOCK_AHEAD")] * 20
    assert api.outcomes(web.key, web.next(clock.now_ms - 10 * MINUTE)) == [("stored", "")]
    assert api.outcomes(web.key, *week) == [("refused", "CLOCK_AHEAD")] * 20
    clock.now_ms += 40 * day
    assert api.outcomes(web.key, *week) == [("stored", "")] * 20
    assert [one.code for one in StoreArchive(store).findings()] == ["COLLECTOR_CLOCK_BACK"]
    assert count(store, schema.chunk) == 21


def test_a_chunk_that_comes_after_a_later_one_is_believed_within_the_tolerance(api, web, clock):
    first, second = web.next(T0, rows=30), web.next(T0 + 29 * MINUTE, rows=2)
    clock.now_ms = T0 + 30 * MINUTE - admission.CLOCK_AHEAD_MS
    assert api.outcomes(web.key, second) == [("stored", "")]
    assert api.outcomes(web.key, first, first) == [("stored", ""), ("known", "")]


def test_a_damaged_column_is_refused_and_the_others_are_stored(api, web):
    first, second = web.run(2)
    frame = read_frame(first)
    torn = write_frame(replace(frame, signature=bytes(64)))
    swapped = write_frame(replace(frame, packed=read_frame(second).packed))
    assert api.outcomes(web.key, torn, swapped, second) == [
        ("refused", "BAD_SIGNATURE"),
        ("refused", "MISMATCH"),
        ("stored", ""),
    ]


def test_chunks_in_any_order_lead_to_the_day_sums_of_the_whole(api, web, store, take):
    """Overlapping claims too: every second chunk begins three readings before the last one ends."""
    start = T0 + 23 * 60 * MINUTE
    frames = [web.next(start + number * 7 * MINUTE) for number in range(14)]
    Random(5).shuffle(frames)
    for frame in frames:
        assert take(frame) == [("stored", "")]
    assert stored_sums(store) == derived_sums(store, web)
    covered = sum(s.observed_ms for (metric, _), s in stored_sums(store).items() if metric == "cpu")
    assert covered == derived_sums(store, web)["cpu", NOVEMBER[0]].observed_ms + (
        derived_sums(store, web)["cpu", NOVEMBER[0] + 1].observed_ms
    )


def test_a_late_filler_that_overlaps_takes_the_time_it_was_first_to_claim(api, web, store, take):
    first = web.next(T0)
    second = web.next(T0 + 10 * MINUTE, rows=31)
    third = web.next(T0 + 20 * MINUTE, rows=11)
    assert take(first, third) == [("stored", "")] * 2
    before = stored_sums(store)["cpu", NOVEMBER[0]].observed_ms
    assert take(second) == [("stored", "")]
    assert before == 20 * MINUTE
    assert stored_sums(store)["cpu", NOVEMBER[0]].observed_ms == 40 * MINUTE
    assert stored_sums(store) == derived_sums(store, web)


def test_amounts_beyond_64_bits_are_kept_exactly(store):
    amounts = [10**27 - 1, 7 * 10**20 + 999_999_999_999_999, 1, 10**15 - 1]
    with store.writing() as connection:
        line = Line(registry.host_id(connection, "h"), "import")
        for amount in amounts:
            day_sums.add(connection, line, {("net.rx.rate", NOVEMBER[0]): DaySum(amount, observed_ms=1)})
    (row,) = StoreArchive(store).day_sums(*NOVEMBER)
    assert row.sums == DaySum(sum(amounts), observed_ms=4)


def test_threads_that_send_the_same_chunks_store_each_once(api, token, store):
    hosts = [api.enrol(token(), f"web-{number}") for number in range(3)]
    batches = [(host, host.run(10)) for host in hosts]
    answers = []

    def work():
        for host, frames in batches:
            answers.append(api.outcomes(host.key, *frames))

    threads = [threading.Thread(target=work) for _ in range(AT_ONCE)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    statuses = [status for answer in answers for status, _ in answer]
    assert len(statuses) == 30 * AT_ONCE
    assert statuses.count("stored") == 30
    assert statuses.count("known") == 30 * (AT_ONCE - 1)
    assert count(store, schema.chunk) == 30
    assert {
        row.sums.amount for row in StoreArchive(store).day_sums(*NOVEMBER) if row.metric == "disk.reads"
    } == {700}
