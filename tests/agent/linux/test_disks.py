"""Which block devices count, once each, and their operations."""

import pytest

from evidence.columns import MISSING


def stat_of(place, name):
    fields = (place / f"sys/block/{name}/stat").read_text(encoding="ascii").split()
    return int(fields[0]), int(fields[4])


def test_only_the_disk_below_encryption_and_volumes_counts(see):
    seen = see("server-nvme-luks-lvm")
    assert seen.counted("disk") == ["nvme0n1"]
    assert (seen.total("disk.reads"), seen.total("disk.writes")) == (221_133, 5_533_211)
    assert "nvme0n1p3" in seen.devices["dm-0"].reason
    assert "optical" in seen.devices["sr0"].reason
    assert "memory" in seen.devices["zram0"].reason


def test_completed_reads_and_writes_are_the_first_and_the_fifth_field(top, host, seen):
    place = top("server-nvme-luks-lvm")
    reading = seen(host(place).read())
    assert (reading.values["disk.reads", "nvme0n1"], reading.values["disk.writes", "nvme0n1"]) == stat_of(
        place, "nvme0n1"
    )


def test_members_of_an_array_count_and_the_array_does_not(see):
    seen = see("server-md-raid-centos7")
    assert seen.counted("disk") == ["sda", "sdb"]
    assert seen.total("disk.reads") == 5000 + 5001
    assert "sda1, sdb1" in seen.devices["md127"].reason
    assert "floppy" in seen.devices["fd0"].reason


def test_the_paths_of_a_device_mapper_multipath_count_and_the_map_does_not(see):
    seen = see("multipath-dm")
    assert seen.counted("disk") == ["sdb", "sdc", "sdd", "sde"]
    assert seen.total("disk.reads") == 10_000
    assert not seen.devices["dm-3"].counts


def test_a_native_multipath_head_counts_and_its_hidden_paths_do_not(see):
    seen = see("multipath-nvme")
    assert seen.counted("disk") == ["nvme0n1", "nvme5n1"]
    assert seen.values["disk.reads", "nvme0n1"] == 3000
    assert "hidden path of nvme0n1, which counts" in seen.devices["nvme0c0n1"].reason


def test_a_fabrics_disk_counts_although_it_lies_below_virtual(see):
    assert see("multipath-nvme").devices["nvme5n1"].counts


def test_where_the_kernel_leaves_a_head_at_zero_its_paths_count_instead(see):
    seen = see("multipath-nvme-old-kernel")
    assert seen.counted("disk") == ["nvme0c0n1", "nvme0c1n1"]
    assert seen.total("disk.reads") == 3000
    assert "at zero" in seen.devices["nvme0n1"].reason


def test_a_head_and_its_paths_never_count_together(top, host, seen):
    place = top("multipath-nvme-old-kernel")
    for path in ("nvme0c0n1", "nvme0c1n1"):
        (place / f"sys/block/{path}/stat").write_text("0 0 0 0 0 0 0 0 0 0 0\n", encoding="ascii")
    reader = host(place)
    assert seen(reader.read()).counted("disk") == ["nvme0n1"]
    (place / "sys/block/nvme0c1n1/stat").write_text("5 0 0 0 0 0 0 0 0 0 0\n", encoding="ascii")
    assert seen(reader.read()).counted("disk") == ["nvme0c0n1", "nvme0c1n1"]
    (place / "sys/block/nvme0n1/stat").write_text("5 0 0 0 0 0 0 0 0 0 0\n", encoding="ascii")
    assert seen(reader.read()).counted("disk") == ["nvme0n1"]


def test_a_hidden_path_whose_head_is_gone_does_not_count(top, host, seen):
    place = top("multipath-nvme")
    (place / "sys/block/nvme0n1").unlink()
    reading = seen(host(place).read())
    assert reading.counted("disk") == ["nvme5n1"]
    assert "not here" in reading.devices["nvme0c0n1"].reason


def test_a_hidden_device_of_another_kind_does_not_count(top, host, seen):
    place = top("sriov-vf-alone")
    (place / "sys/block/vda/hidden").write_text("1\n", encoding="ascii")
    reading = seen(host(place).read())
    assert reading.counted("disk") == []
    assert "hidden" in reading.devices["vda"].reason


def test_a_virtio_disk_counts_and_memory_and_network_disks_do_not(see):
    seen = see("vm-virtio")
    assert seen.counted("disk") == ["vda"]
    assert {"ram*", "nbd*"} <= seen.devices.keys()


def test_a_disk_made_of_others_does_not_count_wherever_it_lies(top, host, seen):
    place = top("sriov-vf-alone")
    (place / "sys/block/vda/slaves/sdz").mkdir()
    reading = seen(host(place).read())
    assert "made of sdz" in reading.devices["vda"].reason
    assert "no block device" in reading.absent["disk.reads"]


def test_an_unknown_virtual_device_does_not_count(top, host, seen):
    place = top("sriov-vf-alone")
    (place / "sys/devices/virtual/block/publicity0").mkdir(parents=True)
    (place / "sys/block/publicity0").symlink_to("../devices/virtual/block/publicity0")
    assert seen(host(place).read()).devices["publicity0"].reason == "no hardware behind it"


def test_directories_in_place_of_links_are_told_apart_by_the_virtual_folder(top, host, seen):
    place = top("sriov-vf-alone")
    (place / "sys/block/vda").unlink()
    for name in ("sda", "dm-0"):
        (place / f"sys/block/{name}").mkdir()
        (place / f"sys/block/{name}/stat").write_text("1 0 0 0 2 0 0 0 0 0 0\n", encoding="ascii")
    (place / "sys/devices/virtual/block/dm-0").mkdir(parents=True)
    assert seen(host(place).read()).counted("disk") == ["sda"]


@pytest.mark.parametrize(
    ("tree", "name", "identity"),
    [
        ("server-nvme-luks-lvm", "nvme0n1", "259:0 eui.0025385b01407e2f"),
        ("server-md-raid-centos7", "sda", "8:0 naa.5000c500a1b2c3d0"),
        ("vm-virtio", "vda", "253:0 bp1dyl2tq4x0000001"),
        ("switch-ports", "mmcblk0", "179:0 15010044463430303801b7d1c24b2d00"),
        ("hotplug-before", "sda", "8:0 t10.ATA ST4000NM0035 ZC1A0001"),
        ("container-lxc", "sda", "8:0"),
    ],
)
def test_identity_is_the_number_and_what_the_disk_calls_itself(see, tree, name, identity):
    assert see(tree).devices[name].identity == identity


def test_a_vanished_stat_file_is_missing_and_not_zero(top, host, seen):
    place = top("sriov-vf-alone")
    (place / "sys/block/vda/stat").unlink()
    reading = seen(host(place).read())
    assert reading.values["disk.reads", "vda"] == MISSING
    assert reading.values["disk.writes", "vda"] == MISSING
    assert reading.values["disk.read_sectors", "vda"] == MISSING


def test_the_sectors_read_are_those_of_the_kernel(top, host, seen):
    place = top("vm-virtio")
    (place / "sys/block/vda/stat").write_text("11 2 345 4 55 6 777 8 9 10 11 12 13 14 15 16 17")
    values = seen(host(place).read()).values
    assert [values[name, "vda"] for name in ("disk.reads", "disk.writes", "disk.read_sectors")] == [
        11,
        55,
        345,
    ]


def test_a_stat_file_that_is_too_short_is_missing(top, host, seen):
    place = top("sriov-vf-alone")
    (place / "sys/block/vda/stat").write_text("1 2 3 4\n", encoding="ascii")
    assert seen(host(place).read()).values["disk.writes", "vda"] == MISSING


def test_a_host_without_a_block_directory_says_so(top, host, seen, tmp_path):
    place = top("sriov-vf-alone")
    (place / "sys/block").rename(tmp_path / "elsewhere")
    reading = seen(host(place).read())
    assert "cannot be listed" in reading.absent["disk.writes"]
