"""Contradictions: every invariant, where it holds and where somebody broke it."""

from __future__ import annotations

import pytest
from drafts import CLOCKS, CPU, Draft, counters, steady
from fleet import Fleet
from packs import checked, codes, packed

from evidence import manifest
from evidence.columns import MISSING
from evidence.manifest import Device
from evidence.stored import StoredChunk
from verifier.contradictions.watch import Contradictions

MINUTE_TICKS = 12_000
"""2 processors x 100 ticks x 60 s."""
CARD = "a network card or a virtual machine's own (driver igb)"


def found(*drafts: Draft) -> dict[str, str]:
    """What is found in these chunks, by code."""
    watch = Contradictions("web-1")
    opened = [
        (StoredChunk("web-1", "agent", 0, number, "", 0, b""), draft.open())
        for number, draft in enumerate(drafts)
    ]
    assert list(watch.watching(iter(opened))) == opened
    return {
        finding.code: f"{finding.place} | {finding.expected} | {finding.got}" for finding in watch.findings()
    }


def rows(count: int = 11, *, busy: int = 3_000, idle: int = 9_000, rx: int = 6_000) -> list[tuple[int, ...]]:
    return [(i * 60, i * busy, i * idle, i * rx, 0, 0, 0) for i in range(count)]


def with_nic(reason: str, speed: int | None) -> manifest.Manifest:
    nic = Device("nic", "eth0", "1", True, reason, speed)
    columns = (
        *CLOCKS,
        *CPU,
        manifest.Column("net.rx", device="eth0"),
        manifest.Column("net.tx", device="eth0"),
    )
    return manifest.build(
        kind=manifest.COUNTERS, interval_ms=60_000, columns=columns,
        host={"cpus": 2, "ticks_per_s": 100, "view": "host", "view_reason": "x"}, devices=(nic,),
    )  # fmt: skip


def with_units(names: tuple[str, ...] = ("a.service", "all"), **facts: object) -> manifest.Manifest:
    return manifest.build(
        kind=manifest.COUNTERS, interval_ms=60_000,
        columns=(*CLOCKS, *CPU, *(manifest.Column("unit.cpu", device=name) for name in names)),
        host={"cpus": 2, "ticks_per_s": 100, "view": "host", "view_reason": "x", **facts},
        devices=tuple(Device("unit", name, "1", True, "used much") for name in names),
    )  # fmt: skip


def unit_rows(*, busy: int, named_s: int, all_s: int) -> Draft:
    """Ten minutes with these busy ticks a minute and seconds of units a minute."""
    ticks = [(i * 60, i * busy, i * (MINUTE_TICKS - busy)) for i in range(11)]
    used = [(i * named_s * 1_000_000, i * all_s * 1_000_000) for i in range(11)]
    return counters([row + more for row, more in zip(ticks, used, strict=True)], man=with_units())


def test_a_steady_host_contradicts_nothing():
    assert found(steady()) == {}


def test_averages_have_no_counters_to_contradict(averages_draft):
    assert found(averages_draft) == {}


@pytest.fixture
def averages_draft():
    from drafts import START_MS, averages_manifest

    draft = Draft(manifest=averages_manifest(), values=[[START_MS], [300_000], [5]])
    return draft.with_header(source="import")


@pytest.mark.parametrize(
    ("idle", "code"),
    [
        (9_000, None),
        (9_150, None),
        (9_300, "TICKS_EXCEED"),
        (9_900, "TICKS_EXCEED"),
        (8_300, "TICKS_SHORT"),
        (8_900, None),
    ],
)
def test_ticks_must_fit_the_time(idle, code):
    assert list(found(counters(rows(idle=idle)))) == ([code] if code else [])


def test_the_worst_place_the_first_and_the_count_are_said():
    first = counters(rows(idle=9_900))
    second = counters(rows(idle=19_000), start_ms=first.values[0][-1]).with_header(seq=1)
    second.values[1] = [t + 600_000 for t in second.values[1]]
    text = found(first, second)["TICKS_EXCEED"]
    assert text.startswith("agent/0/1 cpu | 120000 ticks | 220000 ticks and 0 stolen")
    assert text.endswith("2 chunks, first agent/0/0")


def test_stolen_time_that_was_booked_at_once_contradicts_nothing():
    draft = counters(rows())
    draft.values[3 + 7][5:] = [10**9] * 6
    assert found(draft) == {}


def test_counters_that_a_program_divides_need_not_fit():
    made = with_units((), view_reason="divided by LXCFS")
    assert found(counters([row[:3] for row in rows(idle=90_000)], man=made)) == {}
    assert "TICKS_EXCEED" in found(counters([row[:3] for row in rows(idle=90_000)], man=with_units(())))


def test_ticks_that_are_missing_contradict_nothing():
    draft = counters(rows(idle=90_000))
    draft.values[3][4] = MISSING
    assert found(draft) == {}


def test_the_interval_before_a_change_of_the_manifest_is_not_judged():
    draft = counters(
        [(0, 0, 0, 0, 0, 0, 0), *((i * 60, i * 3_000, 99_000 + i * 9_000, 0, 0, 0, 0) for i in range(1, 11))]
    )
    assert found(draft.with_header(first="repeat", prev_end_ms=draft.values[0][0])) == {}
    assert "TICKS_EXCEED" in found(draft.with_header(first="reading", prev_end_ms=0))


def test_a_chunk_with_nothing_left_to_judge_is_passed_over():
    assert found(counters(rows(2, idle=99_000)).with_header(first="boot")) == {}


@pytest.mark.parametrize(
    ("reason", "speed", "megabytes", "code"),
    [
        (CARD, 10**9, 7_000, None),
        (CARD, 10**9, 9_000, "LINK_EXCEEDED"),
        (CARD, None, 9_000, None),
        (CARD, 0, 9_000, None),
        (CARD.replace("igb", "virtio_net"), 10**9, 9_000, "LINK_NAME_EXCEEDED"),
        (CARD.replace("igb", "unknown"), 10**9, 9_000, "LINK_NAME_EXCEEDED"),
        ("a network interface that is of no known virtual kind", 10**9, 9_000, "LINK_NAME_EXCEEDED"),
    ],
)
def test_bytes_must_pass_the_link(reason, speed, megabytes, code):
    draft = counters(
        [(i * 60, i * 3_000, i * 9_000, i * megabytes * 10**6, 0) for i in range(11)],
        man=with_nic(reason, speed),
    )
    assert list(found(draft)) == ([code] if code else [])


def test_bytes_that_are_missing_pass_every_link():
    draft = counters(
        [(i * 60, i * 3_000, i * 9_000, 0 if i < 5 else 10**15, 0) for i in range(11)],
        man=with_nic(CARD, 10**9),
    )
    assert "LINK_EXCEEDED" in found(draft)
    draft.values[13][4] = MISSING
    assert found(draft) == {}


@pytest.mark.parametrize(
    ("busy", "named_s", "all_s", "code"),
    [
        (3_000, 25, 30, None),
        (3_000, 30, 35, None),
        (3_000, 70, 70, "UNITS_EXCEED"),
        (3_000, 200, 200, "UNITS_EXCEED"),
        (9_000, 10, 20, "UNITS_UNLIKE"),
        (9_000, 10, 80, None),
    ],
)
def test_units_and_processors_must_tell_one_story(busy, named_s, all_s, code):
    assert list(found(unit_rows(busy=busy, named_s=named_s, all_s=all_s))) == ([code] if code else [])


def test_in_a_container_others_may_use_the_processors():
    draft = unit_rows(busy=9_000, named_s=10, all_s=20)
    draft.manifest = with_units(view="container")
    assert found(draft) == {}


def test_without_a_sum_over_all_units_there_is_nothing_to_compare_with():
    draft = unit_rows(busy=9_000, named_s=10, all_s=20)
    draft.manifest = with_units(("a.service",))
    draft.values.pop()
    assert found(draft) == {}


def test_units_on_a_host_without_processor_counters_can_exceed_time_only():
    draft = unit_rows(busy=3_000, named_s=100, all_s=100)
    draft.manifest = manifest.build(
        kind=manifest.COUNTERS, interval_ms=60_000,
        columns=(*CLOCKS, manifest.Column("unit.cpu", device="a")), host={"cpus": 2, "ticks_per_s": 100},
        devices=(Device("unit", "a", "1", True, "used much"),),
    )  # fmt: skip
    draft.values = [*draft.values[:3], draft.values[-1]]
    assert found(draft) == {}


def later(draft: Draft, *, wall_s: int = 0, up_s: int = 0, **header: object) -> Draft:
    draft.values[0] = [t + wall_s * 1000 for t in draft.values[0]]
    for clock in (1, 2):
        draft.values[clock] = [t + up_s * 1000 for t in draft.values[clock]]
    return draft.with_header(seq=1, **header)


def test_uptime_goes_on_within_a_boot():
    assert found(steady(), later(steady(), wall_s=600, up_s=600)) == {}
    assert list(found(steady(), later(steady(), wall_s=600, up_s=300))) == ["UPTIME_BACK"]


def test_a_boot_begins_after_the_one_before():
    assert found(steady(), later(steady(), wall_s=9_000, up_s=-4_000, boot="two")) == {}
    assert list(found(steady(), later(steady(), wall_s=700, boot="two"))) == ["BOOTS_OVERLAP"]


def test_boots_that_overlap_by_a_clock_that_was_wrong_are_worth_knowing():
    draft = later(steady(), wall_s=700, boot="two", clock_state="unsynchronized")
    assert list(found(steady(), draft)) == ["BOOTS_OVERLAP_CLOCK"]


def test_a_check_fails_where_counters_contradict_one_another():
    fleet = Fleet()
    web = fleet.agent("web-1", start="2026-11-01", step_s=3_600)
    web.run(hours=24)
    web.counted["user"] += 10**9
    web.run(hours=24)
    report = checked(packed(fleet.archive()))
    assert "TICKS_EXCEED" in codes(report)
    assert report.outcome == "fail"
    finding = next(f for f in report.findings if f.code == "TICKS_EXCEED")
    assert finding.host == "web-1"


def with_disk(*steps: tuple[int, int]) -> Draft:
    """Reads and sectors of a disk, minute by minute."""
    disk = Device("disk", "sda", "8:0 x", True, "a disk")
    made = manifest.build(
        kind=manifest.COUNTERS, interval_ms=60_000,
        columns=(*CLOCKS, *CPU, *(manifest.Column(name, device="sda") for name in ("disk.reads", "disk.writes", "disk.read_sectors"))),
        host={"cpus": 2, "ticks_per_s": 100, "view": "host", "view_reason": "x"}, devices=(disk,),
    )  # fmt: skip
    ticks = [(i * 60, i * 3_000, i * 9_000) for i in range(len(steps))]
    return counters(
        [(*row, reads, 7, sectors) for row, (reads, sectors) in zip(ticks, steps, strict=True)], man=made
    )


MIB = 2_048
"""Sectors."""


@pytest.mark.parametrize(
    ("reads", "sectors", "code"),
    [
        (0, 0, None),
        (5_000_000, 5_000_000, None),  # the smallest reads there are
        (5_000_000, 4_989_998, "SECTORS_SHORT"),
        (5_000_000, 4_990_000, None),
        (10_000, 0, None),  # fewer than can fall between two counters
        (10_001, 0, "SECTORS_SHORT"),
        (1_000, 1_000 * 64 * MIB, None),
        (1_000, 1_064 * 64 * MIB, None),
        (1_000, 1_064 * 64 * MIB + 1, "SECTORS_EXCEED"),
        (0, 64 * 64 * MIB, None),
        (0, 64 * 64 * MIB + 1, "SECTORS_EXCEED"),  # data without any read
    ],
)
def test_reads_and_the_sectors_that_they_moved_must_fit(reads, sectors, code):
    draft = with_disk((9, 900), (9 + reads // 2, 900 + sectors // 2), (9 + reads, 900 + sectors))
    assert list(found(draft)) == ([code] if code else [])


def test_what_reads_and_sectors_say_names_the_disk_and_both_counts():
    text = found(with_disk((0, 0), (500_000, 1_000)))["SECTORS_SHORT"]
    assert text.startswith(
        "agent/0/0 disk.read_sectors sda | at least 500000 sectors for 500000 reads | 1000 sectors"
    )


def test_an_interval_in_which_a_counter_wrapped_or_is_missing_is_left_out():
    wrapped = with_disk((0, 4_294_000_000), (600_000, 100), (600_100, 800))
    assert found(wrapped) == {}
    draft = with_disk((0, 0), (0, 0), (900_000, 0), (900_000, 0))
    assert list(found(draft)) == ["SECTORS_SHORT"]
    draft.values[-1][2] = MISSING
    assert found(draft) == {}


def test_sectors_have_no_day_sums_and_a_disk_without_them_is_not_judged():
    from evidence.calendar import LocalCalendar
    from evidence.day_sum import day_sums

    opened = with_disk((0, 0), (100, 800)).open()
    names = {name for name, _ in day_sums(opened, LocalCalendar("Asia/Shanghai"))}
    assert {"disk.reads", "disk.writes"} <= names
    assert "disk.read_sectors" not in names
