from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import date, datetime
from fractions import Fraction
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import func, select

from collector import own_chunks
from collector.code import running_code
from collector.errors import ImportFileError
from collector.importing import cli, numbers, rows, sealing
from collector.importing.run import Order, import_file
from collector.opening import open_store
from collector.store import schema
from collector.store.archive import StoreArchive
from evidence import enrolment
from evidence.chunk import open_chunk, read_frame
from evidence.chunk import parse_header as read_header
from evidence.crediting import credited

NOW = 1_800_000_000_000
T = 1_780_000_200  # 2026-05-29 04:30:00 in Shanghai
NANO = 10**9
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def run(opened, tmp_path):
    """Import a text; returns what was counted."""

    def go(text, *, period=60, zone="Asia/Shanghai", name="x.csv"):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return import_file(opened, Order(path, zone, period * 1000 if period else None), now_ms=NOW)

    return go


def table(*entries, header="host,timestamp,metric,value"):
    return "\n".join((header, *entries)) + "\n"


def sums(store):
    """(host, metric) → (amount in units × seconds, covered seconds)."""
    found = {}
    for row in StoreArchive(store).day_sums(0, 10**6):
        amount, covered = found.get((row.host, row.metric), (0, 0))
        found[row.host, row.metric] = (
            amount + Fraction(row.sums.amount, NANO * 1000),
            covered + Fraction(row.sums.observed_ms, 1000),
        )
    return found


def counts(imported):
    tally = imported.tally
    return {
        "rows": tally.rows,
        "kept": tally.samples,
        "dup": tally.duplicates,
        "conf": tally.conflicts,
        "above": tally.above_100,
        "ref": tally.refused,
    }


def test_all_metrics_become_day_sums(run, store):
    entries = [
        f"web-1,{T},{metric},{value}"
        for metric, value in (
            ("cpu.utilization", "12.5"),
            ("net.rx", "1000"),
            ("net.tx", "0"),
            ("disk.reads", "1e3"),
            ("disk.writes", "0.000000001"),
        )
    ]
    run(table(*entries))
    assert sums(store) == {
        ("web-1", "cpu.utilization"): (750, 60),
        ("web-1", "net.rx.rate"): (60_000, 60),
        ("web-1", "net.tx.rate"): (0, 60),
        ("web-1", "disk.reads.rate"): (60_000, 60),
        ("web-1", "disk.writes.rate"): (Fraction(60, NANO), 60),
    }


def test_a_sample_is_cut_where_the_next_one_begins(run, store):
    run(table(f"w,{T + 50},net.rx,3", f"w,{T},net.rx,2", f"w,{T + 200},net.rx,5"))
    assert sums(store)["w", "net.rx.rate"] == (2 * 50 + 3 * 60 + 5 * 60, 170)


def test_exact_duplicates_are_dropped_and_counted(run, store):
    imported = run(table(f"w,{T},net.rx,2", f"w,{T}.000,net.rx,2.0", f"w,{T + 60},net.rx,2"))
    assert counts(imported) == {"rows": 3, "kept": 2, "dup": 1, "conf": 0, "above": 0, "ref": 0}
    assert sums(store)["w", "net.rx.rate"] == (240, 120)


def test_of_two_values_for_one_instant_the_lower_counts_and_the_conflict_is_reported(run, store):
    imported = run(table(f"w,{T},net.rx,9", f"w,{T},net.rx,2", f"w,{T},net.rx,2"))
    assert counts(imported) == {"rows": 3, "kept": 1, "dup": 1, "conf": 1, "above": 0, "ref": 0}
    assert sums(store)["w", "net.rx.rate"] == (120, 60)
    assert "line 2" in imported.tally.examples[0]
    (finding,) = StoreArchive(store).findings()
    assert (finding.code, finding.source) == ("IMPORT_CONFLICT", "import")


def test_a_cpu_value_above_100_counts_as_100_and_is_counted(run, store):
    imported = run(
        table(f"w,{T},cpu.utilization,135.2", f"w,{T + 60},cpu.utilization,100", f"w,{T},net.rx,135")
    )
    assert counts(imported)["above"] == 1
    assert sums(store)["w", "cpu.utilization"] == (12_000, 120)
    assert sums(store)["w", "net.rx.rate"] == (135 * 60, 60)


@pytest.mark.parametrize("value", ["nan", "NaN", "sNaN", "", "inf", "-Infinity", "-0.001", "-1e-30"])
def test_refused_values_are_counted_cut_the_sample_before_and_leave_their_time_missing(run, store, value):
    imported = run(table(f"w,{T},net.rx,2", f"w,{T + 30},net.rx,{value}", f"w,{T + 60},net.rx,4"))
    assert counts(imported) == {"rows": 3, "kept": 2, "dup": 0, "conf": 0, "above": 0, "ref": 1}
    assert sums(store)["w", "net.rx.rate"] == (2 * 30 + 4 * 60, 90)


def test_a_refused_value_beside_a_good_one_leaves_the_good_one(run, store):
    imported = run(
        table(f"w,{T},net.rx,nan", f"w,{T},net.rx,4", f"w,{T + 60},net.rx,-1", f"w,{T + 60},net.rx,-2")
    )
    assert counts(imported) == {"rows": 4, "kept": 1, "dup": 0, "conf": 0, "above": 0, "ref": 3}
    assert sums(store)["w", "net.rx.rate"] == (240, 60)


def test_a_file_of_refused_values_only_is_imported_and_stores_nothing(run, store):
    assert counts(run(table(f"w,{T},net.rx,nan")))["ref"] == 1
    assert StoreArchive(store).enrolments() == []


def test_the_period_column_wins_and_an_empty_field_takes_the_option(run, store):
    header = "period_s,value,metric,timestamp,host"
    run(table(f"30,1,net.rx,{T},w", f",1,net.rx,{T + 100},w", f"0.5,1,net.rx,{T + 200},w", header=header))
    assert sums(store)["w", "net.rx.rate"] == (Fraction(181, 2), Fraction(181, 2))


def test_the_shortest_period_of_equal_rows_holds(run, store):
    header = "host,timestamp,metric,value,period_s"
    run(table(f"w,{T},net.rx,1,60", f"w,{T},net.rx,1,20", header=header))
    assert sums(store)["w", "net.rx.rate"] == (20, 20)


def test_no_sample_reaches_beyond_the_import(run, store):
    run(table(f"w,{NOW // 1000 - 10},net.rx,1"))
    assert sums(store)["w", "net.rx.rate"] == (10, 10)


def test_timestamps_may_be_mixed(run, store):
    zone = ZoneInfo("Asia/Shanghai")
    local = datetime.fromtimestamp(T + 60, zone)
    run(
        table(
            f"w,{T},net.rx,1",
            f"w,{local:%Y-%m-%d %H:%M:%S},net.rx,1",
            f"w,{datetime.fromtimestamp(T + 120, zone).isoformat()},net.rx,1",
            f"w,{datetime.fromtimestamp(T + 180, ZoneInfo('UTC')):%Y-%m-%dT%H:%M:%S.000Z},net.rx,1",
        )
    )
    assert sums(store)["w", "net.rx.rate"] == (240, 240)
    assert len(list(StoreArchive(store).chunks("w", 0, NOW))) == 1


def test_local_times_at_a_clock_change_take_the_offset_before_it_and_are_counted():
    instants = numbers.Instants("America/New_York")
    assert instants.read("2014-03-09 02:30:00") == 1394350200000  # skipped: 02:30 EST is 07:30 UTC
    assert instants.read("2014-11-02 01:30:00") == 1414906200000  # twice: EDT is the first
    assert instants.read("2014-11-02 00:30:00") == 1414902600000
    assert instants.unsure == 2


def test_windows_line_ends_a_bom_quotes_and_blanks_are_read(run, store):
    run(f'\ufeffhost , timestamp,metric,value\r\n"web, ""1""",{T}, net.rx ,"2"\r\n\r\n')
    assert list(sums(store)) == [('web, "1"', "net.rx.rate")]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"", "is empty"),
        (table(), "no rows"),
        ("host,timestamp,metric\n", "line 1: column 'value' is missing"),
        ("host;timestamp;metric;value\n", "line 1: unknown column"),
        ("host,timestamp,metric,value,value\n", "line 1: column 'value' stands twice"),
        ("host,timestamp,metric,value,periods\n", "unknown column 'periods'; did you mean 'period_s'"),
        (
            table(f"w,{T},cpu.utilisation,1"),
            "line 2, column metric: unknown metric 'cpu.utilisation'; did you mean 'cpu.utilization'",
        ),
        (table(f"w,{T},net.rx,1", f"w,{T},net.rx,abc"), "line 3, column value: 'abc' is not a number"),
        (table(f"w,{T},net.rx,1_000"), "column value: '1_000' is not a number"),
        (table(f"w,{T},net.rx,１"), "column value: '１' is not a number"),
        (table(f"w,{T},net.rx,1e18"), "is too large"),
        (
            table(f"w,{T}000,net.rx,1"),
            "line 2, column timestamp: 1780000200000 is out of range; give seconds",
        ),
        (table("w,5,net.rx,1"), "column timestamp: '5' does not lie between"),
        (table("w,0001-01-01,net.rx,1"), "column timestamp: '0001-01-01' does not lie"),
        (table("w,yesterday,net.rx,1"), "column timestamp: 'yesterday' is neither"),
        (table(f"w,{NOW // 1000},net.rx,1"), "lies in the future"),
        (table(f"w,{T},net.rx"), "line 2, column value: missing; 3 fields, the header has 4"),
        (table("w"), "line 2, column timestamp: missing; 1 fields, the header has 4"),
        (table(f"w,{T},net.rx,1,234"), "line 2, column 5: no such column; 5 fields, the header has 4"),
        (table(f'w,{T},net.rx,"1\n\n"', f"w,{T},net.rx,x"), "line 5, column value: 'x' is not"),
        (table(f'w,{T},"net.\nrx",1', f"w,{T},net.rx,x"), "line 2, column metric: unknown metric"),
        (f'host,timestamp,metric,"value\n"\n\nw,{T},net.rx\n', "line 4, column value: missing"),
        (table(f"w,{T},net.rx,1", f'w,{T},net.rx,"1', "2"), "line 3: not a row of a CSV file"),
        (table(f",{T},net.rx,1"), "column host: a host name has"),
        (table(f"a\x07,{T},net.rx,1"), "column host: a host name has"),
        (table(f'"w,{T},net.rx,1'), "not a row of a CSV file"),
        (
            table(f"w,{T},net.rx,1,0", header="host,timestamp,metric,value,period_s"),
            "column period_s: a period is above 0",
        ),
        (
            table(f"w,{T},net.rx,1,0.0001", header="host,timestamp,metric,value,period_s"),
            "at least a millisecond",
        ),
        (table(f"w,{T},net.rx,1,nan", header="host,timestamp,metric,value,period_s"), "a period is above 0"),
        (
            table(f"w,{T},net.rx,1").encode() + f"主机,{T},net.rx,1\n".encode("gbk"),
            "line 3: byte 1 is not UTF-8",
        ),
        (table(f"w,{T},net.rx,1").encode() + b"x" * 70_000, "line 3: longer than 65536 bytes"),
    ],
)
def test_a_wrong_file_names_line_and_column_and_imports_nothing(run, store, text, words):
    with pytest.raises(ImportFileError) as error:
        run(text)
    assert words in str(error.value)
    assert "\n" not in str(error.value)
    with store.reading() as connection:
        for name in (schema.host, schema.chunk, schema.import_run, schema.enrolment):
            assert connection.scalar(select(func.count()).select_from(name)) == 0


def test_without_any_period_the_error_says_what_to_do(run):
    with pytest.raises(ImportFileError, match="--period SECONDS"):
        run(table(f"w,{T},net.rx,1"), period=None)
    header = "host,timestamp,metric,value,period_s"
    with pytest.raises(ImportFileError, match=r"line 2, column period_s: empty.*--period SECONDS"):
        run(table(f"w,{T},net.rx,1,", header=header), period=None)


def test_files_and_zones_that_do_not_exist_are_explained(run, opened, tmp_path):
    with pytest.raises(ImportFileError, match="cannot read"):
        import_file(opened, Order(tmp_path / "none.csv", "UTC", 1), now_ms=NOW)
    with pytest.raises(ImportFileError, match="cannot read"):
        import_file(opened, Order(tmp_path, "UTC", 1), now_ms=NOW)
    with pytest.raises(ImportFileError, match="regular file"):
        import_file(opened, Order(type(tmp_path)("/dev/null"), "UTC", 1), now_ms=NOW)
    with pytest.raises(ImportFileError, match="time zone 'Mars'"):
        run(table(f"w,{T},net.rx,1"), zone="Mars")


def test_a_file_that_changes_while_it_is_read_is_refused(run, monkeypatch):
    from collector.importing import run as module

    monkeypatch.setattr(module, "file_sha256", lambda _path: "0" * 64)
    with pytest.raises(ImportFileError, match="changed"):
        run(table(f"w,{T},net.rx,1"))


def test_a_file_with_too_many_hosts_is_refused(run, monkeypatch):
    monkeypatch.setattr(rows, "MAX_HOSTS", 1)
    with pytest.raises(ImportFileError, match="line 3, column host: more than 1 hosts"):
        run(table(f"a,{T},net.rx,1", f"b,{T},net.rx,1"))


def test_the_same_file_again_does_nothing(run, store):
    text = table(f"w,{T},net.rx,1")
    first, again = run(text), run(text, name="renamed.csv")
    assert (first.already, again.already) == (False, True)
    assert again.tally == first.tally
    assert len(list(StoreArchive(store).chunks("w", 0, NOW))) == 1


def test_another_file_adds_what_is_new_and_what_was_first_stays(run, store):
    run(table(f"w,{T},net.rx,1", f"w,{T + 60},net.rx,2"))
    imported = run(
        table(
            f"w,{T},net.rx,1",  # the same: a duplicate
            f"w,{T + 60},net.rx,9",  # another value: a conflict
            f"w,{T + 90},net.rx,9",  # inside a stored sample: a conflict
            f"w,{T + 120},net.rx,4",
            f"w,{T},net.tx,7",  # another metric
        )
    )
    assert counts(imported) == {"rows": 5, "kept": 2, "dup": 1, "conf": 2, "above": 0, "ref": 0}
    assert sums(store) == {("w", "net.rx.rate"): (60 + 120 + 240, 180), ("w", "net.tx.rate"): (420, 60)}
    assert [signed.enrolment.epoch for signed in StoreArchive(store).enrolments()] == [0, 1]


def test_a_lower_value_for_a_sealed_instant_refuses_the_whole_file(run, store):
    run(table(f"w,{T},net.rx,9.5", f"w,{T + 60},net.rx,8", f"w,{T},net.tx,1"))
    before = sums(store)
    with pytest.raises(ImportFileError) as error:
        run(
            table(
                f"v,{T},net.rx,1",  # new, but not imported either
                f"w,{T + 120},net.rx,4",
                f"w,{T + 60},net.rx,7.25",
                f"w,{T},net.rx,0",
                f"w,{T},net.tx,5",
            ),
            name="second.csv",
        )
    assert str(error.value) == (
        "second.csv: 2 instants have a lower value than an earlier import stored; the lower must count, "
        "but what is sealed stays. First line 4: host 'w', 2026-05-28T20:31:00Z, net.rx: 7.25 here, "
        "8 stored. Put the files together into one and import that into a new store; nothing was imported"
    )
    assert sums(store) == before
    archive = StoreArchive(store)
    assert (archive.hosts(), archive.findings()) == (["w"], [])
    with store.reading() as connection:
        assert connection.scalar(select(func.count()).select_from(schema.import_run)) == 1


def test_one_lower_value_is_told_in_the_singular_with_exact_numbers(run):
    run(table(f"w,{T},net.rx,0.000000002"))
    with pytest.raises(ImportFileError, match=r"1 instant has .* 0\.000000001 here, 0\.000000002 stored"):
        run(table(f"w,{T},net.rx,1e-9"))


def test_the_files_of_a_refused_import_put_together_count_the_lower_value(run, store):
    """What the refusal advises gives what the rule for one file says."""
    run(table(f"w,{T},net.rx,9", f"w,{T + 60},net.rx,8", f"w,{T},net.rx,4"))
    assert sums(store)["w", "net.rx.rate"] == (4 * 60 + 8 * 60, 120)


def test_a_value_that_was_stored_coarser_is_the_same_value_when_it_comes_again(run, store):
    text = table(f"w,{T},net.rx,123456789012345.678901", f"w,{T + 60},net.rx,12345678901234.5678")
    run(text)
    again = run(text + "\n")
    assert counts(again) == {"rows": 2, "kept": 0, "dup": 2, "conf": 0, "above": 0, "ref": 0}


def test_a_sample_that_overlaps_stored_ones_in_part_keeps_its_free_part(run, store):
    run(table(f"w,{T},net.rx,1", f"w,{T + 60},net.rx,1"))
    imported = run(table(f"w,{T + 110},net.rx,5", f"w,{T - 20},net.rx,7"))
    assert counts(imported) == {"rows": 2, "kept": 2, "dup": 0, "conf": 0, "above": 0, "ref": 0}
    assert (imported.tally.trimmed, imported.tally.parts_lost) == (2, 0)
    assert sums(store)["w", "net.rx.rate"] == (7 * 20 + 120 + 5 * 50, 190)


def test_of_several_free_parts_the_earliest_is_kept_and_the_others_are_counted(run, store):
    run(table(f"w,{T + 10},net.rx,1", f"w,{T + 100},net.rx,1"), period=20)
    imported = run(table(f"w,{T},net.rx,7"), period=200)
    assert (imported.tally.samples, imported.tally.trimmed, imported.tally.parts_lost) == (1, 1, 2)
    assert sums(store)["w", "net.rx.rate"] == (7 * 10 + 40, 50)


def test_exports_joined_at_an_edge_lose_at_most_the_overlap(run, store):
    """The second export is off by 7 s: nothing between the first and the last instant is missing."""
    run(table(*(f"w,{T + 60 * n},net.rx,1" for n in range(10))))
    imported = run(table(*(f"w,{T + 60 * n - 7},net.rx,1" for n in range(9, 20))))
    assert (imported.tally.conflicts, imported.tally.trimmed) == (1, 1)
    assert sums(store)["w", "net.rx.rate"] == (60 * 20 - 7, 60 * 20 - 7)


def test_a_trimmed_sample_that_begins_in_the_next_month_gets_a_chunk_of_that_month(run, store, opened):
    edge = opened.identity.calendar.day_start(date(2026, 6, 1).toordinal()) // 1000
    run(table(f"w,{edge - 30},net.rx,1"))
    imported = run(table(f"w,{edge - 100},net.rx,1", f"w,{edge - 10},net.rx,2"))
    assert (imported.tally.samples, imported.tally.trimmed) == (2, 1)
    starts = sorted(
        read_header(read_frame(chunk.frame).header).start_ms // 1000 - edge
        for chunk in StoreArchive(store).chunks("w", 0, NOW)
    )
    assert starts == [-100, -30, 30]
    assert sums(store)["w", "net.rx.rate"] == (60 + 60 + 2 * 20, 140)


def test_a_file_without_anything_new_leaves_no_enrolment(run, store):
    run(table(f"w,{T},net.rx,1"))
    imported = run(table(f"w,{T},net.rx,1", f"w,{T},net.rx,1"))
    assert counts(imported) == {"rows": 2, "kept": 0, "dup": 2, "conf": 0, "above": 0, "ref": 0}
    assert (imported.tally.hosts, len(StoreArchive(store).enrolments())) == (0, 1)


def test_imported_chunks_are_signed_chained_and_marked_as_not_attested(run, store, opened, monkeypatch):
    monkeypatch.setattr(sealing, "MAX_SAMPLES", 3)
    run(table(*(f"w,{T + 60 * n},{metric},{n}" for n in range(8) for metric in ("net.rx", "net.tx"))))
    archive = StoreArchive(store)
    (signed,) = archive.enrolments()
    enrolment.verify(signed.record, signed.signature)
    assert signed.enrolment.facts["attested"] == "no"
    assert signed.enrolment.facts["file"] == "x.csv"
    assert signed.public == opened.keyring.import_key().public
    stored = list(archive.chunks("w", 0, NOW))
    chunks = [open_chunk(read_frame(item.frame), signed.public) for item in stored]
    assert [chunk.header.rows for chunk in chunks] == [3, 3, 2, 3, 3, 2]
    assert {chunk.header.code for chunk in chunks} == {signed.enrolment.code} == {running_code()}
    assert [chunk.header.prev for chunk in chunks] == [signed.hash, *(chunk.hash for chunk in chunks[:-1])]
    assert {row.metric: row.sums for row in archive.day_sums(0, 10**6)} == {
        metric: value for (metric, _), value in credited(chunks, opened.identity.calendar).items()
    }


def test_chunks_are_cut_at_local_month_edges_and_a_sample_across_one_is_shared(run, store, opened):
    edge = opened.identity.calendar.day_start(date(2026, 6, 1).toordinal()) // 1000
    run(table(f"w,{edge - 20},net.rx,1", f"w,{edge + 40},net.rx,2"))
    chunks = list(StoreArchive(store).chunks("w", 0, NOW))
    assert len(chunks) == 2
    first, second = sorted(StoreArchive(store).day_sums(0, 10**6), key=lambda row: row.day)
    assert (date.fromordinal(first.day), first.sums.observed_ms) == (date(2026, 5, 31), 20_000)
    assert (date.fromordinal(second.day), second.sums.observed_ms) == (date(2026, 6, 1), 100_000)


def test_values_beyond_64_bits_of_nanounits_are_stored_coarser(run, store):
    run(
        table(
            f"w,{T},net.rx,123456789012345.678901", f"w,{T},net.rx,123456789012345.6", f"w,{T + 60},net.rx,1"
        )
    )
    amount, covered = sums(store)["w", "net.rx.rate"]
    assert covered == 120
    assert amount == Fraction("123456789012345.6") * 60 + 60


def test_values_are_rounded_half_to_even_in_the_last_kept_digit():
    assert [numbers.value(text) for text in ("0.0000000005", "0.0000000015", "1.5")] == [0, 2, 15 * 10**8]
    assert [own_chunks.rescale(value, 8) for value in (15, 25, 26, 35)] == [2, 2, 3, 4]
    assert own_chunks.scale_for([10**28 - 10**10]) == 0 or own_chunks.scale_for([9 * 10**27]) == 0


def test_a_full_temporary_directory_is_explained(run, monkeypatch):
    from collector.importing.staging import Staging

    def full(_self, _rows):
        import sqlite3

        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(Staging, "add", full)
    with pytest.raises(ImportFileError, match="TMPDIR"):
        run(table(f"w,{T},net.rx,1"))


def test_a_failure_half_way_leaves_nothing(run, store, monkeypatch):
    from collector import ingest

    admit = ingest.admit
    seen = []

    def failing(*args, **options):
        seen.append(1)
        if len(seen) == 2:
            raise RuntimeError("power cut")
        return admit(*args, **options)

    monkeypatch.setattr(ingest, "admit", failing)
    text = table(f"a,{T},net.rx,1", f"b,{T},net.rx,1")
    with pytest.raises(RuntimeError):
        run(text)
    assert StoreArchive(store).hosts() == []
    monkeypatch.setattr(ingest, "admit", admit)
    assert counts(run(text))["kept"] == 2


def test_the_command_prints_a_summary_or_one_json_document(url, tmp_path, capsys):
    path = tmp_path / "f.csv"
    path.write_text(table(f"w,{T},net.rx,1", f"w,{T},net.rx,2", "w,2014-11-02 01:30:00,net.rx,1"))
    options = ["csv", str(path), "--db", url, "--period", "60", "--timezone", "America/New_York"]
    assert cli.main([*options, "--enterprise", "乙公司"]) == 0
    text = capsys.readouterr().out
    assert "not attested" in text
    assert "2014-11-02 05:30:00 –" in text
    assert "conflict" in text
    assert "clock change" in text
    assert cli.main([*options, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["already_imported"], document["attested"], document["rows"]) == (True, False, 3)
    assert cli.main(options) == 0
    assert "nothing done" in capsys.readouterr().out
    opened = open_store(url)
    assert opened.identity.enterprise == "乙公司"
    opened.store.close()


def test_the_command_fails_with_one_line(url, tmp_path, capsys):
    assert cli.main(["csv", str(tmp_path / "none.csv"), "--db", url]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    with pytest.raises(SystemExit) as wrong:
        cli.main(["csv"])
    assert wrong.value.code == 2
    with pytest.raises(SystemExit) as wrong:
        cli.main(["csv", "f", "--period", "0"])
    assert wrong.value.code == 2


def test_a_failed_import_leaves_no_new_database_behind(url, tmp_path, capsys):
    bad = tmp_path / "bad.csv"
    bad.write_text(table(f"w,{T},net.rx,abc"))
    for file in (tmp_path / "none.csv", bad):
        assert cli.main(["csv", str(file), "--db", url, "--period", "60"]) == 1
        assert capsys.readouterr().err.count("\n") == 1
        assert not (tmp_path / "state").exists()
    bad.write_text(table(f"w,{T},net.rx,1"))
    assert cli.main(["csv", str(bad), "--db", url, "--period", "60", "--timezone", "Mars"]) == 1
    assert not (tmp_path / "state").exists()
    assert cli.main(["csv", str(bad), "--db", url, "--period", "60"]) == 0


def test_a_refused_second_file_is_one_line_and_status_1(url, tmp_path, capsys):
    path = tmp_path / "f.csv"
    options = ["csv", str(path), "--db", url, "--period", "60", "--enterprise", "乙公司", "--json"]
    path.write_text(table(f"w,{T},net.rx,2"))
    assert cli.main(options) == 0
    capsys.readouterr()
    path.write_text(table(f"w,{T},net.rx,1"))
    assert cli.main(options) == 1
    captured = capsys.readouterr()
    assert (captured.out, captured.err.count("\n")) == ("", 1)
    assert "f.csv: 1 instant has a lower value" in captured.err


def test_trimmed_samples_are_told_in_the_summary(url, tmp_path, capsys):
    path = tmp_path / "f.csv"
    options = ["csv", str(path), "--db", url, "--enterprise", "乙公司"]
    path.write_text(table(f"w,{T + 10},net.rx,2"))
    assert cli.main([*options, "--period", "10"]) == 0
    assert "later free parts" not in capsys.readouterr().out
    path.write_text(table(f"w,{T},net.rx,1"))
    assert cli.main([*options, "--period", "60"]) == 0
    text = capsys.readouterr().out
    assert "of these trimmed    1\n" in text
    assert "the earliest is kept: 1\n" in text


def test_a_new_database_without_an_enterprise_is_warned_about_on_stderr(url, tmp_path, capsys):
    path = tmp_path / "f.csv"
    path.write_text(table(f"w,{T},net.rx,1"))
    options = ["csv", str(path), "--db", url, "--period", "60", "--json"]
    assert cli.main(options) == 0
    captured = capsys.readouterr()
    assert json.loads(captured.out)["samples"] == 1
    assert captured.err.count("\n") == 1
    assert "未命名企业 and cannot change once data exist" in captured.err
    assert "--enterprise NAME" in captured.err
    assert cli.main(options) == 0
    assert capsys.readouterr().err == ""
    new = [*options[:3], f"sqlite:///{tmp_path / 'other' / 'x.db'}", *options[4:], "--enterprise", "乙公司"]
    assert cli.main(new) == 0
    assert capsys.readouterr().err == ""


def test_an_enterprise_without_a_name_is_wrong_usage(url, tmp_path, capsys):
    for name in ("", "a\nb", "x" * 129):
        with pytest.raises(SystemExit) as wrong:
            cli.main(["csv", "f.csv", "--db", url, "--enterprise", name])
        assert wrong.value.code == 2
        assert "printable characters" in capsys.readouterr().err


def test_the_help_has_no_doubled_percent_sign(capsys):
    with pytest.raises(SystemExit):
        cli.main(["csv", "--help"])
    text = capsys.readouterr().out
    assert "(%)" in text
    assert "%%" not in text


def test_a_terminal_sees_a_progress_bar(url, tmp_path, capsys, monkeypatch):
    path = tmp_path / "f.csv"
    path.write_text(table(f"w,{T},net.rx,1"))
    monkeypatch.setattr(cli.sys.stderr, "isatty", lambda: True)
    monkeypatch.setattr(cli, "_PROGRESS_BYTES", 10)
    monkeypatch.setattr(cli, "_PROGRESS_ROWS", 1)
    assert cli.main(["csv", str(path), "--db", url, "--period", "60", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["samples"] == 1


@pytest.mark.slow
@pytest.mark.no_cover
def test_an_import_killed_at_any_moment_leaves_nothing_or_everything(url, tmp_path):
    path = tmp_path / "f.csv"
    path.write_text(table(*(f"w{n % 7},{T + n // 7 * 60},net.rx,{n}" for n in range(40_000))))
    command = [
        sys.executable,
        "-m",
        "collector.importing.cli",
        "csv",
        str(path),
        "--db",
        url,
        "--period",
        "60",
    ]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    for delay_s in (0.6, 0.9, 1.2, 1.5, 1.8, 2.1):
        process = subprocess.Popen(
            command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            process.wait(timeout=delay_s)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        opened = open_store(url)
        stored = sum(covered for _, covered in sums(opened.store).values())
        opened.store.close()
        assert stored in (0, 40_000 * 60)
    subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)
    opened = open_store(url)
    assert sum(covered for _, covered in sums(opened.store).values()) == 40_000 * 60
    assert sum(amount for amount, _ in sums(opened.store).values()) == sum(range(40_000)) * 60
    opened.store.close()
