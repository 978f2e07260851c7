"""Imported real series against an independent computation of the documented rule, in fractions."""

from __future__ import annotations

import csv
import os
import tarfile
from bisect import bisect_left
from collections import defaultdict
from datetime import date, datetime, timezone
from fractions import Fraction
from pathlib import Path

import pytest

from collector.importing.run import Order, import_file
from collector.opening import open_store
from collector.store.archive import StoreArchive

ROOT = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("STARPROOF_DATA", ROOT.parent / "shared" / "data"))
NOW = 1_800_000_000_000
PERIOD_S = 300
TOLERANCE = Fraction(1, 10**9)

needs_nab = pytest.mark.skipif(not (DATA / "nab").is_dir(), reason=f"no real series in {DATA}")
needs_bitbrains = pytest.mark.skipif(
    not (DATA / "bitbrains-sample.tar.xz").is_file(), reason=f"no real series in {DATA}"
)


@pytest.fixture
def utc_store(url):
    opened = open_store(url, timezone="UTC", now_ms=NOW)
    yield opened
    opened.store.close()


def month_starts():
    for year in range(2013, 2016):
        for month in range(1, 13):
            after = date(year + month // 12, month % 12 + 1, 1)
            yield (
                f"{year}-{month:02d}",
                int(datetime(year, month, 1, tzinfo=timezone.utc).timestamp()),
                int(datetime(after.year, after.month, 1, tzinfo=timezone.utc).timestamp()),
            )


def expected_months(points, *, cap):
    """The rule by its words: points are (second, text value); returns month → (sum, weight, seconds).

    A short sample belongs whole to the month in which it begins; the seconds it covers are each month's own.
    """
    lowest = {}
    for at, text in points:
        value = min(Fraction(text), Fraction(100)) if cap else Fraction(text)
        lowest[at] = min(value, lowest.get(at, value))
    instants = sorted(lowest)
    ends = [min(at + PERIOD_S, after) for at, after in zip(instants, [*instants[1:], 10**12], strict=True)]
    spans = list(zip(instants, ends, strict=True))
    months = {}
    for name, begin, end in month_starts():
        # Those that begin in the month, and the last one before it: no other can reach into it.
        first, after = bisect_left(instants, begin), bisect_left(instants, end)
        mine = [(lowest[at], stop - at) for at, stop in spans[first:after]]
        touching = spans[max(0, first - 1) : after]
        seconds = sum(min(stop, end) - max(at, begin) for at, stop in touching if stop > begin)
        if seconds:
            months[name] = (sum(v * s for v, s in mine), sum(s for _, s in mine), seconds)
    return months


def stored_months(store):
    found = defaultdict(lambda: (Fraction(0), Fraction(0), Fraction(0)))
    for row in StoreArchive(store).day_sums(0, 10**6):
        key = (row.host, date.fromordinal(row.day).strftime("%Y-%m"))
        amount, weight, covered = found[key]
        found[key] = (
            amount + Fraction(row.sums.amount, 10**12),
            weight + Fraction(row.sums.whole, 1000),
            covered + Fraction(row.sums.observed_ms, 1000),
        )
    return found


def compare(store, series, *, capped):
    stored = stored_months(store)
    expected = {
        (host, month): value
        for host, points in series.items()
        for month, value in expected_months(points, cap=host in capped).items()
    }
    assert stored.keys() == expected.keys()
    for key, (amount, weight, seconds) in expected.items():
        assert stored[key][1:] == (weight, seconds), key
        if weight:
            mean, truth = stored[key][0] / weight, amount / weight
            assert abs(mean - truth) <= TOLERANCE * max(1, truth), key
    return len(expected)


def write(path, rows):
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["host", "timestamp", "metric", "value"])
        writer.writerows(rows)


@pytest.mark.no_cover
@needs_nab
@pytest.mark.slow
def test_every_month_of_the_nab_series_equals_the_rule(utc_store, tmp_path):
    series, rows, capped = {}, [], set()
    for path in sorted((DATA / "nab").glob("*.csv")):
        if path.name.startswith("truth"):
            continue
        metric = "cpu.utilization" if "cpu" in path.name else "net.rx"
        if "cpu" in path.name:
            capped.add(path.stem)
        with path.open(encoding="utf-8", newline="") as file:
            lines = list(csv.reader(file))[1:]
        rows += [(path.stem, stamp, metric, value) for stamp, value in lines]
        series[path.stem] = [
            (int(datetime.fromisoformat(stamp).replace(tzinfo=timezone.utc).timestamp()), value)
            for stamp, value in lines
        ]
    write(tmp_path / "nab.csv", rows)
    imported = import_file(utc_store, Order(tmp_path / "nab.csv", "UTC", PERIOD_S * 1000), now_ms=NOW)
    assert imported.tally.rows == len(rows)
    assert imported.tally.hosts == len(series) == 16
    assert compare(utc_store.store, series, capped=capped) >= 18

    june = stored_months(utc_store.store)["cpu_utilization_asg_misconfiguration", "2014-06"]
    assert june[1] == june[2] == 30 * 86_400
    assert round(june[0] / june[1], 5) == Fraction("37.32232")


@pytest.mark.no_cover
@needs_bitbrains
@pytest.mark.slow
def test_every_month_of_the_bitbrains_machines_equals_the_rule(utc_store, tmp_path):
    series = defaultdict(list)
    above = 0
    with tarfile.open(DATA / "bitbrains-sample.tar.xz") as archive:
        for member in archive:
            if not member.name.endswith(".csv"):
                continue
            text = archive.extractfile(member).read().decode("utf-8")
            host = f"vm-{Path(member.name).stem}"
            for line in text.splitlines()[1:]:
                fields = [field.strip() for field in line.split(";")]
                series[host].append((int(fields[0]), fields[4]))
    rows = [(host, at, "cpu.utilization", value) for host, points in series.items() for at, value in points]
    write(tmp_path / "bitbrains.csv", rows)
    imported = import_file(utc_store, Order(tmp_path / "bitbrains.csv", "UTC", PERIOD_S * 1000), now_ms=NOW)
    tally = imported.tally
    assert tally.rows == len(rows)
    assert tally.samples == len({(host, at) for host, at, _, _ in rows})
    assert tally.samples + tally.duplicates + tally.conflicts + tally.refused == tally.rows
    above = sum(
        1 for points in series.values() for _, value in dict(sorted(points)).items() if Fraction(value) > 100
    )
    assert tally.above_100 == above
    assert compare(utc_store.store, series, capped=set(series)) >= 36
