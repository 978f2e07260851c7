"""From readings to chunks."""

from dataclasses import replace

import pytest
from machine_double import CHAIN, IDENTITY, NOON_MS, Machine, make_key

from agent import sealing, thinning
from agent.reading import ReadingError
from agent.sealing import ClockEstimate, LastRow, Place, Sealer, last_row
from evidence import day_sum, manifest
from evidence.calendar import LocalCalendar
from evidence.chunk import open_chunk, read_frame
from evidence.columns import MISSING
from evidence.day_sum import claims, day_sums, merge

KEY = make_key()
SHANGHAI = LocalCalendar("Asia/Shanghai")


class Chain:
    """Writes chunks one after another, as the spool does."""

    def __init__(self, last=None):
        self.sealer = Sealer(identity=IDENTITY, key=KEY, last=last)
        self.place = Place(0, CHAIN, 0)
        self.chunks = []

    def restart(self, *, shut_down=False):
        """Another life of the agent on the same spool."""
        last = replace(last_row(self.chunks[-1]), shut_down=shut_down)
        self.sealer = Sealer(identity=IDENTITY, key=KEY, last=last)

    def add(self, machine, readings=1):
        for _ in range(readings):
            self.sealer.add(machine.tick().read())

    def seal(self):
        self.sealer.close()
        self.write()

    def finish(self):
        self.sealer.finish()
        self.write()

    def write(self):
        while frame := self.sealer.draft(self.place, ClockEstimate(-5, 7)):
            chunk = open_chunk(read_frame(frame), KEY.public)
            self.chunks.append(chunk)
            self.place = Place(self.place.seq + 1, chunk.hash, chunk.header.end_ms)
            self.sealer.sealed()

    @property
    def firsts(self):
        return [chunk.header.first for chunk in self.chunks]

    def sums(self):
        total, taken = {}, []
        for chunk in self.chunks:
            total = merge([total, day_sums(chunk, SHANGHAI, taken)])
            taken += claims(chunk)
        result = {}
        for (metric, _), part in total.items():
            result[metric] = result[metric] + part if metric in result else part
        return result

    def column(self, name, device=""):
        return [
            values[row]
            for chunk in self.chunks
            for column, values in zip(chunk.manifest.columns, chunk.values)
            if (column.name, column.device) == (name, device)
            for row in range(len(values))
        ]


def test_the_tolerances_are_those_of_the_day_sums():
    assert sealing.STEP_TOLERANCE_MS == day_sum.STEP_TOLERANCE_MS
    assert sealing.STEP_TOLERANCE_SHARE == day_sum.STEP_TOLERANCE_SHARE
    assert thinning.SUSPEND_TOLERANCE_MS == day_sum.SUSPEND_TOLERANCE_MS


def test_a_chunk_repeats_the_last_reading_of_the_chunk_before():
    chain, machine = Chain(), Machine()
    for _ in range(3):
        chain.add(machine, 10)
        chain.seal()
    assert chain.firsts == ["reading", "repeat", "repeat"]
    assert [chunk.header.rows for chunk in chain.chunks] == [10, 11, 11]
    for before, after in zip(chain.chunks, chain.chunks[1:]):
        assert after.header.prev == before.hash
        assert after.header.prev_end_ms == before.header.end_ms == after.header.start_ms
        assert [column[0] for column in after.values] == [column[-1] for column in before.values]
    assert chain.chunks[0].header.prev == CHAIN
    assert (chain.chunks[0].header.clock_offset_ms, chain.chunks[0].header.clock_rtt_ms) == (-5, 7)


def test_day_sums_of_sealed_chunks_telescope_to_end_minus_start():
    chain, machine = Chain(), Machine(wall_ms=NOON_MS + 11 * 3_600_000)  # crosses midnight
    first = machine.tick(0).read()
    chain.sealer.add(first)
    for _ in range(13):
        chain.add(machine, 10)
        chain.seal()
    last = machine.read()
    sums = chain.sums()
    for name in ("net.rx", "net.tx"):
        assert sums[name].amount == last.values[name, "eth0"] - first.values[name, "eth0"]
    assert sums["disk.reads"].amount == last.values["disk.reads", "sda"] - first.values["disk.reads", "sda"]
    assert sums["cpu"].amount == last.values["cpu.user", ""] - first.values["cpu.user", ""]
    assert sums["cpu"].covered_ms == last.wall_ms - first.wall_ms == 130 * 60_000
    assert sums["cpu"].suspect_ms == 0


def test_a_restart_in_the_same_boot_is_bridged_exactly():
    chain, machine = Chain(), Machine()
    start = machine.tick(0).read()
    chain.sealer.add(start)
    chain.add(machine, 10)
    chain.seal()
    chain.restart()
    machine.tick(45 * 60_000)
    chain.add(machine, 1)
    chain.seal()
    assert chain.firsts == ["reading", "repeat"]
    sums = chain.sums()
    assert sums["net.rx"].amount == machine.read().values["net.rx", "eth0"] - start.values["net.rx", "eth0"]
    assert sums["net.rx"].bridged_ms == 46 * 60_000


@pytest.mark.parametrize(
    ("shut_down", "first", "downtime_ms"), [(True, "boot_after_shutdown", 600_000), (False, "boot", 0)]
)
def test_a_reboot_begins_with_the_instant_of_boot_and_leaves_downtime_after_a_shutdown(
    shut_down, first, downtime_ms
):
    chain, machine = Chain(), Machine()
    chain.add(machine, 10)
    chain.seal()
    end_ms = machine.wall_ms
    machine.reboot(off_ms=600_000, up_ms=30_000)
    chain.restart(shut_down=shut_down)
    chain.add(machine, 5)
    chain.seal()
    boot = chain.chunks[1]
    assert boot.header.first == first
    assert boot.header.start_ms == end_ms + 600_000
    assert [column[0] for column in boot.values][1:3] == [0, 0]
    by_name = {(c.name, c.device): v for c, v in zip(boot.manifest.columns, boot.values)}
    assert by_name["net.rx", "eth0"][0] == 0
    assert by_name["sessions.count", ""][0] == MISSING
    sums = chain.sums()
    assert sums["cpu"].downtime_ms == downtime_ms
    assert sums["cpu"].restarts == 1


def test_only_the_first_boot_after_a_shutdown_is_after_it():
    chain, machine = Chain(), Machine()
    chain.add(machine, 3)
    chain.finish()
    chain.restart(shut_down=True)
    for _ in range(2):
        machine.reboot(off_ms=60_000, up_ms=5_000)
        chain.add(machine, 3)
    chain.finish()
    assert chain.firsts == ["reading", "boot_after_shutdown", "boot"]


def test_without_another_boot_id_a_shutdown_means_nothing():
    chain, machine = Chain(), Machine()
    chain.add(machine, 3)
    chain.finish()
    chain.restart(shut_down=True)
    chain.add(machine, 3)
    chain.finish()
    assert chain.firsts == ["reading", "repeat"]


def test_a_reboot_without_an_agent_restart_seals_the_boot_before_apart():
    chain, machine = Chain(), Machine()
    chain.add(machine, 3)
    machine.reboot(off_ms=60_000, up_ms=5_000)
    chain.add(machine, 3)
    chain.seal()
    assert chain.firsts == ["reading", "boot"]
    assert [chunk.header.boot for chunk in chain.chunks] == ["boot-0", "boot-1"]


@pytest.mark.parametrize("shut_down", [False, True])
def test_a_boot_that_seems_to_lie_before_the_last_reading_is_not_invented(shut_down):
    chain, machine = Chain(), Machine()
    chain.add(machine, 3)
    chain.finish()
    chain.restart(shut_down=shut_down)
    machine.reboot(off_ms=0, up_ms=30_000)
    machine.wall_ms -= 60_000  # the clock was set back while the host was down
    chain.add(machine, 3)
    chain.finish()
    assert chain.firsts == ["reading", "reading"]


def test_hotplug_starts_a_chunk_whose_first_row_misses_only_the_new_device():
    chain, machine = Chain(), Machine()
    chain.add(machine, 3)
    machine.nics["eth1"] = "mac-1"
    chain.add(machine, 3)
    chain.seal()
    assert chain.firsts == ["reading", "repeat"]
    assert chain.column("net.rx", "eth1")[0] == MISSING
    assert MISSING not in chain.column("net.rx", "eth1")[1:]
    assert MISSING not in chain.column("net.rx", "eth0")
    assert chain.sums()["cpu"].covered_ms == 5 * 60_000


def test_another_device_under_the_same_name_is_not_the_same_counter():
    chain, machine = Chain(), Machine()
    chain.add(machine, 3)
    machine.disks["sda"] = "wwn-1"
    chain.add(machine, 3)
    chain.seal()
    assert chain.column("disk.reads", "sda")[3] == MISSING
    assert chain.sums()["disk.reads"].covered_ms == 4 * 60_000


@pytest.mark.parametrize("step_ms", [600_000, -600_000, -59_000, 111, -111])
def test_a_clock_step_leaves_a_gap_and_is_never_repaired(step_ms):
    chain, machine = Chain(), Machine()
    chain.add(machine, 5)
    machine.wall_ms += step_ms
    chain.add(machine, 5)
    chain.seal()
    assert chain.firsts == ["reading", "reading"]
    assert chain.sums()["cpu"].suspect_ms == 0
    if step_ms > 0:
        assert chain.sums()["cpu"].covered_ms == 8 * 60_000


def test_slewing_within_the_tolerance_is_no_step():
    chain, machine = Chain(), Machine()
    chain.add(machine, 5)
    machine.wall_ms += 110
    chain.add(machine, 5)
    chain.seal()
    assert chain.firsts == ["reading"]


def test_a_monotonic_clock_ahead_of_the_clock_since_boot_is_a_step():
    chain, machine = Chain(), Machine()
    chain.add(machine, 5)
    machine.mono_ms += 50
    chain.add(machine, 5)
    machine.mono_ms += 51
    chain.add(machine, 5)
    chain.seal()
    assert chain.firsts == ["reading", "reading"]
    assert [chunk.header.rows for chunk in chain.chunks] == [10, 5]


def test_a_step_while_the_agent_was_down_is_noticed_from_the_spool():
    chain, machine = Chain(), Machine()
    chain.add(machine, 5)
    chain.seal()
    chain.restart()
    machine.wall_ms += 3_600_000
    chain.add(machine, 2)
    chain.seal()
    assert chain.firsts == ["reading", "reading"]


def test_suspended_time_is_downtime_not_a_gap():
    chain, machine = Chain(), Machine()
    chain.add(machine, 3)
    machine.suspend(7_200_000)
    chain.add(machine, 3)
    chain.seal()
    assert chain.firsts == ["reading"]
    assert chain.sums()["cpu"].downtime_ms == 7_200_000


def test_nothing_is_sealed_without_an_interval():
    chain, machine = Chain(), Machine()
    chain.seal()
    chain.finish()
    assert chain.chunks == []
    chain.add(machine, 1)
    chain.seal()
    assert chain.chunks == []
    chain.add(machine, 1)
    chain.seal()
    assert [chunk.header.rows for chunk in chain.chunks] == [2]
    chain.finish()
    assert len(chain.chunks) == 1


def test_a_stopping_agent_seals_a_single_reading_so_that_the_next_life_goes_on_from_it():
    chain, machine = Chain(), Machine()
    chain.add(machine, 1)
    chain.finish()
    assert [(chunk.header.first, chunk.header.rows) for chunk in chain.chunks] == [("reading", 1)]
    chain.restart()
    chain.add(machine, 1)
    chain.seal()
    assert chain.firsts == ["reading", "repeat"]


def test_a_chunk_is_sealed_before_it_has_too_many_rows(monkeypatch):
    monkeypatch.setattr(sealing, "MAX_ROWS", 5)
    chain, machine = Chain(), Machine()
    chain.add(machine, 12)
    chain.write()
    chain.seal()
    assert [chunk.header.rows for chunk in chain.chunks] == [5, 5, 4]
    assert chain.firsts == ["reading", "repeat", "repeat"]
    assert chain.sums()["cpu"].covered_ms == 11 * 60_000


def test_a_chunk_is_sealed_before_it_has_too_many_values(monkeypatch):
    monkeypatch.setattr(sealing, "MAX_VALUES", 4 * len(Machine().manifest().columns))
    chain, machine = Chain(), Machine()
    chain.add(machine, 6)
    chain.write()
    assert [chunk.header.rows for chunk in chain.chunks] == [4]


def test_what_could_not_be_written_goes_on_growing_and_is_written_later():
    chain, machine = Chain(), Machine()
    chain.add(machine, 5)
    chain.sealer.close()
    chain.sealer.reopen()  # the disk was full
    chain.add(machine, 5)
    chain.seal()
    assert [chunk.header.rows for chunk in chain.chunks] == [10]


def test_rows_that_wait_too_long_are_thinned_to_whole_hours_with_the_same_totals(monkeypatch):
    monkeypatch.setattr(sealing, "MAX_WAITING_VALUES", 500)
    chain, machine = Chain(), Machine()
    first = machine.tick(0).read()
    chain.sealer.add(first)
    chain.add(machine, 300)
    assert chain.sealer.relieve() == 0
    assert chain.sealer.waiting_rows < 10
    chain.add(machine, 1)
    chain.seal()
    last = machine.read()
    sums = chain.sums()
    assert sums["net.tx"].amount == last.values["net.tx", "eth0"] - first.values["net.tx", "eth0"]
    assert sums["cpu"].covered_ms == 301 * 60_000


def test_when_thinning_is_not_enough_the_oldest_rows_go_and_are_counted(monkeypatch):
    monkeypatch.setattr(sealing, "MAX_WAITING_VALUES", 100)
    chain, machine = Chain(), Machine()
    for step in range(6):
        machine.wall_ms += 3_600_000 * (step > 0)
        chain.add(machine, 2)
    lost = chain.sealer.relieve()
    assert lost == 8  # two runs of 2 rows x 18 columns fit into 100 values
    chain.seal()
    assert sum(chunk.header.rows for chunk in chain.chunks) == 12 - lost


def test_a_chunk_after_rows_that_were_given_up_repeats_nothing():
    chain, machine = Chain(), Machine()
    chain.add(machine, 3)
    chain.sealer.close()
    chain.add(machine, 3)
    chain.sealer.close()
    assert chain.sealer.discard() == 3
    chain.write()
    assert chain.firsts == ["reading"]
    machine.reboot(off_ms=60_000, up_ms=1_000)
    chain.add(machine, 1)
    chain.sealer.finish()
    chain.place = Place(chain.place.seq, chain.place.prev, machine.wall_ms)
    chain.write()
    assert chain.firsts == ["reading", "reading"]


def test_after_a_damaged_head_only_its_time_and_boot_are_believed():
    machine = Machine()
    same_boot = Chain(LastRow(boot_id="boot-0", wall_ms=NOON_MS - 1))
    same_boot.add(machine, 2)
    same_boot.seal()
    assert same_boot.firsts == ["reading"]
    other_boot = Chain(LastRow(boot_id="boot-x", wall_ms=NOON_MS - 7_200_000))
    other_boot.place = Place(5, CHAIN, NOON_MS - 7_200_000)
    other_boot.add(machine, 2)
    other_boot.seal()
    assert other_boot.firsts == ["boot"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("wall_ms", 1_000),
        ("boot_ms", -1),
        ("mono_ms", -5),
        ("clock_state", "odd"),
        ("boot_id", ""),
        ("boot_id", "x" * 200),
    ],
)
def test_a_reading_that_no_chunk_can_hold_is_refused(field, value):
    chain, machine = Chain(), Machine()
    setattr(machine, field, value)
    with pytest.raises(ReadingError):
        chain.sealer.add(machine.read())
    assert chain.sealer.waiting_rows == 0


def test_values_that_do_not_fit_the_manifest_are_refused():
    chain, reading = Chain(), Machine().read()
    with pytest.raises(ReadingError, match="64-bit"):
        chain.sealer.add(replace(reading, values={**reading.values, ("cpu.user", ""): 2**63}))
    with pytest.raises(ReadingError, match="manifest"):
        chain.sealer.add(replace(reading, values={}))
    chain.sealer.add(reading)
    assert chain.sealer.last_wall_ms == reading.wall_ms


def test_a_unit_that_began_anew_does_not_go_on_from_the_one_before():
    def units(*named: tuple[str, str]) -> manifest.Manifest:
        return manifest.build(
            kind=manifest.COUNTERS,
            interval_ms=60_000,
            columns=(
                *map(manifest.Column, manifest.COUNTERS_CLOCKS),
                *(manifest.Column("unit.cpu", device=name) for name, _ in named),
            ),
            host={"cpus": 1, "ticks_per_s": 100},
            devices=tuple(
                manifest.Device("unit", name, identity, True, "used much") for name, identity in named
            ),
        )

    old, new = units(("a", "1"), ("b", "1")), units(("a", "1"), ("b", "2"))
    assert list(sealing._projected(old, (1, 2, 3, 40, 50), new)) == [1, 2, 3, 40, MISSING]
