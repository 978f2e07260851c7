"""A source against the double, at a fixed time of day; pauses are noted and not waited for."""

from __future__ import annotations

from sources.doubles.zabbix import PASSWORD, TOKEN

from collector.sources.calling import Clocks, Patience
from collector.sources.interface import Span
from collector.sources.registry import Tools
from collector.sources.secrets import Secret
from collector.sources.zabbix.opening import open_source

HOUR_S = 3600
HOUR_MS = HOUR_S * 1000
NOW_S = 1_700_000_000 // HOUR_S * HOUR_S
START_S = NOW_S - 48 * HOUR_S
DAY = Span(START_S * 1000, (START_S + 24 * HOUR_S) * 1000)
SECRETS = {
    "env:TOKEN": TOKEN,
    "env:PASSWORD": PASSWORD,
    "env:WRONG": "wrong-secret-4711",
    "env:OTHER": "f" * 64,
}
PER_SECOND = {"type": "10", "params": "", "error_handler": "0"}
TIMES_8 = {"type": "1", "params": "8", "error_handler": "0"}


def tools(*, now_s: int = NOW_S, pauses: list[float] | None = None) -> Tools:
    slept = [] if pauses is None else pauses
    clocks = Clocks(
        monotonic_ms=lambda: int(sum(slept) * 1000),
        wall_ms=lambda: now_s * 1000,
        sleep=slept.append,
        chance=lambda: 0.5,
    )
    return Tools(clocks=clocks, secret=lambda reference: Secret(SECRETS[reference]), patience=Patience())


def opened(url: str, *, now_s: int = NOW_S, pauses: list[float] | None = None, **settings: object):
    login = {} if "user" in settings or "token" in settings else {"token": "env:TOKEN"}
    return open_source({"url": url, **login, **settings}, tools(now_s=now_s, pauses=pauses))


def linux(zabbix, number: int = 10_001, name: str = "web01", **more: object) -> dict[str, str]:
    """Add a host as the template "Linux by Zabbix agent active" makes it; give the ids of its items."""
    host = zabbix.host(number, name, **more)
    idle = zabbix.item(host, "system.cpu.util[,idle]", units="%")
    script = {"type": "21", "params": "return (100 - value)", "error_handler": "0"}
    found = {
        "host": host,
        "idle": idle,
        "iowait": zabbix.item(host, "system.cpu.util[,iowait]", units="%"),
        "util": zabbix.item(
            host,
            "system.cpu.util",
            type="18",
            units="%",
            delay="0",
            master_itemid=idle,
            preprocessing=[script],
        ),
    }
    for nic in ("eth0", "lo", "docker0"):
        for way in ("in", "out"):
            found[f"{way} {nic}"] = zabbix.item(
                host, f'net.if.{way}["{nic}"]', units="bps", value_type="3", delay="3m",
                preprocessing=[PER_SECOND, TIMES_8],
            )  # fmt: skip
    found["in errors"] = zabbix.item(
        host, 'net.if.in["eth0",errors]', value_type="3", delay="3m", preprocessing=[PER_SECOND]
    )
    stat = zabbix.item(
        host, "vfs.file.contents[/sys/block/sda/stat]", value_type="4", history="0", trends="0"
    )
    for word in ("read", "write"):
        path = {"type": "12", "params": "$[0]", "error_handler": "0"}
        found[word] = zabbix.item(
            host, f"vfs.dev.{word}.rate[sda]", type="18", units=f"!{word[0]}/s", delay="0", master_itemid=stat,
            preprocessing=[path, PER_SECOND],
        )  # fmt: skip
    return found


def windows(zabbix, number: int = 10_002, name: str = "win01") -> dict[str, str]:
    """Add a host as the template "Windows by Zabbix agent" makes it."""
    host = zabbix.host(number, name)
    found = {
        "host": host,
        "util": zabbix.item(host, "system.cpu.util", type="0", units="%"),
        "user": zabbix.item(
            host, r'perf_counter_en["\Processor Information(_total)\% User Time"]', type="0", units="%"
        ),
    }
    for way in ("in", "out"):
        found[way] = zabbix.item(
            host, f'net.if.{way}["{{8E7A3C11-52C4-4D0A-9B5E-0A1B2C3D4E5F}}"]', type="0", units="bps",
            value_type="3", delay="3m", preprocessing=[PER_SECOND, TIMES_8],
        )  # fmt: skip
    for disk in ("0 C:", "1 D:", "_Total"):
        for word in ("Read", "Write"):
            found[f"{word} {disk}"] = zabbix.item(
                host, rf'perf_counter_en["\PhysicalDisk({disk})\Disk {word}s/sec",60]', type="0",
                units=f"!{word[0].lower()}/s",
            )  # fmt: skip
    return found


def values(series) -> list[tuple[int, int, str]]:
    """Points as (hours after the start, covered seconds, value)."""
    return [
        ((point.start_ms // 1000 - START_S) // HOUR_S, point.length_ms // 1000, f"{point.value:f}")
        for point in series.points
    ]


def one(found):
    """The only series of an answer."""
    (series,) = found
    return series
