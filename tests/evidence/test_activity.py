from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import pytest
from drafts import (
    DAY_MS,
    HOURS_24,
    KEY,
    START_MS,
    Draft,
    activity,
    activity_manifest,
    averages_manifest,
    steady,
)

from evidence import activity as sets
from evidence import canonical, chunk, manifest
from evidence.accounts import halves, joined
from evidence.activity import ActivityKey
from evidence.calendar import LocalCalendar
from evidence.columns import MAX_ROWS
from evidence.crediting import claimed_metrics, credited
from evidence.day_sum import DaySum, claims, day_sums
from evidence.errors import MalformedError, MismatchError

CALENDAR = LocalCalendar("Asia/Shanghai")
DAY = CALENDAR.day_of(DAY_MS)
HOUR_MS = 3_600_000
ROW = (DAY_MS, HOURS_24, -5, 7, 2)
LATER = (DAY_MS, HOURS_24, -5, 8, 1)


def key(day: int = DAY) -> ActivityKey:
    return ActivityKey(day, "Asia/Shanghai", "0123456789abcdef", "success/1", "", "")


def with_facts(**facts: str) -> Draft:
    draft = activity([ROW])
    draft.manifest = activity_manifest(**facts)
    return draft


def test_a_chunk_of_activity_is_read_back() -> None:
    opened = activity([ROW, LATER]).open()
    assert opened.manifest.kind == manifest.ACTIVITY
    assert claims(opened) == [(START_MS, START_MS + HOUR_MS)]
    assert claimed_metrics(opened) == ("activity",)
    assert sets.activity_sets(opened, CALENDAR) == {key(): frozenset({joined(-5, 7), joined(-5, 8)})}


def test_a_chunk_without_rows_says_that_nobody_was_active() -> None:
    opened = activity([]).open()
    assert opened.header.rows == 0
    assert sets.activity_sets(opened, CALENDAR) == {key(): frozenset()}
    assert credited([opened], CALENDAR) == {("activity", DAY): DaySum(observed_ms=HOUR_MS, intervals=1)}


def test_counters_and_averages_without_rows_are_refused() -> None:
    for draft in (steady(), Draft(manifest=averages_manifest()).with_header(source="import")):
        empty: list[list[int]] = [[] for _ in draft.manifest.columns]
        with pytest.raises(MalformedError, match="without a row"):
            chunk.seal(draft.header, manifest=draft.manifest, values=empty, key=KEY)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([LATER, ROW], "not sorted"),
        ([ROW, (*ROW[:4], 9)], "stands twice"),
        ([(DAY_MS, 0, 1, 1, 1)], "empty, too long or overlap"),
        ([(DAY_MS, chunk.MAX_DAY_MS + 1, 1, 1, 1)], "empty, too long or overlap"),
        ([ROW, (DAY_MS + 1, HOURS_24, 1, 1, 1)], "empty, too long or overlap"),
        ([(*ROW[:4], 0)], "less than once"),
    ],
)
def test_rows_of_activity_are_read_strictly(rows: list[Any], message: str) -> None:
    with pytest.raises(MalformedError, match=message):
        activity(rows).seal()


@pytest.mark.parametrize("change", [{"first": "repeat"}, {"start_ms": START_MS + 2 * HOUR_MS}])
def test_the_header_of_activity_is_read_strictly(change: dict[str, Any]) -> None:
    with pytest.raises(MalformedError, match="fresh reading"):
        activity([]).with_header(**change).seal()


@pytest.mark.parametrize("days", [-2, 1])
def test_days_lie_where_the_header_vouches(days: int) -> None:
    with pytest.raises(MismatchError, match="does not touch"):
        activity([(DAY_MS + days * HOURS_24, HOURS_24, 1, 1, 1)]).seal()


def test_a_day_that_ends_where_the_chunk_begins_still_touches_it() -> None:
    assert activity([ROW], start_ms=DAY_MS + HOURS_24, end_ms=DAY_MS + HOURS_24).open().header.rows == 1


@pytest.mark.parametrize(
    "facts",
    [
        {"account_key": "0123456789ABCDEF"},
        {"account_key": "0123"},
        {"definition": "success"},
        {"definition": "success/0"},
        {"definition": "Erfolg/1"},
    ],
)
def test_facts_of_activity_are_read_strictly(facts: dict[str, str]) -> None:
    with pytest.raises(MalformedError):
        activity_manifest(**facts)


@pytest.mark.parametrize("name", manifest.ACTIVITY_FACTS)
def test_every_fact_must_stand_there(name: str) -> None:
    document = canonical.decode(activity_manifest().raw, limit=manifest.MAX_MANIFEST_BYTES)
    del document["host"][name]
    with pytest.raises(MalformedError, match=name):
        manifest.parse(canonical.encode(document))


def test_the_columns_of_activity_are_these_five() -> None:
    for columns in (manifest.ACTIVITY_COLUMNS[:4], (*manifest.ACTIVITY_COLUMNS, "sessions.count")):
        with pytest.raises(MalformedError):
            manifest.build(
                kind=manifest.ACTIVITY,
                interval_ms=1,
                columns=tuple(manifest.Column(name) for name in columns),
                host=activity_manifest().host,
            )


def test_a_source_cannot_hand_over_another_kind() -> None:
    with pytest.raises(MalformedError, match="cannot come from agent"):
        activity([ROW]).with_header(source="agent").seal()


def test_time_read_twice_is_credited_once() -> None:
    first = activity([], start_ms=START_MS, end_ms=START_MS + HOUR_MS).open()
    inner = activity([], start_ms=START_MS + HOUR_MS // 2, end_ms=START_MS + HOUR_MS).open()
    around = activity([], start_ms=START_MS - HOUR_MS, end_ms=START_MS + 3 * HOUR_MS).open()
    assert credited([first, inner], CALENDAR)["activity", DAY].observed_ms == HOUR_MS
    both = credited([first, inner, around], CALENDAR)["activity", DAY]
    assert (both.observed_ms, both.intervals) == (4 * HOUR_MS, 3)


def test_time_is_credited_to_its_days() -> None:
    opened = activity([], start_ms=DAY_MS - HOUR_MS, end_ms=DAY_MS + 2 * HOUR_MS).open()
    sums = credited([opened], CALENDAR)
    assert [sums["activity", day].observed_ms for day in (DAY - 1, DAY)] == [HOUR_MS, 2 * HOUR_MS]


def test_a_stretch_of_more_than_a_year_is_not_credited() -> None:
    assert credited([activity([], start_ms=DAY_MS - 500 * HOURS_24).open()], CALENDAR) == {}


def test_days_of_another_zone_are_refused() -> None:
    foreign = with_facts(timezone="UTC").open()
    with pytest.raises(MalformedError, match="days of 'UTC'"):
        sets.require_zone(foreign, CALENDAR)
    (only,) = sets.activity_sets(foreign, CALENDAR)
    assert (only.day, only.zone) == (DAY, "UTC")
    for chunk_of_ours in (activity([ROW]), steady()):
        sets.require_zone(chunk_of_ours.open(), CALENDAR)


def test_rows_that_are_no_day_of_the_zone_are_refused() -> None:
    with pytest.raises(MalformedError, match="is no day of Asia/Shanghai"):
        sets.activity_sets(activity([(DAY_MS + 1, HOURS_24, 1, 1, 1)]).open(), CALENDAR)


def test_chunks_of_another_kind_have_no_accounts() -> None:
    assert sets.activity_sets(steady().open(), CALENDAR) == {}


def test_sets_of_one_key_are_united_and_others_kept_apart() -> None:
    other = replace(key(), account_key="f" * 16)
    one, two = joined(1, 1), joined(2, 2)
    merged = sets.merge_sets(
        [{key(): frozenset({one})}, {key(): frozenset({one, two}), other: frozenset({one})}]
    )
    assert merged == {key(): frozenset({one, two}), other: frozenset({one})}


def test_a_blob_holds_each_hash_once_in_order() -> None:
    hashes = [joined(number, -number) for number in (3, 1, 2, 3)]
    blob = sets.to_blob(hashes)
    assert len(blob) == 3 * 16
    assert sets.from_blob(blob) == frozenset(hashes)


@pytest.mark.parametrize("blob", [b"x", bytes(32), b"\x01" * 16 + b"\x00" * 16])
def test_a_blob_out_of_shape_is_refused(blob: bytes) -> None:
    with pytest.raises(MalformedError):
        sets.from_blob(blob)


def test_many_accounts_make_several_chunks_that_say_the_same() -> None:
    luck = random.Random(5)
    counts = {(DAY, luck.randbytes(16)): 1 for _ in range(MAX_ROWS + 1)}
    counts[(DAY - 1, joined(*halves(b"\xff" * 16)))] = 4
    pieces = list(sets.rows(counts, CALENDAR))
    assert [len(piece[0]) for piece in pieces] == [MAX_ROWS, 2]
    parts = []
    for columns in pieces:
        draft = activity([], start_ms=DAY_MS, end_ms=DAY_MS)
        draft.values = columns
        parts.append(sets.activity_sets(draft.open(), CALENDAR))
    merged = sets.merge_sets(parts)
    assert merged[key()] == frozenset(digest for day, digest in counts if day == DAY)
    assert merged[key(DAY - 1)] == frozenset({b"\xff" * 16})


def test_no_counts_make_no_rows() -> None:
    assert list(sets.rows({}, CALENDAR)) == []
    draft = activity([])
    draft.values = sets.empty_columns()
    assert draft.open().header.rows == 0


def test_a_chunk_that_vouches_for_no_time_does_not_cut_the_time_of_others() -> None:
    inside = START_MS + 1_800_000
    alone = day_sums(activity([ROW]).open(), CALENDAR)
    assert day_sums(activity([ROW]).open(), CALENDAR, [(inside, inside)]) == alone
    assert [part.intervals for part in alone.values()] == [1]
