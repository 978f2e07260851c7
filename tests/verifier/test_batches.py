"""Chunks opened in batches say what each says alone, whatever is odd about some of them."""

from __future__ import annotations

import random
import zlib
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from drafts import CLOCKS, CPU, DISK, NIC
from fleet import Enrolled, Fleet, instant

from evidence import columns, manifest
from evidence.calendar import LocalCalendar
from evidence.chunk import Frame, parse_header, read_frame, write_frame
from evidence.columns import MISSING
from evidence.manifest import Column, Device, Manifest
from verifier import chunk_entry, layout
from verifier.batched import BatchedChunk
from verifier.batches import Batches
from verifier.contradictions.watch import Contradictions
from verifier.finding import Finding
from verifier.hearing import Said, hear
from verifier.links import Links
from verifier.packed_chunks import PackedChunks
from verifier.recompute import Opened

SHANGHAI, LONDON = LocalCalendar("Asia/Shanghai"), LocalCalendar("Europe/London")
UNITS = (
    Device("unit", "all", "all", True, "all units"),
    Device("unit", "web.service", "web", True, "busiest"),
)
Rows = list[list[int]]
Change = Callable[[Rows, random.Random], None]


def built(*, view: str = "host", reason: str = "", speed_bps: int | None = 10**9) -> Manifest:
    card = replace(NIC, speed_bps=speed_bps)
    shape = [*CLOCKS, *CPU, Column("net.rx", "eth0"), Column("net.tx", "eth0"), Column("disk.reads", "vda")]
    shape += [Column("disk.writes", "vda"), Column("unit.cpu", "all"), Column("unit.cpu", "web.service")]
    return manifest.build(
        kind=manifest.COUNTERS,
        interval_ms=60_000,
        columns=(*shape, Column("sessions.count"), Column("disk.read_sectors", "vda")),
        host={"cpus": 2, "ticks_per_s": 100, "system": "linux", "view": view, "view_reason": reason},
        devices=(card, DISK, *UNITS),
    )


def of_one_card() -> Manifest:
    """What an agent reads where nothing but the received bytes can be read."""
    whole = built()
    return manifest.build(
        kind=manifest.COUNTERS,
        interval_ms=60_000,
        columns=(*CLOCKS, Column("net.rx", "eth0")),
        host=whole.host,
        devices=(NIC,),
    )


def month(made: Manifest, change: Change, *, start: str = "2026-11-03T20:00", hours: int = 10) -> Enrolled:
    """Hourly chunks with a reading a minute, some milliseconds late, across a midnight."""
    host, chance = Fleet().enrol("web-1"), random.Random(7)
    row = [instant(start), 86_400_000, 86_400_000, *[0] * 10, 10**12, 0, 0, 0, 0, 0, 3, 0]
    all_columns = built().columns
    kept = [all_columns.index(column) for column in made.columns]
    for _ in range(hours):
        rows = [row]
        for _ in range(60):
            late, busy = chance.randrange(20), chance.randrange(1_000, 9_000)
            begin = rows[-1]
            row = list(begin)
            step = 60_000 - begin[0] % 60_000 + late
            for clock in range(3):
                row[clock] += step
            row[3] += busy
            row[6] += 12 * step // 60 - busy
            row[13:15] = [begin[13] + chance.randrange(10**6), begin[14] + chance.randrange(10**5)]
            row[15:17] = [begin[15] + chance.randrange(900), begin[16] + chance.randrange(900)]
            row[20] = begin[20] + 8 * (row[15] - begin[15])
            row[17:19] = [begin[17] + busy * 10_000, begin[18] + busy * 9_000]
            rows.append(row)
        sent = [list(values) for values in rows]
        change(sent, chance)
        host.seal(
            made,
            [[values[at] for values in sent] for at in kept],
            start_ms=sent[0][0],
            end_ms=sent[-1][0],
            boot="b",
            first="repeat",
        )
    return host


def read(host: Enrolled, calendar: LocalCalendar, *, batched: bool) -> tuple[list[Said], list[Finding], int]:
    names: dict[str, list[bytes]] = {}
    for stored, day in zip(host.stored, days(host), strict=True):
        names.setdefault(layout.chunks_name("0001", "agent", 0, day), []).append(stored.frame)
    entries = {name: chunk_entry.pack(frames) for name, frames in names.items()}
    findings: list[Finding] = []
    packed = PackedChunks(
        entries.__getitem__, {0: host.record()}, host.enterprise, findings=findings, every_signature=False
    )
    count = [0]

    def counted(chunks: Iterator[Opened]) -> Iterator[Opened]:
        for pair in chunks:
            count[0] += isinstance(pair[1], BatchedChunk)
            yield pair

    links = Links({host.record().hash: host.record()}, from_first=False)
    open_all = Batches(packed).open_all if batched else packed.open_each
    contradictions = Contradictions("web-1")
    followed = links.followed(counted(packed.opened("web-1", sorted(entries), open_all)))
    said = list(hear("web-1", contradictions.watching(followed), calendar, (1, 10**6)))
    return said, sorted([*findings, *links.findings, *contradictions.findings()]), count[0]


def days(host: Enrolled) -> list[int]:
    spans = [stored.received_ms - 1_000 - 3_600_000 for stored in host.stored]
    return [719_163 + span // 86_400_000 for span in spans]


def nothing(_rows: Rows, _chance: random.Random) -> None:
    """Leave the readings as they are."""


def missing(rows: Rows, chance: random.Random) -> None:
    rows[chance.randrange(61)][chance.choice((3, 13, 15, 18))] = MISSING


def gauge_missing(rows: Rows, chance: random.Random) -> None:
    rows[chance.randrange(61)][19] = MISSING


def falling(rows: Rows, chance: random.Random) -> None:
    at, column = chance.randrange(1, 61), chance.choice((3, 6, 13, 14, 16, 17))
    for row in rows[at:]:
        row[column] -= rows[at][column] // chance.choice((2, 3_000)) + 1


def wide(rows: Rows, chance: random.Random) -> None:
    for row in rows[chance.randrange(1, 60) :]:
        row[chance.choice((13, 15))] += 2**62


def fast(rows: Rows, chance: random.Random) -> None:
    for row in rows[chance.randrange(1, 60) :]:
        row[chance.choice((13, 14))] += 9 * 10**9


def stepped(rows: Rows, chance: random.Random) -> None:
    for row in rows[chance.randrange(1, 60) :]:
        row[0] += 3_000


def suspended(rows: Rows, chance: random.Random) -> None:
    at = chance.randrange(1, 60)
    for row in rows[at:]:
        row[0] += 400_000
        row[1] += 400_000


def more_ticks(rows: Rows, chance: random.Random) -> None:
    for row in rows[chance.randrange(1, 60) :]:
        row[3] += 60_000


def fewer_ticks(rows: Rows, chance: random.Random) -> None:
    for row in rows[chance.randrange(1, 60) :]:
        row[6] -= 9_000


def units_more(rows: Rows, chance: random.Random) -> None:
    for row in rows[chance.randrange(1, 60) :]:
        row[18] += 10**10


def units_less(rows: Rows, _chance: random.Random) -> None:
    for row in rows:
        row[17] = row[18] = 5


def units_beyond_busy(rows: Rows, _chance: random.Random) -> None:
    for number, row in enumerate(rows):
        row[18] = number * 110 * 10**6


def sectors_few(rows: Rows, chance: random.Random) -> None:
    for row in rows[chance.randrange(1, 60) :]:
        row[15] += 10**6


def sectors_many(rows: Rows, chance: random.Random) -> None:
    for row in rows[chance.randrange(1, 60) :]:
        row[20] += 2**40


def gap(rows: Rows, chance: random.Random) -> None:
    at = chance.randrange(3, 30)
    del rows[at : at + 20]


ODD = (
    nothing, missing, gauge_missing, falling, wide, fast, stepped, suspended, more_ticks, fewer_ticks, units_more,
    units_less, units_beyond_busy, sectors_few, sectors_many, gap,
)  # fmt: skip


@pytest.mark.parametrize("change", ODD, ids=lambda change: change.__name__)
def test_a_batch_says_what_its_chunks_say_alone(change: Change) -> None:
    def sometimes(rows: Rows, chance: random.Random) -> None:
        if chance.random() < 0.6:
            change(rows, chance)

    for each in (change, sometimes):
        host = month(built(), each)
        alone, found_alone, none = read(host, SHANGHAI, batched=False)
        together, found, batched = read(host, SHANGHAI, batched=True)
        assert (together, found) == (alone, found_alone)
        assert (none, batched > 0) == (0, True)


@pytest.mark.parametrize(
    "made",
    [
        built(view="container", reason="divided by LXCFS"),
        built(speed_bps=None),
        built(speed_bps=2**50),
        built(view="unknown"),
        of_one_card(),
    ],
)  # fmt: skip
def test_a_batch_reads_every_manifest_as_a_chunk_does(made: Manifest) -> None:
    host = month(made, units_less)
    assert read(host, SHANGHAI, batched=True)[:2] == read(host, SHANGHAI, batched=False)[:2]


def test_days_on_which_the_zone_shifts_are_summed_one_by_one() -> None:
    host = month(built(), nothing, start="2026-10-25T02:00", hours=12)
    together, _, batched = read(host, LONDON, batched=True)
    assert together == read(host, LONDON, batched=False)[0]
    assert batched == 12
    assert sum(row.sums.observed_ms for row in together[0].rows if row.metric == "cpu") == pytest.approx(
        12 * 3_600_000, abs=100
    )


@pytest.mark.parametrize(
    ("where", "limit"),
    [
        ("verifier.batch_sums.REACH", 1),
        ("verifier.batch_bins.MOST_TICKS", 1),
        ("verifier.batch_bins.MOST_GROWN", 1),
        ("verifier.batch_bins.MOST_A_MS", 1),
        ("verifier.batch_bins.LONGEST_MS", 1),
        ("verifier.batch_bins.MOST_COMPARED", 1),
        ("verifier.batch.MOST_VALUES", 1),
    ],
)
def test_beyond_what_int64_holds_pythons_integers_give_the_same(
    where: str, limit: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    host = month(built(), nothing, hours=4)
    before = read(host, SHANGHAI, batched=True)[:2]
    monkeypatch.setattr(where, limit)
    assert read(host, SHANGHAI, batched=True)[:2] == before


def test_a_chunk_with_another_manifest_or_digest_is_refused_as_alone() -> None:
    host = month(built(), nothing, hours=5)
    whole = list(host.stored)
    for at, bend in (
        (2, lambda frame: replace(frame, packed=frame.packed[:-1])),
        (2, lambda frame: replace(frame, manifest=zlib.compress(b"{}"), manifest_bytes=2)),
        (0, lambda frame: replace(frame, manifest=zlib.compress(b"{}"), manifest_bytes=2)),
        (2, lambda frame: replace(frame, packed=columns.pack(bytes(frame_bytes(frame)), rows=61))),
    ):
        host.stored[:] = whole
        host.stored[at] = replace(whole[at], frame=write_frame(bend(read_frame(whole[at].frame))))
        alone = read(host, SHANGHAI, batched=False)
        together = read(host, SHANGHAI, batched=True)
        assert together[:2] == alone[:2]
        assert "CHUNK" in {finding.code for finding in together[1]}


def frame_bytes(frame: Frame) -> int:
    header = parse_header(frame.header)
    return header.rows * header.columns * 8
