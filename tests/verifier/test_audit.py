from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest
from fleet import Enrolled, Fleet, MemoryArchive, instant

from evidence.calendar import LocalCalendar
from evidence.chunk import read_frame
from evidence.day_sum import DaySum
from evidence.errors import MismatchError
from evidence.stored import DroppedChunk, DroppedMonth
from verifier.audit import audit
from verifier.recompute import open_stored

HOUR_MS = 3_600_000


@pytest.fixture
def fleet():
    """Two hosts; web-1 has four chunks of ten hours across the month's edge."""
    made = Fleet()
    web = made.agent("web-1", start="2026-10-31T05:00")
    for _ in range(4):
        web.run(hours=10, busy=20, rx=5, reads=1).seal()
    start = instant("2026-10-31T22:00")
    made.averages("db-1", "cpu.utilization", [(start + n * HOUR_MS, HOUR_MS, n) for n in range(5)])
    return made


@pytest.fixture
def archive(fleet):
    return fleet.archive()


def codes(report):
    return [finding.code for finding in report.findings]


@pytest.mark.parametrize("month", [None, "2026-10", "2026-11", "2026-12"])
def test_an_untouched_store_has_no_findings(archive, month):
    report = audit(archive, month=month)
    assert report.findings == ()
    assert report.hosts == 2


def test_what_was_seen_is_counted(archive):
    report = audit(archive)
    assert report.chunks == 5
    assert report.values == (4 * 11) * (3 + 10 + 4) - 0 + 5 * 3
    assert report.day_sums == len(archive.rows)
    assert 0 < audit(archive, month="2026-10").day_sums < report.day_sums


def test_a_changed_day_sum_is_found_with_both_values(archive):
    place = next(n for n, row in enumerate(archive.rows) if (row.source, row.metric) == ("agent", "cpu"))
    row = archive.rows[place]
    archive.rows[place] = replace(row, sums=replace(row.sums, amount=row.sums.amount + 1))
    (found,) = audit(archive).findings
    assert (found.code, found.host, found.place) == ("DAY_SUM_DIFFERS", "web-1", "agent/cpu/2026-10-31")
    assert found.expected == f"amount={row.sums.amount}"
    assert found.got == f"amount={row.sums.amount + 1}"
    assert codes(audit(archive, month="2026-10")) == ["DAY_SUM_DIFFERS"]
    assert codes(audit(archive, month="2026-11")) == []


def test_a_missing_day_sum_is_found(archive):
    gone = archive.rows.pop()
    (found,) = audit(archive).findings
    assert (found.code, found.host, found.got) == ("DAY_SUM_MISSING", gone.host, "")
    assert f"observed_ms={gone.sums.observed_ms}" in found.expected


def test_a_day_sum_without_chunks_is_found_also_for_a_host_nobody_knows(archive):
    archive.rows.append(replace(archive.rows[0], host="ghost", sums=DaySum(amount=5)))
    (found,) = audit(archive).findings
    assert (found.code, found.host, found.expected, found.got) == ("DAY_SUM_EXTRA", "ghost", "", "amount=5")


def test_a_day_sum_that_stands_twice_is_found(archive):
    archive.rows.append(archive.rows[0])
    assert codes(audit(archive)) == ["DAY_SUM_EXTRA"]


def chunk_at(archive, host, seq):
    return next(n for n, entry in enumerate(archive.stored) if (entry.host, entry.seq) == (host, seq))


def test_a_damaged_chunk_is_found_and_its_time_is_missing(archive):
    place = chunk_at(archive, "web-1", 1)
    frame = bytearray(archive.stored[place].frame)
    frame[-1] ^= 1
    archive.stored[place] = replace(archive.stored[place], frame=bytes(frame))
    report = audit(archive)
    assert set(codes(report)) == {"CHUNK", "DAY_SUM_DIFFERS"}
    damaged = next(finding for finding in report.findings if finding.code == "CHUNK")
    assert damaged.place == "agent/0/1"
    assert damaged.got.startswith("MALFORMED: ")


def test_a_removed_chunk_is_a_hole(archive):
    del archive.stored[chunk_at(archive, "web-1", 2)]
    archive.recredit()
    (found,) = audit(archive).findings
    assert (found.code, found.place, found.expected) == ("SEQ_MISSING", "agent/0/2", "2 to 2")


def test_removed_first_chunks_are_a_hole(archive):
    del archive.stored[chunk_at(archive, "web-1", 0)]
    del archive.stored[chunk_at(archive, "web-1", 1)]
    archive.recredit()
    (found,) = audit(archive).findings
    assert (found.place, found.expected, found.got) == ("agent/0/0", "0 to 1", "2 of 2 missing")


def test_a_month_does_not_miss_the_chunks_of_other_months(fleet):
    """Two metrics imported after one another: the second month's chunks are not neighbours."""
    for metric in ("net.rx.rate", "net.tx.rate"):
        for day in ("2026-10-05", "2026-11-05", "2026-12-05"):
            fleet.averages("db-1", metric, [(instant(day), HOUR_MS, 1)])
    archive = fleet.archive()
    assert audit(archive, month="2026-11").findings == ()
    del archive.stored[chunk_at(archive, "db-1", 4)]
    archive.recredit()
    found = audit(archive, month="2026-11").findings
    assert [(finding.code, finding.place) for finding in found] == [("SEQ_MISSING", "import/0/4")]


def test_a_sequence_number_from_far_away_costs_nothing(fleet):
    fleet.agent("far").run(hours=2).seal(seq=2**52)
    archive = fleet.archive()
    (found,) = audit(archive).findings
    assert found.got == f"{2**52} of {2**52} missing"


@pytest.mark.parametrize("change", [{"prev": "0" * 64}, {"prev_end_ms": 1_790_000_000_000}])
@pytest.mark.parametrize("before", [0, 1])
def test_a_chunk_that_does_not_follow_the_one_before_is_found(change, before):
    fleet = Fleet()
    web = fleet.agent("web-1")
    for _ in range(before):
        web.run(hours=5).seal()
    web.run(hours=5).seal(**change)
    (found,) = audit(fleet.archive()).findings
    assert (found.code, found.place) == ("CHAIN", f"agent/0/{before}")
    assert next(iter(change.values())) in [
        int(x) if x.isdigit() and len(x) < 20 else x for x in found.got.split()
    ]


@pytest.mark.parametrize("month", [None, "2026-11"])
def test_two_chunks_under_one_number_are_a_conflict(month):
    fleet = Fleet()
    fleet.agent("web-1").run(hours=5, busy=10).seal()
    other = Fleet()
    other.agent("web-1").run(hours=5, busy=90).seal()
    archive = fleet.archive()
    archive.stored += other.archive().stored
    (found,) = audit(archive, month=month).findings
    assert (found.code, found.place) == ("CONFLICT", "agent/0/0")
    assert found.expected != found.got


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"enrolment": "0" * 64}, "no enrolment is kept"),
        ({"seq": 7}, "another enterprise, host, source or place"),
        ({"epoch": 7}, "another enterprise, host, source or place"),
        ({"host": "db-1"}, "another enterprise, host, source or place"),
        ({"source": "import"}, "another enterprise, host, source or place"),
    ],
)
def test_a_chunk_in_the_wrong_place_is_found(archive, change, message):
    place = chunk_at(archive, "web-1", 3)
    archive.stored[place] = replace(archive.stored[place], **change)
    wrong = next(finding for finding in audit(archive).findings if finding.code == "CHUNK")
    assert message in wrong.got


def test_a_chunk_of_another_enterprise_is_found(archive):
    archive.enterprise = "另一企业"
    assert set(codes(audit(archive))) >= {"CHUNK"}


def test_a_chunk_signed_with_the_key_of_another_host_is_found():
    """The header says web-1, but the key is enrolled for db-1."""
    fleet = Fleet()
    fleet.agent("db-1").run(hours=3).seal(host="web-1")
    fleet.enrol("web-1")
    archive = fleet.archive()
    archive.stored[0] = replace(archive.stored[0], host="web-1")
    archive.recredit()
    assert "key of another host" in next(f for f in audit(archive).findings if f.code == "CHUNK").got


def test_who_opens_chunks_for_figures_refuses_them_too():
    fleet = Fleet()
    fleet.agent("db-1").run(hours=3).seal(host="web-1")
    archive = fleet.archive()
    (stored,), pins = archive.stored, {signed.hash: signed for signed in archive.enrolments()}
    with pytest.raises(MismatchError, match="no enrolment is kept"):
        open_stored(stored, {}, archive.enterprise)
    with pytest.raises(MismatchError, match="key of another host"):
        open_stored(replace(stored, host="web-1"), pins, archive.enterprise)


def test_a_rotated_key_begins_a_new_chain():
    fleet = Fleet()
    fleet.agent("web-1").run(hours=5)
    archive = fleet.archive()
    fleet.agent("web-1", start="2026-11-01T06:00", epoch=1).run(hours=5)
    archive = fleet.archive()
    assert audit(archive).findings == ()
    assert len(archive.enrolments()) == 2


def test_time_that_an_earlier_chunk_claims_is_credited_once(archive):
    """The second epoch repeats hours of the first; the store and the audit credit them once."""
    fleet = Fleet()
    fleet.agent("web-1", start="2026-10-31T20:00").run(hours=10, busy=20)
    fleet.agent("web-1", start="2026-10-31T23:00", epoch=1).run(hours=10, busy=80)
    doubled = fleet.archive()
    for month in (None, "2026-10", "2026-11"):
        assert audit(doubled, month=month).findings == ()


def test_a_claim_outside_the_month_still_withholds_time_inside():
    """An average across the edge of the month, withheld because of a claim that ends before it."""
    fleet = Fleet()
    edge = instant("2026-11-01")
    fleet.averages("db-1", "cpu.utilization", [(edge - 2 * HOUR_MS, HOUR_MS, 10)])
    fleet.averages(
        "db-1", "cpu.utilization", [(edge - 2 * HOUR_MS, 3 * HOUR_MS, 50), (edge + HOUR_MS, HOUR_MS, 30)]
    )
    archive = fleet.archive()
    assert audit(archive, month="2026-11").findings == ()
    november = [
        row.sums.observed_ms for row in archive.rows if row.day == min(r.day for r in archive.rows) + 1
    ]
    assert november == [HOUR_MS]


def test_findings_come_in_order_and_once(archive):
    archive.rows = [replace(row, sums=replace(row.sums, amount=row.sums.amount + 1)) for row in archive.rows]
    places = [(finding.host, finding.place) for finding in audit(archive).findings]
    assert places == sorted(set(places))
    assert len(places) == len(archive.rows)


def test_keys_of_the_fleet_come_from_names():
    assert Enrolled.key_of("a", "agent", 0).public != Enrolled.key_of("b", "agent", 0).public


def test_the_report_as_a_document_counts_and_names(archive):
    gone = archive.rows.pop()
    document = audit(archive).document()
    assert (document["schema"], document["hosts"], document["chunks"]) == ("starproof/audit/1", 2, 5)
    assert document["day_sums"] == len(archive.rows) + 1
    (found,) = document["findings"]
    assert (found["code"], found["severity"], found["host"]) == ("DAY_SUM_MISSING", "fail", gone.host)
    assert found["zh"]
    assert found["en"]


@dataclass
class October:
    """What a store says that dropped the chunks of October of this archive; they are taken out of it."""

    archive: MemoryArchive
    gone: list[DroppedChunk] = field(default_factory=list)

    def __post_init__(self):
        of_october = [entry for entry in self.archive.stored if entry.host == "web-1" and entry.seq == 0]
        for entry in of_october:
            self.archive.stored.remove(entry)
            hash_ = read_frame(entry.frame).hash
            self.gone.append(DroppedChunk(entry.source, entry.epoch, entry.seq, hash_, "2026-10"))

    def dropped_months(self):
        days = LocalCalendar("Asia/Shanghai").month("2026-10")
        return [DroppedMonth("2026-10", days, 5, "ab" * 32, "2026-10.zip", len(self.gone))]

    def dropped_chunks(self, host):
        return iter(self.gone if host == "web-1" else [])


def test_a_month_that_was_dropped_is_named_and_its_days_are_not_compared(fleet):
    person = bytes(16)
    fleet.activity("web-1", "2026-10-30", "2026-10-31", {"2026-10-30": [person]})
    fleet.activity("web-1", "2026-10-31", "2026-11-02", {"2026-10-31": [person], "2026-11-01": [person]})
    archive = fleet.archive()
    assert codes(audit(archive)) == []
    october = October(archive)
    assert len(october.gone) == 2
    assert {"DAY_SUM_EXTRA", "SEQ_MISSING", "ACTIVITY_EXTRA"} <= set(codes(audit(archive)))
    (found,) = audit(archive, dropped=october).findings
    assert (found.code, found.place, found.severity) == ("MONTH_DROPPED", "2026-10", "note")
    assert found.got == "2 chunks dropped at 5 ms into 2026-10.zip, SHA-256 " + "ab" * 32
    assert codes(audit(archive, month="2026-11", dropped=october)) == []
    archive.stored = [entry for entry in archive.stored if (entry.source, entry.seq) != ("agent", 2)]
    assert {"SEQ_MISSING", "DAY_SUM_DIFFERS"} <= set(codes(audit(archive, month="2026-11", dropped=october)))
