"""Include and exclude lists override the rules and are recorded."""


def test_an_excluded_device_does_not_count_and_says_why(see):
    seen = see("bond-vlan-bridge-containers", nics_exclude=("eno2",))
    assert seen.counted("nic") == ["eno1"]
    assert seen.devices["eno2"].reason.startswith(
        "excluded by configuration: eno2; without it: a network card"
    )
    assert ("net.rx", "eno2") not in seen.values


def test_an_excluded_device_has_no_capacity(see):
    assert see("bond-vlan-bridge-containers", nics_exclude=("eno2",)).devices["eno2"].speed_bps is None


def test_an_included_device_counts_and_says_why(see):
    seen = see("container-lxc", nics_include=("eth0",))
    assert seen.counted("nic") == ["eth0"]
    assert seen.values["net.rx", "eth0"] == 700
    assert seen.devices["eth0"].reason.startswith("included by configuration: eth0; without it: no hardware")


def test_the_speed_that_a_virtual_driver_makes_up_is_not_a_capacity(see):
    seen = see("container-lxc", nics_include=("eth0",))
    assert seen.devices["eth0"].speed_bps is None
    assert "no speed of its own" in seen.absent["net.capacity:eth0"]


def test_a_pattern_takes_many_and_cable_ends_named_by_it_are_listed(see):
    seen = see("bond-vlan-bridge-containers", nics_include=("veth*",))
    assert seen.counted("nic") == ["eno1", "eno2", "veth1a2b3c4", "vethd00d5ee"]
    assert "veth*" not in seen.devices


def test_excluding_wins_over_including(see):
    seen = see("bond-vlan-bridge-containers", nics_include=("eno*",), nics_exclude=("eno1",))
    assert seen.counted("nic") == ["eno2"]


def test_lists_hold_for_disks_and_for_pooled_ones(see):
    seen = see("server-nvme-luks-lvm", disks_include=("dm-2", "loop1"), disks_exclude=("nvme*",))
    assert seen.counted("disk") == ["dm-2", "loop1"]
    assert seen.values["disk.reads", "loop1"] == 901


def test_a_list_for_one_kind_says_nothing_about_the_other(see):
    seen = see("sriov-vf-alone", nics_exclude=("*",), disks_include=("*",))
    assert seen.counted("nic") == []
    assert seen.counted("disk") == ["vda"]


def test_names_that_no_device_has_are_recorded(see):
    seen = see("sriov-vf-alone", nics_include=("eth7", "vda"), disks_exclude=("sd*",))
    assert "no such nic" in seen.absent["devices.nics_include:eth7"]
    assert "devices.nics_include:vda" in seen.absent
    assert "no such disk" in seen.absent["devices.disks_exclude:sd*"]
