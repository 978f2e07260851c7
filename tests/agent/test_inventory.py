"""The limits that keep a manifest sealable, whatever a host is made of."""

from agent.inventory import MAX_COUNTED, MAX_UNCOUNTED, Found, printable, take_stock
from evidence.manifest import MAX_MANIFEST_BYTES, Device

FACTS = {"cpus": 1, "ticks_per_s": 100}


def disks(count, *, counts, prefix="sd", text="x"):
    return [
        Found(Device("disk", f"{prefix}{n}", text * 400, counts, text * 400, None), f"{prefix}{n}")
        for n in range(count)
    ]


def stock(**parts):
    empty = {"nics": (), "disks": (), "cpu": True, "sessions": False, "absent": ()}
    return take_stock(interval_ms=60_000, facts=FACTS, **{**empty, **parts})


def test_a_host_of_thousands_of_devices_still_has_a_manifest_and_says_what_is_left_out():
    many = disks(1500, counts=True) + disks(2500, counts=False, prefix="dm-")
    inventory = stock(disks=many)
    absent = dict(inventory.manifest.absent)
    assert len(inventory.manifest.raw) <= MAX_MANIFEST_BYTES
    assert len(inventory.disks) == MAX_COUNTED
    assert len(inventory.manifest.devices) == MAX_COUNTED + MAX_UNCOUNTED
    assert absent["devices"].startswith("900 devices beyond")
    assert absent["devices.list"].startswith("2200 devices")


def test_a_list_of_absent_things_is_cut_and_says_so():
    inventory = stock(absent=[(f"net.capacity:eth{n}", "unknown") for n in range(1000)])
    assert inventory.manifest.absent[-1] == ("absent", "800 more entries are not listed")


def test_a_device_that_does_not_count_shows_no_speed():
    found = Found(Device("nic", "eth0", "", counts=False, reason="r", speed_bps=10), "eth0")
    assert stock(nics=[found]).manifest.devices[0].speed_bps is None


def test_unprintable_text_is_escaped_and_stays_different():
    assert printable("a\x00b\udcff") == "a\\x00b\\udcff"
    assert printable("网卡 1") == "网卡 1"
    assert printable("a\x01") != printable("a\x02")
