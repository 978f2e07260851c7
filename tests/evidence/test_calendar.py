from __future__ import annotations

from datetime import date, datetime, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence.calendar import LocalCalendar
from evidence.errors import MalformedError

ZONES = ["Asia/Shanghai", "UTC", "Europe/Amsterdam", "America/Sao_Paulo", "Asia/Kathmandu"]


def ms(text: str) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=timezone.utc).timestamp() * 1000)


def test_a_day_begins_at_local_midnight() -> None:
    shanghai = LocalCalendar("Asia/Shanghai")
    day = date(2026, 6, 1).toordinal()
    assert shanghai.day_start(day) == ms("2026-05-31T16:00:00")
    assert shanghai.day_of(ms("2026-05-31T15:59:59")) == day - 1
    assert shanghai.day_of(ms("2026-05-31T16:00:00")) == day


def test_days_around_a_clock_change_have_23_and_25_hours() -> None:
    amsterdam = LocalCalendar("Europe/Amsterdam")
    for day, hours in ((date(2026, 3, 29), 23), (date(2026, 10, 25), 25), (date(2026, 6, 1), 24)):
        start = amsterdam.day_start(day.toordinal())
        assert amsterdam.day_start(day.toordinal() + 1) - start == hours * 3_600_000


@given(st.sampled_from(ZONES), st.integers(10**12, 2 * 10**12), st.integers(1, 10 * 86_400_000))
def test_the_days_of_a_stretch_add_up_to_it(zone: str, start: int, length: int) -> None:
    calendar = LocalCalendar(zone)
    pieces = calendar.split(start, start + length)
    assert sum(part for _, part in pieces) == length
    place = start
    for day, part in pieces:
        assert calendar.day_start(day) <= place
        assert place + part <= calendar.day_start(day + 1)
        place += part


def test_nothing_has_no_days() -> None:
    assert LocalCalendar("UTC").split(5, 5) == []


def test_a_skipped_day_is_skipped() -> None:
    """Samoa had no 30 December 2011."""
    apia = LocalCalendar("Pacific/Apia")
    start = ms("2011-12-30T09:00:00")
    assert [day for day, _ in apia.split(start, start + 3_600_000 * 2)] == [
        date(2011, 12, 29).toordinal(),
        date(2011, 12, 31).toordinal(),
    ]


def test_months_have_their_days() -> None:
    calendar = LocalCalendar("UTC")
    assert calendar.month("2024-02") == (date(2024, 2, 1).toordinal(), date(2024, 3, 1).toordinal())
    assert calendar.month("2026-12") == (date(2026, 12, 1).toordinal(), date(2027, 1, 1).toordinal())
    assert calendar.same_month(*(date(2026, 1, d).toordinal() for d in (1, 31)))
    assert not calendar.same_month(date(2026, 1, 31).toordinal(), date(2026, 2, 1).toordinal())
    assert not calendar.same_month(date(2025, 1, 1).toordinal(), date(2026, 1, 1).toordinal())


@pytest.mark.parametrize(
    "name", ["2026-13", "2026-1", "26-01", "2026-01-01", "1999-12", "2100-01", "２０２６-01", ""]
)
def test_months_are_written_in_one_way(name: str) -> None:
    with pytest.raises(MalformedError, match="YYYY-MM"):
        LocalCalendar("UTC").month(name)


@pytest.mark.parametrize("zone", ["Mars/Olympus", "", "../etc/passwd", "/etc/localtime", "Asia"])
def test_unknown_zones_are_refused(zone: str) -> None:
    with pytest.raises(MalformedError, match="time zone"):
        LocalCalendar(zone)
