"""Sessions are counted where a source counts them, and are absent elsewhere."""

from types import SimpleNamespace

import psutil
import pytest

from agent.linux.sessions import SessionSource, psutil_users
from evidence.columns import MISSING


def test_people_who_are_there_count_and_nobody_else_does(see):
    seen = see("server-nvme-luks-lvm")
    assert seen.values["sessions.count", ""] == 3
    assert seen.values["sessions.users", ""] == 2
    assert seen.facts["sessions_source"] == "logind"


def test_nobody_logged_in_is_zero_where_logind_runs(see):
    seen = see("bond-vlan-bridge-containers")
    assert seen.values["sessions.count", ""] == 0
    assert "sessions.count" not in seen.absent


@pytest.mark.parametrize("name", ["recorded-vm", "container-docker"])
def test_no_source_is_absent_with_a_reason_and_never_zero(see, name):
    seen = see(name)
    assert ("sessions.count", "") not in seen.values
    assert "logind" in seen.absent["sessions.count"]
    assert "sessions.users" in seen.absent
    assert seen.facts["sessions_source"] == "none"


def test_empty_folders_left_in_an_image_are_no_source(tmp_path):
    for folder in ("sessions", "seats"):
        (tmp_path / "systemd" / folder).mkdir(parents=True)
    assert SessionSource(str(tmp_path)).read().source == "none"
    (tmp_path / "systemd/system").mkdir()
    assert SessionSource(str(tmp_path)).read().source == "none"
    (tmp_path / "systemd/seats/seat0").touch()
    assert SessionSource(str(tmp_path)).read().source == "logind"


def test_utmp_is_asked_only_where_logind_is_not(top, host, seen):
    place = top("vm-virtio")
    assert seen(host(place).read()).facts["sessions_source"] == "logind"
    (place / "run/systemd/system").rmdir()
    reading = seen(host(place, users=lambda: ["ops", "ops", "dev"]).read())
    assert reading.values["sessions.count", ""] == 3
    assert reading.values["sessions.users", ""] == 2
    assert reading.facts["sessions_source"] == "utmp"


def test_an_empty_utmp_file_is_no_source(tmp_path):
    (tmp_path / "utmp").touch()
    assert SessionSource(str(tmp_path), users=list).read().source == "none"


def test_a_source_that_appears_later_changes_the_manifest(top, host):
    place = top("vm-virtio")
    (place / "run/systemd/system").rmdir()
    (place / "run/utmp").unlink()
    reader = host(place)
    before = reader.read()
    (place / "run/systemd/system").mkdir()
    after = reader.read()
    assert ("sessions.count", "") not in before.values
    assert after.values["sessions.count", ""] == 0


def test_a_session_that_ends_while_it_is_read_is_no_error(top, host, seen):
    place = top("server-nvme-luks-lvm")
    (place / "run/systemd/sessions/99").symlink_to("gone")
    assert seen(host(place).read()).values["sessions.count", ""] == 3


def test_a_session_that_cannot_be_read_makes_the_counts_missing(top, host, seen):
    place = top("server-nvme-luks-lvm")
    (place / "run/systemd/sessions/99").mkdir()
    reading = seen(host(place).read())
    assert reading.values["sessions.count", ""] == MISSING
    assert reading.values["sessions.users", ""] == MISSING


def test_psutil_names_the_accounts_of_utmp(monkeypatch):
    rows = [SimpleNamespace(name="ops", terminal="pts/0"), SimpleNamespace(name="dev", terminal="pts/1")]
    monkeypatch.setattr(psutil, "users", lambda: rows)
    assert psutil_users() == ["ops", "dev"]
