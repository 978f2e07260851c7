"""The journal, through a double of journalctl that answers as the real one does."""

import json
import os
import stat
import subprocess
import sys

import pytest
from login_logs import KEY, NOW_MS, hashed

from agent.logins.journal import SESSION_BEGINS, Journal
from agent.logins.tally import Accounts, Tally
from evidence.calendar import LocalCalendar

CALENDAR = LocalCalendar("Asia/Shanghai")
DOUBLE = """#!{python}
import json, sys
entries = json.load(open({path!r}))
options = dict(o.lstrip("-").partition("=")[::2] for o in sys.argv[1:])
if {fail!r}:
    sys.exit(sys.stderr.write({fail!r}) and 1)
if "MESSAGE_ID" not in options:
    pass
elif "after-cursor" in options:
    entries = [e for e in entries if e["__CURSOR"] > options["after-cursor"]]
elif "cursor" in options:
    entries = [e for e in entries if e["__CURSOR"] >= options["cursor"]][:1]
else:
    since = int(options["since"][1:]) * 1000000
    entries = [e for e in entries if int(e["__REALTIME_TIMESTAMP"]) >= since]
for entry in entries:
    print(json.dumps(entry))
"""


class World:
    def __init__(self, folder):
        self.entries = []
        self.path = folder / "entries.json"
        self.program = folder / "journalctl"
        self.say()

    def say(self, fail=""):
        self.path.write_text(json.dumps(self.entries))
        self.program.write_text(DOUBLE.format(python=sys.executable, path=str(self.path), fail=fail))
        self.program.chmod(self.program.stat().st_mode | stat.S_IXUSR)

    def session(self, user, after_ms=0):
        number = len(self.entries)
        self.entries.append(
            {
                "__CURSOR": f"c{number:04d}",
                "__REALTIME_TIMESTAMP": str((NOW_MS + after_ms) * 1000),
                "USER_ID": user,
            }
        )
        self.say()

    def journal(self, state=None):
        return Journal(
            command=(str(self.program),), state=state or {"since_ms": NOW_MS}, stamps_day=CALENDAR.day_of
        )


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


def tally():
    return Tally(Accounts(KEY), first_day=0, last_day=CALENDAR.day_of(NOW_MS) + 2)


def by_hash(counts):
    return {digest: count for (_, digest), count in counts.items()}


def test_every_session_counts_once_and_the_cursor_goes_on_over_a_restart(world):
    world.session("old", -5_000)
    world.session("ann", 1_000)
    counts = tally()
    journal = world.journal()
    assert journal.poll(counts).complete
    world.session("ann", 2_000)
    world.session(None, 3_000)
    again = world.journal(journal.document())
    again.poll(counts)
    again.poll(counts)
    assert by_hash(counts.counts) == hashed({"ann": 2})
    assert (counts.lines.read, counts.lines.not_understood) == (3, 1)


def test_entries_that_were_removed_unread_are_told(world):
    world.session("ann", 1_000)
    journal, counts = world.journal(), tally()
    journal.poll(counts)
    world.session("ben", 2_000)
    del world.entries[0]
    world.say()
    found = journal.poll(counts)
    assert found.lost
    assert by_hash(counts.counts) == hashed({"ann": 1, "ben": 1})


def test_the_oldest_entry_says_how_far_back_the_journal_reaches(world):
    assert world.journal().earliest_ms() is None
    world.session("ann", 1_000)
    assert world.journal().earliest_ms() == NOW_MS + 1_000


def test_what_goes_wrong_is_told_with_what_to_do(world, tmp_path):
    world.say(fail="No journal files were opened due to insufficient permissions.")
    assert "systemd-journal" in world.journal().poll(tally()).problems[0]
    world.program.write_text(f"#!{sys.executable}\nprint('x')\n")
    assert "no journal entry" in world.journal().poll(tally()).problems[0]
    absent = Journal(command=(str(tmp_path / "no"),), state={"since_ms": 0}, stamps_day=CALENDAR.day_of)
    assert "not found" in absent.poll(tally()).problems[0]
    assert absent.earliest_ms() is None


def test_the_real_journalctl_takes_the_options(tmp_path):
    try:
        subprocess.run(["journalctl", "--version"], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("there is no journalctl here")
    (tmp_path / "journal").mkdir()
    found = Journal(
        command=("journalctl", f"--directory={tmp_path / 'journal'}"),
        state={"since_ms": NOW_MS},
        stamps_day=CALENDAR.day_of,
    ).poll(tally())
    assert found.problems == []
    assert len(bytes.fromhex(SESSION_BEGINS)) == 16
    assert os.listdir(tmp_path / "journal") == []
