"""Day sums as lines of numbers are the day sums."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from collector.errors import DamagedSumError
from collector.store import day_sums, months, partitions, registry
from collector.store.archive import StoreArchive
from collector.store.chunks import Line
from evidence.day_sum import DaySum
from evidence.stored import DaySumRow

pytestmark = pytest.mark.both_stores

DAY = 739_900
GBIT_DAY = 10**9 * 86_400_000
SUMS = {
    ("cpu", DAY): DaySum(7, 100, observed_ms=50, restarts=1),
    ("cpu", DAY + 1): DaySum(9, 100, observed_ms=40, bridged_ms=10, downtime_ms=3, suspect_ms=2, intervals=6),
    ("net.capacity", DAY): DaySum(GBIT_DAY, observed_ms=50),
    ("net.rx", DAY + 2): DaySum(2**63 + 5, observed_ms=1),
}


@pytest.fixture
def filled(store):
    with store.writing() as connection:
        partitions.require(connection, {months.of_day(DAY)})
        for name in ("web-2", "web-1"):
            number = registry.host_id(connection, name)
            day_sums.add(connection, Line(number, "agent"), SUMS)
            day_sums.add(connection, Line(number, "import"), {("cpu.utilization", DAY): DaySum(5, 6)})
    return store


def rows_of(lines):
    return [
        DaySumRow(line.host, line.source, line.metric, day, DaySum(*line.numbers[at :: len(line.days)]))
        for line in lines
        for at, day in enumerate(line.days)
    ]


def test_lines_are_the_rows_in_their_order(filled):
    archive = StoreArchive(filled)
    for days in ((DAY, DAY + 3), (DAY, DAY + 1), (DAY + 1, DAY + 2)):
        rows = list(archive.day_sums(*days))
        assert rows
        assert rows_of(archive.day_sum_lines(*days)) == rows
        cut = [line.between(*days) for line in archive.day_sum_lines(0, 10**6)]
        assert rows_of(cut) == rows


def test_lines_of_some_hosts_leave_the_others_out(filled):
    with filled.reading() as connection:
        some = list(day_sums.lines(connection, 0, 10**6, hosts=["web-2"]))
    assert {line.host for line in some} == {"web-2"}


@pytest.mark.sqlite_only("other databases keep integers in columns of integers")
@pytest.mark.parametrize("metric", ["cpu", "net.rx"])
@pytest.mark.parametrize("column", ["whole", "amount_hi", "amount_lo"])
def test_a_line_with_a_number_that_is_no_integer_is_refused(filled, metric, column):
    with filled.writing() as connection:
        connection.execute(text(f"update day_sum set {column} = 1e19 where metric = '{metric}'"))
    with pytest.raises(DamagedSumError, match=f"{metric} of host .*run: starproof audit"):
        list(StoreArchive(filled).day_sum_lines(0, 10**6))
    assert StoreArchive(filled, damaged=True).day_sum_lines(0, 10**6) is None
