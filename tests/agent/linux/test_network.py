"""Which network devices count, once each, and how fast they are."""

import pytest

from evidence.columns import MISSING


def rewrite(top, path, text):
    (top / path).write_text(f"{text}\n", encoding="ascii")


def test_a_bond_does_not_count_but_its_members_do(see):
    seen = see("bond-vlan-bridge-containers")
    assert seen.counted("nic") == ["eno1", "eno2"]
    assert seen.total("net.rx") == 1000 + 1001
    assert "bond0 above it does not count" in seen.devices["eno1"].reason
    assert seen.devices["bond0"].reason.startswith("a bond")


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("bond0.120", "VLAN"),
        ("br-app", "bridge"),
        ("docker0", "bridge"),
        ("macvtap0", "second address"),
        ("team0", "team"),
        ("lo", "loopback"),
    ],
)
def test_devices_above_a_card_do_not_count_and_say_what_they_are(see, name, word):
    device = see("bond-vlan-bridge-containers").devices[name]
    assert not device.counts
    assert word in device.reason


@pytest.mark.parametrize(
    ("name", "word"),
    [("wg0", "tunnel"), ("tun0", "tunnel"), ("dummy0", "without a line"), ("vxlan100", "tunnel")],
)
def test_tunnels_and_line_less_devices_do_not_count(see, name, word):
    device = see("vm-virtio").devices[name]
    assert not device.counts
    assert word in device.reason


def test_the_plain_file_that_the_bonding_module_leaves_is_no_device(see):
    assert "bonding_masters" not in see("bond-vlan-bridge-containers").devices


def test_containers_that_come_and_go_leave_the_manifest_as_it_is(top, host):
    place = top("bond-vlan-bridge-containers")
    reader = host(place)
    before = reader.read().manifest
    assert {"veth*", "cali*"} <= {device.name for device in before.devices}
    (place / "sys/class/net/veth1a2b3c4").rename(place / "sys/class/net/veth99999999")
    assert reader.read().manifest is before


def test_an_azure_pair_counts_once_at_the_synthetic_device(see):
    seen = see("azure-sriov-pair")
    assert seen.counted("nic") == ["eth0"]
    assert seen.total("net.rx") == 99_000
    assert "eth0" in seen.devices["enP1s1"].reason
    assert seen.devices["eth0"].speed_bps == 50_000_000_000


def test_an_azure_pair_counts_once_before_it_is_linked(see):
    seen = see("azure-sriov-unlinked")
    assert seen.counted("nic") == ["eth0"]
    assert "MAC address of eth0" in seen.devices["enP1s1"].reason


def test_virtio_failover_counts_once_at_the_device_above(see):
    seen = see("virtio-failover")
    assert seen.counted("nic") == ["ens3"]
    assert seen.total("net.tx") == 200


def test_a_virtual_function_passed_through_counts(see):
    seen = see("sriov-vf-alone")
    assert seen.counted("nic") == ["ens4"]
    assert seen.devices["ens4"].speed_bps == 25_000_000_000


def test_a_virtual_function_beside_its_port_counts_without_adding_capacity(see):
    seen = see("sriov-vf-beside-its-port")
    assert seen.counted("nic") == ["ens4f0", "ens4f0v0"]
    assert sum(seen.devices[name].speed_bps for name in seen.counted("nic")) == 25_000_000_000


def test_the_switch_side_of_a_virtual_function_does_not_count(see):
    seen = see("multipath-nvme")
    assert seen.counted("nic") == ["ens1"]
    assert "switch side" in seen.devices["ens1_0"].reason


def test_ports_of_a_switch_chip_do_not_count_beside_their_conduit(see):
    seen = see("switch-ports")
    assert seen.counted("nic") == ["eth0"]
    assert "conduit" in seen.devices["lan1"].reason


def test_a_monitor_interface_does_not_count_beside_its_wireless_card(see):
    seen = see("server-nvme-luks-lvm")
    assert seen.counted("nic") == ["eno1", "eno2", "wlp3s0"]
    assert "monitor" in seen.devices["mon0"].reason


def test_a_wireless_card_has_no_known_capacity(see):
    seen = see("server-nvme-luks-lvm")
    assert seen.devices["wlp3s0"].speed_bps is None
    assert seen.absent["net.capacity:wlp3s0"] == "the driver gives no link speed"


def test_identity_is_the_index_and_the_mac_address(see):
    assert see("sriov-vf-alone").devices["ens4"].identity == "2 fa:16:3e:00:00:01"


@pytest.mark.parametrize("speed", ["-1", "0", "65535", "4294967295", "-125000", "Unknown!"])
def test_a_speed_that_means_unknown_is_absent_and_never_zero(top, host, seen, speed):
    place = top("sriov-vf-alone")
    rewrite(place, "sys/class/net/ens4/speed", speed)
    reading = seen(host(place).read())
    assert reading.devices["ens4"].speed_bps is None
    assert speed in reading.absent["net.capacity:ens4"]


@pytest.mark.parametrize(("speed", "bps"), [("10", 10**7), ("2500", 25 * 10**8), ("100000", 10**11)])
def test_a_megabit_is_a_million_bits(top, host, seen, speed, bps):
    place = top("sriov-vf-alone")
    rewrite(place, "sys/class/net/ens4/speed", speed)
    reading = seen(host(place).read())
    assert reading.devices["ens4"].speed_bps == bps
    assert "net.capacity:ens4" not in reading.absent


@pytest.mark.parametrize("state", ["down", "notpresent", "lowerlayerdown"])
def test_a_line_that_is_down_has_no_capacity_and_still_counts(top, host, seen, state):
    place = top("sriov-vf-alone")
    rewrite(place, "sys/class/net/ens4/operstate", state)
    reading = seen(host(place).read())
    assert reading.devices["ens4"].speed_bps == 0
    assert reading.counted("nic") == ["ens4"]


def test_a_line_that_changes_its_speed_changes_the_manifest(top, host):
    place = top("sriov-vf-alone")
    reader = host(place)
    before = reader.read().manifest
    rewrite(place, "sys/class/net/ens4/speed", "1000")
    after = reader.read().manifest
    assert [d.speed_bps for m in (before, after) for d in m.devices if d.counts and d.kind == "nic"] == [
        25_000_000_000,
        1_000_000_000,
    ]


def test_a_virtual_function_that_is_linked_later_stops_counting(top, host, seen):
    place = top("azure-sriov-unlinked")
    rewrite(place, "sys/class/net/enP1s1/address", "00:0d:3a:ff:ff:ff")
    reader = host(place)
    assert seen(reader.read()).counted("nic") == ["enP1s1", "eth0"]
    (place / "sys/class/net/enP1s1/master").symlink_to("../eth0")
    assert seen(reader.read()).counted("nic") == ["eth0"]


def test_a_vanished_counter_is_missing_and_not_zero(top, host, seen):
    place = top("sriov-vf-alone")
    (place / "sys/class/net/ens4/statistics/rx_bytes").unlink()
    reading = seen(host(place).read())
    assert reading.values["net.rx", "ens4"] == MISSING
    assert reading.values["net.tx", "ens4"] == 20


@pytest.mark.parametrize("text", ["18446744073709551615", "9223372036854775808", "-5", "", "1e3"])
def test_a_counter_that_is_no_int64_is_missing(top, host, seen, text):
    place = top("sriov-vf-alone")
    rewrite(place, "sys/class/net/ens4/statistics/rx_bytes", text)
    assert seen(host(place).read()).values["net.rx", "ens4"] == MISSING


def test_the_largest_int64_is_still_a_counter(top, host, seen):
    place = top("sriov-vf-alone")
    rewrite(place, "sys/class/net/ens4/statistics/rx_bytes", str(2**63 - 1))
    assert seen(host(place).read()).values["net.rx", "ens4"] == 2**63 - 1


def test_a_host_without_a_network_directory_says_so(top, host, seen, tmp_path):
    place = top("sriov-vf-alone")
    (place / "sys/class/net").rename(tmp_path / "elsewhere")
    reading = seen(host(place).read())
    assert "net.rx" in reading.absent
    assert "cannot be listed" in reading.absent["net.tx"]
    assert not reading.counted("nic")


def test_a_device_with_an_unprintable_name_does_not_stop_the_reading(top, host, seen):
    place = top("sriov-vf-alone")
    link = place / "sys/class/net/ens4"
    link.rename(place / "sys/class/net" / b"en\xff\x01s4".decode("utf-8", "surrogateescape"))
    reading = seen(host(place).read())
    assert reading.values["net.rx", "en\\udcff\\x01s4"] == 10


@pytest.mark.parametrize("kind", ["bond", "bridge", "vlan", "team"])
def test_a_stacked_device_does_not_count_even_with_a_device_link(top, host, seen, kind):
    place = top("sriov-vf-alone")
    rewrite(place, "sys/class/net/ens4/uevent", f"DEVTYPE={kind}")
    assert seen(host(place).read()).counted("nic") == []


def test_a_device_with_the_master_in_another_namespace_counts(top, host, seen):
    place = top("azure-sriov-pair")
    (place / "sys/class/net/eth0").unlink()
    assert seen(host(place).read()).counted("nic") == ["enP1s1"]
