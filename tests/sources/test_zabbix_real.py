"""Against a real Zabbix 6.0: counters in as an agent sends them, averages out, exactly.

The server itself discovers devices, takes changes per second, makes dependent items and trends; the
source reads with a user that has nothing but the role which it asks for.
"""

from __future__ import annotations

import json
import time
from decimal import Decimal

import pytest
from sources.real_zabbix import RealZabbix, running, until

from collector.sources.calling import Patience, real_clocks
from collector.sources.errors import AuthError, PermissionMissing
from collector.sources.interface import (
    ALL_INTERFACES,
    CPU,
    DISK_READS,
    DISK_WRITES,
    METRICS,
    NET_RX,
    NET_TX,
    Retention,
    Span,
)
from collector.sources.registry import Tools
from collector.sources.secrets import Secret
from collector.sources.zabbix.opening import open_source
from collector.sources.zabbix.role import METHODS, policy

pytestmark = pytest.mark.slow

HOUR_S = 3600
HOUR_MS = HOUR_S * 1000
DAY_MS = 24 * HOUR_MS
START_S = int(time.time()) // HOUR_S * HOUR_S - 6 * HOUR_S
SPAN = Span(START_S * 1000, START_S * 1000 + 4 * HOUR_MS)
# The first value of the hour is the change since the last minute of the hour before: 2/s, then 7/s.
FIRST_STILL_2 = pytest.approx((Decimal(2) + 29 * 7) / 30, rel=Decimal("1e-12"))
USER, PASSWORD = "starproof", "Kx7-planted-Password"
HOST = "web01"
STAT = "vfs.file.contents[/sys/block/sda/stat]"


@pytest.fixture(scope="module")
def zabbix():
    with running() as real:
        real.token, real.role = _reader(real)
        real.host = _host(real)
        _fill(real)
        yield real


def _reader(real: RealZabbix) -> tuple[str, str]:
    """Make the user that the documentation asks for; give its token and the id of its role."""
    (role,) = real.call("role.create", **json.loads(policy()))["roleids"]
    (group,) = real.call("hostgroup.create", name="业务主机")["groupids"]
    rights = [{"id": group, "permission": 2}]
    (users,) = real.call("usergroup.create", name="StarProof", rights=rights)["usrgrpids"]
    (user,) = real.call(
        "user.create",
        username=USER,
        passwd=PASSWORD,
        roleid=role,
        usrgrps=[{"usrgrpid": users}],
    )["userids"]
    (token,) = real.call("token.create", name="StarProof", userid=user)["tokenids"]
    generated = real._post("token.generate", [token], {"auth": real.admin()})
    return generated[0]["token"], role


def _host(real: RealZabbix) -> str:
    (template,) = real.call(
        "template.get", output=["templateid"], filter={"host": ["Linux by Zabbix agent active"]}
    )
    (group,) = real.call("hostgroup.get", output=["groupid"], filter={"name": ["业务主机"]})
    face = {"type": 1, "main": 1, "useip": 1, "ip": "10.0.0.7", "dns": "", "port": "10050"}
    (host,) = real.call(
        "host.create", host=HOST, name="网站一", groups=[group], templates=[template], interfaces=[face],
        inventory_mode=0, inventory={"location": "南京"}, tags=[{"tag": "app", "value": "erp"}],
        macros=[{"macro": "{$BANDWIDTH_MBPS}", "value": "20"}, {"macro": "{$EVERY}", "value": "60s"}],
    )["hostids"]  # fmt: skip
    # Its time between values in a macro of the host.
    (wait,) = real.call(
        "item.get", output=["itemid"], hostids=[host], filter={"key_": ["system.cpu.util[,iowait]"]}
    )
    real.sql(f"update items set delay = '{{$EVERY}}' where itemid = {wait['itemid']}")
    return host


def _fill(real: RealZabbix) -> None:
    """Two whole hours around half a one, and one of which nothing came; the fifth writes the fourth."""
    nics = [{"{#IFNAME}": name} for name in ("lo", "eth0", "eth1", "docker0")]
    disks = [{"{#DEVNAME}": name, "{#DEVTYPE}": "disk"} for name in ("sda", "dm-0")]
    now = int(time.time())
    found = [("net.if.discovery", json.dumps(nics), now), ("vfs.dev.discovery", json.dumps(disks), now)]
    until("the host in the server", lambda: _sent(real, found))
    keys = ['net.if.in["eth1"]', 'net.if.out["eth1"]', "vfs.dev.read.rate[sda]"]
    asked = {"hostids": [real.host], "output": ["key_"], "filter": {"key_": keys}}
    until("discovery", lambda: len(real.call("item.get", **asked)) == len(keys))
    values = [value for second in range(-180, 4 * HOUR_S + 361, 60) for value in _minute(second)]
    until("the items in the server", lambda: _sent(real, values[:6]))
    for first in range(0, len(values), 200):
        real.send(HOST, values[first : first + 200])
    until("the trends", lambda: _hours_written(real))


def _sent(real: RealZabbix, values: list) -> bool:
    try:
        real.send(HOST, values)
    except AssertionError:  # the server reads its configuration every second
        return False
    return True


def _hours_written(real: RealZabbix) -> bool:
    count = real.sql(
        "select count(distinct (itemid, clock)) from (select itemid, clock from trends union"
        f" select itemid, clock from trends_uint) t join items using (itemid) where hostid = {real.host}"
        f" and clock = {START_S + 3 * HOUR_S} and key_ in ('system.cpu.util[,idle]', 'system.cpu.util[,iowait]',"
        " 'net.if.in[\"eth0\"]', 'net.if.in[\"eth1\"]', 'net.if.out[\"eth0\"]', 'net.if.out[\"eth1\"]',"
        " 'vfs.dev.read.rate[sda]', 'vfs.dev.write.rate[sda]')"
    )
    return count.strip() == "8"


def _minute(second: int) -> list[tuple[str, str, int]]:
    """What the agent sends in the minute that begins ``second`` after the start."""
    hour = second // HOUR_S
    if hour == 2 or (hour == 1 and second % 120 != 0):
        return []
    at = START_S + second
    idle, iowait = _idle(second)
    sent = [
        ("system.cpu.util[,idle]", idle, at + 7),
        ("system.cpu.util[,iowait]", iowait, at + 7),
        (STAT, _stat(second), at + 9),
    ]
    if second % (360 if hour == 1 else 180) == 0:
        passed = second + 1000
        for key, total in (("in", 10**12 + 1000 * passed), ("out", 2000 * passed)):
            sent += [
                (f'net.if.{key}["eth0"]', str(total), at + 11),
                (f'net.if.{key}["eth1"]', str(3 * passed), at + 12),
            ]
    return sent


def _idle(second: int) -> tuple[str, str]:
    hour = second // HOUR_S
    if hour in (-1, 0):
        return ("70.5" if second % 120 else "69.5"), "0.25"
    return ("50", "0.25") if hour == 1 else ("99.5", "0.5")


def _stat(second: int) -> str:
    """Reads: 2/s, from the second hour 7/s; writes: 5/s."""
    reads = 2 * (second + 1000) if second <= HOUR_S else 2 * (HOUR_S + 1000) + 7 * (second - HOUR_S)
    return " ".join(map(str, [reads, 0, 0, 0, 5 * (second + 1000), 0, 0, 0, 0, 0, 0]))


def opened(real: RealZabbix, **settings):
    secrets = {"token": real.token, "password": PASSWORD, "wrong": "not-the-password"}
    given = {
        "url": real.url,
        "groups": ["业务主机"],
        **({} if "user" in settings else {"token": "token"}),
        **settings,
    }
    patience = Patience(attempts=2, first_pause_ms=100)
    return open_source(given, Tools(real_clocks(), lambda name: Secret(secrets[name]), patience))


def hours(real: RealZabbix, metric: str) -> list[tuple[int, int, Decimal]]:
    (series,) = opened(real).averages(metric, [real.host], SPAN, HOUR_MS)
    assert series.answered == series.asked == SPAN
    return [
        ((point.start_ms - SPAN.start_ms) // HOUR_MS, point.length_ms // 1000, point.value)
        for point in series.points
    ]


@pytest.mark.parametrize(
    ("metric", "expected"),
    [
        (CPU, [(0, 3600, Decimal("29.75")), (1, 1800, Decimal("49.75")), (3, 3600, Decimal(0))]),
        (NET_RX, [(0, 3600, Decimal(1003)), (1, 1800, Decimal(1003)), (3, 3600, Decimal(1003))]),
        (NET_TX, [(0, 3600, Decimal(2003)), (1, 1800, Decimal(2003)), (3, 3600, Decimal(2003))]),
        (DISK_READS, [(0, 3600, Decimal(2)), (1, 1800, FIRST_STILL_2), (3, 3600, Decimal(7))]),
        (DISK_WRITES, [(0, 3600, Decimal(5)), (1, 1800, Decimal(5)), (3, 3600, Decimal(5))]),
    ],
)
def test_hours_are_read_back_exactly_and_half_an_hour_is_half_an_hour(zabbix, metric, expected):
    assert hours(zabbix, metric) == expected


def test_finer_periods_come_from_single_values(zabbix):
    span = Span(SPAN.start_ms, SPAN.start_ms + 2 * HOUR_MS)
    (series,) = opened(zabbix).averages(CPU, [zabbix.host], span, 300_000)
    busy = {minute: Decimal("29.25") if minute % 2 else Decimal("30.25") for minute in range(-1, 61)}
    first = series.points[:11]
    for number, point in enumerate(first):
        minute = 5 * number
        weights = {minute: 7, minute + 5: 53, **{minute + step: 60 for step in range(1, 5)}}
        expected = sum(busy[each] * seconds for each, seconds in weights.items()) / 300
        assert point.length_ms == 300_000
        assert abs(point.value - expected) < Decimal("1e-20")
    # In the second hour a value comes every two minutes and stands for one.
    second = [point for point in series.points if point.start_ms >= SPAN.start_ms + HOUR_MS]
    assert sum(point.length_ms for point in second[1:11]) == 10 * 150_000
    assert {point.value for point in second[1:11]} == {Decimal("49.75")}


def test_the_inventory_says_what_was_entered(zabbix):
    (host,) = opened(
        zabbix, bandwidth_macro="{$BANDWIDTH_MBPS}", tags=[{"tag": "app", "value": "erp"}]
    ).inventory()
    assert (host.id, host.name, host.region, host.state) == (zabbix.host, "网站一", "南京", "monitored")
    assert host.addresses == ("10.0.0.7",)
    assert [(one.mbps, one.scope) for one in host.bandwidths] == [(Decimal(20), ALL_INTERFACES)]
    assert list(opened(zabbix, tags=[{"tag": "app", "value": "oa"}]).inventory()) == []


def test_the_role_that_is_asked_for_is_enough(zabbix):
    found = {probe.what: probe for probe in opened(zabbix).probe()}
    assert [probe for probe in found.values() if not probe.ok] == []
    assert list(found) == ["version", *METHODS, "hosts", *METRICS]


def test_what_is_kept_is_what_the_template_says(zabbix):
    expected = (Retention(300_000, 7 * DAY_MS), Retention(HOUR_MS, 365 * DAY_MS))
    assert opened(zabbix).retention() == expected


def test_a_wrong_password_and_a_wrong_token_are_refused(zabbix):
    with pytest.raises(AuthError, match=r"user\.login"):
        list(opened(zabbix, user=USER, password="wrong").inventory())
    with pytest.raises(AuthError, match="check that the token"):
        list(opened(zabbix, token="wrong").inventory())


def test_an_ended_session_is_renewed(zabbix):
    source = opened(zabbix, user=USER, password="password")
    assert len(list(source.inventory())) == 1
    zabbix.sql("delete from sessions where userid = (select userid from users where username = 'starproof')")
    assert len(list(source.inventory())) == 1


def test_an_expired_token_is_refused(zabbix):
    zabbix.sql("update token set expires_at = 1000000000")
    try:
        with pytest.raises(AuthError, match="expired"):
            list(opened(zabbix).inventory())
    finally:
        zabbix.sql("update token set expires_at = 0")


def test_a_method_that_is_taken_from_the_role_is_named(zabbix):
    role = json.loads(policy())
    less = [method for method in METHODS if method != "trend.get"]
    zabbix.call("role.update", roleid=zabbix.role, rules={**role["rules"], "api": less})
    try:
        with pytest.raises(PermissionMissing) as caught:
            hours(zabbix, CPU)
        assert caught.value.permission == "trend.get"
    finally:
        zabbix.call("role.update", roleid=zabbix.role, rules=role["rules"])
