"""What lines of each format say."""

from datetime import datetime, timezone

import pytest
from login_logs import KEY, NOW_MS, hashed, settings

from agent.logins.formats.interface import Place
from agent.logins.reader import form_of
from agent.logins.stamps import Stamps
from agent.logins.tally import Accounts, Tally
from evidence.calendar import LocalCalendar

CALENDAR = LocalCalendar("Asia/Shanghai")
TODAY = CALENDAR.day_of(NOW_MS)


def ms(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp() * 1000)


def day(text: str) -> int:
    return CALENDAR.day_of(ms(text + "+08:00"))


def log(text: str):
    return settings(f'[[logs]]\nname = "log"\n{text}').logs[0]


def counted(text: str, block: bytes, *, reference_ms: int = NOW_MS, place: Place = None, **options) -> Tally:
    chosen = log(text)
    zone = "UTC" if chosen.format == "w3c" else chosen.timezone or None
    stamps = Stamps(CALENDAR, stamp_zone=zone, written=chosen.time_format or None)
    tally = Tally(Accounts(KEY, **options), first_day=0, last_day=TODAY + 2)
    form_of(chosen, stamps).count(block, place or Place(reference_ms), tally)
    return tally


def sums(tally: Tally):
    found = {}
    for (_, digest), count in tally.counts.items():
        found[digest] = found.get(digest, 0) + count
    return found


WEB = 'format = "combined"\ndefinition = "authenticated-request/1"\npaths = ["a"]'
BY_ADDRESS = 'format = "common"\ndefinition = "client-address/1"\npaths = ["a"]'


def web(
    user: str, status: int = 200, stamp: str = "23/Nov/2026:11:00:00 +0800", request="GET / HTTP/1.1"
) -> str:
    return f'192.0.2.7 - {user} [{stamp}] "{request}" {status} 5 "-" "Mozilla"\n'


def test_users_whose_request_was_answered_count_and_others_do_not():
    block = (
        web("ann") + web("ann", 404) + web("-") + web("ben", 401) + web("ben", 407) + web("cid", 403)
    ).encode()
    tally = counted(WEB, block)
    assert sums(tally) == hashed({"ann": 2, "cid": 1})
    assert (tally.lines.read, tally.lines.counted, tally.lines.other) == (6, 3, 3)


def test_a_user_with_a_blank_in_the_name_is_one_user():
    assert sums(counted(WEB, web("Ann Lee").encode())) == hashed({"Ann Lee": 1})


def test_nobody_writes_a_false_status_into_a_line():
    forged = web("eve", 401, request=r"GET /\" 200 5 \"- HTTP/1.1")
    assert sums(counted(WEB, forged.encode())) == {}
    forged = web(r"eve [23/Nov/2026:11:00:00 +0800] \"GET / HTTP/1.1\" 200 5", 401)
    assert sums(counted(WEB, forged.encode())) == {}


def test_lines_that_are_no_access_lines_are_counted_as_not_understood_and_blank_ones_are_not():
    tally = counted(WEB, b"PHP Warning: ann\n\n" + web("ann").encode())
    assert (tally.lines.read, tally.lines.not_understood, tally.lines.counted) == (3, 1, 1)


def test_a_day_begins_at_the_enterprises_midnight_whatever_the_servers_zone():
    late = web("ann", stamp="22/Nov/2026:15:59:59 +0000") + web("ann", stamp="22/Nov/2026:16:00:00 +0000")
    tally = counted(BY_ADDRESS, late.encode())
    assert sorted(found for found, _ in tally.counts) == [day("2026-11-22"), day("2026-11-23")]


def test_a_zone_with_half_an_hour_splits_the_hour_exactly():
    stamps = ("22/Nov/2026:21:29:59 +0530", "22/Nov/2026:21:30:00 +0530")
    tally = counted(WEB, "".join(web("ann", stamp=stamp) for stamp in stamps).encode())
    assert {found: count for (found, _), count in tally.counts.items()} == {
        day("2026-11-22"): 1,
        day("2026-11-23"): 1,
    }


def test_a_time_that_is_none_is_not_understood():
    tally = counted(WEB, web("ann", stamp="31/Feb/2026:11:00:00 +0800").encode())
    assert (tally.counts, tally.lines.not_understood) == ({}, 1)
    tally = counted(WEB, web("ann", stamp="23/Nov/2036:11:00:00 +0800").encode())
    assert (tally.counts, tally.lines.not_understood) == ({}, 1)


def test_excluded_accounts_are_not_counted_and_domains_are_taken_off():
    tally = counted(
        WEB,
        (web("Robot") + web(r"CORP\\ann") + web("ann@corp")).encode(),
        excluded=["robot"],
        domains=["corp"],
    )
    assert (sums(tally), tally.lines.excluded) == (hashed({"ann": 2}), 1)


IIS = 'format = "w3c"\ndefinition = "authenticated-request/1"\npaths = ["a"]'
FIELDS = "#Fields: date time s-ip cs-method cs-username c-ip sc-status time-taken\n"


def test_iis_lines_follow_their_fields_line_which_may_change():
    place = Place(NOW_MS)
    block = (
        "#Software: Microsoft Internet Information Services 10.0\n"
        + FIELDS
        + r"2026-11-22 15:59:59 192.0.2.1 GET CORP\ann 192.0.2.7 200 3"
        + "\r\n"
        + "2026-11-22 16:00:00 192.0.2.1 GET - 192.0.2.7 200 3\n"
        + "2026-11-22 16:00:00 192.0.2.1 GET eve 192.0.2.7 401 3\n"
        + "#Fields: cs-username sc-status date time\n"
        + "ben 304 2026-11-22 16:00:00\n"
    )
    tally = counted(IIS, block.encode(), place=place)
    assert sums(tally) == hashed({"CORP\\ann": 1, "ben": 1})
    assert sorted(found for found, _ in tally.counts) == [day("2026-11-22"), day("2026-11-23")]
    assert (tally.lines.read, tally.lines.other, tally.lines.not_understood) == (7, 5, 0)
    assert place.fields == "cs-username sc-status date time"
    tally = counted(IIS, b"cid 200 2026-11-22 16:00:00\n", place=place)
    assert sums(tally) == hashed({"cid": 1})


def test_iis_lines_without_a_usable_fields_line_are_not_understood():
    for fields in ("", "#Fields: time cs-username sc-status\n"):
        tally = counted(IIS, fields.encode() + b"16:00:00 ann 200\n")
        assert (tally.counts, tally.lines.not_understood) == ({}, 1)


AUTH = 'format = "auth"\npaths = ["a"]'
LOGINS = """\
Nov 23 11:13:38 web-1 sshd[1201]: Accepted publickey for ann from 192.0.2.7 port 50022 ssh2: ED25519 SHA256:x
Nov 23 11:13:38 web-1 sshd[1201]: pam_unix(sshd:session): session opened for user ann(uid=1000) by (uid=0)
Nov 23 11:14:00 web-1 sshd-session[1202]: Accepted password for ben from 2001:db8::1 port 2 ssh2
2026-11-23T11:15:00.123456+08:00 web-1 login[77]: pam_unix(login:session): session opened for user cid(uid=1) by LOGIN(uid=0)
Nov 23 11:16:00 web-1 su[88]: pam_unix(su-l:session): session opened for user root(uid=0) by ann(uid=1000)
Nov 23 11:16:00 web-1 su: pam_unix(su:session): session opened for user dan by ann(uid=1000)
Nov 23 11:17:01 web-1 CRON[99]: pam_unix(cron:session): session opened for user root(uid=0) by (uid=0)
Nov 23 11:17:02 web-1 sudo:      ann : TTY=pts/0 ; PWD=/ ; USER=root ; COMMAND=/bin/ls
Nov 23 11:18:00 web-1 sshd[3]: Failed password for ann from 192.0.2.7 port 5 ssh2
Nov 23 11:18:00 web-1 sshd[3]: Invalid user Accepted password for eve from 192.0.2.9 port 1
not a line of syslog
"""


def test_successful_logins_of_auth_log_count_once_each():
    tally = counted(AUTH, LOGINS.encode())
    assert sums(tally) == hashed({"ann": 1, "ben": 1, "cid": 1, "root": 1, "dan": 1})
    assert (tally.lines.read, tally.lines.counted, tally.lines.other, tally.lines.not_understood) == (
        11,
        5,
        5,
        1,
    )


@pytest.mark.parametrize(
    ("stamp", "reference", "found"),
    [
        ("Dec 31 23:59:59", "2027-01-01T00:00:05+08:00", "2026-12-31"),
        ("Jan  1 00:00:01", "2027-01-01T00:00:05+08:00", "2027-01-01"),
        ("Jan  1 00:00:01", "2026-12-31T23:59:58+08:00", "2027-01-01"),
        ("Feb 29 12:00:00", "2027-03-01T00:00:00+08:00", "2024-02-29"),
        ("Nov 24 13:00:00", "2026-11-23T12:00:00+08:00", "2025-11-24"),
    ],
)
def test_a_stamp_without_a_year_gets_the_latest_that_is_not_in_the_future(stamp, reference, found):
    stamps = Stamps(CALENDAR)
    assert stamps.day_of(stamp.encode(), ms(reference)) == day(found)


@pytest.mark.parametrize(
    "stamp",
    ["2026-11-23T11:00:00+08:00", "2026-11-23 11:00:00", "2026-11-23T03:00:00.5Z", "23/Nov/2026:11:00:00 +0800",
     "Nov 23 11:00:00", "1795402800", "1795402800.25", "1795402800000", "2026-11-23T03:00:00,123456789+0000"],
)  # fmt: skip
def test_all_these_stamps_are_one_moment(stamp):
    assert (
        Stamps(CALENDAR).instant_ms(stamp.encode(), NOW_MS) // 1000 == ms("2026-11-23T11:00:00+08:00") // 1000
    )


@pytest.mark.parametrize(
    "stamp", ["", "yesterday", "2026-13-01T00:00:00Z", "99/Foo/2026:11:00:00 +0800", "Foo 23 11:00:00"]
)
def test_what_is_no_time_is_none(stamp):
    stamps = Stamps(CALENDAR)
    assert not stamps.instant_ms(stamp.encode(), NOW_MS)
    assert Stamps(CALENDAR, written="%Y").instant_ms(b"x", NOW_MS) is None


JSON = (
    'format = "json"\ndefinition = "login-success/1"\npaths = ["a"]\naccount = "request.user"\ntime = "ts"\n'
)


def test_json_lines_count_by_their_members():
    text = JSON + 'status = "result"\nsuccess = ["ok"]'
    block = (
        '{"ts": "2026-11-23T11:00:00+08:00", "request": {"user": "ann"}, "result": "ok"}\n'
        '{"ts": 1795402800, "request": {"user": "CORP\\\\xaben"}, "result": "ok"}\n'
        '{"ts": 1795402800.5, "request": {"user": "eve"}, "result": "denied"}\n'
        '{"ts": 1795402800, "request": {"user": null}, "result": "ok"}\n'
        '{"ts": 1795402800, "request": "x", "result": true}\n'
        '{"ts": null}\n[1]\nno json\n'
    )
    tally = counted(text, block.encode())
    assert sums(tally) == hashed({"ann": 1, "CORP\\xaben": 1})
    assert (tally.lines.counted, tally.lines.other, tally.lines.not_understood) == (2, 3, 3)


PATTERN = 'format = "pattern"\ndefinition = "login-success/1"\npaths = ["a"]\n'


def test_a_pattern_with_named_groups_reads_any_log():
    text = PATTERN + (
        "pattern = '(?P<time>[^|]+)\\|(?P<account>[^|]*)\\|(?P<status>\\w+)'\n"
        'success = ["ok"]\ntime_format = "%Y/%m/%d %H:%M:%S"'
    )
    block = "2026/11/23 11:00:00|张三|ok\r\n2026/11/23 11:00:00|eve|no\n2026/11/23 11:00:00||ok\nx\n"
    tally = counted(text, block.encode())
    assert sums(tally) == hashed({"张三": 1})
    assert (tally.lines.counted, tally.lines.other, tally.lines.not_understood) == (1, 2, 1)


def test_a_time_format_without_a_year_gets_one():
    text = PATTERN + "pattern = '(?P<time>.+)\\|(?P<account>.+)'\ntime_format = \"%d.%m. %H:%M\""
    tally = counted(text, b"31.12. 23:59|ann\n", reference_ms=ms("2026-01-01T00:00:05+08:00"))
    assert [found for found, _ in tally.counts] == [day("2025-12-31")]


def test_bytes_that_are_no_text_are_somebody_too():
    tally = counted(WEB, web("X").encode().replace(b"X", b"\xff\xff"), encoding="ascii")
    assert tally.lines.counted == 1


def test_now_is_when_the_tests_say():
    assert datetime.fromtimestamp(NOW_MS / 1000, timezone.utc).isoformat() == "2026-11-23T12:00:00+00:00"
