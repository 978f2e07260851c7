"""Whole hosts, read from trees: what counts, and what does not."""

from pathlib import Path

import pytest

from evidence.columns import MISSING
from evidence.manifest import CPU_STATES, parse

TREES = sorted(path.stem for path in (Path(__file__).parent.parent / "trees").glob("*.tree"))


def test_there_are_trees():
    assert len(TREES) >= 18


@pytest.mark.parametrize("name", TREES)
def test_every_reading_fits_its_manifest(see, name):
    seen = see(name)
    columns = [(c.name, c.device) for c in seen.reading.manifest.columns if not c.name.startswith("time.")]
    assert list(seen.values) == columns
    assert parse(seen.reading.manifest.raw) == seen.reading.manifest
    assert all(device.reason for device in seen.devices.values())


@pytest.mark.parametrize("name", TREES)
def test_nothing_in_a_complete_tree_is_missing(see, name):
    assert MISSING not in see(name).values.values()


@pytest.mark.parametrize("name", TREES)
def test_the_total_is_the_sum_of_the_first_eight_fields_and_holds_the_guests(top, host, seen, name):
    place = top(name)
    values = seen(host(place).read()).values
    first = (place / "proc/stat").read_text(encoding="ascii").splitlines()[0].split()[1:]
    ticks = [values[f"cpu.{state}", ""] for state in CPU_STATES]
    assert [str(tick) for tick in ticks] == first
    assert sum(ticks[:8]) == sum(map(int, first[:8]))
    assert ticks[8] <= ticks[0]
    assert ticks[9] <= ticks[1]


@pytest.mark.parametrize("name", TREES)
def test_a_second_reading_has_the_very_same_manifest(top, host, name):
    reader = host(top(name))
    assert reader.read().manifest is reader.read().manifest


def test_the_manifest_holds_no_account_names(see):
    raw = see("server-nvme-luks-lvm").reading.manifest.raw
    assert not any(name in raw for name in (b"ops", b"gdm", b"www"))


def test_a_reading_carries_the_clocks_taken_beside_the_processor(see):
    reading = see("vm-virtio").reading
    assert (reading.wall_ms, reading.boot_ms, reading.mono_ms) == (1_790_000_001_000, 91_000, 80_000)
    assert reading.boot_id == "0b6d7c52-3f8e-4f0e-9d3c-6f2a1f6f9a10"
    assert reading.clock_state == "synchronized"


def test_the_manifest_names_the_machine(see):
    facts = see("vm-virtio").facts
    assert facts["system"] == "Linux"
    assert facts["kernel"] == "5.10.0-28-cloud-amd64"
    assert facts["hostname"] == "vm01"
    assert facts["cpus"] == 1
    assert facts["ticks_per_s"] == 100
    assert facts["memory_bytes"] == 16_330_752 * 1024


def test_the_recorded_machine_counts_its_virtio_devices_and_nothing_else(see):
    seen = see("recorded-vm")
    assert seen.counted("nic") == ["eth0"]
    assert seen.counted("disk") == ["vda"]
    assert sorted(seen.devices) == ["eth0", "ifb0", "ifb1", "lo", "loop*", "vda", "zram0"]
    assert "net.capacity:eth0" in seen.absent
    assert "sessions.count" in seen.absent
    assert seen.facts["view"] == "host"
