"""Processor time of systemd units: recorded trees of both versions, and the control groups of this machine."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import uuid
from contextlib import contextmanager
from pathlib import Path

import pytest

from agent.linux.host import LinuxHost
from agent.linux.units import MANY, NO_GROUPS, ControlGroups
from evidence.columns import MISSING
from evidence.manifest import UNIT_ALL, UNIT_CPU

GROUPS = Path("/sys/fs/cgroup")
BURN = "import sys,time\nsys.stdin.read(1)\nend=time.process_time()+0.3\nwhile time.process_time()<end: pass\nprint('done',flush=True)\nsys.stdin.read()"


def listed(top) -> dict[str, int]:
    listing = ControlGroups(str(top / "sys")).listing()
    return {unit.name: used for unit, used in listing.used_us.items()}


def test_units_of_the_unified_hierarchy_are_read_in_microseconds(top):
    found = listed(top("cgroups/v2-systemd"))
    assert found["nginx.service"] == 4_000_000
    assert found["libpod-0123abcd.scope"] == 250_000
    assert found["init.scope"] == 100_000


def test_users_are_one_unit_and_no_session_has_a_name(top):
    found = listed(top("cgroups/v2-systemd"))
    assert found["user.slice"] == 1_200_000
    assert not [name for name in found if "session" in name or "1000" in name]


def test_instances_of_a_template_are_one_unit_and_no_address_travels(top):
    found = listed(top("cgroups/v2-systemd"))
    assert found["system-sshd.slice"] == 300_000
    assert found["system-postgresql.slice"] == 3_000_000
    assert not [name for name in found if "203.0.113.9" in name]


def test_an_instance_outside_its_slice_is_named_by_its_template(top):
    names = [name for name in listed(top("cgroups/v2-systemd")) if name.startswith("postgresql@")]
    assert len(names) == 1
    assert "15-main" not in names[0]


def test_a_group_whose_time_cannot_be_read_is_no_unit(top):
    assert "broken.service" not in listed(top("cgroups/v2-systemd"))


def test_units_of_version_1_are_cut_to_microseconds(top):
    assert listed(top("cgroups/v1-systemd")) == {
        "nginx.service": 4_000_000,
        "crond.service": 3_000_000,
        "user.slice": 1_500_000,
        "docker": 500_000,
    }


def test_groups_of_systemd_in_the_unified_hierarchy_beside_version_1_are_found(top):
    groups = ControlGroups(str(top("cgroups/hybrid") / "sys"))
    assert groups.kind == "cgroup2"
    assert [unit.name for unit in groups.listing().used_us] == ["cron.service"]


@pytest.mark.parametrize("tree", ["cgroups/v1-without-accounting", "cgroups/recorded-bare"])
def test_hierarchies_without_groups_give_no_units_and_the_reason(top, tree):
    listing = ControlGroups(str(top(tree) / "sys")).listing()
    assert listing.used_us == {}
    assert listing.reason == NO_GROUPS


def test_a_host_with_too_many_groups_has_no_units(top, monkeypatch):
    monkeypatch.setattr("agent.linux.units.MAX_GROUPS", 3)
    listing = ControlGroups(str(top("cgroups/v2-systemd") / "sys")).listing()
    assert (listing.used_us, listing.reason) == ({}, MANY)


def test_a_group_that_was_made_anew_is_missing_under_the_old_identity(top):
    root = top("cgroups/v2-systemd")
    groups = ControlGroups(str(root / "sys"))
    nginx = next(unit for unit in groups.listing().used_us if unit.name == "nginx.service")
    assert groups.used_us(nginx.native, nginx.identity) == 4_000_000
    assert groups.used_us(nginx.native, "1") == MISSING
    (Path(nginx.native) / "cpu.stat").write_text("nr_periods 0\n", encoding="ascii")
    assert groups.used_us(nginx.native, nginx.identity) == MISSING


def test_a_reading_holds_the_chosen_units_and_all_of_them_together(top, host, seen):
    root = top("vm-virtio")
    for name, used in (
        ("", 9_000_000),
        ("system.slice/", 8_000_000),
        ("system.slice/web.service/", 7_000_000),
    ):
        folder = root / "sys/fs/cgroup" / name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "cpu.stat").write_text(f"usage_usec {used}\nuser_usec 1\n", encoding="ascii")
    (root / "sys/fs/cgroup/cgroup.controllers").write_text("cpu\n", encoding="ascii")
    found = seen(host(root).read())
    assert found.values[UNIT_CPU, "web.service"] == 7_000_000
    assert found.values[UNIT_CPU, UNIT_ALL] == 9_000_000
    assert found.counted("unit") == ["web.service", UNIT_ALL]
    assert found.facts["units_source"] == "cgroup2"
    assert UNIT_CPU not in found.absent


def test_a_host_without_groups_says_so_in_the_manifest(see):
    found = see("vm-virtio")
    assert found.absent[UNIT_CPU] == NO_GROUPS
    assert found.facts["units_source"] == "none"
    assert found.counted("unit") == []


def test_units_can_be_switched_off(top, host, seen):
    found = seen(host(top("vm-virtio"), units=0).read())
    assert found.absent[UNIT_CPU].startswith("switched off")


@contextmanager
def group_of_a_burner(hierarchy: Path):
    """A control group of this machine with a process in it that burns 0.3 s when told to."""
    folder = hierarchy / f"starproof-test-{uuid.uuid4().hex[:8]}.service"
    try:
        folder.mkdir()
    except OSError as error:
        pytest.skip(f"no control group can be made below {hierarchy}: {error.strerror}")
    with subprocess.Popen(
        [sys.executable, "-c", BURN], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        try:
            (folder / "cgroup.procs").write_text(str(process.pid), encoding="ascii")
            yield folder.name, process
        finally:
            process.kill()
            process.wait()
            for _ in range(50):
                try:
                    folder.rmdir()
                    break
                except OSError:
                    time.sleep(0.1)


@pytest.mark.parametrize(
    "hierarchy", [GROUPS, GROUPS / "cpuacct", GROUPS / "cpu,cpuacct", GROUPS / "unified"]
)
def test_processor_time_of_a_real_group_of_this_machine_is_measured(hierarchy):
    if not ((hierarchy / "cpuacct.usage").exists() or (hierarchy / "cpu.stat").exists()):
        pytest.skip(f"{hierarchy} is no hierarchy with processor time here")
    if not os.access(hierarchy, os.W_OK):
        pytest.skip(f"{hierarchy} may not be written")
    with group_of_a_burner(hierarchy) as (name, process):
        groups = ControlGroups("/sys")
        unit = next((u for u in groups.listing().used_us if u.name == name), None)
        if unit is None:
            pytest.skip(f"units are read from another hierarchy than {hierarchy} here")
        before = groups.used_us(unit.native, unit.identity)
        process.stdin.write(b"x")
        process.stdin.flush()
        process.stdout.readline()
        spent = groups.used_us(unit.native, unit.identity) - before
        assert 300_000 <= spent < 3_000_000


def test_this_machine_can_be_read_with_its_units():
    host = LinuxHost(interval_ms=1_000)
    first, second = host.read(), host.read()
    units = [key for key in second.values if key[0] == UNIT_CPU]
    assert units or UNIT_CPU in dict(second.manifest.absent)
    for key in units:
        assert second.values[key] >= first.values[key]
