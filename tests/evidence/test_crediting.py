from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from evidence import chunk as chunks
from evidence import manifest
from evidence.calendar import LocalCalendar
from evidence.chunk import Header
from evidence.crediting import ALL_METRICS, Claims, Crediting, claimed_metrics, credit_each, credited, reach
from evidence.day_sum import day_sums, merge
from evidence.keys import PrivateKey

KEY = PrivateKey.from_seed(bytes(32))
T0 = 1_780_000_000_000
MINUTE = 60_000
SHANGHAI = LocalCalendar("Asia/Shanghai")


def averages(metric, rows, *, seq=0):
    """A chunk of averages: rows of (start, length, value)."""
    built = manifest.build(
        kind=manifest.AVERAGES,
        interval_ms=MINUTE,
        columns=(
            manifest.Column("time.start_ms"),
            manifest.Column("time.len_ms"),
            manifest.Column(metric, scale=9, statistic="average"),
        ),
        host={},
    )
    return sealed(built, [list(column) for column in zip(*rows)], "import", seq, rows[-1][0] + rows[-1][1])


def counters(start, count, *, seq=0, step=MINUTE):
    """A chunk of counters: one NIC, 100 bytes a reading, both clocks in step."""
    built = manifest.build(
        kind=manifest.COUNTERS,
        interval_ms=step,
        columns=(
            *(manifest.Column(name) for name in manifest.COUNTERS_CLOCKS),
            manifest.Column("net.rx", device="eth0"),
        ),
        host={"cpus": 1, "ticks_per_s": 100},
        devices=(manifest.Device("nic", "eth0", "mac", counts=True, reason="hardware"),),
    )
    wall = [start + step * row for row in range(count)]
    boot = [at - T0 + 10 * MINUTE for at in wall]
    rx = [100 * row for row in range(count)]
    return sealed(built, [wall, boot, boot, rx], "agent", seq, wall[-1])


def sealed(built, values, source, seq, end):
    header = Header(
        enterprise="甲",
        source=source,
        host="web-1",
        key="",
        seq=seq,
        prev="0" * 64,
        boot="b",
        first="reading",
        start_ms=values[0][0],
        end_ms=end,
        prev_end_ms=0,
        anchor="",
        rows=0,
        columns=0,
        digest="",
        manifest="",
        agent="test",
        clock_state="unknown",
        clock_offset_ms=0,
        clock_rtt_ms=-1,
    )
    frame = chunks.read_frame(chunks.seal(header, manifest=built, values=values, key=KEY))
    return chunks.open_chunk(frame, KEY.public)


def total(sums, metric):
    return sum(value.amount for (name, _), value in sums.items() if name == metric)


def test_time_that_an_earlier_chunk_claims_is_not_credited_again():
    first = counters(T0, 11)
    second = counters(T0 + 5 * MINUTE, 11, seq=1)
    sums = credited([first, second], SHANGHAI)
    assert total(sums, "net.rx") == 100 * 15
    assert sum(value.observed_ms for value in sums.values()) == 15 * MINUTE


def test_neighbours_that_share_a_reading_are_both_credited_in_full():
    sums = credited([counters(T0, 11), counters(T0 + 10 * MINUTE, 11, seq=1)], SHANGHAI)
    assert total(sums, "net.rx") == 100 * 20


def test_averages_of_two_metrics_do_not_take_time_from_each_other():
    rows = [(T0, MINUTE, 7), (T0 + MINUTE, MINUTE, 9)]
    both = [averages("net.rx.rate", rows), averages("net.tx.rate", rows, seq=1)]
    sums = credited(both, SHANGHAI)
    assert total(sums, "net.rx.rate") == total(sums, "net.tx.rate") == 16 * MINUTE


def test_averages_of_one_metric_are_credited_to_the_first_that_claims_the_time():
    first = averages("net.rx.rate", [(T0, MINUTE, 7)])
    again = averages("net.rx.rate", [(T0, MINUTE, 1000), (T0 + MINUTE, MINUTE, 5)], seq=1)
    per_chunk = [total(sums, "net.rx.rate") for _, sums in credit_each([first, again], SHANGHAI)]
    assert per_chunk == [7 * MINUTE, 5 * MINUTE]


def test_one_pass_over_the_chunks_feeds_sums_over_several_kinds_of_slots():
    chunks = [counters(T0, 11), counters(T0 + 5 * MINUTE, 11, seq=1), counters(T0 + 20 * MINUTE, 3, seq=2)]
    utc, crediting = LocalCalendar("UTC"), Crediting()
    both = []
    for chunk in chunks:
        taken = crediting.occupied(chunk)
        both.append((day_sums(chunk, SHANGHAI, taken), day_sums(chunk, utc, taken)))
    assert merge(here for here, _ in both) == credited(chunks, SHANGHAI)
    assert merge(there for _, there in both) == credited(chunks, utc)


def test_what_a_chunk_claims_is_not_in_its_own_way():
    crediting = Crediting()
    assert crediting.occupied(counters(T0, 3)) == []
    assert crediting.occupied(counters(T0 + MINUTE, 3, seq=1)) == [(T0, T0 + 2 * MINUTE)]


def test_counters_claim_the_time_of_all_metrics():
    assert claimed_metrics(counters(T0, 2)) == (ALL_METRICS,)
    assert claimed_metrics(averages("cpu.utilization", [(T0, 1, 1)])) == ("cpu.utilization",)


def test_the_reach_covers_every_span():
    assert reach([(5, 9), (2, 6), (7, 30)]) == (2, 30)


@settings(max_examples=200)
@given(
    st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), max_size=12),
    st.tuples(st.integers(0, 60), st.integers(0, 60)),
)
def test_claims_overlap_exactly_where_a_claimed_instant_lies(intervals, asked):
    claimed = {at for start, end in intervals for at in range(start, end)}
    kept = Claims(intervals)
    whole = kept.within(-1, 100)
    assert {at for start, end in whole for at in range(start, end)} == claimed
    assert all(left[1] < right[0] for left, right in zip(whole, whole[1:]))
    start, end = asked
    if start < end:
        assert bool(kept.within(start, end)) == bool(claimed & set(range(start, end)))
