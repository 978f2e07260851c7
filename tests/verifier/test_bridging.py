"""Long intervals: what is listed, and what is not."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from evidence.calendar import LocalCalendar
from verifier.anchors.interface import AnchoredDay, AnchorReport
from verifier.bridging import LONG_MS, SHOWN, Bridging
from verifier.seen import SeenChunk
from verifier.window import Window

ZONE = LocalCalendar("Asia/Shanghai")
FIRST = date(2026, 11, 1).toordinal()
DAY = 86_400_000
START = ZONE.day_start(FIRST)


def window(*, out: int | None = None) -> Window:
    days = [day for day in range(FIRST, FIRST + 30) if day != out]
    starts = {day: ZONE.day_start(day) for day in days}
    return Window(FIRST, FIRST + 30, START, START + 30 * DAY, dict.fromkeys(days, DAY), 0, starts)


def chunk(
    *long: tuple[int, int], host: str = "web-1", source: str = "agent", start_ms: int = START
) -> SeenChunk:
    """A chunk whose intervals are given in ms after the window's start."""
    told = tuple((START + start, START + end) for start, end in long)
    end_ms = max([end for _, end in told], default=start_ms + 3_600_000)
    return SeenChunk(host, source, 0, 0, "", start_ms, end_ms, "", end_ms, told)


def bridging(*chunks: SeenChunk, known_ms: int | None = None) -> Bridging:
    made = Bridging(ZONE, {} if known_ms is None else {("web-1", "agent", 0): known_ms})
    for one in chunks:
        made.take(one)
    return made


def found(
    made: Bridging, hosts: set[str] | None = None, within: Window | None = None
) -> list[tuple[str, str]]:
    return [(one.place, one.slot) for one in made.findings(within or window(), hosts)]


def test_an_interval_is_listed_if_more_than_a_day_of_it_counts() -> None:
    exact, longer = chunk((DAY, 2 * DAY)), chunk((DAY, 2 * DAY + 1))
    assert found(bridging(exact)) == []
    [(place, slot)] = found(bridging(longer))
    assert (place, slot) == ("agent", "2026-11-01T16Z/2026-11-02T16Z")
    assert found(bridging(longer), {"db-1"}) == []
    assert found(bridging(longer), within=window(out=FIRST + 1)) == []
    assert found(bridging(replace_source(longer, "login-log"))) == []


def replace_source(one: SeenChunk, source: str) -> SeenChunk:
    return one._replace(source=source)


def test_across_the_edge_of_a_month_nothing_was_credited() -> None:
    assert found(bridging(chunk((28 * DAY, 32 * DAY)))) == []
    # a reading that is due at midnight comes a little later
    assert len(found(bridging(chunk((26 * DAY, 30 * DAY + 900)), chunk((-900, 3 * DAY))))) == 2
    assert found(bridging(chunk((-10 * DAY, -3 * DAY)))) == []


def test_of_many_the_first_are_listed_and_the_others_counted() -> None:
    step = LONG_MS + 1
    many = [chunk((number * step, (number + 1) * step)) for number in range(SHOWN + 2)]
    lines = list(bridging(*many, *many).findings(window(), None))
    assert [line.place for line in lines] == ["agent"] * SHOWN + ["web-1"]
    assert lines[-1].got == "2 more such intervals"
    assert len(list(bridging(*many[:SHOWN]).findings(window(), None))) == SHOWN


def test_readings_from_before_the_leaf_of_their_key_are_listed_once_a_chain() -> None:
    known_ms = START + 5 * DAY
    early = [chunk(start_ms=START + hours * 3_600_000) for hours in (0, 1, 47, 119, 140)]
    made = bridging(*early, known_ms=known_ms)
    assert found(made) == [("agent/0", "2026-10-31T16Z/2026-11-02T15Z")]
    assert made.days(window(), None) == {FIRST, FIRST + 1}
    assert made.days(window(), {"db-1"}) == frozenset()
    fresh = chunk(start_ms=known_ms - LONG_MS)
    assert found(bridging(fresh, known_ms=known_ms)) == []
    before = chunk(start_ms=START - 9 * DAY)
    assert found(bridging(before, known_ms=known_ms)) == []


def test_a_day_without_a_chunk_or_between_two_readings_is_not_in_time() -> None:
    made = bridging(chunk((DAY // 2, 3 * DAY + DAY // 2)))
    assert made.days(window(), None) == {FIRST + 1, FIRST + 2}
    whole = AnchoredDay(FIRST + 1, 9, 7, True, ("mail",), (), None, 1, 1, 7)
    days = (whole, replace(whole, chunks=0), replace(whole, on_time=False), replace(whole, confirmed_ms=None))
    assert [day.state for day in days] == ["in_time", "empty", "late", "none"]
    assert [day.document()["on_time"] for day in days] == ["yes", "no", "no", "no"]
    report = AnchorReport(days=(whole, replace(whole, day=FIRST)))
    assert [day.state for day in report.bridged(made.days(window(), None)).days] == ["bridged", "in_time"]
