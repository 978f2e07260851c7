"""Devices that come, go, and are replaced between two readings; processors too."""

import shutil


def move(place, after):
    """Turn the planted tree into the later one; the old devices keep their inodes taken."""
    (place / "sys").rename(place / "sys-before")
    shutil.copytree(after / "sys", place / "sys", symlinks=True)


def test_what_is_plugged_in_is_measured_at_the_next_reading(top, host, seen):
    place = top("hotplug-before")
    reader = host(place)
    before = seen(reader.read())
    move(place, top("hotplug-after"))
    after = seen(reader.read())
    assert (before.counted("nic"), before.counted("disk")) == (["ens1"], ["sda"])
    assert (after.counted("nic"), after.counted("disk")) == (["ens1", "ens2"], ["sda", "sdb"])
    assert after.values["net.rx", "ens2"] == 3
    assert before.reading.manifest.hash != after.reading.manifest.hash


def test_a_disk_replaced_under_its_name_has_another_identity(top, host, seen):
    place = top("hotplug-before")
    reader = host(place)
    before = seen(reader.read()).devices["sda"].identity
    move(place, top("hotplug-after"))
    after = seen(reader.read()).devices["sda"].identity
    assert before.endswith("ZC1A0001")
    assert after.endswith("ZC1A0002")


def test_what_is_pulled_out_leaves_the_manifest(top, host, seen):
    place = top("hotplug-after")
    reader = host(place)
    reader.read()
    (place / "sys/class/net/ens2").unlink()
    (place / "sys/block/sdb").unlink()
    after = seen(reader.read())
    assert (after.counted("nic"), after.counted("disk")) == (["ens1"], ["sda"])
    assert "ens2" not in after.devices
    assert ("net.rx", "ens2") not in after.values


def test_a_processor_taken_offline_changes_the_manifest(top, host, seen):
    place = top("hotplug-before")
    reader = host(place)
    before = reader.read().manifest
    stat = place / "proc/stat"
    lines = [line for line in stat.read_text(encoding="ascii").splitlines() if not line.startswith("cpu3")]
    stat.write_text("\n".join(lines) + "\n", encoding="ascii")
    after = reader.read().manifest
    assert (before.cpus, after.cpus) == (4, 3)


def test_device_facts_are_not_read_again_while_nothing_changes(top, host, seen):
    place = top("hotplug-before")
    reader = host(place)
    before = seen(reader.read()).devices["sda"]
    # A serial number does not change under a running disk; reading it again would be wasted work.
    target = next((place / "sys/devices").rglob("wwid"))
    target.unlink()
    assert seen(reader.read()).devices["sda"] == before


def test_a_card_replaced_under_its_name_by_a_virtual_device_stops_counting(top, host, seen):
    place = top("sriov-vf-alone")
    reader = host(place)
    assert seen(reader.read()).counted("nic") == ["ens4"]
    card = place / "sys/class/net/ens4"
    shutil.copytree(card.resolve(), place / "sys/devices/virtual/net/ens4", symlinks=True)
    card.unlink()
    card.symlink_to("../../devices/virtual/net/ens4")
    (card / "device").unlink()
    assert seen(reader.read()).counted("nic") == []
