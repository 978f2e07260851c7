from __future__ import annotations

import io
from dataclasses import replace
from fractions import Fraction

import pytest
from fleet import Fleet
from host_months import CALENDAR, FIRST, HOUR_MS
from hypothesis import given, settings
from hypothesis import strategies as st
from packs import LOG_KEY, packed

from evidence.day_sum import DaySum
from verifier import chain, layout, recompute
from verifier.amounts import MetricMonth, collect
from verifier.bounds import Bounds, Fill, bound
from verifier.container import Container
from verifier.contents import Contents, read_places, read_statement
from verifier.definitions import DEFINITIONS
from verifier.editions import load_edition
from verifier.enrolled import read_enrolled
from verifier.extreme_hour import COVERAGE
from verifier.figures import measure
from verifier.hours import hour_lengths, hour_of
from verifier.indicators.interface import HostFigure, HostMonth
from verifier.notes import TEXTS, Mark
from verifier.scope import Capacity, DeclaredHost
from verifier.substitution import (
    APPLIED,
    LITTLE,
    NO_VALUE,
    Substitution,
    in_force,
    settle,
    substituted,
    substituted_fleet,
)
from verifier.verdict import Verdict
from verifier.window import TimeClasses, month_window

GATE = Fraction(9, 10)
NOVEMBER = month_window(CALENDAR, "2026-11")
LOW, HIGH = Fraction(5), Fraction(30)


def test_a_rule_is_in_force_only_if_the_edition_allows_it_and_it_was_declared_in_time():
    assert in_force("scope", "extreme_hour/1", declared_before_window=True) == "extreme_hour/1"
    assert in_force("scope", "extreme_hour/1", declared_before_window=False) is None
    assert in_force("none", "extreme_hour/1", declared_before_window=True) is None
    assert in_force("scope", None, declared_before_window=True) is None


def bounds(low, high):
    return Bounds(Fraction(low), Fraction(20), None if high is None else Fraction(high))


def test_substitution_is_asked_only_where_the_hard_bounds_leave_the_verdict_open():
    hard, filled = bounds(10, 50), bounds(18, 25)
    assert settle(hard, filled, Fraction(18)) == (Verdict.PASS, True)
    assert settle(hard, filled, Fraction(26)) == (Verdict.FAIL, True)
    assert settle(hard, filled, Fraction(25)) == (Verdict.INCONCLUSIVE, False)
    assert settle(hard, filled, Fraction(10)) == (Verdict.PASS, False)
    assert settle(hard, bounds(30, 40), Fraction(51)) == (Verdict.FAIL, False)
    assert settle(Bounds(), filled, Fraction(18)) == (Verdict.NO_DATA, False)


def test_every_reason_has_a_text():
    reasons = {APPLIED, NO_VALUE, LITTLE, COVERAGE, "SUBSTITUTION_DAYS", "SUBSTITUTION_HOURS"}
    assert reasons <= set(TEXTS)


# Bounds with a fill


def test_a_fill_takes_the_place_of_zero_and_of_the_limit():
    fill = Fill(Fraction(10), Fraction(30), Fraction(0))
    found = bound(20 * 9, covered=9, known=9, missing=1, limit=100, fill=fill)
    assert (found.low, found.value, found.high) == (19, 20, 21)


def test_a_hard_share_of_the_missing_weight_keeps_zero_and_the_limit():
    fill = Fill(Fraction(10), Fraction(30), Fraction(1, 2))
    found = bound(20 * 8, covered=8, known=8, missing=2, limit=100, fill=fill)
    assert (found.low, found.high) == (Fraction(170, 10), Fraction(160 + 30 + 100, 10))


def test_a_fill_gives_an_upper_end_to_what_has_no_limit_unless_a_part_stays_hard():
    soft, hard = (Fill(Fraction(10), Fraction(30), Fraction(share, 2)) for share in (0, 1))
    assert bound(180, covered=9, known=9, missing=1, limit=None, fill=soft).high == 21
    assert bound(180, covered=9, known=9, missing=1, limit=None, fill=hard).high is None


def test_a_fill_never_passes_the_limit_and_changes_nothing_when_all_was_seen():
    fill = Fill(Fraction(10), Fraction(300), Fraction(0))
    assert bound(180, covered=9, known=9, missing=1, limit=100, fill=fill).high == 28
    assert bound(180, covered=9, known=9, missing=0, limit=100, fill=fill).high == 20


# One host

METRICS = {
    "cpu.busy/1": {"agent": ("cpu",), "import": ("cpu.utilization",)},
    "bandwidth.max_direction/1": {"agent": ("net.rx", "net.tx"), "import": ("net.rx.rate", "net.tx.rate")},
    "reads_writes.block_io/1": {
        "agent": ("disk.reads", "disk.writes"),
        "import": ("disk.reads.rate", "disk.writes.rate"),
    },
}
UNIT = {"cpu": 1, "cpu.utilization": 10**9 * HOUR_MS}
"""Amount of an hour of one percent of 36,000 ticks, and of one average of 1; the others count by thousands."""
DECLARED = DeclaredHost("web-1", capacities=(Capacity(0, Fraction(100_000)),))


def hour(metric, source, level, *, ms=HOUR_MS, down=0):
    if metric == "cpu":
        whole = 36_000 * ms // HOUR_MS
        return DaySum(whole * level // 100, whole, observed_ms=ms, downtime_ms=down)
    if source == "agent":
        return DaySum(level * ms // 1000, observed_ms=ms, downtime_ms=down)
    return DaySum(10**9 * level * ms, ms, observed_ms=ms)


def host(definition, source, levels):
    """Amounts and hours of a month: ``levels(metric, place of the hour)`` or ``None`` for a missing hour."""
    amounts, hours = {}, {}
    for metric in METRICS[definition][source]:
        mine = {}
        for place, (name, _) in enumerate(hour_lengths(NOVEMBER)):
            level = levels(metric, place)
            if level is not None:
                mine[name] = level if isinstance(level, DaySum) else hour(metric, source, level)
        days = {}
        for name, sums in mine.items():
            days[name // 32] = days.get(name // 32, DaySum()) + sums
        hours[source, metric] = mine
        amounts[source, metric] = MetricMonth(days)
    return amounts, hours


def ask(definition, amounts, hours, *, declared=DECLARED):
    hard = DEFINITIONS[definition].rule(HostMonth(declared, NOVEMBER, amounts))
    found = substituted(declared, NOVEMBER, amounts, hours, definition=definition, hard=hard, gate=GATE)
    return hard.bounds, found


@pytest.mark.parametrize(
    ("definition", "source", "unit"),
    [
        ("cpu.busy/1", "agent", 1),
        ("cpu.busy/1", "import", 1),
        ("bandwidth.max_direction/1", "agent", Fraction(8 * 100, 100_000)),
        ("bandwidth.max_direction/1", "import", Fraction(8 * 100, 100_000)),
        ("reads_writes.block_io/1", "agent", 2 * 86_400),
        ("reads_writes.block_io/1", "import", 2 * 86_400),
    ],
)
def test_the_hourly_value_is_the_definitions(definition, source, unit):
    """700 hours of 20, ten of 10, ten of 40; ten hours are missing in the middle."""

    def level(_, place):
        return None if 300 <= place < 310 else {0: 10, 1: 40}.get(place // 5 - 20, 20)

    hard, found = ask(definition, *host(definition, source, level))
    done = 700 * 20 + 5 * 10 + 5 * 40
    assert hard.value == Fraction(done, 710) * unit
    assert found.reason == APPLIED
    # Averages may hide one more of 15 minutes; a missing second of ticks may weigh a quarter more.
    missing = {"cpu.busy/1agent": Fraction(50, 4), "import": Fraction(41, 4)}
    more = missing.get(definition + source, missing.get(source, Fraction(10)))
    assert found.bounds.low == (done + 10 * more) / (710 + more) * unit
    assert found.bounds.high == (done + 40 * more) / (710 + more) * unit


def test_both_ends_stay_on_their_side_of_the_value():
    """Ten hours half off and half missing: no hour that was seen was off, and missing time counts as up."""

    def level(metric, place):
        return hour(metric, "agent", 0, ms=0, down=HOUR_MS // 2) if 300 <= place < 310 else 20

    hard, found = ask("cpu.busy/1", *host("cpu.busy/1", "agent", level))
    assert hard.value == Fraction(20 * 710, 715)
    assert hard.low < found.bounds.low == hard.value < found.bounds.high < hard.high


def test_busy_hours_that_were_seen_too_little_to_count_do_not_put_the_high_end_below_the_value():
    def level(metric, place):
        return hour(metric, "agent", 1000, ms=HOUR_MS // 2) if 300 <= place < 310 else 20

    hard, found = ask("reads_writes.block_io/1", *host("reads_writes.block_io/1", "agent", level))
    assert found.bounds.high == found.bounds.value == hard.value


def test_where_nothing_is_limited_and_a_part_stays_hard_there_is_no_high_end():
    levels = host("reads_writes.block_io/1", "agent", lambda _, place: 20 if 2 < place != 300 else None)
    hard, found = ask("reads_writes.block_io/1", *levels)
    assert (found.reason, found.bounds.high) == (APPLIED, None)
    # Three hours before the first reading keep 0, and so does the first one with a reading: it is whole.
    assert found.bounds.low == Fraction(20 * 717, 720) * 2 * 86_400
    assert hard.low == Fraction(20 * 716, 720) * 2 * 86_400


@settings(max_examples=50, deadline=None)
@given(
    definition=st.sampled_from(sorted(METRICS)),
    source=st.sampled_from(["agent", "import"]),
    levels=st.lists(st.integers(0, 100), min_size=1, max_size=24),
    gaps=st.lists(st.tuples(st.integers(0, 719), st.integers(1, 40)), max_size=3),
    off=st.integers(0, 719),
    iops=st.sampled_from([None, Fraction(100), Fraction(40)]),
    boot=st.integers(0, 719),
)
def test_substituted_bounds_lie_inside_the_hard_ones_and_around_the_value(
    *, definition, source, levels, gaps, off, iops, boot
):
    gone = {place for start, length in gaps for place in range(start, start + length)}

    def level(metric, place):
        if place in gone:
            return None
        down = HOUR_MS // 2 if place == off and source == "agent" else 0
        sums = hour(metric, source, levels[place * 7 % len(levels)], ms=HOUR_MS - down, down=down)
        return replace(sums, restarts=int(place == boot))

    hard, found = ask(
        definition, *host(definition, source, level), declared=replace(DECLARED, iops_limit=iops)
    )
    if found.bounds is None:
        assert found.reason in TEXTS
        return
    inside = found.bounds
    assert hard.low <= inside.low <= inside.value == hard.value
    assert inside.high is None or inside.high >= inside.value
    assert hard.high is None or inside.high <= hard.high
    assert inside.running == hard.running


def test_hiding_one_idle_hour_of_every_night_gains_nothing():
    """The hour at 3 is idle and never seen; all other hours run at 20. The truth is below the value."""
    truth = Fraction(23 * 20, 24)
    hidden = host("cpu.busy/1", "agent", lambda _, place: None if place % 24 == 3 else 20)
    hard, found = ask("cpu.busy/1", *hidden)
    assert hard.value == 20
    assert found.bounds.low == hard.low < truth


def test_a_host_that_does_not_meet_the_gate_keeps_its_hard_bounds_with_a_reason():
    amounts, hours = host("cpu.busy/1", "agent", lambda _, place: None if 100 <= place < 173 else 20)
    assert ask("cpu.busy/1", amounts, hours)[1] == Substitution(None, COVERAGE)


def test_a_host_without_a_figure_and_one_with_hardly_a_gap_say_so():
    assert ask("cpu.busy/1", {}, {})[1] == Substitution(None, NO_VALUE)
    whole = host("cpu.busy/1", "agent", lambda *_: 20)
    assert ask("cpu.busy/1", *whole)[1] == Substitution(None, LITTLE)
    none = HostFigure("web-1", None, Bounds(value=Fraction(1)), TimeClasses())
    found = substituted(DECLARED, NOVEMBER, *whole, definition="investment.paid/1", hard=none, gate=GATE)
    assert found.reason == NO_VALUE


def test_one_direction_that_is_hardly_missing_keeps_its_hard_ends_beside_a_filled_one():
    def level(metric, place):
        if metric == "net.tx":
            return hour(metric, "agent", 20, ms=HOUR_MS - 1000) if place == 50 else 20
        return None if 300 <= place < 310 else 10

    hard, found = ask("bandwidth.max_direction/1", *host("bandwidth.max_direction/1", "agent", level))
    assert found.reason == APPLIED
    unit, whole_s = Fraction(8 * 100, 100_000), 30 * 86_400
    assert hard.high > 1
    # The second that is missing of what was sent runs at the limit, what was received at its busiest hour.
    assert found.bounds.low == hard.low == 20 * unit * (whole_s - 1) / whole_s
    assert found.bounds.high == (20 * unit * (whole_s - 1) + 100) / whole_s


# A fleet, from the store and from the pack


def gappy_fleet():
    fleet = Fleet()
    web = fleet.agent("web-1")
    for day in range(30):
        web.run(hours=8, busy=10, rx=4000, tx=10, reads=1).run(hours=11, busy=40, rx=9000, writes=2)
        web.forget(hours=5, busy=15, rx=5000) if day in (4, 11) else web.run(hours=5, busy=15, rx=5000)
    fleet.agent("db-1").run(hours=24 * 10, busy=20).forget(hours=24 * 6).run(hours=24 * 14, busy=20)
    fleet.agent("whole-1").run(hours=24 * 30, busy=30)
    return fleet.archive()


ARCHIVE = gappy_fleet()


def from_store():
    return recompute.hour_reader(ARCHIVE, CALENDAR, NOVEMBER)


def from_pack():
    findings = []
    contents = Contents(Container(io.BytesIO(packed(ARCHIVE))), findings)
    statement = read_statement(contents, LOG_KEY.public)
    enrolled = read_enrolled(contents.read(layout.ENROLMENTS), statement.enterprise, findings)
    todo = chain.tasks(
        contents.chunk_entries(),
        places=read_places(contents, enrolled),
        enrolled=enrolled,
        enterprise=statement.enterprise,
        zone=statement.timezone,
        every_signature=False,
    )
    return chain.hour_reader(todo, contents.chunks, CALENDAR, NOVEMBER)


def test_store_and_pack_give_the_same_hours():
    store, pack = from_store(), from_pack()
    for name in ARCHIVE.hosts():
        assert store(name) == pack(name)
        assert ("agent", "cpu") in pack(name)
    assert pack("nobody") == {}


@pytest.mark.parametrize("reader", [from_store, from_pack])
def test_a_fleet_is_decided_by_the_rule_where_the_hard_bounds_left_it_open(reader):
    figures = measure(ARCHIVE, month="2026-11", edition=load_edition())
    cpu = next(i for i in figures.indicators if i.rule.id == "cpu_utilization")
    amounts = collect(ARCHIVE.day_sums(NOVEMBER.first_day, NOVEMBER.after_day), NOVEMBER)
    asked = []

    def hours(name):
        asked.append(name)
        return reader()(name)

    filled, hosts = substituted_fleet(
        cpu.hosts,
        cpu.definition,
        declared={name: DeclaredHost(name) for name in ARCHIVE.hosts()},
        window=NOVEMBER,
        amounts=amounts,
        hours=hours,
        gate=GATE,
    )
    assert asked == ["db-1", "web-1"]
    assert [figure.marks[-1:] for figure in hosts] == [(Mark(COVERAGE),), (Mark(APPLIED),), ()]
    db, web, whole = hosts
    assert db.bounds == cpu.hosts[0].bounds
    assert whole == cpu.hosts[2]
    # 710 hours of the 720 were seen, the lowest at 10, the highest at 40; ticks may weigh a quarter more.
    mean = Fraction(240 * 10 + 330 * 40 + 140 * 15, 710)
    assert web.bounds.value == mean
    assert web.bounds.low == (mean * 710 + 10 * Fraction(50, 4)) / (710 + Fraction(50, 4))
    assert web.bounds.high == (mean * 710 + 40 * Fraction(50, 4)) / (710 + Fraction(50, 4))
    assert filled.low == (db.bounds.low + web.bounds.low + whole.bounds.low) / 3
    threshold = filled.low
    assert settle(cpu.bounds, filled, threshold) == (Verdict.PASS, True)
    assert settle(cpu.bounds, cpu.bounds, threshold) == (Verdict.INCONCLUSIVE, False)


def test_the_hours_of_a_day_stand_under_their_day():
    assert from_store()("web-1")["agent", "cpu"][hour_of(FIRST, 8)].amount == 2 * 360_000 * 40 // 100
