from __future__ import annotations

import json
from typing import Any

import pytest
from drafts import CLOCKS, CPU, DISK, NIC, averages_manifest, counters_manifest

from evidence import canonical, manifest
from evidence.errors import MalformedError

DOCUMENT = json.loads(counters_manifest().raw)


def changed(**change: Any) -> bytes:
    return canonical.encode({**DOCUMENT, **change})


def columns_with(**change: Any) -> list[dict[str, Any]]:
    return [*DOCUMENT["columns"][:-1], {**DOCUMENT["columns"][-1], **change}]


def test_a_manifest_is_read_back_as_it_was_built() -> None:
    built = counters_manifest()
    assert manifest.parse(built.raw) == built
    assert (built.cpus, built.ticks_per_s, built.interval_ms) == (2, 100, 60_000)
    assert built.devices == (NIC, DISK)
    assert built.absent == (("sessions", "no logind"),)
    assert [column.name for column in built.columns][:3] == list(manifest.COUNTERS_CLOCKS)
    assert averages_manifest().columns[2].scale == 9


def test_a_device_that_does_not_count_has_no_columns() -> None:
    bridge = manifest.Device("nic", "br0", "9", False, "a bridge repeats its ports")
    built = counters_manifest(devices=(NIC, bridge))
    assert [d.speed_bps for d in built.devices] == [10**9, None]
    assert not any(column.device == "br0" for column in built.columns)


@pytest.mark.parametrize(
    "change",
    [
        {"schema": "other"},
        {"kind": "gossip"},
        {"interval_ms": 0},
        {"columns": "cpu"},
        {"columns": [1]},
        {"columns": DOCUMENT["columns"][1:]},
        {"columns": DOCUMENT["columns"][:5]},
        {"columns": DOCUMENT["columns"] + DOCUMENT["columns"][-1:]},
        {"columns": columns_with(unit="byte")},
        {"columns": columns_with(name="disk.hopes")},
        {"columns": columns_with(scale=1)},
        {"columns": columns_with(device="vdb")},
        {"columns": [{**DOCUMENT["columns"][0], "device": "x"}, *DOCUMENT["columns"][1:]]},
        {"columns": [*DOCUMENT["columns"], {"name": "time.start_ms", "kind": "clock", "unit": "ms"}]},
        {"devices": DOCUMENT["devices"][:1]},
        {"devices": [{**DOCUMENT["devices"][0], "counts": "maybe"}, DOCUMENT["devices"][1]]},
        {"devices": [{**DOCUMENT["devices"][0], "speed_bps": -1}, DOCUMENT["devices"][1]]},
        {"absent": [{"name": "n", "reason": "r"}] * (manifest.MAX_ABSENT + 1)},
        {"host": {"cpus": 2}},
        {"host": {"cpus": 0, "ticks_per_s": 100}},
        {"host": {"cpus": 2, "ticks_per_s": 100, "nested": {}}},
        {"host": "web-1"},
        {"absent": [{"name": "sessions"}]},
        {"surprise": 1},
    ],
)
def test_manifests_are_read_strictly(change: dict[str, Any]) -> None:
    with pytest.raises(MalformedError):
        manifest.parse(changed(**change))


@pytest.mark.parametrize(
    "change",
    [
        {"scale": manifest.MAX_SCALE + 1},
        {"statistic": "maximum"},
    ],
)
def test_only_averages_of_a_known_scale_are_read(change: dict[str, Any]) -> None:
    document = json.loads(averages_manifest().raw)
    document["columns"][2].update(change)
    with pytest.raises(MalformedError):
        manifest.parse(canonical.encode(document))


def test_an_averages_manifest_has_no_counters() -> None:
    document = json.loads(averages_manifest().raw)
    document["columns"].append(CPU[0].document())
    with pytest.raises(MalformedError, match="kind"):
        manifest.parse(canonical.encode(document))


def test_counters_without_processor_states_are_possible() -> None:
    built = manifest.build(
        kind=manifest.COUNTERS, interval_ms=1000, columns=CLOCKS, host={"cpus": 1, "ticks_per_s": 100}
    )
    assert len(built.columns) == 3
