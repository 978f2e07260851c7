"""Each fault of docs/surviving.md, small: real agents and a real collector, nothing lost, nothing twice.

``bench/faults.py`` runs the same code more often. Kills, the spool's every system call and two collectors
on one PostgreSQL have tests of their own (``test_kill.py``, ``tests/agent``, ``tests/collector``).
"""

from __future__ import annotations

import pytest
from adversity import absence, clocks, disks, machines, power
from adversity.catalogue import BY_NAME, NotHereError, make
from adversity.nursery import Nursery
from adversity.scene import scene

# Each rule has a fast test beside the code that keeps it.
pytestmark = [pytest.mark.slow, pytest.mark.no_cover]
FEW_CASES = ("+1 h", "-1 h", "+1 year", "slew of -500 ppm", "asleep for 8 h, the clock 1 h wrong afterwards")
MOST_GROWTH_KIB = 2_048


@pytest.fixture(scope="module")
def nursery(tmp_path_factory):
    found = Nursery(tmp_path_factory.mktemp("nursery") / "log")
    yield found
    found.close()


@pytest.fixture
def here(tmp_path, nursery):
    with scene(tmp_path, nursery=nursery) as one:
        yield one


def require_clean(outcome):
    assert outcome.problems == ()
    assert (outcome.lost, outcome.doubled) == (0, 0)
    assert outcome.unseen_ms <= outcome.unavoidable_ms


@pytest.mark.parametrize(
    ("name", "trials"),
    [
        ("full-spool", 2),
        ("full-store", 2),
        ("damaged-spool", 4),
        ("reboot", 5),
        ("stopped", 1),
        ("zones", 2),
        ("hotplug", 4),
        ("veth", 1),
        ("lossy", 15),
        ("restarts", 2),
    ],
)
def test_a_fault_costs_no_sealed_chunk_and_doubles_none(name, trials, tmp_path, nursery):
    try:
        outcome = make(BY_NAME[name], trials, tmp_path, nursery=nursery)
    except NotHereError as error:
        pytest.skip(str(error))
    require_clean(outcome)


def test_everything_of_half_a_day_without_a_collector_arrives_once(here):
    outcome = absence.away(here, 1, days=0.5)
    require_clean(outcome)
    assert outcome.figures["chunks waiting"] >= 70


def test_a_clock_that_jumps_costs_the_interval_of_the_jump_and_the_future_waits(here):
    outcome = clocks.jumps(here, 1, cases=[case for case in clocks.CASES if case.name in FEW_CASES])
    require_clean(outcome)
    assert outcome.figures["held because they lie in the future"]


def test_a_copied_machine_is_noticed_and_its_chunks_are_not_taken_for_the_first_ones(here):
    outcome = machines.cloned(here, 1)
    require_clean(outcome)
    assert "CONFLICT" in outcome.figures["the collector's findings"]


def test_a_damaged_page_is_found_or_changed_no_row(here):
    outcome = disks.damaged_store(here, 8, ticks=100)
    require_clean(outcome)
    assert outcome.figures["found"]


def test_memory_does_not_grow_with_the_readings(here):
    outcome = machines.soak(here, 300)
    require_clean(outcome)
    begun, ended = outcome.figures["KiB at the beginning and the end"]
    assert ended - begun < MOST_GROWTH_KIB


def test_after_a_power_cut_at_any_moment_everything_acknowledged_and_sealed_is_there(here):
    try:
        recorded = power.record(here, ticks=16)
    except power.NoRecorderError as error:
        pytest.skip(str(error))
    require_clean(power.replayed(here, recorded, 40))
    careless = power.replayed(here, recorded, 40, syncs=False)
    assert careless.lost, "a disk that ignores syncs must lose something, or the replay shows nothing"
