"""One reading to look at, for programs and for people."""

import json
import sys
from subprocess import run

import pytest

from agent.reading import Reading
from agent.sample import sample_document, sample_text
from agent.this_host import this_host
from evidence.columns import MISSING
from evidence.manifest import Column, Device, build

FACTS = {
    "hostname": "h",
    "system": "Linux",
    "kernel": "6.1",
    "machine": "x86_64",
    "view": "host",
    "view_reason": "no sign",
}


class OneReading:
    """A host whose only reading is given."""

    def __init__(self, **options):
        clocks = [Column(f"time.{name}") for name in ("wall_ms", "boot_ms", "mono_ms")]
        devices = (
            Device("nic", "eth0", "2 aa", True, "a card", 1_000_000_000),
            Device("disk", "dm-0", "252:0", False, "a layer", None),
        )
        manifest = build(
            kind="counters",
            interval_ms=60_000,
            columns=(*clocks, Column("net.rx", device="eth0"), Column("net.tx", device="eth0")),
            host={**FACTS, "cpus": 2, "ticks_per_s": 100},
            devices=devices,
            absent=options.get("absent", (("sessions.count", "no source"),)),
        )
        values = {("net.rx", "eth0"): 1_234_567, ("net.tx", "eth0"): MISSING}
        self._reading = Reading(
            1_790_000_000_123, 7_200_000, 7_200_000, "b-1", "synchronized", manifest, values
        )

    def read(self):
        return self._reading


def test_the_document_is_json_with_null_for_what_is_missing():
    document = sample_document(OneReading())
    assert json.loads(json.dumps(document)) == document
    assert document["schema"] == "starproof/sample/1"
    assert document["values"] == [
        {"name": "net.rx", "device": "eth0", "value": 1_234_567},
        {"name": "net.tx", "device": "eth0", "value": None},
    ]
    assert document["manifest"]["devices"][1]["reason"] == "a layer"
    assert document["manifest_sha256"] == OneReading().read().manifest.hash


def test_the_text_says_in_both_languages_what_counts_and_why():
    text = sample_text(sample_document(OneReading()))
    for words in (
        "计入 counts",
        "a card [1000 Mbit/s]",
        "不计 no",
        "a layer",
        "1,234,567",
        "缺失 missing",
        "sessions.count",
        "no source",
        "2026-09-21 14:13:20.123",
        "已同步 synchronized",
        "2.00 h",
    ):
        assert words in text
    assert str(MISSING) not in text


def test_columns_line_up_on_a_terminal_although_chinese_is_wide():
    text = sample_text(sample_document(OneReading()))
    rows = [line for line in text.splitlines() if line.endswith(("1,234,567", "missing"))]
    assert len(rows) == 2
    widths = {sum(2 if c > "⺀" else 1 for c in row.split("1,2")[0].split("缺")[0]) for row in rows}
    assert len(widths) == 1


def test_a_host_where_nothing_is_absent_says_so():
    assert "无 nothing" in sample_text(sample_document(OneReading(absent=())))


def test_this_machine_can_be_sampled():
    document = sample_document(this_host(interval_ms=60_000))
    assert {"cpu.user", "cpu.idle"} <= {entry["name"] for entry in document["values"]}
    assert "cpu" not in {entry["name"] for entry in document["manifest"]["absent"]}
    assert "处理器 user ticks" in sample_text(document)


def test_the_lists_of_the_configuration_reach_the_host():
    lists = {"nics_include": ["lo"], "disks_exclude": ["no-such-device"]}
    document = sample_document(this_host(interval_ms=60_000, **lists))
    assert [d["counts"] for d in document["manifest"]["devices"] if d["name"] == "lo"] == ["yes"]
    assert "devices.disks_exclude:no-such-device" in {
        entry["name"] for entry in document["manifest"]["absent"]
    }


def test_other_systems_are_read_through_psutil(monkeypatch):
    monkeypatch.setattr("sys.platform", "freebsd14")
    reading = this_host(interval_ms=60_000).read()
    assert reading.boot_id.startswith("first-process-")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the direct reader is for Linux")
def test_reading_a_linux_host_loads_no_heavy_module():
    code = (
        "import sys; from agent.this_host import this_host; this_host(interval_ms=1000).read();"
        "print(sorted({'psutil', 'pathlib', 'subprocess', 'asyncio', 'ssl', 'socket'} & set(sys.modules)))"
    )
    # -S: the environment's start-up files would load modules of their own.
    path = [entry for entry in sys.path if entry]
    code = f"import sys; sys.path[:] = {path!r}; {code}"
    done = run([sys.executable, "-S", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
