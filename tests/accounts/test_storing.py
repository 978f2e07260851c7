"""Names become hashes in memory, chunks in the store, and a figure."""

from __future__ import annotations

from datetime import date

import pytest

from collector.accounts import counting
from collector.accounts.counting import Hashing, count
from collector.accounts.csv_file import CsvFile
from collector.accounts.errors import AccountsError
from collector.accounts.interface import Active
from collector.accounts.storing import Telling, store
from collector.store.archive import StoreArchive
from evidence.accounts import account_hash, key_id
from evidence.activity import split_blob
from evidence.errors import MalformedError
from verifier.audit import audit

pytestmark = pytest.mark.both_stores

FIRST, LAST = date(2026, 11, 1), date(2026, 11, 30)
NOW_MS = 1_797_000_000_000  # 2026-12-11
TELLING = Telling("oa", "SQL (sqlite)", "success/1")
DAY = date(2026, 11, 2)


class Told:
    origin = "told"

    def __init__(self, *actives):
        self._actives = actives

    def active(self, first, last):
        yield from self._actives


def counted(hashing, *names, day=DAY):
    return count(Told(*(Active(name, day) for name in names)), hashing, FIRST, LAST)


def test_spellings_are_one_robots_are_left_out_and_counted(hashing):
    found = counted(hashing, "Zhang.San", "zhang.san ", "BACKUP", "probe", "", "lisi")
    assert found.counts == {
        (DAY.toordinal(), account_hash(hashing.key, "zhang.san")): 2,
        (DAY.toordinal(), account_hash(hashing.key, "lisi")): 1,
    }
    assert (found.excluded, found.nameless) == (2, 1)
    assert counting.distinct_accounts(found) == 2


def test_an_account_is_not_shown_by_what_holds_it(hashing):
    assert "zhangsan" not in repr(Active("zhangsan", DAY))
    assert hashing.key.hex() not in repr(hashing)
    assert repr(hashing.key) not in repr(hashing)


def test_days_that_were_not_asked_for_are_refused(hashing):
    with pytest.raises(AccountsError, match="not asked for"):
        counted(hashing, "zhangsan", day=date(2026, 12, 1))


def test_too_many_pairs_are_refused(hashing, monkeypatch):
    monkeypatch.setattr(counting, "MOST_PAIRS", 1)
    with pytest.raises(AccountsError, match="fewer days"):
        counted(hashing, "a", "b")


def test_an_exclusion_list_that_cannot_be_shown_is_refused():
    with pytest.raises(MalformedError):
        counted(Hashing(bytes(32), excluded=("a|b",)))


def put(opened, hashing, *names, telling=TELLING, days=(FIRST, LAST), now_ms=NOW_MS):
    return store(opened, counted(hashing, *names), telling, hashing, days=days, now_ms=now_ms)


def test_what_was_told_is_stored_and_recomputed(opened, hashing):
    assert put(opened, hashing, "zhangsan", "lisi").chunks == 1
    assert put(opened, hashing, "lisi", "wangwu").chunks == 1
    archive = StoreArchive(opened.store)
    rows = [row for row in archive.activity(FIRST.toordinal(), LAST.toordinal() + 1) if row.hashes]
    (row,) = rows
    assert set(split_blob(row.hashes)) == {
        account_hash(hashing.key, name) for name in ("zhangsan", "lisi", "wangwu")
    }
    assert (row.host, row.source, row.key.account_key) == ("oa", "accounts", key_id(hashing.key))
    assert row.key.excluded == "backup|probe"
    assert len({signed.enrolment.epoch for signed in archive.enrolments()}) == 1
    assert audit(archive).findings == ()
    read = {
        sums.day: sums.sums.observed_ms for sums in archive.day_sums(FIRST.toordinal(), LAST.toordinal() + 1)
    }
    assert set(read.values()) == {86_400_000}
    assert len(read) == 30


def test_nobody_active_is_said_too(opened, hashing):
    assert put(opened, hashing).chunks == 1
    (row,) = StoreArchive(opened.store).activity(FIRST.toordinal(), LAST.toordinal() + 1)
    assert row.hashes == b""


def test_a_day_that_is_not_over_is_vouched_for_until_now(opened, hashing):
    today = date(2026, 12, 11)
    month_end = date(2026, 12, 31)
    stored = put(opened, hashing, days=(today, month_end))
    assert stored.until == "2026-12-11T22:40:00+08:00"  # and no later, whatever was asked for
    (sums,) = StoreArchive(opened.store).day_sums(today.toordinal(), month_end.toordinal() + 1)
    assert 0 < sums.sums.observed_ms < 86_400_000


def test_accounts_of_days_to_come_are_refused(opened, hashing):
    later = date(2026, 12, 12)
    found = count(Told(Active("a", later)), hashing, FIRST, later)
    with pytest.raises(AccountsError, match="not begun"):
        store(opened, found, TELLING, hashing, days=(FIRST, later), now_ms=NOW_MS)


def test_records_of_which_none_names_an_account_vouch_for_nothing(hashing):
    with pytest.raises(AccountsError, match="not one of 2 records"):
        counted(hashing, "", " ")
    assert counted(hashing, "", "backup").nameless == 1


def test_another_origin_begins_another_enrolment(opened, hashing):
    put(opened, hashing, "a")
    put(opened, hashing, "b", telling=Telling("oa", "CSV", "success/1"))
    archive = StoreArchive(opened.store)
    assert [signed.enrolment.epoch for signed in archive.enrolments()] == [0, 1]
    assert audit(archive).findings == ()


def test_more_rows_than_a_chunk_holds_make_several(opened, hashing, monkeypatch):
    monkeypatch.setattr("evidence.activity.MAX_ROWS", 2)
    assert put(opened, hashing, "a", "b", "c").chunks == 2
    archive = StoreArchive(opened.store)
    (row,) = archive.activity(FIRST.toordinal(), LAST.toordinal() + 1)
    assert len(row.hashes) == 48
    assert audit(archive).findings == ()


@pytest.mark.parametrize(
    ("alias", "day", "message"), [("a/b", FIRST, "without /"), ("oa", date(2027, 1, 1), "not begun")]
)
def test_what_cannot_be_stored_is_refused(opened, hashing, alias, day, message):
    with pytest.raises(AccountsError, match=message):
        put(opened, hashing, telling=Telling(alias, "x", "success/1"), days=(day, day))
    assert StoreArchive(opened.store).enrolments() == []


# CSV


def csv(tmp_path, text, encoding="utf-8"):
    path = tmp_path / "accounts.csv"
    path.write_bytes(text.encode(encoding))
    return CsvFile(path)


def test_a_file_tells_accounts_days_and_counts(tmp_path):
    found = list(csv(tmp_path, "\ufeffaccount,day,count\r\n张三,2026-11-02,3\r\n").active(FIRST, LAST))
    assert found == [Active("张三", DAY, 3)]
    assert list(csv(tmp_path, "account,day\na,2026-11-02\n").active(FIRST, LAST)) == [Active("a", DAY)]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name,day\nzhangsan,2026-11-02\n", "first line"),
        ("account,day\nzhangsan\n", "line 2: it has more or fewer"),
        ("account,day\nzhangsan,2026-11-02,x\n", "line 2: it has more or fewer"),
        ("account,day\nzhangsan,2.11.2026\n", "line 2, day"),
        (
            "account,day\nzhangsan,2026-11-02\nzhangsan,2026-10-31\n",
            "line 3, day: .*2026-11-01 to 2026-11-30",
        ),
        ("account,day\n ,2026-11-02\n", "line 2, account: it is empty"),
        ("account,day\n", "no rows"),
        ("account,day,count\nzhangsan,2026-11-02,\n", "line 2, count: it is empty"),
        ("account,day,count\nzhangsan,2026-11-02,0\n", "line 2, count"),
        ("account,day,count\nzhangsan,2026-11-02,２\n", "line 2, count"),
        ('account,day\n"zhangsan"x,2026-11-02\n', "not CSV"),
    ],
)
def test_a_wrong_file_is_refused_by_line_and_column_never_by_what_stands_there(tmp_path, text, message):
    with pytest.raises(AccountsError, match=message) as caught:
        list(csv(tmp_path, text).active(FIRST, LAST))
    assert "zhangsan" not in str(caught.value)


def test_a_file_that_cannot_be_read_is_told(tmp_path):
    with pytest.raises(AccountsError, match="UTF-8"):
        list(csv(tmp_path, "account,day\n张三,2026-11-02\n", "gb18030").active(FIRST, LAST))
    with pytest.raises(AccountsError, match="cannot read"):
        list(CsvFile(tmp_path / "none.csv").active(FIRST, LAST))
