"""One reading for people and programs to look at: what would be measured here, and why."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from typing import Any

from agent.reading import Host
from evidence import canonical
from evidence.columns import MISSING
from evidence.manifest import MAX_MANIFEST_BYTES

SCHEMA = "starproof/sample/1"
BPS_PER_MBIT = 1_000_000
MS_PER_HOUR = 3_600_000
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)

CLOCK_STATES = {"synchronized": "已同步", "unsynchronized": "未同步", "unknown": "未知"}
VIEWS = {"host": "整机", "container": "容器"}
KINDS = {"nic": "网卡", "disk": "磁盘", "unit": "单元"}
LABELS = {
    "net.rx": "接收字节 received bytes",
    "net.tx": "发送字节 sent bytes",
    "disk.reads": "完成的读次数 completed reads",
    "disk.writes": "完成的写次数 completed writes",
    "disk.read_sectors": "读取的扇区 sectors read",
    "unit.cpu": "处理器时间 processor time, µs",
    "sessions.count": "登录会话 sessions",
    "sessions.users": "登录账户 accounts",
}


def sample_document(host: Host) -> dict[str, Any]:
    """Return one reading and its manifest as a JSON document. Nothing is stored.

    ``value`` is ``None`` where a value could not be read. Times are ms, see ``agent.reading``.

    Raises:
        ReadingError: the host cannot be read.
    """
    reading = host.read()
    return {
        "schema": SCHEMA,
        "wall_ms": reading.wall_ms,
        "boot_ms": reading.boot_ms,
        "mono_ms": reading.mono_ms,
        "boot_id": reading.boot_id,
        "clock_state": reading.clock_state,
        "values": [
            {"name": name, "device": device, "value": None if value == MISSING else value}
            for (name, device), value in reading.values.items()
        ],
        "manifest_sha256": reading.manifest.hash,
        "manifest": canonical.decode(reading.manifest.raw, limit=MAX_MANIFEST_BYTES),
    }


def sample_text(document: dict[str, Any]) -> str:
    """Return the document of ``sample_document`` as lines for a terminal."""
    manifest = document["manifest"]
    return "\n".join(
        [
            *_about(document, manifest["host"]),
            "",
            "读数 Reading",
            *_table(_values(document["values"])),
            "",
            "设备 Devices",
            *_table([_device(device) for device in manifest["devices"]]),
            "",
            "未测量 Not measured",
            *(_table([(entry["name"], entry["reason"]) for entry in manifest["absent"]]) or ["  无 nothing"]),
        ]
    )


def _about(document: dict[str, Any], facts: dict[str, Any]) -> list[str]:
    wall = (EPOCH + timedelta(milliseconds=document["wall_ms"])).isoformat(sep=" ", timespec="milliseconds")
    clock, view = document["clock_state"], facts["view"]
    return _table(
        [
            ("主机 Host", f"{facts['hostname']} · {facts['system']} {facts['kernel']} · {facts['machine']}"),
            ("处理器 Processors", f"{facts['cpus']} · {facts['ticks_per_s']} tick/s"),
            ("视角 View", f"{VIEWS.get(view, view)} {view}: {facts['view_reason']}"),
            ("时间 Time", f"{wall} · 时钟 clock {CLOCK_STATES.get(clock, clock)} {clock}"),
            ("开机 Up", f"{document['boot_ms'] / MS_PER_HOUR:.2f} h · {document['boot_id']}"),
            ("清单 Manifest", document["manifest_sha256"]),
        ]
    )


def _values(values: list[dict[str, Any]]) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = []
    for entry in values:
        name, value = entry["name"], entry["value"]
        label = LABELS.get(name) or f"处理器 {name[len('cpu.') :]} ticks"
        rows.append((entry["device"] or "-", label, "缺失 missing" if value is None else f"{value:,}"))
    return rows


def _device(device: dict[str, Any]) -> tuple[str, ...]:
    counts = "计入 counts" if device["counts"] == "yes" else "不计 no"
    speed = device.get("speed_bps")
    rate = "" if speed is None else f" [{speed / BPS_PER_MBIT:g} Mbit/s]"
    return f"{KINDS[device['kind']]} {device['kind']}", device["name"], counts, f"{device['reason']}{rate}"


def _table(rows: Sequence[tuple[str, ...]]) -> list[str]:
    """Return the rows as aligned lines; Chinese characters take two cells of a terminal."""
    if not rows:
        return []
    widths = [max(_cells(row[place]) for row in rows) for place in range(len(rows[0]) - 1)]
    return [
        "  " + "  ".join([*(text + " " * (w - _cells(text)) for text, w in zip(row, widths)), row[-1]])
        for row in rows
    ]


def _cells(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)
