"""Real traces for tests: read where they lie, skipped visibly where they do not.

The folder is named by STARPROOF_DATA, or is ``../shared/data`` beside the repository.
"""

from __future__ import annotations

import csv
import io
import os
import tarfile
from collections.abc import Iterable, Iterator
from datetime import datetime, timezone
from decimal import Decimal
from functools import lru_cache
from pathlib import Path

import pytest

SCALE = 9
PERIOD_MS = 300_000
Sample = tuple[int, int, int]
"""Start in ms, length in ms, value x 10^9."""
Machine = list[dict[str, int]]
"""Of every five minutes: thousandths of a percent busy, and bytes a second of each counter."""
BITBRAINS = {"busy": 4, "disk.reads": 7, "disk.writes": 8, "net.rx": 9, "net.tx": 10}
"""Columns of the Bitbrains files."""


def data_folder() -> Path:
    """Return the folder of real traces, or skip the test."""
    beside = Path(__file__).resolve().parents[2] / "shared" / "data"
    folder = Path(os.environ.get("STARPROOF_DATA", beside))
    if not (folder / "nab").is_dir():
        pytest.skip("no real traces here; name their folder in STARPROOF_DATA")
    return folder


def samples(pairs: Iterable[tuple[int, Decimal]], *, most: int | None = None) -> list[Sample]:
    """Return what an import keeps: in order, the lower of two values, cut where the next begins."""
    kept: dict[int, int] = {}
    for start, value in pairs:
        number = int(value.scaleb(SCALE).to_integral_value())
        number = number if most is None else min(number, most * 10**SCALE)
        kept[start] = min(number, kept.get(start, number))
    starts = sorted(kept)
    ends = [*starts[1:], starts[-1] + PERIOD_MS]
    return [
        (start, min(PERIOD_MS, end - start), kept[start]) for start, end in zip(starts, ends, strict=True)
    ]


def nab(name: str, *, most: int | None = None) -> list[Sample]:
    """Return one NAB series, its naive times read as UTC."""
    text = (data_folder() / "nab" / f"{name}.csv").read_text(encoding="utf-8")
    return samples(
        (
            (
                round(datetime.fromisoformat(row["timestamp"]).replace(tzinfo=timezone.utc).timestamp())
                * 1000,
                Decimal(row["value"]),
            )
            for row in csv.DictReader(io.StringIO(text))
        ),
        most=most,
    )


def nab_names(beginning: str) -> list[str]:
    """Return the names of the NAB series that begin so."""
    return sorted(path.stem for path in (data_folder() / "nab").glob(f"{beginning}*.csv"))


@lru_cache(maxsize=1)
def _bitbrains(month: str) -> dict[str, list[list[str]]]:
    found = {}
    with tarfile.open(data_folder() / "bitbrains-sample.tar.xz") as archive:
        for member in archive:
            if member.name.startswith(f"./{month}/") and member.name.endswith(".csv"):
                content = archive.extractfile(member)
                assert content is not None
                lines = content.read().decode("ascii").splitlines()[1:]
                found[Path(member.name).stem] = [line.split(";\t") for line in lines]
    return found


def bitbrains(month: str, column: int, *, most: int | None = None) -> Iterator[tuple[str, list[Sample]]]:
    """Yield (machine, series) of one column of the Bitbrains sample, unprovisioned rows left out."""
    for machine, rows in sorted(_bitbrains(month).items()):
        live = [(int(row[0]) * 1000, Decimal(row[column])) for row in rows if Decimal(row[1]) > 0]
        if live:
            yield machine, samples(live, most=most)


def machines() -> list[Machine]:
    """Return the machine months of the Bitbrains sample; five minutes without a row are as those before."""
    found = []
    for month in ("2013-7", "2013-8", "2013-9"):
        for _, rows in sorted(_bitbrains(month).items()):
            live = {int(row[0]) // 300: row for row in reversed(rows) if Decimal(row[1]) > 0}
            series: Machine = []
            for place in range(min(live, default=0), max(live, default=-1) + 1):
                row = live.get(place)
                now = (
                    {name: int(Decimal(row[at]) * 1_000) for name, at in BITBRAINS.items()}
                    if row
                    else series[-1]
                )
                series.append(now)
            if len(series) > 28 * 288:
                found.append(series)
    return found
