from __future__ import annotations

import pytest
from host_months import DAY_MS, FIRST, HOUR_MS, averaged, covered, every_day, host_month
from hypothesis import given
from hypothesis import strategies as st

from evidence.day_sum import DaySum
from verifier.indicators import reads_writes
from verifier.window import TimeClasses

READS, WRITES = ("agent", "disk.reads"), ("agent", "disk.writes")


def codes(found):
    return [mark.code for mark in found.marks]


def test_reads_and_writes_of_a_day_are_added():
    found = reads_writes.figure(host_month({READS: every_day(covered(700)), WRITES: every_day(covered(300))}))
    assert found.bounds.low == found.bounds.value == found.bounds.high == 1000
    assert codes(found) == []


def test_reads_and_writes_each_have_their_own_coverage():
    writes = {day: covered(300) for day in range(10)}
    found = reads_writes.figure(host_month({READS: every_day(covered(700)), WRITES: writes}))
    assert (found.bounds.low, found.bounds.value, found.bounds.high) == (800, 1000, None)
    assert found.times.covered_ms == 10 * DAY_MS
    # The mark follows the scarcer metric.
    assert codes(found) == ["NO_UPPER_BOUND"]


def test_downtime_counts_as_zero():
    half = covered(500, ms=DAY_MS // 2, down=DAY_MS // 2)
    found = reads_writes.figure(host_month({READS: every_day(half), WRITES: every_day(half)}))
    assert (found.bounds.value, found.bounds.running) == (1000, 2000)


def test_while_time_is_missing_there_is_no_upper_bound():
    days = {day: covered(1) for day in range(29)}
    assert reads_writes.figure(host_month({READS: days, WRITES: days})).bounds.high is None


def test_a_declared_limit_gives_an_upper_bound_for_each_kind():
    days = {day: covered(0) for day in range(15)}
    found = reads_writes.figure(host_month({READS: days, WRITES: days}, iops_limit=10))
    assert found.bounds.high == 2 * 10 * 86_400 // 2
    assert codes(found) == []


def test_a_limit_that_was_exceeded_is_dropped_and_the_day_is_named():
    days = {0: covered(10 * 86_400), 1: covered(10 * 86_400 + 1)}
    found = reads_writes.figure(host_month({READS: days, WRITES: {}}, iops_limit=10))
    assert ("LIMIT_EXCEEDED", (FIRST + 1,)) in [(mark.code, mark.days) for mark in found.marks]
    assert found.bounds.high is None


def test_one_kind_without_data_makes_the_value_too_low_and_says_so():
    found = reads_writes.figure(host_month({READS: every_day(covered(700))}))
    assert (found.bounds.low, found.bounds.value, found.bounds.high) == (700, 700, None)
    assert codes(found) == ["ONE_KIND_ONLY", "NO_UPPER_BOUND"]


def test_imported_rates_are_operations_per_second():
    rate = every_day(averaged(5 * 10**9 * DAY_MS))
    metrics = {("import", "disk.reads.rate"): rate, ("import", "disk.writes.rate"): rate}
    found = reads_writes.figure(host_month(metrics))
    assert (found.bounds.value, codes(found)) == (2 * 5 * 86_400, ["NOT_ATTESTED"])


def test_a_host_without_data_has_no_value():
    found = reads_writes.figure(host_month({}))
    assert (found.source, found.bounds.value, found.bounds.low, found.bounds.high) == (None, None, 0, None)


STATEMENTS_READ, STATEMENTS_WRITTEN = ("database", "db.reads"), ("database", "db.writes")


def statements(metrics, **more):
    return reads_writes.statements(host_month(metrics, **more))


def test_statements_of_a_day_are_added_and_block_operations_are_not():
    metrics = {
        STATEMENTS_READ: every_day(covered(700)), STATEMENTS_WRITTEN: every_day(covered(300)),
        READS: every_day(covered(10**6)), WRITES: every_day(covered(10**6)),
    }  # fmt: skip
    found = statements(metrics)
    assert found.source == "database"
    assert found.bounds.low == found.bounds.value == found.bounds.high == 1000
    assert codes(found) == []
    assert reads_writes.figure(host_month(metrics)).bounds.value == 2 * 10**6


def test_that_the_agent_was_declared_first_is_no_news_for_statements():
    days = every_day(covered(1))
    metrics = {STATEMENTS_READ: days, STATEMENTS_WRITTEN: days}
    assert codes(statements(metrics, sources=("agent", "database"))) == []


def test_the_limit_of_the_disks_does_not_bound_statements():
    days = {day: covered(10**9) for day in range(15)}
    found = statements({STATEMENTS_READ: days, STATEMENTS_WRITTEN: days}, iops_limit=1)
    assert (found.bounds.high, codes(found)) == (None, ["NO_UPPER_BOUND"])


def test_a_product_that_tells_one_kind_only_makes_the_value_too_low_and_says_so():
    found = statements({STATEMENTS_READ: every_day(covered(700))})
    assert (found.bounds.low, found.bounds.value, found.bounds.high) == (700, 700, None)
    assert codes(found) == ["ONE_KIND_ONLY", "NO_UPPER_BOUND"]


@pytest.mark.parametrize("sources", [("agent",), ()])
def test_a_host_without_a_database_adds_nothing_and_leaves_nothing_open(sources):
    found = statements({READS: every_day(covered(700))}, sources=sources)
    assert (found.source, found.times) == (None, TimeClasses())
    assert (found.bounds.low, found.bounds.value, found.bounds.high) == (0, None, 0)
    assert codes(found) == ["NO_DATABASE"]


def test_a_host_that_declares_a_database_without_data_leaves_its_time_open():
    found = statements({}, sources=("database",))
    assert (found.bounds.low, found.bounds.value, found.bounds.high) == (0, None, None)
    assert codes(found) == ["NO_DATA", "NO_UPPER_BOUND"]
    assert found.times.missing_ms == 30 * DAY_MS


DAYS = st.lists(
    st.tuples(st.integers(0, 10 * 60), st.integers(0, 10 * 60), st.integers(1, 24)), min_size=1, max_size=30
)


@given(DAYS, st.data())
def test_whatever_is_cut_out_the_full_figure_lies_in_the_bounds(days, data):
    def sums(per_minute, hours):
        return DaySum(
            per_minute * 60 * hours, observed_ms=hours * HOUR_MS, downtime_ms=DAY_MS - hours * HOUR_MS
        )

    reads = {day: sums(count, hours) for day, (count, _, hours) in enumerate(days)}
    writes = {day: sums(count, hours) for day, (_, count, hours) in enumerate(days)}
    full = reads_writes.figure(host_month({READS: reads, WRITES: writes}, iops_limit=10)).bounds
    kept = {
        key: {day: value for day, value in by_day.items() if data.draw(st.booleans())}
        for key, by_day in ((READS, reads), (WRITES, writes))
    }
    cut = reads_writes.figure(host_month(kept, iops_limit=10)).bounds
    assert cut.low <= full.low
    assert full.high <= cut.high
    if cut.value is not None:
        assert cut.low <= cut.value <= cut.high
