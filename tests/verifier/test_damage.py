"""Which hours a damaged chunk can be about, by its neighbours."""

from __future__ import annotations

from dataclasses import replace

import pytest
from fleet import Fleet, instant

from evidence import chunk
from evidence.chunk import Header, read_frame
from verifier.damage import Damage


def header(start: str, end: str) -> Header:
    (stored,) = Fleet().agent("web-1", start="2026-11-03").run(hours=1).seal().enrolled.stored
    any_one = chunk.parse_header(read_frame(stored.frame).header)
    return replace(any_one, start_ms=instant(start) + UTC_MS, end_ms=instant(end) + UTC_MS)


UTC_MS = 8 * 3_600_000
"""Instants are written in the fleet's zone."""


class Told:
    """Damage of an agent's chunks, as it was told."""

    def __init__(self) -> None:
        self.slots: dict[str, str] = {}
        self.damage = Damage(lambda place, _got, slot: self.slots.update({place: slot}))

    def day(self, day: str, *, epoch: int = 0, source: str = "agent") -> Told:
        self.damage.enter(source, epoch, day)
        return self

    def whole(self, start: str, end: str) -> Told:
        self.damage.passed(header(start, end))
        return self

    def torn(self, place: str = "x", proved: Header | None = None) -> Told:
        self.damage.found(place, "torn", proved)
        return self

    def end(self) -> dict[str, str]:
        self.damage.end()
        return self.slots


def test_between_two_chunks_it_is_what_lies_between() -> None:
    told = Told().day("2026-11-03").whole("2026-11-03T04:10", "2026-11-03T05:10").torn()
    assert told.whole("2026-11-03T06:10", "2026-11-03T07:10").end() == {"x": "2026-11-03T05Z/2026-11-03T06Z"}


def test_at_the_end_of_a_day_the_next_day_or_its_end_bounds_it() -> None:
    told = Told().day("2026-11-03").whole("2026-11-03T22:00", "2026-11-03T23:00").torn()
    assert told.day("2026-11-04").whole("2026-11-04T09:00", "2026-11-04T10:00").end() == {
        "x": "2026-11-03T23Z"
    }
    assert Told().day("2026-11-03").whole("2026-11-03T20:00", "2026-11-03T21:00").torn().end() == {
        "x": "2026-11-03T21Z/2026-11-03T23Z"
    }


def test_at_the_beginning_of_a_day_the_day_before_or_its_beginning_bounds_it() -> None:
    told = Told().day("2026-11-03").whole("2026-11-03T23:00", "2026-11-04T01:30").day("2026-11-04").torn()
    assert told.whole("2026-11-04T04:00", "2026-11-04T05:00").end() == {"x": "2026-11-04T01Z/2026-11-04T03Z"}
    assert Told().day("2026-11-04").torn().whole("2026-11-04T04:00", "2026-11-04T05:00").end() == {
        "x": "2026-11-04T00Z/2026-11-04T03Z"
    }


def test_a_header_that_is_proved_says_it_alone_and_bounds_the_others() -> None:
    proved = header("2026-11-03T02:00", "2026-11-03T04:00")
    assert Told().day("2026-11-03").torn("a").torn("b", proved).torn("c").end() == {
        "a": "2026-11-03T00Z/2026-11-03T01Z",
        "b": "2026-11-03T02Z/2026-11-03T03Z",
        "c": "2026-11-03T04Z/2026-11-03T23Z",
    }


def test_a_clock_that_went_back_leaves_the_whole_day() -> None:
    told = Told().day("2026-11-03").whole("2026-11-03T04:00", "2026-11-03T09:00").torn()
    assert told.whole("2026-11-03T08:00", "2026-11-03T10:00").end() == {"x": "2026-11-03T00Z/2026-11-03T23Z"}


@pytest.mark.parametrize("source", ["import", "login-log"])
def test_what_need_not_be_in_order_leaves_the_whole_day(source: str) -> None:
    told = Told().day("2026-11-03", source=source).whole("2026-11-03T04:00", "2026-11-03T09:00").torn()
    assert told.end() == {"x": "2026-11-03T00Z/2026-11-03T23Z"}


def test_another_epoch_bounds_nothing() -> None:
    told = Told().day("2026-11-03").whole("2026-11-03T04:00", "2026-11-03T09:00").torn("a")
    assert told.day("2026-11-03", epoch=1).torn("b").whole("2026-11-03T12:00", "2026-11-03T13:00").end() == {
        "a": "2026-11-03T09Z/2026-11-03T23Z",
        "b": "2026-11-03T00Z/2026-11-03T11Z",
    }


def test_an_entry_of_no_day_has_no_hours() -> None:
    assert Told().day("2026-11-31").torn().end() == {"x": ""}
