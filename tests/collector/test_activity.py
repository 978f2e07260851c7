"""Activity that a host's reader of logs sends over the wire."""

from __future__ import annotations

from dataclasses import replace

import pytest
from drafts import activity_manifest

from collector.store.archive import StoreArchive
from evidence import chunk
from evidence.activity import split_blob
from evidence.calendar import LocalCalendar
from verifier.audit import audit

pytestmark = pytest.mark.both_stores

T0 = 1_793_462_400_000  # 2026-11-01 00:00 in Shanghai
DAY_MS = 86_400_000
DAY = LocalCalendar("Asia/Shanghai").day_of(T0)


@pytest.fixture
def reader(api, token):
    return api.enrol(token(), "web-1", source="login-log")


def frame(reader, seq, rows, *, start=T0, end=T0 + DAY_MS, prev="", prev_end=0, **facts):
    header = chunk.Header(
        enterprise=reader.enterprise, source="login-log", host=reader.name, key="", seq=seq,
        prev=prev or reader.enrolment, boot="", first="reading", start_ms=start, end_ms=end,
        prev_end_ms=prev_end, anchor="", rows=0, columns=0, digest="", manifest="", agent="test",
        clock_state="unknown", clock_offset_ms=0, clock_rtt_ms=-1,
    )  # fmt: skip
    values = [list(column) for column in zip(*rows, strict=True)] or [[] for _ in range(5)]
    return chunk.seal(replace(header), manifest=activity_manifest(**facts), values=values, key=reader.key)


def rows(*numbers):
    return [(T0, DAY_MS, number, number, 1) for number in sorted(numbers)]


def test_activity_is_stored_as_sets_that_merge(api, reader, store):
    first = frame(reader, 0, rows(1, 2))
    opened = chunk.read_frame(first)
    second = frame(reader, 1, rows(2, 3), prev=opened.hash, prev_end=T0 + DAY_MS)
    assert api.outcomes(reader.key, first, second, first) == [("stored", ""), ("stored", ""), ("known", "")]
    archive = StoreArchive(store)
    (row,) = archive.activity(DAY, DAY + 1)
    assert len(list(split_blob(row.hashes))) == 3
    assert (row.host, row.source) == ("web-1", "login-log")
    (sums,) = archive.day_sums(DAY, DAY + 1)
    assert (sums.metric, sums.sums.observed_ms) == ("activity", DAY_MS)
    assert audit(archive).findings == ()


def test_days_of_another_zone_are_refused_and_nothing_is_stored(api, reader, store):
    assert api.outcomes(reader.key, frame(reader, 0, [], timezone="UTC")) == [("refused", "MALFORMED")]
    assert list(StoreArchive(store).activity(DAY - 1, DAY + 2)) == []
    assert audit(StoreArchive(store)).chunks == 0


def test_rows_that_are_about_no_day_are_refused(api, reader, store):
    wrong = [(T0 + 1, DAY_MS, 1, 1, 1)]
    assert api.outcomes(reader.key, frame(reader, 0, wrong)) == [("refused", "MALFORMED")]
    assert audit(StoreArchive(store)).chunks == 0
