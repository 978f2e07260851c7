"""From lines of a real log to the user rate of a checked pack: reader, collector over HTTP, pack, check."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from processes import Running, collector, starproof, starproof_json

PEOPLE = 7
DAYS = 3
SCOPE = """
schema = "starproof/scope/1"
enterprise = "示例企业"
timezone = "Asia/Shanghai"
edition = "jiangsu-2018-trial"
[window]
from = {first}
to = {last}
[head_counts]
total = 20
cloud_users = 10
[users]
head_count = "cloud_users"
sources = ["web-1/login-log"]
[[hosts]]
id = "web-1"
"""


def log_lines(yesterday: datetime) -> str:
    """Every day two of seven people, each several times; a guest and a robot who do not count."""
    lines = []
    for back in range(DAYS):
        stamp = (yesterday - timedelta(days=back)).strftime("%d/%b/%Y:%H:%M:%S +0800")
        names = [f"planted{(2 * back + n) % PEOPLE}" for n in range(2)] * 3 + ["-", "backup"]
        lines += [f'10.0.0.1 - {name} [{stamp}] "GET / HTTP/1.1" 200 1 "-" "-"\n' for name in names]
    return "".join(lines[::-1])


def configured(folder: Path, since: datetime) -> Path:
    config = folder / "logins.toml"
    config.write_text(
        f'state = "{folder / "reader"}"\naccount_key = "{folder / "account.key"}"\ntimezone = "Asia/Shanghai"\n'
        f'since = "{since.date()}"\npoll_s = 1\nseal_s = 1\nlag_s = 0\nexclude = ["backup"]\n'
        f'[[logs]]\nname = "web"\nformat = "combined"\ndefinition = "authenticated-request/1"\npaths = ["{folder / "access.log"}"]\n'
    )
    return config


def test_people_in_a_log_reach_the_rate_of_a_checked_pack_and_no_name_does(tmp_path: Path) -> None:
    # The days before the first of this month are whole and lie in one month.
    first = datetime.now(ZoneInfo("Asia/Shanghai")).replace(day=1, hour=9, minute=0, second=0, microsecond=0)
    yesterday = first - timedelta(days=1)
    (tmp_path / "access.log").write_text(log_lines(yesterday))
    starproof("account-key", "--out", tmp_path / "account.key")
    config = configured(tmp_path, yesterday - timedelta(days=DAYS - 1))
    named = ("--config", config)
    with collector(tmp_path) as (_, url, db):
        token = starproof_json("collector", "token", "--db", db)["token"]
        enrolment = ("--collector", url, "--name", "web-1")
        starproof("agent", "logins", "enroll", *named, *enrolment, STARPROOF_TOKEN=token)
        reader = Running(tmp_path / "reader.log", "agent", "logins", "run", *named)
        reader.start()
        reader.wait_for(r"event=delivered chunks=\d+ pending=0")
        assert reader.stop() == 0
        assert re.search(r"event=stopped pending=0\s*\Z", reader.text())
    scope, pack = tmp_path / "scope.toml", tmp_path / "month.zip"
    month = yesterday.strftime("%Y-%m")
    scope.write_text(SCOPE.format(first=f"{month}-01", last=yesterday.date()), encoding="utf-8")
    starproof("pack", "--month", month, "--scope", scope, "--db", db, "--out", pack)
    report = starproof_json("check", pack, "--log-key", tmp_path / "log.pub", code=2)
    assert {f["severity"] for f in report["findings"]} <= {"note", "incomplete"}
    [rate] = [i for i in report["figures"]["indicators"] if i["id"] == "monthly_user_rate"]
    people = len({(2 * back + n) % PEOPLE for back in range(DAYS) for n in range(2)})
    detail = rate["detail"]
    # The first day is vouched for from its first line on, so it is not whole.
    assert (detail["accounts"], detail["people"], detail["complete_days"]) == (people, 10, DAYS - 1)
    assert (float(rate["low"]), float(rate["high"])) == (people * 10.0, 100.0)
    assert detail["sources"][0]["excluded"] == ["backup"]
    assert [day["accounts"] for day in detail["days"][-DAYS:]] == [2] * DAYS
    everything = b"".join(
        path.read_bytes() for path in (pack, tmp_path / "starproof.db", tmp_path / "reader.log")
    )
    assert b"planted" not in everything
    assert starproof_json("audit", "--db", db)["findings"] == []
