from __future__ import annotations

from datetime import date

import pytest

from evidence import canonical, log_records
from evidence.errors import MalformedError
from evidence.log_records import DayMark, MonthClose

MARK = DayMark("示例企业", "2026-11-30", "Asia/Shanghai", ("ab" * 32,))
CLOSE = MonthClose("示例企业", "2026-11", "Asia/Shanghai", 7)


def with_(record: bytes, **changes: object) -> bytes:
    document = canonical.decode(record, limit=10_000)
    return canonical.encode({**document, **changes})


def test_records_come_back_as_they_were_written():
    assert log_records.parse_day_mark(MARK.encode()) == MARK
    assert log_records.parse_close(CLOSE.encode()) == CLOSE
    assert MARK.day == date(2026, 11, 30).toordinal()
    assert log_records.sha256(b"") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def test_a_record_that_does_not_say_which_it_is_is_refused():
    for record, parse in ((MARK, log_records.parse_day_mark), (CLOSE, log_records.parse_close)):
        document = canonical.decode(record.encode(), limit=10_000)
        del document["schema"]
        with pytest.raises(MalformedError, match="schema"):
            parse(canonical.encode(document))


@pytest.mark.parametrize(
    "changes",
    [
        {"date": "2026-11-31"},
        {"date": "20261130"},
        {"date": "today"},
        {"anchors": "none"},
        {"anchors": ["ab"]},
        {"anchors": [1]},
        {"anchors": ["ab" * 32] * 257},
        {"schema": "starproof/day-mark/3"},
        {"schema": "starproof/day-mark/1"},
        {"scope": "ab"},
        {"scope": 1},
        {"more": 1},
    ],
)
def test_a_wrong_day_mark_is_refused(changes):
    with pytest.raises(MalformedError):
        log_records.parse_day_mark(with_(MARK.encode(), **changes))


@pytest.mark.parametrize(
    "changes",
    [
        {"month": "2026-13"},
        {"size": -1},
        {"chains": []},
        {"schema": "starproof/month-close/3"},
        {"schema": "starproof/month-close/1"},
    ],
)
def test_a_wrong_close_is_refused(changes):
    with pytest.raises(MalformedError):
        log_records.parse_close(with_(CLOSE.encode(), **changes))


CHAIN = {"host": "web-1", "source": "agent", "epoch": 0, "first_seq": 3, "last_seq": 3, "chunks": 1}
"""As closes named them before format 1.1."""


def old_close(*chains: object) -> bytes:
    return with_(CLOSE.encode(), schema="starproof/month-close/1", chains=list(chains))


def test_a_mark_of_before_says_nothing_of_scopes():
    old = DayMark("示例企业", "2026-11-30", "Asia/Shanghai", ("ab" * 32,), scope=None)
    assert canonical.decode(old.encode(), limit=10_000).keys() == {
        "schema", "enterprise", "date", "timezone", "anchors",
    }  # fmt: skip
    assert log_records.parse_day_mark(old.encode()) == old
    with pytest.raises(MalformedError):
        log_records.parse_day_mark(with_(old.encode(), scope=""))


def test_a_close_of_before_names_chains_that_are_asked_for_their_form_alone():
    assert log_records.parse_close(old_close()) == CLOSE
    assert log_records.parse_close(old_close(CHAIN, CHAIN)) == CLOSE


@pytest.mark.parametrize(
    "changes",
    [{"first_seq": 4}, {"chunks": 0}, {"epoch": -1}, {"source": "A"}, {"host": 1}, {"more": 1}],
)
def test_a_wrong_chain_in_a_close_of_before_is_refused(changes):
    with pytest.raises(MalformedError):
        log_records.parse_close(old_close(CHAIN, {**CHAIN, **changes}))
